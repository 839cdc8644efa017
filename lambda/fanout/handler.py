"""The entry point. Importing it reads the configuration and makes the clients, once per process."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, cast

import botocore.session
from botocore.config import Config as ClientConfig

from . import config as configuration
from .batch import CONCURRENCY, Replicator
from .queue import WorkQueue
from .report import Log
from .s3 import Buckets

if TYPE_CHECKING:
    from mypy_boto3_sqs.client import SQSClient


def _replicator() -> Replicator:
    config = configuration.load(os.environ)
    sqs = botocore.session.Session().create_client(
        "sqs",
        region_name=config.source.region,
        config=ClientConfig(connect_timeout=3, read_timeout=10, retries={"mode": "standard"}),
    )
    log = Log(config.log_level)
    return Replicator(
        config,
        Buckets(config.source, config.destination, CONCURRENCY),
        WorkQueue(config, cast("SQSClient", sqs), log),
        log,
    )


_REPLICATOR = _replicator()


def handle(event: dict[str, Any], _context: object) -> object:
    """Replicate what an event names.

    Args:
        event: a batch from the work queue, or an event delivered by SNS.

    Returns:
        For a batch, the messages that failed (``batchItemFailures``).

    Raises:
        DirectDeliveryError: see ``Replicator.handle_sns``.
    """
    records = event.get("Records") or [{}]
    if records[0].get("eventSource") == "aws:sqs":
        return _REPLICATOR.handle_queue(records)
    _REPLICATOR.handle_sns(event)
    return None
