"""The S3 calls, one method per action of the protocol.

What to do, and what an error means, is decided elsewhere.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from ..common.errors import AwsError, NoAnswerError, Side
from .actions import Copy, WriteTags
from .answers import Changed, Copied, Deleted, Observed, Proof, Survivor, Tagged
from .buckets import Buckets, S3Calls
from .failures import is_changed, is_proof_of_absence, is_unreadable
from .multipart import S3UploadOperations
from .object_state import ObjectState, has_delete_marker
from .parameters import copy_parameters

_Where = dict[str, str]
"""Key and version of an object."""


@dataclass(frozen=True, slots=True)
class HeadAnswer:
    """A HEAD answer. It says how many tags there are, not which."""

    state: ObjectState | None
    has_tags: bool = False
    has_delete_marker: bool = False


class S3KeyOperations:
    """One key at both sides. Its methods raise ``AwsError``. Not for use by several threads.

    Attributes:
        observed_at: when the last observation began, or the first request before there was any; seconds
            since the epoch.
        observed_source: the source object as it was observed then, or None.
        uploads: the uploads of the key.
    """

    def __init__(
        self, buckets: Buckets, source_key: str, destination_key: str, deadline: float
    ) -> None:
        """Take the key.

        Args:
            deadline: when the invocation ends, by the monotonic clock, in seconds.
        """
        self.source_key = source_key
        self.destination_key = destination_key
        self.observed_at = time.time()
        self.observed_source: ObjectState | None = None
        self._buckets = buckets
        self._calls = S3Calls(buckets)
        self.uploads = S3UploadOperations(
            buckets, source_key, destination_key, self._calls, deadline
        )

    @property
    def calls(self) -> int:
        """How many S3 requests were made."""
        return self._calls.count

    def observe(self) -> Observed | Changed:
        """HEAD both sides at once, and read tags where there are any."""
        self.observed_at, self.observed_source = time.time(), None
        at_source, at_destination = {"Key": self.source_key}, {"Key": self.destination_key}
        coming = self._buckets.parallel_calls.submit(self._head, Side.SOURCE, at_source)
        replica_head = self._head(Side.DESTINATION, at_destination)
        source_head = coming.result()
        source = self._with_tags(source_head, Side.SOURCE, at_source)
        if isinstance(source, Changed):
            return source
        self.observed_source = source
        replica = self._with_tags(replica_head, Side.DESTINATION, at_destination)
        if isinstance(replica, Changed):
            return replica
        return Observed(source, replica, source_head.has_delete_marker)

    def copy(self, action: Copy) -> Copied | Changed:
        """Copy the object by one CopyObject."""
        source, destination = self._buckets.source, self._buckets.destination
        request = copy_parameters(
            action, source, self.source_key, destination, self.destination_key
        )
        try:
            answer = self._calls.sent_once("CopyObject", **request)
        except AwsError as error:
            if is_changed(error, was_observed=action.source is not None):
                return Changed()
            raise
        etag = answer.get("CopyObjectResult", {}).get("ETag")
        if etag is None:
            raise NoAnswerError("CopyObject", Side.DESTINATION, "NoAnswer", "it has no result")
        return Copied(etag, answer.get("VersionId"), answer.get("CopySourceVersionId"))

    def write_tags(self, action: WriteTags) -> Tagged | Changed:
        """Replace the replica's tags."""
        tags = {"TagSet": [{"Key": key, "Value": value} for key, value in action.tags]}
        try:
            self._calls.sent_once("PutObjectTagging", Key=self.destination_key, Tagging=tags)
        except AwsError as error:
            if is_changed(error):
                return Changed()
            raise
        return Tagged()

    def prove_absence(self) -> Proof:
        """Ask by GET, whose answer tells a missing object from a missing bucket."""
        try:
            self._get_first_byte(Side.SOURCE, {"Key": self.source_key})
        except AwsError as error:
            if is_unreadable(error, self.source_key):
                # If the bucket is there, it is the key that is not.
                self._calls.retried(Side.SOURCE, "HeadBucket")
                return Proof(is_absent=True)
            is_absent = is_proof_of_absence(error)
            if is_absent is None:
                raise
            return Proof(is_absent)
        return Proof(is_absent=False)

    def delete(self) -> Deleted:
        """Delete the replica."""
        self._calls.sent_once("DeleteObject", Key=self.destination_key)
        return Deleted()

    def find_survivor(self) -> Survivor | Changed:
        """List the versions of the source object and observe the newest."""
        version = self._newest_version()
        if version is None:
            return Survivor(None)
        where = {"Key": self.source_key, "VersionId": version}
        source = self._with_tags(self._head(Side.SOURCE, where), Side.SOURCE, where)
        return Survivor(source, version) if isinstance(source, ObjectState) else Changed()

    def _newest_version(self) -> str | None:
        # Keys come in order, and this one is the first with itself as prefix. Its versions come newest
        # first.
        for page in self._version_pages():
            versions = page.get("Versions", ())
            ours = [v["VersionId"] for v in versions if v["Key"] == self.source_key]
            if ours:
                return str(ours[0])
            listed = (*versions, *page.get("DeleteMarkers", ()))
            if any(v["Key"] != self.source_key for v in listed):
                break
        return None

    def _version_pages(self) -> Iterator[Any]:
        request = {"Prefix": self.source_key}
        is_last = False
        while not is_last:
            page = self._calls.retried(Side.SOURCE, "ListObjectVersions", **request)
            yield page
            is_last = not page.get("IsTruncated")
            if not is_last:
                request["KeyMarker"] = page["NextKeyMarker"]
                request["VersionIdMarker"] = page["NextVersionIdMarker"]

    def _head(self, side: Side, where: _Where) -> HeadAnswer:
        try:
            answer = self._calls.retried(side, "HeadObject", **where, ChecksumMode="ENABLED")
        except AwsError as error:
            if error.status == 404:
                return HeadAnswer(None, has_delete_marker=has_delete_marker(error.headers))
            if error.status == 400:
                # An answer to HEAD has no body. GET says whether it is SSE-C or an old token.
                self._get_first_byte(side, where)
            raise
        headers = answer["ResponseMetadata"]["HTTPHeaders"]
        has_tags = int(headers.get("x-amz-tagging-count", "0")) > 0
        return HeadAnswer(ObjectState.from_headers(headers), has_tags)

    def _get_first_byte(self, side: Side, where: _Where) -> None:
        self._calls.retried(side, "GetObject", **where, Range="bytes=0-0")

    def _with_tags(
        self, head: HeadAnswer, side: Side, where: _Where
    ) -> ObjectState | Changed | None:
        replicates_tags = self._buckets.replica_settings.replicate_tags
        if head.state is None or not head.has_tags or not replicates_tags:
            return head.state
        try:
            tags = self._calls.retried(side, "GetObjectTagging", **where)["TagSet"]
        except AwsError as error:
            if is_changed(error):
                return Changed()
            raise
        return replace(head.state, tags=tuple(sorted((tag["Key"], tag["Value"]) for tag in tags)))
