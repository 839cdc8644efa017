"""Ways to get it wrong, each a plausible one. The explorer has to find every one of them broken.

Some are other decisions, some another world around the shipped decisions.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from fanout.common.config import ReplicaSettings
from fanout.replicate import protocol
from fanout.replicate.object_state import Lineage
from fanout.replicate.protocol import (
    Action,
    ActionResult,
    Copied,
    Copy,
    Delete,
    Ending,
    Finish,
    KeyProgress,
    Observe,
    Observed,
    ProveAbsence,
)

from model.scenarios import (
    DELETE,
    HEADERS,
    KEPT,
    LOST,
    REWRITE,
    SIMPLE,
    TAG,
    TAGS,
    UNTAG,
    UPLOADS,
    WRITE,
)
from model.worker import SHIPPED, Decisions
from model.world import Scenario, Versioning


@dataclass(frozen=True)
class Variant:
    """A broken variant and a scenario in which it breaks."""

    name: str
    scenario: Scenario
    decisions: Decisions = SHIPPED


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


def _begin_with_copy(etag: str | None) -> tuple[KeyProgress, Action]:
    """One CopyObject per event, of whatever is there."""
    del etag
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


SOURCE_ONLY = Decisions(SHIPPED.begin, _advance_source_only)
UNPROVEN = Decisions(SHIPPED.begin, _advance_without_proof)
NO_SURVIVOR = Decisions(SHIPPED.begin, _advance_without_survivor)
COPY_ONCE = Decisions(_begin_with_copy, _finish)
NO_REPLICA = Decisions(SHIPPED.begin, _advance_without_replica)
NO_LOOK = Decisions(SHIPPED.begin, _advance_without_looking)

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
        replace(HEADERS, operations=3, kinds=(WRITE, REWRITE), is_etag_the_identity=True),
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
        "lets a message come back while its write of unknown outcome can still land",
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
    Variant("copies once per event and never looks", replace(SIMPLE, kinds=(WRITE,)), COPY_ONCE),
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
        replace(UPLOADS, is_comparable=False, is_identity_compared=False),
    ),
    Variant(
        "is done with its message before it completes the upload",
        replace(UPLOADS, is_done_before_complete=True),
    ),
    Variant(
        "lets a message come back while the completion of its upload can still land",
        replace(UPLOADS, abandoned=1, comes_back_early=True),
    ),
)
