"""One object of 5 TiB, in invocations of a minute, each third of which is killed."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

from support.aws.server import model

from .environment import Environment, InvocationError
from .mapping import event_of, function, settle

TIB = 1024**4
SIZE = 5 * TIB
BUDGET_SECONDS = 60.0
KILL_EACH = 3
KILL_AFTER_SECONDS = 25.0
VISIBILITY_SECONDS = 75.0
"""For how long a message is hidden when its invocation is killed. In the module that is the timeout and
120 seconds more; here less, so that what S3 still copies for the killed one has less time to land."""
MOST_INVOCATIONS = 60
POLL_SECONDS = 0.2


class UnfinishedError(Exception):
    """The object was not there after ``MOST_INVOCATIONS``."""


def measure(
    folder: Path, tell: Callable[[dict[str, Any]], None], size: int = SIZE
) -> dict[str, Any]:
    """Copy the object.

    Args:
        folder: for logs.
        tell: is told each invocation when it has ended.
        size: of the object, in bytes.
    """
    invocations: list[dict[str, Any]] = []
    with model() as running:
        running.clear(is_versioned=True)
        key = "folder/object"
        running.sqs.send(running.queue, event_of(key, running.make(key, size)))
        process = Environment(function(running), folder / "giant.log")
        started = time.monotonic()
        try:
            while running.queue.messages:
                if len(invocations) == MOST_INVOCATIONS:
                    raise UnfinishedError
                records = running.receive(1, VISIBILITY_SECONDS)
                if not records:
                    time.sleep(POLL_SECONDS)
                    continue
                is_killed = (len(invocations) + 1) % KILL_EACH == 0
                invocation = _invoke(process, records, is_killed=is_killed)
                if invocation["was_killed"]:
                    process = Environment(function(running), folder / "giant.log")
                else:
                    settle(running, records, invocation.pop("answer"))
                invocation["receives"] = int(records[0]["attributes"]["ApproximateReceiveCount"])
                invocations.append(invocation)
                tell(invocation)
            seconds = time.monotonic() - started
        finally:
            process.kill()
        running.check([key])
    store, calls = running.s3.store, running.calls()
    assert not store.uploads
    copied, again = calls["UploadPartCopy"], store.parts_asked_again
    return {
        "size": size,
        "budget_seconds": BUDGET_SECONDS,
        "seconds": seconds,
        "invocations": invocations,
        "longest_seconds": max(each["seconds"] for each in invocations if not each["was_killed"]),
        "peak_bytes": max(each["peak_bytes"] for each in invocations),
        "parts": copied - again,
        "parts_copied_again": again,
        "calls": calls,
    }


def _invoke(
    process: Environment, records: list[dict[str, Any]], *, is_killed: bool
) -> dict[str, Any]:
    """Invoke the function once, and kill it in the middle if it is to be killed and still runs."""
    began = time.monotonic()
    process.begin([{"Records": records}], timeout=BUDGET_SECONDS)
    if is_killed and not process.has_ended(KILL_AFTER_SECONDS):
        peak = psutil.Process(process.pid).memory_info().rss
        process.kill()
        return {
            "seconds": time.monotonic() - began,
            "was_killed": True,
            "cpu_seconds": None,
            "peak_bytes": peak,
        }
    try:
        done = process.end()
    except InvocationError as error:
        raise UnfinishedError(str(error)) from error
    return {
        "seconds": done.seconds,
        "was_killed": False,
        "cpu_seconds": done.cpu_seconds,
        "peak_bytes": done.peak_bytes,
        "answer": done.answers[0],
    }
