"""Panels and dashboards as the JSON that Grafana itself writes.

A dashboard module has a table of rows of panels; this file says how they look,
so that all of them look alike.
"""

DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
COLUMNS = 24  # of Grafana's grid

# Colours that mean something keep their meaning on every panel.
GOOD, WARN, BAD, PLAIN = "green", "orange", "red", "text"


def query(expr, legend="", instant=False, buckets=False):
    """One target. `legend` is Grafana's legendFormat: {{label}} is a label's value."""
    return {
        "expr": " ".join(expr.split()),
        "legendFormat": legend or "__auto",
        "instant": instant,
        "range": not instant,
        **({"format": "heatmap"} if buckets else {}),
    }


def steps(first, *above):
    """Thresholds: the colour from the bottom on, then (value, colour) pairs."""
    return {
        "mode": "absolute",
        "steps": [{"color": first, "value": None}]
        + [{"color": color, "value": value} for value, color in above],
    }


def _panel(kind, title, description, width, height, defaults, options, targets):
    targets = [
        {"refId": chr(ord("A") + i), "datasource": DATASOURCE, "editorMode": "code", **target}
        for i, target in enumerate(targets)
    ]
    return {
        "type": kind,
        "title": title,
        "description": description,
        "datasource": DATASOURCE,
        "gridPos": {"h": height, "w": width, "x": 0, "y": 0},
        "fieldConfig": {"defaults": defaults, "overrides": []},
        "options": options,
        "targets": targets,
    }


def _defaults(unit, thresholds, mode, **more):
    return {
        "unit": unit,
        "color": {"mode": mode},
        "mappings": [],
        "thresholds": thresholds or steps(PLAIN),
        **{key: value for key, value in more.items() if value is not None},
    }


def stat(title, description, unit, *targets, width=3, height=4, thresholds=None,
         decimals=None, graph=True, text="value", empty=None):
    """One number, with its recent past behind it unless `graph` is false.

    `empty` is shown where there is no value.
    """
    mode = "thresholds" if thresholds else "fixed"
    defaults = _defaults(unit, thresholds, mode, decimals=decimals, noValue=empty)
    if not thresholds:
        defaults["color"]["fixedColor"] = "text"
    return _panel("stat", title, description, width, height, defaults, {
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        "orientation": "auto",
        "textMode": text,
        "colorMode": "value",
        "graphMode": "area" if graph else "none",
        "justifyMode": "auto",
    }, targets)


def gauge(title, description, unit, *targets, width=4, height=4, low=0, high=1, thresholds):
    """One number on a scale."""
    return _panel("gauge", title, description, width, height,
                  _defaults(unit, thresholds, "thresholds", min=low, max=high), {
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        "orientation": "auto",
        "showThresholdLabels": False,
        "showThresholdMarkers": True,
    }, targets)


def lines(title, description, unit, *targets, width=8, height=8, low=0, high=None,
          stack=False, percent=False, thresholds=None, fill=None, logarithmic=False,
          table=False, soft_high=None):
    """Curves over time; `stack` puts them on one another, `percent` up to 100 %."""
    if fill is None:
        fill = 60 if stack else 8
    custom = {
        "drawStyle": "line",
        "lineInterpolation": "linear",
        "lineWidth": 1,
        "fillOpacity": fill,
        "gradientMode": "none",
        "showPoints": "never",
        "spanNulls": False,
        "axisPlacement": "auto",
        "axisLabel": "",
        "scaleDistribution": {"type": "log", "log": 10} if logarithmic else {"type": "linear"},
        "stacking": {"group": "A", "mode": ("percent" if percent else "normal") if stack else "none"},
        "thresholdsStyle": {"mode": "line+area" if thresholds else "off"},
        **({"axisSoftMax": soft_high} if soft_high is not None else {}),
    }
    return _panel("timeseries", title, description, width, height,
                  _defaults(unit, thresholds, "palette-classic", custom=custom,
                            min=None if logarithmic else low, max=high), {
        "legend": {
            "displayMode": "table" if table else "list",
            "placement": "right" if table else "bottom",
            "showLegend": True,
            "calcs": ["mean", "max"] if table else [],
        },
        "tooltip": {"mode": "multi", "sort": "desc"},
    }, targets)


