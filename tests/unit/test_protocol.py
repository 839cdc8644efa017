"""The protocol in a world that changes at any moment: who is done has seen both sides equal."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field, replace
from email.utils import formatdate

import pytest
from fanout.common.config import ReplicaSettings
from fanout.replicate.failures import FailureKind, ReplicationError
from fanout.replicate.object_state import ObjectState, Tags
from fanout.replicate.protocol import (
    MAX_OBSERVATIONS,
    MAX_WRITES,
    Action,
    ActionResult,
    Changed,
    Copied,
    Copy,
    Delete,
    Deleted,
    Ending,
    FindSurvivor,
    Finish,
    KeyProgress,
    Observe,
    Observed,
    Proof,
    ProveAbsence,
    Survivor,
    Tagged,
    WriteTags,
    advance,
    begin,
)
from fanout.replicate.replicator import converge
from hypothesis import given, settings
from hypothesis import strategies as st

from .builders import ETAG, state

OPAQUE = '"opaque-2"'
ANYTHING = ReplicaSettings()

Step = tuple[Action, ActionResult]

# One decision at a time


def after(*steps: Step, wanted: ReplicaSettings = ANYTHING) -> Action:
    """The action that follows some steps."""
    progress, action = KeyProgress(), steps[0][0]
    for expected, result in steps:
        assert type(action) is type(expected)
        progress, action = advance(progress, action, result, wanted)
    return action


def test_a_plain_first_event_copies_what_it_names_before_anybody_looks() -> None:
    assert begin(ETAG) == (KeyProgress(), Copy(f'"{ETAG}"', source=None))


def test_any_other_event_looks_first() -> None:
    assert begin(None) == (KeyProgress(), Observe())


def test_equal_sides_are_left_alone() -> None:
    assert after((Observe(), Observed(state(), state()))) == Finish(Ending.CURRENT, 3)


@pytest.mark.parametrize("version", ["S1", None])
def test_a_missing_replica_is_copied_from_the_object_that_was_seen(version: str | None) -> None:
    source = state(version_id=version)

    assert after((Observe(), Observed(source, None))) == Copy(
        source.etag, source, version_id=version
    )


def test_after_a_copy_both_sides_are_looked_at() -> None:
    assert after((Copy(ETAG), Copied('"r"'))) == Observe()


def test_after_a_copy_the_replica_must_be_seen_equal() -> None:
    seen_equal = Observe(), Observed(state(), state())
    seen_older = Observe(), Observed(state(), state(etag='"older"'))

    assert after((Copy(ETAG), Copied(f'"{ETAG}"')), seen_equal) == Finish(Ending.COPIED, 3)
    assert isinstance(after((Copy(ETAG), Copied(f'"{ETAG}"')), seen_older), Copy)


@pytest.mark.parametrize(
    "action",
    [Copy(ETAG), Copy(ETAG, state()), WriteTags(()), FindSurvivor(None)],
    ids=["blind", "seen", "tags", "survivor"],
)
def test_what_changed_meanwhile_is_looked_at_again(action: Action) -> None:
    assert after((action, Changed())) == Observe()


def test_tags_that_differ_are_written_alone_and_looked_at() -> None:
    tags = (("t", "1"),)
    seen = Observed(state(tags=tags), state())

    assert after((Observe(), seen)) == WriteTags(tags)
    assert after((Observe(), seen), (WriteTags(tags), Tagged())) == Observe()
    assert after(
        (Observe(), seen), (WriteTags(tags), Tagged()), (Observe(), Observed(state(), state()))
    ) == Finish(Ending.TAGGED, 3)


def test_a_replica_gets_the_storage_class_that_is_asked_for() -> None:
    wanted = ReplicaSettings(storage_class="GLACIER_IR")

    assert isinstance(after((Observe(), Observed(state(), state())), wanted=wanted), Copy)


def test_a_key_that_keeps_changing_goes_back_after_two_writes() -> None:
    seen: Step = Observe(), Observed(state(), state(etag='"older"'))
    copied: Step = Copy(ETAG), Copied('"r"')

    assert after(copied, seen) == Copy(state().etag, state())
    assert after(copied, seen, copied, seen) == Finish(Ending.UNSETTLED)


def test_a_key_that_is_always_gone_when_copied_goes_back_after_four_looks() -> None:
    seen: Step = Observe(), Observed(state(), None)
    gone: Step = Copy(ETAG), Changed()

    assert after(seen, gone, seen, gone, seen) == Copy(state().etag, state())
    assert after(seen, gone, seen, gone, seen, gone, seen) == Finish(Ending.UNSETTLED)


def test_objects_that_always_vanish_while_they_are_looked_at_go_back_after_four_looks() -> None:
    vanished: Step = Observe(), Changed()

    assert after(*[vanished] * 3) == Observe()
    assert after(*[vanished] * 4) == Finish(Ending.UNSETTLED)


def test_an_opaque_object_is_done_when_this_delivery_wrote_it_from_what_is_still_there() -> None:
    source, replica = state(etag=OPAQUE), state(etag='"r"')
    copied = (Observe(), Observed(source, None)), (Copy(OPAQUE, source), Copied('"r"'))

    assert after(*copied, (Observe(), Observed(source, replica))) == Finish(Ending.COPIED, 3)


def test_an_opaque_object_is_copied_again_when_another_one_may_have_been_there() -> None:
    just_written = state(etag=OPAQUE, answered_at=state().last_modified)
    replica = state(etag='"r"')
    copied = (Observe(), Observed(just_written, None)), (Copy(OPAQUE, just_written), Copied('"r"'))

    assert isinstance(after(*copied, (Observe(), Observed(just_written, replica))), Copy)


def test_a_blind_copy_proves_an_opaque_object_only_by_its_version() -> None:
    source, replica = state(etag=OPAQUE, version_id="S1"), state(etag='"r"')
    unversioned = replace(source, version_id=None)
    seen, seen_unversioned = (
        (Observe(), Observed(source, replica)),
        (Observe(), Observed(unversioned, replica)),
    )

    named = Copy(OPAQUE), Copied('"r"', source_version_id="S1")
    unnamed = Copy(OPAQUE), Copied('"r"', source_version_id="null")
    older = Copy(OPAQUE), Copied('"r"', source_version_id="S0")

    assert after(named, seen) == Finish(Ending.COPIED, 3)
    assert isinstance(after(older, seen), Copy)
    assert isinstance(after(unnamed, seen_unversioned), Copy)


def test_lineage_is_forgotten_when_somebody_else_wrote_the_replica() -> None:
    source = state(etag=OPAQUE)
    copied = (Observe(), Observed(source, None)), (Copy(OPAQUE, source), Copied('"r"'))

    assert isinstance(after(*copied, (Observe(), Observed(source, state(etag='"else"')))), Copy)


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
    ],
)
def test_an_answer_to_another_question_is_a_bug(action: Action, result: ActionResult) -> None:
    with pytest.raises(AssertionError, match="does not answer"):
        advance(KeyProgress(), action, result, ANYTHING)


# A copy that does not equal its source

WRONG_COPY: tuple[Step, ...] = (
    (Copy(ETAG, state(checksums={"crc64nvme": "one"})), Copied('"r"')),
    (
        Observe(),
        Observed(
            state(checksums={"crc64nvme": "one"}),
            state(etag='"r"', checksums={"crc64nvme": "other"}),
        ),
    ),
)


def test_what_was_copied_twice_and_differs_twice_is_said_to_differ() -> None:
    assert isinstance(after(*WRONG_COPY), Copy)
    assert after(*WRONG_COPY, *WRONG_COPY) == Finish(Ending.DIFFERS)


@pytest.mark.parametrize(
    "seen",
    [
        Observed(state(checksums={"crc64nvme": "one"}), None),
        Observed(
            state(checksums={"crc64nvme": "one"}),
            state(etag='"theirs"', checksums={"crc64nvme": "other"}),
        ),
        Observed(state(etag='"newer"'), state(etag='"r"')),
        Observed(
            state(checksums={"crc64nvme": "one"}, tags=(("t", "1"),)),
            state(etag='"r"', checksums={"crc64nvme": "one"}),
        ),
    ],
    ids=["replica removed", "another replica", "another source", "only tags"],
)
def test_what_somebody_may_have_changed_since_it_was_copied_has_not_settled(seen: Observed) -> None:
    assert after(*WRONG_COPY, WRONG_COPY[0], (Observe(), seen)) == Finish(Ending.UNSETTLED)


def test_a_copy_of_what_nobody_had_seen_is_known_to_differ_only_by_its_version() -> None:
    seen: Step = Observe(), Observed(state(headers={"expires": "never"}, version_id="S1"), state())
    gone: Step = Copy(ETAG), Changed()

    def blindly_copied(source_version_id: str) -> Step:
        return Copy(ETAG), Copied(f'"{ETAG}"', None, source_version_id)

    rest = seen, gone, seen, gone, seen, gone, seen
    assert after(blindly_copied("S1"), *rest) == Finish(Ending.DIFFERS)
    assert after(blindly_copied("S0"), *rest) == Finish(Ending.UNSETTLED)
    assert after(blindly_copied("null"), *rest) == Finish(Ending.UNSETTLED)


# Absence, where deletes are replicated

DELETES = ReplicaSettings(replicate_deletes=True)
GONE: Step = Observe(), Observed(None, state())
PROVEN: Step = ProveAbsence(), Proof(is_absent=True)
THERE: Step = ProveAbsence(), Proof(is_absent=False)
DELETED: Step = Delete(), Deleted()


def after_delete(*steps: Step) -> Action:
    """The action that follows some steps where deletes are replicated."""
    return after(*steps, wanted=DELETES)


@pytest.mark.parametrize("has_delete_marker", [True, False])
def test_absence_is_proven_before_a_replica_is_deleted(has_delete_marker: bool) -> None:
    gone: Step = Observe(), Observed(None, state(), has_delete_marker)

    assert after_delete(gone) == ProveAbsence()
    assert after_delete(gone, PROVEN) == Delete()


@pytest.mark.parametrize("has_delete_marker", [True, False])
def test_a_replica_that_is_absent_is_left_alone(has_delete_marker: bool) -> None:
    assert after_delete((Observe(), Observed(None, None, has_delete_marker))) == Finish(
        Ending.ABSENT
    )


def test_after_a_delete_both_sides_must_be_seen_empty() -> None:
    assert after_delete(GONE, PROVEN, DELETED) == Observe()
    assert after_delete(GONE, PROVEN, DELETED, (Observe(), Observed(None, None))) == Finish(
        Ending.DELETED
    )


def test_a_source_that_was_there_after_all_is_looked_at_again_and_copied() -> None:
    seen: Step = Observe(), Observed(state(), state(etag='"older"'))

    assert after_delete(GONE, THERE) == Observe()
    assert after_delete(GONE, THERE, seen) == Copy(state().etag, state())


def test_a_source_recreated_after_the_delete_is_copied() -> None:
    recreated: Step = Observe(), Observed(state(), None)

    assert after_delete(GONE, PROVEN, DELETED, recreated) == Copy(state().etag, state())


def test_a_replica_that_comes_back_after_the_delete_needs_another_proof() -> None:
    assert after_delete(GONE, PROVEN, DELETED, GONE) == ProveAbsence()
    assert after_delete(GONE, PROVEN, DELETED, GONE, PROVEN) == Delete()


def test_what_was_copied_from_a_source_deleted_meanwhile_is_deleted() -> None:
    copied: Step = Copy(ETAG), Copied('"r"')

    assert after_delete(copied, GONE) == ProveAbsence()
    assert after_delete(copied, GONE, PROVEN, DELETED, (Observe(), Observed(None, None))) == Finish(
        Ending.DELETED
    )
    assert after_delete(copied, (Observe(), Observed(None, None))) == Finish(Ending.COPIED)


def test_a_replica_that_keeps_coming_back_is_left_for_later_after_two_deletes() -> None:
    once = GONE, PROVEN, DELETED

    assert after_delete(*once, *once, GONE) == Finish(Ending.UNSETTLED)
    assert after_delete(*once, *once, (Observe(), Observed(None, None))) == Finish(Ending.DELETED)


def test_an_absence_that_is_never_proven_is_left_for_later_after_four_looks() -> None:
    assert after_delete(*[GONE, THERE] * 2, GONE) == ProveAbsence()
    assert after_delete(*[GONE, THERE] * 3, GONE) == Finish(Ending.UNSETTLED)


# Absence, where deletes are not replicated: what survives of a deleted object

SURVIVOR = state(etag='"survivor"', version_id="S1")


@pytest.mark.parametrize("replica", [None, state()], ids=["no replica", "a replica"])
def test_without_a_delete_marker_nothing_survives_and_the_replica_stays_as_it_is(
    replica: ObjectState | None,
) -> None:
    seen: Step = Observe(), Observed(None, replica)

    assert after(seen) == Finish(Ending.ABSENT)
    assert after((Copy(ETAG), Changed()), seen) == Finish(Ending.ABSENT)
    assert after((Copy(ETAG), Copied('"r"')), seen) == Finish(Ending.COPIED)
    assert after((WriteTags(()), Tagged()), seen) == Finish(Ending.TAGGED)


@pytest.mark.parametrize("replica", [None, state()], ids=["no replica", "a replica"])
def test_under_a_delete_marker_the_newest_version_that_survives_is_looked_for(
    replica: ObjectState | None,
) -> None:
    seen: Step = Observe(), Observed(None, replica, has_delete_marker=True)

    assert after(seen) == FindSurvivor(replica)
    assert after((Copy(ETAG), Copied('"r"')), seen) == FindSurvivor(replica)
    assert after((WriteTags(()), Tagged()), seen) == FindSurvivor(replica)


def test_versions_that_vanish_one_after_the_other_are_not_looked_for_without_end() -> None:
    seen: Step = Observe(), Observed(None, state(), has_delete_marker=True)
    vanished: Step = FindSurvivor(state()), Changed()

    action = after(*[seen, vanished] * MAX_OBSERVATIONS, seen)

    assert action == Finish(Ending.UNSETTLED)


def surviving(found: Survivor | Changed, replica: ObjectState | None, *before: Step) -> Action:
    """The action once a survivor was looked for, given what was just seen of the replica."""
    seen: Step = Observe(), Observed(None, replica, has_delete_marker=True)
    return after(*before, seen, (FindSurvivor(replica), found))


@pytest.mark.parametrize("replica", [None, state()], ids=["no replica", "a replica"])
def test_where_no_version_survives_the_replica_stays_as_it_is(
    replica: ObjectState | None,
) -> None:
    copied: Step = Copy(ETAG), Copied('"r"')

    assert surviving(Survivor(None), replica) == Finish(Ending.ABSENT)
    assert surviving(Survivor(None), replica, copied) == Finish(Ending.COPIED)


def test_a_replica_that_equals_the_survivor_is_left_alone() -> None:
    copied: Step = Copy(ETAG), Copied('"r"')
    replica = replace(SURVIVOR, version_id="R1")

    assert surviving(Survivor(SURVIVOR, "S1"), replica) == Finish(Ending.CURRENT, 3)
    assert surviving(Survivor(SURVIVOR, "S1"), replica, copied) == Finish(Ending.COPIED, 3)


@pytest.mark.parametrize("replica", [None, state()], ids=["no replica", "another replica"])
def test_the_survivor_is_copied_as_the_version_it_is(replica: ObjectState | None) -> None:
    assert surviving(Survivor(SURVIVOR, "S1"), replica) == Copy(
        SURVIVOR.etag, SURVIVOR, version_id="S1"
    )


def test_a_survivor_from_before_versioning_is_copied_as_the_version_null() -> None:
    unversioned = replace(SURVIVOR, version_id=None)

    assert surviving(Survivor(unversioned, "null"), None) == Copy(
        SURVIVOR.etag, unversioned, version_id="null"
    )


def test_a_survivor_with_other_tags_gets_its_tags_written() -> None:
    tagged = replace(SURVIVOR, tags=(("t", "1"),))

    assert surviving(Survivor(tagged, "S1"), SURVIVOR) == WriteTags((("t", "1"),))


def test_a_copied_survivor_must_be_seen_equal_too() -> None:
    opaque, replica = replace(SURVIVOR, etag=OPAQUE), state(etag='"r"', version_id="R1")
    copied: Step = Copy(OPAQUE, opaque, version_id="S1"), Copied('"r"', "R1", "S1")
    found = Survivor(opaque, "S1")

    assert after(copied) == Observe()
    assert surviving(found, replica, copied) == Finish(Ending.COPIED, 3)
    assert isinstance(surviving(found, replace(replica, version_id="R2"), copied), Copy)


def test_a_survivor_that_does_not_settle_is_left_for_later() -> None:
    copied: Step = Copy(ETAG), Copied('"r"')
    older: Step = Observe(), Observed(state(), state(etag='"older"'))

    assert surviving(Survivor(SURVIVOR, "S1"), None, copied, older, copied) == Finish(
        Ending.UNSETTLED
    )


def test_survivors_do_not_matter_where_deletes_are_replicated() -> None:
    copied: Step = Copy(ETAG), Copied('"r"')
    hidden: Step = Observe(), Observed(None, None, has_delete_marker=True)

    assert after_delete(copied, hidden) == Finish(Ending.COPIED)


def test_tags_that_are_not_replicated_are_never_written() -> None:
    wanted = ReplicaSettings(replicate_tags=False)
    seen = Observed(state(tags=(("t", "1"),)), state())

    assert after((Observe(), seen), wanted=wanted) == Finish(Ending.CURRENT, 3)


# A world in memory


@dataclass(frozen=True)
class Thing:
    """An object with what no HEAD answer shows: its content."""

    content: str
    meta: str
    tags: Tags
    etag: str
    encryption: str | None
    modified: int
    version_id: str | None
    checksum: bool

    def equals(self, other: Thing | None) -> bool:
        """Whether a reader could tell them apart."""
        return other is not None and (self.content, self.meta, self.tags) == (
            other.content,
            other.meta,
            other.tags,
        )


@dataclass(frozen=True)
class Put:
    """Somebody writes the source. An opaque ETag may be that of other content: the worst case."""

    content: str
    meta: str
    tags: Tags
    opaque: bool
    checksum: bool


@dataclass(frozen=True)
class Retag:
    """Somebody replaces the source's tags: no header shows it."""

    tags: Tags


