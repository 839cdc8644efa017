"""Large objects: an upload is begun, found again and continued, or aborted, and its parts are copied."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from fanout.replicate.parameters import upload_parameters
from fanout.replicate.queue_message import QueueMessage
from fanout.replicate.upload_plan import UploadPlan

from local_aws.waiting import eventually
from support.aws.figures import MIB
from support.aws.http import Response
from support.aws.store import Object
from support.events import batch_operations_event, s3_event, sqs_record
from support.fake_s3 import STREAMS, FakeS3
from support.function import Function, let_large_begin_at
from support.objects import ETAG, EVERYTHING
from support.settings import DESTINATION_BUCKET, FOREVER, LONGEST_WRITE_SECONDS, SOURCE_BUCKET
from support.values import destination, state
from support.wire import Answer, error_answer

PART = MIB
THRESHOLD = PART + PART // 4
LARGE = bytes(range(256)) * (3 * PART // 256) + b"!"  # three parts
SILENCE = TimeoutError()
GIB = 1024 * MIB
COPY = ["CompleteMultipartUpload", "CreateMultipartUpload", *["ListMultipartUploads"] * 2]
"""What a copy in parts takes besides its parts."""

NewSetup = Callable[..., "Setup"]


class Setup(Function):
    """The function between S3 and a queue."""

    def __init__(self, s3: FakeS3, **changed: Any) -> None:
        super().__init__(s3, **changed)
        self.s3, self.wire = s3, s3.wire

    def receive(self, *bodies: object, deadline: float = FOREVER, **about: Any) -> list[str]:
        """As ``Function.receive``, with the requests of this invocation alone on the wire."""
        self.wire.requests.clear()
        return super().receive(*bodies, deadline=deadline, **about)

    def put(self, body: bytes = LARGE, **about: Any) -> None:
        """Put an object into the source. Its checksum is one that no replica in parts has."""
        self.s3.put(body=body, **{"ChecksumAlgorithm": "SHA256"} | about)

    def copy(self, body: bytes = LARGE, **about: Any) -> None:
        """Put an object, and receive its event; it is replicated then."""
        self.put(body, **about)
        assert self.receive(event(body)) == []
        assert self.s3.replica() == body

    def cut_short(self, parts: int = 2, **about: Any) -> None:
        """Put an object, and receive its event in a process that is killed after some parts.

        What it has begun is left alone for long.
        """
        self.put(**about)
        self.before("UploadPartCopy", *[nothing] * parts, die)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(self.clients.parts, "streams", 1)
            with pytest.raises(KeyboardInterrupt):
                self.receive(event())
        self.s3.pass_seconds(600)

    def receive_again(self, *bodies: object, **about: Any) -> None:
        """Receive an event that was received before, and replicate its object."""
        assert self.receive(*(bodies or [event()]), receives=2, **about) == []
        assert self.s3.replica() == self.s3.store.find(SOURCE_BUCKET, "key").body

    def go_on(self, deadline: float) -> list[str]:
        """Receive the message that was put off."""
        self.wire.requests.clear()
        [record] = self.receive_work(1)
        self.queues.delete(self.work, [record["receiptHandle"]])
        return self.process(record, deadline=deadline)

    def open_upload(self, key: str = "key", *, is_own: bool = True) -> str:
        """Begin an upload that nobody knows of; returns its id."""
        initiator = self.initiator if is_own else "somebody"
        return self.s3.store.create_upload(DESTINATION_BUCKET, key, initiator=initiator)

    def answer(self, operation: str, *answers: Answer, bucket: str = DESTINATION_BUCKET) -> None:
        """Answer the next requests of an operation."""
        self.wire.answer(operation, bucket, *answers)

    def before(self, operation: str, *do: Callable[[], object]) -> None:
        """Let something happen just before each of the next requests of an operation."""
        self.wire.before(operation, DESTINATION_BUCKET, *do)

    @property
    def initiator(self) -> str:
        """What the model calls this function."""
        return "testing"

    @property
    def uploads(self) -> list[str]:
        """The ids of the uploads that are open."""
        return list(self.s3.store.uploads)

    @property
    def parts(self) -> list[int]:
        """The numbers of the parts that were asked for."""
        return sorted(
            int(re.search(r"partNumber=(\d+)", request.query)[1])  # type: ignore[index]
            for request in self.wire.all("UploadPartCopy")
        )


def event(body: bytes = LARGE) -> dict[str, Any]:
    """The event of a put, small or large."""
    return s3_event("key", size=len(body), eTag=hashlib.md5(body).hexdigest())


def event_of(made: Object) -> dict[str, Any]:
    """The event of an object that was uploaded in parts."""
    name = "ObjectCreated:CompleteMultipartUpload"
    return s3_event("key", event=name, size=made.size, eTag=made.etag)


TAGGING = s3_event("key", event="ObjectTagging:Put", size=None)


def nothing() -> None:
    """Nothing happens."""


def die() -> None:
    """What a killed process looks like to those that come after it."""
    raise KeyboardInterrupt


@pytest.fixture
def new_setup(s3: FakeS3, monkeypatch: pytest.MonkeyPatch) -> Iterator[NewSetup]:
    """Makes functions on one S3, for destinations with some attributes; no upload stays open."""
    let_large_begin_at(monkeypatch, THRESHOLD)
    yield lambda **changed: Setup(s3, **changed)
    assert s3.store.uploads == {}


@pytest.fixture
def setup(new_setup: NewSetup) -> Setup:
    """A plain destination."""
    return new_setup()


# The usual way


@pytest.mark.parametrize("body", [LARGE[:THRESHOLD], LARGE[: THRESHOLD + 1], LARGE])
def test_an_object_over_the_threshold_is_copied_in_parts(setup: Setup, body: bytes) -> None:
    setup.put(body)

    assert setup.receive(event(body)) == []

    if len(body) <= THRESHOLD:
        assert setup.wire.operations == ["CopyObject", "HeadObject", "HeadObject"]
    else:
        plan = UploadPlan.of(setup.s3.operations().observe().source)  # type: ignore[union-attr, arg-type]
        copied = [request for request in setup.wire.operations if request != "HeadObject"]
        assert copied == sorted([*COPY, *["UploadPartCopy"] * plan.parts])
        asked = {r.headers["x-amz-copy-source-range"] for r in setup.wire.all("UploadPartCopy")}
        assert asked == {plan.copy_range(number) for number in range(1, plan.parts + 1)}
    assert setup.s3.replica() == body


def test_nothing_of_an_object_is_lost_when_it_is_copied_in_parts(new_setup: NewSetup) -> None:
    setup = new_setup(
        storage_class="GLACIER_IR", acl="bucket-owner-full-control", kms_key_arn="arn:key"
    )

    setup.copy(**EVERYTHING)

    asked = setup.wire.only("CreateMultipartUpload").headers
    assert asked["x-amz-acl"] == "bucket-owner-full-control"
    written, source = setup.s3.replica_object(), setup.s3.store.find(SOURCE_BUCKET, "key")
    assert dict(written.headers) == dict(source.headers) | {
        "x-amz-storage-class": "GLACIER_IR",
        "x-amz-server-side-encryption": "aws:kms",
        "x-amz-server-side-encryption-aws-kms-key-id": "arn:key",
    }
    assert setup.s3.replica_tags() == (("note", "a b=c"), ("team", "data"))
    assert len(source.headers) > 6


@pytest.mark.parametrize(
    ("checksums", "asked", "asked_type"),
    [
        ({}, "CRC64NVME", None),
        ({"crc64nvme": "x"}, "CRC64NVME", None),
        ({"crc64nvme": "x", "crc32": "y"}, "CRC64NVME", None),
        ({"crc32": "x"}, "CRC32", "FULL_OBJECT"),
        ({"crc32c": "x"}, "CRC32C", "FULL_OBJECT"),
        ({"sha256": "x"}, "CRC64NVME", None),  # S3 has no SHA-256 of an object in parts
    ],
)
def test_a_replica_gets_the_checksum_that_its_source_can_be_compared_by(
    checksums: dict[str, str], asked: str, asked_type: str | None
) -> None:
    request = upload_parameters(state(checksums=checksums), destination())

    assert request["ChecksumAlgorithm"] == asked
    assert request.get("ChecksumType") == asked_type


@pytest.mark.parametrize("expires", ["never", "0", "Thu, 01 Dec 2033 16:00:00 GMT"])
def test_expires_is_sent_as_it_is_even_if_it_is_no_date(setup: Setup, expires: str) -> None:
    setup.copy(Expires=expires)

    assert setup.wire.only("CreateMultipartUpload").headers["expires"] == expires


def test_tags_are_left_out_where_they_are_not_replicated(new_setup: NewSetup) -> None:
    setup = new_setup(replicate_tags=False)

    setup.copy(Tagging="a=1")

    assert setup.s3.replica_tags() == ()


def test_the_checksums_of_the_parts_are_sent_to_complete_them(setup: Setup) -> None:
    setup.before("CompleteMultipartUpload", lambda: bodies.append(setup.wire.requests[-1].body))
    bodies: list[bytes] = []

    setup.copy()

    asked = setup.wire.only("CompleteMultipartUpload").headers
    assert asked["x-amz-checksum-type"] == "FULL_OBJECT"
    assert bodies[0].count(b"<ChecksumCRC64NVME>sum-of-") == 3


# What nothing can be compared by


@pytest.mark.parametrize(
    ("algorithm", "changed"),
    [
        ("crc32", {}),
        ("sha256", {}),
        (None, {}),
        (None, {"kms_key_arn": "arn:key"}),
    ],
    ids=["composite CRC32", "composite SHA-256", "no checksum", "no checksum, KMS"],
)
def test_a_large_object_that_nothing_can_be_compared_by_is_copied_once(
    s3: FakeS3, algorithm: str | None, changed: dict[str, Any]
) -> None:
    setup = Setup(s3, **changed)
    made = s3.put_in_parts(150 * MIB, algorithm)
    assert setup.receive(event_of(made)) == []
    assert setup.parts == [1, 2, 3]
    copied = s3.replica_object()

    s3.tag(a="1")
    for about in (TAGGING, event_of(made), s3_event("key", event="Reconcile", size=None)):
        assert setup.receive(about) == setup.receive(about, receives=2) == []
        assert not {"CopyObject", "UploadPartCopy"} & set(setup.wire.operations)
        assert s3.replica_tags() == (("a", "1"),)
    result = setup.invoke(batch_operations_event("key"))["results"][0]
    assert (result["resultCode"], setup.parts) == ("Succeeded", [])

    # And once more for each write, of the same size too.
    assert s3.replica_object() == replace(copied, tags=(("a", "1"),))
    again = s3.put_in_parts(150 * MIB, algorithm, headers=made.headers, tags=(("b", "2"),))
    assert setup.receive(event_of(again)) == []
    assert setup.parts == [1, 2, 3]
    assert s3.replica_object().content == again.content


@pytest.mark.parametrize("algorithm", ["crc32", None])
def test_a_smaller_one_is_copied_in_parts_when_it_is_compared_and_is_known_from_then_on(
    s3: FakeS3, algorithm: str | None
) -> None:
    setup, made = Setup(s3), s3.put_in_parts(20 * MIB, algorithm)
    assert setup.receive(event_of(made)) == []
    assert "CopyObject" in setup.wire.operations

    s3.tag(a="1")
    assert setup.receive(TAGGING) == []
    assert setup.parts == [1, 2, 3]
    assert s3.replica_tags() == (("a", "1"),)
    for tags in ({"a": "2"}, {}):
        s3.tag(**tags)
        for about in (TAGGING, event_of(made)):
            assert setup.receive(about) == []
            assert not {"CopyObject", "UploadPartCopy"} & set(setup.wire.operations)
        assert s3.replica_tags() == tuple(tags.items())
    assert s3.replica_object().content == made.content


# Many events


def test_a_large_object_that_is_tagged_and_overwritten_meanwhile_is_copied_once(
    s3: FakeS3,
) -> None:
    setup, other = Setup(s3), Function(s3)
    whole = UploadPlan.of(state(size=GIB)).parts
    made = s3.put_in_parts(GIB, "crc32")
    events, wasted = [TAGGING], 0

    def overwrite() -> None:
        nonlocal wasted
        begun = [upload.asked_for for upload in s3.store.uploads.values()]
        wasted += sum(map(len, begun)) + STREAMS  # each stream asks once more, and is refused
        events.append(event_of(s3.put_in_parts(GIB, "crc32", tags=(("t", str(wasted)),))))
        # Others find the upload, and wait for whoever copies its parts.
        for each in events:
            assert other.receive(each) == ["message-0"]

    s3.tag(tagged="at once")
    for after in (3, 7, 5):
        setup.before("UploadPartCopy", *[nothing] * after, overwrite)
    assert setup.receive(event_of(made)) == []  # it leaves the key to the events that came later
    parts = len(setup.parts)
    setup.before("UploadPartCopy", nothing, overwrite)
    for each in (*events, *events):
        setup.receive(each, receives=2)
        parts += len(setup.parts)

    assert parts <= 1.2 * whole + wasted
    assert len(events) == 5
    source, replica = s3.store.find(SOURCE_BUCKET, "key"), s3.replica_object()
    assert (replica.content, replica.tags) == (source.content, source.tags)
    assert s3.store.uploads == {}


@pytest.mark.parametrize("seconds", [0, 1], ids=["in one second", "one after the other"])
def test_who_begins_an_upload_while_another_delivery_does_leaves_the_key_to_it(
    setup: Setup, seconds: int
) -> None:
    setup.put()
    now = setup.s3.store.now()

    def begin_another() -> None:
        setup.s3.store.now = lambda: now
        setup.open_upload()
        setup.s3.store.now = lambda: now + seconds

    setup.before("CreateMultipartUpload", begin_another)

    assert setup.receive(event()) == ["message-0"]

    assert setup.parts == []
    assert len(setup.wire.all("AbortMultipartUpload")) == len(setup.uploads) == 1
    setup.s3.store.uploads.clear()


def test_the_first_of_two_who_begin_an_upload_goes_on(setup: Setup) -> None:
    setup.put()
    begun = []

    def begin_another() -> None:
        setup.s3.pass_seconds(1)
        begun.append(setup.open_upload())

    # The second listing is the one that has its own upload.
    setup.before("ListMultipartUploads", nothing, begin_another)

    assert setup.receive(event()) == []

    assert setup.uploads == begun
    setup.s3.store.uploads.clear()


# The source changes


def test_a_source_overwritten_in_the_middle_is_never_mixed(setup: Setup) -> None:
    setup.put()
    setup.before("UploadPartCopy", nothing, lambda: setup.put(LARGE[::-1]))

    assert setup.receive(event()) == []

    assert setup.s3.replica() == LARGE[::-1]


def test_no_more_of_a_version_is_copied_when_there_is_a_newer_one(setup: Setup) -> None:
    setup.s3.version()
    setup.put()
    setup.before("UploadPartCopy", nothing, lambda: setup.put(b"small"))

    assert setup.receive(event()) == []

    assert len(setup.parts) < 2 + STREAMS
    assert setup.s3.replica() == b"small"


def test_tags_changed_meanwhile_are_written_afterwards(setup: Setup) -> None:
    setup.put(Tagging="a=1")
    setup.before("UploadPartCopy", lambda: setup.s3.tag(a="2"))

    assert setup.receive(event()) == []

    assert setup.s3.replica_tags() == (("a", "2"),)


# Interruptions


def test_whoever_gets_the_message_of_a_killed_function_copies_only_what_is_missing(
    setup: Setup,
) -> None:
    setup.cut_short()

    setup.receive_again()

    assert setup.parts == [3]
    assert len(setup.wire.all("ListParts")) == 1


@pytest.mark.parametrize("body", [LARGE + b"2", LARGE[::-1], b"small", None])
def test_an_upload_of_what_the_source_was_is_aborted(setup: Setup, body: bytes | None) -> None:
    setup.cut_short()
    if body is None:
        setup.s3.delete()
    else:
        setup.put(body)

    assert setup.receive(event(), receives=2) == []

    assert len(setup.wire.all("AbortMultipartUpload")) >= 1
    assert setup.s3.replica() == body


def test_an_upload_without_parts_is_not_gone_on_with_as_nothing_tells_what_it_is_of(
    setup: Setup,
) -> None:
    setup.cut_short(parts=0)

    setup.receive_again()

    assert len(setup.wire.all("CreateMultipartUpload")) == 1


def test_while_an_upload_may_still_be_at_work_others_wait(setup: Setup) -> None:
    setup.cut_short()
    [upload] = setup.s3.store.uploads.values()
    upload.initiated_at = setup.s3.store.now()

    assert setup.receive(event(), receives=2) == ["message-0"]
    assert setup.hidden_for[-1] in (1, 2)
    assert setup.parts == []

    setup.s3.pass_seconds(31)
    setup.receive_again()


class Clock:
    """Stands still but for what a test does to it."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(setup: Setup, monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock of copies in parts, which are made one after the other."""
    clock = Clock()
    monkeypatch.setattr("fanout.replicate.multipart.time", clock)
    monkeypatch.setattr(setup.clients.parts, "streams", 1)
    return clock


