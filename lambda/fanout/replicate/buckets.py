"""The S3 clients of one replication, and its threads."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import Any

from ..common.aws import READ_TIMEOUT_SECONDS
from ..common.config import Destination, Source
from ..common.connections import Connections
from ..common.credentials import credentials_source
from ..common.errors import Operation, Side
from ..common.s3_client import Policy, S3Client

COPY_TIMEOUT_SECONDS = 60
"""So long an answer to a write is waited for: three times as long as the slowest copy takes, and half of
an invocation by default. What was given up may land until ``Config.longest_write_seconds``. While S3
completes an upload, it sends on, for minutes if need be (API reference, CompleteMultipartUpload)."""

PART_TIMEOUT_SECONDS = 600
"""A part that we give up on does no harm. The largest, 5 GiB, take 71 s at 72 MiB/s, and 390 s where S3
gives all of an object's streams 7 GB/s together."""

READ_POLICY = Policy(READ_TIMEOUT_SECONDS, attempts=3)
WRITE_POLICY = Policy(COPY_TIMEOUT_SECONDS, attempts=3, is_repeatable=False)
"""Of a write that is sent twice, the first can land last."""
PART_POLICY = Policy(PART_TIMEOUT_SECONDS, attempts=5)
"""A part is as good the second time."""

MAX_STREAMS = 512
"""Parts copied at the same time. Each has a thread and a connection; an execution environment has
1,024 of either (Lambda Developer Guide, "Lambda quotas")."""
MIN_STREAMS = 32
STREAMS_PER_MB = 2
BASE_MEMORY_MB = 128


class Buckets:
    """Both buckets of one replication, and the clients for them.

    Attributes:
        initiator: who S3 says began the uploads of this function; None as long as none was listed.
    """

    def __init__(
        self,
        source: Source,
        destination: Destination,
        concurrency: int,
        streams: int,
        connections: Connections | None = None,
    ) -> None:
        """Make the clients.

        Args:
            concurrency: how many keys are processed at the same time.
            streams: how many parts of large objects are copied at the same time.
            connections: those of the process.
        """
        self.source = source
        self.destination = destination
        self.replica_settings = destination.replica_settings
        self.initiator: str | None = None
        self.parallel_calls = ThreadPoolExecutor(concurrency, thread_name_prefix="parallel-call")
        self.connections = connections or Connections(os.environ.get("AWS_CA_BUNDLE") or None)
        credentials = credentials_source()
        self.clients = {
            side: S3Client(region, self.connections, credentials)
            for side, region in (
                (Side.SOURCE, source.region),
                (Side.DESTINATION, destination.region),
            )
        }
        self._streams = streams
        self._part_workers: PartWorkers | None = None
        self._lock = Lock()

    @property
    def parts(self) -> PartWorkers:
        """For the parts of large objects. Made when first asked for: most invocations have none."""
        with self._lock:
            if self._part_workers is None:
                self._part_workers = PartWorkers(self._streams)
            return self._part_workers


class S3Calls:
    """Makes the S3 requests of one key, and counts them.

    Each names the account it expects to own the bucket. A bucket that was deleted and taken over by
    somebody else is refused instead of read or written (User Guide, "Verifying bucket ownership").
    """

    def __init__(self, buckets: Buckets) -> None:
        self.count = 0
        self._lock = Lock()
        self._buckets = buckets

    def retried(self, side: Side, operation: Operation, **arguments: Any) -> Any:
        """Call an operation that is as good twice, again if it fails. Raises as ``S3Client.call``."""
        return self._call(operation, side, READ_POLICY, arguments)

    def sent_once(self, operation: Operation, **arguments: Any) -> Any:
        """Call a write at the destination, of which the first could land last if it was retried.

        What was certainly not sent is retried.
        """
        return self._call(operation, Side.DESTINATION, WRITE_POLICY, arguments)

    def copy_part(self, **arguments: Any) -> Any:
        """UploadPartCopy."""
        return self._call("UploadPartCopy", Side.DESTINATION, PART_POLICY, arguments)

    def _call(
        self, operation: Operation, side: Side, policy: Policy, arguments: dict[str, Any]
    ) -> Any:
        with self._lock:
            self.count += 1
        buckets = self._buckets
        bucket = buckets.source if side is Side.SOURCE else buckets.destination
        owned = {"Bucket": bucket.bucket, "ExpectedBucketOwner": bucket.account_id}
        return buckets.clients[side].call(operation, side, policy, owned | arguments)


class PartWorkers:
    """Threads that copy parts."""

    def __init__(self, streams: int) -> None:
        self.streams = streams
        self.pool = ThreadPoolExecutor(streams, thread_name_prefix="part")


def streams_for(memory_mb: int) -> int:
    """How many parts a function of this size copies at once."""
    return max(MIN_STREAMS, min(MAX_STREAMS, (memory_mb - BASE_MEMORY_MB) * STREAMS_PER_MB))
