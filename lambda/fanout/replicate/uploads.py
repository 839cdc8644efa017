"""Copies in parts: which upload is begun, continued, completed or aborted.

One upload of a key goes on at a time, however many events there are. It is not known to one process
alone: whoever comes later finds it in S3. A delivery waits while another one is at work on an upload.
An upload that nobody works on any more is continued if its parts are cut as those of the source object
are, and aborted if not.

Only our own uploads count. S3 names who began an upload; what it calls this function is known as soon as
an upload is listed that it has begun itself.
"""

from __future__ import annotations

from dataclasses import replace

from .actions import (
    AbortUploads,
    Action,
    BeginUpload,
    CompleteUpload,
    CopyParts,
    LargeCopy,
    ListUploads,
    Observe,
    UploadAction,
)
from .answers import (
    Aborted,
    ActionResult,
    Begun,
    Changed,
    Copied,
    Listed,
    ListedUpload,
    PartsCopied,
)
from .failures import FailureKind
from .object_state import Lineage, unique_version_id
from .progress import Ending, Finish, KeyProgress, Leftovers
from .upload_plan import MIN_PART_BYTES, patience_seconds


def advance_upload(
    progress: KeyProgress, action: UploadAction, result: ActionResult
) -> tuple[KeyProgress, Action]:
    """The next action, given what the last one brought."""
    match action, result:
        case ListUploads(), Listed():
            progress = replace(progress, may_be_left=Leftovers.NONE)
            if action.copy is None:
                return progress, _clean_up(progress, action, result)
            return _choose(progress, action, action.copy, result)
        case BeginUpload(copy=copy, then=then), Begun(upload_id=upload_id):
            progress = replace(progress, upload_id=upload_id)
            return progress, ListUploads(copy, begun=upload_id, then=then)
        case CopyParts(), PartsCopied():
            return _after_parts(progress, action, result)
        case CompleteUpload(copy=copy), Copied(etag=etag, version_id=version_id):
            origin = copy.source.identity if copy.source.identity_is_unique else None
            lineage = Lineage(origin, etag, unique_version_id(version_id))
            progress = replace(progress.wrote(Ending.COPIED), lineage=lineage, upload_id=None)
            return progress, Observe()
        case CompleteUpload(), Changed():
            return replace(progress, upload_id=None), Observe()
        case AbortUploads(ids=ids, then=then), Aborted():
            if progress.upload_id in ids:
                progress = replace(progress, upload_id=None)
            return progress, then
    raise AssertionError(f"{result} does not answer {action}")


def _choose(
    progress: KeyProgress, action: ListUploads, copy: LargeCopy, listed: Listed
) -> tuple[KeyProgress, Action]:
    """Go on with an open upload, begin one, or leave the key to the delivery that is at work on it."""
    # A message can name any upload: it is continued if its parts say so, and aborted only if it is ours.
    own = next((each for each in listed.uploads if each.id == progress.upload_id), None)
    ours = _ours(listed)
    others = [each for each in ours if each is not own]
    patience = patience_seconds(copy.plan.first)
    at_work = [each for each in others if each.idle_seconds < patience]
    # Of two that were begun in one second neither is the older one: both deliveries wait, and come back
    # at times of their own.
    is_begun = own is not None and own.id == action.begun
    is_gone = action.begun is not None and own is None
    if is_gone or any(own is None or own.begun_at >= each.begun_at for each in at_work):
        waiting = Finish(Ending.WAITING, copy.source.size)
        return progress, AbortUploads((own.id,), waiting) if own and is_begun else waiting
    left = [each for each in others if each.idle_seconds >= patience]
    candidates = [each for each in (own, *left) if each is not None]
    chosen = next((each for each in candidates if copy.plan.is_of_upload(each.parts)), None)
    if chosen is None and is_begun:
        chosen = own
    following: Action = BeginUpload(copy)
    if chosen is not None:
        progress = replace(progress, upload_id=chosen.id)
        following = CopyParts(copy, chosen.id, chosen.parts)
    unused = tuple(
        each.id
        for each in candidates
        if each is not chosen and (each in ours or each.id == action.begun)
    )
    return progress, AbortUploads(unused, following) if unused else following


def _clean_up(progress: KeyProgress, action: ListUploads, listed: Listed) -> Action:
    """Abort the uploads that nobody works on. The object needs none."""
    assert action.then is not None
    if listed.initiator is None and listed.uploads and action.begun is None:
        return BeginUpload(None, action.then)  # to learn which are ours
    ours = _ours(listed)
    ids = tuple(
        each.id
        for each in listed.uploads
        if each.id == action.begun or (each in ours and _is_left(progress, each))
    )
    return AbortUploads(ids, action.then) if ids else action.then


def _is_left(progress: KeyProgress, upload: ListedUpload) -> bool:
    longest = max((part.size for part in upload.parts.values()), default=MIN_PART_BYTES)
    return upload.id == progress.upload_id or upload.idle_seconds >= patience_seconds(longest)


def _ours(listed: Listed) -> list[ListedUpload]:
    is_known = listed.initiator is not None
    return [each for each in listed.uploads if is_known and each.initiator == listed.initiator]


def _after_parts(
    progress: KeyProgress, action: CopyParts, result: PartsCopied
) -> tuple[KeyProgress, Action]:
    upload_id, parts, failure = action.upload_id, result.parts, result.failure
    size, whole = action.copy.source.size, action.copy.plan.parts
    if failure is not None:
        failed = Finish(Ending.FAILED, size, failure=failure)
        is_final = failure.kind is FailureKind.OBJECT and result.are_all_over
        return progress, AbortUploads((upload_id,), failed) if is_final else failed
    if result.is_changed:
        # A part that lands after the upload is aborted would stay.
        waiting = Finish(Ending.WAITING, size)
        return progress, AbortUploads((upload_id,), Observe()) if result.are_all_over else waiting
    is_new = len(parts) > len(action.there)
    if len(parts) == whole and (result.has_time or not is_new):
        return progress, CompleteUpload(action.copy, upload_id, parts)
    return progress, Finish(
        Ending.UNFINISHED, size, upload_id if is_new else None, (len(parts), whole)
    )
