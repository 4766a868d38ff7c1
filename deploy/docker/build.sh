#!/usr/bin/env bash
# Builds the images merganser-coordinator, merganser-worker and merganser-client.
#
#   deploy/docker/build.sh [TAG] [ARGUMENT OF docker build …]
#
# TAG is "latest" by default. Example:
#   deploy/docker/build.sh 0.1.0 --build-arg BASE=debian:trixie-slim
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

tag=latest
if [[ $# -gt 0 && $1 != -* ]]; then
  tag=$1
  shift
fi

version=$(sed -n 's/^project(merganser VERSION \([0-9.]*\).*/\1/p' CMakeLists.txt)
revision=$(git rev-parse --verify -q HEAD 2>/dev/null || echo unknown)
created=$(date -u +%Y-%m-%dT%H:%M:%SZ)

for target in coordinator client worker; do
  docker build --file deploy/docker/Dockerfile --target "$target" \
    --tag "merganser-$target:$tag" --build-arg VERSION="$version" \
    --build-arg REVISION="$revision" --build-arg CREATED="$created" "$@" .
  docker image inspect --format "merganser-$target:$tag, {{.Size}} bytes" "merganser-$target:$tag"
done
