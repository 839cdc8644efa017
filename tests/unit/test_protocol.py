"""The protocol in a world that changes at any moment: who is done has seen both sides equal."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from email.utils import formatdate

import pytest
from fanout.converge import converge
from fanout.objects import ObjectState, Tags
from fanout.protocol import (
    MAX_WRITES,
    Action,
    Changed,
    Copied,
    Copy,
    Finish,
    Look,
    Progress,
    Result,
    Seen,
    Tagged,
    Wanted,
    WriteTags,
    advance,
    begin,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from .builders import ETAG, state

OPAQUE = '"opaque-2"'
ANYTHING = Wanted()

Step = tuple[Action, Result]

# One decision at a time


def after(*steps: Step, wanted: Wanted = ANYTHING) -> Action:
    """The action that follows some steps."""
    progress, action = Progress(), steps[0][0]
    for expected, result in steps:
        assert type(action) is type(expected)
        progress, action = advance(progress, action, result, wanted)
    return action


def test_a_plain_first_event_copies_what_it_names_before_anybody_looks() -> None:
    assert begin(ETAG) == Copy(if_match=ETAG, source=None)


def test_any_other_event_looks_first() -> None:
    assert begin(None) == Look()


def test_equal_sides_are_left_alone() -> None:
    assert after((Look(), Seen(state(), state()))) == Finish("current", 3)


@pytest.mark.parametrize("replica", [None, state()], ids=["no replica", "a replica"])
def test_an_absent_source_changes_nothing(replica: ObjectState | None) -> None:
    assert after((Look(), Seen(None, replica))) == Finish("absent")


def test_a_missing_replica_is_copied_from_the_object_that_was_seen() -> None:
    source = state(version_id="S1")

    assert after((Look(), Seen(source, None))) == Copy(if_match=source.etag, source=source)


def test_after_a_copy_both_sides_are_looked_at() -> None:
    assert after((Copy(ETAG), Copied('"r"'))) == Look()


def test_after_a_copy_the_replica_must_be_seen_equal() -> None:
    seen_equal = Look(), Seen(state(), state())
    seen_older = Look(), Seen(state(), state(etag='"older"'))

    assert after((Copy(ETAG), Copied(f'"{ETAG}"')), seen_equal) == Finish("copied", 3)
    assert isinstance(after((Copy(ETAG), Copied(f'"{ETAG}"')), seen_older), Copy)


@pytest.mark.parametrize(
    "action", [Copy(ETAG), Copy(ETAG, state()), WriteTags(())], ids=["blind", "seen", "tags"]
)
def test_what_changed_meanwhile_is_looked_at_again(action: Action) -> None:
    assert after((action, Changed())) == Look()


def test_tags_that_differ_are_written_alone_and_looked_at() -> None:
    tags = (("t", "1"),)
    seen = Seen(state(tags=tags), state())

    assert after((Look(), seen)) == WriteTags(tags)
    assert after((Look(), seen), (WriteTags(tags), Tagged())) == Look()
    assert after(
        (Look(), seen), (WriteTags(tags), Tagged()), (Look(), Seen(state(), state()))
    ) == Finish("tagged", 3)


def test_a_replica_gets_the_storage_class_that_is_asked_for() -> None:
    wanted = Wanted(storage_class="GLACIER_IR")

    assert isinstance(after((Look(), Seen(state(), state())), wanted=wanted), Copy)


def test_a_key_that_keeps_changing_goes_back_after_two_writes() -> None:
    seen: Step = Look(), Seen(state(), state(etag='"older"'))
    copied: Step = Copy(ETAG), Copied('"r"')

    assert after(copied, seen) == Copy(state().etag, state())
    assert after(copied, seen, copied, seen) == Finish("unsettled", 3)


def test_a_key_that_is_always_gone_when_copied_goes_back_after_four_looks() -> None:
    seen: Step = Look(), Seen(state(), None)
    gone: Step = Copy(ETAG), Changed()

    assert after(seen, gone, seen, gone, seen) == Copy(state().etag, state())
    assert after(seen, gone, seen, gone, seen, gone, seen) == Finish("unsettled", 3)


def test_an_opaque_object_is_done_when_this_delivery_wrote_it_from_what_is_still_there() -> None:
    source, replica = state(etag=OPAQUE), state(etag='"r"')
    copied = (Look(), Seen(source, None)), (Copy(OPAQUE, source), Copied('"r"'))

    assert after(*copied, (Look(), Seen(source, replica))) == Finish("copied", 3)


def test_an_opaque_object_is_copied_again_when_another_one_may_have_been_there() -> None:
    just_written = state(etag=OPAQUE, seen_at=state().last_modified)
    replica = state(etag='"r"')
    copied = (Look(), Seen(just_written, None)), (Copy(OPAQUE, just_written), Copied('"r"'))

    assert isinstance(after(*copied, (Look(), Seen(just_written, replica))), Copy)


def test_a_blind_copy_proves_an_opaque_object_only_by_its_version() -> None:
    source, replica = state(etag=OPAQUE, version_id="S1"), state(etag='"r"')
    unversioned = replace(source, version_id=None)
    seen, seen_unversioned = (Look(), Seen(source, replica)), (Look(), Seen(unversioned, replica))

    named = Copy(OPAQUE), Copied('"r"', source_version_id="S1")
    unnamed = Copy(OPAQUE), Copied('"r"', source_version_id="null")
    older = Copy(OPAQUE), Copied('"r"', source_version_id="S0")

    assert after(named, seen) == Finish("copied", 3)
    assert isinstance(after(older, seen), Copy)
    assert isinstance(after(unnamed, seen_unversioned), Copy)


def test_lineage_is_forgotten_when_somebody_else_wrote_the_replica() -> None:
    source = state(etag=OPAQUE)
    copied = (Look(), Seen(source, None)), (Copy(OPAQUE, source), Copied('"r"'))

    assert isinstance(after(*copied, (Look(), Seen(source, state(etag='"else"')))), Copy)


def test_an_answer_to_another_question_is_a_bug() -> None:
    with pytest.raises(AssertionError, match="does not answer"):
        advance(Progress(), Look(), Copied('"r"'), ANYTHING)


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
class Delete:
    """Somebody deletes the source."""


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


Event = Put | Retag | Delete | Tick | OtherWorker | ReplicaDeleted


@dataclass
class World:
    """Two buckets with one key; ``script`` is what others do before each step of ours.

    Attributes:
        truth: both sides at our last look.
        writes: how often we wrote.
    """

    versioned: bool
    kms: bool
    script: list[list[Event]]
    source: Thing | None = None
    replica: Thing | None = None
    truth: tuple[Thing | None, Thing | None] = (None, None)
    writes: int = 0
    clock: int = 0
    serial: int = 0
    history: list[Thing] = field(default_factory=list)

    def look(self) -> Seen:
        """Of ``Sides``: the replica first, and the source possibly later."""
        self.meanwhile()
        replica = self.replica
        self.meanwhile()
        self.truth = self.source, replica
        return Seen(self.shown(self.source), self.shown(replica))

    def copy(self, action: Copy) -> Copied | Changed:
        """Of ``Sides``."""
        self.meanwhile()
        found = self.source
        if action.source is not None and action.source.version_id is not None:
            found = next(
                thing
                for thing in reversed(self.history)
                if thing.version_id == action.source.version_id
            )
        if found is None or found.etag.strip('"') != action.if_match.strip('"'):
            return Changed()
        self.writes += 1
        self.replica = self.copy_of(found)
        return Copied(self.replica.etag, self.replica.version_id, found.version_id)

    def write_tags(self, action: WriteTags) -> Tagged | Changed:
        """Of ``Sides``."""
        self.meanwhile()
        if self.replica is None:
            return Changed()
        self.writes += 1
        self.replica = replace(self.replica, tags=action.tags)
        return Tagged()

    def meanwhile(self) -> None:
        """Let others do what they do now."""
        for event in self.script.pop(0) if self.script else ():
            self.happen(event)

    def happen(self, event: Event) -> None:
        """Change the world."""
        match event:
            case Put(content, meta, tags, opaque, checksum):
                self.serial += 1
                self.source = Thing(
                    content,
                    meta,
                    tags,
                    OPAQUE if opaque else f'"{content}"',
                    None,
                    self.clock,
                    f"S{self.serial}" if self.versioned else None,
                    checksum,
                )
                self.history.append(self.source)
            case Retag(tags) if self.source is not None:
                self.source = replace(self.source, tags=tags)
                self.history.append(self.source)
            case Delete():
                self.source = None
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
            seen_at=formatdate(self.clock, usegmt=True),
            tags=thing.tags,
        )


TAGS = st.sampled_from([(), (("t", "1"),), (("t", "2"),)])
OTHER_WORKERS = st.builds(OtherWorker, st.integers(0, 2))
EVENTS = st.one_of(
    st.builds(
        Put,
        content=st.sampled_from("ab"),
        meta=st.sampled_from("mn"),
        tags=TAGS,
        opaque=st.booleans(),
        checksum=st.booleans(),
    ),
    OTHER_WORKERS,
    st.just(Tick()),
    st.builds(Retag, TAGS),
    st.just(Delete()),
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


@st.composite
def worlds(draw: st.DrawFn, *, quiet: bool = False) -> World:
    """A world with a past, and others who act in it unless it is quiet."""
    events = draw(st.sampled_from([EVENTS, OPAQUE_EVENTS, SAME_CONTENT_EVENTS]))
    script = [] if quiet else draw(st.lists(st.lists(events, max_size=2), max_size=8))
    world = World(versioned=draw(st.booleans()), kms=draw(st.booleans()), script=script)
    for event in draw(st.lists(events, max_size=4)):
        world.happen(event)
    return world


def first_etag(world: World, plain: bool) -> str | None:
    """What a delivery begins with."""
    return world.source.etag.strip('"') if plain and world.source is not None else None


@settings(max_examples=600)
@given(world=worlds(), plain=st.booleans())
def test_who_is_done_saw_the_replica_equal_to_the_source(world: World, plain: bool) -> None:
    finish = converge(world, first_etag(world, plain), ANYTHING)

    source, replica = world.truth
    assert world.writes <= MAX_WRITES
    match finish.action:
        case "copied" | "tagged" | "current":
            assert source is not None
            assert source.equals(replica)
            assert (finish.action == "current") == (world.writes == 0)
        case "absent":
            assert source is None
        case action:
            assert action == "unsettled"


@given(world=worlds(), plain=st.booleans())
def test_once_the_world_is_quiet_deliveries_make_the_replica_equal(
    world: World, plain: bool
) -> None:
    converge(world, first_etag(world, plain), ANYTHING)
    world.script.clear()
    world.happen(Tick())

    assert converge(world, None, ANYTHING).action != "unsettled"
    assert world.source is None or world.source.equals(world.replica)


@given(world=worlds(quiet=True))
def test_what_can_be_compared_is_written_once_and_then_left_alone(world: World) -> None:
    world.kms = False
    world.happen(Put("a", "m", (("t", "1"),), opaque=False, checksum=False))

    converge(world, None, ANYTHING)
    assert world.writes <= 1
    writes = world.writes
    assert converge(world, None, ANYTHING).action == "current"
    assert world.writes == writes


def test_an_object_changed_and_changed_back_within_a_second_is_not_taken_for_untouched() -> None:
    one = Put("a", "m", (), opaque=True, checksum=False)
    other = replace(one, content="b")
    world = World(versioned=False, kms=False, script=[[one], [], [other], [one]])

    assert converge(world, None, ANYTHING).action == "unsettled"
    world.happen(Tick())
    assert converge(world, None, ANYTHING) == Finish("copied", 1)
    assert world.replica is not None
    assert world.replica.content == "a"


def test_an_older_copy_that_lands_after_ours_is_seen_and_repaired() -> None:
    older, newer = (Put(content, "m", (), opaque=False, checksum=False) for content in "ab")
    world = World(versioned=True, kms=False, script=[[older, newer], [], [], [OtherWorker(age=1)]])

    assert converge(world, None, ANYTHING) == Finish("copied", 1)
    assert world.replica is not None
    assert world.replica.content == "b"
    assert world.writes == 2
