"""For every kind of destination, a role may do what its function does, and nothing else."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from permissions import minimal
from permissions.calls import ROWS, Need
from permissions.configurations import ACCOUNT, CONFIGURATIONS, Configuration
from permissions.evaluate import Request, is_denied
from permissions.planned import Function, Planned
from permissions.recording import FEATURES, WORK

SHARPENED = [c for c in CONFIGURATIONS if c.name in ("plain", "everything")]
"""By these it is shown that nothing escapes the comparison of what is granted and what is needed."""

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


@pytest.mark.parametrize("configuration", SHARPENED, ids=lambda c: c.name)
def test_one_action_less_and_one_action_more_are_found(
    function: Function, needed: list[Need]
) -> None:
    for what, policy in minimal.without_one_action(function.role):
        found = minimal.problems(policy, needed, CONTEXT)
        assert any(problem.startswith("missing") for problem in found), what
    for what, policy in minimal.with_one_more_action(function.role):
        assert minimal.problems(policy, needed, CONTEXT), what


def test_a_wider_resource_is_found(
    configuration: Configuration, function: Function, needed: list[Need]
) -> None:
    strangers = list(minimal.strangers(configuration, needed, CONTEXT))
    for what, statement in minimal.with_a_wider_resource(function.role):
        assert minimal.reached([statement], strangers), what


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
    # To compare listings takes no right to an object, and so none to its key.
    others = {need for other in WORK if other != name for need in needed_by(other)}
    foreign = others - set(needed_by(name))
    assert foreign
    requests = [Request(need.action, need.resource, CONTEXT) for need in foreign]
    assert minimal.reached(function.role, requests) == []


def test_every_row_names_its_source() -> None:
    assert all(row.page.startswith("https://docs.aws.amazon.com/") for row in ROWS)
    assert FEATURES