@dataclass(frozen=True)
class Remove:
    """Somebody deletes the source: with versioning, a delete marker hides it."""


@dataclass(frozen=True)
class Erase:
    """Somebody deletes the newest version, or delete marker, for good."""


@dataclass(frozen=True)
class BucketLost:
    """The source bucket is deleted: to HEAD, all its objects look like missing ones."""


@dataclass(frozen=True)
class Tick:
    """A second passes."""


@dataclass(frozen=True)
class OtherWorker:
    """Another delivery's copy of some earlier object (a fraction of history) lands now."""

    age: int


@dataclass(frozen=True)
class ReplicaDeleted:
    """Somebody deletes the replica."""


Event = Put | Retag | Remove | Erase | BucketLost | Tick | OtherWorker | ReplicaDeleted


@dataclass
class World:
    """Two buckets with one key; ``script`` is what others do before each step of ours.

    Attributes:
        versions: of the source, the newest last; None is a delete marker. Without versioning at
            most one.
        truth: both sides at our last look; the newest survivor once that was asked for.
        proven: whether the source was proven absent since our last look.
        writes: how often we wrote.
    """

    versioned: bool
    kms: bool
    script: list[list[Event]]
    versions: list[Thing | None] = field(default_factory=list)
    bucket_is_lost: bool = False
    replica: Thing | None = None
    truth: tuple[Thing | None, Thing | None] = (None, None)
    proven: bool = False
    writes: int = 0
    clock: int = 0
    serial: int = 0
    history: list[Thing] = field(default_factory=list)

    @property
    def source(self) -> Thing | None:
        """The current version, as HEAD shows it."""
        return self.versions[-1] if self.versions and not self.bucket_is_lost else None

    @property
    def is_hidden(self) -> bool:
        """Whether a delete marker is the current version."""
        return bool(self.versions) and self.versions[-1] is None and not self.bucket_is_lost

    @property
    def survivor(self) -> Thing | None:
        """The newest version that is left."""
        return next((thing for thing in reversed(self.versions) if thing is not None), None)

    def observe(self) -> Observed | Changed:
        """Of ``KeyOperations``: the replica first, the source possibly later, and then its tags."""
        self.proven = False
        self.meanwhile()
        replica = self.replica
        self.meanwhile()
        found = self.source
        if found is not None and found.tags:
            self.meanwhile()
            if self.source is None:
                return Changed()
            found = replace(found, tags=self.source.tags)
        self.truth = found, replica
        return Observed(self.shown(found), self.shown(replica), has_delete_marker=self.is_hidden)

    def copy(self, action: Copy) -> Copied | Changed:
        """Of ``KeyOperations``."""
        self.meanwhile()
        self.ask_for_the_bucket("CopyObject")
        found = self.source
        if action.version_id not in (None, "null"):
            found = next(
                (
                    thing
                    for thing in self.versions
                    if thing is not None and thing.version_id == action.version_id
                ),
                None,
            )
        if found is None or found.etag.strip('"') != action.if_match.strip('"'):
            return Changed()
        self.writes += 1
        self.replica = self.copy_of(found)
        return Copied(self.replica.etag, self.replica.version_id, found.version_id)

    def write_tags(self, action: WriteTags) -> Tagged | Changed:
        """Of ``KeyOperations``."""
        self.meanwhile()
        if self.replica is None:
            return Changed()
        self.writes += 1
        self.replica = replace(self.replica, tags=action.tags)
        return Tagged()

    def prove_absence(self) -> Proof:
        """Of ``KeyOperations``."""
        self.meanwhile()
        self.ask_for_the_bucket("GetObject of the source")
        self.proven = self.source is None
        return Proof(is_absent=self.proven)

    def delete(self) -> Deleted:
        """Of ``KeyOperations``."""
        assert self.proven
        assert self.truth[1] is not None
        self.meanwhile()
        self.writes += 1
        self.replica = None
        return Deleted()

    def find_survivor(self) -> Survivor | Changed:
        """Of ``KeyOperations``."""
        self.meanwhile()
        self.ask_for_the_bucket("ListObjectVersions of the source")
        found = self.survivor
        self.truth = found, self.truth[1]
        if found is None:
            return Survivor(None)
        return Survivor(self.shown(found), found.version_id or "null")

    def ask_for_the_bucket(self, call: str) -> None:
        """Refuse a call to a bucket that is not there."""
        if self.bucket_is_lost:
            raise ReplicationError(FailureKind.DESTINATION, "SrcBucketNotFound", call)

    def meanwhile(self) -> None:
        """Let others do what they do now."""
        for event in self.script.pop(0) if self.script else ():
            self.happen(event)

    def happen(self, event: Event) -> None:
        """Change the world."""
        match event:
            case Put(content, meta, tags, opaque, checksum):
                self.serial += 1
                thing = Thing(
                    content,
                    meta,
                    tags,
                    OPAQUE if opaque else f'"{content}"',
                    None,
                    self.clock,
                    f"S{self.serial}" if self.versioned else None,
                    checksum,
                )
                self.versions = [*(self.versions if self.versioned else ()), thing]
                self.history.append(thing)
            case Retag(tags) if self.versions and self.versions[-1] is not None:
                self.versions[-1] = replace(self.versions[-1], tags=tags)
                self.history.append(self.versions[-1])
            case Remove():
                self.versions = [*self.versions, None] if self.versioned else []
            case Erase():
                self.versions = self.versions[:-1]
            case BucketLost():
                self.bucket_is_lost = True
            case Tick():
                self.clock += 1
            case OtherWorker(age) if self.history:
                self.replica = self.copy_of(self.history[-1 - age % len(self.history)])
            case ReplicaDeleted():
                self.replica = None

    def copy_of(self, thing: Thing) -> Thing:
        """What CopyObject writes."""
        self.serial += 1
        return replace(
            thing,
            etag=f'"r{self.serial}"' if self.kms else f'"{thing.content}"',
            encryption="aws:kms" if self.kms else None,
            modified=self.clock,
            version_id=f"R{self.serial}" if self.versioned else "null",
        )

    def shown(self, thing: Thing | None) -> ObjectState | None:
        """What HEAD and GetObjectTagging show."""
        if thing is None:
            return None
        return state(
            etag=thing.etag,
            size=1,
            last_modified=formatdate(thing.modified, usegmt=True),
            version_id=None if thing.version_id == "null" else thing.version_id,
            checksums={"crc64nvme": thing.content} if thing.checksum else {},
            headers={"x-amz-meta-m": thing.meta},
            encryption=thing.encryption,
            answered_at=formatdate(self.clock, usegmt=True),
            tags=thing.tags,
        )


