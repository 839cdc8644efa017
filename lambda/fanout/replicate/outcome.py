"""How an attempt at a key ended: what log lines, metrics and the replication log report."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from .failures import ReplicationError
from .key_event import KeyEvent
from .object_state import ObjectState
from .progress import Finish


class ReplicationStatus(StrEnum):
    """S3 Replication's words (User Guide, "Getting replication status information")."""

    COMPLETED = "COMPLETED"
    """Source and destination were equal."""
    FAILED = "FAILED"
    """The last attempt failed."""
    PENDING = "PENDING"
    """An upload continues."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one attempt at one key ended.

    Attributes:
        destination_key: None where the destination does not replicate the key any more.
        calls: S3 requests made.
        observed_at: when the source was last observed, or the attempt began; seconds since the epoch.
        source: the source object as it was observed then, or None.
        error: why the key is not done; None when it is.
    """

    event: KeyEvent
    destination_key: str | None
    finish: Finish
    calls: int
    observed_at: float
    source: ObjectState | None = None
    error: ReplicationError | None = None

    @property
    def has_failed(self) -> bool:
        """Whether something went wrong."""
        return self.error is not None and self.error.is_failure

    @property
    def as_of(self) -> float:
        """When this was the state of the key, in seconds since the epoch.

        An attempt that did not complete knows no more than its message did. SQS delivers some messages
        twice ("at least once"). When the other delivery has observed both sides equal since, and its
        message is deleted, nobody would ever correct what this one reports.
        """
        notified_at = self.event.notified_at
        if self.status is ReplicationStatus.COMPLETED or notified_at is None:
            return self.observed_at
        return notified_at

    @property
    def is_pending(self) -> bool:
        """Whether an upload continues."""
        return self.error is not None and not self.has_failed

    @property
    def status(self) -> ReplicationStatus:
        """In one word."""
        if self.has_failed:
            return ReplicationStatus.FAILED
        return ReplicationStatus.PENDING if self.is_pending else ReplicationStatus.COMPLETED
