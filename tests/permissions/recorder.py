"""Clients that write down the calls they make.

A hook does (botocore, "Extending botocore": the event provide-client-params).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

from fanout.common.aws import sqs_client

from permissions.calls import Call
from permissions.configurations import REGION
from unit.builders import http_answer

if TYPE_CHECKING:
    from mypy_boto3_sqs.client import SQSClient

RECORDED: list[Call] = []
"""The calls so far."""


def record(client: Any) -> None:
    """Write down the calls of a client."""

    def write_down(params: dict[str, Any], event_name: str, **_: object) -> None:
        service, operation = event_name.split(".")[1:]
        RECORDED.append(Call(f"{service}.{operation}", dict(params)))

    client.meta.events.register("provide-client-params", write_down, "permissions")


@cache
def recorded(make: Callable[[str], Any], region: str = REGION) -> Any:
    """A client of the functions'; ``make`` is one of ``fanout.clients``."""
    client = make(region)
    record(client)
    return client


def answered(make: Callable[[str], Any], answer: Callable[[str], dict[str, Any]]) -> Any:
    """Such a client whose calls succeed without being sent.

    Args:
        answer: what AWS answers to a call of a path.
    """
    client = make(REGION)
    record(client)

    def respond(params: dict[str, Any], **_: object) -> tuple[Any, dict[str, Any]]:
        return http_answer(200), answer(params["url_path"])

    client.meta.events.register("before-call", respond)
    return client


@cache
def sqs_by_hand() -> SQSClient:
    """The test's own."""
    return sqs_client(REGION)