TAGS = st.sampled_from([(), (("t", "1"),), (("t", "2"),)])
OTHER_WORKERS = st.builds(OtherWorker, st.integers(0, 2))
PUTS = st.builds(
    Put,
    content=st.sampled_from("ab"),
    meta=st.sampled_from("mn"),
    tags=TAGS,
    opaque=st.booleans(),
    checksum=st.booleans(),
)
EVENTS = st.one_of(
    PUTS,
    OTHER_WORKERS,
    st.just(Tick()),
    st.builds(Retag, TAGS),
    st.just(Remove()),
    st.just(ReplicaDeleted()),
)
# Where nothing but content differs, and no look at it shows.
OPAQUE_EVENTS = st.one_of(
    st.builds(Put, st.sampled_from("ab"), st.just("m"), st.just(()), st.just(True), st.just(False)),
    OTHER_WORKERS,
    st.just(Tick()),
)
# Where nothing but headers and tags differ.
SAME_CONTENT_EVENTS = st.one_of(
    st.builds(Put, st.just("a"), st.sampled_from("mn"), TAGS, st.just(False), st.just(True)),
    OTHER_WORKERS,
    st.builds(Retag, TAGS),
)
# Where objects come and go.
FLEETING_EVENTS = st.one_of(
    PUTS,
    st.just(Remove()),
    st.just(Remove()),
    st.just(Erase()),
    OTHER_WORKERS,
)
WANTED = st.sampled_from([ANYTHING, DELETES])


