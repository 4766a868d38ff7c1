"""Prometheus' HTTP API, as far as the checks need it."""

import json
import math
import urllib.error
import urllib.parse
import urllib.request


class QueryError(Exception):
    """Prometheus refuses a query, or cannot be reached."""


class Prometheus:
    def __init__(self, url):
        self.url = url.rstrip("/")

    def _get(self, path, **parameters):
        query = urllib.parse.urlencode(parameters)
        try:
            with urllib.request.urlopen(f"{self.url}/api/v1/{path}?{query}", timeout=30) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            raise QueryError(json.load(error).get("error", str(error))) from error
        except OSError as error:
            raise QueryError(f"{self.url}: {error}") from error

    def metric_names(self):
        return set(self._get("label/__name__/values"))

    def targets(self):
        """The active scrape targets: labels, health, lastError, …"""
        return self._get("targets", state="active")["activeTargets"]

    def rule_groups(self):
        return self._get("rules")["groups"]

    def at(self, expr, time):
        """[(labels, value)] at a time, seconds since 1970."""
        result = self._get("query", query=expr, time=time)
        if result["resultType"] == "scalar":
            return [({}, float(result["result"][1]))]
        return [(series["metric"], float(series["value"][1])) for series in result["result"]]

    def over(self, expr, since, until, step):
        """[(labels, [(time, value)])], values that are no number left out."""
        result = self._get("query_range", query=expr, start=since, end=until, step=step)["result"]
        series = []
        for one in result:
            points = [(time, float(value)) for time, value in one["values"]]
            series.append((one["metric"], [p for p in points if math.isfinite(p[1])]))
        return [one for one in series if one[1]]
