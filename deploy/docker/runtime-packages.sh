#!/usr/bin/env bash
# Prints the Debian packages that hold the libraries which the programs load.
#
#   runtime-packages.sh PROGRAM…
#
# Libraries below /opt are not of a package and are left out; any other one that no
# package holds is an error, and so is one that is missing.
set -euo pipefail

libraries=$(ldd "$@")
if grep -F 'not found' <<<"$libraries" >&2; then exit 1; fi

awk '$2 == "=>" && $3 ~ /^\// && $3 !~ /^\/opt\// {print $3}' <<<"$libraries" | sort -u |
  while read -r library; do
    # The file behind links such as those in /etc/alternatives, by the path of its
    # package, which may be the one without /usr.
    file=$(realpath "$library")
    package=$(dpkg-query --search "$file" 2>/dev/null || dpkg-query --search "${file#/usr}")
    echo "${package%%:*}"
  done | sort -u