@st.composite
def worlds(draw: st.DrawFn, *, quiet: bool = False) -> World:
    """A world with a past, and others who act in it unless it is quiet."""
    events = draw(st.sampled_from([EVENTS, OPAQUE_EVENTS, SAME_CONTENT_EVENTS, FLEETING_EVENTS]))
    script = [] if quiet else draw(st.lists(st.lists(events, max_size=2), max_size=8))
    world = World(versioned=draw(st.booleans()), kms=draw(st.booleans()), script=script)
    for event in draw(st.lists(events, max_size=4)):
        world.happen(event)
    return world


def deliver(world: World, wanted: ReplicaSettings = ANYTHING, *, plain: bool = False) -> Finish:
    """One delivery, of a plain first event or of any other."""
    etag = world.source.etag.strip('"') if plain and world.source is not None else None
    return converge(world, etag, wanted)


@settings(max_examples=600)
@given(world=worlds(), plain=st.booleans(), wanted=WANTED)
def test_who_is_done_saw_the_replica_equal_to_the_source(
    world: World, plain: bool, wanted: ReplicaSettings
) -> None:
    finish = deliver(world, wanted, plain=plain)

    source, replica = world.truth
    assert world.writes <= MAX_WRITES
    match finish.ending:
        case Ending.COPIED | Ending.TAGGED | Ending.CURRENT if source is not None:
            assert source.equals(replica)
            assert (finish.ending is Ending.CURRENT) == (world.writes == 0)
        case Ending.DELETED | Ending.COPIED | Ending.TAGGED | Ending.ABSENT:
            assert source is None
            assert replica is None or not wanted.replicate_deletes
            assert (finish.ending is Ending.ABSENT) == (world.writes == 0)
            assert world.survivor is None or wanted.replicate_deletes
        case Ending.DIFFERS:  # by its ETag alone another worker's copy cannot be told from ours
            assert not world.versioned
        case ending:
            assert ending is Ending.UNSETTLED


