"""The S3 calls, seen from the wire: what is asked for, what is sent, what an answer means."""

from __future__ import annotations

import itertools
import ssl
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

import pytest
from fanout.common.connections import NotConnectedError
from fanout.common.errors import (
    AwsError,
    NoAnswerError,
    NotSentError,
    Side,
    UnsendableError,
)
from fanout.common.http_connection import BrokenAnswerError
from fanout.replicate.actions import Copy, WriteTags
from fanout.replicate.answers import Changed, Copied, Deleted, Observed, Proof, Survivor, Tagged
from fanout.replicate.buckets import WRITE_POLICY
from fanout.replicate.failures import FailureKind, failure_of
from fanout.replicate.progress import Ending, Finish
from fanout.replicate.protocol import begin
from fanout.replicate.replicator import converge
from fanout.replicate.s3 import S3KeyOperations
from fanout.replicate.upload_plan import SINGLE_COPY_BYTES

from support.aws.http import Response
from support.events import s3_event
from support.fake_s3 import FakeS3
from support.function import Function
from support.objects import AWKWARD_KEYS, BODY, ETAG
from support.settings import (
    DESTINATION_ACCOUNT,
    DESTINATION_BUCKET,
    DESTINATION_REGION,
    FOREVER,
    LONGEST_WRITE_SECONDS,
    SOURCE_ACCOUNT,
    SOURCE_BUCKET,
    SOURCE_REGION,
)
from support.values import destination, state
from support.wire import Answer, error_answer

PLAIN = destination().replica_settings
DELETES = destination(replicate_deletes=True).replica_settings
WRITES = ["CopyObject", "PutObjectTagging", "DeleteObject"]
READS = ["HeadObject", "GetObject", "ListObjectVersions"]
OBSERVE = ["HeadObject", "HeadObject"]
KEY_ARN = "arn:aws:kms:us-west-2:222222222222:key/k"
BUCKETS = {Side.SOURCE: SOURCE_BUCKET, Side.DESTINATION: DESTINATION_BUCKET}

TRANSIENT, UNKNOWN = FailureKind.TRANSIENT, FailureKind.UNKNOWN_OUTCOME


def call(operations: S3KeyOperations, operation: str) -> object:
    """Make one call."""
    match operation:
        case "CopyObject":
            return operations.copy(Copy(ETAG, state()))
        case "PutObjectTagging":
            return operations.write_tags(WriteTags((("t", "1"),)))
        case "DeleteObject":
            return operations.delete()
        case "GetObject":
            return operations.prove_absence()
        case "ListObjectVersions":
            return operations.find_survivor()
    return operations.observe()


def observe(operations: S3KeyOperations) -> Observed:
    """Observe when nobody interferes."""
    seen = operations.observe()
    assert isinstance(seen, Observed)
    return seen


def fails(operations: S3KeyOperations, operation: str) -> AwsError:
    """Make one call that fails."""
    return failure(lambda: call(operations, operation))


def failure(do: Callable[[], object]) -> AwsError:
    """What is raised."""
    with pytest.raises(AwsError) as caught:
        do()
    return caught.value


# Observing


def test_both_sides_are_observed(s3: FakeS3) -> None:
    s3.put(
        Tagging="b=2&a=1",
        Metadata={"x": "y"},
        ContentType="text/x",
        CacheControl="no-cache",
        ChecksumAlgorithm="SHA256",
    )
    s3.put_replica("to/key", b"older")

    seen = observe(s3.operations("key", key_prefix="to/"))

    assert seen.source is not None
    assert seen.source.etag == f'"{ETAG}"'
    assert seen.source.size == len(BODY)
    assert seen.source.tags == (("a", "1"), ("b", "2"))
    assert [algorithm for algorithm, _ in seen.source.checksums] == ["sha256"]
    assert dict(seen.source.headers) == {
        "cache-control": "no-cache",
        "content-type": "text/x",
        "x-amz-meta-x": "y",
    }
    assert seen.replica is not None
    assert (seen.replica.size, seen.replica.tags) == (len(b"older"), ())


