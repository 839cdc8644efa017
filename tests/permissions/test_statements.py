"""What the owner of a bucket or key in another account has to allow: what is needed, no more."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest

from permissions import minimal
from permissions.calls import Need
from permissions.configurations import (
    ACCOUNT,
    CONFIGURATIONS,
    DESTINATION,
    DESTINATION_BUCKET,
    DESTINATION_KEY,
    MODULE_KEY,
    OTHER_ACCOUNT,
    SOURCE_KEYS,
    Configuration,
)
from permissions.evaluate import (
    Policy,
    Request,
    is_allowed,
    is_allowed_across_accounts,
    matches,
    statements,
)
from permissions.planned import Function, Planned

BUCKET = "destination_bucket_policy_statements", DESTINATION
KEY = "destination_kms_key_policy_statements", DESTINATION
SOURCE_KEY = "kms_key_policy_statements", "source_kms_key_arns"
QUEUE_KEY = "kms_key_policy_statements", "kms_key_arn"
Output = tuple[str, str]

OUTPUTS = {
    "replicate": (BUCKET, KEY, SOURCE_KEY, QUEUE_KEY),
    "reconcile": (BUCKET, QUEUE_KEY),
}
"""Those that say something about a function."""


def with_input(output: Output) -> list[Configuration]:
    """The configurations that an output says something about."""
    return [
        configuration
        for configuration in CONFIGURATIONS
        if {
            BUCKET: "account_id" in configuration.destination,
            KEY: "kms_key_arn" in configuration.destination,
            SOURCE_KEY: "source_kms_key_arns" in configuration.inputs,
            QUEUE_KEY: "kms_key_arn" in configuration.inputs,
        }[output]
    ]


CASES = [
    pytest.param(configuration, output, name, id=f"{'.'.join(output)}-{name}-{configuration.name}")
    for name, outputs in OUTPUTS.items()
    for output in outputs
    for configuration in with_input(output)
]


def role_arn(function: Function, account: str = ACCOUNT) -> str:
    """The function's role."""
    return f"arn:aws:iam::{account}:role/{function.role_name}"


def statements_of(planned: Planned, output: Output) -> Policy:
    """The statements of an output."""
    name, key = output
    return statements(planned.outputs[name][key])


def statements_about(function: Function, planned: Planned, output: Output) -> Policy:
    """Those that name a function's role. Whom all of them allow is tested apart."""
    named = re.compile(r'"(arn:aws:iam::[^"]*:role/[^"]*)"')
    return [
        statement
        for statement in statements_of(planned, output)
        if any(matches(arn, role_arn(function)) for arn in named.findall(json.dumps(statement)))
    ]


def theirs(needed: list[Need], output: Output) -> list[Need]:
    """The needs that somebody else's policy has a say in."""
    starts = {
        BUCKET: (f"arn:aws:s3:::{DESTINATION_BUCKET}/", f"arn:aws:s3:::{DESTINATION_BUCKET}"),
        KEY: (DESTINATION_KEY,),
        SOURCE_KEY: tuple(SOURCE_KEYS[:1]),  # a key's policy is about one key
        QUEUE_KEY: (MODULE_KEY,),
    }[output]
    return [need for need in needed if need.resource.startswith(starts)]


@pytest.mark.parametrize(("configuration", "output", "name"), CASES)
def test_they_allow_what_is_needed_there_and_nothing_else(
    planned: Planned, function: Function, needed: list[Need], output: Output
) -> None:
    policy, needs = statements_about(function, planned, output), theirs(needed, output)
    context = {"aws:PrincipalArn": role_arn(function)}
    assert needs
    assert minimal.problems(policy, needs, context) == []


@pytest.mark.parametrize(("configuration", "output", "name"), CASES)
def test_both_sides_have_to_allow(
    planned: Planned, function: Function, needed: list[Need], output: Output
) -> None:
    policy = statements_of(planned, output)
    for need in theirs(needed, output):
        request = Request(need.action, need.resource, {"aws:PrincipalArn": role_arn(function)})
        assert is_allowed_across_accounts(function.role, policy, request)
        assert not is_allowed_across_accounts(function.role, [], request)
        assert not is_allowed_across_accounts([], policy, request)


@pytest.mark.parametrize(("configuration", "output", "name"), CASES)
def test_they_allow_nobody_but_the_role_that_needs_it(
    planned: Planned, function: Function, needed: list[Need], output: Output
) -> None:
    # Keys' policies may let in every role whose name begins like the module's: its own policy decides.
    longer = [f"{role_arn(function)}2"] if output in (BUCKET, KEY) else []
    for principal in (
        *longer,
        f"arn:aws:iam::{ACCOUNT}:role/another",
        role_arn(function).replace("role/", "user/"),
        role_arn(function, OTHER_ACCOUNT),
        role_arn(function, "999999999999"),
    ):
        for need in theirs(needed, output):
            request = Request(need.action, need.resource, {"aws:PrincipalArn": principal})
            assert not is_allowed(statements_of(planned, output), request), principal


@pytest.mark.parametrize("configuration", CONFIGURATIONS[-1:], ids=lambda c: c.name)
@pytest.mark.parametrize("output", [BUCKET, KEY], ids=".".join)
def test_who_compares_listings_may_not_do_there_what_only_who_replicates_does(
    planned: Planned, needed_by: Callable[[str], list[Need]], output: Output
) -> None:
    reconcile = {"aws:PrincipalArn": role_arn(planned.functions["reconcile"])}
    foreign = set(theirs(needed_by("replicate"), output)) - set(needed_by("reconcile"))
    assert foreign
    requests = [Request(need.action, need.resource, reconcile) for need in foreign]
    assert minimal.reached(statements_of(planned, output), requests) == []


@pytest.mark.parametrize("configuration", with_input(BUCKET), ids=lambda c: c.name)
def test_the_bucket_s_statements_reach_no_other_object(
    configuration: Configuration, planned: Planned, needed_by: Callable[[str], list[Need]]
) -> None:
    needed, context = needed_by("replicate"), {"aws:PrincipalArn": role_arn(planned.replicate)}
    strangers = list(minimal.strangers(configuration, theirs(needed, BUCKET), context))
    assert minimal.reached(statements_of(planned, BUCKET), strangers) == []
