"""The S3 calls, seen from the wire: what is asked for, what is sent, what an answer means."""

from __future__ import annotations

from typing import Any, cast
from urllib.parse import unquote

import pytest
from botocore.exceptions import (
    ConnectionClosedError,
    ConnectTimeoutError,
    CredentialRetrievalError,
    EndpointConnectionError,
    NoCredentialsError,
    ProxyConnectionError,
    ReadTimeoutError,
    SSLError,
)
from fanout.converge import converge
from fanout.failures import Kind, ReplicationError
from fanout.protocol import Changed, Copied, Copy, Finish, Seen, Tagged, Wanted, WriteTags
from fanout.s3 import CONNECT_TIMEOUT_SECONDS, MAX_COPY_BYTES, READ_TIMEOUT_SECONDS, Buckets, Pair

from .builders import (
    AWKWARD_KEYS,
    BODY,
    DESTINATION_ACCOUNT,
    DESTINATION_BUCKET,
    DESTINATION_REGION,
    ETAG,
    SOURCE_ACCOUNT,
    SOURCE_BUCKET,
    SOURCE_REGION,
    Answer,
    S3World,
    SocketS3,
    destination,
    error_answer,
    head_answer,
    http_answer,
    source,
    state,
)

URL = "https://s3"
WRITES = ["CopyObject", "PutObjectTagging"]


def call(pair: Pair, operation: str) -> object:
    """Make one call."""
    if operation == "CopyObject":
        return pair.copy(Copy(ETAG))
    if operation == "PutObjectTagging":
        return pair.write_tags(WriteTags((("t", "1"),)))
    return pair.look()


def fails(pair: Pair, operation: str) -> ReplicationError:
    """Make one call that fails."""
    with pytest.raises(ReplicationError) as caught:
        call(pair, operation)
    return caught.value


# Looking


def test_a_look_shows_both_sides(s3: S3World) -> None:
    s3.put(Tagging="b=2&a=1", Metadata={"x": "y"}, ContentType="text/x", CacheControl="no-cache")
    s3.hand.put_object(Bucket=DESTINATION_BUCKET, Key="to/key", Body=b"older")

    seen = s3.pair("key", key_prefix="to/").look()

    assert seen.source is not None
    assert seen.source.etag == f'"{ETAG}"'
    assert seen.source.size == len(BODY)
    assert seen.source.tags == (("a", "1"), ("b", "2"))
    assert seen.source.checksums
    assert dict(seen.source.headers) == {
        "cache-control": "no-cache",
        "content-type": "text/x",
        "x-amz-meta-x": "y",
    }
    assert seen.replica is not None
    assert seen.replica.size == len(b"older")
    assert seen.replica.tags == ()


def test_where_there_is_no_object_a_look_shows_none(s3: S3World) -> None:
    assert s3.pair().look() == Seen(None, None)


def test_a_deleted_version_is_no_object(s3: S3World) -> None:
    s3.version(SOURCE_BUCKET)
    s3.put()
    s3.hand.delete_object(Bucket=SOURCE_BUCKET, Key="key")

    assert s3.pair().look().source is None


def test_a_look_at_untagged_objects_is_two_heads(s3: S3World) -> None:
    s3.put()
    pair = s3.pair()

    pair.look()

    assert s3.wire.operations == ["HeadObject", "HeadObject"]
    assert pair.calls == 2


def test_tags_are_read_only_where_there_are_any(s3: S3World) -> None:
    s3.put(Tagging="a=1")
    pair = s3.pair()

    pair.look()

    assert s3.wire.operations == ["GetObjectTagging", "HeadObject", "HeadObject"]
    assert pair.calls == 3


