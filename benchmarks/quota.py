"""The share of a processor that a function has by its memory: enforced by a cgroup, or calculated."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from .measured import ONE_PROCESSOR_MB

PERIOD_MICROSECONDS = 20_000
GROUPS = Path("/sys/fs/cgroup")


def share_of(memory_mb: int) -> float:
    """Of one processor, at most one: there are no threads here that could use more."""
    return min(1.0, memory_mb / ONE_PROCESSOR_MB)


@dataclass(frozen=True, slots=True)
class Share:
    """What some processes have of a processor.

    Attributes:
        memory_mb: of the function; None for a whole processor.
        group: the group that enforces it; None for a whole processor, and where none can be made.
    """

    memory_mb: int | None
    group: Path | None = None

    def joining(self, command: list[str]) -> list[str]:
        """A command that joins the group before it does anything."""
        if self.group is None:
            return command
        return ["/bin/sh", "-c", f'echo $$ > {self.group}/cgroup.procs; exec "$@"', "sh", *command]

    def added_seconds(self, cpu_seconds: float) -> float:
        """How much longer it takes than it took, if the share is not enforced: its calculations take
        longer, its waits do not. An upper bound where it calculates while it waits.
        """
        if self.memory_mb is None or self.group is not None:
            return 0.0
        return cpu_seconds * (1 / share_of(self.memory_mb) - 1)


def is_enforced() -> bool:
    """Whether shares are enforced here, which takes root and a cgroup of version 1 or 2."""
    return os.access(_parent(), os.W_OK)


def _parent() -> Path:
    return GROUPS if (GROUPS / "cgroup.controllers").exists() else GROUPS / "cpu"


@contextmanager
def quota(memory_mb: int | None) -> Iterator[Share]:
    """The share of a function with this memory, for processes that join its group."""
    if memory_mb is None or not is_enforced():
        yield Share(memory_mb)
        return
    microseconds = round(share_of(memory_mb) * PERIOD_MICROSECONDS)
    group = Path(tempfile.mkdtemp(prefix="s3-fanout-", dir=_parent()))
    try:
        if (group / "cpu.max").exists():
            (group / "cpu.max").write_text(f"{microseconds} {PERIOD_MICROSECONDS}")
        else:
            (group / "cpu.cfs_period_us").write_text(str(PERIOD_MICROSECONDS))
            (group / "cpu.cfs_quota_us").write_text(str(microseconds))
        yield Share(memory_mb, group)
    finally:
        group.rmdir()
