"""The evaluator reads a policy as IAM does, and refuses what it does not know."""

from __future__ import annotations

from typing import Any

import pytest

from permissions.evaluate import Request, is_allowed, matches, statements

OBJECT = "arn:aws:s3:::bucket/a/key"


def allowing(**changed: Any) -> dict[str, Any]:
    """A statement that allows reading."""
    return {
        "Effect": "Allow",
        "Action": "s3:GetObject",
        "Resource": "arn:aws:s3:::bucket/*",
    } | changed


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("a*", "a", True),
        ("a*", "a/b/c\nd", True),
        ("a?c", "abc", True),
        ("a?c", "ac", False),
        ("a.c", "abc", False),
        ("a", "ab", False),
        ("${*}b", "*b", True),
        ("${*}b", "ab", False),
        ("${?}b", "?b", True),
        ("${?}b", "ab", False),
        ("${$}{x}", "${x}", True),
        ("[ab]", "a", False),
    ],
)
def test_wildcards_and_their_escapes(pattern: str, text: str, expected: bool) -> None:
    assert matches(pattern, text) is expected


def test_a_deny_wins() -> None:
    request = Request("s3:GetObject", OBJECT)
    assert is_allowed([allowing()], request)
    assert not is_allowed([allowing(), allowing(Effect="Deny")], request)
    assert not is_allowed([allowing(), allowing(Effect="Deny", Action="s3:Get*")], request)
    assert is_allowed([allowing(), allowing(Effect="Deny", Action="s3:Put*")], request)
    assert not is_allowed([], request)


@pytest.mark.parametrize(
    ("condition", "context", "expected"),
    [
        ({"StringEquals": {"a": "1"}}, {"a": "1"}, True),
        ({"StringEquals": {"a": ["0", "1"]}}, {"a": "1"}, True),
        ({"StringEquals": {"a": "1"}}, {"a": "2"}, False),
        ({"StringEquals": {"a": "1"}}, {}, False),
        ({"StringEquals": {"a": "1", "b": "1"}}, {"a": "1"}, False),
        ({"StringEquals": {"a": "*"}}, {"a": "1"}, False),
        ({"StringLike": {"a": "1*"}}, {"a": "12"}, True),
        ({"ArnEquals": {"a": "arn:aws:iam::1:role/x"}}, {"a": "arn:aws:iam::1:role/x"}, True),
        ({"ArnEquals": {"a": "arn:aws:iam::1:role/x"}}, {"a": "arn:aws:iam::1:role/xy"}, False),
        ({"Bool": {"a": "false"}}, {"a": "false"}, True),
        ({"Bool": {"a": "false"}}, {"a": "true"}, False),
    ],
)
def test_conditions(condition: Any, context: dict[str, str], expected: bool) -> None:
    request = Request("s3:GetObject", OBJECT, context)
    assert is_allowed([allowing(Condition=condition)], request) is expected


@pytest.mark.parametrize(
    ("principal", "expected"),
    [
        ("*", True),
        ({"AWS": "*"}, True),
        ({"AWS": "111122223333"}, True),
        ({"AWS": "arn:aws:iam::111122223333:root"}, True),
        ({"AWS": ["arn:aws:iam::1:root", "arn:aws:iam::111122223333:role/x"]}, True),
        ({"AWS": "arn:aws:iam::444455556666:root"}, False),
        ({"AWS": "arn:aws:iam::111122223333:role/y"}, False),
        ({"Service": "s3.amazonaws.com"}, False),
    ],
)
def test_principals(principal: Any, expected: bool) -> None:
    context = {"aws:PrincipalArn": "arn:aws:iam::111122223333:role/x"}
    request = Request("s3:GetObject", OBJECT, context)
    assert is_allowed([allowing(Principal=principal)], request) is expected


def test_what_is_not_known_is_refused() -> None:
    with pytest.raises(AssertionError, match="NotAction"):
        statements('[{"Effect": "Allow", "NotAction": "s3:*", "Resource": "*"}]')
    with pytest.raises(AssertionError, match="repeated"):
        statements('[{"Effect": "Allow", "Action": "a", "Action": "b", "Resource": "*"}]')
    with pytest.raises(AssertionError, match="variable"):
        matches("${aws:username}", "x")
    until = allowing(Condition={"DateLessThan": {"a": "1"}})
    with pytest.raises(KeyError, match="DateLessThan"):
        is_allowed([until], Request("s3:GetObject", OBJECT, {"a": "1"}))
