#!/usr/bin/env bash
# How much work does early rejection save, and which chunk size saves most?
set -euo pipefail
exec python3 "$(dirname "${BASH_SOURCE[0]}")/rejection.py" "$@"