@given(world=worlds(), plain=st.booleans(), wanted=WANTED)
def test_once_the_world_is_quiet_deliveries_make_the_replica_equal(
    world: World, plain: bool, wanted: ReplicaSettings
) -> None:
    deliver(world, wanted, plain=plain)
    world.script.clear()
    world.happen(Tick())

    assert deliver(world, wanted).ending not in (Ending.UNSETTLED, Ending.DIFFERS)
    if wanted.replicate_deletes and world.source is None:
        assert world.replica is None
    elif world.survivor is not None:
        assert world.survivor.equals(world.replica)


@given(world=worlds(quiet=True), wanted=WANTED)
def test_what_can_be_compared_is_written_once_and_then_left_alone(
    world: World, wanted: ReplicaSettings
) -> None:
    world.kms = False
    world.happen(Put("a", "m", (("t", "1"),), opaque=False, checksum=False))

    deliver(world, wanted)
    assert world.writes <= 1
    writes = world.writes
    assert deliver(world, wanted).ending is Ending.CURRENT
    assert world.writes == writes


@given(world=worlds(quiet=True))
def test_what_is_deleted_is_deleted_once_and_then_left_alone(world: World) -> None:
    world.happen(Remove())
    had_replica = world.replica is not None

    assert deliver(world, DELETES) == Finish(Ending.DELETED if had_replica else Ending.ABSENT)
    assert world.writes == had_replica
    assert deliver(world, DELETES) == Finish(Ending.ABSENT)
    assert world.writes == had_replica