def test_a_copy_that_takes_longer_than_the_invocation_is_continued_by_the_next(
    setup: Setup, clock: Clock
) -> None:
    setup.put()

    def ten_seconds_pass() -> None:
        clock.now += 10

    setup.before("UploadPartCopy", ten_seconds_pass, ten_seconds_pass)

    assert setup.receive(event(), deadline=clock.now + 30) == []
    assert setup.parts == [1, 2]  # a third would not have been done in time

    # The message says whose upload it is, so nobody waits.
    assert setup.go_on(deadline=clock.now + 30) == []
    assert setup.parts == [3]
    assert setup.s3.replica() == LARGE


def test_an_upload_is_not_completed_at_the_end_of_the_invocation_that_copied_its_parts(
    setup: Setup, clock: Clock
) -> None:
    setup.put()
    deadline = clock.now + 400

    def nearly_all_of_it_passes() -> None:
        clock.now = deadline - 59

    setup.before("UploadPartCopy", nothing, nothing, nearly_all_of_it_passes)

    assert setup.receive(event(), deadline=deadline) == []
    assert setup.parts == [1, 2, 3]
    assert "CompleteMultipartUpload" not in setup.wire.operations

    # With nothing left to copy it is completed, however little time there is.
    assert setup.go_on(deadline=clock.now + 3) == []
    assert setup.parts == []
    assert setup.s3.replica() == LARGE


