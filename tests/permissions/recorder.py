"""Clients of the functions that write down the calls they make, and send none.

A hook does (botocore, "Extending botocore": the event provide-client-params).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from fanout.common.aws import listing_client, sqs_client
from fanout.common.errors import Operation, Side
from fanout.common.s3_client import Policy, S3Client

from permissions.calls import Call
from permissions.configurations import REGION
from support.aws.http import Response
from support.aws.sqs import SQS
from support.fake_s3 import FakeS3
from support.wire import Wire, aws_response

RECORDED: list[Call] = []
"""The calls so far."""

QUEUES: list[SQS] = [SQS()]
"""The queues behind the recorded client for queues: the last of these."""


def record(client: Any) -> None:
    """Write down the calls of one of botocore's clients."""

    def write_down(params: dict[str, Any], event_name: str, **_: object) -> None:
        service, operation = event_name.split(".")[1:]
        RECORDED.append(Call(f"{service}.{operation}", dict(params)))

    client.meta.events.register("provide-client-params", write_down, "permissions")


def record_s3(client: S3Client) -> None:
    """Write down the calls of a client for S3 of the function's own."""
    call = client.call

    def write_down(
        operation: Operation, side: Side, policy: Policy, parameters: Mapping[str, Any]
    ) -> dict[str, Any]:
        RECORDED.append(Call(f"s3.{operation}", dict(parameters)))
        return call(operation, side, policy, parameters)

    client.call = write_down  # type: ignore[method-assign]


def answered(
    make: Callable[[str], Any], answer: Callable[[str, dict[str, Any]], dict[str, Any]]
) -> Any:
    """A recorded client whose calls are answered without being sent.

    Args:
        make: one of ``fanout.common.aws``.
        answer: what AWS answers to an operation and the parts of its request.
    """
    client = make(REGION)
    record(client)

    def respond(model: Any, params: dict[str, Any], **_: object) -> tuple[Any, dict[str, Any]]:
        return aws_response(Response(200)), answer(model.name, params)

    client.meta.events.register("before-call", respond)
    return client


@cache
def recorded_sqs() -> Any:
    """The client for the functions' queues."""
    return answered(
        sqs_client,
        lambda operation, request: QUEUES[-1].call(operation, **json.loads(request["body"])),
    )


@cache
def recorded_listing(region: str, wire: Wire) -> Any:
    """The client that reconcile lists buckets of a region with."""
    client = listing_client(region)
    record(client)
    wire.attach(client)
    return client


def anybodys(s3: FakeS3) -> FakeS3:
    """With buckets of no certain owner and region: each configuration has its own."""
    for bucket in s3.store.buckets.values():
        bucket.owner = bucket.region = None
    return s3
