"""One object at a time: how long each of the peers takes for it, by its size."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

from fanout.replicate.upload_plan import is_copied_in_parts, least_part_bytes

from support.aws.figures import MIB, Figures
from support.aws.server import model

from .peers import PEERS, CopyError, OverError, Peer

GIB = 1024 * MIB
SIZES = (MIB, 64 * MIB, 128 * MIB, GIB, 5 * GIB, 50 * GIB)
LONG = GIB
"""From here on a copy is made once, and those that only wait run beside each other."""
MOST_SECONDS = 120.0
ROUNDS = 5


@dataclass(frozen=True, slots=True)
class Result:
    """What one peer took for one size.

    Attributes:
        outcome: ``copied``, ``over`` (not done after ``MOST_SECONDS``) or ``refused``.
        seconds: the least of the rounds, since what else the machine does only adds; None unless
            copied.
        calls: how many of each operation one copy made.
        explanation: why it was refused.
    """

    peer: str
    size: int
    outcome: str
    seconds: float | None = None
    calls: dict[str, int] | None = None
    explanation: str | None = None


def limit(size: int, figures: Figures) -> float:
    """The least time for an object with our part size, in seconds."""
    if is_copied_in_parts(size):
        return figures.multipart_limit(size, least_part_bytes(size))
    return figures.copy_seconds(size)


def measure(folder: Path, tell: Callable[[Result], None]) -> list[dict[str, object]]:
    """Copy objects of all sizes by all peers.

    Args:
        folder: for logs.
        tell: is told each result when it is there.
    """
    results: list[Result] = []
    for size in SIZES:
        waiting = [peer for peer in PEERS if peer.waits and size >= LONG]
        with ThreadPoolExecutor(len(PEERS)) as pool:
            found = list(pool.map(lambda peer, size=size: _measure(peer, size, folder), waiting))
        for peer in PEERS:
            result = found[waiting.index(peer)] if peer in waiting else _measure(peer, size, folder)
            tell(result)
            results.append(result)
    return [
        {name: value for name, value in asdict(result).items() if value is not None}
        for result in results
    ]


def _measure(peer: Peer, size: int, folder: Path) -> Result:
    rounds = 1 if peer.waits and size >= LONG else ROUNDS
    with model() as running:
        made = {
            key: running.make(key, size) for key in map("folder/object-{}".format, range(rounds))
        }
        with peer.open(running, folder, MOST_SECONDS) as copy:
            try:
                seconds = [copy(key, each) for key, each in made.items()]
            except OverError:
                return Result(peer.name, size, "over")
            except CopyError as error:
                return Result(peer.name, size, "refused", explanation=str(error))
        running.check(list(made))
        calls = {name: round(n / rounds) for name, n in running.calls().items()}
    return Result(peer.name, size, "copied", min(seconds), calls)