def test_an_invocation_without_time_copies_nothing_and_says_what_to_do(
    setup: Setup, log: Callable[[], list[dict[str, Any]]]
) -> None:
    setup.put()

    assert setup.receive(event(), deadline=0) == ["message-0"]

    assert setup.parts == []
    line = log()[-1]
    assert (line["action"], line["reason"]) == ("unfinished", "CopyUnfinished")
    assert "function.timeout_seconds" in line["explanation"]
    setup.s3.pass_seconds(60)
    setup.receive_again()


# Events that are delivered twice


def test_two_who_go_on_with_one_upload_are_harmless(setup: Setup) -> None:
    setup.cut_short()
    other = Function(setup.s3)
    setup.before("CompleteMultipartUpload", lambda: other.receive(event(), receives=3))
    setup.before("CompleteMultipartUpload", lambda: setup.s3.pass_seconds(600))

    setup.receive_again()


def test_small_objects_do_not_wait_for_a_large_one(setup: Setup) -> None:
    setup.put()
    setup.s3.put("small")
    arrived = []

    def wait_for_the_small_one() -> None:
        # It would never come if it waited for the large one, which waits for it here.
        arrived.append(eventually("small", lambda: setup.s3.replica("small") is not None))

    setup.before("CompleteMultipartUpload", wait_for_the_small_one)

    assert setup.receive(event(), s3_event("small")) == []

    assert arrived == [True]
    assert setup.s3.replica() == LARGE


