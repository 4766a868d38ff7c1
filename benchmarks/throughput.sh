#!/usr/bin/env bash
# Evaluations per second through the whole service, beside the same worker code
# with no service around it, and the CPU time of each component.
set -euo pipefail
exec python3 "$(dirname "${BASH_SOURCE[0]}")/throughput.py" "$@"
