"""What reconcile lists of a bucket: objects, one page ahead, and open multipart uploads."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_plus

from ..common.aws import call
from ..common.config import ARCHIVES, Destination

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

LENGTH_TO_THE_SECOND = len("2026-01-02T03:04:05")


@dataclass(frozen=True, slots=True)
class ListedObject:
    """An object as a listing shows it.

    Attributes:
        size: in bytes.
        modified: when it was written, as ISO 8601 to the second, which is the grain of a listing.
        is_archived: whether it has to be restored before it can be copied.
    """

    key: str
    size: int
    modified: str
    is_archived: bool = False


@dataclass(frozen=True, slots=True)
class ListedPrefix:
    """A prefix of the source, and what it becomes at the destination."""

    source: str
    destination: str


@dataclass(frozen=True, slots=True)
class OpenUploads:
    """Multipart uploads that were neither completed nor aborted. Their parts cost storage."""

    count: int = 0
    oldest_key: str | None = None
    oldest_initiated: str | None = None
    """When the oldest was begun, in ISO 8601."""
    error: str | None = None
    """Why they are not known."""


def listed_prefixes(destination: Destination, within: str = "") -> list[ListedPrefix]:
    """What has to be listed to find every key of a destination.

    Args:
        within: only keys that start with this.

    Returns:
        Prefixes that do not overlap, in the order of their keys. There are none when nothing that
        starts with ``within`` is replicated.
    """
    asked = {
        prefix if prefix.startswith(within) else within
        for prefix in destination.prefixes or ("",)
        if prefix.startswith(within) or within.startswith(prefix)
    }
    found: list[ListedPrefix] = []
    for prefix in sorted(asked):
        # A prefix sorts directly before the longer ones that it contains.
        if not found or not prefix.startswith(found[-1].source):
            found.append(ListedPrefix(prefix, rewritten_key(destination, prefix)))
    return found


def remaining_prefixes(
    prefixes: Iterable[ListedPrefix], after: str
) -> Iterator[tuple[ListedPrefix, str]]:
    """The prefixes that are left when everything up to and including a source key is done.

    Yields:
        Each prefix with the source key to continue behind, "" for its beginning.
    """
    for prefix in prefixes:
        if after.startswith(prefix.source):
            yield prefix, after
        elif prefix.source > after:
            yield prefix, ""


def rewritten_key(destination: Destination, source_key: str) -> str:
    """The key, or prefix, at the destination, whether or not it is replicated."""
    return destination.key_prefix + source_key.removeprefix(destination.strip_prefix)


def original_key(destination: Destination, key: str) -> str:
    """The source key whose replica a key of the destination would be."""
    return destination.strip_prefix + key.removeprefix(destination.key_prefix)


class BucketListing:
    """Lists one of the two buckets."""

    def __init__(self, client: S3Client, name: str, account_id: str) -> None:
        """Take a bucket.

        Args:
            client: one that gives times as they are written, see ``aws.listing_client``.
            account_id: the account that must own it.
        """
        self._client = client
        self._name = name
        self._where = {"Bucket": name, "ExpectedBucketOwner": account_id}
        self._next_page = ThreadPoolExecutor(1, thread_name_prefix=f"list-{name}")

    def objects(self, prefix: str, after: str) -> Iterator[ListedObject]:
        """List the objects under a prefix.

        While one page is processed the next is fetched, and no more than that.

        Args:
            after: the key to begin behind, or "".

        Raises:
            AwsError: S3 refused, or did not answer.
        """
        first: dict[str, Any] = {"Prefix": prefix} | ({"StartAfter": after} if after else {})
        coming: Future[Any] | None = self._next_page.submit(self._page, first)
        while coming is not None:
            page = coming.result()
            token = page.get("NextContinuationToken")
            following = {"Prefix": prefix, "ContinuationToken": token}
            coming = self._next_page.submit(self._page, following) if token else None
            for item in page.get("Contents", ()):
                yield ListedObject(
                    item["Key"],
                    item["Size"],
                    item["LastModified"][:LENGTH_TO_THE_SECOND],
                    item.get("StorageClass") in ARCHIVES,
                )

    def _page(self, request: dict[str, Any]) -> Any:
        return call(self._client, "ListObjectsV2", self._name, **self._where, **request)

    def open_uploads(self, prefixes: list[ListedPrefix]) -> OpenUploads:
        """Count the open multipart uploads under the prefixes of a destination.

        Raises:
            AwsError: as ``objects``.
        """
        count = 0
        oldest: tuple[str, str] | None = None
        for prefix in prefixes:
            for upload in self._uploads(prefix.destination):
                count += 1
                begun = (upload["Initiated"], unquote_plus(upload["Key"]))
                oldest = begun if oldest is None else min(oldest, begun)
        return OpenUploads() if oldest is None else OpenUploads(count, oldest[1], oldest[0])

    def _uploads(self, prefix: str) -> Iterator[Any]:
        # XML cannot hold every character of a key.
        request = self._where | {"Prefix": prefix, "EncodingType": "url"}
        is_last = False
        while not is_last:
            page = call(self._client, "ListMultipartUploads", self._name, **request)
            yield from page.get("Uploads", ())
            is_last = not page.get("IsTruncated")
            if not is_last:
                request["KeyMarker"] = unquote_plus(page["NextKeyMarker"])
                request["UploadIdMarker"] = page["NextUploadIdMarker"]
