"""What S3 is to the protocol: one key at both sides, and the answers it gives.

The source changes by operations of its owner, the replica only by the workers' writes. Both are
small enough to be explored completely: two contents, two sets of headers, a few sets of tags.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import format_datetime
from enum import Enum, IntFlag
from typing import NamedTuple

from fanout.common.config import ReplicaSettings
from fanout.replicate.object_state import ObjectState, Tags
from fanout.replicate.upload_plan import MIN_CUT_BYTES, SINGLE_COPY_BYTES, UploadPlan


class Versioning(Enum):
    """Of the source bucket."""

    VERSIONED = "versioned"
    UNVERSIONED = "unversioned"
    SUSPENDED = "suspended"


class Replicas(Enum):
    """What a replica can be recognised by."""

    PLAIN = "unversioned"
    """Its ETag is the MD5 of its content: equal for equal content."""
    OPAQUE = "unversioned, KMS"
    """Its ETag is new with every write."""
    VERSIONED = "versioned"
    """It has a version id."""


class Operation(Enum):
    """What the owner of the source does to the key."""

    WRITE = "write"
    """Other bytes; where there is no object, any bytes."""
    REWRITE = "rewrite"
    """The same bytes, so the same ETag, with other headers or tags."""
    TAG = "tag"
    """Other tags: version id, ETag and LastModified stay."""
    UNTAG = "untag"
    """No tags any more; all else stays, too."""
    DELETE = "delete"
    LOSE = "lose"
    """The bucket is gone, which to HEAD looks like a missing object."""


class Hint(IntFlag):
    """A message about the key.

    The queue is a set of these: a message stays in it as often as it likes when it is received
    (delivery is at least once), and two equal ones may be worked on as one (a batch holds equal keys
    together). Both are what the real queue does, without a bound.
    """

    WROTE_A = 1
    WROTE_B = 2
    TOUCHED = 4
    """A change that is no write: there is nothing to copy at once."""
    RETURNED = 8
    """It was received before."""


class Value(NamedTuple):
    """All that a replica has to equal, and how its parts are cut.

    Attributes:
        cut: the lengths of the first two parts, where it has some and they are all that shows what it
            was copied from; else None.
    """

    content: str
    headers: str
    tags: str
    cut: tuple[int, int] | None = None

    def __str__(self) -> str:
        return f"({self.content}, {self.headers}, {self.tags or 'no tags'})"


class Version(NamedTuple):
    """An object at the source.

    Attributes:
        id: ``null`` where versioning is suspended, "" where it never was on.
        second: when it was written, in the grain of LastModified.
    """

    id: str
    value: Value
    second: int

    def __str__(self) -> str:
        return f"{self.id}{self.value}"


NULL = "null"

SMALL_BYTES = 1000
MIDDLE_BYTES = MIN_CUT_BYTES
"""One CopyObject is enough for it, and it can be copied in parts."""
LARGE_BYTES = SINGLE_COPY_BYTES + 1
PARTS = 3
"""Of an object of either size."""


class Source(NamedTuple):
    """The key at the source.

    Attributes:
        versions: the objects that survive, oldest first.
        is_absent: whether there is no current object.
        is_marked: whether that is so because of a delete marker.
        second: when it was changed last.
        is_later: whether that second is over.
        left: how many operations its owner has left.
        history: what it was so far, where the promise speaks of that.
        is_lost: whether its bucket is gone.
    """

    versions: tuple[Version, ...]
    is_absent: bool
    is_marked: bool
    second: int
    is_later: bool
    left: int
    history: tuple[Value, ...] = ()
    is_lost: bool = False

    @property
    def current(self) -> Version | None:
        """The object that a request without a version id finds."""
        return None if self.is_absent or self.is_lost else self.versions[-1]

    @property
    def shows_marker(self) -> bool:
        """What HEAD says where it finds no object."""
        return self.is_marked and not self.is_lost

    @property
    def newest(self) -> Version | None:
        """What a listing of the versions shows first."""
        return self.versions[-1] if self.versions else None

    def find(self, version_id: str | None) -> Version | None:
        """The object with this version id; without one the current object."""
        if version_id is None:
            return self.current
        return next((version for version in self.versions if version.id == version_id), None)


@dataclass(frozen=True)
class Scenario:
    """What is explored, and how far.

    Attributes:
        operations: how many of them the owner of the source does, in any order and at any time.
        kinds: which.
        put_tags: the tags a write may bring along.
        is_comparable: whether a checksum or an MD5 tells equal content from other content. Else
            only the lineage of a replica does.
        starts_replicated: whether there is an object, equal at both sides, or nothing at all.
        abandoned: how many requests, at any time, S3 may still be executing though nobody waits for
            them any more.
        is_copy_torn: whether a copy reads the tags later than the rest.
        parts: how many a large object is copied in; 0 where no object is large.
        uploads: how many uploads of the key, at any time, may be open.
        small: the contents that are copied at once all the same.
        is_middle: whether the others are copied in parts only where nothing compares them.
        may_uploads_lose: whether S3, answering that an upload is completed, may keep what was written
            after the upload was begun.
        are_parts_conditional: whether a part is copied only from an object with the ETag seen.
        do_cuts_tell: whether every object is cut into parts in a way of its own.
        are_workers_seen: whether an upload on which somebody works looks so. Else any may look left.
        is_second_shared: whether all uploads are begun in one second.
        is_known: whether a worker knows from the start what S3 calls it.
        is_foreign: whether somebody else has an upload of the key open.
        has_budget: whether it is wrong to copy what is in order, or twice.
        may_time_out: whether an invocation may end before all parts are copied.
        is_done_before_complete: whether a message is done with when all parts are there.
        state: what the workers take an object for.
        is_null_an_id: whether the workers take the version id ``null`` for a real one.
        comes_back_early: whether a message may come back while the request of the worker that had
            it is still being executed.
        are_missing_tags_none: whether an object that is gone by the time its tags are read is seen
            as one without tags.
        compares_tags: whether the workers see to it that tags are equal, where they copy tags.
    """

    versioning: Versioning
    operations: int
    kinds: tuple[Operation, ...]
    workers: int = 2
    replicate_deletes: bool = True
    replicate_tags: bool = True
    put_tags: tuple[str, ...] = ("",)
    is_comparable: bool = True
    replicas: Replicas = Replicas.PLAIN
    starts_replicated: bool = True
    abandoned: int = 1
    is_copy_torn: bool = False
    parts: int = 0
    uploads: int = 2
    small: str = ""
    is_middle: bool = False
    may_uploads_lose: bool = False
    are_parts_conditional: bool = True
    do_cuts_tell: bool = True
    are_workers_seen: bool = True
    is_second_shared: bool = False
    is_known: bool = True
    is_foreign: bool = False
    may_time_out: bool = False
    has_budget: bool = True
    is_done_before_complete: bool = False
    state: type[ObjectState] = ObjectState
    is_null_an_id: bool = False
    comes_back_early: bool = False
    are_missing_tags_none: bool = False
    compares_tags: bool = True

    @property
    def wanted(self) -> ReplicaSettings:
        """What the workers believe the destination asks for."""
        return ReplicaSettings(
            replicate_tags=self.replicate_tags and self.compares_tags,
            replicate_deletes=self.replicate_deletes,
        )

    @property
    def replicas_are_told_apart(self) -> bool:
        """Whether an equal replica that somebody else wrote looks different."""
        return self.replicas is not Replicas.PLAIN

    @property
    def is_all_large(self) -> bool:
        """Whether every copy is made in parts, so that none is made before anybody has looked."""
        return self.parts > 0 and not self.small and not self.is_middle

    def is_large(self, content: str) -> bool:
        """Whether an object with this content is copied in parts."""
        return self.parts > 0 and content not in self.small

    @property
    def keeps_history(self) -> bool:
        """Whether the promise speaks of what the source was."""
        return not self.replicate_deletes and self.versioning is not Versioning.VERSIONED

    def start(self) -> tuple[Source, Value | None]:
        """Both sides before anything happens."""
        if not self.starts_replicated:
            return Source((), True, False, 0, True, self.operations), None
        value = Value("A", "m1", self.put_tags[-1])
        version_id = "" if self.versioning is Versioning.UNVERSIONED else "v1"
        history = (value,) if self.keeps_history else ()
        versions = (Version(version_id, value, 0),)
        return Source(versions, False, False, 0, True, self.operations, history), self.as_copied(
            value
        )

    def changes(self, source: Source) -> Iterator[tuple[str, Source, Hint]]:
        """Every next operation of the source's owner, and the passing of a second."""
        if source.left == 0 or source.is_lost:
            return
        if not source.is_later:
            yield "a second passes", source._replace(is_later=True), Hint(0)
        for kind in self.kinds:
            match kind, source.current:
                case Operation.WRITE | Operation.REWRITE, _:
                    for value in self._new_values(kind, source.current):
                        hint = Hint.WROTE_A if value.content == "A" else Hint.WROTE_B
                        yield f"the source is written: {value}", self._put(source, value), hint
                case Operation.TAG | Operation.UNTAG, Version(value=value) as current:
                    if kind is Operation.UNTAG and not value.tags:
                        continue
                    tags = "t2" if value.tags == "t1" else "t1"
                    value = value._replace(tags=tags if kind is Operation.TAG else "")
                    versions = (*source.versions[:-1], current._replace(value=value))
                    yield (
                        f"the source is tagged: {value}",
                        self._after(source, versions, is_absent=False),
                        Hint.TOUCHED if self.replicate_tags else Hint(0),
                    )
                case Operation.DELETE, Version():
                    versions = source.versions
                    if versions[-1].id in ("", NULL):
                        versions = versions[:-1]
                    yield (
                        "the source is deleted",
                        self._after(source, versions, is_absent=True),
                        Hint.TOUCHED if self.replicate_deletes else Hint(0),
                    )
                case Operation.LOSE, _:
                    yield (
                        "the source bucket is lost",
                        source._replace(is_lost=True, left=0),
                        Hint(0),
                    )

    def _new_values(self, kind: Operation, current: Version | None) -> Iterator[Value]:
        tags = self.put_tags
        if current is None:
            if kind is Operation.WRITE:
                yield from (Value(content, "m1", t) for content in "AB" for t in tags)
            return
        content, headers, old_tags, _ = current.value
        if kind is Operation.WRITE:
            yield from (Value("B" if content == "A" else "A", "m1", t) for t in tags)
            return
        yield from (Value(content, "m2" if headers == "m1" else "m1", t) for t in tags)
        yield from (Value(content, headers, t) for t in tags if t != old_tags)

    def _put(self, source: Source, value: Value) -> Source:
        versions = source.versions
        if versions and versions[-1].id in ("", NULL):
            versions = versions[:-1]
        version_id = {
            Versioning.VERSIONED: f"v{len(versions) + 1}",
            Versioning.UNVERSIONED: "",
            Versioning.SUSPENDED: NULL,
        }[self.versioning]
        second = source.second + source.is_later
        if self.versioning is Versioning.VERSIONED:
            second = 0
        versions = (*versions, Version(version_id, value, second))
        return self._after(source, versions, is_absent=False)

    def written(self, source: Source, value: Value | None) -> Source:
        """A bucket after somebody else than its owner put or deleted the object."""
        if value is not None:
            return self._put(source, value)
        versions = source.versions
        if versions and versions[-1].id in ("", NULL):
            versions = versions[:-1]
        return self._after(source, versions, is_absent=True)

    def _after(self, source: Source, versions: tuple[Version, ...], *, is_absent: bool) -> Source:
        is_versioned = self.versioning is Versioning.VERSIONED
        history = source.history
        if self.keeps_history and not is_absent:
            history = tuple(sorted({*history, versions[-1].value}))
        return Source(
            versions=versions,
            is_absent=is_absent,
            is_marked=is_absent and self.versioning is not Versioning.UNVERSIONED,
            second=0 if is_versioned else source.second + source.is_later,
            is_later=is_versioned,
            left=source.left - 1,
            history=history,
        )

    def source_states(self, version: Version, source: Source) -> Iterator[ObjectState]:
        """What HEAD of the source can say, the tags still missing."""
        if version.second < source.second + source.is_later:
            yield self._source_state(version, is_second_over=True)
            return
        if source.left == 0:
            # Nothing depends any more on when the second passes, except what each HEAD sees of it.
            yield self._source_state(version, is_second_over=True)
        yield self._source_state(version, is_second_over=False)

    def _source_state(self, version: Version, *, is_second_over: bool) -> ObjectState:
        version_id = version.id or None
        if version_id == NULL and not self.is_null_an_id:
            version_id = None
        return self.state(
            etag=self.source_etag(version.value),
            size=self._length(version.value),
            last_modified=_date(version.second),
            version_id=version_id,
            checksums=_sums(version.value) if self.is_comparable else frozenset(),
            headers=(("x-amz-meta-m", version.value.headers),),
            storage_class="STANDARD",
            encryption="AES256",
            kms_key_id=None,
            answered_at=_date(version.second + 60 * is_second_over),
        )

    def source_etag(self, value: Value) -> str:
        """As HEAD and conditions have it: of one part or of several."""
        return f'"{value.content}"' if self.is_comparable else f'"{value.content}-2"'

    def with_cut(self, value: Value, lengths: tuple[int, int]) -> Value:
        """What an upload with such parts is completed to."""
        return value if self.is_comparable else value._replace(cut=lengths)

    def replica_state(self, value: Value, *, is_own: bool) -> ObjectState:
        """What HEAD of the destination says, the tags still missing.

        Args:
            is_own: whether the worker that asks wrote this very replica.
        """
        who = "own" if is_own else "other"
        return ObjectState(
            etag=self.replica_etag(value, is_own=is_own),
            size=self._length(value),
            last_modified=_date(0),
            version_id=who if self.replicas is Replicas.VERSIONED else None,
            checksums=_sums(value),
            headers=(("x-amz-meta-m", value.headers),),
            storage_class="STANDARD",
            encryption="aws:kms" if self.replicas is Replicas.OPAQUE else "AES256",
            kms_key_id=None,
            answered_at=_date(60),
        )

    def replica_etag(self, value: Value, *, is_own: bool) -> str:
        """Of the replica a worker wrote itself, or of any other."""
        name = value.content
        if self.replicas is Replicas.OPAQUE:
            name = "own" if is_own else "other"
        return f'"{name}"' if value.cut is None else f'"{name}-{PARTS}"'

    def _length(self, value: Value) -> int:
        if self.is_large(value.content):
            return MIDDLE_BYTES if self.is_middle else LARGE_BYTES
        return SMALL_BYTES

    def as_copied(self, value: Value) -> Value:
        """What a copy carries over."""
        return value if self.replicate_tags else value._replace(tags="")

    def is_known_equal(self, version: Version, source: Source, replica: Value) -> bool:
        """Whether a replica is equal to an object, and can be known to be."""
        if replica._replace(cut=None) != self.as_copied(version.value):
            return False
        if self.is_comparable:
            return True
        plans = {UploadPlan.of(state) for state in self.source_states(version, source)}
        return replica.cut in {(plan.first, plan.other) for plan in plans}

    def is_kept(self, source: Source, replica: Value | None) -> bool:
        """Whether the promise is kept, once the source rests and there is nothing left to do.

        The replica equals the source. Where deletes are not replicated and the source is deleted, it
        equals the newest version that survives. Where what is deleted does not survive, without
        versions, the replica is what the source was at some time, its tags perhaps those of
        another time, or it was never made.
        """
        if source.is_lost:
            return True  # what a lost bucket may not do is checked at every delete
        replica = replica and replica._replace(cut=None)
        if source.current is not None:
            return replica == self.as_copied(source.current.value)
        if self.replicate_deletes:
            return replica is None
        if self.versioning is Versioning.VERSIONED:
            return replica == (source.newest and self.as_copied(source.newest.value))
        history = [self.as_copied(value) for value in source.history]
        return replica is None or (
            any(replica[:2] == value[:2] for value in history)
            and any(replica.tags == value.tags for value in history)
        )


def kind_of(hint: Hint, scenario: Scenario) -> Hint:
    """The hint it is as good as: where nothing is copied at once, all are alike."""
    return Hint.RETURNED if hint and scenario.is_all_large else hint


def tag_set(tags: str) -> Tags:
    """As the protocol has tags."""
    return (("t", tags),) if tags else ()


def tag_name(tags: Tags) -> str:
    """The other way round."""
    return tags[0][1] if tags else ""


def with_tags(state: ObjectState, tags: str) -> ObjectState:
    """An object whose tags were read as well."""
    return replace(state, tags=tag_set(tags))


def _sums(value: Value) -> frozenset[tuple[str, str]]:
    return frozenset({("crc64nvme", value.content)})


def _date(second: int) -> str:
    return format_datetime(datetime.fromtimestamp(1_800_000_000 + second, UTC), usegmt=True)
