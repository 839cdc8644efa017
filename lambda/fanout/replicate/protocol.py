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
5. a delivery makes at most ``MAX_WRITES`` writes. A key that does not settle is retried, unless the
   source was written meanwhile and nothing that this delivery wrote is left: then whoever wrote the
   replica, or has the event of that write, goes on.

Everything here is data and decisions, those about uploads in ``uploads``; ``replicator.converge`` has
them carried out. The model in the tests explores every interleaving of workers that run these very
functions.
"""

from __future__ import annotations

from dataclasses import replace

from ..common.config import ReplicaSettings
from .actions import (
    AbortUploads,
    Action,
    BeginUpload,
    CompleteUpload,
    Copy,
    CopyParts,
    Delete,
    FindSurvivor,
    LargeCopy,
    ListUploads,
    Observe,
    ProveAbsence,
    ReadCut,
    WriteTags,
)
from .answers import (
    ActionResult,
    Changed,
    Copied,
    Cut,
    Deleted,
    Observed,
    Proof,
    Survivor,
    Tagged,
)
from .object_state import Difference, Lineage, ObjectState, compare_objects, unique_version_id
from .progress import MAX_OBSERVATIONS, Ending, Finish, KeyProgress, Leftovers
from .upload_plan import UploadPlan, can_be_cut, is_copied_in_parts
from .uploads import advance_upload

_UNSETTLED = Finish(Ending.UNSETTLED)


def begin(
    etag: str | None, upload_id: str | None = None, may_be_left: Leftovers = Leftovers.NONE
) -> tuple[KeyProgress, Action]:
    """The first action for a key.

    Args:
        etag: the ETag (no quotes) of a plain first event, whose object is copied before it is
            observed: one call decides the common case. None: observe first.
        upload_id: the upload that the delivery before this one left to it, or None.
        may_be_left: where uploads may be open that nobody works on.
    """
    progress = KeyProgress(upload_id=upload_id, may_be_left=may_be_left)
    return progress, Observe() if etag is None else Copy(if_match=f'"{etag}"')


def begin_cleaning(finish: Finish, upload_id: str | None) -> tuple[KeyProgress, Action]:
    """The first action for a key that is given up, after an upload may have been begun for it."""
    return KeyProgress(upload_id=upload_id), ListUploads(None, then=finish)


def advance(
    progress: KeyProgress, action: Action, result: ActionResult, settings: ReplicaSettings
) -> tuple[KeyProgress, Action]:
    """The next action, given what the last one brought."""
    match action, result:
        case ((ListUploads() | BeginUpload() | CopyParts() | CompleteUpload() | AbortUploads()), _):
            return advance_upload(progress, action, result)
        case Copy(source=source), Copied():
            version = unique_version_id(result.version_id)
            lineage = Lineage(_origin(source, result), result.etag, version)
            return replace(progress.wrote(Ending.COPIED), lineage=lineage), Observe()
        case WriteTags(), Tagged():
            return progress.wrote(Ending.TAGGED), Observe()
        case Delete(), Deleted():
            return progress.wrote(Ending.DELETED), Observe()
        case ProveAbsence(), Proof(is_absent=is_absent):
            return progress, Delete() if is_absent else Observe()
        case FindSurvivor(replica=replica), Survivor(source=survivor):
            if survivor is None:
                return progress, _finish(progress, Ending.ABSENT)
            return progress, _compare(progress, survivor, result.version_id, replica, settings)
        case Observe(), Observed(source=source, replica=replica):
            progress = progress.observed(source)
            if source is None:
                return progress, _without_source(progress, result, settings)
            return progress, _compare(progress, source, None, replica, settings)
        case ReadCut(source=source, version_id=version_id, replica=replica), Cut(lengths=lengths):
            if not UploadPlan.of(source).is_of_replica(lengths):
                return progress, _copy(progress, source, version_id, replica, is_cut=True)
            return progress, _compare(progress, source, version_id, replica, settings, is_copy=True)
        case ((Observe() | ReadCut()), Changed()):
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
        return _finish(progress, Ending.ABSENT)
    return _UNSETTLED if progress.is_exhausted else ProveAbsence()


def _compare(
    progress: KeyProgress,
    source: ObjectState,
    survivor_id: str | None,
    replica: ObjectState | None,
    settings: ReplicaSettings,
    *,
    is_copy: bool = False,
) -> Action:
    """What to do about a source object.

    Args:
        survivor_id: the version id of an object that survives a delete; None for the current object.
        is_copy: whether the cut of the replica says that it was copied from this very object.
    """
    is_own = progress.lineage is not None and progress.lineage.proves(source, replica)
    difference = compare_objects(source, replica, settings, is_copy=is_copy or is_own)
    if difference is Difference.NOTHING:
        return _finish(progress, Ending.CURRENT, source)
    is_cut = is_copied_in_parts(source.size)
    if difference is Difference.UNKNOWN and replica is not None and can_be_cut(source.size):
        if replica.parts == UploadPlan.of(source).parts:
            return ReadCut(source, survivor_id, replica)
        is_cut = True  # so that it is known the next time
    is_wrong = is_own and difference is Difference.OBJECT
    if is_wrong and (progress.is_exhausted or is_cut):
        return Finish(Ending.DIFFERS)
    if difference is Difference.TAGS and not progress.is_exhausted:
        return WriteTags(source.tags)
    return _copy(progress, source, survivor_id, replica, is_cut=is_cut)


def _copy(
    progress: KeyProgress,
    source: ObjectState,
    survivor_id: str | None,
    replica: ObjectState | None,
    *,
    is_cut: bool,
) -> Action:
    if progress.is_exhausted:
        is_overtaken = progress.is_overtaken(source, replica)
        return _finish(progress, Ending.OVERTAKEN, source) if is_overtaken else _UNSETTLED
    if is_cut:
        return ListUploads(LargeCopy(source, survivor_id))
    version_id = source.version_id if survivor_id is None else survivor_id
    return Copy(if_match=source.etag, source=source, version_id=version_id)


def _finish(progress: KeyProgress, ending: Ending, source: ObjectState | None = None) -> Action:
    """Finish, after aborting the uploads that were left behind."""
    if ending is not Ending.OVERTAKEN and progress.last_write is not None:
        ending = progress.last_write
    finish = Finish(ending, source.size if source is not None else 0)
    match progress.may_be_left:
        case Leftovers.ANY:
            return ListUploads(None, then=finish)
        case Leftovers.OF_LARGE if source is not None and can_be_cut(source.size):
            return ListUploads(None, then=finish)
    return finish