def test_every_call_goes_to_the_region_of_its_bucket(s3: S3World) -> None:
    s3.put(Tagging="a=1")
    s3.hand.put_object(Bucket=DESTINATION_BUCKET, Key="key", Tagging="a=1")

    for operation in ("HeadObject", "CopyObject", "PutObjectTagging"):
        call(s3.pair(), operation)

    at_source = f"{SOURCE_BUCKET}.s3.{SOURCE_REGION}.amazonaws.com"
    at_destination = f"{DESTINATION_BUCKET}.s3.{DESTINATION_REGION}.amazonaws.com"
    assert sorted((request.operation, request.host) for request in s3.wire.requests) == [
        ("CopyObject", at_destination),
        ("GetObjectTagging", at_destination),
        ("GetObjectTagging", at_source),
        ("HeadObject", at_destination),
        ("HeadObject", at_source),
        ("PutObjectTagging", at_destination),
    ]


def test_both_sides_of_one_region_share_their_connections() -> None:
    buckets = Buckets(source(), destination(region=SOURCE_REGION), concurrency=1)

    assert buckets.source_reads is buckets.destination_reads


def test_a_look_asks_for_checksums(s3: S3World) -> None:
    s3.pair().look()

    assert [r.headers["x-amz-checksum-mode"] for r in s3.wire.requests] == ["ENABLED"] * 2


def test_an_expires_header_that_is_no_date_is_read_as_it_stands(s3: S3World) -> None:
    s3.wire.answer("HeadObject", SOURCE_BUCKET, head_answer(expires="whenever"))

    source_seen = s3.pair().look().source

    assert source_seen is not None
    assert dict(source_seen.headers).get("expires") == "whenever"


def test_an_object_removed_between_its_head_and_its_tags_has_none(s3: S3World) -> None:
    s3.put(Tagging="a=1")
    s3.wire.before(
        "GetObjectTagging",
        SOURCE_BUCKET,
        lambda: s3.hand.delete_object(Bucket=SOURCE_BUCKET, Key="key"),
    )

    seen = s3.pair().look()

    assert seen.source is not None
    assert seen.source.tags == ()


# Owners


def test_every_call_names_the_account_it_expects(s3: S3World) -> None:
    s3.put(Tagging="a=1")
    s3.hand.put_object(Bucket=DESTINATION_BUCKET, Key="key", Tagging="b=1")
    pair = s3.pair()

    for operation in ("HeadObject", "CopyObject", "PutObjectTagging"):
        call(pair, operation)

    assert len(s3.wire.requests) == pair.calls == 6
    for request in s3.wire.requests:
        at_source = request.bucket == SOURCE_BUCKET
        owner = SOURCE_ACCOUNT if at_source else DESTINATION_ACCOUNT
        assert request.headers["x-amz-expected-bucket-owner"] == owner, request.operation
    copy = s3.wire.only("CopyObject")
    assert copy.headers["x-amz-source-expected-bucket-owner"] == SOURCE_ACCOUNT


# Copying


def test_a_copy_has_content_headers_and_tags_of_its_source(s3: S3World) -> None:
    s3.put(Tagging="a=1", Metadata={"x": "y"}, ContentType="text/x", CacheControl="no-cache")
    pair = s3.pair()

    assert pair.copy(Copy(ETAG)) == Copied(etag=f'"{ETAG}"')

    seen = pair.look()
    assert s3.replica() == BODY
    assert seen.source is not None
    assert seen.replica is not None
    assert seen.source.headers == seen.replica.headers != ()
    assert seen.source.tags == seen.replica.tags != ()


@pytest.mark.parametrize("key", AWKWARD_KEYS.values(), ids=AWKWARD_KEYS)
def test_an_awkward_key_is_copied_to_the_same_key(s3: S3World, key: str) -> None:
    s3.put(key)

    assert converge(s3.pair(key), ETAG, Wanted()) == Finish("copied", len(BODY))

    copy = s3.wire.only("CopyObject")
    assert unquote(copy.path) == f"/{key}"
    assert unquote(copy.headers["x-amz-copy-source"]) == f"{SOURCE_BUCKET}/{key}"
    listed = s3.hand.list_objects_v2(Bucket=DESTINATION_BUCKET)["Contents"]
    assert [entry["Key"] for entry in listed] == [key]