@pytest.mark.parametrize("wanted", [ANYTHING, DELETES], ids=["deletes off", "deletes on"])
@given(world=worlds(), when=st.integers(0, 8), plain=st.booleans())
def test_when_the_source_bucket_is_lost_no_replica_is_deleted(
    wanted: ReplicaSettings, world: World, when: int, plain: bool
) -> None:
    # What others do to the object ends with its bucket; nobody else touches the replica.
    script: list[list[Event]] = [
        [event for event in events if isinstance(event, Put | Retag | Tick)]
        for events in world.script
    ]
    world.happen(Put("a", "m", (), opaque=False, checksum=True))
    world.happen(OtherWorker(age=0))
    world.script = [*(script + [[]] * when)[:when], [BucketLost()]]

    for _ in range(3):
        with suppress(ReplicationError):
            deliver(world, wanted, plain=plain)
        assert world.replica is not None


def test_an_object_changed_and_changed_back_within_a_second_is_not_taken_for_untouched() -> None:
    one = Put("a", "m", (), opaque=True, checksum=False)
    other = replace(one, content="b")
    world = World(versioned=False, kms=False, script=[[one], [], [other], [one]])

    assert deliver(world).ending is Ending.UNSETTLED
    world.happen(Tick())
    assert deliver(world) == Finish(Ending.COPIED, 1)
    assert world.replica is not None
    assert world.replica.content == "a"