# Uploads that nobody works on


def test_an_upload_that_nobody_works_on_is_aborted_with_the_next_copy_of_its_key(
    setup: Setup,
) -> None:
    setup.open_upload()
    setup.s3.pass_seconds(60)
    of_longer_key = setup.open_upload("key and more")

    setup.copy()

    assert "encoding-type=url" in setup.wire.all("ListMultipartUploads")[0].query
    assert setup.uploads == [of_longer_key]
    setup.s3.store.uploads.clear()


@pytest.mark.parametrize("is_known", [True, False], ids=["warm process", "new process"])
@pytest.mark.parametrize(
    ("name", "size", "receives", "is_aborted"),
    [
        # In the direct lane it says 1 of the second delivery too.
        ("ObjectCreated:Put", len(LARGE), 1, True),
        ("ObjectCreated:Put", len(LARGE), 2, True),
        # Nothing can have been begun for it, and to list costs.
        ("ObjectTagging:Put", None, 1, False),
        ("ObjectTagging:Put", None, 2, True),
    ],
)
def test_what_a_delivery_that_was_cut_short_left_open_is_aborted_by_the_next(
    setup: Setup, name: str, size: int | None, receives: int, is_aborted: bool, is_known: bool
) -> None:
    setup.put(ChecksumAlgorithm="CRC64NVME")
    setup.s3.put_replica(body=LARGE)
    left, of_longer_key = setup.open_upload(), setup.open_upload("key and more")
    foreign = setup.open_upload(is_own=False)
    setup.s3.pass_seconds(600)
    at_work = setup.open_upload()
    setup.clients.initiator = setup.initiator if is_known else None

    assert setup.receive(s3_event("key", event=name, size=size), receives=receives) == []

    kept = [of_longer_key, foreign, at_work]
    assert set(setup.uploads) == {*kept, *(() if is_aborted else (left,))}
    setup.s3.store.uploads.clear()


