"""What the dashboards and rules ask Prometheus for, and which metrics there are."""

import dataclasses
import json
import pathlib
import re

import promql_parser
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
DASHBOARDS = ROOT / "deploy/grafana/dashboards"
RULES = ROOT / "deploy/prometheus/rules"
CATALOGUE = ROOT / "docs/metrics.md"

# Of Prometheus itself, and of the cluster that a deployment runs in.
FOREIGN_METRICS = {
    "up",
    "ALERTS",
    "kubelet_volume_stats_available_bytes",
    "kubelet_volume_stats_capacity_bytes",
}


@dataclasses.dataclass(frozen=True)
class Target:
    """One expression of a panel, with Grafana's variables still in it."""

    dashboard: str
    panel: str
    panel_id: int
    expr: str
    legend: str

    def __str__(self):
        return f"{self.dashboard} / {self.panel}"


def load_dashboards():
    """The dashboards by their file's name without .json."""
    return {path.stem: json.loads(path.read_text()) for path in sorted(DASHBOARDS.glob("*.json"))}


def panels_of(dashboard):
    """All panels that show something: rows are headings."""
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


def targets_of(name, dashboard):
    return [
        Target(name, panel["title"], panel["id"], target["expr"], target["legendFormat"])
        for panel in panels_of(dashboard)
        for target in panel["targets"]
    ]


def fill(expr, values):
    """The expression with `$name` and `${name}` replaced. Unknown ones are an error."""

    def replace(match):
        name = match.group(1) or match.group(2)
        if name not in values:
            raise ValueError(f"no value for the variable ${name} in {expr}")
        return values[name]

    return re.sub(r"\$(?:\{(\w+)\}|(\w+))", replace, expr)


# So that an expression with variables parses.
ANY_VALUES = {"campaign": "c", "instance": "i", "__rate_interval": "1m", "__range": "1h",
              "__interval": "1m"}


def metrics_in(expr):
    """The metrics that an expression names. Raises ValueError if it does not parse."""
    names = set()

    def visit(node):
        if isinstance(node, promql_parser.VectorSelector):
            names.add(node.name)
        return True

    promql_parser.walk(promql_parser.parse(expr), visit)
    return names


def load_rules():
    """(file name, group name, rule) of each rule."""
    return [
        (path.name, group["name"], rule)
        for path in sorted(RULES.glob("*.yml"))
        for group in yaml.safe_load(path.read_text())["groups"]
        for rule in group["rules"]
    ]


def catalogue():
    """The metrics of docs/metrics.md; of a histogram, its three series too."""
    names = set()
    for line in CATALOGUE.read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        found = re.findall(r"`(\w+)`", cells[0]) if line.startswith("|") else []
        for name in found:
            if not re.match(r"(merganser|process)_", name):
                continue
            names.add(name)
            if cells[1] == "histogram":
                names |= {name + end for end in ("_bucket", "_sum", "_count")}
    return names


def known_metrics():
    """All names that an expression may use."""
    recorded = {rule["record"] for _, _, rule in load_rules() if "record" in rule}
    return catalogue() | recorded | FOREIGN_METRICS
