"""The S3 calls, seen from the wire: what is asked for, what is sent, what an answer means."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast
from urllib.parse import unquote

import botocore.handlers
import pytest
from botocore.endpoint_provider import RuleSet
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
from botocore.session import Session
from fanout.common.aws import (
    CONNECT_TIMEOUT_SECONDS,
    READ_TIMEOUT_SECONDS,
    ignore_keys_in_endpoints,
)
from fanout.common.errors import AwsError
from fanout.replicate.buckets import Buckets
from fanout.replicate.failures import FailureKind, ReplicationError, failure_of
from fanout.replicate.protocol import (
    Changed,
    Copied,
    Copy,
    Deleted,
    Ending,
    Finish,
    Observed,
    Proof,
    Survivor,
    Tagged,
    WriteTags,
)
from fanout.replicate.replicator import converge
from fanout.replicate.s3 import S3KeyOperations
from fanout.replicate.upload_plan import SINGLE_COPY_BYTES

from .builders import (
    AWKWARD_KEYS,
    BODY,
    COPY_ANSWER,
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
    new_pair,
    source,
    state,
    unreadable_answer,
    versions_answer,
)

URL = "https://s3"
WANTED = destination().replica_settings
DELETES = destination(replicate_deletes=True).replica_settings
SIGNED = {"x-amz-date", "x-amz-content-sha256", "x-amz-security-token"}
WRITES = ["CopyObject", "PutObjectTagging", "DeleteObject"]
READS = ["HeadObject", "GetObject", "ListObjectVersions"]
KEY_ARN = "arn:aws:kms:us-west-2:222222222222:key/k"


def call(pair: S3KeyOperations, operation: str) -> object:
    """Make one call."""
    match operation:
        case "CopyObject":
            return pair.copy(Copy(ETAG))
        case "PutObjectTagging":
            return pair.write_tags(WriteTags((("t", "1"),)))
        case "DeleteObject":
            return pair.delete()
        case "GetObject":
            return pair.prove_absence()
        case "ListObjectVersions":
            return pair.find_survivor()
    return pair.observe()


def look(pair: S3KeyOperations) -> Observed:
    """Look when nobody interferes."""
    seen = pair.observe()
    assert isinstance(seen, Observed)
    return seen


def fails(pair: S3KeyOperations, operation: str) -> ReplicationError:
    """Make one call that fails."""
    return failure(lambda: call(pair, operation))


def failure(do: Callable[[], object]) -> ReplicationError:
    """What it means that something fails."""
    with pytest.raises(AwsError) as caught:
        do()
    return failure_of(caught.value)


# Looking


def test_a_look_shows_both_sides(s3: S3World) -> None:
    s3.put(
        Tagging="b=2&a=1",
        Metadata={"x": "y"},
        ContentType="text/x",
        CacheControl="no-cache",
        ChecksumAlgorithm="SHA256",
    )
    s3.hand.put_object(Bucket=DESTINATION_BUCKET, Key="to/key", Body=b"older")

    seen = look(s3.pair("key", key_prefix="to/"))

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
    assert seen.replica.size == len(b"older")
    assert seen.replica.tags == ()


def test_where_there_is_no_object_a_look_shows_none(s3: S3World) -> None:
    assert look(s3.pair()) == Observed(None, None)


def test_a_deleted_version_is_no_object(s3: S3World) -> None:
    s3.version(SOURCE_BUCKET)
    s3.put()
    s3.hand.delete_object(Bucket=SOURCE_BUCKET, Key="key")

    assert look(s3.pair()) == Observed(None, None, has_delete_marker=True)


@pytest.mark.parametrize(
    ("headers", "has_delete_marker"),
    [
        ({"x-amz-delete-marker": "true", "x-amz-version-id": "V1"}, True),
        ({"x-amz-delete-marker": "true", "x-amz-version-id": "null"}, False),
        ({"x-amz-delete-marker": "false", "x-amz-version-id": "V1"}, False),
        ({}, False),
    ],
    ids=["a marker", "a marker that replaced the newest object", "no marker", "nothing"],
)
def test_what_a_delete_marker_hides_survives_unless_the_marker_replaced_it(
    s3: S3World, headers: dict[str, str], has_delete_marker: bool
) -> None:
    s3.wire.answer("HeadObject", SOURCE_BUCKET, http_answer(404, headers))

    assert look(s3.pair()) == Observed(None, None, has_delete_marker)


def test_a_look_at_untagged_objects_is_two_heads(s3: S3World) -> None:
    s3.put()
    pair = s3.pair()

    pair.observe()

    assert s3.wire.operations == ["HeadObject", "HeadObject"]
    assert pair.calls == 2


def test_tags_are_read_only_where_there_are_any(s3: S3World) -> None:
    s3.put(Tagging="a=1")
    pair = s3.pair()

    pair.observe()

    assert s3.wire.operations == ["GetObjectTagging", "HeadObject", "HeadObject"]
    assert pair.calls == 3


def test_every_call_goes_to_the_region_of_its_bucket(s3: S3World) -> None:
    s3.version(SOURCE_BUCKET)
    s3.put(Tagging="a=1")
    s3.hand.put_object(Bucket=DESTINATION_BUCKET, Key="key", Tagging="a=1")

    for operation in (*READS, *WRITES):
        call(s3.pair(), operation)

    at_source = f"{SOURCE_BUCKET}.s3.{SOURCE_REGION}.amazonaws.com"
    at_destination = f"{DESTINATION_BUCKET}.s3.{DESTINATION_REGION}.amazonaws.com"
    assert sorted((request.operation, request.host) for request in s3.wire.requests) == [
        ("CopyObject", at_destination),
        ("DeleteObject", at_destination),
        ("GetObject", at_source),
        ("GetObjectTagging", at_destination),
        ("GetObjectTagging", at_source),  # of the look
        ("GetObjectTagging", at_source),  # of the version
        ("HeadObject", at_destination),
        ("HeadObject", at_source),
        ("HeadObject", at_source),
        ("ListObjectVersions", at_source),
        ("PutObjectTagging", at_destination),
    ]


def test_where_a_bucket_is_is_worked_out_once_and_not_for_every_key(
    s3: S3World, monkeypatch: pytest.MonkeyPatch
) -> None:
    worked_out: list[dict[str, Any]] = []
    evaluate = RuleSet.evaluate

    def counted(rules: RuleSet, given: dict[str, Any]) -> object:
        worked_out.append(given)
        return evaluate(rules, given)

    monkeypatch.setattr(RuleSet, "evaluate", counted)
    for key in ("a", "b", "c"):
        s3.put(key)
        worked_out.clear()
        pair = s3.pair(key)
        pair.copy(Copy(ETAG))
        pair.observe()
        assert key == "a" or worked_out == []


def test_rules_for_endpoints_that_use_a_key_are_left_alone() -> None:
    session = Session()
    ignore_keys_in_endpoints(session)
    rules = session.get_component("data_loader").load_service_model(
        "s3", "endpoint-rule-set-1", api_version=None
    )
    assert not {"Key", "Prefix", "CopySource"} & rules["parameters"].keys()
    rules["parameters"] |= {"Key": {}, "Prefix": {}}
    rules["rules"].append({"conditions": [{"argv": [{"ref": "Key"}]}], "url": "{Prefix#x}"})
    ignore_keys_in_endpoints(session)
    assert {"Key", "Prefix"} <= rules["parameters"].keys()


def test_every_call_says_in_logs_who_makes_it(s3: S3World) -> None:
    s3.version(SOURCE_BUCKET)
    s3.put(Tagging="a=1")
    s3.hand.put_object(Bucket=DESTINATION_BUCKET, Key="key", Tagging="a=1")

    for operation in (*READS, *WRITES):
        call(s3.pair(), operation)

    agents = [request.headers["user-agent"] for request in s3.wire.requests]
    assert all(agent.split()[0] == "s3-fanout" for agent in agents)


def test_both_sides_of_one_region_share_their_connections() -> None:
    buckets = Buckets(source(), destination(region=SOURCE_REGION), concurrency=1, streams=1)

    assert buckets.source_reads is buckets.destination_reads


def test_a_look_asks_for_checksums(s3: S3World) -> None:
    s3.pair().observe()

    assert [r.headers["x-amz-checksum-mode"] for r in s3.wire.requests] == ["ENABLED"] * 2


def test_an_expires_header_that_is_no_date_is_read_as_it_stands(s3: S3World) -> None:
    s3.wire.answer("HeadObject", SOURCE_BUCKET, head_answer(expires="whenever"))

    source_seen = look(s3.pair()).source

    assert source_seen is not None
    assert dict(source_seen.headers).get("expires") == "whenever"


@pytest.mark.parametrize("bucket", [SOURCE_BUCKET, DESTINATION_BUCKET])
@pytest.mark.parametrize("status", [404, 405], ids=["gone", "a delete marker"])
def test_an_object_removed_between_its_head_and_its_tags_has_changed(
    s3: S3World, bucket: str, status: int
) -> None:
    s3.hand.put_object(Bucket=bucket, Key="key", Tagging="a=1")
    s3.wire.answer("GetObjectTagging", bucket, error_answer(status, "Code"))

    assert s3.pair().observe() == Changed()


def test_tags_are_not_read_where_they_are_not_replicated(s3: S3World) -> None:
    s3.put(Tagging="a=1")
    s3.hand.put_object(Bucket=DESTINATION_BUCKET, Key="key", Tagging="a=1")

    seen = look(s3.pair(replicate_tags=False))

    assert s3.wire.operations == ["HeadObject", "HeadObject"]
    assert seen.source is not None
    assert seen.source.tags == ()


# Owners


def test_every_call_names_the_account_it_expects(s3: S3World) -> None:
    s3.version(SOURCE_BUCKET)
    s3.put(Tagging="a=1")
    s3.hand.put_object(Bucket=DESTINATION_BUCKET, Key="key", Tagging="b=1")
    pair = s3.pair()

    for operation in (*READS, *WRITES):
        call(pair, operation)

    assert len(s3.wire.requests) == pair.calls == 11
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

    seen = look(pair)
    assert s3.replica() == BODY
    assert seen.source is not None
    assert seen.replica is not None
    assert seen.source.headers == seen.replica.headers != ()
    assert seen.source.tags == seen.replica.tags != ()


@pytest.mark.parametrize("key", AWKWARD_KEYS.values(), ids=AWKWARD_KEYS)
def test_an_awkward_key_is_copied_to_the_same_key(s3: S3World, key: str) -> None:
    s3.put(key)

    assert converge(s3.pair(key), ETAG, WANTED) == Finish(Ending.COPIED, len(BODY))

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
    seen = look(pair).source
    assert seen is not None
    newer = s3.put(body=b"newer")

    copied = pair.copy(Copy(seen.etag, seen, version_id=seen.version_id))

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


def test_where_tags_are_not_replicated_none_are_written(s3: S3World) -> None:
    s3.put(Tagging="a=1")

    s3.pair(replicate_tags=False).copy(Copy(ETAG))

    headers = s3.wire.only("CopyObject").headers
    assert headers["x-amz-tagging-directive"] == "REPLACE"
    assert headers.get("x-amz-tagging", "") == ""
    assert s3.hand.get_object_tagging(Bucket=DESTINATION_BUCKET, Key="key")["TagSet"] == []


def test_where_tags_are_replicated_it_is_s3_that_copies_them(s3: S3World) -> None:
    s3.put(Tagging="a=1")

    s3.pair().copy(Copy(ETAG))

    assert not any("tagging" in name for name in s3.wire.only("CopyObject").headers)


def test_a_replica_gets_the_acl_and_the_key_asked_for(s3: S3World) -> None:
    s3.put()

    s3.pair(acl="bucket-owner-full-control", kms_key_arn=KEY_ARN).copy(Copy(ETAG))

    headers = s3.wire.only("CopyObject").headers
    assert headers["x-amz-acl"] == "bucket-owner-full-control"
    assert headers["x-amz-server-side-encryption"] == "aws:kms"
    assert headers["x-amz-server-side-encryption-aws-kms-key-id"] == KEY_ARN
    assert headers["x-amz-server-side-encryption-bucket-key-enabled"].lower() == "true"


def test_of_a_plain_copy_nothing_else_is_asked_for(s3: S3World) -> None:
    s3.put()

    s3.pair().copy(Copy(ETAG))

    asked = s3.wire.only("CopyObject").headers
    assert {name for name in asked if name.startswith("x-amz-")} - SIGNED == {
        "x-amz-copy-source",
        "x-amz-copy-source-if-match",
        "x-amz-expected-bucket-owner",
        "x-amz-source-expected-bucket-owner",
    }


# Tags


def test_tags_are_replaced(s3: S3World) -> None:
    s3.hand.put_object(Bucket=DESTINATION_BUCKET, Key="key", Tagging="a=1&b=2")

    assert s3.pair().write_tags(WriteTags((("b", "3 + 4"),))) == Tagged()

    tags = s3.hand.get_object_tagging(Bucket=DESTINATION_BUCKET, Key="key")["TagSet"]
    assert tags == [{"Key": "b", "Value": "3 + 4"}]


def test_a_replica_removed_before_its_tags_are_written_has_changed(s3: S3World) -> None:
    assert s3.pair().write_tags(WriteTags((("t", "1"),))) == Changed()


# Proving absence


def hide_source(s3: S3World, *, times: int = 1) -> None:
    """Let HEAD find no source object."""
    s3.wire.answer("HeadObject", SOURCE_BUCKET, *[error_answer(404)] * times)


@pytest.mark.parametrize("versioned", [False, True], ids=["no object", "a delete marker"])
def test_where_s3_says_there_is_no_such_key_absence_is_proven(s3: S3World, versioned: bool) -> None:
    if versioned:
        s3.version(SOURCE_BUCKET)
        s3.put()
        s3.hand.delete_object(Bucket=SOURCE_BUCKET, Key="key")

    assert s3.pair().prove_absence() == Proof(is_absent=True)


@pytest.mark.parametrize(
    "about",
    [{}, {"Body": b""}, {"StorageClass": "GLACIER"}],
    ids=["an object", "an empty one", "an archived one"],
)
def test_what_is_there_after_all_is_no_proof(s3: S3World, about: dict[str, Any]) -> None:
    s3.hand.put_object(**{"Bucket": SOURCE_BUCKET, "Key": "key", "Body": BODY, **about})

    assert s3.pair().prove_absence() == Proof(is_absent=False)


def test_a_proof_moves_one_byte_at_most(s3: S3World) -> None:
    s3.put()
    pair = s3.pair()

    pair.prove_absence()

    assert s3.wire.only("GetObject").headers["range"] == "bytes=0-0"
    assert pair.calls == 1


def test_where_the_answer_cannot_be_read_the_bucket_has_to_be_there(s3: S3World) -> None:
    s3.wire.answer("GetObject", SOURCE_BUCKET, unreadable_answer(), unreadable_answer())
    s3.wire.answer("HeadBucket", SOURCE_BUCKET, http_answer(200), error_answer(404))
    pair = s3.pair("a\x01b")

    assert pair.prove_absence() == Proof(is_absent=True)
    assert s3.wire.operations == ["GetObject", "HeadBucket"]
    assert "x-amz-expected-bucket-owner" in s3.wire.only("HeadBucket").headers

    with pytest.raises(AwsError):
        pair.prove_absence()


NO_PROOF: list[tuple[Answer, FailureKind, str]] = [
    (error_answer(403, "AccessDenied"), FailureKind.DESTINATION, "SrcGetObjectNotPermitted"),
    (error_answer(404, "NoSuchBucket"), FailureKind.DESTINATION, "SrcBucketNotFound"),
    (error_answer(404), FailureKind.DESTINATION, "S3RequestRefused"),
    (error_answer(301, "PermanentRedirect"), FailureKind.DESTINATION, "SrcBucketInvalidRegion"),
    (error_answer(400, "InvalidRequest"), FailureKind.OBJECT, "SrcEncryptedWithCustomerKey"),
    (error_answer(400, "KMS.DisabledException"), FailureKind.DESTINATION, "SrcKmsKeyInvalidState"),
    (error_answer(503, "SlowDown"), FailureKind.TRANSIENT, "S3Unavailable"),
    (ReadTimeoutError(endpoint_url=URL), FailureKind.TRANSIENT, "S3Unreachable"),
    (NoCredentialsError(), FailureKind.TRANSIENT, "S3Unreachable"),
]


@pytest.mark.parametrize(
    ("answer", "kind", "reason"),
    NO_PROOF,
    ids=[f"{n}-{reason}" for n, (*_, reason) in enumerate(NO_PROOF)],
)
def test_no_other_answer_proves_absence_and_nothing_is_deleted(
    s3: S3World, answer: Answer, kind: FailureKind, reason: str
) -> None:
    s3.hand.put_object(Bucket=DESTINATION_BUCKET, Key="key", Body=BODY)
    hide_source(s3)
    s3.wire.answer("GetObject", SOURCE_BUCKET, *[answer] * 9)

    error = failure(lambda: converge(s3.pair(replicate_deletes=True), None, DELETES))

    assert (error.kind, error.reason) == (kind, reason)
    assert "DeleteObject" not in s3.wire.operations
    assert s3.replica() == BODY


# Deleting


def test_a_replica_is_deleted(s3: S3World) -> None:
    s3.put()
    s3.hand.put_object(Bucket=DESTINATION_BUCKET, Key="to/key")
    pair = s3.pair(key_prefix="to/")

    assert pair.delete() == Deleted()

    assert s3.replica("to/key") is None
    assert s3.hand.get_object(Bucket=SOURCE_BUCKET, Key="key")["Body"].read() == BODY
    assert (s3.wire.operations, pair.calls) == (["DeleteObject"], 1)


def test_a_delete_leaves_the_versions_of_a_versioned_destination(s3: S3World) -> None:
    s3.version(DESTINATION_BUCKET)
    s3.hand.put_object(Bucket=DESTINATION_BUCKET, Key="key", Body=BODY)

    s3.pair().delete()

    assert s3.wire.only("DeleteObject").query == ""
    assert s3.replica() is None
    assert len(s3.hand.list_object_versions(Bucket=DESTINATION_BUCKET)["Versions"]) == 1


# Survivors


def deleted_versions(s3: S3World, *bodies: bytes, key: str = "key", **about: Any) -> list[str]:
    """Put versions into the source and a delete marker on top; returns their ids."""
    s3.version(SOURCE_BUCKET)
    ids = [s3.put(key, body, **about) for body in bodies]
    s3.hand.delete_object(Bucket=SOURCE_BUCKET, Key=key)
    return [version for version in ids if version is not None]


def test_the_newest_version_under_a_delete_marker_survives(s3: S3World) -> None:
    _, newest = deleted_versions(s3, b"older", b"newest!", Tagging="a=1")
    pair = s3.pair()

    found = pair.find_survivor()

    assert isinstance(found, Survivor)
    assert found.version_id == newest
    assert found.source is not None
    assert found.source.version_id == newest
    assert found.source.size == len(b"newest!")
    assert found.source.tags == (("a", "1"),)
    assert s3.wire.operations == ["GetObjectTagging", "HeadObject", "ListObjectVersions"]
    assert pair.calls == 3
    assert f"versionId={newest}" in s3.wire.only("HeadObject").query
    assert f"versionId={newest}" in s3.wire.only("GetObjectTagging").query


def test_the_tags_of_a_survivor_are_not_read_where_they_are_not_replicated(s3: S3World) -> None:
    deleted_versions(s3, BODY, Tagging="a=1")

    s3.pair(replicate_tags=False).find_survivor()

    assert s3.wire.operations == ["HeadObject", "ListObjectVersions"]


def test_a_version_from_before_versioning_survives_as_null(s3: S3World) -> None:
    s3.put()
    deleted_versions(s3)

    found = s3.pair().find_survivor()

    assert isinstance(found, Survivor)
    assert found.version_id == "null"
    assert found.source is not None
    assert found.source.version_id is None
    assert "versionId=null" in s3.wire.only("HeadObject").query


@pytest.mark.parametrize("others", [[], ["key2", "key/a", "key "], ["ke", "a", "KEY"]])
def test_versions_of_other_keys_do_not_survive_for_this_one(s3: S3World, others: list[str]) -> None:
    deleted_versions(s3)
    for other in others:
        s3.put(other)
    pair = s3.pair()

    assert pair.find_survivor() == Survivor(None)

    assert (s3.wire.operations, pair.calls) == (["ListObjectVersions"], 1)


@pytest.mark.parametrize("key", AWKWARD_KEYS.values(), ids=AWKWARD_KEYS)
def test_a_version_of_an_awkward_key_survives(s3: S3World, key: str) -> None:
    (version,) = deleted_versions(s3, BODY, key=key)

    found = s3.pair(key).find_survivor()

    assert isinstance(found, Survivor)
    assert found.version_id == version
    assert unquote(s3.wire.only("HeadObject").path) == f"/{key}"


MARKERS = [("DeleteMarker", "key", f"m{n}") for n in range(3)]
LONGER = ("Version", "key/longer", "L1")


def test_a_survivor_is_looked_for_behind_pages_of_delete_markers(s3: S3World) -> None:
    s3.wire.answer(
        "ListObjectVersions",
        SOURCE_BUCKET,
        versions_answer(*MARKERS[:2], more=True),
        versions_answer(MARKERS[2], more=True),
        versions_answer(("Version", "key", "V1"), ("Version", "key", "V0"), more=True),
    )
    s3.wire.answer("HeadObject", SOURCE_BUCKET, head_answer(x_amz_version_id="V1"))
    pair = s3.pair()

    found = pair.find_survivor()

    assert isinstance(found, Survivor)
    assert found.version_id == "V1"
    assert found.source is not None
    assert s3.wire.operations == ["HeadObject", *["ListObjectVersions"] * 3]
    assert pair.calls == 4
    queries = [request.query for request in s3.wire.requests[:3]]
    assert all("prefix=key" in query for query in queries)
    assert ["version-id-marker=m1" in query for query in queries] == [False, True, False]
    assert ["version-id-marker=m2" in query for query in queries] == [False, False, True]


@pytest.mark.parametrize(
    "page",
    [[LONGER], [*MARKERS, LONGER], [*MARKERS, ("DeleteMarker", "key/longer", "L2")]],
    ids=["a version", "a version behind ours", "a delete marker behind ours"],
)
def test_behind_the_first_other_key_no_survivor_is_looked_for(
    s3: S3World, page: list[tuple[str, str, str]]
) -> None:
    s3.wire.answer("ListObjectVersions", SOURCE_BUCKET, versions_answer(*page, more=True))

    assert s3.pair().find_survivor() == Survivor(None)
    assert s3.wire.operations == ["ListObjectVersions"]


@pytest.mark.parametrize("operation", ["HeadObject", "GetObjectTagging"])
def test_a_survivor_erased_after_it_was_listed_has_changed(s3: S3World, operation: str) -> None:
    (version,) = deleted_versions(s3, BODY, Tagging="a=1")
    s3.wire.before(
        operation,
        SOURCE_BUCKET,
        lambda: s3.hand.delete_object(Bucket=SOURCE_BUCKET, Key="key", VersionId=version),
    )

    assert s3.pair().find_survivor() == Changed()


@pytest.mark.parametrize(
    ("answer", "kind", "reason"),
    [
        (error_answer(403, "AccessDenied"), FailureKind.DESTINATION, "SrcListVersionsNotPermitted"),
        (error_answer(404, "NoSuchBucket"), FailureKind.DESTINATION, "SrcBucketNotFound"),
        (error_answer(503, "SlowDown"), FailureKind.TRANSIENT, "S3Unavailable"),
        (ReadTimeoutError(endpoint_url=URL), FailureKind.TRANSIENT, "S3Unreachable"),
    ],
    ids=["403", "404", "503", "silence"],
)
def test_versions_that_cannot_be_listed_are_a_failure(
    s3: S3World, answer: Answer, kind: FailureKind, reason: str
) -> None:
    s3.wire.answer("ListObjectVersions", SOURCE_BUCKET, *[answer] * 9)

    error = fails(s3.pair(), "ListObjectVersions")

    assert (error.kind, error.reason) == (kind, reason)
    assert "ListObjectVersions of the source" in str(error)


# The whole way


def test_the_common_case_is_one_copy_and_two_heads(s3: S3World) -> None:
    s3.put()
    pair = s3.pair()

    assert converge(pair, ETAG, WANTED) == Finish(Ending.COPIED, len(BODY))

    assert s3.wire.operations == ["CopyObject", "HeadObject", "HeadObject"]
    assert s3.wire.requests[0].operation == "CopyObject"
    assert pair.calls == 3


def test_a_duplicate_event_is_two_heads(s3: S3World) -> None:
    s3.put()
    converge(s3.pair(), ETAG, WANTED)
    s3.wire.clear()

    assert converge(s3.pair(), None, WANTED) == Finish(Ending.CURRENT, len(BODY))

    assert s3.wire.operations == ["HeadObject", "HeadObject"]


def test_a_late_event_copies_what_is_there_now(s3: S3World) -> None:
    s3.put(body=b"newer")

    assert converge(s3.pair(), ETAG, WANTED) == Finish(Ending.COPIED, len(b"newer"))

    assert s3.replica() == b"newer"


def test_an_object_overwritten_while_it_is_copied_is_copied_again(s3: S3World) -> None:
    s3.put()
    s3.wire.before("HeadObject", SOURCE_BUCKET, lambda: s3.put(body=b"newer"))

    assert converge(s3.pair(), ETAG, WANTED) == Finish(Ending.COPIED, len(b"newer"))

    assert s3.replica() == b"newer"


def test_changed_tags_are_written_without_copying_the_object(s3: S3World) -> None:
    s3.put(Tagging="a=1")
    converge(s3.pair(), ETAG, WANTED)
    s3.hand.put_object_tagging(
        Bucket=SOURCE_BUCKET, Key="key", Tagging={"TagSet": [{"Key": "a", "Value": "2"}]}
    )
    s3.wire.clear()

    assert converge(s3.pair(), None, WANTED) == Finish(Ending.TAGGED, len(BODY))

    tags = s3.hand.get_object_tagging(Bucket=DESTINATION_BUCKET, Key="key")["TagSet"]
    assert tags == [{"Key": "a", "Value": "2"}]
    assert "CopyObject" not in s3.wire.operations


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
def test_what_was_written_as_asked_is_current(s3: S3World, wanted: dict[str, Any]) -> None:
    s3.put(Tagging="a=1", StorageClass="STANDARD_IA", ChecksumAlgorithm="SHA256")
    looks = destination(**wanted).replica_settings

    assert converge(s3.pair(**wanted), None, looks) == Finish(Ending.COPIED, len(BODY))
    assert converge(s3.pair(**wanted), None, looks) == Finish(Ending.CURRENT, len(BODY))

    assert s3.wire.operations.count("CopyObject") == 1


def test_a_deleted_object_is_deleted_once(s3: S3World) -> None:
    s3.version(DESTINATION_BUCKET)
    s3.put()
    converge(s3.pair(), ETAG, WANTED)
    s3.hand.delete_object(Bucket=SOURCE_BUCKET, Key="key")

    assert converge(s3.pair(), None, DELETES) == Finish(Ending.DELETED)
    assert converge(s3.pair(), None, DELETES) == Finish(Ending.ABSENT)

    assert s3.wire.operations.count("DeleteObject") == 1
    assert len(s3.hand.list_object_versions(Bucket=DESTINATION_BUCKET)["DeleteMarkers"]) == 1


def test_an_object_recreated_while_its_replica_is_deleted_is_copied(s3: S3World) -> None:
    s3.hand.put_object(Bucket=DESTINATION_BUCKET, Key="key", Body=BODY)
    s3.wire.before("DeleteObject", DESTINATION_BUCKET, lambda: s3.put(body=b"newer"))

    assert converge(s3.pair(), None, DELETES) == Finish(Ending.COPIED, len(b"newer"))

    assert s3.replica() == b"newer"


def test_an_object_recreated_before_its_absence_is_proven_is_copied_and_nothing_deleted(
    s3: S3World,
) -> None:
    s3.hand.put_object(Bucket=DESTINATION_BUCKET, Key="key", Body=BODY)
    s3.wire.before("GetObject", SOURCE_BUCKET, lambda: s3.put(body=b"newer"))

    assert converge(s3.pair(), None, DELETES) == Finish(Ending.COPIED, len(b"newer"))

    assert "DeleteObject" not in s3.wire.operations


@pytest.mark.parametrize("before_versioning", [False, True], ids=["a version", "null"])
def test_an_older_replica_gives_way_to_the_newest_survivor(
    s3: S3World, before_versioning: bool
) -> None:
    if before_versioning:
        s3.put(body=b"newest")
        deleted_versions(s3)
        version = "null"
    else:
        _, version = deleted_versions(s3, b"older", b"newest")
    s3.hand.put_object(Bucket=DESTINATION_BUCKET, Key="key", Body=b"older")

    assert converge(s3.pair(), None, WANTED) == Finish(Ending.COPIED, len(b"newest"))

    assert s3.replica() == b"newest"
    source_header = s3.wire.only("CopyObject").headers["x-amz-copy-source"]
    assert source_header == f"{SOURCE_BUCKET}/key?versionId={version}"
    assert converge(s3.pair(), None, WANTED) == Finish(Ending.CURRENT, len(b"newest"))


# Refusals


@pytest.mark.parametrize(
    ("operation", "status", "code", "kind", "reason"),
    [
        ("CopyObject", 403, "AccessDenied", FailureKind.DESTINATION, "DstPutObjectNotPermitted"),
        ("CopyObject", 403, "InvalidObjectState", FailureKind.OBJECT, "SrcObjectArchived"),
        ("CopyObject", 400, "KeyTooLongError", FailureKind.OBJECT, "DstKeyTooLong"),
        (
            "CopyObject",
            400,
            "KMS.DisabledException",
            FailureKind.DESTINATION,
            "DstKmsKeyInvalidState",
        ),
        ("CopyObject", 400, "SomethingNew", FailureKind.DESTINATION, "S3RequestRefused"),
        ("CopyObject", 409, "OperationAborted", FailureKind.TRANSIENT, "S3Unavailable"),
        ("CopyObject", 403, "RequestTimeTooSkewed", FailureKind.TRANSIENT, "S3Unavailable"),
        ("CopyObject", 429, "Other", FailureKind.TRANSIENT, "S3Unavailable"),
        ("CopyObject", 500, "InternalError", FailureKind.TRANSIENT, "S3Unavailable"),
        ("CopyObject", 503, "SlowDown", FailureKind.TRANSIENT, "S3Unavailable"),
        (
            "PutObjectTagging",
            403,
            "AccessDenied",
            FailureKind.DESTINATION,
            "DstPutTaggingNotPermitted",
        ),
        ("PutObjectTagging", 404, "NoSuchBucket", FailureKind.DESTINATION, "DstBucketNotFound"),
        ("PutObjectTagging", 503, "SlowDown", FailureKind.TRANSIENT, "S3Unavailable"),
        ("CopyObject", 400, "ExpiredToken", FailureKind.TRANSIENT, "CredentialsExpired"),
        ("DeleteObject", 403, "AccessDenied", FailureKind.DESTINATION, "DstDelObjNotPermitted"),
        ("DeleteObject", 404, "NoSuchBucket", FailureKind.DESTINATION, "DstBucketNotFound"),
        ("DeleteObject", 503, "SlowDown", FailureKind.TRANSIENT, "S3Unavailable"),
    ],
)
def test_a_refused_write_is_classified_and_never_sent_again(
    s3: S3World, operation: str, status: int, code: str, kind: FailureKind, reason: str
) -> None:
    s3.wire.answer(operation, DESTINATION_BUCKET, *[error_answer(status, code)] * 9)

    error = fails(s3.pair(), operation)

    assert (error.kind, error.reason, error.error) == (kind, reason, code)
    assert error.request_id == "REQUEST1"
    assert f"{operation} of the destination: {code}: because" in str(error)
    assert s3.wire.operations == [operation]


@pytest.mark.parametrize(
    ("status", "code", "reason"),
    [(404, "NoSuchBucket", "DstBucketNotFound"), (400, "InvalidRequest", "S3RequestRefused")],
)
def test_a_refusal_of_what_nobody_has_seen_is_explained_by_a_look(
    s3: S3World, status: int, code: str, reason: str
) -> None:
    s3.wire.answer("CopyObject", DESTINATION_BUCKET, *[error_answer(status, code)] * 2)

    assert s3.pair().copy(Copy(ETAG)) == Changed()
    error = failure(lambda: s3.pair().copy(Copy(ETAG, state())))

    assert (error.kind, error.reason) == (FailureKind.DESTINATION, reason)
    assert s3.wire.operations == ["CopyObject"] * 2


@pytest.mark.parametrize(("bucket", "side"), [(SOURCE_BUCKET, "Src"), (DESTINATION_BUCKET, "Dst")])
def test_of_two_buckets_the_missing_one_is_named(s3: S3World, bucket: str, side: str) -> None:
    s3.put()
    s3.hand.put_object(Bucket=DESTINATION_BUCKET, Key="key", Body=BODY)
    s3.hand.delete_object(Bucket=bucket, Key="key")
    s3.hand.delete_bucket(Bucket=bucket)

    error = failure(lambda: converge(s3.pair(replicate_deletes=True), ETAG, DELETES))

    assert (error.kind, error.reason) == (
        FailureKind.DESTINATION,
        f"{side}BucketNotFound",
    )


@pytest.mark.parametrize(
    ("side", "answer", "kind", "reason"),
    [
        (
            "source",
            error_answer(400, "InvalidRequest"),
            FailureKind.OBJECT,
            "SrcEncryptedWithCustomerKey",
        ),
        ("source", error_answer(400, "ExpiredToken"), FailureKind.TRANSIENT, "CredentialsExpired"),
        ("source", error_answer(503, "SlowDown"), FailureKind.TRANSIENT, "S3Unavailable"),
        ("source", ReadTimeoutError(endpoint_url=URL), FailureKind.TRANSIENT, "S3Unreachable"),
        ("source", error_answer(400, "Other"), FailureKind.DESTINATION, "S3RequestRefused"),
        ("source", http_answer(206), FailureKind.DESTINATION, "S3RequestRefused"),
        ("destination", error_answer(400, "KeyTooLongError"), FailureKind.OBJECT, "DstKeyTooLong"),
        (
            "destination",
            error_answer(400, "InvalidRequest"),
            FailureKind.OBJECT,
            "DstEncryptedWithCustomerKey",
        ),
        (
            "destination",
            error_answer(400, "ExpiredToken"),
            FailureKind.TRANSIENT,
            "CredentialsExpired",
        ),
    ],
    ids=lambda value: str(value) if isinstance(value, str | FailureKind) else "answer",
)
def test_a_head_refused_without_a_word_is_explained_by_a_get(
    s3: S3World, side: str, answer: Answer, kind: FailureKind, reason: str
) -> None:
    refuse_at(s3, side, "HeadObject", 400)
    bucket = {"source": SOURCE_BUCKET, "destination": DESTINATION_BUCKET}[side]
    s3.wire.answer("GetObject", bucket, *[answer] * 9)

    error = fails(s3.pair(), "HeadObject")

    assert (error.kind, error.reason) == (kind, reason)
    assert f"Object of the {side}: " in str(error)
    asked = [request for request in s3.wire.requests if request.operation == "GetObject"]
    assert {(request.bucket, request.headers["range"]) for request in asked} == {
        (bucket, "bytes=0-0")
    }


def test_an_object_under_a_key_of_its_owners_is_a_letter_even_when_nobody_had_looked(
    s3: S3World,
) -> None:
    s3.put()
    s3.wire.answer("CopyObject", DESTINATION_BUCKET, error_answer(400, "InvalidRequest"))
    refuse_at(s3, "source", "HeadObject", 400)
    refuse_at(s3, "source", "GetObject", 400, "InvalidRequest")

    error = failure(lambda: converge(s3.pair(), ETAG, WANTED))

    assert (error.kind, error.reason) == (FailureKind.OBJECT, "SrcEncryptedWithCustomerKey")
    assert s3.wire.operations.count("CopyObject") == 1


@pytest.mark.parametrize("side", ["source", "destination"])
@pytest.mark.parametrize(
    ("status", "kind", "reason"),
    [
        (403, FailureKind.DESTINATION, {"source": "SrcHeadObjectNotPermitted",
                                 "destination": "DstHeadObjectNotPermitted"}),
        (500, FailureKind.TRANSIENT, {"source": "S3Unavailable", "destination": "S3Unavailable"}),
    ],
)  # fmt: skip
def test_a_refused_head_names_its_side(
    s3: S3World, side: str, status: int, kind: FailureKind, reason: dict[str, str]
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

    assert (error.kind, error.reason) == (FailureKind.DESTINATION, reason)


def refuse_at(s3: S3World, side: str, operation: str, status: int, code: str = "") -> None:
    """Let one bucket refuse an operation."""
    bucket = {"source": SOURCE_BUCKET, "destination": DESTINATION_BUCKET}[side]
    s3.wire.answer(operation, bucket, *[error_answer(status, code)] * 9)


def test_a_copy_that_fails_after_its_headers_were_sent_is_a_failure(s3: S3World) -> None:
    body = "<Error><Code>InternalError</Code><Message>late</Message></Error>"
    s3.wire.answer("CopyObject", DESTINATION_BUCKET, *[http_answer(200, {}, body)] * 9)

    kind = fails(s3.pair(), "CopyObject").kind

    # boto3 before 1.35 does not say what the failure was.
    says_why = hasattr(botocore.handlers, "_handle_200_error")
    assert kind is (FailureKind.TRANSIENT if says_why else FailureKind.UNKNOWN_OUTCOME)
    assert s3.wire.operations == ["CopyObject"]


# Silence

NO_ANSWERS = {
    "nothing": http_answer(200),
    "half an answer": http_answer(200, {}, COPY_ANSWER[:60]),
    "another answer": http_answer(200, {}, "<html></html>"),
    "500 without a word": error_answer(500),
    "502 of a proxy": http_answer(502, {}, "<html>Bad Gateway</html>"),
}


@pytest.mark.parametrize("answer", NO_ANSWERS.values(), ids=NO_ANSWERS)
def test_an_answer_that_is_not_a_whole_one_of_s3_leaves_the_outcome_unknown(
    s3: S3World, answer: Answer
) -> None:
    s3.wire.answer("CopyObject", DESTINATION_BUCKET, answer)

    error = fails(s3.pair(), "CopyObject")

    assert (error.kind, error.reason) == (FailureKind.UNKNOWN_OUTCOME, "OutcomeUnknown")
    assert s3.wire.operations == ["CopyObject"]


@pytest.mark.parametrize("operation", ["PutObjectTagging", "DeleteObject"])
@pytest.mark.parametrize("name", ["500 without a word", "502 of a proxy"])
def test_so_does_that_of_any_other_write(s3: S3World, operation: str, name: str) -> None:
    s3.wire.answer(operation, DESTINATION_BUCKET, NO_ANSWERS[name])

    assert fails(s3.pair(), operation).kind is FailureKind.UNKNOWN_OUTCOME


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

    assert (error.kind, error.reason) == (FailureKind.UNKNOWN_OUTCOME, "OutcomeUnknown")
    assert error.error == type(silence).__name__
    assert s3.wire.operations == [operation]


@pytest.mark.parametrize("operation", WRITES)
@pytest.mark.parametrize("silence", NEVER_SENT, ids=named)
def test_a_write_that_was_never_sent_is_tried_again_soon_but_not_by_the_client(
    s3: S3World, operation: str, silence: Answer
) -> None:
    s3.wire.answer(operation, DESTINATION_BUCKET, *[silence] * 9)

    assert fails(s3.pair(), operation).kind is FailureKind.TRANSIENT

    assert s3.wire.operations == [operation]


@pytest.mark.parametrize("silence", NEVER_SENT + PERHAPS_SENT, ids=named)
def test_an_unanswered_read_is_tried_again_soon(s3: S3World, silence: Answer) -> None:
    s3.wire.answer("HeadObject", DESTINATION_BUCKET, *[silence] * 9)

    assert fails(s3.pair(), "HeadObject").kind is FailureKind.TRANSIENT


@pytest.mark.parametrize(
    "silence",
    [NoCredentialsError(), CredentialRetrievalError(provider="p", error_msg="m")],
    ids=named,
)
@pytest.mark.parametrize("operation", [*READS, *WRITES])
def test_credentials_that_are_late_say_nothing_about_the_object(
    s3: S3World, silence: Answer, operation: str
) -> None:
    for bucket in (SOURCE_BUCKET, DESTINATION_BUCKET):
        s3.wire.answer(operation, bucket, *[silence] * 9)

    assert fails(s3.pair(), operation).kind is FailureKind.TRANSIENT


def test_a_request_that_cannot_be_made_is_about_the_object(s3: S3World) -> None:
    error = fails(new_pair(s3.buckets, "", "key"), "HeadObject")

    assert (error.kind, error.reason) == (FailureKind.OBJECT, "RequestInvalid")
    assert s3.wire.operations == ["HeadObject"]  # of the other side


@pytest.mark.parametrize(
    "failed",
    [error_answer(503, "SlowDown"), error_answer(500), ReadTimeoutError(endpoint_url=URL)],
    ids=["503", "500", "silence"],
)
def test_reads_are_retried_twice_by_the_client(s3: S3World, failed: Answer) -> None:
    s3.put()
    s3.wire.answer("HeadObject", SOURCE_BUCKET, *[failed] * 2)
    assert look(s3.pair()).source is not None

    s3.wire.answer("HeadObject", SOURCE_BUCKET, *[failed] * 9)
    s3.wire.requests.clear()

    fails(s3.pair(), "HeadObject")

    asked = [request for request in s3.wire.requests if request.bucket == SOURCE_BUCKET]
    assert len(asked) == 3


def test_a_copy_is_waited_for_longer_than_the_slowest_one_takes(s3: S3World) -> None:
    slowest = SINGLE_COPY_BYTES / 7_000_000

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
        pair = new_pair(
            Buckets(source(), destination(), concurrency=1, streams=1), "a key", "a key"
        )

        if cut:
            assert fails(pair, "CopyObject").kind is FailureKind.UNKNOWN_OUTCOME
        else:
            assert pair.copy(Copy(ETAG)) == Copied(etag=f'"{ETAG}"')

    assert server.requests == [("PUT", f"/{DESTINATION_BUCKET}/a key")]
