"""Whether policies allow a request: as much of IAM's evaluation as the module's policies use.

What they do not use is refused, so that nothing is read in a way that IAM would not
(IAM User Guide, "Policy evaluation logic" and "IAM JSON policy elements").
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

Statement = Mapping[str, Any]
Policy = list[Statement]

ELEMENTS = {"Sid", "Effect", "Action", "Resource", "Principal", "Condition"}


@dataclass(frozen=True)
class Request:
    """What somebody wants to do.

    Attributes:
        resource: an ARN.
        context: condition keys.
    """

    action: str
    resource: str
    context: Mapping[str, str] = field(default_factory=dict, compare=False)


@dataclass(frozen=True)
class Grant:
    """The part of a policy that allows something: a statement's place, one action, one resource."""

    statement: int
    action: str
    resource: str


def statements(document: str) -> Policy:
    """The statements of a policy, or of a JSON list of statements."""
    given = json_of(document)
    found: Policy = given if isinstance(given, list) else given["Statement"]
    for statement in found:
        assert statement.keys() <= ELEMENTS, f"not evaluated here: {statement.keys() - ELEMENTS}"
        assert statement["Effect"] in ("Allow", "Deny")
    return found


def json_of(text: str) -> Any:
    """A JSON document without repeated names, of which a reader may take either value."""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        assert len({name for name, _ in pairs}) == len(pairs), f"a name is repeated in {pairs}"
        return dict(pairs)

    return json.loads(text, object_pairs_hook=unique)


def as_list(given: object) -> list[Any]:
    """Where a policy may have one value or several."""
    return list(given) if isinstance(given, list) else [given]


def grants(policy: Policy, request: Request) -> Iterator[Grant]:
    """The parts of an identity's or a resource's policy that allow a request."""
    for place, statement in enumerate(policy):
        if statement["Effect"] == "Allow":
            yield from _matches(place, statement, request)


def is_denied(policy: Policy, request: Request) -> bool:
    """Whether a statement denies a request."""
    return any(
        True
        for place, statement in enumerate(policy)
        if statement["Effect"] == "Deny"
        for _ in _matches(place, statement, request)
    )


def is_allowed(policy: Policy, request: Request) -> bool:
    """Whether one policy alone allows a request."""
    return not is_denied(policy, request) and any(True for _ in grants(policy, request))


def is_allowed_across_accounts(identity: Policy, resource: Policy, request: Request) -> bool:
    """Whether a request into another account is allowed: both sides have to
    (IAM User Guide, "Cross-account policy evaluation logic").
    """
    return is_allowed(identity, request) and is_allowed(resource, request)


def _matches(place: int, statement: Statement, request: Request) -> Iterator[Grant]:
    actions = [a for a in as_list(statement["Action"]) if matches_action(a, request.action)]
    if not actions or not _holds(statement.get("Condition", {}), request.context):
        return
    if "Principal" in statement and not _is_principal(statement["Principal"], request.context):
        return
    for resource in as_list(statement["Resource"]):
        if matches(resource, request.resource):
            for action in actions:
                yield Grant(place, action, resource)


def matches_action(pattern: str, action: str) -> bool:
    """Whether an action is meant. IAM ignores case; the module writes names as AWS does."""
    if pattern == action:
        return True
    return ("*" in pattern or "?" in pattern) and matches(pattern.lower(), action.lower())


@cache
def _regex(pattern: str) -> re.Pattern[str]:
    parts = []
    for part in re.findall(r"\$\{[^}]*\}|.", pattern, re.S):
        match part:
            case "*":
                parts.append(".*")
            case "?":
                parts.append(".")
            case "${*}" | "${?}" | "${$}":  # IAM User Guide, "Policy variables: special characters"
                parts.append(re.escape(part[2]))
            case _:
                assert not part.startswith("${"), f"a policy variable is not evaluated here: {part}"
                parts.append(re.escape(part))
    return re.compile("".join(parts), re.S)


def matches(pattern: str, text: str) -> bool:
    """Whether a text is what a pattern with wildcards and escapes describes."""
    return _regex(pattern).fullmatch(text) is not None


_OPERATORS: dict[str, Callable[[str, str], bool]] = {
    "ArnEquals": matches,  # the same as ArnLike
    "ArnLike": matches,
    "Bool": lambda wanted, given: wanted.lower() == given.lower(),
    "StringEquals": lambda wanted, given: wanted == given,
    "StringLike": matches,
}


def _holds(conditions: Mapping[str, Mapping[str, Any]], context: Mapping[str, str]) -> bool:
    """Whether all conditions hold; a key that is not there does not match."""
    return all(
        key in context
        and any(_OPERATORS[operator](str(value), context[key]) for value in as_list(values))
        for operator, keys in conditions.items()
        for key, values in keys.items()
    )


def _is_principal(principal: Any, context: Mapping[str, str]) -> bool:
    """Whether the caller is meant: everybody, its account, or itself by its ARN."""
    if principal == "*":
        return True
    arn = context.get("aws:PrincipalArn", "")
    _, partition, _, _, account, *_ = [*arn.split(":"), "", "", "", "", ""]
    mine = {"*", account, f"arn:{partition}:iam::{account}:root", arn}
    return bool(mine & set(as_list(principal.get("AWS", []))))