def test_a_copy_is_made_of_the_object_it_names_and_of_no_other(s3: S3World) -> None:
    s3.put()
    s3.wire.before("CopyObject", DESTINATION_BUCKET, lambda: s3.put(body=b"newer"))

    assert s3.pair().copy(Copy(ETAG)) == Changed()

    assert s3.replica() is None
    assert s3.wire.only("CopyObject").headers["x-amz-copy-source-if-match"] == ETAG


def test_an_object_removed_before_its_copy_has_changed(s3: S3World) -> None:
    assert s3.pair().copy(Copy(ETAG)) == Changed()


def test_a_copy_of_a_version_is_pinned_to_it(s3: S3World) -> None:
    s3.version(SOURCE_BUCKET)
    s3.version(DESTINATION_BUCKET)
    version = s3.put()
    pair = s3.pair()
    seen = pair.look().source
    assert seen is not None
    newer = s3.put(body=b"newer")

    copied = pair.copy(Copy(seen.etag, seen))

    assert version != newer
    assert isinstance(copied, Copied)
    assert copied.source_version_id == version
    assert copied.version_id
    assert s3.replica() == BODY
    source_header = s3.wire.only("CopyObject").headers["x-amz-copy-source"]
    assert source_header == f"{SOURCE_BUCKET}/key?versionId={version}"


def test_the_version_null_is_not_pinned(s3: S3World) -> None:
    s3.put()

    s3.pair().copy(Copy(ETAG, state(version_id=None)))

    assert s3.wire.only("CopyObject").headers["x-amz-copy-source"] == f"{SOURCE_BUCKET}/key"


def test_a_website_redirect_is_written_because_a_copy_drops_it(s3: S3World) -> None:
    s3.put()

    s3.pair().copy(Copy(ETAG, state(headers={"x-amz-website-redirect-location": "/there"})))

    headers = s3.wire.only("CopyObject").headers
    assert headers["x-amz-website-redirect-location"] == "/there"


@pytest.mark.parametrize(
    ("checksums", "asked_for"), [({}, "CRC64NVME"), ({"sha256": "x"}, None)], ids=["none", "one"]
)
def test_a_replica_gets_a_checksum_where_its_source_has_none(
    s3: S3World, checksums: dict[str, str], asked_for: str | None
) -> None:
    s3.put()

    s3.pair().copy(Copy(ETAG, state(checksums=checksums)))

    headers = s3.wire.only("CopyObject").headers
    assert headers.get("x-amz-checksum-algorithm") == asked_for


@pytest.mark.parametrize("storage_class", [None, "GLACIER_IR"])
def test_a_replica_gets_the_storage_class_asked_for(s3: S3World, storage_class: str | None) -> None:
    s3.put(StorageClass="STANDARD_IA")

    s3.pair(storage_class=storage_class).copy(Copy(ETAG))

    assert s3.wire.only("CopyObject").headers.get("x-amz-storage-class") == storage_class
    kept = s3.hand.head_object(Bucket=DESTINATION_BUCKET, Key="key")
    assert kept.get("StorageClass", "STANDARD") == (storage_class or "STANDARD")


@pytest.mark.parametrize(("more", "refused"), [(0, False), (1, True)])
def test_an_object_over_5_gb_is_refused_before_anything_is_sent(
    s3: S3World, more: int, refused: bool
) -> None:
    s3.put()
    action = Copy(ETAG, state(size=MAX_COPY_BYTES + more))

    if refused:
        with pytest.raises(ReplicationError, match="5368709121 bytes") as caught:
            s3.pair().copy(action)
        assert (caught.value.kind, caught.value.reason) == (Kind.OBJECT, "SrcObjectTooLarge")
    else:
        assert isinstance(s3.pair().copy(action), Copied)

    assert s3.wire.operations == ([] if refused else ["CopyObject"])


# Tags


def test_tags_are_replaced(s3: S3World) -> None:
    s3.hand.put_object(Bucket=DESTINATION_BUCKET, Key="key", Tagging="a=1&b=2")

    assert s3.pair().write_tags(WriteTags((("b", "3 + 4"),))) == Tagged()

    tags = s3.hand.get_object_tagging(Bucket=DESTINATION_BUCKET, Key="key")["TagSet"]
    assert tags == [{"Key": "b", "Value": "3 + 4"}]