@pytest.mark.parametrize(
    ("versioning", "has_delete_marker"), [("", False), ("Enabled", True), ("Suspended", False)]
)
def test_what_a_delete_marker_hides_survives_unless_the_marker_replaced_it(
    s3: FakeS3, versioning: str, has_delete_marker: bool
) -> None:
    s3.store.bucket(SOURCE_BUCKET).versioning = versioning
    s3.put()
    s3.delete()

    assert observe(s3.operations()) == Observed(None, None, has_delete_marker)


def test_a_delete_marker_is_one_only_if_s3_says_so(s3: FakeS3) -> None:
    headers = {"x-amz-delete-marker": "false", "x-amz-version-id": "V1"}
    s3.wire.answer("HeadObject", SOURCE_BUCKET, Response(404, headers=headers))

    assert observe(s3.operations()) == Observed(None, None)


@pytest.mark.parametrize(
    ("replicate_tags", "tags", "expected"),
    [
        (True, "", OBSERVE),
        (True, "a=1", ["GetObjectTagging", "GetObjectTagging", *OBSERVE]),
        (False, "a=1", OBSERVE),
    ],
    ids=["none", "some", "not replicated"],
)
def test_tags_are_read_only_where_there_are_any_and_they_are_replicated(
    s3: FakeS3, replicate_tags: bool, tags: str, expected: list[str]
) -> None:
    s3.put(Tagging=tags)
    s3.put_replica(Tagging=tags)
    both = s3.operations(replicate_tags=replicate_tags)

    seen = observe(both)

    assert s3.wire.operations == expected
    assert both.calls == len(expected)
    assert seen.source is not None
    assert bool(seen.source.tags) == (len(expected) > 2)


def test_an_observation_asks_for_checksums(s3: FakeS3) -> None:
    s3.operations().observe()

    assert [r.headers["x-amz-checksum-mode"] for r in s3.wire.requests] == ["ENABLED"] * 2


def test_an_expires_header_that_is_no_date_is_read_as_it_stands(s3: FakeS3) -> None:
    s3.put(Expires="whenever")

    seen = observe(s3.operations()).source

    assert seen is not None
    assert dict(seen.headers).get("expires") == "whenever"


@pytest.mark.parametrize("bucket", [SOURCE_BUCKET, DESTINATION_BUCKET])
@pytest.mark.parametrize("status", [404, 405], ids=["gone", "a delete marker"])
def test_an_object_removed_between_its_head_and_its_tags_has_changed(
    s3: FakeS3, bucket: str, status: int
) -> None:
    s3.put(bucket=bucket, Tagging="a=1")
    s3.wire.answer("GetObjectTagging", bucket, error_answer(status, "Code"))

    assert s3.operations().observe() == Changed()


# Every call


def test_every_call_goes_to_the_region_of_its_bucket_and_names_its_owner_and_who_makes_it(
    s3: FakeS3,
) -> None:
    s3.version()
    s3.put(Tagging="a=1")
    s3.put_replica(Tagging="b=1")
    operations = s3.operations()

    for operation in (*READS, *WRITES):
        call(operations, operation)

    at_source = f"{SOURCE_BUCKET}.s3.{SOURCE_REGION}.amazonaws.com", SOURCE_ACCOUNT
    there = f"{DESTINATION_BUCKET}.s3.{DESTINATION_REGION}.amazonaws.com", DESTINATION_ACCOUNT
    assert sorted(
        (sent.operation, sent.host, sent.headers["x-amz-expected-bucket-owner"])
        for sent in s3.wire.requests
    ) == [
        ("CopyObject", *there),
        ("DeleteObject", *there),
        ("GetObject", *at_source),
        ("GetObjectTagging", *there),
        ("GetObjectTagging", *at_source),  # of the observation
        ("GetObjectTagging", *at_source),  # of the version
        ("HeadObject", *there),
        ("HeadObject", *at_source),
        ("HeadObject", *at_source),
        ("ListObjectVersions", *at_source),
        ("PutObjectTagging", *there),
    ]
    assert operations.calls == 11
    agents = [request.headers["user-agent"] for request in s3.wire.requests]
    assert all(agent.split()[0] == "s3-fanout" for agent in agents)


