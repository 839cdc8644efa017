"""What a run measured, as the README says it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from support.aws.figures import MIB, Figures

from .sizes import GIB, MOST_SECONDS, SIZES, limit

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
    figures = Figures(**results["model"])
    found = {(each["peer"], each["size"]): each for each in results["sizes"]}
    lines = [
        "| one object of | this module | the limit | " + " | ".join(PEERS.values()) + " |",
        "|---" * (3 + len(PEERS)) + "|",
    ]
    for size in SIZES:
        ours = found["ours", size]["seconds"]
        cells = [f"{ours:.2f} s", f"{limit(size, figures):.2f} s"]
        for peer in PEERS:
            each = found[peer, size]
            if each["outcome"] == "copied":
                cells.append(f"{_two_digits(each['seconds'] / ours)} times")
            elif each["outcome"] == "over":
                cells.append(f"over {_two_digits(MOST_SECONDS / ours)} times")
            else:
                cells.append("refused")
        lines.append(f"| {size_name(size)} | " + " | ".join(cells) + " |")
    return lines


def _list(results: dict[str, Any]) -> list[str]:
    small, cpu = results["small"]["results"], results["small"]["cpu"]
    rates = {
        (each["who"], each["concurrency"]): each["objects"] / each["seconds"] for each in small
    }
    best = max(concurrency for who, concurrency in rates if who == "ours")
    giant, cold = results["giant"], results["cold_start"]
    killed = sum(each["was_killed"] for each in giant["invocations"])
    return [
        f"- Objects of 10 kB in one process: {rates['ours', 10]:.0f} a second in batches of 10, as SQS"
        f" hands them over, {rates['ours', best]:.0f} in batches of {best}; the blog's handler, 10 at"
        f" once, {rates['blog', 10]:.0f}. Each takes {cpu['ours_milliseconds']:.1f} ms of processor,"
        f" the same calls by boto3 alone {cpu['bare_milliseconds']:.1f} ms.",
        f"- One object of 5 TiB, with {giant['budget_seconds']:.0f} seconds for an invocation and each"
        f" third one killed: {giant['seconds']:.0f} s, {len(giant['invocations'])} invocations,"
        f" {killed} of them killed, the longest {giant['longest_seconds']:.0f} s;"
        f" {giant['parts_copied_again']} of {giant['parts']:,} parts copied twice; at most"
        f" {giant['peak_bytes'] / MIB:.0f} MiB of memory.",
        f"- Cold start: {cold['difference_milliseconds']:+.0f} ms beside `import boto3` and one client"
        f" ({cold['bare_milliseconds']:.0f} ms).",
    ]


def _two_digits(ratio: float) -> str:
    return f"{ratio:.0f}" if ratio >= 9.95 else f"{ratio:.1f}"
