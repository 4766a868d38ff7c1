#!/usr/bin/env bash
# How good are merged language models? Two specialists (and three) by the
# recommended search and the paper's, beside the seeds, their average, and the
# best single SLERP.
set -euo pipefail
exec python3 "$(dirname "${BASH_SOURCE[0]}")/llm_quality.py" "$@"
