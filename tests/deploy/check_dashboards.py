#!/usr/bin/env python3
"""Runs every query of the dashboards against a live Prometheus.

Fails if one has no data, names a metric that docs/metrics.md or the scrape does not
have, or if a value that a dashboard shows is not that of the campaign's summary.json.
"""

import argparse
import json
import sys

import queries
from prometheus import Prometheus, QueryError

# What a dashboard shows, by panel and number of its query, and what summary.json says.
SAME_AS_SUMMARY = [
    ("campaign", "Evaluations", 0, lambda summary: summary["evaluations"]),
    ("campaign", "Best score", 0, lambda summary: summary["best"]["search_accuracy"]),
    ("campaign", "Best score", 1, lambda summary: summary["best"]["holdout_accuracy"]),
    ("campaign", "Coverage", 0, lambda summary: summary["coverage"]),
    ("campaign", "Entropy", 0, lambda summary: summary["entropy"]),
    ("campaign", "Work saved", 0, lambda summary: 1 - summary["datapoint_evaluations"]
     / summary["datapoint_evaluations_possible"]),
    ("fleet", "Datapoints evaluated", 0, lambda summary: summary["datapoint_evaluations"]),
    ("service", "Children applied", 0, lambda summary: summary["evaluations"]),
]


def values_for(campaign, since, until, rate_interval):
    """What stands for Grafana's variables, all instances being chosen."""
    return {
        "campaign": campaign,
        "instance": ".*",
        "__rate_interval": rate_interval,
        "__interval": "1s",
        "__range": f"{max(1, round(until - since))}s",
    }


def missing(prometheus, values, since, until):
    """Yields the queries without data and the metrics that there are not, one line each."""
    known = queries.known_metrics()
    scraped = prometheus.metric_names()
    # Prometheus' own, which are there once an alert is pending.
    scraped.add("ALERTS")
    for name, dashboard in queries.load_dashboards().items():
        for target in queries.targets_of(name, dashboard):
            expr = queries.fill(target.expr, values)
            for metric in sorted(queries.metrics_in(expr)):
                if metric not in known:
                    yield f"{target}: {metric} is not in docs/metrics.md"
                if metric not in scraped:
                    yield f"{target}: {metric} was not scraped"
            try:
                if not prometheus.over(expr, since, until, 1):
                    yield f"{target}: no data: {expr}"
            except QueryError as error:
                yield f"{target}: {error}: {expr}"


def differences(prometheus, values, time, summary):
    """Yields what the dashboards show otherwise than summary.json, at a time at which its
    campaign had completed and none other had begun.
    """
    dashboards = queries.load_dashboards()
    for name, panel, number, expected_of in SAME_AS_SUMMARY:
        targets = [t for t in queries.targets_of(name, dashboards[name]) if t.panel == panel]
        if len(targets) <= number:
            yield f"{name}: there is no query {number} of a panel {panel!r}"
            continue
        shown = prometheus.at(queries.fill(targets[number].expr, values), time)
        expected = expected_of(summary)
        if len(shown) != 1 or abs(shown[0][1] - expected) > 1e-9 * max(1, abs(expected)):
            yield f"{targets[number]}: shows {shown}; summary.json has {expected}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("url", help="of Prometheus, as in http://127.0.0.1:9090")
    parser.add_argument("--campaign", required=True, help="its name")
    parser.add_argument("--summary", required=True, help="its summary.json")
    parser.add_argument("--since", type=float, required=True, help="its start, seconds since 1970")
    parser.add_argument("--until", type=float, required=True,
                        help="a time behind its end at which all was scraped")
    parser.add_argument("--rate-interval", default="5s",
                        help="for $__rate_interval: 4 scrapes or more (5s)")
    args = parser.parse_args()
    with open(args.summary, encoding="utf-8") as file:
        summary = json.load(file)
    values = values_for(args.campaign, args.since, args.until, args.rate_interval)
    prometheus = Prometheus(args.url)
    found = [*missing(prometheus, values, args.since, args.until),
             *differences(prometheus, values, args.until, summary)]
    for line in found:
        print(line, file=sys.stderr)
    dashboards = queries.load_dashboards()
    asked = sum(len(queries.targets_of(name, one)) for name, one in dashboards.items())
    print(f"{len(dashboards)} dashboards, {asked} queries, {len(SAME_AS_SUMMARY)} values compared "
          f"with {args.summary}: {len(found) or 'no'} complaints")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
