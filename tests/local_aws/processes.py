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
    """Send SIGKILL to processes and all below them, and return when they are gone.

    They are stopped first, so that none starts another one unseen. psutil identifies a process by its
    id and its start time, so an id that was given to another process meanwhile is safe.
    """
    doomed: list[psutil.Process] = []
    found = list(processes)
    while found:
        for process in found:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.suspend()
                doomed.append(process)
        found = _children(doomed)
    for process in doomed:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(doomed, timeout=10)


def _children(processes: list[psutil.Process]) -> list[psutil.Process]:
    """The processes that these have started, without these."""
    ids = {process.pid for process in processes}
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.NoSuchProcess):
            if process.ppid() in ids and process.pid not in ids:
                found.append(process)
    return found