def test_a_copy_is_waited_for_longer_than_the_slowest_one_takes() -> None:
    assert SINGLE_COPY_BYTES / 7_000_000 < WRITE_POLICY.timeout < LONGEST_WRITE_SECONDS
    assert not WRITE_POLICY.is_repeatable


# Copying. What a copy is asked for is in test_parameters; here is how that is sent.


@pytest.mark.parametrize("key", AWKWARD_KEYS.values(), ids=AWKWARD_KEYS)
def test_an_awkward_key_is_copied_to_the_same_key(s3: FakeS3, key: str) -> None:
    s3.put(key)

    assert converge(s3.operations(key), begin(ETAG), PLAIN) == Finish(Ending.COPIED, len(BODY))

    copy = s3.wire.only("CopyObject")
    assert copy.path == f"/{key}"
    assert unquote(copy.headers["x-amz-copy-source"]) == f"{SOURCE_BUCKET}/{key}"
    assert s3.replicas == {key: BODY}


@pytest.mark.parametrize(
    ("changed", "seen", "more"),
    [
        ({}, None, {}),
        (
            {
                "acl": "bucket-owner-full-control",
                "kms_key_arn": KEY_ARN,
                "storage_class": "GLACIER_IR",
                "replicate_tags": False,
            },
            state(headers={"x-amz-website-redirect-location": "/there"}),
            {
                "acl": "bucket-owner-full-control",
                "checksum-algorithm": "CRC64NVME",
                "server-side-encryption": "aws:kms",
                "server-side-encryption-aws-kms-key-id": KEY_ARN,
                "server-side-encryption-bucket-key-enabled": "true",
                "storage-class": "GLACIER_IR",
                "tagging-directive": "REPLACE",
                "website-redirect-location": "/there",
            },
        ),
    ],
    ids=["nothing", "everything"],
)
def test_what_is_asked_of_a_copy_is_sent_and_nothing_else(
    s3: FakeS3, changed: dict[str, Any], seen: Any, more: dict[str, str]
) -> None:
    s3.put(Tagging="a=1")

    s3.operations(**changed).copy(Copy(ETAG, seen))

    signed = {"x-amz-date", "x-amz-content-sha256", "x-amz-security-token", "x-amz-tagging"}
    sent = s3.wire.only("CopyObject").headers
    assert sent.get("x-amz-tagging", "") == ""
    asked = {name: sent[name] for name in sent if name.startswith("x-amz-") and name not in signed}
    assert asked == {
        "x-amz-copy-source": f"{SOURCE_BUCKET}/key",
        "x-amz-copy-source-if-match": ETAG,
        "x-amz-expected-bucket-owner": DESTINATION_ACCOUNT,
        "x-amz-source-expected-bucket-owner": SOURCE_ACCOUNT,
        **{f"x-amz-{name}": value for name, value in more.items()},
    }


def test_a_copy_is_made_of_the_object_it_names_and_of_no_other(s3: FakeS3) -> None:
    assert s3.operations().copy(Copy(ETAG)) == Changed()
    s3.put()
    s3.wire.before("CopyObject", DESTINATION_BUCKET, lambda: s3.put(body=b"newer"))

    assert s3.operations().copy(Copy(ETAG)) == Changed()

    assert s3.replica() is None