def test_no_upload_of_anybody_else_is_ever_aborted_or_waited_for(setup: Setup) -> None:
    foreign = [setup.open_upload(is_own=False)]
    setup.cut_short()
    foreign.append(setup.open_upload(is_own=False))

    setup.receive_again()
    setup.receive_again()

    assert setup.uploads == foreign
    setup.s3.store.uploads.clear()


@pytest.mark.parametrize("is_known", [True, False], ids=["warm process", "new process"])
def test_a_forged_message_that_names_an_upload_of_somebody_else_leaves_it_alone(
    setup: Setup, is_known: bool
) -> None:
    setup.put()
    foreign = setup.open_upload(is_own=False)
    setup.clients.initiator = setup.initiator if is_known else None
    record = sqs_record(event())
    put_off = QueueMessage.from_record(record).attributes_to_go_on(foreign)
    record["messageAttributes"] = {
        name: {"dataType": "String", "stringValue": value} for name, value in put_off.items()
    }

    assert setup.process(record) == setup.process(record) == []

    assert setup.uploads == [foreign]
    assert setup.s3.replica() == LARGE
    setup.s3.store.uploads.clear()


def test_an_event_of_a_large_object_is_not_forgotten_for_one_of_a_small_one(setup: Setup) -> None:
    setup.cut_short()
    setup.put(b"small")

    assert setup.receive(event(), event(b"small")) == []

    assert setup.s3.replica() == b"small"


