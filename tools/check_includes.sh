#!/usr/bin/env bash
# Who may include whom; docs/architecture.md says why.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

failures=0

# forbid REASON PATTERN PATH...: no include that matches PATTERN below PATHs.
forbid() {
  local reason=$1 pattern=$2
  shift 2
  local hits
  hits=$(git ls-files --cached --others --exclude-standard -- "$@" | grep -E '\.(h|cc)$' |
    xargs -r grep -nE "^#include [<\"]($pattern)" || true)
  if [[ -n $hits ]]; then
    printf '%s\n  rule: %s\n' "$hits" "$reason" >&2
    failures=1
  fi
}

forbid "common/ knows neither coordinator, worker nor client" '(coordinator|worker|client)/' common
forbid "the coordinator includes neither worker nor client" '(worker|client)/' coordinator
forbid "the worker includes neither coordinator nor client" '(coordinator|client)/' worker
forbid "the client includes neither coordinator nor worker" '(coordinator|worker)/' client
forbid "hiredis only in coordinator/store" 'hiredis' . ':!coordinator/store'
forbid "libtorch only below worker/" '(torch/|ATen/|c10/)' . ':!worker'
forbid "prometheus-cpp only in common/telemetry" 'prometheus/' . ':!common/telemetry'
forbid "libmicrohttpd only in common/telemetry" 'microhttpd' . ':!common/telemetry'
forbid "the pure parts know no proto, RPC or Redis" '(merganser/v1/|merganser/storage/|grpc|google/protobuf|hiredis)' \
  common/base common/checkpoint common/evolution common/genome common/language_task common/schedule \
  common/storage \
  coordinator/scheduler
forbid "evolution knows neither weights nor files" 'common/(genome|storage|schedule)/' common/evolution
forbid "genome does not know how candidates compete" 'common/(evolution|schedule)/' common/genome
forbid "gRPC stays in services, sessions and clients" 'grpc' \
  coordinator/campaign coordinator/dispatch coordinator/store coordinator/scheduler common/campaign_spec

forbid "the Rust library's header only in common/huggingface and common/storage" 'merganser/huggingface_native' \
  . ':!common/huggingface' ':!common/storage'

exit $failures
