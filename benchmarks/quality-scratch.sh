#!/usr/bin/env bash
# How good are the winners that come out of noise? Five random seeds of the digits
# campaign from scratch, M2N2, no crossover and GA, beside the paper and its
# authors' script.
set -euo pipefail
exec python3 "$(dirname "${BASH_SOURCE[0]}")/quality.py" "$1" --scratch "${@:2}"
