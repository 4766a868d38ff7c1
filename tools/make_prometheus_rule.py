#!/usr/bin/env python3
"""Makes the PrometheusRule of deploy/kubernetes out of deploy/prometheus/rules.

With --check it writes nothing and exits with 1 where the file is not in step.
"""

import argparse
import pathlib
import sys

import yaml

ROOT = pathlib.Path(__file__).resolve().parent.parent
RULES = ROOT / "deploy/prometheus/rules"
OUTPUT = ROOT / "deploy/kubernetes/components/monitoring/rules.yaml"
HEADER = "# Made of deploy/prometheus/rules by tools/make_prometheus_rule.py.\n"


class Dumper(yaml.SafeDumper):
    """Texts of several lines stand as such."""

    def represent_str(self, text):
        style = "|" if "\n" in text else None
        return self.represent_scalar("tag:yaml.org,2002:str", text, style=style)


Dumper.add_representer(str, Dumper.represent_str)


def prometheus_rule() -> dict:
    files = sorted(RULES.glob("*.yml"))
    if not files:
        raise SystemExit(f"make_prometheus_rule: expected *.yml in {RULES}")
    groups = [group for file in files for group in yaml.safe_load(file.read_text())["groups"]]
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": "merganser", "labels": {"app.kubernetes.io/name": "merganser"}},
        "spec": {"groups": groups},
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    check = parser.parse_args().check
    text = HEADER + yaml.dump(prometheus_rule(), Dumper=Dumper, sort_keys=False, width=100,
                              allow_unicode=True)
    if not check:
        OUTPUT.write_text(text)
        return 0
    if not OUTPUT.exists() or OUTPUT.read_text() != text:
        print(f"{OUTPUT.relative_to(ROOT)} is not in step: run tools/make_prometheus_rule.py",
              file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