# Refusals


@pytest.mark.parametrize(
    ("operation", "answers", "hidden"),
    [
        ("UploadPartCopy", [error_answer(503, "SlowDown")] * 60, [1]),
        # A completion whose outcome is unknown may still land, and replace something newer.
        ("CompleteMultipartUpload", [SILENCE], [LONGEST_WRITE_SECONDS]),
        (
            "CompleteMultipartUpload",
            [Response(200, b"<Error><Code>InternalError</Code><Message>m</Message></Error>")],
            [LONGEST_WRITE_SECONDS],
        ),
    ],
    ids=["part", "completion", "late failure"],
)
def test_what_fails_for_now_is_continued_by_a_later_delivery(
    setup: Setup,
    monkeypatch: pytest.MonkeyPatch,
    operation: str,
    answers: list[Answer],
    hidden: list[int],
) -> None:
    monkeypatch.setattr("fanout.replicate.work_queue.random.random", lambda: 1.0)
    setup.put()
    setup.answer(operation, *answers)

    assert setup.receive(event()) == ["message-0"]
    assert setup.hidden_for == hidden
    assert operation == "UploadPartCopy" or len(setup.wire.all(operation)) == 1
    assert len(setup.uploads) == 1

    setup.wire.clear()
    setup.s3.pass_seconds(60)
    setup.receive_again()
    assert len(setup.parts) in (0, 3)