def test_an_older_copy_that_lands_after_ours_is_seen_and_repaired() -> None:
    older, newer = (Put(content, "m", (), opaque=False, checksum=False) for content in "ab")
    world = World(versioned=True, kms=False, script=[[older, newer], [], [], [OtherWorker(age=1)]])

    assert deliver(world) == Finish(Ending.COPIED, 1)
    assert world.replica is not None
    assert world.replica.content == "b"
    assert world.writes == 2


def test_an_older_version_that_lands_after_the_delete_gives_way_to_the_newest_survivor() -> None:
    older, newer = (Put(content, "m", (), opaque=False, checksum=False) for content in "ab")
    world = World(versioned=True, kms=False, script=[])
    for event in (older, newer, Remove(), OtherWorker(age=1)):
        world.happen(event)

    assert deliver(world) == Finish(Ending.COPIED, 1)
    assert world.replica is not None
    assert world.replica.content == "b"


def test_an_object_recreated_just_before_its_replica_is_deleted_is_copied_after_all() -> None:
    made = Put("a", "m", (), opaque=False, checksum=False)
    world = World(versioned=False, kms=False, script=[[], [], [], [made]])
    for event in (made, OtherWorker(age=0), Remove()):
        world.happen(event)

    assert deliver(world, DELETES) == Finish(Ending.COPIED, 1)
    assert world.replica is not None
    assert world.writes == 2
