"""Listings over S3's protocol: awkward keys, pages, errors, and who must own the bucket."""

from __future__ import annotations

import pytest
from fanout.common.aws import listing_client
from fanout.common.errors import AwsError
from fanout.reconcile.listing import BucketListing, ListedObject, ListedPrefix, OpenUploads

from support.fake_s3 import FakeS3
from support.objects import AWKWARD_KEYS
from support.settings import DESTINATION_ACCOUNT, DESTINATION_BUCKET, DESTINATION_REGION
from support.wire import error_answer


@pytest.fixture
def s3() -> FakeS3:
    """Buckets that are listed three entries at a time."""
    return FakeS3.fresh(page=3)


@pytest.fixture
def bucket() -> BucketListing:
    client = listing_client(DESTINATION_REGION)
    return BucketListing(client, DESTINATION_BUCKET, DESTINATION_ACCOUNT)


def test_every_key_is_listed_as_it_is_whatever_its_page_and_behind_any_other(
    s3: FakeS3, bucket: BucketListing
) -> None:
    keys = sorted(AWKWARD_KEYS.values(), key=str.encode)
    for key in keys:
        s3.put_replica(key)

    assert [item.key for item in bucket.objects("", "")] == keys
    assert len(s3.wire.requests) == -(-len(keys) // 3)
    for number, after in enumerate(keys, start=1):
        assert [item.key for item in bucket.objects("", after)] == keys[number:]


def test_an_object_is_listed_with_its_size_and_the_second_it_was_written(
    s3: FakeS3, bucket: BucketListing
) -> None:
    s3.put_replica("key", b"12345")

    assert list(bucket.objects("k", "")) == [ListedObject("key", 5, "2026-01-02T03:04:06")]
    assert list(bucket.objects("l", "")) == []


def test_a_listing_that_is_refused_says_of_which_bucket(s3: FakeS3, bucket: BucketListing) -> None:
    refusal = error_answer(403, "AccessDenied")
    s3.wire.answer("ListObjectsV2", DESTINATION_BUCKET, refusal)
    s3.wire.answer("ListMultipartUploads", DESTINATION_BUCKET, refusal)

    with pytest.raises(AwsError, match="ListObjectsV2 of destination-bucket: AccessDenied"):
        list(bucket.objects("", ""))
    with pytest.raises(AwsError, match="ListMultipartUploads of destination-bucket: Acc"):
        bucket.open_uploads([ListedPrefix("", "")])


def test_open_uploads_are_counted_over_all_pages_and_prefixes(
    s3: FakeS3, bucket: BucketListing
) -> None:
    for key in ("a\x01 b", "aa", "ab", "ac", "b/c", "b+d", "elsewhere"):
        s3.store.create_upload(DESTINATION_BUCKET, key, (), (), None)
    oldest = next(iter(s3.store.uploads.values()))
    oldest.initiated_at = 1767323045

    prefixes = [ListedPrefix("x/", "a"), ListedPrefix("y/", "b")]
    assert bucket.open_uploads(prefixes) == OpenUploads(6, "a\x01 b", "2026-01-02T03:04:05.000Z")
    assert s3.wire.operations == ["ListMultipartUploads"] * 3


def test_without_open_uploads_there_is_no_oldest(s3: FakeS3, bucket: BucketListing) -> None:
    assert bucket.open_uploads([ListedPrefix("", "")]) == OpenUploads(0, None, None)
    assert s3.wire.operations == ["ListMultipartUploads"]
