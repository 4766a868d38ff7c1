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

# The files behind links such as those in /etc/alternatives. A package may know its
# files without the /usr.
mapfile -t files < <(awk '$2 == "=>" && $3 ~ /^\// && $3 !~ /^\/opt\// {print $3}' <<<"$libraries" |
  sort -u | xargs --no-run-if-empty realpath)
owners=$(dpkg-query --search "${files[@]}" "${files[@]#/usr}" 2>/dev/null || true)

held=$(awk '{print $NF}' <<<"$owners")
for file in "${files[@]}"; do
  if ! grep -qxF -e "$file" -e "${file#/usr}" <<<"$held"; then
    echo "runtime-packages: no package holds $file" >&2
    exit 1
  fi
done
cut -d: -f1 <<<"$owners" | sort -u
