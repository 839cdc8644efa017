"""Listings over S3's protocol: awkward keys, pages, errors, and who must own the bucket."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

import pytest
from fanout.common.aws import listing_client
from fanout.common.errors import AwsError
from fanout.reconcile.listing import BucketListing, ListedObject, ListedPrefix, OpenUploads

from .builders import (
    AWKWARD_KEYS,
    DESTINATION_ACCOUNT,
    DESTINATION_BUCKET,
    DESTINATION_REGION,
    S3World,
    Wire,
    error_answer,
    http_answer,
)


@pytest.fixture
def wire(s3: S3World) -> Iterator[Wire]:
    """What is under the client that lists."""
    assert s3
    made = Wire()
    client = listing_client(DESTINATION_REGION)
    made.attach(client)
    yield made
    cast(Any, client.meta.events).unregister("before-send.s3", made._send)
    listing_client.cache_clear()


@pytest.fixture
def bucket(wire: Wire) -> BucketListing:
    assert wire
    return BucketListing(
        listing_client(DESTINATION_REGION), DESTINATION_BUCKET, DESTINATION_ACCOUNT
    )


def listed(bucket: BucketListing, prefix: str = "", after: str = "") -> list[str]:
    return [item.key for item in bucket.objects(prefix, after)]


def test_every_key_is_listed_as_it_is_whatever_its_page(
    s3: S3World, bucket: BucketListing, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MOTO_S3_DEFAULT_MAX_KEYS", "3")
    for key in AWKWARD_KEYS.values():
        s3.hand.put_object(Bucket=DESTINATION_BUCKET, Key=key, Body=key.encode())
    assert sorted(listed(bucket)) == sorted(AWKWARD_KEYS.values())
    assert len(wire.requests) == -(-len(AWKWARD_KEYS) // 3)
    owners = {request.headers["x-amz-expected-bucket-owner"] for request in wire.requests}
    assert owners == {DESTINATION_ACCOUNT}


def test_a_listing_begins_behind_any_key(s3: S3World, bucket: BucketListing) -> None:
    keys = sorted(AWKWARD_KEYS.values(), key=str.encode)
    for key in keys:
        s3.hand.put_object(Bucket=DESTINATION_BUCKET, Key=key)
    for key in keys:
        assert sorted(listed(bucket, after=key)) == sorted(k for k in keys if k > key)


def test_an_object_is_listed_with_its_size_and_the_second_it_was_written(
    s3: S3World, bucket: BucketListing
) -> None:
    s3.hand.put_object(Bucket=DESTINATION_BUCKET, Key="key", Body=b"12345")
    at = s3.hand.head_object(Bucket=DESTINATION_BUCKET, Key="key")["LastModified"]
    assert list(bucket.objects("k", "")) == [ListedObject("key", 5, f"{at:%Y-%m-%dT%H:%M:%S}")]


def test_a_listing_that_is_refused_says_of_which_bucket(bucket: BucketListing, wire: Wire) -> None:
    wire.answer("ListObjectsV2", DESTINATION_BUCKET, error_answer(403, "AccessDenied"))
    with pytest.raises(AwsError, match="ListObjectsV2 of destination-bucket: AccessDenied"):
        listed(bucket)
    wire.answer("ListMultipartUploads", DESTINATION_BUCKET, error_answer(403, "AccessDenied"))
    with pytest.raises(AwsError, match="ListMultipartUploads of destination-bucket: Acc"):
        bucket.open_uploads([ListedPrefix("", "")])


def uploads_page(*keys: str, more: bool) -> str:
    """An answer of ListMultipartUploads; the first key is the oldest."""
    uploads = "".join(
        f"<Upload><Key>{key}</Key><UploadId>{key}</UploadId>"
        f"<Initiated>2026-01-02T03:04:0{n}.000Z</Initiated></Upload>"
        for n, key in enumerate(keys)
    )
    marker = f"<NextKeyMarker>{keys[-1]}</NextKeyMarker><NextUploadIdMarker>u</NextUploadIdMarker>"
    return (
        '<ListMultipartUploadsResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
        f"<EncodingType>url</EncodingType><IsTruncated>{str(more).lower()}</IsTruncated>"
        f"{marker}{uploads}</ListMultipartUploadsResult>"
    )


def test_open_uploads_are_counted_over_all_pages_and_prefixes(
    bucket: BucketListing, wire: Wire
) -> None:
    wire.answer(
        "ListMultipartUploads",
        DESTINATION_BUCKET,
        http_answer(200, {}, uploads_page("a%01+b", "c", more=True)),
        http_answer(200, {}, uploads_page("d%2Fe", more=False)),
        http_answer(200, {}, uploads_page("f", more=False)),
    )
    assert bucket.open_uploads([ListedPrefix("x/", "a"), ListedPrefix("y/", "b")]) == OpenUploads(
        4, "a\x01 b", "2026-01-02T03:04:00.000Z"
    )
    first, second, third = (request.query for request in wire.requests)
    assert "prefix=a" in first
    assert "key-marker=c" in second
    assert "upload-id-marker=u" in second
    assert "prefix=b" in third
    assert "marker" not in third


def test_without_open_uploads_there_is_no_oldest(bucket: BucketListing) -> None:
    assert bucket.open_uploads([ListedPrefix("", "")]) == OpenUploads(0, None, None)
