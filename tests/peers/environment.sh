#!/usr/bin/env bash
# Prints the Python that has the peers: a virtual environment below .cache, made when
# it is missing or requirements.txt has changed. It may be deleted at any time.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

folder=$PWD/.cache/peers
readonly folder
readonly requirements=tests/peers/requirements.txt

if ! cmp -s "$requirements" "$folder/requirements.txt"; then
  echo "installing the peers into .cache/peers (about 5 GB)" >&2
  rm -rf "$folder"
  python3 -m venv "$folder"
  "$folder/bin/pip" install --quiet --no-deps --requirement "$requirements" >&2
  cp "$requirements" "$folder/requirements.txt"
fi
echo "$folder/bin/python"
