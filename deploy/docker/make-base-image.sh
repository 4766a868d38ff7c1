#!/usr/bin/env bash
# Makes a small Debian image out of packages and gives it the name under which a
# registry has it, so that `FROM debian:bookworm-slim` works where none is reached.
# It takes the certificate authorities and the apt settings of this machine along.
#
#   deploy/docker/make-base-image.sh [SUITE [IMAGE]]
#
# SUITE is bookworm (default) or trixie, IMAGE debian:SUITE-slim. Needs root, a
# running Docker and the package mmdebstrap. MIRROR=URL takes another mirror than
# mmdebstrap's own choice.
set -euo pipefail

readonly suite=${1:-bookworm}
readonly image=${2:-debian:$suite-slim}

fail() {
  echo "make-base-image: $*" >&2
  exit 1
}

[[ $EUID == 0 ]] || fail "needs root, for chroot"
command -v mmdebstrap >/dev/null || fail "needs mmdebstrap: apt-get install mmdebstrap"
docker info >/dev/null 2>&1 || fail "no Docker answers; is its service running?"

settings=$(mktemp -d)
trap 'rm -rf "$settings"' EXIT

# How this machine reaches its mirror.
{
  apt-config dump | grep -E '^Acquire::(http|https|Retries|Check-)' || true
  echo 'Acquire::Languages "none";'
  echo 'APT::Install-Recommends "false";'
} >"$settings/apt.conf"

# A layer is thrown away if its command fails: no need to sync each file.
cat >"$settings/dpkg.cfg" <<'DPKG'
force-unsafe-io
path-exclude=/usr/share/doc/*
path-include=/usr/share/doc/*/copyright
path-exclude=/usr/share/info/*
path-exclude=/usr/share/locale/*
path-exclude=/usr/share/man/*
DPKG

# What is done to the finished tree, whose folder is the first argument.
cat >"$settings/finish" <<'FINISH'
#!/bin/sh
set -e
# Neither packages nor apt's caches stay in a layer.
cat >"$1/etc/apt/apt.conf.d/99no-caches" <<'APT'
APT::Keep-Downloaded-Packages "false";
Dir::Cache::pkgcache "";
Dir::Cache::srcpkgcache "";
APT
find "$1/var/cache/apt" -type f -delete
# Packages do not start services in a container.
printf '#!/bin/sh\nexit 101\n' >"$1/usr/sbin/policy-rc.d"
chmod 755 "$1/usr/sbin/policy-rc.d"
find /usr/local/share/ca-certificates -name '*.crt' \
  -exec cp {} "$1/usr/local/share/ca-certificates" ';'
chroot "$1" update-ca-certificates >/dev/null 2>&1
rm -f "$1/etc/hostname" "$1/etc/resolv.conf"
FINISH
chmod 755 "$settings/finish"

echo "make-base-image: $image from Debian's packages"
mmdebstrap --quiet --mode=root --variant=apt --include=ca-certificates \
  --aptopt="$settings/apt.conf" --dpkgopt="$settings/dpkg.cfg" \
  --customize-hook="$settings/finish" \
  "$suite" "$settings/image.tar" ${MIRROR:+"$MIRROR"}
docker import --change 'CMD ["bash"]' "$settings/image.tar" "$image" >/dev/null
docker image inspect --format 'make-base-image: {{index .RepoTags 0}}, {{.Size}} bytes' "$image"
