#!/usr/bin/env bash
# How good are the winners? Ten random seeds of the pre-trained digits campaign,
# M2N2 and its ablations, beside the paper and its authors' script.
set -euo pipefail
exec python3 "$(dirname "${BASH_SOURCE[0]}")/quality.py" "$@"
