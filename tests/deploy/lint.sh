#!/usr/bin/env bash
# Rules, alerts and dashboards, as far as they can be checked without a system.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

read -r python programs < <(tests/deploy/environment.sh)
promtool=$programs/promtool
quietly() {
  local said
  said=$("$@" 2>&1) || { echo "$said" >&2; return 1; }
}
quietly "$promtool" check config --lint=all --lint-fatal deploy/prometheus/prometheus.yml
quietly "$promtool" check rules --lint=all --lint-fatal deploy/prometheus/rules/*.yml
quietly "$promtool" test rules deploy/prometheus/tests/*.yml
"$python" tests/deploy/check_static.py
