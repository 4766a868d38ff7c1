#!/usr/bin/env bash
# How fast does a worker go from one candidate of a language model to the next? Beside
# copying as many bytes.
set -euo pipefail
exec "$1/switch_benchmark" "${@:2}"
