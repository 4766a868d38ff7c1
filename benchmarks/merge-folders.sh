#!/usr/bin/env bash
# How fast are two folders merged, from files to a file? Beside mergekit, on random
# checkpoints that it makes in a temporary folder: of 135M parameters, and with
# --shape 0.66B (4 GiB of disk) of more.
set -euo pipefail
here=$(dirname "${BASH_SOURCE[0]}")
python=$("$here/../tests/peers/environment.sh")
exec "$python" "$here/merge-folders.py" "$@"
