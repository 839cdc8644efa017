"""The AWS clients of one execution environment, made once when it starts."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import cache
from threading import Lock
from typing import TYPE_CHECKING, Any, cast

import botocore.session
from botocore.config import Config as ClientConfig

from .config import Destination, Source
from .copying import send_expires_as_it_is
from .endpoints import ignore_keys_in_endpoints

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client
    from mypy_boto3_sqs.client import SQSClient

    from .replication_log import PutsItems

COPY_TIMEOUT_SECONDS = 300
"""A copy is waited for longer than S3 takes for it, because one that we give up on can still land,
after a newer one: 128 MiB at 7 MB/s, a slow cross-Region copy, take 20 s. Completing an upload may
take minutes (API reference, CompleteMultipartUpload)."""

PART_TIMEOUT_SECONDS = 600
"""A part that we give up on does no harm. The largest, 5 GiB, take 71 s at 72 MiB/s, and 390 s where S3
gives all of an object's streams 7 GB/s together."""

MAX_STREAMS = 512
"""Parts copied at the same time. Each has a thread and a connection; an execution environment has
1,024 of either (Lambda Developer Guide, "Lambda quotas")."""
MIN_STREAMS = 32
STREAMS_PER_MB = 2
BASE_MEMORY_MB = 128

USER_AGENT = "s3-fanout"
"""What access logs and CloudTrail show. botocore makes up its own one twice for every request, a fifth
of the processor time that it needs for one."""

CONCURRENCY = 32
"""Keys worked on at once; their threads start when they are needed. A small object takes 60 ms, nearly
all of it waiting, and 4 ms of processor: more at once would wait for that."""

CONNECT_TIMEOUT_SECONDS = 3
READ_TIMEOUT_SECONDS = 10

LOG_TIMEOUT_SECONDS = 2
"""The replication log is worth no more: an object's message is not done before it is written."""


class Buckets:
    """Both sides of one replication.

    Reads are retried by their clients, and so are uploads that begin or are aborted, which is as good
    twice. Writes are not: of a write that is sent twice, the first can land last.
    """

    def __init__(
        self, source: Source, destination: Destination, concurrency: int, streams: int
    ) -> None:
        """Make the clients.

        Args:
            concurrency: how many keys are worked on at the same time.
            streams: how many parts of large objects are copied at the same time.
        """
        self.source = source
        self.destination = destination
        self.wanted = destination.wanted
        reads = _config(max_pool_connections=2 * concurrency)
        writes = _config(
            COPY_TIMEOUT_SECONDS, attempts=1, max_pool_connections=concurrency, tcp_keepalive=True
        )
        parts = _config(
            PART_TIMEOUT_SECONDS, attempts=5, max_pool_connections=streams, tcp_keepalive=True
        )

        def new_part_workers() -> PartWorkers:
            return PartWorkers(_s3_client(destination.region, parts), streams)

        self.source_reads = _s3_client(source.region, reads)
        self.destination_reads = (
            self.source_reads
            if destination.region == source.region
            else _s3_client(destination.region, reads)
        )
        send_expires_as_it_is(self.destination_reads)
        self.writes = _s3_client(destination.region, writes)
        self._part_workers: PartWorkers | None = None
        self._lock = Lock()
        self._new_part_workers = new_part_workers
        self.side_calls = ThreadPoolExecutor(concurrency, thread_name_prefix="side-call")

    @property
    def parts(self) -> PartWorkers:
        """For the parts of large objects. Made when first asked for: most invocations have none."""
        with self._lock:
            if self._part_workers is None:
                self._part_workers = self._new_part_workers()
            return self._part_workers


class PartWorkers:
    """Copies parts.

    Attributes:
        client: repeats what fails: a part is as good the second time.
        pool: its threads start when they are needed.
    """

    def __init__(self, client: S3Client, streams: int) -> None:
        self.client = client
        self.streams = streams
        self.pool = ThreadPoolExecutor(streams, thread_name_prefix="part")


def streams_for(memory_mb: int) -> int:
    """How many parts a function of this size copies at once."""
    return max(MIN_STREAMS, min(MAX_STREAMS, (memory_mb - BASE_MEMORY_MB) * STREAMS_PER_MB))


def queue_url(sqs: SQSClient, account_id: str, name: str) -> str:
    """A queue's URL, by how they are made up (SQS Developer Guide, "Queue and message identifiers")."""
    return f"{sqs.meta.endpoint_url}/{account_id}/{name}"


def sqs_client(region: str) -> SQSClient:
    """The client for the function's queues."""
    return cast("SQSClient", _client("sqs", region, _config()))


@cache
def listing_client(region: str) -> S3Client:
    """The client reconcile lists buckets with. It gives times as S3 writes them.

    To parse two thousand of them for each two pages takes longer than everything else does.
    """
    return _s3_client(region, _config())


def lambda_client(region: str) -> Any:
    """The client with which reconcile reads its destinations' settings and invokes itself."""
    return _client("lambda", region, _config())


def dynamodb_client(region: str) -> PutsItems:
    """The client for the replication log."""
    config = _config(LOG_TIMEOUT_SECONDS, LOG_TIMEOUT_SECONDS, attempts=2)
    return cast("PutsItems", _client("dynamodb", region, config))


def _s3_client(region: str, config: ClientConfig) -> S3Client:
    return cast("S3Client", _client("s3", region, config))


def _client(service: str, region: str, config: ClientConfig) -> Any:
    return session().create_client(service, region_name=region, config=config)


@cache
def session() -> botocore.session.Session:
    """One for all clients: each reads what describes AWS's Regions and services anew."""
    made = botocore.session.Session()
    ignore_keys_in_endpoints(made)
    # boto3 before 1.35 takes an Expires that is no date for an error. No time is used parsed.
    made.get_component("response_parser_factory").set_parser_defaults(timestamp_parser=str)
    return made


def _config(
    read_timeout: float = READ_TIMEOUT_SECONDS,
    connect_timeout: float = CONNECT_TIMEOUT_SECONDS,
    attempts: int = 3,
    max_pool_connections: int = CONCURRENCY,
    **more: Any,
) -> ClientConfig:
    """What the clients have in common; by default, that of reads."""
    return ClientConfig(
        user_agent=USER_AGENT,
        connect_timeout=connect_timeout,
        read_timeout=read_timeout,
        retries={"mode": "standard", "total_max_attempts": attempts},
        max_pool_connections=max_pool_connections,
        **more,
    )