def test_a_copy_of_a_version_is_pinned_to_it(s3: FakeS3) -> None:
    s3.version(SOURCE_BUCKET)
    s3.version(DESTINATION_BUCKET)
    version = s3.put().version_id
    operations = s3.operations()
    seen = observe(operations).source
    assert seen is not None
    s3.put(body=b"newer")

    copied = operations.copy(Copy(seen.etag, seen, version_id=seen.version_id))

    written = s3.replica_object()
    assert copied == Copied(f'"{ETAG}"', written.version_id, version)
    assert written.body == BODY
    source_header = s3.wire.only("CopyObject").headers["x-amz-copy-source"]
    assert source_header == f"{SOURCE_BUCKET}/key?versionId={version}"


# Tags


def test_tags_are_replaced(s3: FakeS3) -> None:
    s3.put_replica(Tagging="a=1&b=2")

    assert s3.operations().write_tags(WriteTags((("b", "3 + 4"),))) == Tagged()

    assert s3.replica_tags() == (("b", "3 + 4"),)


@pytest.mark.parametrize("versioned", [False, True], ids=["gone", "a delete marker"])
def test_a_replica_removed_before_its_tags_are_written_has_changed(
    s3: FakeS3, versioned: bool
) -> None:
    if versioned:
        s3.version(DESTINATION_BUCKET)
        s3.delete(bucket=DESTINATION_BUCKET)

    assert s3.operations().write_tags(WriteTags((("t", "1"),))) == Changed()


# Proving absence


@pytest.mark.parametrize("versioned", [False, True], ids=["no object", "a delete marker"])
def test_where_s3_says_there_is_no_such_key_absence_is_proven(s3: FakeS3, versioned: bool) -> None:
    if versioned:
        s3.version()
        s3.put()
        s3.delete()

    assert s3.operations().prove_absence() == Proof(is_absent=True)


@pytest.mark.parametrize(
    ("body", "about"),
    [(BODY, {}), (b"", {}), (BODY, {"StorageClass": "GLACIER"})],
    ids=["an object", "an empty one", "an archived one"],
)
def test_what_is_there_after_all_is_no_proof_and_moves_one_byte_at_most(
    s3: FakeS3, body: bytes, about: dict[str, Any]
) -> None:
    s3.put(body=body, **about)
    operations = s3.operations()

    assert operations.prove_absence() == Proof(is_absent=False)

    assert s3.wire.only("GetObject").headers["range"] == "bytes=0-0"
    assert operations.calls == 1


def test_where_the_answer_cannot_be_read_the_bucket_has_to_be_there(s3: FakeS3) -> None:
    operations = s3.operations("a\x01b")

    assert operations.prove_absence() == Proof(is_absent=True)
    assert s3.wire.operations == ["GetObject", "HeadBucket"]
    assert operations.calls == 2

    s3.wire.answer("HeadBucket", SOURCE_BUCKET, error_answer(404))
    with pytest.raises(AwsError):
        operations.prove_absence()


@pytest.mark.parametrize(
    "answer",
    [
        error_answer(403, "AccessDenied"),
        error_answer(404, "NoSuchBucket"),
        error_answer(404),
        error_answer(301, "PermanentRedirect"),
        error_answer(400, "InvalidRequest"),
        error_answer(400, "KMS.DisabledException"),
        error_answer(503, "SlowDown"),
        TimeoutError(),
        NotConnectedError(),
    ],
    ids=str,
)
def test_no_other_answer_proves_absence_and_nothing_is_deleted(s3: FakeS3, answer: Answer) -> None:
    s3.put_replica()
    s3.wire.answer("HeadObject", SOURCE_BUCKET, error_answer(404))
    s3.wire.answer("GetObject", SOURCE_BUCKET, *[answer] * 9)

    failure(lambda: converge(s3.operations(replicate_deletes=True), begin(None), DELETES))

    assert "DeleteObject" not in s3.wire.operations
    assert s3.replica() == BODY


# Deleting


