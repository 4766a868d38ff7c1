#!/usr/bin/env bash
# How fast is text written and judged on the CPU? Beside Hugging Face transformers, on
# a random checkpoint of 135M parameters that it makes in a temporary folder, and on
# the small one of the examples.
set -euo pipefail
here=$(dirname "${BASH_SOURCE[0]}")
python=$("$here/../tests/peers/environment.sh")
exec "$python" "$here/generate.py" "$@"
