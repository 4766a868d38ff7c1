#!/usr/bin/env bash
# Installs what the checks of deploy/ need into .cache, and prints two words: the Python
# to run them with, and the folder of prometheus and promtool. Further Python packages
# may be named.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

readonly TOOLS=$PWD/.cache/tools
readonly PROMETHEUS=$PWD/.cache/prometheus

for package in promql-parser pyyaml "$@"; do
  if [[ ! -x $TOOLS/bin/pip ]] || ! "$TOOLS/bin/pip" show --quiet "$package" 2>/dev/null; then
    echo "installing $package into .cache/tools" >&2
    [[ -x $TOOLS/bin/pip ]] || python3 -m venv "$TOOLS"
    "$TOOLS/bin/pip" install --quiet "$package" >&2
  fi
done

# The programs of Debian's package without the service that it would start.
if [[ ! -x $PROMETHEUS/usr/bin/promtool ]]; then
  echo "installing prometheus into .cache/prometheus" >&2
  mkdir -p "$PROMETHEUS"
  as_root=()
  [[ $(id -u) == 0 ]] || as_root=(sudo)
  (
    cd "$PROMETHEUS"
    # Without lists of packages there is nothing to download from.
    apt-get -qq download prometheus || { "${as_root[@]}" apt-get -qq update && apt-get -qq download prometheus; }
    dpkg-deb -x prometheus_*.deb .
    rm prometheus_*.deb
  ) >&2
fi

echo "$TOOLS/bin/python" "$PROMETHEUS/usr/bin"
