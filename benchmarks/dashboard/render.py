"""Draws the dashboard from what was recorded: `python -m benchmarks.dashboard.render`.

Needs matplotlib, which `make bench` installs. The widgets, their titles and what is in them come
from the dashboard's own text.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib import pyplot as plt

HERE = Path(__file__).parent
PICTURE = HERE.parents[1] / "docs/dashboard.svg"
BIN_SECONDS = 10
"""Finer than the dashboard's minute: the recording is short. Counts are drawn per minute."""

Line = tuple[str, str, list[tuple[float, float]]]


def lines(widget: dict[str, Any], series: list[dict[str, Any]]) -> Iterator[Line]:
    """The lines of a widget that have data, as (label, statistic, points)."""
    properties = widget["properties"]
    for metric in properties["metrics"]:
        if isinstance(metric[0], dict):
            yield from _searched(metric[0], series)
            continue
        namespace, name, dimension, value, options = metric
        for one in series:
            wanted = (namespace, name, {dimension: value})
            if (one["namespace"], one["metric"], one["dimensions"]) == wanted:
                yield options["label"], properties["stat"], one["points"]


def _searched(line: dict[str, str], series: list[dict[str, Any]]) -> Iterator[Line]:
    found = re.fullmatch(
        r"""SEARCH\('\{(.*?)\} MetricName="(.*?)" SourceBucket="(.*?)"', '(.*?)', 60\)""",
        line["expression"],
    )
    assert found, line
    namespace, *dimensions = found[1].split(",")
    for one in series:
        if (
            (one["namespace"], one["metric"]) == (namespace, found[2])
            and sorted(one["dimensions"]) == sorted(dimensions)
            and one["dimensions"]["SourceBucket"] == found[3]
        ):
            label = line["label"]
            for name, value in one["dimensions"].items():
                label = label.replace(f"${{PROP('Dim.{name}')}}", value)
            yield label, found[4], one["points"]


def statistic(name: str, values: list[float]) -> float:
    """What CloudWatch makes of the values of a period."""
    if name.startswith("p"):
        return float(np.percentile(values, float(name[1:])))
    per_minute = 60 / BIN_SECONDS
    whole = {"Sum": sum(values) * per_minute, "SampleCount": len(values) * per_minute}
    return whole.get(name, max(values))


def main() -> None:
    """Draw."""
    recorded = json.loads((HERE / "recorded.json").read_text())
    # The same bytes every time, and text as text.
    mpl.rcParams.update({"svg.hashsalt": "dashboard", "svg.fonttype": "none", "font.size": 8})
    widgets = [
        (widget, drawn)
        for widget in recorded["dashboard"]["widgets"]
        if (drawn := list(lines(widget, recorded["series"])))
    ]
    figure, axes = plt.subplots(
        (len(widgets) + 1) // 2, 2, figsize=(10, 2.1 * ((len(widgets) + 1) // 2))
    )
    for axis in axes.flat[len(widgets) :]:
        axis.remove()
    for axis, (widget, drawn) in zip(axes.flat, widgets, strict=False):
        for label, name, points in sorted(drawn):
            bins: dict[int, list[float]] = defaultdict(list)
            for at, value in points:
                bins[int(at // BIN_SECONDS)].append(value)
            # Where nothing was recorded the line ends.
            whole = range(min(bins), max(bins) + 1)
            at_minutes = [(n + 0.5) * BIN_SECONDS / 60 for n in whole]
            values = [statistic(name, bins[n]) if n in bins else float("nan") for n in whole]
            axis.plot(at_minutes, values, label=label, linewidth=1.1, marker=".", markersize=2.5)
        axis.set_title(widget["properties"]["title"], loc="left", fontsize=9)
        axis.set_xlim(0, recorded["seconds"] / 60)
        axis.set_ylim(bottom=0)
        axis.legend(fontsize=6, loc="upper left", bbox_to_anchor=(1, 1.03), frameon=False)
        axis.grid(alpha=0.25)
        axis.spines[["top", "right"]].set_visible(False)
    figure.supxlabel("minutes", fontsize=8)
    figure.tight_layout()
    figure.savefig(PICTURE, metadata={"Date": None})


if __name__ == "__main__":
    main()
