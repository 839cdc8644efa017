"""The AWS clients of one execution environment, made once when it starts."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, cast

import botocore.session
from botocore.config import Config as ClientConfig

from .config import Destination, Source

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client
    from mypy_boto3_sqs.client import SQSClient

COPY_TIMEOUT_SECONDS = 850
"""A copy is waited for longer than S3 takes for it, because one that we give up on can still land,
after a newer one: 5 GiB at 7 MB/s, a slow cross-Region copy, take 770 s."""

CONNECT_TIMEOUT_SECONDS = 3
READ_TIMEOUT_SECONDS = 10


class Buckets:
    """Both sides of one replication.

    Reads are retried by their clients. Writes are not: of a write that is sent twice, the first can
    land last.
    """

    def __init__(self, source: Source, destination: Destination, concurrency: int) -> None:
        """Make the clients.

        Args:
            concurrency: how many keys are worked on at the same time.
        """
        self.source = source
        self.destination = destination
        self.wanted = destination.wanted
        session = botocore.session.Session()
        # boto3 before 1.35 takes an Expires that is no date for an error. No time is used parsed.
        session.get_component("response_parser_factory").set_parser_defaults(timestamp_parser=str)
        reads = ClientConfig(
            connect_timeout=CONNECT_TIMEOUT_SECONDS,
            read_timeout=READ_TIMEOUT_SECONDS,
            retries={"mode": "standard", "total_max_attempts": 3},
            max_pool_connections=2 * concurrency,
        )
        writes = ClientConfig(
            connect_timeout=CONNECT_TIMEOUT_SECONDS,
            read_timeout=COPY_TIMEOUT_SECONDS,
            retries={"mode": "standard", "total_max_attempts": 1},
            max_pool_connections=concurrency,
            tcp_keepalive=True,
        )

        def client(region: str, config: ClientConfig) -> S3Client:
            return cast("S3Client", session.create_client("s3", region_name=region, config=config))

        self.source_reads = client(source.region, reads)
        self.destination_reads = (
            self.source_reads
            if destination.region == source.region
            else client(destination.region, reads)
        )
        self.writes = client(destination.region, writes)
        self.side_calls = ThreadPoolExecutor(concurrency, thread_name_prefix="source-head")


def sqs_client(region: str) -> SQSClient:
    """The client for the function's queues."""
    config = ClientConfig(
        connect_timeout=CONNECT_TIMEOUT_SECONDS,
        read_timeout=READ_TIMEOUT_SECONDS,
        retries={"mode": "standard", "total_max_attempts": 3},
    )
    session = botocore.session.Session()
    return cast("SQSClient", session.create_client("sqs", region_name=region, config=config))
