"""Whether a policy allows what is needed and nothing besides, and the ways in which it could not."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator
from typing import Any

from permissions.calls import ACTIONS, Need
from permissions.configurations import Configuration
from permissions.evaluate import Policy, Request, Statement, as_list, grants, is_allowed, is_denied

FOREIGN = frozenset({"*", "s3:*", "s3:GetObject*", "s3:DeleteObjectVersion", "s3:PutBucketPolicy"})
"""Actions that nothing needs; those of the table come on top."""


ANY_OBJECT = "x"
"""What may follow a prefix, for example."""


def problems(policy: Policy, needs: Iterable[Need], context: dict[str, str]) -> list[str]:
    """What is wrong with a policy: needs it does not allow, and parts that no need needs.

    A part is one action on one resource in one statement; it is needed when without it something
    needed is not allowed.
    """
    found = []
    needed = set()
    for need in needs:
        request = Request(need.action, need.resource, context)
        granting = [] if is_denied(policy, request) else list(grants(policy, request))
        if not granting:
            found.append(f"missing: {need.action} on {need.resource} ({need.page})")
        elif len(granting) == 1:
            needed.add((granting[0].statement, granting[0].action, granting[0].resource))
    for place, statement in enumerate(policy):
        if statement["Effect"] == "Allow":
            for action in as_list(statement["Action"]):
                for resource in as_list(statement["Resource"]):
                    if "*" in action or "?" in action:
                        found.append(f"wildcard: {action} in {statement['Sid']}")
                    elif (place, action, resource) not in needed:
                        found.append(f"not needed: {action} on {resource} in {statement['Sid']}")
    return found


def reached(policy: Policy, strangers: Iterable[Request]) -> list[str]:
    """The requests of strangers that a policy allows."""
    return [
        f"allowed: {stranger.action} on {stranger.resource}"
        for stranger in strangers
        if is_allowed(policy, stranger)
    ]


def strangers(
    configuration: Configuration, needs: Iterable[Need], context: dict[str, str]
) -> Iterator[Request]:
    """What must not be allowed: each action that is needed, on what differs in one character.

    Characters beyond ASCII are left alone: IAM cannot tell them apart, and the module says so.
    """
    for action, fixed, rest in dict.fromkeys(
        (need.action, *_fixed_part(configuration, need.resource)) for need in needs
    ):
        for place in range(fixed.rindex(":") + 1, len(fixed)):
            if fixed[place].isascii():
                other = f"{fixed[:place]}~{fixed[place + 1 :]}"
                yield Request(action, other + rest, context)
        if rest != ANY_OBJECT:
            yield Request(action, f"{fixed}~{rest}", context)
        yield Request(action, f"{fixed[:-1]}{rest}", context)
        yield Request(action, "arn:aws:s3:::somebody-else", context)
        yield Request(action, "arn:aws:s3:::somebody-else/key", context)


def _fixed_part(configuration: Configuration, resource: str) -> tuple[str, str]:
    """What of a resource is the only one allowed, and an example of what may follow."""
    name = resource.removeprefix("arn:aws:s3:::")
    if name != resource and "/" in name:
        bucket, key = name.split("/", 1)
        starts = [*configuration.prefixes, *map(configuration.image, configuration.prefixes)]
        longest = max((start for start in starts if key.startswith(start)), key=len, default="")
        return f"arn:aws:s3:::{bucket}/{longest}", ANY_OBJECT
    if ":log-stream:" in resource:
        return resource.split(":log-stream:")[0], ":log-stream:x"
    return resource, ""


def without_one_action(policy: Policy) -> Iterator[tuple[str, Policy]]:
    """The policy without one of its actions, for each."""
    for place, statement in enumerate(policy):
        for action in as_list(statement["Action"]):
            left = [other for other in as_list(statement["Action"]) if other != action]
            yield f"{statement['Sid']} without {action}", _with(policy, place, Action=left)


def with_one_more_action(policy: Policy) -> Iterator[tuple[str, Policy]]:
    """The policy with one more action in a statement, for each statement and action."""
    for place, statement in enumerate(policy):
        present = as_list(statement["Action"])
        for action in sorted((ACTIONS | FOREIGN) - set(present)):
            yield (
                f"{statement['Sid']} with {action}",
                _with(policy, place, Action=[*present, action]),
            )


def with_a_wider_resource(policy: Policy) -> Iterator[tuple[str, Statement]]:
    """Each statement with one resource that matches more than it should."""
    for statement in policy:
        resources = as_list(statement["Resource"])
        for n, resource in enumerate(resources):
            for wider in _wider(resource):
                changed = [*resources[:n], wider, *resources[n + 1 :]]
                yield f"{statement['Sid']} on {wider}", {**statement, "Resource": changed}


def _wider(resource: str) -> Iterator[str]:
    yield "*"
    fixed = resource.rstrip("*")
    if fixed == resource:
        yield f"{resource}*"
    name = fixed.rindex(":") + 1 if not fixed.endswith(":") else fixed[:-1].rindex(":") + 1
    yield f"{fixed[:name]}*"
    yield f"{fixed[:name]}?{fixed[name + 1 :]}{resource[len(fixed) :]}"
    if not fixed.endswith(("}", "/", ":")):
        yield f"{fixed[:-1]}*"
    for escaped in ("${*}", "${?}"):
        if escaped in resource:
            yield resource.replace(escaped, escaped[2], 1)


def _with(policy: Policy, place: int, **changed: Any) -> Policy:
    other = copy.copy(policy)
    other[place] = {**policy[place], **changed}
    return other
