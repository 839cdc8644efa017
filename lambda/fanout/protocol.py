"""The replication protocol: what to do next for one key, as a pure function of what was seen.

An event is a hint that a key changed, not an order to copy. Whatever it says, the destination is
driven to the source's current state:

1. a plain first event copies at once (the common case), any other looks first;
2. after every write, look at both sides again: nobody is done before they have seen the destination
   equal to the source after their own last write. That the source did not change meanwhile is not
   enough: another worker may have written something older in between;
3. at most ``MAX_WRITES`` writes per delivery; a key that does not settle goes back to the queue.

Everything here is data and decisions; ``converge`` does the calls.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from .objects import Difference, Lineage, ObjectState, Tags, difference, version_id

MAX_WRITES = 2
MAX_LOOKS = 4


@dataclass(frozen=True, slots=True)
class Look:
    """See both sides. Answered by ``Seen``."""


@dataclass(frozen=True, slots=True)
class Copy:
    """Copy the source object if its ETag is still this one. Answered by ``Copied`` or ``Changed``.

    Attributes:
        source: the object as it was seen, or None when nobody has looked yet.
    """

    if_match: str
    source: ObjectState | None = None


@dataclass(frozen=True, slots=True)
class WriteTags:
    """Replace the replica's tags. Answered by ``Tagged``, or ``Changed`` when the replica is gone."""

    tags: Tags


@dataclass(frozen=True, slots=True)
class Finish:
    """Nothing is left to do for this delivery.

    Attributes:
        action: ``copied``, ``tagged``, ``current`` (nothing was written), ``absent`` (the source
            has no such object) or ``unsettled`` (it kept changing: look again later).
        size: the object's size in bytes, where there is one.
    """

    action: str
    size: int = 0


@dataclass(frozen=True, slots=True)
class Seen:
    """Both sides, None where there is no object."""

    source: ObjectState | None
    replica: ObjectState | None


@dataclass(frozen=True, slots=True)
class Copied:
    """The copy was made.

    Attributes:
        source_version_id: the version S3 copied from, as its answer says.
    """

    etag: str
    version_id: str | None = None
    source_version_id: str | None = None


@dataclass(frozen=True, slots=True)
class Tagged:
    """The tags were written."""


@dataclass(frozen=True, slots=True)
class Changed:
    """The object to work on was replaced or removed meanwhile; nothing was written."""


Action = Look | Copy | WriteTags | Finish
Result = Seen | Copied | Tagged | Changed


@dataclass(frozen=True, slots=True)
class Progress:
    """What this delivery has done so far."""

    writes: int = 0
    looks: int = 0
    last_write: str | None = None
    lineage: Lineage | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the destination asks of a replica beyond being equal."""

    storage_class: str | None = None


def begin(etag: str | None) -> Action:
    """The first action for a key.

    Args:
        etag: the ETag (no quotes) of a plain first event, whose object is copied before anybody
            looks: one call decides the common case. None: look first.
    """
    return Look() if etag is None else Copy(if_match=etag)


def advance(
    progress: Progress, action: Action, result: Result, wanted: Wanted
) -> tuple[Progress, Action]:
    """The next action, given what the last one brought."""
    match action, result:
        case Copy(source=source), Copied():
            lineage = Lineage(
                _copied_from(source, result), result.etag, version_id(result.version_id)
            )
            return replace(
                progress, writes=progress.writes + 1, last_write="copied", lineage=lineage
            ), Look()
        case WriteTags(), Tagged():
            return replace(progress, writes=progress.writes + 1, last_write="tagged"), Look()
        case _, Changed():
            return progress, Look()
        case Look(), Seen():
            progress = replace(progress, looks=progress.looks + 1)
            return progress, _decide(progress, result, wanted)
    raise AssertionError(f"{result} does not answer {action}")


def _copied_from(source: ObjectState | None, copied: Copied) -> tuple[object, ...] | None:
    if source is not None:
        return source.identity if source.identity_is_unique else None
    version = version_id(copied.source_version_id)
    return None if version is None else (version,)


def _decide(progress: Progress, seen: Seen, wanted: Wanted) -> Action:
    source = seen.source
    if source is None:
        return Finish("absent")
    gap = difference(source, seen.replica, progress.lineage, wanted.storage_class)
    if gap is Difference.NOTHING:
        return Finish(progress.last_write or "current", source.size)
    if progress.writes >= MAX_WRITES or progress.looks >= MAX_LOOKS:
        return Finish("unsettled", source.size)
    if gap is Difference.TAGS:
        return WriteTags(source.tags)
    return Copy(if_match=source.etag, source=source)