def test_a_replica_removed_before_its_tags_are_written_has_changed(s3: S3World) -> None:
    assert s3.pair().write_tags(WriteTags((("t", "1"),))) == Changed()


# The whole way


def test_the_common_case_is_one_copy_and_two_heads(s3: S3World) -> None:
    s3.put()
    pair = s3.pair()

    assert converge(pair, ETAG, Wanted()) == Finish("copied", len(BODY))

    assert s3.wire.operations == ["CopyObject", "HeadObject", "HeadObject"]
    assert s3.wire.requests[0].operation == "CopyObject"
    assert pair.calls == 3


def test_a_duplicate_event_is_two_heads(s3: S3World) -> None:
    s3.put()
    converge(s3.pair(), ETAG, Wanted())
    s3.wire.clear()

    assert converge(s3.pair(), None, Wanted()) == Finish("current", len(BODY))

    assert s3.wire.operations == ["HeadObject", "HeadObject"]


def test_a_late_event_copies_what_is_there_now(s3: S3World) -> None:
    s3.put(body=b"newer")

    assert converge(s3.pair(), ETAG, Wanted()) == Finish("copied", len(b"newer"))

    assert s3.replica() == b"newer"


def test_an_object_overwritten_while_it_is_copied_is_copied_again(s3: S3World) -> None:
    s3.put()
    s3.wire.before("HeadObject", SOURCE_BUCKET, lambda: s3.put(body=b"newer"))

    assert converge(s3.pair(), ETAG, Wanted()) == Finish("copied", len(b"newer"))

    assert s3.replica() == b"newer"


def test_changed_tags_are_written_without_copying_the_object(s3: S3World) -> None:
    s3.put(Tagging="a=1")
    converge(s3.pair(), ETAG, Wanted())
    s3.hand.put_object_tagging(
        Bucket=SOURCE_BUCKET, Key="key", Tagging={"TagSet": [{"Key": "a", "Value": "2"}]}
    )
    s3.wire.clear()

    assert converge(s3.pair(), None, Wanted()) == Finish("tagged", len(BODY))

    tags = s3.hand.get_object_tagging(Bucket=DESTINATION_BUCKET, Key="key")["TagSet"]
    assert tags == [{"Key": "a", "Value": "2"}]
    assert "CopyObject" not in s3.wire.operations


# Refusals


@pytest.mark.parametrize(
    ("operation", "status", "code", "kind", "reason"),
    [
        ("CopyObject", 403, "AccessDenied", Kind.DESTINATION, "DstPutObjectNotPermitted"),
        ("CopyObject", 403, "InvalidObjectState", Kind.OBJECT, "SrcObjectArchived"),
        ("CopyObject", 404, "NoSuchBucket", Kind.DESTINATION, "DstBucketNotFound"),
        ("CopyObject", 400, "KeyTooLongError", Kind.OBJECT, "DstKeyTooLong"),
        ("CopyObject", 400, "KMS.DisabledException", Kind.DESTINATION, "DstKmsKeyInvalidState"),
        ("CopyObject", 400, "SomethingNew", Kind.DESTINATION, "S3RequestRefused"),
        ("CopyObject", 409, "OperationAborted", Kind.TRANSIENT, "S3Unavailable"),
        ("CopyObject", 429, "Other", Kind.TRANSIENT, "S3Unavailable"),
        ("CopyObject", 500, "InternalError", Kind.TRANSIENT, "S3Unavailable"),
        ("CopyObject", 503, "SlowDown", Kind.TRANSIENT, "S3Unavailable"),
        ("PutObjectTagging", 403, "AccessDenied", Kind.DESTINATION, "DstPutTaggingNotPermitted"),
        ("PutObjectTagging", 404, "NoSuchBucket", Kind.DESTINATION, "DstBucketNotFound"),
        ("PutObjectTagging", 503, "SlowDown", Kind.TRANSIENT, "S3Unavailable"),
    ],
)
def test_a_refused_write_is_classified_and_never_sent_again(
    s3: S3World, operation: str, status: int, code: str, kind: Kind, reason: str
) -> None:
    s3.wire.answer(operation, DESTINATION_BUCKET, *[error_answer(status, code)] * 9)

    error = fails(s3.pair(), operation)

    assert (error.kind, error.reason, error.error) == (kind, reason, code)
    assert error.request_id == "REQUEST1"
    assert f"{operation}: {code}: because" in str(error)
    assert s3.wire.operations == [operation]


