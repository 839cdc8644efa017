"""What the demo shows."""

import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager

from rich import box
from rich.console import Console, Group
from rich.progress import Progress, SpinnerColumn
from rich.table import Table
from rich.text import Text

from demo.objects import Upload
from demo.replicas import Replicas

SHOWN_PROBLEMS = 4  # of each destination
TOLD_SECONDS = 10  # in a log, a step says at most this often how far it is

_INTRODUCTION = """
{objects} objects, {megabytes:.1f} MB, are put into one bucket: files of this repository, names
that are hard to get right, a large object and empty ones. What should arrive:

  [b]nearby[/]    everything
  [b]overseas[/]  everything, with from-eu-central-1/ in front of the key
  [b]reports[/]   only what is below reports/
"""

_LEGEND = """
[dim]delivery  queue: the topic fills an SQS queue, which the function processes
          direct: the topic invokes the function
arrived   replicas that are there, of those that should be; MB is their size
p50, p99  time from S3's event until the function found the replica equal, for
          half of the objects and for 99 of 100; here, not on AWS
equal     replicas with the bytes, headers, metadata and tags of the source:
          this program reads them all back and compares
extra     objects that should not be there[/]
"""

NEXT = """\
What to try next:
  make demo KEEP=1  leaves it up, and says how to put objects of your own, pause
                    a destination, look into queues and logs, compare, repair
  examples/basic    is the configuration that was applied here"""


@contextmanager
def step(console: Console, doing: str, why: str = "") -> Iterator[Callable[[str], None]]:
    """Show that something takes a while, and a line with its time when it is done.

    Args:
        doing: what it is.
        why: the reason why it takes long.

    Yields:
        What takes how far it is: on a terminal it stands beside a spinner, with the reason below;
        in a log it is printed every ten seconds at most, and the reason once.
    """
    told_at = began_at = time.monotonic()
    columns = (SpinnerColumn(), "{task.description}, {task.elapsed:.0f} s{task.fields[more]}")
    is_log = not console.is_terminal
    with Progress(*columns, console=console, transient=True, disable=is_log) as progress:
        task = progress.add_task(doing, more="")

        def tell(how_far: str) -> None:
            nonlocal told_at, why
            progress.update(task, more=f": {how_far}{why}")
            if is_log and time.monotonic() > told_at + TOLD_SECONDS:
                told_at = time.monotonic()
                console.print(f"{doing}, {told_at - began_at:.0f} s: {how_far}{why}")
                why = ""

        yield tell
    console.print(f"[green]✓[/] {doing} [dim]{time.monotonic() - began_at:.1f} s[/]")


def report(destinations: Sequence[Replicas], objects: Sequence[Upload]) -> Group:
    """What was put, what is known about the destinations, and what that means."""
    megabytes = sum(len(upload.body) for upload in objects) / 1e6
    introduction = _INTRODUCTION.format(objects=len(objects), megabytes=megabytes)
    return Group(introduction, table(destinations), _LEGEND)


def table(destinations: Sequence[Replicas]) -> Table:
    """What is known about the destinations, in at most 80 columns."""
    grid = Table(box=box.SIMPLE_HEAD, padding=0, show_edge=False)
    grid.add_column("destination", style="bold", no_wrap=True)
    grid.add_column("delivery", no_wrap=True)
    grid.add_column("region", no_wrap=True)
    # Widths that hold from the first row to the last, so that nothing moves while it is live.
    for header, width in (
        ("arrived", 7),
        ("MB", 6),
        ("p50", 6),
        ("p99", 6),
        ("equal", 7),
        ("extra", 5),
    ):
        grid.add_column(header, justify="right", no_wrap=True, min_width=width)
    for replicas in destinations:
        expected = len(replicas.expected)
        grid.add_row(
            replicas.destination.name,
            replicas.destination.delivery,
            replicas.destination.region,
            _of(expected - len(replicas.missing), expected),
            f"{sum(replicas.arrived.values()) / 1e6:.1f}",
            _percentile(replicas.delays.values(), 50),
            _percentile(replicas.delays.values(), 99),
            _of(replicas.equal, expected),
            Text(str(len(replicas.extra)), style="red" if replicas.extra else "green"),
        )
    return grid


def is_equal(destinations: Sequence[Replicas]) -> bool:
    """Whether every destination holds exactly what it should."""
    return all(not r.problems() and r.equal == len(r.expected) for r in destinations)


def verdict(destinations: Sequence[Replicas], gave_up: str | None) -> Text:
    """Whether all is equal; else also what is not, as far as it fits.

    Args:
        destinations: as they are at the end.
        gave_up: why not everything was waited for, if so.
    """
    total = sum(len(replicas.expected) for replicas in destinations)
    if is_equal(destinations):
        text = f"All {total} replicas are equal to their sources, and nothing else is there."
        return Text(text, style="bold green")
    lines = [gave_up] if gave_up else []
    wrong = 0
    for replicas in destinations:
        wrong += len(replicas.expected) - replicas.equal + len(replicas.extra)
        problems = replicas.problems()
        lines += [f"  {problem}" for problem in problems[:SHOWN_PROBLEMS]]
        if len(problems) > SHOWN_PROBLEMS:
            lines.append(f"  ... {len(problems) - SHOWN_PROBLEMS} more")
    lines.append(f"Of {total} replicas, {wrong} are missing, different or extra.")
    return Text("\n".join(lines), style="bold red")


def _of(number: int, total: int) -> Text:
    return Text(f"{number}/{total}", style="green" if total and number == total else "")


def _percentile(values: Iterable[float], percent: int) -> str:
    """The smallest of the values, in seconds, that `percent` of them do not exceed."""
    if not (ordered := sorted(values)):
        return ""
    value = ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]
    return f"{value:.{2 if value < 10 else 1}f} s"
