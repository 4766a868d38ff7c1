#!/usr/bin/env bash
# Installs the package and what its tests need into .cache/python, and prints the Python
# to run them with.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

folder=$PWD/.cache/python
readonly folder
[[ -x $folder/bin/pip ]] || python3 -m venv "$folder"
# A build folder that is left over would bring old files into the package.
rm -rf client/python/build
"$folder/bin/pip" install --quiet './client/python[test]' >&2
echo "$folder/bin/python"
