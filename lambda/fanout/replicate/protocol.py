"""The replication protocol: what to do next for one key, as a pure function of what was observed.

An event only triggers a comparison. Whatever it says, the destination is brought to the source's
current state:

1. a plain first event copies at once (the common case). Any other observes first;
2. after every write both sides are observed again. Nobody is done before they have observed the
   destination equal to the source after their own last write. It is not enough that the source did not
   change meanwhile: another worker may have written something older in between;
3. before a delete, the absence of the source object is proven: HEAD answers the same for a missing
   bucket as for a missing object. A replica that is absent already is left alone;
4. where deletes are not replicated and the source is versioned, the destination gets the newest
   version that survives. That version may have been hidden before anybody copied it, and a slow copy of
   an older one may have landed after it;
5. a delivery makes at most ``MAX_WRITES`` writes. A key that does not settle is retried.

Everything here is data and decisions; ``replicator.converge`` has them carried out. The model in the
tests explores every interleaving of several workers that run these very functions.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from ..common.config import ReplicaSettings
from .object_state import Difference, Lineage, ObjectState, Tags, compare_objects, unique_version_id
from .upload_plan import is_copied_in_parts

MAX_WRITES = 2
MAX_OBSERVATIONS = 4


@dataclass(frozen=True, slots=True)
class Observe:
    """Observe both sides. Answered by ``Observed``, or by ``Changed`` when an object vanished."""


@dataclass(frozen=True, slots=True)
class Copy:
    """Copy the source object if its ETag is still this one.

    Answered by ``Copied``, ``Changed``, or ``Queued`` when it is large.

    Attributes:
        source: the object as it was observed, or None when it was not.
        version_id: the version to copy; None for the current one.
    """

    if_match: str
    source: ObjectState | None = None
    version_id: str | None = None

    @property
    def is_in_parts(self) -> bool:
        """Whether it takes more than one CopyObject, as far as is known."""
        return self.source is not None and is_copied_in_parts(self.source.size)


@dataclass(frozen=True, slots=True)
class WriteTags:
    """Replace the replica's tags. Answered by ``Tagged``, or by ``Changed`` when the replica is gone."""

    tags: Tags


@dataclass(frozen=True, slots=True)
class ProveAbsence:
    """Make sure the source bucket has no such object. Answered by ``Proof``."""


@dataclass(frozen=True, slots=True)
class Delete:
    """Delete the replica. Answered by ``Deleted``."""


@dataclass(frozen=True, slots=True)
class FindSurvivor:
    """Find the newest version of a deleted source object. Answered by ``Survivor`` or ``Changed``."""

    replica: ObjectState | None
    """The destination object as it was just observed."""


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
    QUEUED = "queued"
    """Another message continues with the key."""
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
    """Nothing is left to do for this delivery."""

    ending: Ending
    size: int = 0
    """The object's, in bytes, where there is one."""


_UNSETTLED = Finish(Ending.UNSETTLED)


@dataclass(frozen=True, slots=True)
class Observed:
    """Both sides, None where there is no object."""

    source: ObjectState | None
    replica: ObjectState | None
    has_delete_marker: bool = False
    """Whether older versions of an absent source object may be there."""


@dataclass(frozen=True, slots=True)
class Copied:
    """The copy was made; ``source_version_id`` is the version that S3 says it copied from."""

    etag: str
    version_id: str | None = None
    source_version_id: str | None = None


@dataclass(frozen=True, slots=True)
class Queued:
    """The copy is to be made in parts, and a message that names the upload is in the work queue."""


@dataclass(frozen=True, slots=True)
class Tagged:
    """The tags were written."""


@dataclass(frozen=True, slots=True)
class Deleted:
    """The replica was deleted."""


@dataclass(frozen=True, slots=True)
class Proof:
    """Whether the source bucket is there and has no such object."""

    is_absent: bool


@dataclass(frozen=True, slots=True)
class Survivor:
    """The newest version of a deleted source object, or None when there is none."""

    source: ObjectState | None
    version_id: str | None = None
    """As S3 lists it, ``null`` included."""


@dataclass(frozen=True, slots=True)
class Changed:
    """The object was replaced or removed meanwhile. Nothing was written."""


