"""Many small objects in one process: objects a second, and processor time for each."""

from __future__ import annotations

import time
import zipfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

from support.aws.figures import Figures
from support.aws.server import Model, model
from support.events import sns_event

from .environment import REPOSITORY, Done, Handler, environment
from .from_start import Invoked, started
from .mapping import blog as blog_handler
from .mapping import event_of, function
from .measured import SHIPPED_MB

SIZE = 10_000
OBJECTS = 2000
OBJECTS_ONE_BY_ONE = 200
"""One after the other they all take the same time."""
CONCURRENCIES = (1, 10, 50, 100)
CPU_CONCURRENCY = 10
CPU_ROUNDS = 3
BATCH = 10
"""Messages that SQS hands over at once."""
BATCH_ROUNDS = 5
INVOCATIONS = 11

LATER_MILLISECONDS = str(round(time.time() + 3600) * 1000)


@dataclass(frozen=True, slots=True)
class Result:
    """What some objects took.

    Attributes:
        cpu_milliseconds: processor time of the process, for each object.
        calls: how many of each operation were made for each object.
        model_milliseconds: processor time of the model, for each call: it has another processor.
    """

    who: str
    concurrency: int
    objects: int
    seconds: float
    cpu_milliseconds: float
    calls: dict[str, float]
    model_milliseconds: float

    @property
    def per_second(self) -> float:
        """Objects a second."""
        return self.objects / self.seconds


def limit(concurrency: int, figures: Figures) -> float:
    """The most objects a second, if nothing but S3 took time: a copy and a look after it."""
    return min(
        concurrency / (figures.copy_seconds(SIZE) + figures.head),
        float(figures.writes),
    )


def blog(concurrency: int, objects: int, folder: Path) -> Result:
    """The blog's handler, as many invocations at once as ``concurrency`` says."""
    with model() as running:
        events = [sns_event(event) for event in _events(running, objects)]
        with environment(blog_handler(running), folder / "blog.log") as process:
            done = process.invoke(events, at_once=concurrency)
        return _result("blog", running, concurrency, objects, done)


def ours(concurrency: int, objects: int, folder: Path) -> Result:
    """Our function, invoked with batches of as many messages as ``concurrency`` says."""
    with model() as running:
        events = _batches(running, concurrency, objects)
        with environment(function(running), folder / "ours.log") as process:
            done = process.invoke(events)
        assert not any(answer["batchItemFailures"] for answer in done.answers)
        return _result("ours", running, concurrency, objects, done)


def bare(concurrency: int, objects: int, folder: Path, *, deletes: bool) -> Result:
    """The calls of our function, without it."""
    with model() as running:
        events = _batches(running, concurrency, objects)
        environ = {
            **running.environ,
            "THREADS": str(concurrency),
            "DELETES": "yes" if deletes else "no",
        }
        with environment(
            Handler("benchmarks.bare", "handler", environ), folder / "bare.log"
        ) as process:
            done = process.invoke(events)
        return _result("bare boto3", running, concurrency, objects, done)


@dataclass(frozen=True, slots=True)
class Batch:
    """Batches of objects in one environment: the first from the start of its process, and later ones.

    Attributes:
        who: ``ours`` with a batch of ``BATCH``; ``blog`` with one event, since it has no more.
        memory_mb: of the function, which gives its share of a processor; None for a whole one.
    """

    who: str
    memory_mb: int | None
    new_seconds: float
    new_cpu_seconds: float
    warm_seconds: float
    warm_cpu_seconds: float


