"""One delivery of a message: the protocol's decisions, and the calls it makes one after the other.

The decisions are the shipped ones. A call is one step of the world, and one that looks at several
things is several: anything can happen in between.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

from fanout.common.config import ReplicaSettings
from fanout.replicate import protocol
from fanout.replicate.object_state import ObjectState
from fanout.replicate.protocol import (
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
)
from fanout.replicate.upload_plan import Upload as NamedUpload

from model.world import NULL, Hint, Operation, Scenario, Source, Value, Version, tag_name, with_tags


@dataclass(frozen=True)
class Decisions:
    """What a worker decides by."""

    begin: Callable[[str | None], tuple[KeyProgress, Action]]
    advance: Callable[
        [KeyProgress, Action, ActionResult, ReplicaSettings], tuple[KeyProgress, Action]
    ]


SHIPPED = Decisions(protocol.begin, protocol.advance)


class Head(NamedTuple):
    """A HEAD answer. It says whether there are tags, not which."""

    state: ObjectState
    has_tags: bool


class Glance(NamedTuple):
    """A look that is under way. A side is False before it was asked, None without an object."""

    source: Head | Literal[False] | None = False
    replica: Head | Literal[False] | None = False
    has_delete_marker: bool = False


class Read(NamedTuple):
    """A copy that S3 has read and not yet written."""

    version: Version
    has_tags: bool = True


class Listed(NamedTuple):
    """A version found in the listing, and looked at or not yet."""

    version_id: str
    head: Head | None = None


class Refused(NamedTuple):
    """A part was not copied, because the object or the upload is not there any more."""


class Completed(NamedTuple):
    """An upload was completed, with this answer, and older ones of the key are to be aborted."""

    answer: Copied


Partial = Glance | Read | Listed | Refused | Completed | None


class Busy(NamedTuple):
    """A worker in the middle of a delivery.

    Attributes:
        partial: what the action under way has brought so far.
    """

    progress: KeyProgress
    action: Action
    partial: Partial


class Upload(NamedTuple):
    """A multipart upload at the destination.

    Attributes:
        named: it as the message has it.
        value: the headers and tags it was begun with.
        parts: the content of each part that is there.
        is_open: whether it was neither completed nor aborted.
        is_overtaken: whether the replica was written after the upload was begun.
    """

    named: NamedUpload
    value: Value
    parts: str = ""
    is_open: bool = True
    is_overtaken: bool = False

    @property
    def replica(self) -> Value:
        """What it is completed to. A mix has the contents of all its parts."""
        is_mixed = len(set(self.parts)) > 1
        return self.value._replace(content=self.parts if is_mixed else self.parts[0])

    def __str__(self) -> str:
        return f"the upload of {self.value}"


Uploads = tuple[Upload, ...]
"""In the order in which they were begun."""


class Complete(NamedTuple):
    """The completion of an upload that S3 has accepted."""

    value: Value


class Step(NamedTuple):
    """What one step of a worker leads to.

    Attributes:
        busy: None when the delivery is over.
        replica: the destination afterwards.
        owns: whether the replica there is the one this worker wrote last.
        replaces: whether the replica is another object than before.
        comes_back: whether the delivery was in vain, so that its message is received again.
        is_letter: whether its message ends as a dead letter: what was copied does not equal the source.
        problem: what must never happen.
        uploads: those that messages name afterwards; None if they are as before.
        lets_go: which of them this worker has no more to do with.
        sends: whether a message now names the last of them.
        older: those that this worker is to abort, having completed a newer one.
    """

    label: str
    busy: Busy | None
    replica: Value | None
    owns: bool = False
    replaces: bool = False
    comes_back: bool = False
    is_letter: bool = False
    problem: str = ""
    uploads: Uploads | None = None
    lets_go: int | None = None
    sends: bool = False
    older: tuple[int, ...] = ()


class Request(NamedTuple):
    """A write that S3 is still executing though nobody waits for its answer.

    Attributes:
        has_message: whether the message of the worker that sent it stays invisible until it is over.
    """

    action: Copy | WriteTags | Delete | Complete
    partial: Read | None
    has_message: bool


class Landing(NamedTuple):
    """What one step of an abandoned request leads to; None when it is over."""

    label: str
    request: Request | None
    replica: Value | None
    replaces: bool = False


OVER = KeyProgress()
_WRITES = (Ending.COPIED, Ending.TAGGED, Ending.DELETED)
_IN_VAIN = (Ending.UNSETTLED, Ending.DIFFERS)


class Workers:
    """What workers do in one scenario."""

    def __init__(self, scenario: Scenario, decisions: Decisions) -> None:
        self._scenario = scenario
        self._decisions = decisions
        self._wanted = scenario.wanted
        self._decided: dict[
            tuple[KeyProgress, Action, ActionResult], tuple[KeyProgress, Action]
        ] = {}

    def receive(self, hint: Hint, uploads: list[Upload]) -> Iterator[tuple[str, Busy]]:
        """Every way to begin with a message.

        Args:
            hint: none if nothing but uploads are named.
        """
        begin = self._decisions.begin
        names = [f"the message of {upload}" for upload in uploads]
        if hint:
            is_known = hint is not Hint.RETURNED or self._scenario.is_all_large
            names.insert(0, "an event" if is_known else "a returned message")
        content = {Hint.WROTE_A: "A", Hint.WROTE_B: "B"}.get(hint)
        if content is not None and not self._scenario.is_large(content):
            etag = self._scenario.source_etag(Value(content, "", ""))
            busy = _busy(*self._without_indifferent(*begin(etag.strip('"'))))
            at_once = " and ".join((f"the event of {content}", *names[1:]))
            yield f"takes {at_once}, to copy at once", busy
        label = f"takes {' and '.join(names)}, to look first"
        yield label, _busy(*self._without_indifferent(*begin(None)))

    def steps(
        self, busy: Busy, source: Source, replica: Value | None, *, owns: bool
    ) -> Iterator[Step]:
        """Everything that can happen to this worker next, crashes apart."""
        # Both HEADs of a look are sent at once; the tags are read when both are back.
        is_looking = isinstance(busy.partial, Glance) and busy.partial.replica is False
        if not is_looking or busy.partial == Glance():
            at_source = list(self.steps_at_source(busy, source, replica, owns=owns))
            yield from at_source
            if at_source and not is_looking:
                return
        yield self._step_at_replica(busy, replica, owns=owns)

    def steps_at_source(
        self, busy: Busy, source: Source, replica: Value | None, *, owns: bool
    ) -> Iterator[Step]:
        """The next step, as it can turn out, if it only reads the source."""
        if source.is_lost and self._is_told_of_loss(busy):
            yield Step("is told that the bucket is gone", None, replica, comes_back=True)
            return
        match busy.action, busy.partial:
            case Observe(), Glance(source=False) as glance:
                current = source.current
                label = f"HEAD source: {current or 'absent'}"
                for head in self._heads(current, source) if current else (None,):
                    seen = glance._replace(source=head, has_delete_marker=source.has_delete_marker)
                    yield self._glanced(busy, label, seen, replica, owns=owns)
            case Observe(), Glance(source=Head(has_tags=True) as head) as glance:
                tags = source.current and source.current.value.tags
                label = f"tags of the source: {_shown(tags)}"
                tagged = self._with_tags(head, tags)
                if tagged is None:
                    yield self.next(busy, label, Changed(), replica, owns=owns)
                else:
                    seen = glance._replace(source=tagged)
                    yield self._glanced(busy, label, seen, replica, owns=owns)
            case Copy() as copy, None if not is_in_parts(copy):
                read = self.read(copy, source)
                if read is None:
                    label = "copies: the source has changed"
                    yield self.next(busy, label, Changed(), replica, owns=owns)
                else:
                    label = f"copies: S3 reads {read.version}"
                    yield Step(label, busy._replace(partial=read), replica, owns)
            case Copy(), Read(has_tags=False) as read:
                read = self.read_tags(read, source)
                label = f"copies: S3 reads the tags, so {read.version}"
                yield Step(label, busy._replace(partial=read), replica, owns)
            case ProveAbsence(), _:
                proof = Proof(is_absent=source.current is None)
                label = f"asks whether the source is absent: {proof.is_absent}"
                yield self.next(busy, label, proof, replica, owns=owns)
            case FindSurvivor(), None:
                newest = source.newest
                label = f"lists versions: {newest or 'none'}"
                if newest is None:
                    yield self.next(busy, label, Survivor(None), replica, owns=owns)
                else:
                    listed = Listed(newest.id or NULL)
                    yield Step(label, busy._replace(partial=listed), replica, owns)
            case FindSurvivor(), Listed() as listed:
                yield from self._look_at_survivor(busy, listed, source, replica, owns=owns)

    def _look_at_survivor(
        self, busy: Busy, listed: Listed, source: Source, replica: Value | None, *, owns: bool
    ) -> Iterator[Step]:
        by_id = source.find(listed.version_id)
        version = by_id or (source.find("") if listed.version_id == NULL else None)
        if listed.head is None:
            label = f"HEAD version: {version or 'absent'}"
            heads = list(self._heads(version, source)) if version else []
        else:
            tags = version and version.value.tags
            label = f"tags of the version: {_shown(tags)}"
            with_tags = self._with_tags(listed.head, tags)
            heads = [with_tags] if with_tags else []
        if not heads:
            yield self.next(busy, label, Changed(), replica, owns=owns)
        for head in heads:
            if head.has_tags:
                partial = listed._replace(head=head)
                yield Step(label, busy._replace(partial=partial), replica, owns)
            else:
                survivor = Survivor(head.state, listed.version_id)
                yield self.next(busy, label, survivor, replica, owns=owns)

    def _step_at_replica(self, busy: Busy, replica: Value | None, *, owns: bool) -> Step:
        match busy.action, busy.partial:
            case Observe(), Glance(replica=False) as glance:
                label = f"HEAD replica: {replica or 'absent'}"
                seen = glance._replace(replica=None)
                if replica is not None:
                    state = self._scenario.replica_state(replica, is_own=owns)
                    seen = glance._replace(replica=Head(state, self._shows_tags(replica)))
                return self._glanced(busy, label, seen, replica, owns=owns)
            case Observe(), Glance(replica=Head(has_tags=True) as head) as glance:
                tags = replica and replica.tags
                label = f"tags of the replica: {_shown(tags)}"
                tagged = self._with_tags(head, tags)
                if tagged is None:
                    return self.next(busy, label, Changed(), replica, owns=owns)
                seen = glance._replace(replica=tagged)
                return self._glanced(busy, label, seen, replica, owns=owns)
            case Copy(), Read(version=version):
                replica = self._scenario.as_copied(version.value)
                owns = self._scenario.replicas_are_told_apart
                state = self._scenario.replica_state(replica, is_own=True)
                copied = Copied(state.etag, state.version_id, version.id or None)
                label = f"copies: S3 writes {replica}"
                return self.next(busy, label, copied, replica, owns=owns, replaces=True)
            case WriteTags(), _ if replica is None:
                return self.next(busy, "finds no replica to tag", Changed(), replica)
            case WriteTags(tags=tags), _:
                assert replica is not None
                replica = replica._replace(tags=tag_name(tags))
                return self.next(busy, f"writes tags: {replica}", Tagged(), replica, owns=owns)
            case Delete(), _:
                step = self.next(busy, "deletes the replica", Deleted(), None, replaces=True)
                if Operation.DELETE not in self._scenario.kinds:
                    step = step._replace(problem="the replica of an existing object was deleted")
                return step
        raise AssertionError(f"no step for {busy}")

    def _glanced(
        self, busy: Busy, label: str, glance: Glance, replica: Value | None, *, owns: bool
    ) -> Step:
        sides = glance.source, glance.replica
        if any(side is False or (side is not None and side.has_tags) for side in sides):
            return Step(label, busy._replace(partial=glance), replica, owns)
        source, seen_replica = (side.state if side else None for side in sides)
        seen = Observed(source, seen_replica, glance.has_delete_marker)
        return self.next(busy, label, seen, replica, owns=owns)

    def _is_told_of_loss(self, busy: Busy) -> bool:
        """Whether the next call ends in an error that HEAD, without a body, cannot give."""
        match busy.action:
            case ProveAbsence() | FindSurvivor():
                return True
            case Copy(source=source):
                # Of an object nobody has looked at, a look tells what is wrong.
                return source is not None and busy.partial is None
        return False

    def _heads(self, version: Version, source: Source) -> Iterator[Head]:
        for state in self._scenario.source_states(version, source):
            yield Head(state, self._shows_tags(version.value))

    def _shows_tags(self, value: Value | None) -> bool:
        compares_tags = self._scenario.wanted.replicate_tags
        return compares_tags and value is not None and value.tags != ""

    def _with_tags(self, head: Head, tags: str | None) -> Head | None:
        if tags is None and not self._scenario.are_missing_tags_none:
            return None
        return Head(with_tags(head.state, tags or ""), has_tags=False)

    def read(self, copy: Copy, source: Source) -> Read | None:
        """What a copy reads, or None when its condition fails."""
        if source.is_lost:
            return None
        version = source.find(copy.version_id)
        if version is None:
            return None
        if copy.if_match not in ("*", self._scenario.source_etag(version.value)):
            return None
        return Read(version, has_tags=not self._scenario.is_copy_torn)

    def read_tags(self, read: Read, source: Source) -> Read:
        """The tags of the object that is under the same version id by now, if any."""
        found = source.find(read.version.id)
        tags = found.value.tags if found else ""
        value = read.version.value._replace(tags=tags)
        return Read(read.version._replace(value=value))

    def next(
        self,
        busy: Busy,
        label: str,
        result: ActionResult,
        replica: Value | None,
        *,
        owns: bool = False,
        replaces: bool = False,
    ) -> Step:
        """What the answer to a worker's action leads to."""
        progress, action = self._decide(busy.progress, busy.action, result)
        if not isinstance(action, Finish):
            return Step(label, _busy(progress, action), replica, owns, replaces)
        return Step(
            f"{label}; finishes: {action.ending}",
            None,
            replica,
            replaces=replaces,
            comes_back=action.ending is Ending.UNSETTLED,
            is_letter=action.ending is Ending.DIFFERS,
        )

    def _decide(
        self, progress: KeyProgress, action: Action, result: ActionResult
    ) -> tuple[KeyProgress, Action]:
        key = (progress, action, result)
        if key not in self._decided:
            outcomes = {
                self._without_indifferent(
                    *self._decisions.advance(one, action, result, self._wanted)
                )
                for one in self._alike(progress)
            }
            if len(outcomes) > 1:
                raise AssertionError(f"{progress} may not be merged with its like: {outcomes}")
            self._decided[key] = outcomes.pop()
        return self._decided[key]

    # Deliveries that differ only in what no decision depends on are explored once. That none does is
    # not taken for granted: every decision is made for all of them and has to be the same.

    def _without_indifferent(
        self, progress: KeyProgress, action: Action
    ) -> tuple[KeyProgress, Action]:
        """With all that makes no difference set to one value."""
        if isinstance(action, Finish):
            return OVER, Finish(action.ending if action.ending in _IN_VAIN else Ending.CURRENT)
        progress = dataclasses.replace(
            progress,
            last_write=None,
            observations=0 if progress.writes >= protocol.MAX_WRITES else progress.observations,
        )
        return progress, action

    def _alike(self, progress: KeyProgress) -> Iterator[KeyProgress]:
        """Every progress that is set to this one."""
        has_written_enough = progress.writes >= protocol.MAX_WRITES
        for last_write in _WRITES if progress.writes else (None,):
            for observations in (
                range(protocol.MAX_OBSERVATIONS) if has_written_enough else (progress.observations,)
            ):
                yield dataclasses.replace(
                    progress, last_write=last_write, observations=observations
                )

    def abandoned(self, busy: Busy) -> Request | None:
        """The request that outlives this worker if it dies now, or None."""
        has_message = not self._scenario.comes_back_early
        match busy.action:
            case Copy(if_match=if_match, version_id=version_id):
                read = busy.partial if isinstance(busy.partial, Read) else None
                return Request(Copy(if_match, None, version_id), read, has_message)
            case WriteTags() | Delete():
                return Request(busy.action, None, has_message)
        return None

    def landing(self, request: Request, source: Source, replica: Value | None) -> Landing:
        """The next step of an abandoned request."""
        match request.action:
            case Copy() as copy if request.partial is None:
                read = self.read(copy, source)
                if read is None:
                    return Landing("an abandoned copy is refused", None, replica)
                label = f"an abandoned copy reads {read.version}"
                return Landing(label, request._replace(partial=read), replica)
            case Copy():
                read = request.partial
                assert read is not None
                if not read.has_tags:
                    read = self.read_tags(read, source)
                    label = f"an abandoned copy reads the tags, so {read.version}"
                    return Landing(label, request._replace(partial=read), replica)
                replica = self._scenario.as_copied(read.version.value)
                return Landing(f"an abandoned copy writes {replica}", None, replica, replaces=True)
            case WriteTags(tags=tags):
                replica = replica and replica._replace(tags=tag_name(tags))
                return Landing(f"an abandoned tagging writes {replica}", None, replica)
            case Delete():
                return Landing("an abandoned delete lands", None, None, replaces=True)
            case Complete(value=value):
                return Landing(
                    f"an abandoned completion writes {value}", None, value, replaces=True
                )


def is_in_parts(action: Action) -> bool:
    """Whether this is a copy of a large object, as ``S3KeyOperations.copy`` tells them."""
    return isinstance(action, Copy) and action.is_in_parts


def _busy(progress: KeyProgress, action: Action) -> Busy:
    return Busy(progress, action, Glance() if isinstance(action, Observe) else None)


def _shown(tags: str | None) -> str:
    return "absent" if tags is None else tags or "none"
