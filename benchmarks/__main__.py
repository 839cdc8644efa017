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
from rich.markdown import Markdown
from rich.table import Table

from . import cold_start, giant, plots, results, sizes, small, summary
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
                    f"{size_name(found.size)}, {found.memory_mb or 'whole processor'}, "
                    f"{'new' if found.is_new else 'warm'}: {found.peer}: "
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
    console.print(Markdown(summary.markdown(kept)))
    table = Table("promise", "measured", "", title="what must hold")
    checks = list(results.checks(kept))
    for check in checks:
        table.add_row(check.promise, check.measured, "holds" if check.holds else "FAILS")
    console.print(table)
    return 0 if all(check.holds for check in checks) else 1


if __name__ == "__main__":
    sys.exit(main())
