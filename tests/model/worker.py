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
from fanout.common.errors import AwsError, Side
from fanout.replicate import protocol
from fanout.replicate.actions import (
    AbortUploads,
    Action,
    BeginUpload,
    CompleteUpload,
    Copy,
    CopyParts,
    Delete,
    FindSurvivor,
    ListUploads,
    Observe,
    ProveAbsence,
    ReadCut,
    WriteTags,
)
from fanout.replicate.answers import (
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
from fanout.replicate.failures import FailureKind, failure_of
from fanout.replicate.object_state import ObjectState
from fanout.replicate.progress import (
    MAX_OBSERVATIONS,
    MAX_WRITES,
    Ending,
    Finish,
    KeyProgress,
    Leftovers,
)

from model.world import NULL, Hint, Operation, Scenario, Source, Value, Version, tag_name, with_tags

UPLOAD_ACTIONS = (ListUploads, BeginUpload, CopyParts, CompleteUpload, AbortUploads)


@dataclass(frozen=True)
class Decisions:
    """What a worker decides by."""

    begin: Callable[[str | None, str | None, Leftovers], tuple[KeyProgress, Action]]
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


Partial = Glance | Read | Listed | None


class Busy(NamedTuple):
    """A worker in the middle of a delivery.

    Attributes:
        partial: what the action under way has brought so far.
    """

    progress: KeyProgress
    action: Action
    partial: Partial


class Upload(NamedTuple):
    """A multipart upload at the destination that is open.

    Attributes:
        value: the headers and tags it was begun with.
        parts: number, length and content of each part that is there.
        is_overtaken: whether the replica was written after the upload was begun.
        is_foreign: whether somebody else began it.
    """

    id: str
    value: Value
    parts: tuple[tuple[int, int, str], ...] = ()
    is_overtaken: bool = False
    is_foreign: bool = False

    def __str__(self) -> str:
        return f"upload {self.id} of {self.value}"


Uploads = tuple[Upload, ...]
"""In the order in which they were begun."""


class Write(NamedTuple):
    """A copy by condition and version, a completion or another write, as S3 was asked for it."""

    what: Ending
    if_match: str = ""
    version_id: str | None = None
    value: Value | None = None
    tags: str = ""


class Step(NamedTuple):
    """What one step of a worker leads to.

    Attributes:
        busy: None when the delivery is over.
        replica: the destination afterwards.
        owns: whether the replica there is the one this worker wrote last.
        replaces: whether the replica is another object than before.
        comes_back: whether its message is received again.
        continues: the upload that it leaves to the next delivery, by its message.
        is_letter: whether its message ends as a dead letter: what was copied does not equal the source.
        problem: what must never happen.
        uploads: the open uploads afterwards; None if they are as before.
    """

    label: str
    busy: Busy | None
    replica: Value | None
    owns: bool = False
    replaces: bool = False
    comes_back: bool = False
    continues: str | None = None
    is_letter: bool = False
    problem: str = ""
    uploads: Uploads | None = None


class Request(NamedTuple):
    """A write that S3 is still executing though nobody waits for its answer.

    Attributes:
        has_message: whether the message of the worker that sent it stays invisible until it is over.
    """

    action: Write
    partial: Read | None
    has_message: bool


class Landing(NamedTuple):
    """What one step of an abandoned request leads to; None when it is over."""

    label: str
    request: Request | None
    replica: Value | None
    replaces: bool = False


OVER = KeyProgress()
COMES_BACK = (Ending.UNSETTLED, Ending.DIFFERS, Ending.WAITING, Ending.UNFINISHED)


class Workers:
    """What workers do in one scenario."""

    def __init__(self, scenario: Scenario, decisions: Decisions) -> None:
        self._scenario = scenario
        self._decisions = decisions
        self._wanted = scenario.wanted
        self._decided: dict[
            tuple[KeyProgress, Action, ActionResult], tuple[KeyProgress, Action]
        ] = {}

    @property
    def is_waited_for(self) -> bool:
        """Whether a message is not received before a write of unknown outcome must be over.

        S3's own InternalError is one, as the write may land all the same.
        """
        error = AwsError("CopyObject", Side.DESTINATION, "InternalError", "", 500)
        is_hidden = failure_of(error).kind is FailureKind.UNKNOWN_OUTCOME
        return is_hidden and not self._scenario.comes_back_early

    def receive(self, hint: Hint, upload_id: str | None) -> Iterator[tuple[str, Busy]]:
        """Every way to begin with a message.

        Args:
            upload_id: the upload that the message leaves to whoever receives it, or None.
        """
        begin, is_all_large = self._decisions.begin, self._scenario.is_all_large
        content = {Hint.WROTE_A: "A", Hint.WROTE_B: "B"}.get(hint)
        is_put = self._scenario.is_middle or (content and not self._scenario.is_large(content))
        if content is not None and is_put:
            etag = self._scenario.source_etag(Value(content, "", "")).strip('"')
            begun = begin(etag, None, Leftovers.NONE)
            yield f"takes the event of {content}, to copy at once", self._busy(*begun)
        is_new = hint in (Hint.WROTE_A, Hint.WROTE_B, Hint.TOUCHED) and not is_all_large
        leftovers = Leftovers.NONE if is_new and content is None else Leftovers.ANY
        what = "an event" if is_new or is_all_large else "a returned message"
        if upload_id is not None:
            what = f"a message that leaves it upload {upload_id}"
        begun = begin(None, upload_id, leftovers if self._scenario.parts else Leftovers.NONE)
        yield f"takes {what}, to look first", self._busy(*begun)

    def _busy(self, progress: KeyProgress, action: Action) -> Busy:
        progress, action = self._without_indifferent(progress, action)
        return Busy(progress, action, Glance() if isinstance(action, Observe) else None)

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
                    seen = glance._replace(source=head, has_delete_marker=source.shows_marker)
                    yield self._glanced(busy, label, seen, replica, owns=owns)
            case Observe(), Glance(source=Head(has_tags=True) as head) as glance:
                tags = source.current and source.current.value.tags
                label = f"tags of the source: {_shown(tags)}"
                tagged = self._tagged(head, tags)
                if tagged is None:
                    yield self.next(busy, label, Changed(), replica, owns=owns)
                else:
                    seen = glance._replace(source=tagged)
                    yield self._glanced(busy, label, seen, replica, owns=owns)
            case Copy(if_match=if_match, version_id=version_id), None:
                read = self.read(if_match, version_id, source)
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
            with_tags = self._tagged(listed.head, tags)
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
                tagged = self._tagged(head, tags)
                if tagged is None:
                    return self.next(busy, label, Changed(), replica, owns=owns)
                seen = glance._replace(replica=tagged)
                return self._glanced(busy, label, seen, replica, owns=owns)
            case ReadCut(replica=read), _:
                label = f"reads how the replica is cut: {replica or 'absent'}"
                cut = replica and replica.cut
                if replica is None or cut is None or not self._is_still(replica, read, is_own=owns):
                    return self.next(busy, label, Changed(), replica, owns=owns)
                return self.next(busy, label, Cut(cut), replica, owns=owns)
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

    def _is_still(self, replica: Value, seen: ObjectState, *, is_own: bool) -> bool:
        return self._scenario.replica_state(replica, is_own=is_own).etag == seen.etag

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

    def _tagged(self, head: Head, tags: str | None) -> Head | None:
        if tags is None and not self._scenario.are_missing_tags_none:
            return None
        return Head(with_tags(head.state, tags or ""), has_tags=False)

    def read(self, if_match: str, version_id: str | None, source: Source) -> Read | None:
        """What a copy reads, or None when its condition fails."""
        if source.is_lost:
            return None
        version = source.find(version_id)
        if version is None:
            return None
        if if_match not in ("*", self._scenario.source_etag(version.value)):
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
            return Step(label, self._busy(progress, action), replica, owns, replaces)
        return Step(
            f"{label}; finishes: {action.ending}",
            None,
            replica,
            replaces=replaces,
            comes_back=action.ending in COMES_BACK and action.ending is not Ending.DIFFERS,
            continues=action.upload_id,
            is_letter=action.ending is Ending.DIFFERS,
            problem=self._over_budget(busy.progress, result, action, is_own=owns),
        )

    def _over_budget(
        self, before: KeyProgress, result: ActionResult, finish: Finish, *, is_own: bool
    ) -> str:
        """Whether a delivery comes back for nothing.

        Another event is under way, as the source was written meanwhile, and nothing that this delivery
        wrote is there any more.
        """
        if finish.ending is not Ending.UNSETTLED or not isinstance(result, Observed):
            return ""
        if result.source is None or before.first_seen in (None, result.source.identity):
            return ""
        is_gone = before.last_write is Ending.COPIED and result.replica is not None and not is_own
        is_told = is_gone and self._scenario.replicas_are_told_apart
        is_vain = before.writes == 0 or is_told
        return "over budget: comes back for what the next event does" if is_vain else ""

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
            return OVER, self._ended(action)
        if isinstance(action, (ListUploads, BeginUpload, AbortUploads)) and isinstance(
            action.then, Finish
        ):
            action = dataclasses.replace(action, then=self._ended(action.then))
        has_written_enough = progress.writes >= MAX_WRITES
        progress = dataclasses.replace(
            progress, observations=0 if has_written_enough else progress.observations
        )
        return progress, action

    def _ended(self, finish: Finish) -> Finish:
        ending = finish.ending if finish.ending in COMES_BACK else Ending.CURRENT
        return dataclasses.replace(finish, ending=ending, size=0, parts=None)

    def _alike(self, progress: KeyProgress) -> Iterator[KeyProgress]:
        """Every progress that is set to this one."""
        has_written_enough = progress.writes >= MAX_WRITES
        for observations in (
            range(MAX_OBSERVATIONS) if has_written_enough else (progress.observations,)
        ):
            yield dataclasses.replace(progress, observations=observations)

    def abandoned(self, busy: Busy) -> Request | None:
        """The request that outlives this worker if it dies now, or None."""
        has_message = self.is_waited_for
        match busy.action:
            case Copy(if_match=if_match, version_id=version_id):
                read = busy.partial if isinstance(busy.partial, Read) else None
                return Request(Write(Ending.COPIED, if_match, version_id), read, has_message)
            case WriteTags(tags=tags):
                return Request(Write(Ending.TAGGED, tags=tag_name(tags)), None, has_message)
            case Delete():
                return Request(Write(Ending.DELETED), None, has_message)
        return None

    def landing(self, request: Request, source: Source, replica: Value | None) -> Landing:
        """The next step of an abandoned request."""
        match request.action:
            case Write(value=Value() as value):
                label = f"an abandoned completion writes {value}"
                return Landing(label, None, value, replaces=True)
            case Write(what=Ending.COPIED) as copy if request.partial is None:
                read = self.read(copy.if_match, copy.version_id, source)
                if read is None:
                    return Landing("an abandoned copy is refused", None, replica)
                label = f"an abandoned copy reads {read.version}"
                return Landing(label, request._replace(partial=read), replica)
            case Write(what=Ending.COPIED):
                read = request.partial
                assert read is not None
                if not read.has_tags:
                    read = self.read_tags(read, source)
                    label = f"an abandoned copy reads the tags, so {read.version}"
                    return Landing(label, request._replace(partial=read), replica)
                replica = self._scenario.as_copied(read.version.value)
                return Landing(f"an abandoned copy writes {replica}", None, replica, replaces=True)
            case Write(what=Ending.TAGGED, tags=tags):
                replica = replica and replica._replace(tags=tags)
                return Landing(f"an abandoned tagging writes {replica}", None, replica)
        return Landing("an abandoned delete lands", None, None, replaces=True)


def _shown(tags: str | None) -> str:
    return "absent" if tags is None else tags or "none"