def test_an_archived_object_is_a_dead_letter_and_leaves_no_upload(setup: Setup) -> None:
    setup.put()
    setup.answer("UploadPartCopy", *[error_answer(403, "InvalidObjectState")] * 3)

    assert setup.receive(event()) == []

    assert setup.dead_letter.attributes["Reason"] == "SrcObjectArchived"
    assert setup.uploads == []
    setup.wire.clear()
    setup.receive_again(setup.dead_letter.body)  # redriven after the restore


def test_an_upload_is_aborted_when_its_object_cannot_be_read_any_more(setup: Setup) -> None:
    setup.cut_short()
    setup.answer("HeadObject", error_answer(400), bucket=SOURCE_BUCKET)
    setup.answer("GetObject", error_answer(400, "InvalidRequest"), bucket=SOURCE_BUCKET)

    assert setup.receive(event(), receives=2) == []

    assert setup.dead_letter.attributes["Reason"] == "SrcEncryptedWithCustomerKey"
    assert setup.uploads == []


def test_a_key_that_xml_cannot_hold_is_not_begun_in_parts(setup: Setup) -> None:
    setup.s3.put("a\x01b", LARGE)

    assert setup.receive(s3_event("a\x01b", size=len(LARGE))) == []

    assert setup.dead_letter.attributes["Reason"] == "RequestInvalid"
    assert "'\\x01'" in setup.dead_letter.attributes["Explanation"]
    assert "CreateMultipartUpload" not in setup.wire.operations


def test_tags_that_no_header_can_hold_are_written_after_the_copy(setup: Setup) -> None:
    setup.put()
    setup.s3.tag(**{f"{n}": "\u4e2d" * 200 for n in range(5)})

    setup.receive_again()

    assert "x-amz-tagging" not in setup.wire.only("CreateMultipartUpload").headers
    assert setup.s3.replica_tags() == setup.s3.store.find(SOURCE_BUCKET, "key").tags


def test_a_large_object_whose_replica_never_equals_it_is_a_dead_letter(setup: Setup) -> None:
    setup.put()
    for receives in (1, 2, 3):
        # As if the destination made something else of what is written to it.
        other = {"etag": f'"{ETAG}"', "content-length": "3", "last-modified": "", "date": ""}

        def spoil(other: dict[str, str] = other) -> None:
            etag = f'"{setup.s3.replica_object().etag}"'
            setup.answer("HeadObject", Response(200, headers=other | {"etag": etag}))

        setup.s3.store.buckets[DESTINATION_BUCKET].keys.clear()
        completed = setup.s3.store.complete

        def complete(*arguments: Any, spoil: Any = spoil, completed: Any = completed) -> Object:
            made: Object = completed(*arguments)
            spoil()
            return made

        setup.s3.store.complete = complete  # type: ignore[method-assign, assignment]
        assert setup.receive(event(), receives=receives) == ([] if receives == 3 else ["message-0"])
        setup.s3.store.complete = completed  # type: ignore[method-assign]
        assert setup.parts == [1, 2, 3]

    assert setup.dead_letter.attributes["Reason"] == "DstObjectDiffers"


# The destination changes


def test_an_upload_for_a_key_that_is_rewritten_now_stays_for_the_lifecycle_rule(
    new_setup: NewSetup,
) -> None:
    new_setup().cut_short()
    setup = new_setup(key_prefix="new/")

    assert setup.receive(event(), receives=2) == []

    assert [upload.key for upload in setup.s3.store.uploads.values()] == ["key"]
    assert setup.s3.replicas == {"new/key": LARGE}
    setup.s3.store.uploads.clear()
