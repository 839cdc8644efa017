"""What the owner of a bucket or key in another account is told to allow: what is needed, no more."""

from __future__ import annotations

import pytest

from permissions import minimal
from permissions.calls import Need
from permissions.configurations import (
    ACCOUNT,
    CONFIGURATIONS,
    DESTINATION,
    DESTINATION_BUCKET,
    DESTINATION_KEY,
    OTHER_ACCOUNT,
    SOURCE_KEYS,
    Configuration,
)
from permissions.evaluate import (
    Policy,
    Request,
    is_allowed,
    is_allowed_across_accounts,
    statements,
)
from permissions.planned import Planned

BUCKET = "destination_bucket_policy_statements"
KEY = "destination_kms_key_policy_statements"
SOURCE_KEY = "kms_key_policy_statements"


def with_input(output: str) -> list[Configuration]:
    """The configurations that an output says something about."""
    return [
        configuration
        for configuration in CONFIGURATIONS
        if {
            BUCKET: "account_id" in configuration.destination,
            KEY: "kms_key_arn" in configuration.destination,
            SOURCE_KEY: "source_kms_key_arns" in configuration.inputs,
        }[output]
    ]


CASES = [
    pytest.param(configuration, output, id=f"{output}-{configuration.name}")
    for output in (BUCKET, KEY, SOURCE_KEY)
    for configuration in with_input(output)
]


def role_arn(planned: Planned, account: str = ACCOUNT) -> str:
    """The function's role."""
    return f"arn:aws:iam::{account}:role/{planned.function_name}"


def told(planned: Planned, output: str) -> Policy:
    """The statements of an output."""
    key = "source_kms_key_arns" if output == SOURCE_KEY else DESTINATION
    return statements(planned.outputs[output][key])


def theirs(needed: list[Need], output: str) -> list[Need]:
    """The needs that somebody else's policy has a say in."""
    starts = {
        BUCKET: (f"arn:aws:s3:::{DESTINATION_BUCKET}/", f"arn:aws:s3:::{DESTINATION_BUCKET}"),
        KEY: (DESTINATION_KEY,),
        SOURCE_KEY: tuple(SOURCE_KEYS),
    }[output]
    if output == SOURCE_KEY:  # a key's policy is about one key
        starts = starts[:1]
    return [need for need in needed if need.resource.startswith(starts)]


@pytest.mark.parametrize(("configuration", "output"), CASES)
def test_they_allow_what_is_needed_there_and_nothing_else(
    planned: Planned, needed: list[Need], output: str
) -> None:
    policy, needs = told(planned, output), theirs(needed, output)
    context = {"aws:PrincipalArn": role_arn(planned)}
    assert needs
    assert minimal.problems(policy, needs, context) == []
    for what, changed in minimal.without_one_action(policy):
        assert minimal.problems(changed, needs, context), what
    for what, changed in minimal.with_one_more_action(policy):
        assert minimal.problems(changed, needs, context), what


@pytest.mark.parametrize(("configuration", "output"), CASES)
def test_both_sides_have_to_allow(planned: Planned, needed: list[Need], output: str) -> None:
    policy = told(planned, output)
    for need in theirs(needed, output):
        request = Request(need.action, need.resource, {"aws:PrincipalArn": role_arn(planned)})
        assert is_allowed_across_accounts(planned.role, policy, request)
        assert not is_allowed_across_accounts(planned.role, [], request)
        assert not is_allowed_across_accounts([], policy, request)


@pytest.mark.parametrize(("configuration", "output"), CASES)
def test_they_allow_nobody_but_the_destination_s_role(
    planned: Planned, needed: list[Need], output: str
) -> None:
    for principal in (
        f"arn:aws:iam::{ACCOUNT}:role/another",
        f"{role_arn(planned)}2",
        role_arn(planned).replace("role/", "user/"),
        role_arn(planned, OTHER_ACCOUNT),
        role_arn(planned, "999999999999"),
    ):
        for need in theirs(needed, output):
            request = Request(need.action, need.resource, {"aws:PrincipalArn": principal})
            assert not is_allowed(told(planned, output), request), principal


@pytest.mark.parametrize("configuration", with_input(BUCKET), ids=lambda c: c.name)
def test_the_bucket_s_statements_reach_no_other_object(
    configuration: Configuration, planned: Planned, needed: list[Need]
) -> None:
    context = {"aws:PrincipalArn": role_arn(planned)}
    strangers = list(minimal.strangers(configuration, theirs(needed, BUCKET), context))
    assert minimal.reached(told(planned, BUCKET), strangers) == []
    for what, statement in minimal.with_a_wider_resource(told(planned, BUCKET)):
        assert minimal.reached([statement], strangers), what


def test_who_needs_no_statement_is_told_none(
    configuration: Configuration, planned: Planned
) -> None:
    assert (DESTINATION in planned.outputs[BUCKET]) == ("account_id" in configuration.destination)
    assert (DESTINATION in planned.outputs[KEY]) == ("kms_key_arn" in configuration.destination)