def test_a_replica_is_deleted_and_its_versions_stay(s3: FakeS3) -> None:
    s3.version(DESTINATION_BUCKET)
    s3.put()
    s3.put_replica("to/key")
    operations = s3.operations(key_prefix="to/")

    assert operations.delete() == Deleted()

    assert s3.replica("to/key") is None
    assert len(s3.store.bucket(DESTINATION_BUCKET).keys["to/key"]) == 2
    assert s3.store.find(SOURCE_BUCKET, "key").body == BODY
    assert (s3.wire.operations, operations.calls) == (["DeleteObject"], 1)


# Survivors


def deleted_versions(s3: FakeS3, *bodies: bytes, key: str = "key", **about: Any) -> list[str]:
    """Put versions into the source and a delete marker on top; returns their ids."""
    s3.version()
    ids = [s3.put(key, body, **about).version_id for body in bodies]
    s3.delete(key)
    return ids


def test_the_newest_version_under_a_delete_marker_survives(s3: FakeS3) -> None:
    _, newest = deleted_versions(s3, b"older", b"newest!", Tagging="a=1")
    operations = s3.operations()

    found = operations.find_survivor()

    assert isinstance(found, Survivor)
    assert found.source is not None
    assert found.version_id == found.source.version_id == newest
    assert found.source.size == len(b"newest!")
    assert found.source.tags == (("a", "1"),)
    assert s3.wire.operations == ["GetObjectTagging", "HeadObject", "ListObjectVersions"]
    assert operations.calls == 3
    assert f"versionId={newest}" in s3.wire.only("HeadObject").query
    assert f"versionId={newest}" in s3.wire.only("GetObjectTagging").query


def test_the_tags_of_a_survivor_are_not_read_where_they_are_not_replicated(s3: FakeS3) -> None:
    deleted_versions(s3, BODY, Tagging="a=1")

    s3.operations(replicate_tags=False).find_survivor()

    assert s3.wire.operations == ["HeadObject", "ListObjectVersions"]


def test_a_version_from_before_versioning_survives_as_null(s3: FakeS3) -> None:
    s3.put()
    deleted_versions(s3)

    found = s3.operations().find_survivor()

    assert isinstance(found, Survivor)
    assert found.source is not None
    assert (found.version_id, found.source.version_id) == ("null", None)
    assert "versionId=null" in s3.wire.only("HeadObject").query


@pytest.mark.parametrize("key", AWKWARD_KEYS.values(), ids=AWKWARD_KEYS)
def test_a_version_of_an_awkward_key_survives(s3: FakeS3, key: str) -> None:
    [version] = deleted_versions(s3, BODY, key=key)

    found = s3.operations(key).find_survivor()

    assert isinstance(found, Survivor)
    assert found.version_id == version
    assert s3.wire.only("HeadObject").path == f"/{key}"


@pytest.mark.parametrize(
    "others",
    [[], ["key2", "key/a", "key "], ["ke", "a", "KEY"], ["key"] * 2 + ["key/longer"] * 3],
    ids=["none", "longer", "shorter", "a page that ends behind it"],
)
def test_versions_of_other_keys_do_not_survive_for_this_one(others: list[str]) -> None:
    s3 = FakeS3.fresh(page=4)
    s3.version()
    for other in others:
        if other == "key":
            s3.delete(other)
        else:
            s3.put(other)
    operations = s3.operations()

    assert operations.find_survivor() == Survivor(None)

    assert (s3.wire.operations, operations.calls) == (["ListObjectVersions"], 1)


def test_a_survivor_is_looked_for_behind_pages_of_delete_markers() -> None:
    s3 = FakeS3.fresh(page=2)
    _, newest = deleted_versions(s3, b"older", b"newest!")
    for _ in range(4):
        s3.delete()
    operations = s3.operations()

    found = operations.find_survivor()

    assert isinstance(found, Survivor)
    assert found.version_id == newest
    assert s3.wire.operations == ["HeadObject", *["ListObjectVersions"] * 3]
    assert operations.calls == 4


