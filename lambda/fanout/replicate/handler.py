"""The entry point. Importing it reads the configuration and makes the clients, once per process."""

from __future__ import annotations

import gc

# What is made from here on stays. To search it for garbage takes a seventh of a cold start.
gc.disable()

import os
import time
from typing import Any, Protocol, cast

from ..common import config as configuration
from ..common.aws import CONCURRENCY, LazyClient, dynamodb_client, sqs_client
from .batch import BatchProcessor
from .buckets import Buckets, streams_for
from .report import Report
from .work_queue import WorkQueue


def _report(config: configuration.Config) -> Report:
    has_log, region = config.replication_log is not None, config.source.region
    return Report(config, LazyClient(lambda: dynamodb_client(region)) if has_log else None)


def _processor(config: configuration.Config, report: Report) -> BatchProcessor:
    sqs = LazyClient(lambda: sqs_client(config.source.region))
    return BatchProcessor(
        config,
        Buckets(config.source, config.destination, CONCURRENCY, streams_for(config.memory_mb)),
        WorkQueue(config, cast(Any, sqs), report),
        report,
    )


_CONFIG = configuration.load(os.environ)
_REPORT = _report(_CONFIG)
_PROCESSOR = _processor(_CONFIG, _REPORT)

gc.freeze()
gc.enable()


class ReplicateContext(Protocol):
    """What is used of Lambda's context object."""

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until the function is killed."""
        ...


def handle(event: dict[str, Any], context: ReplicateContext) -> object:
    """Replicate what an event names.

    Args:
        event: a batch from the work queue, an event delivered by SNS, or tasks of S3 Batch
            Operations.

    Returns:
        For a batch, the messages that failed (``batchItemFailures``); for tasks, their results.

    Raises:
        DirectDeliveryError: see ``BatchProcessor.handle_sns``.
    """
    deadline = time.monotonic() + context.get_remaining_time_in_millis() / 1000
    try:
        if "tasks" in event:
            return _PROCESSOR.handle_batch_operations(event, deadline)
        records = event.get("Records") or [{}]
        if records[0].get("eventSource") == "aws:sqs":
            return _PROCESSOR.handle_queue(records, deadline)
        _PROCESSOR.handle_sns(event, deadline)
        return None
    finally:
        _REPORT.end()
