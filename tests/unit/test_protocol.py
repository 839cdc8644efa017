"""The protocol, one decision at a time. That nobody is done too early, in whatever order things happen,
is what ``tests/model`` explores.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
from fanout.common.config import ReplicaSettings
from fanout.replicate.actions import (
    Action,
    BeginUpload,
    Copy,
    Delete,
    FindSurvivor,
    LargeCopy,
    ListUploads,
    Observe,
    ProveAbsence,
    ReadCut,
    WriteTags,
)
from fanout.replicate.answers import (
    ActionResult,
    Begun,
    Changed,
    Copied,
    Cut,
    Deleted,
    Observed,
    Proof,
    Survivor,
    Tagged,
)
from fanout.replicate.object_state import ObjectState
from fanout.replicate.progress import MAX_OBSERVATIONS, Ending, Finish, KeyProgress
from fanout.replicate.protocol import advance, begin
from fanout.replicate.upload_plan import UploadPlan

from support.objects import ETAG
from support.values import state

Step = tuple[Action, ActionResult]
Decisions = dict[str, tuple[list[Step], Action]]
"""What follows some steps, by a sentence about it."""

PLAIN = ReplicaSettings()


def after(steps: list[Step], settings: ReplicaSettings) -> Action:
    """The action that follows some steps."""
    progress, action = KeyProgress(), steps[0][0]
    for expected, result in steps:
        assert type(action) is type(expected)
        progress, action = advance(progress, action, result, settings)
    return action


def by_sentence(decisions: Decisions) -> pytest.MarkDecorator:
    """Each of some decisions, under its sentence."""
    return pytest.mark.parametrize(("steps", "action"), decisions.values(), ids=decisions)


def test_a_plain_first_event_copies_what_it_names_before_anybody_looks() -> None:
    assert begin(ETAG) == (KeyProgress(), Copy(f'"{ETAG}"', source=None))


def test_any_other_event_looks_first() -> None:
    assert begin(None) == (KeyProgress(), Observe())


def observed(
    source: ObjectState | None, replica: ObjectState | None, *, is_hidden: bool = False
) -> Step:
    """A look that shows both sides; a delete marker hides the source or not."""
    return Observe(), Observed(source, replica, is_hidden)


def copy_of(source: ObjectState, version_id: str | None = None) -> Copy:
    """The copy of an object that was seen."""
    return Copy(source.etag, source, version_id)


def blindly_copied(source_version_id: str | None = None) -> Step:
    """The copy of an object that nobody has seen."""
    return Copy(ETAG), Copied('"r"', source_version_id=source_version_id)


OPAQUE = state(etag='"opaque-2"')
JUST_WRITTEN = replace(OPAQUE, answered_at=OPAQUE.last_modified)
VERSION = replace(OPAQUE, version_id="S1")
OURS, THEIRS = state(etag='"r"'), state(etag='"theirs"')
TAGGED = state(tags=(("t", "1"),))

COPIED = blindly_copied()
COPIED_OPAQUE: Step = copy_of(OPAQUE), Copied('"r"')
EQUAL = observed(state(), state())
OLDER = observed(state(), state(etag='"older"'))
MISSING = observed(state(), None)
VANISHED: Step = Copy(ETAG), Changed()
WRITTEN_TAGS: Step = WriteTags(TAGGED.tags), Tagged()
UNSETTLED = Finish(Ending.UNSETTLED)
NEWER = state(etag='"newer"')
LARGE = replace(OPAQUE, size=2**28)
REPLICA = state(size=LARGE.size, etag='"r-5"')
CUT = UploadPlan.of(LARGE).first, UploadPlan.of(LARGE).other

WITH_A_SOURCE: Decisions = {
    "equal sides are left alone": ([EQUAL], Finish(Ending.CURRENT, 3)),
    "a missing replica is copied": ([MISSING], copy_of(state())),
    "a missing replica of a version is copied from it": (
        [observed(VERSION, None)],
        copy_of(VERSION, "S1"),
    ),
    "a large object is copied in parts": (
        [observed(LARGE, None)],
        ListUploads(LargeCopy(LARGE, None)),
    ),
    "a large replica whose content nothing tells shows how it is cut": (
        [observed(LARGE, REPLICA)],
        ReadCut(LARGE, None, REPLICA),
    ),
    "it is left alone if it is cut as the source is": (
        [observed(LARGE, REPLICA), (ReadCut(LARGE, None, REPLICA), Cut(CUT))],
        Finish(Ending.CURRENT, LARGE.size),
    ),
    "and copied again if not": (
        [observed(LARGE, REPLICA), (ReadCut(LARGE, None, REPLICA), Cut((CUT[0], CUT[1] + 1)))],
        ListUploads(LargeCopy(LARGE, None)),
    ),
    "or if it is in another number of parts": (
        [observed(LARGE, replace(REPLICA, etag='"r-4"'))],
        ListUploads(LargeCopy(LARGE, None)),
    ),
    "a large replica that vanished is looked at": (
        [observed(LARGE, REPLICA), (ReadCut(LARGE, None, REPLICA), Changed())],
        Observe(),
    ),
    "a source that changes faster than it is copied is left to its next event": (
        [MISSING, VANISHED, *[observed(NEWER, None), VANISHED] * 2, observed(NEWER, None)],
        Finish(Ending.OVERTAKEN, 3),
    ),
    "and so is one of which somebody else wrote a replica": (
        [MISSING, COPIED, OLDER, COPIED, observed(NEWER, THEIRS)],
        Finish(Ending.OVERTAKEN, 3),
    ),
    "but not while an own copy of what it was is there": (
        [MISSING, COPIED, OLDER, COPIED, observed(NEWER, OURS)],
        UNSETTLED,
    ),
    "after a copy both sides are looked at": ([COPIED], Observe()),
    "a copy that is seen equal is done": ([COPIED, EQUAL], Finish(Ending.COPIED, 3)),
    "a copy that is seen older is made again": ([COPIED, OLDER], copy_of(state())),
    "tags that differ are written alone": ([observed(TAGGED, state())], WriteTags(TAGGED.tags)),
    "after tags were written both sides are looked at": (
        [observed(TAGGED, state()), WRITTEN_TAGS],
        Observe(),
    ),
    "tags that are seen equal are done": (
        [observed(TAGGED, state()), WRITTEN_TAGS, EQUAL],
        Finish(Ending.TAGGED, 3),
    ),
    "a copy that vanished is looked at": ([VANISHED], Observe()),
    "a copy of what was seen and vanished is looked at": (
        [(copy_of(state()), Changed())],
        Observe(),
    ),
    "tags of a replica that vanished are looked at": ([(WriteTags(()), Changed())], Observe()),
    "a survivor that vanished is looked for again": ([(FindSurvivor(None), Changed())], Observe()),
    "a second copy is made": ([COPIED, OLDER], copy_of(state())),
    "a third copy is left for later": ([COPIED, OLDER, COPIED, OLDER], UNSETTLED),
    "what vanished three times is looked at": ([(Observe(), Changed())] * 3, Observe()),
    "what vanished four times is left for later": ([(Observe(), Changed())] * 4, UNSETTLED),
    "what is gone when it is copied is tried four times": (
        [MISSING, VANISHED, MISSING, VANISHED, MISSING],
        copy_of(state()),
    ),
    "and then left for later": ([MISSING, VANISHED] * 3 + [MISSING], UNSETTLED),
    # What nothing shows to be equal: this delivery wrote it, from what is still there
    "an opaque object is done when it was copied from what is still there": (
        [observed(OPAQUE, None), COPIED_OPAQUE, observed(OPAQUE, OURS)],
        Finish(Ending.COPIED, 3),
    ),
    "an opaque object is copied again when another one may have been there": (
        [observed(JUST_WRITTEN, None), COPIED_OPAQUE, observed(JUST_WRITTEN, OURS)],
        copy_of(JUST_WRITTEN),
    ),
    "an opaque object is copied again when somebody else wrote the replica": (
        [observed(OPAQUE, None), COPIED_OPAQUE, observed(OPAQUE, THEIRS)],
        copy_of(OPAQUE),
    ),
    "a blind copy proves an opaque object by its version": (
        [blindly_copied("S1"), observed(VERSION, OURS)],
        Finish(Ending.COPIED, 3),
    ),
    "a blind copy of another version proves nothing": (
        [blindly_copied("S0"), observed(VERSION, OURS)],
        copy_of(VERSION, "S1"),
    ),
    "a blind copy without a version proves nothing": (
        [blindly_copied("null"), observed(OPAQUE, OURS)],
        copy_of(OPAQUE),
    ),
}


@by_sentence(WITH_A_SOURCE)
def test_where_there_is_a_source(steps: list[Step], action: Action) -> None:
    assert after(steps, PLAIN) == action


def test_a_replica_gets_the_storage_class_that_is_asked_for() -> None:
    assert after([EQUAL], ReplicaSettings(storage_class="GLACIER_IR")) == copy_of(state())


def test_tags_that_are_not_replicated_are_never_written() -> None:
    steps = [observed(TAGGED, state())]

    assert after(steps, ReplicaSettings(replicate_tags=False)) == Finish(Ending.CURRENT, 3)


# A copy that does not equal its source

ONE, OTHER = replace(OPAQUE, checksums=frozenset({("crc64nvme", "one")})), {"crc64nvme": "other"}
WRONG_COPY: Step = copy_of(ONE), Copied('"r"')
OURS_AND_EQUAL = replace(ONE, etag='"r"')
WRONG = observed(ONE, state(etag='"r"', checksums=OTHER))
GONE_THREE_TIMES = [observed(VERSION, state()), VANISHED] * 3


@by_sentence({
    "what was copied once and differs is copied again": ([WRONG_COPY, WRONG], copy_of(ONE)),
    "what was copied twice and differs twice is said to differ": (
        [WRONG_COPY, WRONG] * 2,
        Finish(Ending.DIFFERS),
    ),
    "unless the replica was removed": (
        [WRONG_COPY, WRONG, WRONG_COPY, observed(ONE, None)],
        UNSETTLED,
    ),
    "unless it is another replica": (
        [WRONG_COPY, WRONG, WRONG_COPY, observed(ONE, state(etag='"theirs"', checksums=OTHER))],
        UNSETTLED,
    ),
    "unless it is another source": (
        [WRONG_COPY, WRONG, WRONG_COPY, observed(state(etag='"newer"'), OURS)],
        UNSETTLED,
    ),
    "unless only tags differ": (
        [WRONG_COPY, WRONG, WRONG_COPY, observed(replace(ONE, tags=(("t", "1"),)), OURS_AND_EQUAL)],
        UNSETTLED,
    ),
    "a blind copy is known to differ by its version": (
        [blindly_copied("S1"), *GONE_THREE_TIMES, observed(VERSION, state(size=4, etag='"r"'))],
        Finish(Ending.DIFFERS),
    ),
    "a blind copy of another version is not": (
        [blindly_copied("S0"), *GONE_THREE_TIMES, observed(VERSION, state(size=4, etag='"r"'))],
        UNSETTLED,
    ),
    "nor is one without a version": (
        [blindly_copied("null"), *GONE_THREE_TIMES, observed(VERSION, state(size=4, etag='"r"'))],
        UNSETTLED,
    ),
})  # fmt: skip
def test_a_copy_that_does_not_equal_its_source(steps: list[Step], action: Action) -> None:
    assert after(steps, PLAIN) == action


# Absence, where deletes are replicated

GONE = observed(None, state())
BOTH_GONE = observed(None, None)
PROVEN: Step = ProveAbsence(), Proof(is_absent=True)
THERE: Step = ProveAbsence(), Proof(is_absent=False)
DELETED: Step = Delete(), Deleted()
DELETE = [GONE, PROVEN, DELETED]


@by_sentence({
    "absence is proven first": ([GONE], ProveAbsence()),
    "absence under a delete marker too": ([observed(None, state(), is_hidden=True)], ProveAbsence()),
    "then the replica is deleted": ([GONE, PROVEN], Delete()),
    "a replica that is absent is left alone": ([BOTH_GONE], Finish(Ending.ABSENT)),
    "under a delete marker too": ([observed(None, None, is_hidden=True)], Finish(Ending.ABSENT)),
    "after a delete both sides are looked at": (DELETE, Observe()),
    "a delete that is seen is done": ([*DELETE, BOTH_GONE], Finish(Ending.DELETED)),
    "a source that was there after all is looked at": ([GONE, THERE], Observe()),
    "and copied": ([GONE, THERE, OLDER], copy_of(state())),
    "a source that was recreated is copied": ([*DELETE, MISSING], copy_of(state())),
    "a replica that comes back needs another proof": ([*DELETE, GONE], ProveAbsence()),
    "and is deleted again": ([*DELETE, GONE, PROVEN], Delete()),
    "after two deletes it is left for later": ([*DELETE, *DELETE, GONE], UNSETTLED),
    "two deletes can do": ([*DELETE, *DELETE, BOTH_GONE], Finish(Ending.DELETED)),
    "a copy of what is gone by now is deleted": ([COPIED, GONE], ProveAbsence()),
    "which is the last write then": ([COPIED, *DELETE, BOTH_GONE], Finish(Ending.DELETED)),
    "a copy that is gone with its source is done": ([COPIED, BOTH_GONE], Finish(Ending.COPIED)),
    "survivors do not matter": ([COPIED, observed(None, None, is_hidden=True)], Finish(Ending.COPIED)),
    "a proof is tried three times": ([GONE, THERE] * 2 + [GONE], ProveAbsence()),
    "and then left for later": ([GONE, THERE] * 3 + [GONE], UNSETTLED),
})  # fmt: skip
def test_absence_where_deletes_are_replicated(steps: list[Step], action: Action) -> None:
    assert after(steps, ReplicaSettings(replicate_deletes=True)) == action


# Absence, where deletes are not replicated: what survives of a deleted object

SURVIVOR = state(etag='"survivor"', version_id="S1")
FROM_BEFORE_VERSIONING = replace(SURVIVOR, version_id=None)
OURS_OF_IT = replace(OURS, version_id="R1")
COPIED_IT: Step = copy_of(VERSION, "S1"), Copied('"r"', "R1", "S1")


def surviving(
    source: ObjectState | None, replica: ObjectState | None, version_id: str | None = None
) -> list[Step]:
    """A look under a delete marker, and what is found to survive then."""
    if source is not None and version_id is None:
        version_id = source.version_id
    found = Survivor(source, version_id)
    return [observed(None, replica, is_hidden=True), (FindSurvivor(replica), found)]


@pytest.mark.parametrize("replica", [None, state()], ids=["no replica", "a replica"])
@pytest.mark.parametrize(
    ("steps", "ending"),
    [
        ([], Ending.ABSENT),
        ([VANISHED], Ending.ABSENT),
        ([COPIED], Ending.COPIED),
        ([WRITTEN_TAGS], Ending.TAGGED),
    ],
)
def test_what_is_gone_without_a_trace_leaves_the_replica_as_it_is(
    replica: ObjectState | None, steps: list[Step], ending: Ending
) -> None:
    hidden = observed(None, replica, is_hidden=True)

    assert after([*steps, observed(None, replica)], PLAIN) == Finish(ending)
    assert after([*steps, hidden], PLAIN) == FindSurvivor(replica)
    assert after([*steps, *surviving(None, replica)], PLAIN) == Finish(ending)


@by_sentence({
    "a replica that equals the survivor is left alone": (
        surviving(SURVIVOR, replace(SURVIVOR, version_id="R1")),
        Finish(Ending.CURRENT, 3),
    ),
    "after a copy too": (
        [COPIED, *surviving(SURVIVOR, replace(SURVIVOR, version_id="R1"))],
        Finish(Ending.COPIED, 3),
    ),
    "the survivor is copied as the version it is": (
        surviving(SURVIVOR, None),
        copy_of(SURVIVOR, "S1"),
    ),
    "over another replica": (surviving(SURVIVOR, state()), copy_of(SURVIVOR, "S1")),
    "a survivor from before versioning is copied as the version null": (
        surviving(FROM_BEFORE_VERSIONING, None, "null"),
        copy_of(FROM_BEFORE_VERSIONING, "null"),
    ),
    "a survivor with other tags gets its tags written": (
        surviving(replace(SURVIVOR, tags=TAGGED.tags), SURVIVOR),
        WriteTags(TAGGED.tags),
    ),
    "a copied survivor is looked at": ([COPIED_IT], Observe()),
    "and done when it is seen": ([COPIED_IT, *surviving(VERSION, OURS_OF_IT)], Finish(Ending.COPIED, 3)),
    "which a newer replica is not": (
        [COPIED_IT, *surviving(VERSION, replace(OURS_OF_IT, version_id="R2"))],
        copy_of(VERSION, "S1"),
    ),
    "a survivor that does not settle is left for later": (
        [COPIED, OLDER, COPIED, *surviving(SURVIVOR, None)],
        UNSETTLED,
    ),
    "versions that vanish are looked for as often as objects": (
        [observed(None, None, is_hidden=True), (FindSurvivor(None), Changed())] * MAX_OBSERVATIONS
        + [observed(None, None, is_hidden=True)],
        UNSETTLED,
    ),
})  # fmt: skip
def test_what_survives_under_a_delete_marker(steps: list[Step], action: Action) -> None:
    assert after(steps, PLAIN) == action


@pytest.mark.parametrize(
    ("action", "result"),
    [
        (Observe(), Copied('"r"')),
        (Observe(), Deleted()),
        (ProveAbsence(), Deleted()),
        (ProveAbsence(), Observed(None, None)),
        (Delete(), Proof(is_absent=True)),
        (FindSurvivor(None), Observed(None, None)),
        (Copy(ETAG), Tagged()),
        (Copy(ETAG), Begun("id")),
        (BeginUpload(None), Tagged()),
    ],
)
def test_an_answer_to_another_question_is_a_bug(action: Action, result: ActionResult) -> None:
    with pytest.raises(AssertionError, match="does not answer"):
        advance(KeyProgress(), action, result, PLAIN)
