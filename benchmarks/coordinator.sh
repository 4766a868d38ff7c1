#!/usr/bin/env bash
# How many results per second does the coordinator take, and how fast does it
# start again? Simulated workers against a real coordinator and a real Redis.
set -euo pipefail
exec python3 "$(dirname "${BASH_SOURCE[0]}")/coordinator.py" "$@"