Action = Observe | Copy | WriteTags | ProveAbsence | Delete | FindSurvivor | Finish
ActionResult = Observed | Copied | Queued | Tagged | Deleted | Proof | Survivor | Changed


@dataclass(frozen=True, slots=True)
class KeyProgress:
    """What this delivery has done so far."""

    writes: int = 0
    observations: int = 0
    last_write: Ending | None = None
    lineage: Lineage | None = None

    def wrote(self, what: Ending) -> KeyProgress:
        """With one more write."""
        return replace(self, writes=self.writes + 1, last_write=what)

    def observed(self) -> KeyProgress:
        """With one more observation."""
        return replace(self, observations=self.observations + 1)

    @property
    def is_exhausted(self) -> bool:
        """Whether the key has to be retried later before anything else is written."""
        return self.writes >= MAX_WRITES or self.observations >= MAX_OBSERVATIONS


def begin(etag: str | None) -> tuple[KeyProgress, Action]:
    """The first action for a key.

    Args:
        etag: the ETag (no quotes) of a plain first event, whose object is copied before it is
            observed: one call decides the common case. None: observe first.
    """
    return KeyProgress(), Observe() if etag is None else Copy(if_match=f'"{etag}"')


def advance(
    progress: KeyProgress, action: Action, result: ActionResult, settings: ReplicaSettings
) -> tuple[KeyProgress, Action]:
    """The next action, given what the last one brought."""
    match action, result:
        case Copy(source=source), Copied():
            version = unique_version_id(result.version_id)
            lineage = Lineage(_origin(source, result), result.etag, version)
            return replace(progress.wrote(Ending.COPIED), lineage=lineage), Observe()
        case Copy(source=ObjectState(size=size)), Queued():
            return progress, Finish(Ending.QUEUED, size)
        case WriteTags(), Tagged():
            return progress.wrote(Ending.TAGGED), Observe()
        case Delete(), Deleted():
            return progress.wrote(Ending.DELETED), Observe()
        case ProveAbsence(), Proof(is_absent=is_absent):
            return progress, Delete() if is_absent else Observe()
        case FindSurvivor(replica=replica), Survivor(source=survivor):
            if survivor is None:
                return progress, Finish(progress.last_write or Ending.ABSENT)
            return progress, _compare(progress, survivor, result.version_id, replica, settings)
        case Observe(), Observed(source=source, replica=replica):
            progress = progress.observed()
            if source is None:
                return progress, _without_source(progress, result, settings)
            return progress, _compare(progress, source, source.version_id, replica, settings)
        case Observe(), Changed():
            progress = progress.observed()
            return progress, _UNSETTLED if progress.is_exhausted else Observe()
        case _, Changed():
            return progress, Observe()
    raise AssertionError(f"{result} does not answer {action}")


def _origin(source: ObjectState | None, copied: Copied) -> tuple[object, ...] | None:
    if source is not None:
        return source.identity if source.identity_is_unique else None
    version = unique_version_id(copied.source_version_id)
    return None if version is None else (version,)


def _without_source(progress: KeyProgress, observed: Observed, settings: ReplicaSettings) -> Action:
    if not settings.replicate_deletes and observed.has_delete_marker:
        # Writes are counted where they are decided, but versions can vanish without end.
        is_endless = progress.observations > MAX_OBSERVATIONS
        return _UNSETTLED if is_endless else FindSurvivor(observed.replica)
    if not settings.replicate_deletes or observed.replica is None:
        return Finish(progress.last_write or Ending.ABSENT)
    return _UNSETTLED if progress.is_exhausted else ProveAbsence()


def _compare(
    progress: KeyProgress,
    source: ObjectState,
    source_version_id: str | None,
    replica: ObjectState | None,
    settings: ReplicaSettings,
) -> Action:
    difference = compare_objects(source, replica, progress.lineage, settings)
    if difference is Difference.NOTHING:
        return Finish(progress.last_write or Ending.CURRENT, source.size)
    if progress.is_exhausted:
        is_own = progress.lineage is not None and progress.lineage.proves(source, replica)
        is_wrong = is_own and difference is Difference.OBJECT
        return Finish(Ending.DIFFERS) if is_wrong else _UNSETTLED
    if difference is Difference.TAGS:
        return WriteTags(source.tags)
    return Copy(if_match=source.etag, source=source, version_id=source_version_id)
