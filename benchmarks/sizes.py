"""One object at a time: how long each of the peers takes for it, by its size."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

from .peers import PEERS, CopyError, OverError, Peer
from .s3_model.figures import MIB, Figures
from .s3_model.process import Running, model

GIB = 1024 * MIB
SIZES = (MIB, 64 * MIB, 128 * MIB, GIB, 5 * GIB, 50 * GIB)
LONG = GIB
"""From here on a copy is made once, and those that only wait run beside each other."""
MOST_SECONDS = 120.0
ROUNDS = 5

SINGLE_COPY_BYTES = 128 * MIB
"""Up to here our function makes one CopyObject."""
MIN_PART_BYTES = 64 * MIB
MAX_PARTS = 10_000


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


def part_size(size: int) -> int:
    """The size of our function's parts."""
    return max(MIN_PART_BYTES, -(-size // MAX_PARTS // MIB) * MIB)


def limit(size: int, figures: Figures) -> float:
    """The least time for an object with our part size, in seconds."""
    if size <= SINGLE_COPY_BYTES:
        return figures.copy_seconds(size)
    return figures.multipart_limit(size, part_size(size))


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
        running.clear()
        keys = [f"folder/object-{number}" for number in range(rounds)]
        made = running.make("source", keys, size)
        with peer.open(running, folder, MOST_SECONDS) as copy:
            try:
                seconds = [copy(key, each) for key, each in zip(keys, made, strict=True)]
            except OverError:
                return Result(peer.name, size, "over")
            except CopyError as error:
                return Result(peer.name, size, "refused", explanation=str(error))
        check(running, keys)
        calls = {name: round(n / rounds) for name, n in running.count()["calls"].items()}
    return Result(peer.name, size, "copied", min(seconds), calls)


def check(running: Running, keys: list[str]) -> None:
    """Compare the copies with their sources.

    Raises:
        AssertionError: one is not there, or not equal. A wrong copy has no speed.
    """
    for key in keys:
        source, copy = running.find("source", key), running.find("destination", key)
        assert source is not None
        assert copy is not None, f"{key} was not copied"
        for name in ("size", "content", "checksum"):
            assert copy[name] == source[name], f"{key}: {name} is {copy[name]}, not {source[name]}"