def batches(folder: Path, rounds: int = BATCH_ROUNDS) -> list[Batch]:
    """Start environments in turns; medians of what they took.

    Args:
        folder: for logs.
    """
    with zipfile.ZipFile(REPOSITORY / "lambda/function.zip") as archive:
        archive.extractall(folder)
    found = []
    for memory_mb in (SHIPPED_MB, None):
        turns = [
            (_our_batches(folder, memory_mb), _blog_events(folder, memory_mb))
            for _ in range(rounds)
        ]
        for who, invoked in zip(("ours", "blog"), zip(*turns, strict=True), strict=True):
            new, warm = (
                [each[0] for each in invoked],
                [later for each in invoked for later in each[1:]],
            )
            found.append(
                Batch(
                    who,
                    memory_mb,
                    median(each.seconds for each in new),
                    median(each.cpu_seconds for each in new),
                    median(each.seconds for each in warm),
                    median(each.cpu_seconds for each in warm),
                )
            )
    return found


def _our_batches(folder: Path, memory_mb: int | None) -> list[Invoked]:
    objects = BATCH * INVOCATIONS
    with model() as running:
        events = _batches(running, BATCH, objects)
        with started(function(running), folder, memory_mb) as process:
            invoked = [process.invoke(event) for event in events]
        assert not any(each.answer["batchItemFailures"] for each in invoked)
        running.check(_keys(objects))
    return invoked


def _blog_events(folder: Path, memory_mb: int | None) -> list[Invoked]:
    with model() as running:
        events = _events(running, INVOCATIONS)
        with started(blog_handler(running), folder, memory_mb) as process:
            invoked = [process.invoke(sns_event(event)) for event in events]
        running.check(_keys(INVOCATIONS))
    return invoked


def measure(folder: Path, tell: Callable[[Result], None]) -> dict[str, Any]:
    """Copy many small objects at several concurrencies, and compare the processor time.

    Args:
        folder: for logs.
        tell: is told each result when it is there.
    """
    results: list[Result] = []
    for concurrency in CONCURRENCIES:
        for copy in (blog, ours):
            objects = OBJECTS if concurrency > 1 else OBJECTS_ONE_BY_ONE
            results.append(copy(concurrency, objects, folder))
            tell(results[-1])
    # In turns, and the least counts: what else the machine does only adds.
    rounds: list[tuple[Result, Result]] = []
    for _ in range(CPU_ROUNDS):
        own = ours(CPU_CONCURRENCY, OBJECTS, folder)
        deletes = own.calls.get("DeleteMessage", 0) > 0
        rounds.append((own, bare(CPU_CONCURRENCY, OBJECTS, folder, deletes=deletes)))
    for result in rounds[-1]:
        tell(result)
    cpu = {
        "ours_milliseconds": min(own.cpu_milliseconds for own, _ in rounds),
        "bare_milliseconds": min(other.cpu_milliseconds for _, other in rounds),
        "ours_calls": rounds[-1][0].calls,
        "bare_calls": rounds[-1][1].calls,
    }
    return {
        "size": SIZE,
        "results": [asdict(result) for result in results],
        "batches": [asdict(batch) for batch in batches(folder)],
        "cpu": cpu,
    }


def _events(running: Model, objects: int) -> list[dict[str, Any]]:
    return [event_of(key, running.make(key, SIZE)) for key in _keys(objects)]


def _keys(objects: int) -> list[str]:
    return [f"folder/object-{number:05}" for number in range(objects)]


def _batches(running: Model, size: int, objects: int) -> list[dict[str, Any]]:
    for event in _events(running, objects):
        running.sqs.send(running.queue, event)
    records = running.receive(objects, visibility=3600)
    assert len(records) == objects
    for record in records:  # as if each was received just before its invocation, whenever that is
        record["attributes"]["ApproximateFirstReceiveTimestamp"] = LATER_MILLISECONDS
    return [{"Records": records[first : first + size]} for first in range(0, objects, size)]


def _result(who: str, running: Model, concurrency: int, objects: int, done: Done) -> Result:
    running.check(_keys(objects))
    calls = running.calls()
    assert running.s3.slowed_down == 0, "the model's limit was measured, not the program"
    return Result(
        who,
        concurrency,
        objects,
        done.seconds,
        done.cpu_seconds / objects * 1000,
        {name: round(number / objects, 3) for name, number in calls.items()},
        time.clock_gettime(running.served.cpu_clock) / sum(calls.values()) * 1000,
    )