@pytest.mark.parametrize("operation", ["HeadObject", "GetObjectTagging"])
def test_a_survivor_erased_after_it_was_listed_has_changed(s3: FakeS3, operation: str) -> None:
    [version] = deleted_versions(s3, BODY, Tagging="a=1")
    s3.wire.before(operation, SOURCE_BUCKET, lambda: s3.store.delete(SOURCE_BUCKET, "key", version))

    assert s3.operations().find_survivor() == Changed()


# The whole way. What each change costs is in test_batch.


def test_a_writer_that_does_not_rest_costs_two_copies_a_delivery_and_is_followed(
    s3: FakeS3,
) -> None:
    function, written = Function(s3), itertools.count()

    def overwrite() -> None:
        s3.put(body=b"%d" % next(written))

    overwrite()
    for _ in range(20):
        s3.wire.before("HeadObject", SOURCE_BUCKET, *[overwrite] * 10)  # after every copy
        source = s3.store.find(SOURCE_BUCKET, "key")
        # Its own copy of what the source was is there, so this delivery is the one to come back.
        assert function.receive(s3_event("key", eTag=source.etag)) == ["message-0"]
        assert len(s3.wire.all("CopyObject")) == 2
        newest = s3.store.find(SOURCE_BUCKET, "key").body
        assert newest is not None
        assert s3.replica() == b"%d" % (int(newest) - 1)
        s3.wire.clear()


def test_who_is_overtaken_before_every_copy_leaves_the_key_to_the_next_event(s3: FakeS3) -> None:
    function, written = Function(s3), itertools.count()

    def overwrite() -> None:
        s3.put(body=b"%d" % next(written))

    overwrite()
    for _ in range(5):
        event = s3_event("key", eTag=s3.store.find(SOURCE_BUCKET, "key").etag)
        s3.wire.before("CopyObject", DESTINATION_BUCKET, *[overwrite] * 10)
        assert function.receive(event) == []  # every copy is refused
        s3.wire.clear()
    assert s3.replica() is None

    newest = s3.store.find(SOURCE_BUCKET, "key")
    assert function.receive(s3_event("key", eTag=newest.etag)) == []
    assert s3.replica() == newest.body


@pytest.mark.parametrize("tags", [False, True])
def test_a_late_event_copies_what_is_there_now(s3: FakeS3, tags: bool) -> None:
    about: dict[str, Any] = {"Metadata": {"x": "y"}, "ContentType": "text/x"}
    s3.put(body=b"newer", **about | ({"Tagging": "a=1"} if tags else {}))

    assert converge(s3.operations(), begin(ETAG), PLAIN) == Finish(Ending.COPIED, len(b"newer"))

    assert s3.replica() == b"newer"
    assert dict(s3.replica_object().headers) == {"content-type": "text/x", "x-amz-meta-x": "y"}
    assert s3.replica_tags() == ((("a", "1"),) if tags else ())


@pytest.mark.parametrize(
    "wanted",
    [
        {"kms_key_arn": KEY_ARN},
        {"storage_class": "GLACIER_IR"},
        {"storage_class": "SOURCE"},
        {"replicate_tags": False},
        {"acl": "bucket-owner-full-control"},
    ],
    ids=["KMS", "class", "class of the source", "no tags", "ACL"],
)
def test_what_was_written_as_asked_is_current(s3: FakeS3, wanted: dict[str, Any]) -> None:
    s3.put(Tagging="a=1", StorageClass="STANDARD_IA", ChecksumAlgorithm="SHA256")
    settings = destination(**wanted).replica_settings

    assert converge(s3.operations(**wanted), begin(None), settings) == Finish(
        Ending.COPIED, len(BODY)
    )
    assert converge(s3.operations(**wanted), begin(None), settings) == Finish(
        Ending.CURRENT, len(BODY)
    )

    assert s3.wire.operations.count("CopyObject") == 1


