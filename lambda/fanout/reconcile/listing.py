"""The S3 calls of reconcile: pages of objects, one page ahead, and open multipart uploads."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_plus

from ..common.errors import call_errors_of
from .compare import ListedObject, ListedPrefix

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

LENGTH_TO_THE_SECOND = len("2026-01-02T03:04:05")


@dataclass(frozen=True, slots=True)
class OpenUploads:
    """Multipart uploads that were begun and neither completed nor aborted. Their parts cost storage.

    Attributes:
        oldest_key: the key of the oldest one, or None when there is none.
        oldest_initiated: when that was begun, in ISO 8601.
        error: why they are not known, or None.
    """

    count: int = 0
    oldest_key: str | None = None
    oldest_initiated: str | None = None
    error: str | None = None


class BucketListing:
    """One side of the comparison."""

    def __init__(self, client: S3Client, name: str, account_id: str) -> None:
        """Take a bucket.

        Args:
            client: one that gives times as they are written, see ``aws.listing_client``.
            account_id: the account that must own it.
        """
        self._client = client
        self._name = name
        self._where = {"Bucket": name, "ExpectedBucketOwner": account_id}
        self._ahead = ThreadPoolExecutor(1, thread_name_prefix=f"list-{name}")

    def objects(self, prefix: str, after: str) -> Iterator[ListedObject]:
        """List the objects under a prefix.

        While one page is worked on the next is fetched, and no more than that.

        Args:
            after: the key to begin behind, or "".

        Raises:
            CallError: S3 refused, or did not answer.
        """
        first: dict[str, Any] = {"Prefix": prefix} | ({"StartAfter": after} if after else {})
        coming: Future[Any] | None = self._ahead.submit(self._page, first)
        while coming is not None:
            page = coming.result()
            token = page.get("NextContinuationToken")
            following = {"Prefix": prefix, "ContinuationToken": token}
            coming = self._ahead.submit(self._page, following) if token else None
            for item in page.get("Contents", ()):
                yield ListedObject(
                    item["Key"], item["Size"], item["LastModified"][:LENGTH_TO_THE_SECOND]
                )

    def _page(self, request: dict[str, Any]) -> Any:
        with call_errors_of(f"ListObjectsV2 of {self._name}"):
            return self._client.list_objects_v2(**self._where, **request)  # type: ignore[arg-type]

    def open_uploads(self, segments: list[ListedPrefix]) -> OpenUploads:
        """Count the open multipart uploads under the prefixes of a destination.

        Raises:
            CallError: as ``objects``.
        """
        count = 0
        oldest: tuple[str, str] | None = None
        for segment in segments:
            for upload in self._uploads(segment.destination):
                count += 1
                begun = (upload["Initiated"], unquote_plus(upload["Key"]))
                oldest = begun if oldest is None else min(oldest, begun)
        return OpenUploads() if oldest is None else OpenUploads(count, oldest[1], oldest[0])

    def _uploads(self, prefix: str) -> Iterator[Any]:
        markers: dict[str, str] = {}
        while True:
            with call_errors_of(f"ListMultipartUploads of {self._name}"):
                # XML cannot hold every character of a key.
                page: Any = self._client.list_multipart_uploads(
                    **self._where,  # type: ignore[arg-type]
                    Prefix=prefix,
                    EncodingType="url",
                    **markers,  # type: ignore[arg-type]
                )
            yield from page.get("Uploads", ())
            if not page.get("IsTruncated"):
                return
            markers = {
                "KeyMarker": unquote_plus(page["NextKeyMarker"]),
                "UploadIdMarker": page["NextUploadIdMarker"],
            }
