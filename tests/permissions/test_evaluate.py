"""The judge of the policies: what it allows, and that it finds each way in which a policy is wrong."""

from __future__ import annotations

from typing import Any

import pytest

from permissions.calls import Need
from permissions.configurations import Configuration
from permissions.evaluate import Policy, Request, is_allowed, statements
from permissions.minimal import problems, reached, strangers

ALLOW = {"Sid": "Read", "Effect": "Allow", "Action": ["s3:Get"], "Resource": ["arn:aws:s3:::b/k/*"]}
DENY = {"Sid": "Deny", "Effect": "Deny", "Action": "s3:*", "Resource": "*"}
ROLE = "arn:aws:iam::111122223333:role/it"
ANYBODYS = {"Principal": {"AWS": "arn:aws:iam::111122223333:root"}}


def only(operator: str, key: str, *values: str) -> dict[str, Any]:
    """A condition."""
    return {"Condition": {operator: {key: list(values)}}}


@pytest.mark.parametrize(
    ("policy", "action", "resource", "allowed"),
    [
        ([], "s3:Get", "arn:aws:s3:::b/k/1", False),
        ([ALLOW], "s3:Get", "arn:aws:s3:::b/k/1", True),
        ([ALLOW], "s3:GetX", "arn:aws:s3:::b/k/1", False),
        ([ALLOW], "s3:Get", "arn:aws:s3:::b/K/1", False),
        ([ALLOW], "s3:Get", "arn:aws:s3:::b/k", False),
        ([ALLOW, DENY], "s3:Get", "arn:aws:s3:::b/k/1", False),
        ([ALLOW, DENY | only("Bool", "tls", "false")], "s3:Get", "arn:aws:s3:::b/k/1", True),
        ([ALLOW, DENY | only("Bool", "tls", "TRUE")], "s3:Get", "arn:aws:s3:::b/k/1", False),
        ([ALLOW | {"Action": "s3:G?t*"}], "s3:gettagging", "arn:aws:s3:::b/k/1", True),
        ([ALLOW | {"Resource": "arn:aws:s3:::b/${*}?"}], "s3:Get", "arn:aws:s3:::b/*1", True),
        ([ALLOW | {"Resource": "arn:aws:s3:::b/${*}?"}], "s3:Get", "arn:aws:s3:::b/11", False),
        ([ALLOW | {"Resource": "arn:aws:s3:::b/k.1"}], "s3:Get", "arn:aws:s3:::b/k11", False),
        ([ALLOW | only("StringEquals", "tls", "x", "true")], "s3:Get", "arn:aws:s3:::b/k/1", True),
        ([ALLOW | only("StringEquals", "other", "x")], "s3:Get", "arn:aws:s3:::b/k/1", False),
        ([ALLOW | only("ArnEquals", "aws:PrincipalArn", ROLE)], "s3:Get", "arn:aws:s3:::b/k/1", True),
        ([ALLOW | ANYBODYS], "s3:Get", "arn:aws:s3:::b/k/1", True),
        ([ALLOW | {"Principal": {"AWS": "999999999999"}}], "s3:Get", "arn:aws:s3:::b/k/1", False),
        ([ALLOW | {"Principal": {"Service": "s3"}}], "s3:Get", "arn:aws:s3:::b/k/1", False),
    ],
)  # fmt: skip
def test_a_policy_allows_what_iam_says_it_does(
    policy: Policy, action: str, resource: str, allowed: bool
) -> None:
    request = Request(action, resource, {"tls": "true", "aws:PrincipalArn": ROLE})
    assert is_allowed(policy, request) == allowed


@pytest.mark.parametrize(
    "document",
    [
        '[{"Effect": "Allow", "NotAction": "s3:Get", "Resource": "*"}]',
        '[{"Effect": "allow", "Action": "s3:Get", "Resource": "*"}]',
        '[{"Effect": "Deny", "Effect": "Allow", "Action": "s3:Get", "Resource": "*"}]',
    ],
)
def test_what_is_not_evaluated_here_is_refused(document: str) -> None:
    with pytest.raises(AssertionError):
        statements(document)


@pytest.mark.parametrize(
    ("changed", "found"),
    [
        ({}, []),
        ({"Action": []}, ["missing"]),
        ({"Action": ["s3:Get", "s3:Put"]}, ["not needed"]),
        ({"Action": ["s3:G*"]}, ["wildcard"]),
        ({"Resource": ["arn:aws:s3:::b/k/*", "arn:aws:s3:::c/*"]}, ["not needed"]),
        ({"Resource": ["arn:aws:s3:::b/k/*", "*"]}, ["not needed", "not needed"]),
        ({"Effect": "Deny"}, ["missing"]),
    ],
)
def test_what_is_missing_or_not_needed_is_found(changed: dict[str, Any], found: list[str]) -> None:
    need = Need("s3:Get", "arn:aws:s3:::b/k/1")
    told = problems([ALLOW | changed], [need], {})
    assert [problem.split(":")[0] for problem in told] == found


@pytest.mark.parametrize(
    "resource",
    ["*", "arn:aws:s3:::b/*", "arn:aws:s3:::?/k/*", "arn:aws:s3:::b/k*", "arn:aws:s3:::b/?/*"],
)
def test_a_resource_that_reaches_further_than_the_prefix_is_found(resource: str) -> None:
    configuration = Configuration("it", {"prefixes": ["k/"]})
    others = list(strangers(configuration, [Need("s3:Get", "arn:aws:s3:::b/k/1")], {}))
    assert reached([ALLOW], others) == []
    assert reached([ALLOW | {"Resource": resource}], others)
