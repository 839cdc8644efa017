"""Our function on the model: its environment, and the event source mapping that feeds it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from support.aws.server import Model
from support.aws.store import NULL, Object
from support.events import s3_event
from support.settings import DESTINATION_BUCKET, SOURCE_REGION, environment

from .environment import Handler
from .from_start import Invoked, Process

VISIBILITY_MARGIN_SECONDS = 120
"""For how long the module's queue hides a message beyond the function's timeout."""


def function(model: Model) -> Handler:
    """The module's function, with both buckets in its region."""
    environ = {**model.environ, **environment(region=SOURCE_REGION)}
    return Handler("fanout.replicate.handler", "handle", environ)


def blog(model: Model) -> Handler:
    """The handler of AWS's blog."""
    return Handler("benchmarks.blog_handler", "handler", model.environ, name=DESTINATION_BUCKET)


def managed_copy(model: Model) -> Handler:
    """boto3's managed copy."""
    return Handler("benchmarks.boto3_copy", "handler", model.environ)


def event_of(key: str, made: Object) -> dict[str, Any]:
    """What S3 publishes when an object was put."""
    is_multipart = "-" in made.etag
    return s3_event(
        key,
        event="ObjectCreated:" + ("CompleteMultipartUpload" if is_multipart else "Put"),
        time=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        size=made.size,
        eTag=made.etag,
        versionId=None if made.version_id == NULL else made.version_id,
    )


def drive(model: Model, process: Process, timeout: float) -> Iterator[Invoked]:
    """Invoke the function with one message at a time until the queue has none that is visible.

    Args:
        timeout: of an invocation, in seconds.
    """
    finished = []
    while records := model.receive(1, timeout + VISIBILITY_MARGIN_SECONDS):
        invoked = process.invoke({"Records": records}, timeout)
        yield invoked
        finished.append((records, invoked.answer))
    # Later, since SQS's pollers receive the next message without waiting for that.
    for records, answer in finished:
        settle(model, records, answer)


def settle(model: Model, records: list[dict[str, Any]], answer: dict[str, Any]) -> None:
    """Delete what did not fail."""
    failed = {failure["itemIdentifier"] for failure in answer["batchItemFailures"]}
    receipts = [record["receiptHandle"] for record in records if record["messageId"] not in failed]
    model.sqs.delete(model.queue, receipts)
