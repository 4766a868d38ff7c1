#!/usr/bin/env bash
# How fast is a child made? Two and three seeds of 1 GiB in each number format,
# beside copying as many bytes. Needs 4 GiB of memory.
set -euo pipefail
bin=$1
shift
exec "$bin/merge_benchmark" "$@"
