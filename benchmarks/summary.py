"""What a run measured, as the README says it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from support.aws.figures import MIB, Figures

from .measured import SHIPPED_MB, result_of
from .sizes import GIB, MOST_SECONDS, PATIENCE, SIZES, limit
from .small import BATCH

README = Path(__file__).resolve().parents[1] / "README.md"
BEGIN, END = "<!-- measured: begin -->\n", "<!-- measured: end -->\n"

PEERS = {"blog": "the blog's handler", "s5cmd": "s5cmd", "rclone": "rclone", "boto3": "boto3"}


def markdown(results: dict[str, Any]) -> str:
    """A table of the sizes, and the other figures as a list."""
    return "\n".join([*_table(results), "", *_list(results)]) + "\n"


def update(results: dict[str, Any], readme: Path = README) -> None:
    """Write the figures into the README, between its marks."""
    before, _, rest = readme.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    readme.write_text(before + BEGIN + markdown(results) + END + after)


def size_name(size: int) -> str:
    """A size as people write it."""
    return f"{size // GIB} GiB" if size >= GIB else f"{size // MIB} MiB"


def _table(results: dict[str, Any]) -> list[str]:
    figures, sizes = Figures(**results["model"]), results["sizes"]
    lines = [
        "| one object of | this module | the limit | " + " | ".join(PEERS.values()) + " |",
        "|---" * (3 + len(PEERS)) + "|",
    ]
    for size in SIZES:
        least = (
            limit(size, figures, SHIPPED_MB, sizes["handshake_seconds"]),
            limit(size, figures, SHIPPED_MB, 0),
        )
        cells = [_both(result_of(sizes, "ours", size, is_new=is_new) for is_new in (True, False))]
        cells.append(" / ".join(f"{seconds:.2f}" for seconds in least) + " s")
        cells += [
            _both(result_of(sizes, peer, size, is_new=is_new) for is_new in (True, False))
            for peer in PEERS
        ]
        lines.append(f"| {size_name(size)} | " + " | ".join(cells) + " |")
    return lines


def _both(results: Iterable[dict[str, Any] | None]) -> str:
    """What one took in a new environment and in a warm one; once where that makes no difference."""
    said = []
    for each in results:
        if each is None:
            return "not measured"
        if each["outcome"] == "over":
            return f"over {PATIENCE.get(each['size'], MOST_SECONDS):.0f} s"
        if each["outcome"] == "refused":
            return "refused"
        said.append(f"{each['seconds']:.2f}")
    return " / ".join(dict.fromkeys(said)) + " s"


def _list(results: dict[str, Any]) -> list[str]:
    small, cpu = results["small"]["results"], results["small"]["cpu"]
    rates = {
        (each["who"], each["concurrency"]): each["objects"] / each["seconds"] for each in small
    }
    best = max(concurrency for who, concurrency in rates if who == "ours")
    ours, blog = (
        next(
            each
            for each in results["small"]["batches"]
            if (each["who"], each["memory_mb"]) == (who, SHIPPED_MB)
        )
        for who in ("ours", "blog")
    )
    giant, cold = results["giant"], results["cold_start"]
    killed = sum(each["was_killed"] for each in giant["invocations"])
    calculated = (
        ["- The shares of a processor could not be enforced here; times with them are calculated."]
        if results["machine"]["shares"] == "calculated"
        else []
    )
    return [
        *calculated,
        f"- Objects of 10 kB in one process, with a whole processor: {rates['ours', 10]:.0f} a second in"
        f" batches of 10, as SQS hands them over, {rates['ours', best]:.0f} in batches of {best};"
        f" the blog's handler, 10 at once, {rates['blog', 10]:.0f}. Each takes"
        f" {cpu['ours_milliseconds']:.1f} ms of processor, the same calls by boto3 alone"
        f" {cpu['bare_milliseconds']:.1f} ms.",
        f"- A batch of {BATCH} of them in a new environment, from the start of its process:"
        f" {ours['new_seconds']:.2f} s; in a warm one {ours['warm_seconds']:.3f} s. The blog's handler,"
        f" with one: {blog['new_seconds']:.2f} s and {blog['warm_seconds']:.3f} s.",
        f"- One object of 5 TiB, with {giant['budget_seconds']:.0f} seconds for an invocation and each"
        f" third one killed: {giant['seconds']:.0f} s, {len(giant['invocations'])} invocations,"
        f" {killed} of them killed, the longest {giant['longest_seconds']:.0f} s;"
        f" {giant['parts_copied_again']} of {giant['parts']:,} parts copied twice; at most"
        f" {giant['peak_bytes'] / MIB:.0f} MiB of memory.",
        f"- Cold start: {cold['ours_milliseconds']:.0f} ms; `import boto3` and one client take"
        f" {cold['bare_milliseconds']:.0f} ms.",
    ]
