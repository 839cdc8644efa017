"""What the demo shows: tables and texts, no I/O."""

from collections.abc import Sequence

from rich import box
from rich.table import Table
from rich.text import Text

from demo.objects import Upload, percentile
from demo.sides import Side

SHOWN_PROBLEMS = 4  # of each destination

_CAPTION = (
    "p50, p99: from S3's event to the replica found equal; the functions log it\n"
    "verified: bytes, headers, metadata, tags; read back and compared here"
)


def table(sides: Sequence[Side]) -> Table:
    """What is known about the destinations, in at most 80 columns."""
    grid = Table(
        box=box.SIMPLE_HEAD,
        padding=0,
        show_edge=False,
        caption=_CAPTION,
        caption_justify="left",
        caption_style="dim",
    )
    grid.add_column("destination", style="bold", no_wrap=True)
    grid.add_column("lane", no_wrap=True)
    grid.add_column("region", no_wrap=True)
    # Widths that hold from the first row to the last, so that nothing moves while it is live.
    for header, width in (
        ("objects", 7),
        ("MB", 6),
        ("p50", 6),
        ("p99", 6),
        ("verified", 8),
        ("unwanted", 8),
    ):
        grid.add_column(header, justify="right", no_wrap=True, min_width=width)
    for side in sides:
        wanted = len(side.expected)
        arrived = wanted - len(side.missing)
        delays = list(side.delays.values())
        grid.add_row(
            side.destination.name,
            side.destination.lane,
            side.destination.region,
            _of(arrived, wanted),
            f"{sum(side.arrived.values()) / 1e6:.1f}",
            _seconds(percentile(delays, 50)),
            _seconds(percentile(delays, 99)),
            _of(side.verified, wanted),
            Text(str(len(side.unwanted)), style="red" if side.unwanted else "green"),
        )
    return grid


def is_equal(sides: Sequence[Side]) -> bool:
    """Whether every destination holds exactly what it should."""
    return all(not side.problems() and side.verified == len(side.expected) for side in sides)


def summary(sides: Sequence[Side], objects: Sequence[Upload]) -> Text:
    """Whether all is equal; else also what is not, as far as it fits.

    Args:
        sides: as they are at the end.
        objects: what was put.
    """
    put = f"{len(objects)} objects, {sum(len(upload.body) for upload in objects) / 1e6:.1f} MB"
    replicas = sum(len(side.expected) for side in sides)
    if is_equal(sides):
        text = f"{put}, {replicas} replicas: all equal, nothing unwanted."
        return Text(text, style="bold green")
    lines = []
    wrong = 0
    for problems in (side.problems() for side in sides):
        wrong += len(problems)
        lines += [f"  {problem}" for problem in problems[:SHOWN_PROBLEMS]]
        if len(problems) > SHOWN_PROBLEMS:
            lines.append(f"  ... {len(problems) - SHOWN_PROBLEMS} more")
    lines.append(f"{put}, {replicas} replicas: {wrong} missing, different or unwanted.")
    return Text("\n".join(lines), style="bold red")


def times(
    began_at: float, put_at: float, first_seen_at: float | None, arrived_at: float | None
) -> str:
    """When the first replica was there, and all. All arguments are seconds since the epoch."""
    if first_seen_at is None:
        return "Nothing was replicated."
    first = f"First replica {first_seen_at - began_at:.1f} s after the start"
    if arrived_at is None:
        return f"{first}."
    return f"{first}, all of them {arrived_at - put_at:.1f} s after the first put."


def _of(number: int, total: int) -> Text:
    return Text(f"{number}/{total}", style="green" if total and number == total else "")


def _seconds(value: float | None) -> str:
    return "" if value is None else f"{value:.{2 if value < 10 else 1}f} s"
