"""What the cost model and the simulation take from ``make bench``."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results.json"
"""Written by ``make bench``."""

ONE_PROCESSOR_MB = 1769
"""Memory at which a function has one processor; its share grows with memory (Lambda Developer Guide,
"Configure Lambda function memory")."""

SHIPPED_MB = 512
"""The memory that the module gives a function."""

GIB = 1024**3


@dataclass(frozen=True, slots=True)
class Invocation:
    """One invocation of a function as it was measured, with a whole processor.

    Attributes:
        objects: it copied.
        seconds: it took.
        cpu_seconds: of its processor time.
        calls: how many of each operation it made.
    """

    objects: float
    seconds: float
    cpu_seconds: float
    calls: dict[str, float]

    def seconds_with(self, memory_mb: int) -> float:
        """How long it takes with a part of a processor: its calculations take longer, its waits do not.

        An upper bound where it calculates while it waits.
        """
        share = min(1.0, memory_mb / ONE_PROCESSOR_MB)
        return max(0.0, self.seconds - self.cpu_seconds) + self.cpu_seconds / share


@dataclass(frozen=True, slots=True)
class Measured:
    """The figures.

    Attributes:
        origin: of the figures, as people read it.
        batch: our function with ten messages.
        single: our function with one.
        blog: the blog's handler, which has always one.
        large: our function with an object of a GiB, its two invocations together.
        blog_large: the blog's handler with it.
    """

    origin: str
    batch: Invocation
    single: Invocation
    blog: Invocation
    large: Invocation
    blog_large: Invocation

    def with_objects(self, objects: float) -> Invocation:
        """Our function with another number of messages, on the line through one and ten."""
        steps = (objects - self.single.objects) / (self.batch.objects - self.single.objects)

        def between(one: float, ten: float) -> float:
            return one + (ten - one) * steps

        return Invocation(
            objects=objects,
            seconds=between(self.single.seconds, self.batch.seconds),
            cpu_seconds=between(self.single.cpu_seconds, self.batch.cpu_seconds),
            calls={
                name: between(self.single.calls.get(name, 0), number)
                for name, number in self.batch.calls.items()
            },
        )


def read() -> Measured:
    """Read what was measured.

    Raises:
        StopIteration: a figure is not in it.
    """
    kept = json.loads(RESULTS.read_text())
    small = kept["small"]["results"]
    single, blog = _small(small, "ours", 1), _small(small, "blog", 1)
    return Measured(
        origin=f"`make bench` on {kept['date']}",
        batch=_small(small, "ours", 10),
        single=single,
        blog=blog,
        large=_large(kept["sizes"], "ours", single),
        blog_large=_large(kept["sizes"], "blog", blog),
    )


def result_of(
    sizes: dict[str, Any],
    peer: str,
    size: int,
    *,
    memory_mb: int | None = SHIPPED_MB,
    is_new: bool = False,
    is_limited: bool = False,
) -> dict[str, Any] | None:
    """One of the results of ``sizes.measure``.

    A peer for which a processor or a warm environment makes no difference has one result for all.
    """
    wanted = peer, size, is_limited
    found = [
        each
        for each in sizes["results"]
        if (each["peer"], each["size"], each["is_limited"]) == wanted
        and each["memory_mb"] in (memory_mb, SHIPPED_MB)
    ]
    return min(
        found,
        key=lambda each: (each["memory_mb"] != memory_mb, each["is_new"] != is_new),
        default=None,
    )


def _small(results: list[dict[str, Any]], who: str, at_once: int) -> Invocation:
    found = next(r for r in results if (r["who"], r["concurrency"]) == (who, at_once))
    return Invocation(
        objects=at_once,
        seconds=found["seconds"] / found["objects"] * at_once,
        cpu_seconds=found["cpu_milliseconds"] / 1000 * at_once,
        calls={name: number * at_once for name, number in found["calls"].items()},
    )


def _large(sizes: dict[str, Any], peer: str, small: Invocation) -> Invocation:
    """One object of a GiB. Its processor time is that of as many calls of a small object."""
    found = result_of(sizes, peer, GIB, memory_mb=None)
    assert found is not None
    per_call = small.cpu_seconds / sum(small.calls.values())
    return Invocation(
        objects=1,
        seconds=found["seconds"],
        cpu_seconds=per_call * sum(found["calls"].values()),
        calls=found["calls"],
    )
