"""Large objects: an upload is begun, named in a message, continued by whoever has it, or aborted."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError
from fanout.replicate.decode import decode_message
from fanout.replicate.parameters import upload_parameters
from fanout.replicate.upload_plan import MAX_COMPLETIONS, Upload, upload_message

from local_aws.waiting import eventually
from support.aws.figures import MIB
from support.aws.http import Response
from support.events import s3_event
from support.fake_s3 import FakeS3
from support.function import Function, let_large_begin_at
from support.objects import ETAG, EVERYTHING
from support.settings import DESTINATION_BUCKET, FOREVER, LONGEST_WRITE_SECONDS, SOURCE_BUCKET
from support.values import state
from support.wire import Answer, error_answer

PART = MIB
THRESHOLD = PART + PART // 4
LARGE = bytes(range(256)) * (3 * PART // 256) + b"!"  # three parts and one byte
RANGES = [
    f"bytes={first}-{min(first + PART, len(LARGE)) - 1}" for first in range(0, len(LARGE), PART)
]
SILENCE = ReadTimeoutError(endpoint_url="https://aws")

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

    def begin(self, body: bytes = LARGE, **about: Any) -> str:
        """Put a large object and receive its event; returns the message that names the upload."""
        self.put(body, **about)
        assert self.receive(event(body)) == []
        return self.sent()

    def finish(self) -> None:
        """Receive the message that was sent; its object is replicated then."""
        assert self.receive(self.sent()) == []
        assert self.s3.replica() == self.s3.store.find(SOURCE_BUCKET, "key").body

    def continue_(self, deadline: float) -> list[str]:
        """Receive the message that was put off."""
        self.wire.requests.clear()
        [record] = self.receive_work(1)
        self.queues.delete(self.work, [record["receiptHandle"]])
        return self.process(record, deadline=deadline)

    def open_upload(self, key: str = "key") -> str:
        """Begin an upload that nobody knows of; returns its id."""
        return self.s3.store.create_upload(DESTINATION_BUCKET, key, (), (), None)

    def answer(self, operation: str, *answers: Answer, bucket: str = DESTINATION_BUCKET) -> None:
        """Answer the next requests of an operation."""
        self.wire.answer(operation, bucket, *answers)

    def before(self, operation: str, *do: Callable[[], object]) -> None:
        """Let something happen just before each of the next requests of an operation."""
        self.wire.before(operation, DESTINATION_BUCKET, *do)

    @property
    def uploads(self) -> list[str]:
        """The ids of the uploads that are open."""
        return list(self.s3.store.uploads)

    @property
    def waiting(self) -> int:
        """How many messages the work queue has."""
        return len(self.queues.queue(self.config.queue_name).messages)

    @property
    def ranges(self) -> list[str]:
        """The parts that were asked for."""
        asked = [r.headers["x-amz-copy-source-range"] for r in self.wire.all("UploadPartCopy")]
        return sorted(asked, key=lambda given: int(given.split("=")[1].split("-")[0]))


def event(body: bytes = LARGE) -> dict[str, Any]:
    """The event of a put, small or large."""
    return s3_event("key", size=len(body), eTag=hashlib.md5(body).hexdigest())


def nothing() -> None:
    """Nothing happens."""


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
        assert setup.wire.operations == ["CreateMultipartUpload", "HeadObject", "HeadObject"]
        setup.finish()
        assert setup.wire.operations == [
            "CompleteMultipartUpload",
            *["HeadObject"] * 4,
            "ListMultipartUploads",
            *["UploadPartCopy"] * -(-len(body) // PART),
        ]
        assert setup.ranges[:-1] == RANGES[: len(body) // PART]
    assert setup.s3.replica() == body


def test_nothing_of_an_object_is_lost_when_it_is_copied_in_parts(new_setup: NewSetup) -> None:
    setup = new_setup(
        storage_class="GLACIER_IR", acl="bucket-owner-full-control", kms_key_arn="arn:key"
    )

    upload = setup.begin(**EVERYTHING)
    asked = setup.wire.only("CreateMultipartUpload").headers
    setup.receive(upload)

    assert asked["x-amz-acl"] == "bucket-owner-full-control"
    written, source = setup.s3.replica_object(), setup.s3.store.find(SOURCE_BUCKET, "key")
    assert dict(written.headers) == dict(source.headers) | {
        "x-amz-storage-class": "GLACIER_IR",
        "x-amz-server-side-encryption": "aws:kms",
        "x-amz-server-side-encryption-aws-kms-key-id": "arn:key",
    }
    assert written.body == LARGE
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
    s3: FakeS3, checksums: dict[str, str], asked: str, asked_type: str | None
) -> None:
    client = s3.clients.parts.client
    model: Any = client.meta.service_model.operation_model("CreateMultipartUpload")
    knows_types = "ChecksumType" in model.input_shape.members

    request = upload_parameters(state(checksums=checksums), s3.clients.destination, client)

    if asked_type is not None and not knows_types:
        asked, asked_type = "CRC64NVME", None
    assert request["ChecksumAlgorithm"] == asked
    assert request.get("ChecksumType") == asked_type


@pytest.mark.parametrize("expires", ["never", "0", "Thu, 01 Dec 2033 16:00:00 GMT"])
def test_expires_is_sent_as_it_is_even_if_it_is_no_date(setup: Setup, expires: str) -> None:
    setup.begin(Expires=expires)

    assert setup.wire.only("CreateMultipartUpload").headers["expires"] == expires
    setup.s3.store.uploads.clear()


def test_tags_are_left_out_where_they_are_not_replicated(new_setup: NewSetup) -> None:
    setup = new_setup(replicate_tags=False)

    setup.receive(setup.begin(Tagging="a=1"))

    assert setup.s3.replica_tags() == ()


def test_a_part_is_copied_only_from_the_object_and_the_version_that_was_observed(
    setup: Setup,
) -> None:
    setup.s3.version()
    body = setup.begin()
    [upload] = decode_message(body)[0].uploads

    setup.receive(body)

    [version] = json.loads(upload.identity)
    for part in setup.wire.all("UploadPartCopy"):
        assert part.headers["x-amz-copy-source"].endswith(f"?versionId={version}")
        assert "x-amz-copy-source-if-match" in part.headers
    assert setup.s3.replica() == LARGE


# The source changes


@pytest.mark.parametrize("body", [LARGE + b"2", b"small", None], ids=["other", "small", "gone"])
def test_an_upload_of_what_the_source_was_is_aborted(setup: Setup, body: bytes | None) -> None:
    # As when the answer to CreateMultipartUpload was lost, and it was sent again.
    setup.open_upload()
    message = setup.begin()
    if body is None:
        setup.s3.delete()
    else:
        setup.put(body)

    assert setup.receive(message) == []
    assert setup.wire.all("UploadPartCopy") == []
    assert setup.waiting == (body == LARGE + b"2")
    if setup.waiting:
        setup.finish()
    assert setup.s3.replica() == body


def test_a_source_overwritten_in_the_middle_is_never_mixed(setup: Setup) -> None:
    body = setup.begin()
    setup.before("UploadPartCopy", nothing, lambda: setup.put(LARGE[::-1]))

    assert setup.receive(body) == []
    assert setup.s3.replica() is None

    setup.finish()


def test_tags_changed_meanwhile_are_written_afterwards(setup: Setup) -> None:
    body = setup.begin(Tagging="a=1")
    setup.s3.tag(a="2")

    assert setup.receive(body) == []

    assert setup.s3.replica_tags() == (("a", "2"),)


# Interruptions


def die() -> None:
    """What a killed process looks like to those that come after it."""
    raise KeyboardInterrupt


def test_whoever_gets_the_message_of_a_killed_function_copies_only_what_is_missing(
    setup: Setup,
) -> None:
    body = setup.begin()
    setup.before("UploadPartCopy", nothing, nothing, die)
    with pytest.raises(KeyboardInterrupt):
        setup.receive(body)
    [upload] = setup.s3.store.uploads.values()
    there = len(upload.parts)

    assert setup.receive(body, receives=2) == []

    assert len(setup.wire.all("ListParts")) == 1
    assert len(setup.ranges) == len(RANGES) - there < len(RANGES)
    assert setup.s3.replica() == LARGE


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
    monkeypatch.setattr("fanout.replicate.large_objects.time", clock)
    monkeypatch.setattr(setup.clients.parts, "streams", 1)
    return clock


def test_a_copy_that_takes_longer_than_the_invocation_is_continued_by_the_next(
    setup: Setup, clock: Clock
) -> None:
    body = setup.begin()

    def ten_seconds_pass() -> None:
        clock.now += 10

    setup.before("UploadPartCopy", ten_seconds_pass, ten_seconds_pass)

    assert setup.receive(body, deadline=clock.now + 30) == []
    assert setup.ranges == RANGES[:2]  # a third would not have been done in time

    assert setup.continue_(deadline=clock.now + 30) == []
    assert setup.ranges == RANGES[2:]
    assert setup.s3.replica() == LARGE


def test_an_upload_is_not_completed_at_the_end_of_the_invocation_that_copied_its_parts(
    setup: Setup, clock: Clock
) -> None:
    body = setup.begin()
    deadline = clock.now + 400

    def nearly_all_of_it_passes() -> None:
        clock.now = deadline - 59

    setup.before("UploadPartCopy", nothing, nothing, nothing, nearly_all_of_it_passes)

    assert setup.receive(body, deadline=deadline) == []
    assert setup.ranges == RANGES
    assert "CompleteMultipartUpload" not in setup.wire.operations

    # With nothing left to copy it is completed, however little time there is.
    assert setup.continue_(deadline=clock.now + 3) == []
    assert setup.ranges == []
    assert setup.s3.replica() == LARGE


def test_an_invocation_without_time_copies_nothing_and_says_what_to_do(
    setup: Setup, log: Callable[[], list[dict[str, Any]]]
) -> None:
    body = setup.begin()

    assert setup.receive(body, deadline=0) == ["message-0"]

    assert setup.ranges == []
    line = log()[-1]
    assert (line["level"], line["reason"]) == ("WARNING", "CopyUnfinished")
    assert "function.timeout_seconds" in line["explanation"]
    setup.receive(body, receives=2)


# Messages that are delivered twice


def test_two_holders_of_one_upload_are_harmless(setup: Setup) -> None:
    body = setup.begin(ChecksumAlgorithm="CRC64NVME")
    setup.before("CompleteMultipartUpload", lambda: setup.receive(body, receives=2))

    assert setup.receive(body) == []

    assert setup.waiting == 0
    assert setup.s3.replica() == LARGE


def test_an_upload_of_what_is_there_already_is_aborted(setup: Setup) -> None:
    body = setup.begin(ChecksumAlgorithm="CRC64NVME")
    setup.s3.put_replica(body=LARGE)

    assert setup.receive(body) == []

    assert setup.wire.operations == [
        "AbortMultipartUpload",
        "HeadObject",
        "HeadObject",
        "ListMultipartUploads",
    ]


def test_a_message_that_is_received_after_the_copy_begins_a_new_one_if_nothing_can_be_compared(
    setup: Setup,
) -> None:
    body = setup.begin()
    setup.receive(body)

    assert setup.receive(body, receives=2) == []
    setup.finish()


def test_an_event_that_is_delivered_twice_leaves_one_replica_and_no_upload(setup: Setup) -> None:
    first = setup.begin()
    setup.receive(event())

    assert setup.receive(first, setup.sent()) == []

    assert len(setup.wire.all("CompleteMultipartUpload")) == 1
    assert setup.s3.replica() == LARGE


def test_an_event_and_an_upload_in_one_batch_are_processed_as_one(setup: Setup) -> None:
    assert setup.receive(setup.begin(), event()) == []

    assert setup.waiting == 0
    assert setup.s3.replica() == LARGE


def test_small_objects_do_not_wait_for_a_large_one(setup: Setup) -> None:
    body = setup.begin()
    setup.s3.put("small")
    arrived = []

    def wait_for_the_small_one() -> None:
        # It would never come if it waited for the large one, which waits for it here.
        arrived.append(eventually("small", lambda: setup.s3.replica("small") is not None))

    setup.before("CompleteMultipartUpload", wait_for_the_small_one)

    assert setup.receive(body, s3_event("small")) == []

    assert arrived == [True]
    assert setup.s3.replica() == LARGE


# Uploads that nobody knows of


def test_an_upload_that_nobody_knows_of_is_aborted_with_the_next_of_its_key(setup: Setup) -> None:
    body = setup.begin()
    uploads = setup.s3.store.uploads
    [own] = uploads
    older, same_second, younger = (setup.open_upload() for _ in range(3))
    of_longer_key = setup.open_upload("key and more")
    for upload, seconds in ((older, -1), (same_second, 0), (of_longer_key, -1)):
        uploads[upload].initiated_at = uploads[own].initiated_at + seconds

    assert setup.receive(body) == []

    assert "encoding-type=url" in setup.wire.only("ListMultipartUploads").query
    assert setup.s3.replica() == LARGE
    assert setup.uploads == [younger, of_longer_key]
    uploads.clear()


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
    setup: Setup, name: str, size: int | None, receives: int, is_aborted: bool
) -> None:
    setup.put(ChecksumAlgorithm="CRC64NVME")
    setup.s3.put_replica(body=LARGE)
    left, of_longer_key = setup.open_upload(), setup.open_upload("key and more")

    assert setup.receive(s3_event("key", event=name, size=size), receives=receives) == []

    assert setup.uploads == ([of_longer_key] if is_aborted else [left, of_longer_key])
    setup.s3.store.uploads.clear()


def test_an_event_of_a_large_object_is_not_forgotten_for_one_of_a_small_one(setup: Setup) -> None:
    setup.open_upload()  # by the first delivery of the large one, which was killed
    setup.put(b"small")

    assert setup.receive(event(), event(b"small")) == []

    assert setup.s3.replica() == b"small"


# Refusals


def test_an_upload_whose_message_cannot_be_sent_is_aborted_and_begun_again(setup: Setup) -> None:
    setup.put()
    setup.queues.refuse("SendMessage", SILENCE)
    assert setup.receive(event()) == ["message-0"]
    assert setup.uploads == []

    setup.queues.accept()
    assert setup.receive(event(), receives=2) == []
    setup.finish()


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
def test_what_fails_for_now_is_continued_by_the_next_delivery(
    setup: Setup,
    monkeypatch: pytest.MonkeyPatch,
    operation: str,
    answers: list[Answer],
    hidden: list[int],
) -> None:
    monkeypatch.setattr("fanout.replicate.work_queue.random.random", lambda: 1.0)
    body = setup.begin()
    setup.answer(operation, *answers)

    assert setup.receive(body) == ["message-0"]
    assert setup.hidden_for == hidden
    assert operation == "UploadPartCopy" or len(setup.wire.all(operation)) == 1
    assert len(setup.uploads) == 1

    setup.wire.clear()
    assert setup.receive(body, receives=2) == []
    assert len(setup.ranges) in (0, 4)
    assert setup.s3.replica() == LARGE


def test_an_archived_object_is_a_dead_letter_and_leaves_no_upload(setup: Setup) -> None:
    body = setup.begin()
    setup.answer("UploadPartCopy", *[error_answer(403, "InvalidObjectState")] * 4)

    assert setup.receive(body) == []

    assert setup.dead_letter.attributes["Reason"] == "SrcObjectArchived"
    assert setup.uploads == []
    setup.wire.clear()
    # Redriven after the restore, it begins anew.
    assert setup.receive(setup.dead_letter.body, receives=2) == []
    setup.finish()


def test_an_upload_is_aborted_when_its_object_cannot_be_read_any_more(setup: Setup) -> None:
    body = setup.begin()
    setup.answer("HeadObject", error_answer(400), bucket=SOURCE_BUCKET)
    setup.answer("GetObject", error_answer(400, "InvalidRequest"), bucket=SOURCE_BUCKET)

    assert setup.receive(body, receives=2) == []

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

    assert setup.receive(event(), receives=2) == []
    assert "x-amz-tagging" not in setup.wire.only("CreateMultipartUpload").headers
    setup.finish()

    assert setup.s3.replica_tags() == setup.s3.store.find(SOURCE_BUCKET, "key").tags


def test_a_large_object_whose_replica_never_equals_it_is_a_dead_letter(setup: Setup) -> None:
    body = setup.begin()
    for left in reversed(range(MAX_COMPLETIONS)):
        # As if the destination made something else of what is written to it.
        other = {"etag": f'"{ETAG}"', "content-length": "3", "last-modified": "", "date": ""}
        setup.answer("HeadObject", *[Response(200, headers=other)] * 2)
        assert setup.receive(body) == []
        assert setup.waiting == (left > 0)
        body = setup.sent() if left else body

    assert setup.dead_letter.attributes["Reason"] == "DstObjectDiffers"

    # Redriven when that is repaired, it begins anew.
    assert setup.receive(setup.dead_letter.body, receives=2) == []
    setup.finish()


def test_a_forged_message_brings_nothing_but_the_source(setup: Setup) -> None:
    setup.put()
    forged = Upload.of(state(size=len(LARGE), etag="forged"), "key", "none such")

    assert setup.receive(upload_message(forged, SOURCE_BUCKET, "key", None)) == []
    setup.finish()


# The destination changes


def test_an_upload_for_a_key_that_is_not_replicated_any_more_is_aborted(
    new_setup: NewSetup,
) -> None:
    body = new_setup().begin()
    setup = new_setup(prefixes=["other/"])

    assert setup.receive(body) == []

    assert setup.uploads == []
    assert setup.s3.replica() is None


@pytest.mark.parametrize("may_abort", [True, False])
def test_an_upload_for_a_key_that_is_rewritten_now_is_aborted_if_the_role_still_may(
    new_setup: NewSetup, may_abort: bool
) -> None:
    body = new_setup().begin()
    setup = new_setup(key_prefix="new/")
    if not may_abort:
        setup.answer("AbortMultipartUpload", error_answer(403, "AccessDenied"))

    assert setup.receive(body) == []
    assert setup.receive(setup.sent()) == []

    assert len(setup.uploads) == (not may_abort)
    assert setup.s3.replicas == {"new/key": LARGE}
    setup.s3.store.uploads.clear()
