"""The S3 calls of reconcile: pages of objects, one page ahead, and open multipart uploads."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_plus

from ..common.aws import call
from .compare import ListedObject, ListedPrefix

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

LENGTH_TO_THE_SECOND = len("2026-01-02T03:04:05")


@dataclass(frozen=True, slots=True)
class OpenUploads:
    """Multipart uploads that were neither completed nor aborted. Their parts cost storage."""

    count: int = 0
    oldest_key: str | None = None
    oldest_initiated: str | None = None
    """When the oldest was begun, in ISO 8601."""
    error: str | None = None
    """Why they are not known."""


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
                    item["Key"], item["Size"], item["LastModified"][:LENGTH_TO_THE_SECOND]
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