@pytest.mark.parametrize("side", ["source", "destination"])
@pytest.mark.parametrize(
    ("status", "kind", "reason"),
    [
        (403, Kind.DESTINATION, {"source": "SrcHeadObjectNotPermitted",
                                 "destination": "DstHeadObjectNotPermitted"}),
        (500, Kind.TRANSIENT, {"source": "S3Unavailable", "destination": "S3Unavailable"}),
    ],
)  # fmt: skip
def test_a_refused_head_names_its_side(
    s3: S3World, side: str, status: int, kind: Kind, reason: dict[str, str]
) -> None:
    refuse_at(s3, side, "HeadObject", status)

    error = fails(s3.pair(), "HeadObject")

    assert (error.kind, error.reason) == (kind, reason[side])
    assert f"HeadObject of the {side}" in str(error)


@pytest.mark.parametrize(
    ("side", "reason"),
    [("source", "SrcGetTaggingNotPermitted"), ("destination", "DstGetTaggingNotPermitted")],
)
def test_refused_tags_name_their_side(s3: S3World, side: str, reason: str) -> None:
    s3.put(Tagging="a=1")
    s3.hand.put_object(Bucket=DESTINATION_BUCKET, Key="key", Tagging="a=1")
    refuse_at(s3, side, "GetObjectTagging", 403, "AccessDenied")

    error = fails(s3.pair(), "GetObjectTagging")

    assert (error.kind, error.reason) == (Kind.DESTINATION, reason)


def refuse_at(s3: S3World, side: str, operation: str, status: int, code: str = "") -> None:
    """Let one bucket refuse an operation."""
    bucket = {"source": SOURCE_BUCKET, "destination": DESTINATION_BUCKET}[side]
    s3.wire.answer(operation, bucket, *[error_answer(status, code)] * 9)


def test_a_copy_that_fails_after_its_headers_were_sent_is_a_failure(s3: S3World) -> None:
    body = "<Error><Code>InternalError</Code><Message>late</Message></Error>"
    s3.wire.answer("CopyObject", DESTINATION_BUCKET, *[http_answer(200, {}, body)] * 9)

    assert fails(s3.pair(), "CopyObject").kind is Kind.TRANSIENT

    assert s3.wire.operations == ["CopyObject"]


# Silence

NEVER_SENT: list[Exception] = [
    ConnectTimeoutError(endpoint_url=URL),
    EndpointConnectionError(endpoint_url=URL),
    ProxyConnectionError(proxy_url=URL),
]
PERHAPS_SENT: list[Exception] = [
    ReadTimeoutError(endpoint_url=URL),
    ConnectionClosedError(endpoint_url=URL),
    SSLError(endpoint_url=URL, error=OSError("bad record")),
]


def named(answer: object) -> str:
    """A test id."""
    return type(answer).__name__ if isinstance(answer, Exception) else str(answer)


@pytest.mark.parametrize("operation", WRITES)
@pytest.mark.parametrize("silence", PERHAPS_SENT, ids=named)
def test_the_outcome_of_an_unanswered_write_is_unknown_and_it_is_not_sent_again(
    s3: S3World, operation: str, silence: Answer
) -> None:
    s3.wire.answer(operation, DESTINATION_BUCKET, *[silence] * 9)

    error = fails(s3.pair(), operation)

    assert (error.kind, error.reason) == (Kind.UNKNOWN_OUTCOME, "OutcomeUnknown")
    assert error.error == type(silence).__name__
    assert s3.wire.operations == [operation]


