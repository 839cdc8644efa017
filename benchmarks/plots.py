"""Two plots of what a run kept, as SVG that reads well on light and dark pages.

The same results give the same bytes: identifiers have a fixed salt, no date is written, and text stays
text in the reader's font.
"""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("svg")
import matplotlib.pyplot as plt
from matplotlib.axes import Axes

from support.aws.figures import MIB, Figures

from . import small
from .measured import GIB, SHIPPED_MB, result_of
from .sizes import SIZES, limit
from .summary import size_name

FOLDER = Path(__file__).resolve().parents[1] / "docs"

INK, PAPER = "#1f2328", "#57606a"
"""Text, and lines of the axes. Dark pages get the other two instead."""
DARK = {INK: "#e6edf3", PAPER: "#8b949e"}

FONTS = "system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif"

COLOURS = {
    "ours": "#2da44e",
    "blog": "#d4722b",
    "boto3": "#4a8fe0",
    "rclone": "#b263d6",
    "s5cmd": "#c9a227",
}
NAMES = {"ours": "this module", "blog": "the blog's handler"}
MARKERS = {"ours": "o", "blog": "s", "boto3": "^", "rclone": "D", "s5cmd": "v"}

SIZES_OF_MARKERS = {"blog": 9, "s5cmd": 7}
"""Three of the peers mostly lie on one line."""

STYLE = {
    "svg.fonttype": "none",
    "svg.hashsalt": "s3-fanout",
    "font.family": "sans-serif",
    "font.size": 11,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": PAPER,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": PAPER,
    "ytick.color": PAPER,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.minor.bottom": False,
    "ytick.minor.left": False,
    "grid.color": PAPER,
    "grid.alpha": 0.25,
    "legend.frameon": False,
}


def draw(results: dict[str, Any], folder: Path = FOLDER) -> None:
    """Write ``time-by-size.svg`` and ``objects-by-concurrency.svg``."""
    for name, plot in (("time-by-size", _time), ("objects-by-concurrency", _objects)):
        with plt.rc_context(STYLE):
            figure, axes = plt.subplots(figsize=(7.6, 4.2))
            plot(axes, results)
            figure.tight_layout()
            written = io.StringIO()
            figure.savefig(written, format="svg", transparent=True, metadata={"Date": None})
            plt.close(figure)
        (folder / f"{name}.svg").write_text(_for_light_and_dark(written.getvalue()))


def _time(axes: Axes, results: dict[str, Any]) -> None:
    figures, handshake = Figures(**results["model"]), results["sizes"]["handshake_seconds"]
    for peer in ("blog", "s5cmd", "rclone", "boto3", "ours"):
        kept = (result_of(results["sizes"], peer, size, is_new=True) for size in SIZES)
        found = [each for each in kept if each is not None]
        copied = [each for each in found if each["seconds"] is not None]
        axes.plot(
            [each["size"] for each in copied],
            [each["seconds"] for each in copied],
            color=COLOURS[peer],
            marker=MARKERS[peer],
            markersize=SIZES_OF_MARKERS.get(peer, 5),
            linewidth=2.5 if peer == "ours" else 1.5,
            label=NAMES.get(peer, peer),
            zorder=4 if peer == "ours" else 3,
        )
    steps = [2 ** (power / 8) for power in range(20 * 8, 36 * 8)] + [SIZES[-1]]
    axes.plot(
        steps,
        [limit(round(size), figures, SHIPPED_MB, handshake) for size in steps],
        color=PAPER,
        linewidth=1.2,
        linestyle=(0, (4, 3)),
        label="limit",
        zorder=2,
    )
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    ticks = [size for size in SIZES if size in (MIB, 8 * MIB, 64 * MIB, GIB, 5 * GIB, 50 * GIB)]
    axes.set_xticks(ticks, [size_name(size) for size in ticks])
    axes.set_yticks([0.1, 1, 10, 100], ["0.1 s", "1 s", "10 s", "100 s"])
    axes.set_xlabel("size of the object")
    axes.set_ylabel("time to copy it in a new environment")
    axes.grid(axis="y")
    axes.legend(loc="upper left")


def _objects(axes: Axes, results: dict[str, Any]) -> None:
    figures = Figures(**results["model"])
    for who in ("ours", "blog"):
        found = [each for each in results["small"]["results"] if each["who"] == who]
        axes.plot(
            [each["concurrency"] for each in found],
            [each["objects"] / each["seconds"] for each in found],
            color=COLOURS[who],
            marker=MARKERS[who],
            markersize=5,
            linewidth=2.5 if who == "ours" else 1.5,
            label=NAMES[who],
            zorder=3,
        )
    axes.plot(
        small.CONCURRENCIES,
        [small.limit(each, figures) for each in small.CONCURRENCIES],
        color=PAPER,
        linewidth=1.2,
        linestyle=(0, (4, 3)),
        label="limit: a copy, and a HEAD after it",
        zorder=2,
    )
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xticks(small.CONCURRENCIES, [str(each) for each in small.CONCURRENCIES])
    axes.set_yticks([10, 100, 1000], ["10/s", "100/s", "1,000/s"])
    axes.set_xlabel("objects of 10 kB processed at once, in one process")
    axes.set_ylabel("objects copied")
    axes.grid(axis="y")
    axes.legend(loc="upper left")


def _for_light_and_dark(svg: str) -> str:
    """Take the reader's font, and add a style sheet that changes the two inks on dark pages."""
    rules = "".join(
        f'[style*="{what}: {light}"] {{ {what}: {dark} !important }}'
        for light, dark in DARK.items()
        for what in ("fill", "stroke")
    )
    style = f"<style>@media (prefers-color-scheme: dark) {{ {rules} }}</style>"
    svg = re.sub("font-family: [^;]*sans-serif", f"font-family: {FONTS}", svg)
    lines = svg.replace("</svg>", f"{style}\n</svg>").splitlines()
    return "\n".join(line.rstrip() for line in lines) + "\n"
