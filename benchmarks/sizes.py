"""One object at a time: how long each peer takes for it, in a new environment and in a warm one."""

from __future__ import annotations

import socket
import ssl
import time
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from support.aws.figures import MIB, Figures
from support.aws.server import Model, model
from support.aws.store import MAX_COPY_BYTES, MAX_PARTS, MIN_PART_BYTES

from .environment import REPOSITORY
from .measured import SHIPPED_MB
from .peers import PEERS, CopyError, OverError, Peer
from .quota import share_of

GIB = 1024 * MIB
SIZES = tuple(n * MIB for n in (1, 8, 16, 32, 64, 128, 256, 512)) + tuple(
    n * GIB for n in (1, 5, 50)
)
MOST_SECONDS = 120.0
PATIENCE = {50 * GIB: 20.0}
"""How long a copy is waited for that would take minutes: who has not finished by then is over."""

WARM_ROUNDS = 3
LONG = GIB
"""From here on others copy once in each environment."""

MEMORIES: tuple[int | None, ...] = (SHIPPED_MB, None)

ONE_OBJECT_BYTES = 7e9
"""Of ``Figures.object_bytes``, for the second figure."""

MAX_STREAMS = 1000
"""Connections of one function (Lambda Developer Guide, "Lambda quotas": 1,024 file descriptors)."""


@dataclass(frozen=True, slots=True)
class Result:
    """What one peer took for one size.

    Attributes:
        memory_mb: of the function, which gives its share of a processor; None for a whole processor.
        is_new: whether the environment was new, and its start is part of it; otherwise the least of some
            copies, since what else the machine does only adds.
        is_limited: whether S3 gave one object at most ``ONE_OBJECT_BYTES`` a second.
        outcome: ``copied``, ``over`` (not done in time) or ``refused``.
        seconds: None unless copied.
        calls: how many of each operation one copy made.
        explanation: why it was refused.
    """

    peer: str
    size: int
    memory_mb: int | None
    is_new: bool
    is_limited: bool
    outcome: str
    seconds: float | None = None
    calls: dict[str, int] | None = None
    explanation: str | None = None


def limit(size: int, figures: Figures, memory_mb: int | None, handshake_seconds: float) -> float:
    """The least time for an object if nothing but S3 and bare TLS took any.

    One CopyObject, or parts by as many streams as are best, each of which begins when its connection is
    there. A copy must look at the object before, for its size, and begin and complete an upload.

    Args:
        handshake_seconds: of a processor, for each connection; 0 in a warm environment.
    """
    handshake = handshake_seconds / (1 if memory_mb is None else share_of(memory_mb))
    best = handshake + figures.copy_seconds(size) if size <= MAX_COPY_BYTES else float("inf")
    around = handshake + figures.head + figures.create + figures.complete
    for streams in range(1, min(MAX_STREAMS, size // MIN_PART_BYTES) + 1):
        parts = max(streams, -(-size // MAX_COPY_BYTES))
        if parts > MAX_PARTS:
            break
        waits = handshake * streams * (streams - 1) / 2 + figures.copy * parts
        moving = (size / figures.stream_bytes + waits) / streams
        if figures.object_bytes is not None:
            moving = max(moving, size / figures.object_bytes + figures.copy)
        best = min(best, around + moving)
    return best


def handshake_seconds(running: Model, rounds: int = 40) -> float:
    """The processor time of one bare connection."""
    assert running.tls is not None
    context = ssl.create_default_context(cafile=running.tls.ca_bundle)
    url = urlsplit(running.served.url)
    used = time.thread_time()
    for _ in range(rounds):
        plain = socket.create_connection((url.hostname, url.port))
        context.wrap_socket(plain, server_hostname=url.hostname).close()
    return (time.thread_time() - used) / rounds


def measure(
    folder: Path, tell: Callable[[Result], None], sizes: tuple[int, ...] = SIZES
) -> dict[str, Any]:
    """Copy objects of some sizes by all peers.

    Args:
        folder: for logs.
        tell: is told each result when it is there.
    """
    with zipfile.ZipFile(REPOSITORY / "lambda/function.zip") as archive:
        archive.extractall(folder)
    with model() as running:
        handshake = handshake_seconds(running)
    results: list[Result] = []
    for size in sizes:
        for result in _of_size(size, folder):
            tell(result)
            results.append(result)
    return {"handshake_seconds": handshake, "results": [asdict(result) for result in results]}


def _of_size(size: int, folder: Path) -> Iterator[Result]:
    # A long copy by one of these is only waiting, whatever processor there is, and alike in a warm
    # environment. So they run beside each other.
    waiting = [peer for peer in PEERS if peer.waits and size >= LONG]
    with ThreadPoolExecutor(len(PEERS)) as pool:
        for found in pool.map(
            lambda peer: list(copies(peer, size, SHIPPED_MB, folder, rounds=0)), waiting
        ):
            yield from found
    for memory_mb in MEMORIES:
        for peer in PEERS:
            if peer not in waiting:
                yield from copies(peer, size, memory_mb, folder)
    if size > LONG:
        limited = Figures(object_bytes=ONE_OBJECT_BYTES)
        yield from copies(PEERS[-1], size, SHIPPED_MB, folder, figures=limited)


def copies(
    peer: Peer,
    size: int,
    memory_mb: int | None,
    folder: Path,
    rounds: int = WARM_ROUNDS,
    figures: Figures | None = None,
) -> Iterator[Result]:
    """Copy objects of one size in a new environment and, where there is one, in a warm one.

    Args:
        rounds: how many in the warm one.
    """
    most = PATIENCE.get(size, MOST_SECONDS)
    is_limited = figures is not None
    if not peer.is_warm:
        rounds = 0
    elif size >= LONG and peer.name != "ours":
        rounds = min(rounds, 1)
    seconds: list[float] = []
    with model(figures) as running:
        made = {
            key: running.make(key, size)
            for key in map("folder/object-{}".format, range(1 + rounds))
        }
        outcome, explanation = "copied", None
        with peer.open(running, folder, most, memory_mb) as copy:
            try:
                for key, each in made.items():
                    seconds.append(copy(key, each))
            except OverError:
                outcome = "over"
            except CopyError as error:
                outcome, explanation = "refused", str(error)
        running.check(list(made)[: len(seconds)])
        calls = {name: round(n / max(1, len(seconds))) for name, n in running.calls().items()}
    for is_new, found in ((True, seconds[:1]), (False, seconds[1:])):
        if found:
            yield Result(
                peer.name, size, memory_mb, is_new, is_limited, "copied", min(found), calls
            )
        elif is_new or rounds:
            yield Result(
                peer.name, size, memory_mb, is_new, is_limited, outcome, explanation=explanation
            )
