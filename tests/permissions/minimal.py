"""Whether a policy allows what is needed and nothing besides."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from permissions.calls import Need
from permissions.configurations import Configuration
from permissions.evaluate import Policy, Request, as_list, grants, is_allowed, is_denied

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