def bars(title, description, unit, *targets, width=8, height=8):
    """One bar per series, as of now."""
    defaults = _defaults(unit, None, "fixed", min=0)
    defaults["color"]["fixedColor"] = "blue"
    return _panel("bargauge", title, description, width, height, defaults, {
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        "orientation": "horizontal",
        "displayMode": "basic",
        "namePlacement": "top",
        "valueMode": "color",
        "showUnfilled": True,
        "minVizHeight": 16,
        "minVizWidth": 8,
    }, targets)


def heatmap(title, description, unit, expr, width=8, height=8):
    """A histogram over time; `expr` is a rate of its buckets, summed by (le)."""
    return _panel("heatmap", title, description, width, height,
                  {"custom": {"hideFrom": {"legend": False, "tooltip": False, "viz": False},
                              "scaleDistribution": {"type": "linear"}}}, {
        "calculate": False,
        "cellGap": 1,
        "cellValues": {"unit": "short"},
        "color": {"mode": "scheme", "scheme": "Blues", "fill": "blue", "steps": 64,
                  "scale": "exponential", "exponent": 0.5, "reverse": False},
        "exemplars": {"color": "rgba(255,0,255,0.7)"},
        "filterValues": {"le": 1e-9},
        "legend": {"show": True},
        "rowsFrame": {"layout": "auto"},
        "tooltip": {"mode": "single", "showColorScale": False, "yHistogram": True},
        "yAxis": {"axisPlacement": "left", "reverse": False, "unit": unit},
    }, [query(expr, "{{le}}", buckets=True)])


def row(title, *panels):
    """A heading and the panels below it, from left to right, wrapped at the grid's edge."""
    return title, panels


def variable(name, label, definition, several=False):
    """A choice of the values of a label, read from Prometheus."""
    return {
        "name": name,
        "label": label,
        "type": "query",
        "datasource": DATASOURCE,
        "definition": definition,
        "query": {"query": definition, "refId": "PrometheusVariableQueryEditor-VariableQuery"},
        "current": {"selected": True, "text": ["All"], "value": ["$__all"]} if several else {},
        "hide": 0,
        "includeAll": several,
        "multi": several,
        **({"allValue": ".*"} if several else {}),
        "options": [],
        "refresh": 2,
        "regex": "",
        "skipUrlSync": False,
        "sort": 1,
    }


def _datasource_variable():
    return {
        "name": "datasource",
        "label": "Data source",
        "type": "datasource",
        "query": "prometheus",
        "current": {},
        "hide": 0,
        "includeAll": False,
        "multi": False,
        "options": [],
        "refresh": 1,
        "regex": "",
        "skipUrlSync": False,
    }


def _place(rows):
    """Numbers the panels and gives each its place on the grid."""
    placed, y = [], 0
    for title, panels in rows:
        placed.append({"type": "row", "title": title, "collapsed": False, "panels": [],
                       "gridPos": {"h": 1, "w": COLUMNS, "x": 0, "y": y}})
        y += 1
        x, tallest = 0, 0
        for panel in panels:
            place = panel["gridPos"]
            if x + place["w"] > COLUMNS:
                x, y, tallest = 0, y + tallest, 0
            placed.append({**panel, "gridPos": {**place, "x": x, "y": y}})
            x += place["w"]
            tallest = max(tallest, place["h"])
        y += tallest
    return [{"id": i, **panel} for i, panel in enumerate(placed, start=1)]


def dashboard(uid, title, description, variables, rows):
    return {
        "uid": uid,
        "title": title,
        "description": description,
        "tags": ["merganser"],
        "editable": True,
        "fiscalYearStartMonth": 0,
        "graphTooltip": 1,
        "liveNow": False,
        "refresh": "10s",
        "schemaVersion": 39,
        "time": {"from": "now-1h", "to": "now"},
        "timepicker": {},
        "timezone": "",
        "version": 1,
        "weekStart": "",
        "annotations": {"list": [{
            "builtIn": 1,
            "datasource": {"type": "grafana", "uid": "-- Grafana --"},
            "enable": True,
            "hide": True,
            "iconColor": "rgba(0, 211, 255, 1)",
            "name": "Annotations & Alerts",
            "type": "dashboard",
        }]},
        "links": [{
            "asDropdown": False,
            "icon": "external link",
            "includeVars": True,
            "keepTime": True,
            "tags": ["merganser"],
            "targetBlank": False,
            "title": "",
            "tooltip": "",
            "type": "dashboards",
            "url": "",
        }],
        "templating": {"list": [_datasource_variable(), *variables]},
        "panels": _place(rows),
    }