# Refusals and silence. What they mean is in test_failures.


@pytest.mark.parametrize("operation", WRITES)
def test_a_refused_write_says_what_s3_said_and_is_never_sent_again(
    s3: FakeS3, operation: str
) -> None:
    s3.wire.answer(operation, DESTINATION_BUCKET, *[error_answer(503, "SlowDown")] * 9)

    error = fails(s3.operations(), operation)

    assert (error.operation, error.target) == (operation, Side.DESTINATION)
    assert (error.code, error.status, error.request_id) == ("SlowDown", 503, "REQUEST1")
    assert str(error) == f"{operation} of the destination: SlowDown: because"
    assert s3.wire.operations == [operation]


@pytest.mark.parametrize(
    ("operation", "side"),
    [
        ("HeadObject", Side.SOURCE),
        ("HeadObject", Side.DESTINATION),
        ("GetObjectTagging", Side.SOURCE),
        ("GetObjectTagging", Side.DESTINATION),
        ("GetObject", Side.SOURCE),
        ("ListObjectVersions", Side.SOURCE),
    ],
)
def test_a_refused_read_names_its_side(s3: FakeS3, operation: str, side: Side) -> None:
    s3.put(Tagging="a=1")
    s3.put_replica(Tagging="a=1")
    s3.wire.answer(operation, BUCKETS[side], error_answer(403, "AccessDenied"))

    error = fails(s3.operations(), operation)

    assert (error.operation, error.target, error.status) == (operation, side, 403)


@pytest.mark.parametrize(("status", "code"), [(404, "NoSuchBucket"), (400, "InvalidRequest")])
def test_a_refusal_of_what_was_not_observed_is_explained_by_an_observation(
    s3: FakeS3, status: int, code: str
) -> None:
    s3.wire.answer("CopyObject", DESTINATION_BUCKET, *[error_answer(status, code)] * 2)

    assert s3.operations().copy(Copy(ETAG)) == Changed()
    assert fails(s3.operations(), "CopyObject").code == code


@pytest.mark.parametrize(("bucket", "side"), [(SOURCE_BUCKET, "Src"), (DESTINATION_BUCKET, "Dst")])
def test_of_two_buckets_the_missing_one_is_named(s3: FakeS3, bucket: str, side: str) -> None:
    s3.put()
    s3.put_replica()
    del s3.store.buckets[bucket]

    error = failure(lambda: converge(s3.operations(replicate_deletes=True), begin(ETAG), DELETES))

    assert failure_of(error).reason == f"{side}BucketNotFound"


@pytest.mark.parametrize("side", Side)
@pytest.mark.parametrize("answer", [error_answer(400, "InvalidRequest"), Response(206)])
def test_a_head_refused_without_a_word_is_explained_by_a_get(
    s3: FakeS3, side: Side, answer: Answer
) -> None:
    s3.wire.answer("HeadObject", BUCKETS[side], error_answer(400))
    s3.wire.answer("GetObject", BUCKETS[side], answer)

    error = fails(s3.operations(), "HeadObject")

    if answer == Response(206):
        assert (error.operation, error.target, error.code) == ("HeadObject", side, "400")
    else:
        assert (error.operation, error.target, error.code) == ("GetObject", side, "InvalidRequest")
    asked = s3.wire.only("GetObject")
    assert (asked.bucket, asked.headers["range"]) == (BUCKETS[side], "bytes=0-0")


def test_an_object_under_a_key_of_its_owners_is_recognised_even_if_it_was_not_observed(
    s3: FakeS3,
) -> None:
    refusal = error_answer(400, "InvalidRequest")
    s3.wire.answer("CopyObject", DESTINATION_BUCKET, refusal)
    s3.wire.answer("HeadObject", SOURCE_BUCKET, error_answer(400))
    s3.wire.answer("GetObject", SOURCE_BUCKET, refusal)

    error = failure_of(failure(lambda: converge(s3.operations(), begin(ETAG), PLAIN)))

    assert (error.kind, error.reason) == (FailureKind.OBJECT, "SrcEncryptedWithCustomerKey")
    assert s3.wire.operations.count("CopyObject") == 1


