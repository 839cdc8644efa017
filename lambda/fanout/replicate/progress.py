"""What a delivery of a key has done so far, and how it ended."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum, StrEnum

from .failures import ReplicationError
from .object_state import Lineage, ObjectState

MAX_WRITES = 2
MAX_OBSERVATIONS = 4


class Ending(StrEnum):
    """How a delivery of a key ended. Log lines and the replication log have these words."""

    COPIED = "copied"
    TAGGED = "tagged"
    DELETED = "deleted"
    """Both sides are equal, and this was the last write."""
    CURRENT = "current"
    """Both sides were equal."""
    ABSENT = "absent"
    """The source has no such object, and nothing had to be deleted."""
    OVERTAKEN = "overtaken"
    """The source was written again, which has an event of its own, and no write of this delivery is
    left at the destination."""
    UNFINISHED = "unfinished"
    """Time is up before all parts are copied: another delivery continues."""
    WAITING = "waiting"
    """Another delivery is copying the object's parts."""
    UNSETTLED = "unsettled"
    """The key kept changing: it has to be compared again later."""
    DIFFERS = "differs"
    """The replica was written from the source as it still is, and does not equal it."""
    FAILED = "failed"
    """A call failed."""
    SKIPPED = "skipped"
    """The destination does not replicate the key (any more)."""

    @property
    def is_write(self) -> bool:
        """Whether the replica is newer than before."""
        return self in (Ending.COPIED, Ending.TAGGED, Ending.DELETED)

    @property
    def is_converged(self) -> bool:
        """Whether both sides were observed to be equal."""
        return self.is_write or self in (Ending.CURRENT, Ending.ABSENT)


@dataclass(frozen=True, slots=True)
class Finish:
    """Nothing is left to do for this delivery.

    Attributes:
        size: the object's, in bytes, where there is one.
        upload_id: the upload that another delivery continues, or None.
        parts: how many of its parts are there, and how many it has; None where it has none.
        failure: why a call failed, or None.
    """

    ending: Ending
    size: int = 0
    upload_id: str | None = None
    parts: tuple[int, int] | None = None
    failure: ReplicationError | None = None


class Leftovers(Enum):
    """Whether an upload of the key may be open that nobody works on.

    It was begun by a delivery that was cut short, or by a request whose answer was lost.
    """

    NONE = "none"
    OF_LARGE = "of large"
    """If the source object may be copied in parts."""
    ANY = "any"
    """Of whatever the source object was: the event is about a large one."""


@dataclass(frozen=True, slots=True)
class KeyProgress:
    """What this delivery has done so far.

    Attributes:
        last_write: what the last write was, or None.
        lineage: the replica that it copied last, and what from.
        first_seen: identity of the source object that it observed first.
        upload_id: the upload that its message names, or that it works on.
        may_be_left: where an upload may be open that nobody works on.
    """

    writes: int = 0
    observations: int = 0
    last_write: Ending | None = None
    lineage: Lineage | None = None
    first_seen: tuple[object, ...] | None = None
    upload_id: str | None = None
    may_be_left: Leftovers = Leftovers.NONE

    def wrote(self, what: Ending) -> KeyProgress:
        """With one more write."""
        return replace(self, writes=self.writes + 1, last_write=what)

    def observed(self, source: ObjectState | None = None) -> KeyProgress:
        """With one more observation."""
        first_seen = self.first_seen
        if first_seen is None and source is not None:
            first_seen = source.identity
        return replace(self, observations=self.observations + 1, first_seen=first_seen)

    @property
    def is_exhausted(self) -> bool:
        """Whether the key has to be retried later before anything else is written."""
        return self.writes >= MAX_WRITES or self.observations >= MAX_OBSERVATIONS

    def is_overtaken(self, source: ObjectState, replica: ObjectState | None) -> bool:
        """Whether the source was written meanwhile, and no write of this delivery is left.

        Then whoever wrote the replica last, or gets the event of the last write, has to go on.
        """
        if self.first_seen in (None, source.identity):
            return False
        if self.writes == 0:
            return True
        is_other = self.lineage is not None and not self.lineage.is_of(replica)
        return self.last_write is Ending.COPIED and replica is not None and is_other
