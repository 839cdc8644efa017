"""Large objects: an upload is begun, named in a message, carried on by whoever has it, or aborted."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ReadTimeoutError
from fanout.replicate.batch import BatchProcessor
from fanout.replicate.decode import MalformedMessageError, decode_message
from fanout.replicate.key_event import KeyEvent
from fanout.replicate.parameters import upload_parameters
from fanout.replicate.report import Report
from fanout.replicate.upload_plan import (
    LARGEST_PART_BYTES,
    MAX_COMPLETIONS,
    MAX_PARTS,
    MIB,
    Upload,
    part_bytes,
    upload_message,
)
from fanout.replicate.work_queue import WorkQueue
from hypothesis import given
from hypothesis import strategies as st
from moto.backends import get_backend
from moto.core.models import DEFAULT_ACCOUNT_ID

from samples import EVERYTHING

from .builders import (
    DESTINATION_BUCKET,
    FOREVER,
    QUEUE_URL,
    SOURCE_BUCKET,
    S3World,
    config,
    error_answer,
    head_answer,
    http_answer,
    s3_event,
    sqs_record,
    state,
)

PART = MIB
THRESHOLD = PART + PART // 4
LARGE = bytes(range(256)) * (3 * PART // 256) + b"!"  # three parts and one byte

ONE_TIB = 1024**4


@pytest.fixture(autouse=True)
def _smaller_than_real(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fanout.replicate.upload_plan.SINGLE_COPY_BYTES", THRESHOLD)
    monkeypatch.setattr("fanout.replicate.upload_plan.MIN_PART_BYTES", PART)
    monkeypatch.setattr("fanout.replicate.upload_plan.SMALLEST_PART_BYTES", PART)
    monkeypatch.setattr("moto.s3.models.S3_UPLOAD_PART_MIN_SIZE", PART)


class Queue:
    """A work queue that gives back what was sent to it, and writes down what became of the rest."""

    meta = SimpleNamespace(endpoint_url="https://sqs.eu-west-1.amazonaws.com")

    def __init__(self) -> None:
        self.bodies: list[str] = []
        self.letters: list[dict[str, Any]] = []
        self.hidden_for: list[int] = []
        self.is_down = False

    def send_message(self, QueueUrl: str, MessageBody: str, **about: Any) -> None:  # noqa: N803
        if self.is_down:
            raise ReadTimeoutError(endpoint_url=QueueUrl)
        if QueueUrl == QUEUE_URL:
            assert about == {"DelaySeconds": 0}
            self.bodies.append(MessageBody)
        else:
            self.letters.append({"body": MessageBody} | about["MessageAttributes"])

    def change_message_visibility(self, VisibilityTimeout: int, **_: object) -> None:  # noqa: N803
        self.hidden_for.append(VisibilityTimeout)

    def delete_message_batch(self, **_: object) -> None:
        pass

    def take(self) -> str:
        """The only message."""
        (body,) = self.bodies
        self.bodies.clear()
        return body


class Setup:
    """A replicator between S3 and a queue."""

    def __init__(self, world: S3World, **changed: object) -> None:
        self.s3, self.queue = world, Queue()
        self.settings = config(**changed)
        clients = world.to(self.settings.destination)
        self.workers = clients.parts
        queue: Any = self.queue
        report = Report(self.settings)
        self.replicator = BatchProcessor(
            self.settings, clients, WorkQueue(self.settings, queue, report), report
        )

    def receive(self, *bodies: object, receives: int = 1, deadline: float = FOREVER) -> list[str]:
        """Work on a batch; returns the ids of the messages that come back."""
        self.s3.wire.requests.clear()
        records = [
            sqs_record(body, name=f"message-{n}", receives=receives, sent_at=time.time())
            for n, body in enumerate(bodies)
        ]
        answer = self.replicator.handle_queue(records, deadline)
        return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]

    def put(self, body: bytes = LARGE, **about: Any) -> None:
        """Put an object into the source, a minute ago."""
        # moto's checksums of objects in parts are not of the whole. This one is not compared, and so
        # the source has to be recognised.
        self.s3.put(body=body, **{"ChecksumAlgorithm": "SHA256"} | about)
        backend: Any = get_backend("s3")[DEFAULT_ACCOUNT_ID]["aws"]
        backend.head_object(SOURCE_BUCKET, "key").last_modified -= timedelta(minutes=1)

    def begin(self, body: bytes = LARGE, **about: Any) -> str:
        """Put a large object and receive its event; returns the message that names the upload."""
        self.put(body, **about)
        assert self.receive(event(body)) == []
        return self.queue.take()

    @property
    def uploads(self) -> list[str]:
        """The ids of the uploads that are open."""
        listed = self.s3.hand.list_multipart_uploads(Bucket=DESTINATION_BUCKET)
        return [upload["UploadId"] for upload in listed.get("Uploads", ())]

    def open_upload(self, key: str) -> str:
        """Begin an upload that nobody knows of; returns its id."""
        begun = self.s3.hand.create_multipart_upload(Bucket=DESTINATION_BUCKET, Key=key)
        return begun["UploadId"]

    def abort_all(self) -> None:
        """Abort every upload."""
        listed = self.s3.hand.list_multipart_uploads(Bucket=DESTINATION_BUCKET)
        for upload in listed["Uploads"]:
            self.s3.hand.abort_multipart_upload(
                Bucket=DESTINATION_BUCKET, Key=upload["Key"], UploadId=upload["UploadId"]
            )

    @property
    def ranges(self) -> list[str]:
        """The parts that were asked for."""
        asked = [
            request.headers["x-amz-copy-source-range"]
            for request in self.s3.wire.requests
            if request.operation == "UploadPartCopy"
        ]
        return sorted(asked, key=lambda part: int(part.removeprefix("bytes=").split("-")[0]))


def event(body: bytes = LARGE) -> dict[str, Any]:
    """The event of a put, small or large."""
    etag = hashlib.md5(body).hexdigest()
    return s3_event("key", event="ObjectCreated:Put", size=len(body), eTag=etag)


@pytest.fixture
def setup(s3: S3World) -> Iterator[Setup]:
    """A plain destination."""
    made = Setup(s3)
    yield made
    assert made.uploads == []


RANGES = [f"bytes={first}-{last}" for first, last in [
    (0, PART - 1), (PART, 2 * PART - 1), (2 * PART, 3 * PART - 1), (3 * PART, 3 * PART),
]]  # fmt: skip


# How an object is cut


@pytest.mark.parametrize(
    ("size", "bytes_", "parts"),
    [
        (128 * MIB + 1, 64 * MIB, 3),
        (5 * 1024 * MIB, 64 * MIB, 80),
        (640_000 * MIB, 64 * MIB, 10_000),
        (640_000 * MIB + 1, 65 * MIB, 9847),
        (5 * ONE_TIB, 525 * MIB, 9987),
        (LARGEST_PART_BYTES * MAX_PARTS, LARGEST_PART_BYTES, 10_000),
    ],
)
def test_parts_are_64_mib_or_as_many_as_s3_takes(
    monkeypatch: pytest.MonkeyPatch, size: int, bytes_: int, parts: int
) -> None:
    monkeypatch.setattr("fanout.replicate.upload_plan.MIN_PART_BYTES", 64 * MIB)

    upload = Upload.of(state(size=size), "key", "id")

    assert (upload.part_bytes, upload.parts) == (bytes_, parts)


@given(st.integers(1, LARGEST_PART_BYTES * MAX_PARTS))
def test_the_parts_are_the_object(size: int) -> None:
    upload = Upload.of(state(size=size), "key", "id")

    assert PART <= part_bytes(size) <= LARGEST_PART_BYTES
    assert 1 <= upload.parts <= MAX_PARTS
    assert upload.first_byte(1) == 0
    assert upload.first_byte(upload.parts) + upload.length(upload.parts) == size
    assert upload.length(1) in (upload.part_bytes, size)
    assert upload.first_byte(2) == upload.part_bytes


@given(st.text(min_size=1), st.text(min_size=1), st.integers(1, 5 * ONE_TIB))
def test_a_message_says_what_was_put_into_it(key: str, name: str, size: int) -> None:
    source = state(size=size, headers={"x-amz-meta-name": name}, version_id=None)
    upload = Upload.of(source, key, name, attempt=2)
    try:
        key.encode()
    except UnicodeError:
        return

    body = upload_message(upload, SOURCE_BUCKET, key, 1.5)

    assert decode_message(body) == [
        KeyEvent(SOURCE_BUCKET, key, "Upload", time=1.5, uploads=(upload,))
    ]
    assert upload.is_of(source, key)
    assert not upload.is_of(replace(source, etag='"other"'), key)
    assert not upload.is_of(source, key + "x")


@pytest.mark.parametrize(
    "change",
    [
        lambda content: content.update(s3FanoutUpload=2),
        lambda content: content.pop("upload"),
        lambda content: content.pop("key"),
        lambda content: content.update(bucket=7),
        lambda content: content.update(key=""),
        lambda content: content["upload"].pop("source"),
        lambda content: content["upload"].pop("attempt"),
        lambda content: content["upload"].update(partBytes=0),
        lambda content: content["upload"].update(partBytes=1),
        lambda content: content["upload"].update(partBytes="many"),
        lambda content: content["upload"].update(partBytes=6 * 1024**3),
        lambda content: content["upload"].update(size=0),
        lambda content: content["upload"].update(size=-1),
        lambda content: content["upload"].update(size=10**18),
    ],
)
def test_a_message_that_nobody_here_wrote_is_malformed(
    change: Callable[[dict[str, Any]], object],
) -> None:
    content = json.loads(
        upload_message(Upload.of(state(size=2 * PART), "key", "id"), SOURCE_BUCKET, "key", None)
    )
    change(content)

    with pytest.raises(MalformedMessageError):
        decode_message(json.dumps(content))


# The usual way


@pytest.mark.parametrize("body", [LARGE[:THRESHOLD], LARGE[: THRESHOLD + 1], LARGE])
def test_an_object_over_the_threshold_is_copied_in_parts(setup: Setup, body: bytes) -> None:
    setup.put(body)

    assert setup.receive(event(body)) == []
    if len(body) <= THRESHOLD:
        assert setup.s3.wire.operations == ["CopyObject", "HeadObject", "HeadObject"]
    else:
        assert setup.s3.wire.operations == ["CreateMultipartUpload", "HeadObject", "HeadObject"]
        assert setup.receive(setup.queue.take()) == []
        assert setup.s3.wire.operations == [
            "CompleteMultipartUpload",
            *["HeadObject"] * 4,
            "ListMultipartUploads",
            *["UploadPartCopy"] * -(-len(body) // PART),
        ]

    assert setup.s3.replica() == body


def test_the_parts_are_exactly_the_object(setup: Setup) -> None:
    setup.receive(setup.begin())

    assert setup.ranges == RANGES


def test_nothing_of_an_object_is_lost_when_it_is_copied_in_parts(s3: S3World) -> None:
    setup = Setup(s3, storage_class="GLACIER_IR")

    setup.receive(setup.begin(**EVERYTHING))

    got = s3.hand.head_object(Bucket=DESTINATION_BUCKET, Key="key")
    asked = {name: got.get(name) for name in EVERYTHING if name != "Tagging"}
    assert asked == {name: value for name, value in EVERYTHING.items() if name in asked}
    assert got["StorageClass"] == "GLACIER_IR"
    tags = s3.hand.get_object_tagging(Bucket=DESTINATION_BUCKET, Key="key")["TagSet"]
    assert {tag["Key"]: tag["Value"] for tag in tags} == {"team": "data", "note": "a b=c"}
    assert s3.replica() == LARGE


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
    s3: S3World, checksums: dict[str, str], asked: str, asked_type: str | None
) -> None:
    source = state(size=len(LARGE), checksums=checksums)
    client = s3.buckets.parts.client
    model: Any = client.meta.service_model.operation_model("CreateMultipartUpload")
    knows_types = "ChecksumType" in model.input_shape.members

    request = upload_parameters(source, s3.buckets.destination, client)

    if asked_type is not None and not knows_types:
        asked, asked_type = "CRC64NVME", None
    assert request["ChecksumAlgorithm"] == asked
    assert request.get("ChecksumType") == asked_type


@pytest.mark.parametrize("expires", ["never", "0", "Thu, 01 Dec 2033 16:00:00 GMT"])
def test_expires_is_sent_as_it_is_even_if_it_is_no_date(s3: S3World, expires: str) -> None:
    setup = Setup(s3)
    headers = {"content-length": str(len(LARGE)), "expires": expires}
    setup.s3.wire.answer("HeadObject", SOURCE_BUCKET, head_answer(**headers))

    setup.receive(event())

    assert setup.s3.wire.only("CreateMultipartUpload").headers["expires"] == expires


def test_acl_and_key_are_asked_for_when_the_upload_is_begun(s3: S3World) -> None:
    setup = Setup(s3, acl="bucket-owner-full-control", kms_key_arn="arn:key")

    setup.begin()

    asked = setup.s3.wire.only("CreateMultipartUpload").headers
    assert asked["x-amz-acl"] == "bucket-owner-full-control"
    assert asked["x-amz-server-side-encryption"] == "aws:kms"
    assert asked["x-amz-server-side-encryption-aws-kms-key-id"] == "arn:key"


def test_tags_are_left_out_where_they_are_not_replicated(s3: S3World) -> None:
    setup = Setup(s3, replicate_tags=False)

    setup.receive(setup.begin(Tagging="a=1"))

    assert s3.hand.get_object_tagging(Bucket=DESTINATION_BUCKET, Key="key")["TagSet"] == []


def test_every_call_names_the_accounts_that_it_expects(setup: Setup) -> None:
    setup.receive(setup.begin())
    setup.receive(setup.begin(body=LARGE + b"2"), receives=2)

    for request in setup.s3.wire.requests:
        assert "x-amz-expected-bucket-owner" in request.headers
        if request.operation == "UploadPartCopy":
            assert "x-amz-source-expected-bucket-owner" in request.headers
            assert "x-amz-copy-source-if-match" in request.headers


def test_the_parts_of_a_version_are_copied_from_that_version(setup: Setup) -> None:
    setup.s3.version(SOURCE_BUCKET)
    body = setup.begin()
    (upload,) = decode_message(body)[0].uploads

    setup.receive(body)

    (version,) = json.loads(upload.identity)
    part = next(r for r in setup.s3.wire.requests if r.operation == "UploadPartCopy")
    assert part.headers["x-amz-copy-source"].endswith(f"?versionId={version}")
    assert setup.s3.replica() == LARGE


# The source changes


def test_an_upload_of_what_the_source_was_is_aborted(setup: Setup) -> None:
    body = setup.begin()
    setup.put(LARGE + b"2")

    assert setup.receive(body) == []
    assert setup.s3.wire.operations.count("UploadPartCopy") == 0

    assert setup.receive(setup.queue.take()) == []
    assert setup.s3.replica() == LARGE + b"2"


def test_an_upload_of_what_is_gone_is_aborted(setup: Setup) -> None:
    body = setup.begin()
    setup.s3.hand.delete_object(Bucket=SOURCE_BUCKET, Key="key")

    assert setup.receive(body) == []

    assert setup.s3.replica() is None


def test_a_source_overwritten_in_the_middle_is_never_mixed(setup: Setup) -> None:
    body = setup.begin()
    setup.s3.wire.before("UploadPartCopy", DESTINATION_BUCKET, lambda: None)
    setup.s3.wire.before("UploadPartCopy", DESTINATION_BUCKET, lambda: setup.put(LARGE[::-1]))

    assert setup.receive(body) == []
    assert setup.s3.replica() is None

    assert setup.receive(setup.queue.take()) == []
    assert setup.s3.replica() == LARGE[::-1]


def test_a_small_object_in_place_of_a_large_one_is_copied_at_once(setup: Setup) -> None:
    body = setup.begin()
    setup.put(b"small")

    assert setup.receive(body) == []

    assert setup.s3.replica() == b"small"
    assert setup.queue.bodies == []


def test_tags_changed_meanwhile_are_written_afterwards(setup: Setup) -> None:
    body = setup.begin(Tagging="a=1")
    tags: Any = {"TagSet": [{"Key": "a", "Value": "2"}]}
    setup.s3.hand.put_object_tagging(Bucket=SOURCE_BUCKET, Key="key", Tagging=tags)

    assert setup.receive(body) == []

    found = setup.s3.hand.get_object_tagging(Bucket=DESTINATION_BUCKET, Key="key")["TagSet"]
    assert found == tags["TagSet"]


# Interruptions


def die() -> None:
    """What a killed process looks like to those that come after it."""
    raise KeyboardInterrupt


def test_whoever_gets_the_message_of_a_killed_function_copies_only_what_is_missing(
    setup: Setup,
) -> None:
    body = setup.begin()
    for what in (lambda: None, lambda: None, die):
        setup.s3.wire.before("UploadPartCopy", DESTINATION_BUCKET, what)
    with pytest.raises(KeyboardInterrupt):
        setup.receive(body)
    copied = set(RANGES) - {missing for missing in RANGES if missing not in setup.ranges}

    assert setup.receive(body, receives=2) == []

    assert setup.s3.wire.operations.count("ListParts") == 1
    assert len(setup.ranges) < len(RANGES)
    assert copied | set(setup.ranges) == set(RANGES)
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
    monkeypatch.setattr("fanout.replicate.large_objects.time", clock)
    monkeypatch.setattr("fanout.replicate.multipart.time", clock)
    monkeypatch.setattr(setup.workers, "streams", 1)
    return clock


def test_a_copy_that_takes_longer_than_the_invocation_is_given_back(
    setup: Setup, clock: Clock
) -> None:
    body = setup.begin()

    def ten_seconds_pass() -> None:
        clock.now += 10

    for _ in range(2):
        setup.s3.wire.before("UploadPartCopy", DESTINATION_BUCKET, ten_seconds_pass)

    assert setup.receive(body, deadline=clock.now + 30) == ["message-0"]
    assert setup.queue.hidden_for == [0]
    assert setup.ranges == RANGES[:2]  # a third would not have been done in time

    assert setup.receive(body, receives=2, deadline=clock.now + 30) == []
    assert setup.ranges == RANGES[2:]
    assert setup.s3.replica() == LARGE


def test_an_upload_is_not_completed_at_the_end_of_the_invocation_that_copied_its_parts(
    setup: Setup, clock: Clock
) -> None:
    body = setup.begin()
    deadline = clock.now + 400

    def nearly_all_of_it_passes() -> None:
        clock.now = deadline - 59

    for what in (lambda: None, lambda: None, lambda: None, nearly_all_of_it_passes):
        setup.s3.wire.before("UploadPartCopy", DESTINATION_BUCKET, what)

    assert setup.receive(body, deadline=deadline) == ["message-0"]
    assert setup.queue.hidden_for == [0]
    assert setup.ranges == RANGES
    assert "CompleteMultipartUpload" not in setup.s3.wire.operations

    # With nothing left to copy it is completed, however little time there is.
    assert setup.receive(body, receives=2, deadline=clock.now + 3) == []
    assert setup.ranges == []
    assert setup.s3.replica() == LARGE


def test_an_invocation_without_time_copies_nothing_and_says_what_to_do(
    setup: Setup, capsys: pytest.CaptureFixture[str]
) -> None:
    body = setup.begin()

    assert setup.receive(body, deadline=0) == ["message-0"]

    assert setup.ranges == []
    line = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert line["reason"] == "CopyUnfinished"
    assert "function.timeout_seconds" in line["explanation"]
    assert line["level"] == "INFO"
    setup.receive(body, receives=2)


def test_two_holders_of_one_upload_are_harmless(setup: Setup) -> None:
    body = setup.begin()
    setup.s3.wire.before(
        "CompleteMultipartUpload", DESTINATION_BUCKET, lambda: setup.receive(body, receives=2)
    )

    assert setup.receive(body) == []

    assert setup.s3.replica() == LARGE


def test_an_upload_of_what_is_there_already_is_aborted(setup: Setup) -> None:
    body = setup.begin()
    checked = {"content-length": str(len(LARGE)), "x-amz-checksum-crc64nvme": "x"}
    for bucket in (SOURCE_BUCKET, DESTINATION_BUCKET):
        setup.s3.wire.answer("HeadObject", bucket, head_answer(**checked))

    assert setup.receive(body) == []

    assert setup.s3.wire.operations == [
        "AbortMultipartUpload",
        "HeadObject",
        "HeadObject",
        "ListMultipartUploads",
    ]


def test_a_message_that_comes_again_after_the_copy_begins_a_new_one_if_nothing_can_be_compared(
    setup: Setup,
) -> None:
    body = setup.begin()
    setup.receive(body)

    assert setup.receive(body, receives=2) == []
    assert setup.receive(setup.queue.take()) == []

    assert setup.s3.replica() == LARGE


def test_an_event_that_comes_twice_leaves_one_replica_and_no_upload(setup: Setup) -> None:
    first = setup.begin()
    setup.receive(event())
    second = setup.queue.take()

    assert setup.receive(first, second) == []

    assert setup.s3.wire.operations.count("CompleteMultipartUpload") == 1
    assert setup.s3.replica() == LARGE


def test_an_event_and_an_upload_in_one_batch_are_worked_on_as_one(setup: Setup) -> None:
    body = setup.begin()

    assert setup.receive(body, event()) == []

    assert setup.queue.bodies == []
    assert setup.s3.replica() == LARGE


def test_small_objects_do_not_wait_for_a_large_one(setup: Setup) -> None:
    body = setup.begin()
    setup.s3.put("small")
    arrived = []
    setup.s3.wire.before(
        "CompleteMultipartUpload",
        DESTINATION_BUCKET,
        lambda: arrived.append(setup.s3.replica("small")),
    )
    small = s3_event("small", event="ObjectCreated:Put")

    assert setup.receive(body, small) == []

    assert setup.s3.replica("small") is not None
    assert setup.s3.replica() == LARGE


def listed(*uploads: tuple[str, str, int]) -> AWSResponse:
    """A page of uploads: the key as S3 encodes it, the id, and the second in which it was begun."""
    found = "".join(
        f"<Upload><Key>{key}</Key><UploadId>{upload}</UploadId>"
        f"<Initiated>2026-01-02T03:04:0{second}.000Z</Initiated></Upload>"
        for key, upload, second in uploads
    )
    return http_answer(200, {}, f"<ListMultipartUploadsResult>{found}</ListMultipartUploadsResult>")


def test_an_upload_that_nobody_knows_of_is_aborted_with_the_next_of_its_key(setup: Setup) -> None:
    body = setup.begin()
    [own] = setup.uploads
    older, younger, same_second = (setup.open_upload("key") for _ in range(3))
    of_longer_key = setup.open_upload("key and more")
    page = listed(
        ("k%65y", older, 1),
        ("k%65y", own, 2),
        ("k%65y", same_second, 2),
        ("k%65y", younger, 3),
        ("key+and+more", of_longer_key, 1),
    )
    setup.s3.wire.answer("ListMultipartUploads", DESTINATION_BUCKET, page)

    assert setup.receive(body) == []

    asked = next(r for r in setup.s3.wire.requests if r.operation == "ListMultipartUploads")
    assert "encoding-type=url" in asked.query
    assert setup.s3.replica() == LARGE
    assert sorted(setup.uploads) == sorted([younger, of_longer_key])
    setup.abort_all()


@pytest.mark.parametrize(
    ("name", "receives", "is_aborted"),
    [
        ("ObjectCreated:Put", 1, True),  # in the direct lane it says 1 of the second delivery too
        ("ObjectCreated:Put", 2, True),
        ("ObjectTagging:Put", 1, False),  # nothing can have been begun for it, and to list costs
        ("ObjectTagging:Put", 2, True),
    ],
)
def test_what_a_delivery_that_was_cut_short_left_open_is_aborted_by_the_next(
    setup: Setup, name: str, receives: int, is_aborted: bool
) -> None:
    setup.put()
    size = {"size": len(LARGE)} if name == "ObjectCreated:Put" else {"size": None}
    left, of_longer_key = setup.open_upload("key"), setup.open_upload("key and more")
    for bucket in (SOURCE_BUCKET, DESTINATION_BUCKET):
        there = head_answer(content_length=str(len(LARGE)), x_amz_checksum_crc64nvme="same")
        setup.s3.wire.answer("HeadObject", bucket, there)

    assert setup.receive(s3_event("key", event=name, **size), receives=receives) == []

    expected = [of_longer_key] if is_aborted else [left, of_longer_key]
    assert sorted(setup.uploads) == sorted(expected)
    setup.abort_all()


def test_what_nobody_knows_of_is_aborted_where_the_object_is_not_large_any_more(
    setup: Setup,
) -> None:
    # As when the answer to CreateMultipartUpload was lost, and it was sent again.
    setup.open_upload("key")
    body = setup.begin()
    setup.put(b"small")

    assert setup.receive(body) == []

    assert setup.uploads == []
    assert setup.s3.replica() == b"small"


def test_what_nobody_knows_of_is_aborted_where_the_object_is_gone(setup: Setup) -> None:
    setup.open_upload("key")
    body = setup.begin()
    setup.s3.hand.delete_object(Bucket=SOURCE_BUCKET, Key="key")

    assert setup.receive(body) == []

    assert setup.uploads == []


def test_an_event_of_a_large_object_is_not_forgotten_for_one_of_a_small_one(setup: Setup) -> None:
    setup.open_upload("key")  # by the first delivery of the large one, which was killed
    setup.put(b"small")

    assert setup.receive(event(), event(b"small")) == []

    assert setup.uploads == []
    assert setup.s3.replica() == b"small"


# Refusals


def test_an_upload_whose_message_cannot_be_sent_is_aborted_and_begun_again(setup: Setup) -> None:
    setup.put()
    setup.queue.is_down = True
    assert setup.receive(event()) == ["message-0"]
    assert setup.uploads == []

    setup.queue.is_down = False
    assert setup.receive(event(), receives=2) == []
    assert setup.receive(setup.queue.take()) == []
    assert setup.s3.replica() == LARGE


def test_a_part_is_tried_again_and_then_left_to_the_next_delivery(setup: Setup) -> None:
    body = setup.begin()
    setup.s3.wire.answer(
        "UploadPartCopy", DESTINATION_BUCKET, *[error_answer(503, "SlowDown")] * 60
    )

    assert setup.receive(body) == ["message-0"]
    assert setup.queue.hidden_for == [1]
    assert len(setup.uploads) == 1

    setup.s3.wire.clear()
    assert setup.receive(body, receives=2) == []
    assert setup.s3.replica() == LARGE


def test_an_archived_object_becomes_a_letter_and_leaves_no_upload(setup: Setup) -> None:
    body = setup.begin()
    setup.s3.wire.answer(
        "UploadPartCopy", DESTINATION_BUCKET, *[error_answer(403, "InvalidObjectState")] * 4
    )

    assert setup.receive(body) == []

    (letter,) = setup.queue.letters
    assert letter["Reason"]["StringValue"] == "SrcObjectArchived"
    assert setup.uploads == []
    setup.s3.wire.clear()
    # The letter, redriven after the restore, begins anew.
    assert setup.receive(letter["body"], receives=2) == []
    assert setup.receive(setup.queue.take()) == []
    assert setup.s3.replica() == LARGE


def test_an_upload_is_aborted_when_its_object_cannot_be_read_any_more(setup: Setup) -> None:
    body = setup.begin()
    setup.s3.wire.answer("HeadObject", SOURCE_BUCKET, *[error_answer(400)] * 4)
    setup.s3.wire.answer("GetObject", SOURCE_BUCKET, *[error_answer(400, "InvalidRequest")] * 4)

    assert setup.receive(body, receives=2) == []

    (letter,) = setup.queue.letters
    assert letter["Reason"]["StringValue"] == "SrcEncryptedWithCustomerKey"
    assert setup.uploads == []


def test_a_key_that_xml_cannot_hold_is_not_begun_in_parts(setup: Setup) -> None:
    large = head_answer(content_length=str(len(LARGE)))
    setup.s3.wire.answer("HeadObject", SOURCE_BUCKET, large)

    assert setup.receive(s3_event("a\x01b", event="ObjectCreated:Put", size=len(LARGE))) == []

    (letter,) = setup.queue.letters
    assert letter["Reason"]["StringValue"] == "RequestInvalid"
    assert "'\\x01'" in letter["Explanation"]["StringValue"]
    assert "CreateMultipartUpload" not in setup.s3.wire.operations


def test_tags_that_no_header_can_hold_are_written_after_the_copy(setup: Setup) -> None:
    body = setup.begin()
    tags: Any = {"TagSet": [{"Key": f"{n}", "Value": "\u4e2d" * 200} for n in range(5)]}
    setup.s3.hand.put_object_tagging(Bucket=SOURCE_BUCKET, Key="key", Tagging=tags)
    setup.abort_all()

    assert setup.receive(body, receives=2) == []
    assert "x-amz-tagging" not in setup.s3.wire.only("CreateMultipartUpload").headers
    assert setup.receive(setup.queue.take()) == []

    found = setup.s3.hand.get_object_tagging(Bucket=DESTINATION_BUCKET, Key="key")["TagSet"]
    assert sorted(found, key=lambda tag: tag["Key"]) == tags["TagSet"]
    assert setup.s3.replica() == LARGE


def test_a_completion_of_unknown_outcome_waits_for_the_visibility_time_out(setup: Setup) -> None:
    body = setup.begin()
    setup.s3.wire.answer(
        "CompleteMultipartUpload", DESTINATION_BUCKET, ReadTimeoutError(endpoint_url="https://s3")
    )

    assert setup.receive(body) == ["message-0"]
    assert setup.s3.wire.operations.count("CompleteMultipartUpload") == 1
    assert setup.queue.hidden_for == []

    assert setup.receive(body, receives=2) == []
    assert setup.ranges == []
    assert setup.s3.replica() == LARGE


def test_a_completion_that_fails_after_it_was_accepted_is_tried_again_later(setup: Setup) -> None:
    body = setup.begin()
    failed = http_answer(
        200, {}, "<Error><Code>InternalError</Code><Message>because</Message></Error>"
    )
    setup.s3.wire.answer("CompleteMultipartUpload", DESTINATION_BUCKET, failed)

    assert setup.receive(body) == ["message-0"]

    assert setup.receive(body, receives=2) == []
    assert setup.s3.replica() == LARGE


def test_a_large_object_whose_replica_never_equals_it_becomes_a_letter(setup: Setup) -> None:
    body = setup.begin()

    def receive(body: str) -> None:
        # As if the destination made something else of what is written to it.
        heads = [head_answer(), head_answer()]
        setup.s3.wire.answer("HeadObject", DESTINATION_BUCKET, *heads)
        assert setup.receive(body) == []

    for _ in range(MAX_COMPLETIONS - 1):
        receive(body)
        body = setup.queue.take()
    receive(body)

    assert setup.queue.bodies == []
    (letter,) = setup.queue.letters
    assert letter["Reason"]["StringValue"] == "DstObjectDiffers"

    # Sent back when that is repaired, it begins anew.
    assert setup.receive(letter["body"], receives=2) == []
    assert setup.receive(setup.queue.take()) == []
    assert len(setup.queue.letters) == 1
    assert setup.s3.replica() == LARGE


def test_a_forged_message_brings_nothing_but_the_source(setup: Setup) -> None:
    setup.put()
    source = state(size=len(LARGE), etag="forged")
    forged = upload_message(Upload.of(source, "key", "none such"), SOURCE_BUCKET, "key", None)

    assert setup.receive(forged) == []
    assert setup.receive(setup.queue.take()) == []

    assert setup.s3.replica() == LARGE


def test_an_upload_for_a_key_that_is_not_wanted_any_more_is_aborted(s3: S3World) -> None:
    body = Setup(s3).begin()
    setup = Setup(s3, prefixes=["other/"])

    assert setup.receive(body) == []

    assert setup.uploads == []
    assert s3.replica() is None


def test_an_upload_for_a_key_that_is_called_otherwise_now_is_aborted(s3: S3World) -> None:
    body = Setup(s3).begin()
    setup = Setup(s3, key_prefix="new/")

    assert setup.receive(body) == []
    assert setup.receive(setup.queue.take()) == []

    assert setup.uploads == []
    assert s3.replica("new/key") == LARGE
    assert s3.replica() is None


def test_an_upload_that_the_role_may_not_abort_any_more_is_left_to_reconcile(s3: S3World) -> None:
    body = Setup(s3).begin()
    setup = Setup(s3, key_prefix="new/")
    s3.wire.answer("AbortMultipartUpload", DESTINATION_BUCKET, error_answer(403, "AccessDenied"))

    assert setup.receive(body) == []
    assert setup.receive(setup.queue.take()) == []

    assert len(setup.uploads) == 1
    assert s3.replica("new/key") == LARGE
