"""What a run measured: the file it is kept in, and what must hold."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import re
import subprocess
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from support.aws.figures import MIB, Figures

from . import giant, sizes, small
from .measured import SHIPPED_MB, result_of
from .peers import BIN
from .quota import is_enforced

FILE = Path(__file__).parent / "results.json"
GIB = 1024 * MIB
RECORD_CHARACTERS = 360
"""A longer one takes several lines."""


def about() -> dict[str, Any]:
    """When, on what and with which versions."""
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "machine": {
            "processors": os.cpu_count(),
            "processor": _processor(),
            "system": f"{platform.system()} {platform.machine()}",
            "shares": "enforced" if is_enforced() else "calculated",
            "load_before": round(os.getloadavg()[0], 2),
        },
        "versions": {
            "python": platform.python_version(),
            "boto3": importlib.metadata.version("boto3"),
            "rclone": _version("rclone", "version"),
            "s5cmd": _version("s5cmd", "version"),
        },
        "model": asdict(Figures()),
    }


def _processor() -> str:
    path = Path("/proc/cpuinfo")
    if path.exists():
        found = re.search(r"model name\s*: (.*)", path.read_text())
        if found:
            return found[1]
    return platform.processor()


def _version(program: str, argument: str) -> str:
    printed = subprocess.run(
        [f"{BIN}/{program}", argument], check=True, text=True, stdout=subprocess.PIPE
    ).stdout
    found = re.search(r"\d+(\.\d+)+", printed)
    return found[0] if found else printed.strip()


def write(results: dict[str, Any], path: Path = FILE) -> None:
    """Keep what was measured, rounded to what it is worth."""
    path.write_text(_by_records(_rounded(results)) + "\n")


def read(path: Path = FILE) -> dict[str, Any]:
    """What a run kept."""
    results: dict[str, Any] = json.loads(path.read_text())
    return results


def _by_records(value: Any, indent: str = "") -> str:
    """JSON with a line for each record."""
    line, deeper = json.dumps(value), f"{indent} "
    if len(indent + line) <= RECORD_CHARACTERS or not isinstance(value, dict | list):
        return line
    if isinstance(value, dict):
        lines = [f"{json.dumps(name)}: {_by_records(each, deeper)}" for name, each in value.items()]
    else:
        lines = [_by_records(each, deeper) for each in value]
    begin, end = "{}" if isinstance(value, dict) else "[]"
    return f",\n{deeper}".join([f"{begin}\n{deeper}{lines[0]}", *lines[1:]]) + f"\n{indent}{end}"


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.4g}")
    if isinstance(value, dict):
        return {name: _rounded(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_rounded(each) for each in value]
    return value


@dataclass(frozen=True, slots=True)
class Check:
    """A figure that the module promises.

    Attributes:
        measured: as people read it.
    """

    promise: str
    measured: str
    holds: bool


def checks(results: dict[str, Any]) -> Iterator[Check]:
    """Compare what was measured with what is promised."""
    figures, of_sizes = Figures(**results["model"]), results["sizes"]

    def seconds(peer: str, size: int, *, is_new: bool, memory_mb: int | None = SHIPPED_MB) -> float:
        found = result_of(of_sizes, peer, size, is_new=is_new, memory_mb=memory_mb)
        if found is None or found["outcome"] == "refused":
            return float("inf")
        # What went over our patience took at least that long.
        return float(found["seconds"] or sizes.PATIENCE.get(size, sizes.MOST_SECONDS))

    for size in (GIB, 5 * GIB):
        for is_new, handshake in ((True, of_sizes["handshake_seconds"]), (False, 0)):
            least = sizes.limit(size, figures, SHIPPED_MB, handshake)
            what = f"{size // GIB} GiB, {'new' if is_new else 'warm'}"
            yield _at_most(
                f"{what}: ours over the limit", seconds("ours", size, is_new=is_new) / least, 1.5
            )
    for peer, is_new, times in (("blog", True, 30), ("boto3", True, 6), ("boto3", False, 12)):
        yield _at_least(
            f"5 GiB, {'new' if is_new else 'warm'}: {peer} over ours",
            seconds(peer, 5 * GIB, is_new=is_new) / seconds("ours", 5 * GIB, is_new=is_new),
            times,
        )
    yield _at_most("50 GiB, new: seconds", seconds("ours", 50 * GIB, is_new=True), 5)
    yield _at_least(
        "every size, memory and environment: the fastest other over ours",
        min(
            seconds(peer, size, is_new=is_new, memory_mb=memory_mb)
            / seconds("ours", size, is_new=is_new, memory_mb=memory_mb)
            for peer in ("blog", "boto3", "rclone", "s5cmd")
            for size in sizes.SIZES
            for is_new in (True, False)
            for memory_mb in sizes.MEMORIES
        ),
        0.95,
    )

    small_results = results["small"]["results"]
    yield _at_least(
        "small objects: a second",
        max(each["objects"] / each["seconds"] for each in small_results if each["who"] == "ours"),
        600,
    )
    batches = {(each["who"], each["memory_mb"]): each for each in results["small"]["batches"]}
    ours, blog = batches["ours", SHIPPED_MB], batches["blog", SHIPPED_MB]
    yield _at_most(
        "first batch of ten: over the blog's first event",
        ours["new_seconds"] / blog["new_seconds"],
        1,
    )
    yield _at_most(
        "warm batch of ten: over S3's own time",
        ours["warm_seconds"] / (small.BATCH / small.limit(small.BATCH, figures)),
        1.3,
    )
    cpu = results["small"]["cpu"]
    yield _at_most(
        "small objects: processor time over the bare calls'",
        cpu["ours_milliseconds"] / cpu["bare_milliseconds"],
        0.25,
    )

    found = results["giant"]
    yield _at_most(
        "5 TiB: longest invocation, seconds", found["longest_seconds"], giant.BUDGET_SECONDS + 5
    )
    yield _at_most(
        "5 TiB: parts copied again, %", 100 * found["parts_copied_again"] / found["parts"], 2
    )
    yield _at_most("5 TiB: memory, MiB", found["peak_bytes"] / MIB, 512)
    yield _at_most(
        "cold start: over that of boto3 alone",
        results["cold_start"]["ours_milliseconds"] / results["cold_start"]["bare_milliseconds"],
        0.4,
    )


def _at_most(what: str, measured: float, most: float) -> Check:
    return Check(f"{what}: at most {most:g}", f"{measured:.3g}", measured <= most)


def _at_least(what: str, measured: float, least: float) -> Check:
    return Check(f"{what}: at least {least:g}", f"{measured:.3g}", measured >= least)
