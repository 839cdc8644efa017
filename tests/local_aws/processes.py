"""Ending processes together with everything they started."""

import contextlib
from collections.abc import Iterable

import psutil


def with_descendants(process: psutil.Process) -> list[psutil.Process]:
    """The process and everything below it; empty when it is gone."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return [process, *process.children(recursive=True)]
    return []


def kill(processes: Iterable[psutil.Process]) -> None:
    """Send SIGKILL and return when all of them are gone.

    psutil identifies a process by its id and its start time, so an id that was given to another
    process meanwhile is safe.
    """
    doomed = list(processes)
    for process in doomed:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(doomed, timeout=10)
