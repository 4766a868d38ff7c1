#!/usr/bin/env bash
# Exits with 0 if the program of this container answers /healthz, or another page that
# is named, with 200.
#
#   healthcheck [PAGE]
set -euo pipefail

exec 3<>/dev/tcp/127.0.0.1/9464
printf 'GET /%s HTTP/1.0\r\n\r\n' "${1:-healthz}" >&3
read -r -t 3 _ code _ <&3
[[ $code == 200 ]]
