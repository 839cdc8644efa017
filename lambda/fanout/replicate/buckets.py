"""The S3 clients of one replication: reads at both sides, writes, parts."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import TYPE_CHECKING, Any

from ..common.aws import call, client_config, s3_client
from ..common.config import Destination, Source
from ..common.errors import NotSentError, Operation, Side, UnsendableError
from .parameters import send_expires_as_it_is

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

COPY_TIMEOUT_SECONDS = 60
"""So long an answer to a write is waited for: three times as long as the slowest copy takes, and half of
an invocation by default. What was given up may land until ``Config.longest_write_seconds``. While S3
completes an upload, it sends on, for minutes if need be (API reference, CompleteMultipartUpload)."""

IDLE_SECONDS = 10
"""For so long at most a connection may have been idle over which a write is sent. Between invocations
Lambda freezes the function, and a connection that ends meanwhile is found out by the next request."""

WRITE_ATTEMPTS = 3
FIRST_PAUSE_SECONDS = 0.1
"""Of writes that were not sent; the pause doubles. Reads are retried as often, by their client."""

PART_TIMEOUT_SECONDS = 600
"""A part that we give up on does no harm. The largest, 5 GiB, take 71 s at 72 MiB/s, and 390 s where S3
gives all of an object's streams 7 GB/s together."""

MAX_STREAMS = 512
"""Parts copied at the same time. Each has a thread and a connection; an execution environment has
1,024 of either (Lambda Developer Guide, "Lambda quotas")."""
MIN_STREAMS = 32
STREAMS_PER_MB = 2
BASE_MEMORY_MB = 128


class Buckets:
    """Both buckets of one replication, and the clients for them.

    The clients of reads retry. They also begin and abort uploads, which is as good twice. The client of
    writes does not retry: of a write that is sent twice, the first can land last.

    Attributes:
        initiator: who S3 says began the uploads of this function; None as long as none was listed.
    """

    def __init__(
        self, source: Source, destination: Destination, concurrency: int, streams: int
    ) -> None:
        """Make the clients.

        Args:
            concurrency: how many keys are processed at the same time.
            streams: how many parts of large objects are copied at the same time.
        """
        self.source = source
        self.destination = destination
        self.replica_settings = destination.replica_settings
        self.initiator: str | None = None
        self.parallel_calls = ThreadPoolExecutor(concurrency, thread_name_prefix="parallel-call")
        reads = client_config(max_pool_connections=2 * concurrency)
        writes = client_config(
            COPY_TIMEOUT_SECONDS, attempts=1, max_pool_connections=concurrency, tcp_keepalive=True
        )
        self.source_reads = s3_client(source.region, reads)
        self.destination_reads = (
            self.source_reads
            if destination.region == source.region
            else s3_client(destination.region, reads)
        )
        send_expires_as_it_is(self.destination_reads)
        self.writes = s3_client(destination.region, writes)
        self._streams = streams
        self._last_write_at = time.time()
        self._part_workers: PartWorkers | None = None
        self._lock = Lock()

    def connect_for_write(self) -> S3Client:
        """The client for writes, whose idle connections are closed if they may be broken."""
        now = time.time()
        if now - self._last_write_at > IDLE_SECONDS:
            self.writes.close()
        self._last_write_at = now
        return self.writes

    @property
    def parts(self) -> PartWorkers:
        """For the parts of large objects. Made when first asked for: most invocations have none."""
        with self._lock:
            if self._part_workers is None:
                self._part_workers = PartWorkers(self.destination.region, self._streams)
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
        """Call an operation that is as good twice: its client retries. Raises as ``aws.call``."""
        buckets = self._buckets
        client = buckets.source_reads if side is Side.SOURCE else buckets.destination_reads
        return self._call(client, operation, side, arguments)

    def sent_once(self, operation: Operation, **arguments: Any) -> Any:
        """Call a write at the destination, of which the first could land last if it was retried.

        What was certainly not sent is retried.
        """
        for attempt in range(1, WRITE_ATTEMPTS):
            try:
                return self._send(operation, arguments)
            except UnsendableError:
                raise
            except NotSentError:
                time.sleep(FIRST_PAUSE_SECONDS * 2 ** (attempt - 1))
        return self._send(operation, arguments)

    def copy_part(self, **arguments: Any) -> Any:
        """UploadPartCopy."""
        client = self._buckets.parts.client
        return self._call(client, "UploadPartCopy", Side.DESTINATION, arguments)

    def _send(self, operation: Operation, arguments: dict[str, Any]) -> Any:
        client = self._buckets.connect_for_write()
        return self._call(client, operation, Side.DESTINATION, arguments)

    def _call(
        self, client: S3Client, operation: Operation, side: Side, arguments: dict[str, Any]
    ) -> Any:
        with self._lock:
            self.count += 1
        is_source = side is Side.SOURCE
        bucket = self._buckets.source if is_source else self._buckets.destination
        owned = {"Bucket": bucket.bucket, "ExpectedBucketOwner": bucket.account_id}
        return call(client, operation, side, **owned | arguments)


class PartWorkers:
    """Threads that copy parts, and their client, which retries: a part is as good the second time."""

    def __init__(self, region: str, streams: int) -> None:
        config = client_config(
            PART_TIMEOUT_SECONDS, attempts=5, max_pool_connections=streams, tcp_keepalive=True
        )
        self.client = s3_client(region, config)
        self.streams = streams
        self.pool = ThreadPoolExecutor(streams, thread_name_prefix="part")


def streams_for(memory_mb: int) -> int:
    """How many parts a function of this size copies at once."""
    return max(MIN_STREAMS, min(MAX_STREAMS, (memory_mb - BASE_MEMORY_MB) * STREAMS_PER_MB))
