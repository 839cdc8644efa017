"""Ways to get it wrong, each a plausible one. The explorer has to find every one of them broken.

Some are other decisions, some another world around the shipped decisions.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from fanout.common.config import ReplicaSettings
from fanout.replicate import protocol
from fanout.replicate.actions import (
    Action,
    BeginUpload,
    Copy,
    CopyParts,
    Delete,
    LargeCopy,
    ListUploads,
    Observe,
    ProveAbsence,
    ReadCut,
)
from fanout.replicate.answers import ActionResult, Copied, Listed, Observed
from fanout.replicate.object_state import Lineage, ObjectState
from fanout.replicate.progress import Ending, Finish, KeyProgress, Leftovers

from model.scenarios import (
    DELETE,
    HEADERS,
    KEPT,
    LOST,
    REWRITE,
    SIMPLE,
    SLOW,
    TAG,
    TAGS,
    UNTAG,
    UPLOADS,
    WRITE,
)
from model.worker import SHIPPED, Decisions
from model.world import Replicas, Scenario, Versioning


@dataclass(frozen=True)
class Variant:
    """A broken variant and a scenario in which it breaks."""

    name: str
    scenario: Scenario
    decisions: Decisions = SHIPPED


class NamedByEtag(ObjectState):
    """An object that is taken for every other one with its ETag."""

    __slots__ = ()

    @property
    def identity(self) -> tuple[object, ...]:
        return (self.etag,)

    @property
    def identity_is_unique(self) -> bool:
        return True


def _advance_source_only(
    progress: KeyProgress, action: Action, result: ActionResult, wanted: ReplicaSettings
) -> tuple[KeyProgress, Action]:
    """Done when the source is the object that was to be copied."""
    match action, result:
        case Copy(source=source), Copied() if source is not None:
            lineage = Lineage(source.identity, "", None)
            return replace(progress.wrote(Ending.COPIED), lineage=lineage), Observe()
        case Observe(), Observed(source=source) if (
            progress.lineage is not None and source is not None
        ):
            if progress.lineage.source == source.identity:
                return progress, Finish(Ending.COPIED)
    return protocol.advance(progress, action, result, wanted)


def _advance_without_proof(
    progress: KeyProgress, action: Action, result: ActionResult, wanted: ReplicaSettings
) -> tuple[KeyProgress, Action]:
    """Deletes whatever HEAD does not find."""
    progress, following = protocol.advance(progress, action, result, wanted)
    return progress, Delete() if isinstance(following, ProveAbsence) else following


def _advance_without_survivor(
    progress: KeyProgress, action: Action, result: ActionResult, wanted: ReplicaSettings
) -> tuple[KeyProgress, Action]:
    """Has nothing to do where the source is absent."""
    if isinstance(result, Observed) and result.source is None and not wanted.replicate_deletes:
        return progress, Finish(Ending.ABSENT)
    return protocol.advance(progress, action, result, wanted)


def _begin_with_copy(
    etag: str | None, upload_id: str | None, leftovers: Leftovers
) -> tuple[KeyProgress, Action]:
    """One CopyObject per event, of whatever is there."""
    del etag, upload_id, leftovers
    return KeyProgress(), Copy(if_match="*")


def _finish(
    progress: KeyProgress, action: Action, result: ActionResult, wanted: ReplicaSettings
) -> tuple[KeyProgress, Action]:
    """Never looks."""
    del action, result, wanted
    return progress, Finish(Ending.COPIED)


def _advance_without_replica(
    progress: KeyProgress, action: Action, result: ActionResult, wanted: ReplicaSettings
) -> tuple[KeyProgress, Action]:
    """Done after copying at once when the source still is that version, and has no tags."""
    is_first_look = progress.writes == 1 and progress.observations == 0
    if isinstance(result, Observed) and is_first_look and progress.lineage and result.source:
        source = result.source
        if source.version_id and progress.lineage.source == source.identity and not source.tags:
            return progress, Finish(Ending.COPIED)
    return protocol.advance(progress, action, result, wanted)


def _advance_without_looking(
    progress: KeyProgress, action: Action, result: ActionResult, wanted: ReplicaSettings
) -> tuple[KeyProgress, Action]:
    """Done when the copy is made."""
    if isinstance(result, Copied):
        return progress, Finish(Ending.COPIED)
    return protocol.advance(progress, action, result, wanted)


def _advance_without_cut(
    progress: KeyProgress, action: Action, result: ActionResult, wanted: ReplicaSettings
) -> tuple[KeyProgress, Action]:
    """Copies again what neither a checksum nor an ETag can compare."""
    progress, following = protocol.advance(progress, action, result, wanted)
    if isinstance(following, ReadCut):
        following = ListUploads(LargeCopy(following.source, following.version_id))
    return progress, following


def _advance_without_list(
    progress: KeyProgress, action: Action, result: ActionResult, wanted: ReplicaSettings
) -> tuple[KeyProgress, Action]:
    """Begins an upload for each event."""
    progress, following = protocol.advance(progress, action, result, wanted)
    if isinstance(following, ListUploads) and following.copy is not None:
        if following.begun is None:
            return progress, BeginUpload(following.copy)
        return progress, CopyParts(following.copy, following.begun)
    return progress, following


def _advance_pinned(
    progress: KeyProgress, action: Action, result: ActionResult, wanted: ReplicaSettings
) -> tuple[KeyProgress, Action]:
    """Copies all parts of a version, whatever has been written since."""
    progress, following = protocol.advance(progress, action, result, wanted)
    if isinstance(following, ListUploads) and following.copy is not None:
        pinned = replace(following.copy, version_id=following.copy.source.version_id)
        following = replace(following, copy=pinned)
    return progress, following


def _advance_alone(
    progress: KeyProgress, action: Action, result: ActionResult, wanted: ReplicaSettings
) -> tuple[KeyProgress, Action]:
    """Takes every upload for its own."""
    if isinstance(result, Listed):
        uploads = tuple(replace(each, initiator="we") for each in result.uploads)
        result = replace(result, uploads=uploads)
    return protocol.advance(progress, action, result, wanted)


def _advance_stubbornly(
    progress: KeyProgress, action: Action, result: ActionResult, wanted: ReplicaSettings
) -> tuple[KeyProgress, Action]:
    """Comes back whenever the key did not settle."""
    progress, following = protocol.advance(progress, action, result, wanted)
    is_overtaken = isinstance(following, Finish) and following.ending is Ending.OVERTAKEN
    return progress, Finish(Ending.UNSETTLED) if is_overtaken else following


def _advance_carelessly(
    progress: KeyProgress, action: Action, result: ActionResult, wanted: ReplicaSettings
) -> tuple[KeyProgress, Action]:
    """Leaves a key that did not settle to the event of the write that came between."""
    progress, following = protocol.advance(progress, action, result, wanted)
    is_unsettled = isinstance(following, Finish) and following.ending is Ending.UNSETTLED
    return progress, Finish(Ending.OVERTAKEN) if is_unsettled else following


INHERITED = Ending.SKIPPED
"""Stands for a delivery that goes on with the upload of another one, before its first write."""


def _begin_counting(
    etag: str | None, upload_id: str | None, leftovers: Leftovers
) -> tuple[KeyProgress, Action]:
    """Notes that the message has been received before."""
    progress, action = protocol.begin(etag, upload_id, leftovers)
    return (progress if upload_id is None else replace(progress, last_write=INHERITED)), action


def _advance_counting(
    progress: KeyProgress, action: Action, result: ActionResult, wanted: ReplicaSettings
) -> tuple[KeyProgress, Action]:
    """Gives a message up whose second invocation in a row ends before the copy does."""
    progress, following = protocol.advance(progress, action, result, wanted)
    is_unfinished = isinstance(following, Finish) and following.ending is Ending.UNFINISHED
    is_second = progress.last_write is INHERITED
    return progress, Finish(Ending.ABSENT) if is_unfinished and is_second else following


def _begin_without_cleaning(
    etag: str | None, upload_id: str | None, leftovers: Leftovers
) -> tuple[KeyProgress, Action]:
    """Does not look for uploads that were left behind."""
    del leftovers
    return protocol.begin(etag, upload_id)


SOURCE_ONLY = Decisions(SHIPPED.begin, _advance_source_only)
UNPROVEN = Decisions(SHIPPED.begin, _advance_without_proof)
NO_SURVIVOR = Decisions(SHIPPED.begin, _advance_without_survivor)
COPY_ONCE = Decisions(_begin_with_copy, _finish)
NO_REPLICA = Decisions(SHIPPED.begin, _advance_without_replica)
NO_LOOK = Decisions(SHIPPED.begin, _advance_without_looking)
NO_CUT = Decisions(SHIPPED.begin, _advance_without_cut)
NO_LIST = Decisions(SHIPPED.begin, _advance_without_list)
PINNED = Decisions(SHIPPED.begin, _advance_pinned)
ALONE = Decisions(SHIPPED.begin, _advance_alone)
STUBBORN = Decisions(SHIPPED.begin, _advance_stubbornly)
CARELESS = Decisions(SHIPPED.begin, _advance_carelessly)
COUNTING = Decisions(_begin_counting, _advance_counting)
NO_CLEANING = Decisions(_begin_without_cleaning, SHIPPED.advance)

VARIANTS = (
    Variant("looks only at the source again after a write: tags", TAGS, SOURCE_ONLY),
    Variant(
        "looks only at the source again after a write: headers, without versions",
        replace(HEADERS, versioning=Versioning.UNVERSIONED, operations=3, kinds=(WRITE, REWRITE)),
        SOURCE_ONLY,
    ),
    Variant(
        "looks only at the source after copying an untagged version at once",
        replace(TAGS, kinds=(WRITE, UNTAG)),
        NO_REPLICA,
    ),
    Variant(
        "takes the ETag alone for the identity of the source",
        replace(HEADERS, operations=3, kinds=(WRITE, REWRITE), state=NamedByEtag),
    ),
    Variant(
        "takes the version id null for an identity",
        replace(
            SIMPLE,
            versioning=Versioning.SUSPENDED,
            kinds=(WRITE,),
            is_comparable=False,
            abandoned=0,
            is_null_an_id=True,
        ),
    ),
    Variant("copies tags and does not compare them", replace(TAGS, compares_tags=False)),
    Variant(
        "lets a message come back while its write, which S3 said had failed, can still land",
        replace(SIMPLE, comes_back_early=True),
    ),
    Variant("deletes without a proof of absence", LOST, UNPROVEN),
    Variant("leaves an older version in place of a deleted newer one", KEPT, NO_SURVIVOR),
    Variant(
        "takes the missing tags of an object that is gone for none",
        replace(
            TAGS,
            versioning=Versioning.UNVERSIONED,
            kinds=(TAG, DELETE),
            replicate_deletes=False,
            are_missing_tags_none=True,
        ),
    ),
    Variant(
        "copies once per event and never looks",
        replace(SIMPLE, kinds=(WRITE,), has_budget=False),
        COPY_ONCE,
    ),
    Variant("completes an upload and does not look afterwards", UPLOADS, NO_LOOK),
    Variant(
        "copies a part from whatever the source is by now",
        replace(
            UPLOADS,
            versioning=Versioning.UNVERSIONED,
            operations=3,
            workers=1,
            parts=2,
            uploads=1,
            is_comparable=False,
            starts_replicated=False,
            are_parts_conditional=False,
        ),
    ),
    Variant(
        "goes on with an upload that was begun for another object",
        replace(UPLOADS, parts=2, is_comparable=False, do_cuts_tell=False),
    ),
    Variant(
        "is done with its message before it completes the upload",
        replace(UPLOADS, is_done_before_complete=True),
    ),
    Variant(
        "lets a message come back while the completion of its upload can still land",
        replace(UPLOADS, abandoned=1, comes_back_early=True),
    ),
    Variant(
        "copies a large object again that nothing can be compared by",
        replace(UPLOADS, is_comparable=False),
        NO_CUT,
    ),
    Variant("begins an upload for each event", UPLOADS, NO_LIST),
    Variant("copies the parts of a version that is overwritten", UPLOADS, PINNED),
    Variant("aborts the uploads of others", replace(UPLOADS, is_foreign=True), ALONE),
    Variant("counts an invocation that made progress as a failed one", SLOW, COUNTING),
    Variant("leaves open what a killed worker began", UPLOADS, NO_CLEANING),
    Variant(
        "comes back for what the event of a newer write does",
        replace(HEADERS, replicas=Replicas.VERSIONED),
        STUBBORN,
    ),
    Variant("leaves its own older copy to the event of a newer write", HEADERS, CARELESS),
)
