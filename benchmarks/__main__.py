"""``python -m benchmarks [PART ...]``: measure, show, keep; ``plots`` draws what is kept and writes it
into the README.

Parts are ``sizes``, ``small``, ``giant`` and ``cold_start``; all of them without arguments. A part that
is not measured stays as the last run left it.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from . import cold_start, giant, plots, results, sizes, small, summary
from .s3_model.figures import Figures
from .summary import size_name

PARTS = ("cold_start", "small", "sizes", "giant")


def main() -> int:
    """Run the command line; returns the exit code."""
    console = Console()
    chosen = sys.argv[1:] or [*PARTS, "plots"]
    kept: dict[str, Any] = results.read() if results.FILE.exists() else {}
    with tempfile.TemporaryDirectory(prefix="s3-fanout-bench-") as name:
        folder = Path(name)
        if set(chosen) & set(PARTS):
            kept |= results.about()
        if "cold_start" in chosen:
            console.print("cold start")
            kept["cold_start"] = cold_start.measure()
        if "small" in chosen:
            kept["small"] = small.measure(
                folder,
                lambda found: console.print(
                    f"small objects: {found.who}, {found.concurrency} at once: "
                    f"{found.per_second:.0f}/s, {found.cpu_milliseconds:.2f} ms of processor each",
                    highlight=False,
                ),
            )
        if "sizes" in chosen:
            kept["sizes"] = sizes.measure(
                folder,
                lambda found: console.print(
                    f"{size_name(found.size)}: {found.peer}: "
                    + (found.outcome if found.seconds is None else f"{found.seconds:.3f} s"),
                    highlight=False,
                ),
            )
        if "giant" in chosen:
            kept["giant"] = giant.measure(
                folder,
                lambda found: console.print(
                    f"5 TiB: an invocation of {found['seconds']:.1f} s"
                    + (", killed" if found["was_killed"] else ""),
                    highlight=False,
                ),
            )
    results.write(kept)
    kept = results.read()
    if "plots" in chosen:
        plots.draw(kept)
        summary.update(kept)
    if not set(PARTS) <= kept.keys():
        return 0
    for table in (_sizes(kept), _small(kept), _checks(kept)):
        console.print(table)
    return 0 if all(check.holds for check in results.checks(kept)) else 1


def _sizes(kept: dict[str, Any]) -> Table:
    figures = Figures(**kept["model"])
    peers = list(dict.fromkeys(each["peer"] for each in kept["sizes"]))
    table = Table("one object", *peers, "limit", title="seconds")
    for size in sizes.SIZES:
        row = [each for each in kept["sizes"] if each["size"] == size]
        table.add_row(
            size_name(size),
            *(f"{each['seconds']:.3g}" if "seconds" in each else each["outcome"] for each in row),
            f"{sizes.limit(size, figures):.3g}",
        )
    return table


def _small(kept: dict[str, Any]) -> Table:
    figures = Figures(**kept["model"])
    table = Table("at once", "blog", "ours", "limit", title="objects of 10 kB a second")
    for concurrency in small.CONCURRENCIES:
        row = [each for each in kept["small"]["results"] if each["concurrency"] == concurrency]
        table.add_row(
            str(concurrency),
            *(f"{each['objects'] / each['seconds']:.0f}" for each in row),
            f"{small.limit(concurrency, figures):.0f}",
        )
    return table


def _checks(kept: dict[str, Any]) -> Table:
    table = Table("promise", "measured", "", title="what must hold")
    for check in results.checks(kept):
        table.add_row(check.promise, check.measured, "holds" if check.holds else "FAILS")
    return table


if __name__ == "__main__":
    sys.exit(main())
