"""A message of a batch and what has become of its keys."""

from __future__ import annotations

from dataclasses import dataclass, field

from .failures import FailureKind, ReplicationError
from .queue_message import QueueMessage

KeyErrors = dict[str, ReplicationError | None]
"""Why each key is not done, or None."""


@dataclass(slots=True)
class Processed:
    """A message, its keys, which of them are left, and what has failed."""

    message: QueueMessage
    keys: frozenset[str]
    errors: list[ReplicationError]
    left: set[str] = field(init=False)

    def __post_init__(self) -> None:
        self.left = set(self.keys)

    def is_finished_by(self, results: KeyErrors) -> bool:
        """Take results of its keys; returns whether they were the last ones."""
        taken = self.left & results.keys()
        self.errors += [error for key in taken if (error := results[key]) is not None]
        self.left -= taken
        return bool(taken) and not self.left


def longest_wait(errors: list[ReplicationError]) -> ReplicationError | None:
    """Of the failures in one message, the one that decides about it: the one that waits longest.

    What will not pass decides only when nothing else is left.
    """
    by_wait = list(FailureKind)
    may_pass = [error for error in errors if error.kind is not FailureKind.OBJECT]
    return max(may_pass or errors, key=lambda error: by_wait.index(error.kind), default=None)