@pytest.mark.parametrize("operation", WRITES)
@pytest.mark.parametrize("silence", NEVER_SENT, ids=named)
def test_a_write_that_was_never_sent_is_tried_again_soon_but_not_by_the_client(
    s3: S3World, operation: str, silence: Answer
) -> None:
    s3.wire.answer(operation, DESTINATION_BUCKET, *[silence] * 9)

    assert fails(s3.pair(), operation).kind is Kind.TRANSIENT

    assert s3.wire.operations == [operation]


@pytest.mark.parametrize("silence", NEVER_SENT + PERHAPS_SENT, ids=named)
def test_an_unanswered_read_is_tried_again_soon(s3: S3World, silence: Answer) -> None:
    s3.wire.answer("HeadObject", DESTINATION_BUCKET, *[silence] * 9)

    assert fails(s3.pair(), "HeadObject").kind is Kind.TRANSIENT


@pytest.mark.parametrize(
    "silence",
    [NoCredentialsError(), CredentialRetrievalError(provider="p", error_msg="m")],
    ids=named,
)
@pytest.mark.parametrize("operation", ["HeadObject", *WRITES])
def test_credentials_that_are_late_say_nothing_about_the_object(
    s3: S3World, silence: Answer, operation: str
) -> None:
    s3.wire.answer(operation, DESTINATION_BUCKET, *[silence] * 9)

    assert fails(s3.pair(), operation).kind is Kind.TRANSIENT


def test_a_request_that_cannot_be_made_is_about_the_object(s3: S3World) -> None:
    error = fails(Pair(s3.buckets, "", "key"), "HeadObject")

    assert (error.kind, error.reason) == (Kind.OBJECT, "RequestInvalid")
    assert s3.wire.operations == ["HeadObject"]  # of the other side


@pytest.mark.parametrize(
    "failed",
    [error_answer(503, "SlowDown"), error_answer(500), ReadTimeoutError(endpoint_url=URL)],
    ids=["503", "500", "silence"],
)
def test_reads_are_retried_twice_by_the_client(s3: S3World, failed: Answer) -> None:
    s3.put()
    s3.wire.answer("HeadObject", SOURCE_BUCKET, *[failed] * 2)
    assert s3.pair().look().source is not None

    s3.wire.answer("HeadObject", SOURCE_BUCKET, *[failed] * 9)
    s3.wire.requests.clear()

    fails(s3.pair(), "HeadObject")

    asked = [request for request in s3.wire.requests if request.bucket == SOURCE_BUCKET]
    assert len(asked) == 3


def test_a_copy_is_waited_for_longer_than_the_slowest_one_takes(s3: S3World) -> None:
    slowest = MAX_COPY_BYTES / 7_000_000

    writes, *reads = (
        cast(Any, client.meta.config)
        for client in (s3.buckets.writes, s3.buckets.source_reads, s3.buckets.destination_reads)
    )

    assert writes.read_timeout > slowest
    assert [client.read_timeout for client in reads] == [READ_TIMEOUT_SECONDS] * 2
    assert {client.connect_timeout for client in (writes, *reads)} == {CONNECT_TIMEOUT_SECONDS}


@pytest.mark.parametrize("cut", [False, True], ids=["whole", "cut"])
def test_an_answer_cut_off_in_the_middle_leaves_the_outcome_unknown(
    monkeypatch: pytest.MonkeyPatch, cut: bool
) -> None:
    with SocketS3().serving() as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", server.url)
        server.cut = cut
        pair = Pair(Buckets(source(), destination(), concurrency=1), "a key", "a key")

        if cut:
            assert fails(pair, "CopyObject").kind is Kind.UNKNOWN_OUTCOME
        else:
            assert pair.copy(Copy(ETAG)) == Copied(etag=f'"{ETAG}"')

    assert server.requests == [("PUT", f"/{DESTINATION_BUCKET}/a key")]