FAILED_LATE = Response(200, b"<Error><Code>InternalError</Code><Message>late</Message></Error>")


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (FAILED_LATE, UNKNOWN),
        (error_answer(500, "InternalError"), UNKNOWN),
        (error_answer(503, "SlowDown"), TRANSIENT),
        (Response(200), UNKNOWN),
        (Response(200, b"<CopyObjectResult><ETag>&quot;900150983cd24fb0d"), UNKNOWN),
        (Response(200, b"<html></html>"), UNKNOWN),
        (error_answer(500), UNKNOWN),
        (Response(502, b"<html>Bad Gateway</html>"), UNKNOWN),
    ],
    ids=[
        "late",
        "failed",
        "refused",
        "nothing",
        "half an answer",
        "another answer",
        "500 without a word",
        "a proxy",
    ],
)
def test_the_outcome_of_a_copy_is_known_only_by_a_whole_answer_of_s3(
    s3: FakeS3, answer: Answer, kind: FailureKind
) -> None:
    s3.wire.answer("CopyObject", DESTINATION_BUCKET, answer)

    assert failure_of(fails(s3.operations(), "CopyObject")).kind is kind
    assert s3.wire.operations == ["CopyObject"]


@pytest.mark.parametrize(
    ("silence", "error_type"),
    [
        (NotConnectedError(), NotSentError),
        (TimeoutError(), NoAnswerError),
        (ConnectionResetError(), NoAnswerError),
        (ssl.SSLError(), NoAnswerError),
        (BrokenAnswerError(), NoAnswerError),
    ],
)
@pytest.mark.parametrize("operation", [*WRITES, "GetObject"])
def test_where_no_answer_came_it_is_told_whether_the_request_was_sent(
    s3: FakeS3, operation: str, silence: Exception, error_type: type[AwsError]
) -> None:
    for bucket in BUCKETS.values():
        s3.wire.answer(operation, bucket, *[silence] * 9)

    error = fails(s3.operations(), operation)

    assert (type(error), error.code) == (error_type, type(silence).__name__)
    if operation != "GetObject":
        assert len(s3.wire.requests) == (WRITE_POLICY.attempts if error_type is NotSentError else 1)


def test_a_write_that_was_not_sent_is_sent_again(s3: FakeS3) -> None:
    s3.put()
    unreachable = NotConnectedError()
    s3.wire.answer("CopyObject", DESTINATION_BUCKET, *[unreachable] * (WRITE_POLICY.attempts - 1))

    assert isinstance(s3.operations().copy(Copy(f'"{ETAG}"')), Copied)
    assert s3.replica() == BODY


def test_a_request_that_cannot_be_made_is_about_the_object(s3: FakeS3) -> None:
    error = fails(S3KeyOperations(s3.clients, "", "key", FOREVER), "HeadObject")

    assert isinstance(error, UnsendableError)
    assert s3.wire.operations == ["HeadObject"]  # of the other side


@pytest.mark.parametrize(
    "failed",
    [error_answer(503, "SlowDown"), error_answer(500), TimeoutError()],
    ids=["503", "500", "silence"],
)
def test_reads_are_retried_twice_by_the_client(s3: FakeS3, failed: Answer) -> None:
    s3.put()
    s3.wire.answer("HeadObject", SOURCE_BUCKET, *[failed] * 2)
    assert observe(s3.operations()).source is not None

    s3.wire.answer("HeadObject", SOURCE_BUCKET, *[failed] * 9)
    s3.wire.requests.clear()

    fails(s3.operations(), "HeadObject")

    assert [sent.bucket for sent in s3.wire.requests].count(SOURCE_BUCKET) == 3
