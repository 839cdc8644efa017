"""Our function on the model: its environment, and the event source mapping that feeds it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from samples import PLAIN_DESTINATION

from .environment import Done, Environment, Handler
from .s3_model.process import REGION, Running

ACCOUNT = "000000000000"
QUEUE = "work"
MEMORY_MB = 512
"""The module's default."""

VISIBILITY_MARGIN_SECONDS = 120
"""For how long the module's queue hides a message beyond the function's timeout."""


SETTINGS = {
    "SOURCE": json.dumps({"bucket": "source", "account_id": ACCOUNT, "region": REGION}),
    "DESTINATION": json.dumps({
        "name": "copy",
        "bucket": "destination",
        "region": REGION,
        "account_id": ACCOUNT,
        **PLAIN_DESTINATION,
    }),
    "QUEUE_NAME": QUEUE,
    "DEAD_LETTER_QUEUE_NAME": "letters",
    "LOG_LEVEL": "INFO",
}  # fmt: skip
"""Of a function with one destination that asks for nothing special."""


def function(model: Running) -> Handler:
    """The module's function."""
    return Handler(
        "fanout.replicate.handler",
        "handle",
        {
            **model.environ,
            **SETTINGS,
            "REPLICATION_LOG": "null",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(MEMORY_MB),
        },
    )


def drive(model: Running, environment: Environment, timeout: float) -> Iterator[Done]:
    """Invoke the function with one message at a time until the queue has none that is visible.

    Args:
        timeout: of an invocation, in seconds.
    """
    finished = []
    while records := model.receive(QUEUE, 1, timeout + VISIBILITY_MARGIN_SECONDS):
        done = environment.invoke([{"Records": records}], timeout=timeout)
        yield done
        finished.append((records, done.answers[0]))
    # Later, since SQS's pollers receive the next message without waiting for that.
    for records, answer in finished:
        settle(model, records, answer)


def settle(model: Running, records: list[dict[str, Any]], answer: dict[str, Any]) -> None:
    """Delete what did not fail."""
    failed = {failure["itemIdentifier"] for failure in answer["batchItemFailures"]}
    receipts = [record["receiptHandle"] for record in records if record["messageId"] not in failed]
    model.delete(QUEUE, receipts)
