#!/usr/bin/env python3
"""Draws each dashboard from a live Prometheus, laid out as its grid, into DIR/NAME.png.

Not Grafana: the same panels, queries, units, thresholds and places.
"""

import argparse
import datetime
import math
import pathlib
import re
import sys

import matplotlib

matplotlib.use("Agg")
from matplotlib import dates
import matplotlib.pyplot as plt
from matplotlib.patches import FancyBboxPatch, Wedge
from matplotlib.ticker import FuncFormatter, Locator, MaxNLocator

import check_dashboards
import queries
from prometheus import Prometheus

BACKGROUND, PANEL, TEXT, FAINT, GRID = "#f4f5f5", "#ffffff", "#24292e", "#6b7280", "#e4e5e6"
COLORS = {"green": "#37872d", "orange": "#e0752d", "red": "#c4162a", "text": TEXT}
PALETTE = ["#37872d", "#e0b400", "#1f60c4", "#fa6400", "#c4162a", "#8f3bb8", "#56a64b",
           "#5794f2", "#ff9830", "#b877d9", "#8ab8ff", "#96d98d"]
CELL = (0.66, 0.37)  # inches, of the grid of 24 columns


def shown(value, unit, decimals=None):
    """A value as Grafana writes it, roughly."""
    if value is None or math.isnan(value):
        return "–"
    if unit == "percentunit":
        return f"{100 * value:.{1 if decimals is None else decimals}f} %".replace(".0 %", " %")
    if unit == "s":
        return duration(value)
    if unit in ("bytes", "decbytes", "Bps", "binBps"):
        return scaled(value, 1024 if unit in ("bytes", "binBps") else 1000,
                      ["B", "KiB", "MiB", "GiB", "TiB"] if unit in ("bytes", "binBps")
                      else ["B", "kB", "MB", "GB", "TB"]) + ("/s" if "Bps" in unit else "")
    if unit == "bool_yes_no":
        return "Yes" if value else "No"
    suffix = {"ops": " /s", "reqps": " /s"}.get(unit, "")
    if decimals is not None:
        return f"{value:.{decimals}f}{suffix}"
    return scaled(value, 1000, ["", "k", "M", "G"]) + suffix


def scaled(value, base, names):
    size = 0
    while abs(value) >= base and size + 1 < len(names):
        value, size = value / base, size + 1
    return f"{value:.3g} {names[size]}".strip() if abs(value) < 1000 else f"{value:.0f} {names[size]}"


def duration(seconds):
    for below, factor, name in ((1e-3, 1e6, "µs"), (1, 1e3, "ms"), (120, 1, "s"),
                                (7200, 1 / 60, "min"), (172800, 1 / 3600, "h")):
        if abs(seconds) < below:
            return "0 s" if seconds == 0 else f"{seconds * factor:.3g} {name}"
    return f"{seconds / 86400:.3g} d"


def label_of(legend, labels):
    if legend == "__auto":
        return ", ".join(f"{k}={v}" for k, v in sorted(labels.items()) if k != "__name__") or "value"
    return re.sub(r"\{\{\s*(\w+)\s*\}\}", lambda match: labels.get(match.group(1), ""), legend)


def threshold_color(value, thresholds):
    color = "text"
    for step in thresholds["steps"]:
        if step["value"] is None or value >= step["value"]:
            color = step["color"]
    return COLORS[color]


class PowersOfTwo(Locator):
    """Ticks at multiples of a power of two, for bytes."""

    def __call__(self):
        return self.tick_values(*self.axis.get_view_interval())

    def tick_values(self, vmin, vmax):
        step = 2.0 ** math.ceil(math.log2(max(vmax - vmin, 1e-9) / 6))
        first = math.ceil(vmin / step)
        return [step * i for i in range(first, int(vmax / step) + 1)]


