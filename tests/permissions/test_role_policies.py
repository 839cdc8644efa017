"""For every kind of destination, a role may do what its function does, and nothing else."""

from __future__ import annotations

from collections.abc import Callable

from permissions import minimal
from permissions.calls import ROWS, Need
from permissions.configurations import ACCOUNT, Configuration
from permissions.evaluate import Request, is_denied
from permissions.planned import Function, Planned
from permissions.recording import FEATURES, WORK

CONTEXT = {"aws:SecureTransport": "true", "aws:PrincipalAccount": ACCOUNT}


def test_what_is_needed_is_granted_and_what_is_granted_is_needed(
    function: Function, needed: list[Need]
) -> None:
    assert minimal.problems(function.role, needed, CONTEXT) == []


def test_nothing_that_differs_in_one_character_is_within_reach(
    configuration: Configuration, function: Function, needed: list[Need]
) -> None:
    strangers = list(minimal.strangers(configuration, needed, CONTEXT))
    assert len(strangers) > 100
    assert minimal.reached(function.role, strangers) == []


def test_the_queues_deny_nothing_that_is_needed_but_in_plain_text(
    planned: Planned, needed: list[Need]
) -> None:
    in_plain_text = CONTEXT | {"aws:SecureTransport": "false"}
    for need in needed:
        if need.action.startswith("sqs:"):
            assert not is_denied(planned.queues, Request(need.action, need.resource, CONTEXT))
            assert is_denied(planned.queues, Request(need.action, need.resource, in_plain_text))


def test_neither_function_may_do_what_only_the_other_does(
    function: Function, name: str, needed_by: Callable[[str], list[Need]]
) -> None:
    # To compare listings takes no permission for an object, and so none to its key.
    others = {need for other in WORK if other != name for need in needed_by(other)}
    foreign = others - set(needed_by(name))
    assert foreign
    requests = [Request(need.action, need.resource, CONTEXT) for need in foreign]
    assert minimal.reached(function.role, requests) == []


def test_a_function_calls_no_service_that_the_input_vpc_does_not_name(needed: list[Need]) -> None:
    # Lambda itself writes logs, and S3 and SQS use keys: neither passes through the VPC.
    called = {need.action.split(":")[0] for need in needed} - {"logs", "kms"}
    assert called <= {"s3", "sqs", "lambda", "dynamodb"}


def test_every_row_names_its_source() -> None:
    assert all(row.page.startswith("https://docs.aws.amazon.com/") for row in ROWS)
    assert FEATURES
