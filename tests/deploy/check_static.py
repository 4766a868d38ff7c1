#!/usr/bin/env python3
"""What can be said of dashboards, rules and alerts without a running system."""

import re
import subprocess
import sys

import yaml

import queries

RULE_TESTS = queries.ROOT / "deploy/prometheus/tests"
OPERATIONS = queries.ROOT / "docs/operations.md"
GENERATOR = queries.ROOT / "deploy/grafana/source/make_dashboards.py"
COLUMNS = 24


def check_names(where, expr, known):
    try:
        names = queries.metrics_in(expr)
    except ValueError as error:
        yield f"{where}: {error}: {expr}"
        return
    for name in sorted(names - known):
        yield f"{where}: {name} is not in docs/metrics.md"


def check_grid(name, dashboard):
    taken = {}
    for panel in dashboard["panels"]:
        place = panel["gridPos"]
        if place["x"] + place["w"] > COLUMNS:
            yield f"{name} / {panel['title']}: reaches beyond the grid"
        for x in range(place["x"], place["x"] + place["w"]):
            for y in range(place["y"], place["y"] + place["h"]):
                other = taken.setdefault((x, y), panel["title"])
                if other != panel["title"]:
                    yield f"{name} / {panel['title']}: lies on {other}"
                    return


def check_dashboard(name, dashboard, known):
    yield from check_grid(name, dashboard)
    titles = [panel["title"] for panel in dashboard["panels"]]
    yield from (f"{name}: two panels are called {t}" for t in set(titles) if titles.count(t) > 1)
    for panel in queries.panels_of(dashboard):
        where = f"{name} / {panel['title']}"
        if not panel["description"].endswith("."):
            yield f"{where}: the description is no sentence"
        unit = panel["fieldConfig"]["defaults"].get("unit")
        if not unit and panel["type"] != "heatmap":
            yield f"{where}: no unit"
    for target in queries.targets_of(name, dashboard):
        try:
            expr = queries.fill(target.expr, queries.ANY_VALUES)
        except ValueError as error:
            yield f"{target}: {error}"
            continue
        yield from check_names(str(target), expr, known)


def check_rules(known):
    """Rules name known metrics; an alert says what it is, what to do, and is tested."""
    anchors = {"#" + re.sub(r"[^\w -]", "", line.lstrip("# ").lower()).strip().replace(" ", "-")
               for line in OPERATIONS.read_text().splitlines() if line.startswith("#")}
    tested = alerts_tested()
    for file, _, rule in queries.load_rules():
        name = rule.get("alert") or rule["record"]
        yield from check_names(f"{file}: {name}", rule["expr"], known)
        if "alert" not in rule:
            continue
        annotations = rule.get("annotations", {})
        for wanted in ("summary", "description", "runbook_url"):
            if not annotations.get(wanted):
                yield f"{file}: {name}: no {wanted}"
        page, _, anchor = annotations.get("runbook_url", "").partition("#")
        if page != "docs/operations.md" or f"#{anchor}" not in anchors:
            yield f"{file}: {name}: there is no section {annotations.get('runbook_url')}"
        for fires in (True, False):
            if fires not in tested.get(name, set()):
                yield f"{file}: {name}: no test in which it {'fires' if fires else 'does not fire'}"


def alerts_tested():
    """Per alert whether tests have it fire (True), stay silent (False), or both."""
    tested = {}
    for path in RULE_TESTS.glob("*.yml"):
        for test in yaml.safe_load(path.read_text())["tests"]:
            for case in test.get("alert_rule_test", []):
                tested.setdefault(case["alertname"], set()).add(bool(case.get("exp_alerts")))
    return tested


def complaints():
    known = queries.known_metrics()
    for name, dashboard in queries.load_dashboards().items():
        yield from check_dashboard(name, dashboard, known)
    yield from check_rules(known)
    made = subprocess.run([sys.executable, GENERATOR, "--check"], capture_output=True, text=True,
                          check=False)
    if made.returncode != 0:
        yield made.stderr.strip()


def main():
    found = list(complaints())
    for line in found:
        print(line, file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