class Picture:
    """One dashboard: its panels are drawn into axes at their places."""

    def __init__(self, name, dashboard, source, values, since, until):
        self.name, self.dashboard, self.source = name, dashboard, source
        self.values, self.since, self.until = values, since, until
        self.rows = max(p["gridPos"]["y"] + p["gridPos"]["h"] for p in dashboard["panels"]) + 2
        self.figure = plt.figure(figsize=(24 * CELL[0], self.rows * CELL[1]), facecolor=BACKGROUND)

    def box(self, x, y, w, h):
        """From cells of the grid, y downwards, to shares of the figure."""
        return x / 24, 1 - (y + 2 + h) / self.rows, w / 24, h / self.rows

    def series(self, panel):
        result = []
        for target in panel["targets"]:
            expr = queries.fill(target["expr"], self.values)
            if target["instant"]:
                found = [(labels, [(self.until, value)])
                         for labels, value in self.source.at(expr, self.until)]
            else:
                step = max(1, round((self.until - self.since) / 240))
                found = self.source.over(expr, self.since, self.until, step)
            for labels, points in found:
                result.append((label_of(target["legendFormat"], labels), labels, points))
        return result

    def draw(self, path):
        self.figure.text(0.006, 1 - 1.1 / self.rows, self.dashboard["title"], fontsize=15,
                         weight="bold", color=TEXT, va="center")
        chosen = "   ".join(f"{v['label']}: {self.values.get(v['name'], 'Prometheus')}"
                            for v in self.dashboard["templating"]["list"]).replace(".*", "All")
        self.figure.text(0.994, 1 - 1.1 / self.rows, chosen, fontsize=9, color=FAINT, ha="right",
                         va="center")
        for panel in self.dashboard["panels"]:
            place = panel["gridPos"]
            box = self.box(place["x"], place["y"], place["w"], place["h"])
            if panel["type"] == "row":
                self.figure.text(box[0] + 0.006, box[1] + box[3] / 2, "⌄ " + panel["title"],
                                 fontsize=10, weight="bold", color=TEXT, va="center")
            else:
                self.panel(panel, box)
        self.figure.savefig(path, dpi=90, facecolor=BACKGROUND)
        plt.close(self.figure)

    def panel(self, panel, box):
        x, y, w, h = box
        gap_x, gap_y = 0.0022, 0.12 / self.rows
        self.figure.patches.append(FancyBboxPatch(
            (x + gap_x, y + gap_y), w - 2 * gap_x, h - 2 * gap_y, boxstyle="square,pad=0",
            transform=self.figure.transFigure, facecolor=PANEL, edgecolor=GRID, linewidth=0.8,
            zorder=-1))
        self.figure.text(x + 0.006, y + h - 0.62 / self.rows, panel["title"], fontsize=8.5,
                         weight="bold", color=TEXT, va="center")
        inner = (x + 0.006, y + 0.4 / self.rows, w - 0.012, h - 1.5 / self.rows)
        series = self.series(panel)
        if not series:
            self.figure.text(x + w / 2, y + h / 2, "No data", color=COLORS["red"], ha="center")
            return
        getattr(self, panel["type"])(panel, inner, series)

    def axes(self, box):
        axes = self.figure.add_axes(box)
        axes.set_axis_off()
        return axes

    def stat(self, panel, box, series):
        defaults = panel["fieldConfig"]["defaults"]
        axes = self.axes(box)
        for i, (label, _, points) in enumerate(series):
            value = points[-1][1]
            middle = (i + 0.5) / len(series)
            text = shown(value, defaults["unit"], defaults.get("decimals"))
            for mapping in defaults["mappings"]:
                text = mapping["options"].get(str(int(value)), {}).get("text", text)
            if panel["options"]["textMode"] == "name":
                text = label
            wide = panel["gridPos"]["w"] / len(series)
            axes.text(middle, 0.55, text, fontsize=min(17, 60 * CELL[0] * wide / 0.62 / max(3, len(text))),
                      color=threshold_color(value, defaults["thresholds"]), ha="center",
                      va="center", weight="bold", transform=axes.transAxes)
            if len(series) > 1:
                axes.text(middle, 0.05, label, fontsize=7, color=FAINT, ha="center",
                          transform=axes.transAxes)
        if panel["options"]["graphMode"] == "area" and len(series) == 1:
            points = series[0][2]
            spark = self.axes((box[0], box[1], box[2], box[3] * 0.28))
            spark.fill_between(*zip(*points), color=PALETTE[2], alpha=0.18, linewidth=0)
            spark.plot(*zip(*points), color=PALETTE[2], linewidth=0.8)
            spark.set_ylim(bottom=min(0, min(v for _, v in points)))

    def gauge(self, panel, box, series):
        defaults = panel["fieldConfig"]["defaults"]
        value = series[0][2][-1][1]
        axes = self.axes(box)
        axes.set_aspect("equal")
        axes.set_xlim(-1.1, 1.1)
        axes.set_ylim(-0.25, 1.1)
        share = (value - defaults["min"]) / (defaults["max"] - defaults["min"])
        share = max(0.0, min(1.0, share))
        axes.add_patch(Wedge((0, 0), 1, 0, 180, width=0.28, color=GRID))
        axes.add_patch(Wedge((0, 0), 1, 180 * (1 - share), 180, width=0.28,
                             color=threshold_color(value, defaults["thresholds"])))
        axes.text(0, 0.05, shown(value, defaults["unit"], defaults.get("decimals")), ha="center",
                  fontsize=13, weight="bold", color=TEXT)

    def bargauge(self, panel, box, series):
        defaults = panel["fieldConfig"]["defaults"]
        values = [(label, points[-1][1]) for label, _, points in series]
        top = defaults.get("max") or max([v for _, v in values] + [1e-12])
        axes = self.axes((box[0], box[1], box[2] * 0.82, box[3]))
        places = max(4, len(values))  # bars of a sensible height, from the top
        for place, (label, value) in zip(range(places - 1, -1, -1), values):
            axes.barh(place, top, color=GRID, height=0.42)
            axes.barh(place, min(value, top), color=PALETTE[2], height=0.42)
            axes.text(0, place + 0.25, label, va="bottom", fontsize=7.5, color=TEXT)
            axes.text(1.02 * top, place, shown(value, defaults["unit"], defaults.get("decimals")),
                      va="center", fontsize=8, color=TEXT, weight="bold")
        axes.set_xlim(0, top)
        axes.set_ylim(-0.4, places - 0.2)

    def time_axes(self, box, unit):
        axes = self.figure.add_axes(box)
        axes.set_facecolor(PANEL)
        for side in axes.spines.values():
            side.set_visible(False)
        axes.grid(color=GRID, linewidth=0.7)
        axes.tick_params(labelsize=7, colors=FAINT, length=0)
        axes.xaxis.set_major_locator(dates.AutoDateLocator(minticks=3, maxticks=6))
        axes.xaxis.set_major_formatter(dates.DateFormatter("%H:%M:%S"))
        axes.set_xlim(*(datetime.datetime.fromtimestamp(t, datetime.timezone.utc)
                        for t in (self.since, self.until)))
        if unit is not None:
            binary = unit in ("bytes", "binBps")
            axes.yaxis.set_major_locator(PowersOfTwo() if binary else MaxNLocator(5))
            axes.yaxis.set_major_formatter(FuncFormatter(lambda v, _: shown(v, unit)))
        return axes

    def timeseries(self, panel, box, series):
        defaults = panel["fieldConfig"]["defaults"]
        custom = defaults["custom"]
        tabled = panel["options"]["legend"]["displayMode"] == "table"
        x, y, w, h = box
        labels = [label for label, _, _ in series]
        across = max(1, int(w * 24 * CELL[0] / (0.3 + 0.068 * max(map(len, labels)))))
        down = 0 if tabled else min(4, math.ceil(len(labels) / across))
        left, below = 0.036, (0.55 + 0.42 * down) / self.rows
        axes = self.time_axes((x + left, y + below, w * (0.8 if tabled else 1) - left - 0.004,
                               h - below), defaults["unit"])
        if custom["scaleDistribution"]["type"] == "log":
            axes.set_yscale("log")
            axes.yaxis.set_major_formatter(FuncFormatter(lambda v, _: shown(v, defaults["unit"])))
        moments = sorted({t for _, _, points in series for t, _ in points})
        when = [datetime.datetime.fromtimestamp(t, datetime.timezone.utc) for t in moments]
        base = [0.0] * len(moments)
        stacked = custom["stacking"]["mode"] != "none"
        tables = [dict(points) for _, _, points in series]
        if custom["stacking"]["mode"] == "percent":
            sums = [sum(table.get(t, 0) for table in tables) or 1 for t in moments]
            tables = [{t: table.get(t, 0) / s for t, s in zip(moments, sums)} for table in tables]
        for i, ((label, _, _), table) in enumerate(zip(series, tables)):
            color = PALETTE[i % len(PALETTE)]
            values = [table.get(t, 0 if stacked else math.nan) for t in moments]
            if stacked:
                top = [b + v for b, v in zip(base, values)]
                axes.fill_between(when, base, top, color=color, alpha=0.6, linewidth=0, label=label)
                axes.plot(when, top, color=color, linewidth=0.9)
                base = top
            else:
                axes.plot(when, values, color=color, linewidth=1.2, label=label)
        if "min" in defaults and defaults["min"] is not None:
            axes.set_ylim(bottom=defaults["min"])
        if defaults.get("max") is not None:
            axes.set_ylim(top=defaults["max"])
        if custom["thresholdsStyle"]["mode"] != "off":
            for step in defaults["thresholds"]["steps"][1:]:
                if step["value"] < axes.get_ylim()[1]:
                    axes.axhline(step["value"], color=COLORS[step["color"]], linewidth=0.9,
                                 linestyle="--")
        self.legend(axes, tabled, across, h - below)

    def legend(self, axes, tabled, across, height):
        if tabled:
            axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), fontsize=6.8, frameon=False,
                        handlelength=1)
            return
        handles, labels = axes.get_legend_handles_labels()
        most = 4 * across  # where Grafana would scroll
        axes.legend(handles[:most], labels[:most], loc="upper left", bbox_to_anchor=(-0.02, -0.55 / self.rows / height),
                    fontsize=6.8, frameon=False, ncol=across, handlelength=1, columnspacing=1,
                    borderaxespad=0, borderpad=0)

    def heatmap(self, panel, box, series):
        unit = panel["options"]["yAxis"]["unit"]
        bounds = sorted({float(labels["le"]) for _, labels, _ in series if "le" in labels})
        by_bound = {float(labels["le"]): dict(points) for _, labels, points in series}
        moments = sorted({t for _, _, points in series for t, _ in points})
        rows, before = [], {t: 0.0 for t in moments}
        for bound in bounds:  # buckets are cumulative
            row = [max(0.0, by_bound[bound].get(t, 0) - before[t]) for t in moments]
            before = {t: by_bound[bound].get(t, before[t]) for t in moments}
            rows.append(row)
        used = [i for i, row in enumerate(rows) if any(row)] or [0]
        first, last = max(0, used[0] - 1), min(len(rows), used[-1] + 2)
        axes = self.time_axes((box[0] + 0.036, box[1] + 0.9 / self.rows, box[2] - 0.04,
                               box[3] - 0.9 / self.rows), None)
        when = [datetime.datetime.fromtimestamp(t, datetime.timezone.utc) for t in moments]
        axes.pcolormesh(when, range(last - first), [[math.sqrt(v) for v in row]
                                                    for row in rows[first:last]],
                        cmap="Blues", shading="nearest")
        axes.set_yticks([i + 0.5 for i in range(last - first)],
                        ["∞" if math.isinf(b) else shown(b, unit) for b in bounds[first:last]])
        axes.grid(False)


def draw_all(source, values, since, until, folder):
    """One PNG per dashboard into the folder, which is made if missing."""
    folder.mkdir(parents=True, exist_ok=True)
    plt.rcParams["font.family"] = "DejaVu Sans"
    for name, dashboard in queries.load_dashboards().items():
        Picture(name, dashboard, source, values, since, until).draw(folder / f"{name}.png")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url", help="of Prometheus")
    parser.add_argument("--campaign", required=True)
    parser.add_argument("--since", type=float, required=True)
    parser.add_argument("--until", type=float, required=True)
    parser.add_argument("--rate-interval", default="5s")
    parser.add_argument("--output", type=pathlib.Path, required=True, help="folder; made if missing")
    args = parser.parse_args()
    values = check_dashboards.values_for(args.campaign, args.since, args.until, args.rate_interval)
    draw_all(Prometheus(args.url), values, args.since, args.until, args.output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
