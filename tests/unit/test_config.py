"""The environment is complete or refused, and says which keys belong to a destination."""

from __future__ import annotations

import json
from typing import Any

import pytest
from fanout.common.config import (
    Config,
    ConfigurationError,
    Destination,
    LogTable,
    ReplicaSettings,
    SameAs,
    Source,
    load,
)
from hypothesis import given
from hypothesis import strategies as st

from support.settings import (
    DEAD_LETTER_QUEUE_NAME,
    DESTINATION_ACCOUNT,
    DESTINATION_BUCKET,
    DESTINATION_REGION,
    ECHO_ENDING,
    LONGEST_WRITE_SECONDS,
    QUEUE_NAME,
    SOURCE_ACCOUNT,
    SOURCE_BUCKET,
    SOURCE_REGION,
    SOURCE_SETTINGS,
    destination_settings,
    environment,
)
from support.values import destination

KEYS = st.text(min_size=1, max_size=20)
FEW = st.lists(st.text("ab/", min_size=1, max_size=2), max_size=2)


def test_a_complete_environment_is_read_as_it_stands() -> None:
    asked: dict[str, Any] = {
        "prefixes": ("a/", "b/"),
        "exclude_prefixes": ("a/tmp/",),
        "suffixes": (".csv",),
        "key_prefix": "copy/",
        "strip_prefix": "a",
        "storage_class": "GLACIER_IR",
        "kms_key_arn": "arn:key",
        "acl": "bucket-owner-full-control",
        "replicate_deletes": True,
        "replicate_tags": False,
    }

    assert load(environment(**asked)) == Config(
        source=Source(bucket=SOURCE_BUCKET, account_id=SOURCE_ACCOUNT, region=SOURCE_REGION),
        destination=Destination(
            name="archive",
            bucket=DESTINATION_BUCKET,
            region=DESTINATION_REGION,
            account_id=DESTINATION_ACCOUNT,
            **asked,
            echo_ending=ECHO_ENDING,
        ),
        queue_name=QUEUE_NAME,
        dead_letter_queue_name=DEAD_LETTER_QUEUE_NAME,
        replication_log=None,
        log_level="INFO",
        longest_write_seconds=LONGEST_WRITE_SECONDS,
        memory_mb=512,
    )


def test_the_table_of_the_replication_log_is_read() -> None:
    given_table = json.dumps({"table_name": "log", "retention_days": 7})
    loaded = load(environment() | {"REPLICATION_LOG": given_table})

    assert loaded.replication_log == LogTable("log", 7)


def test_variables_of_the_runtime_are_no_concern_of_the_configuration() -> None:
    assert load(environment() | {"PATH": "/bin", "AWS_REGION": "x"}) == load(environment())


def without(variable: str, attribute: str) -> str:
    """The variable's value without one of its attributes."""
    settings = json.loads(environment()[variable])
    del settings[attribute]
    return json.dumps(settings)


WRONG_TYPES: list[tuple[str, object]] = [
    ("bucket", None), ("bucket", 7), ("region", ["eu-west-1"]), ("account_id", None),
    ("account_id", 222222222222), ("prefixes", "a/"), ("prefixes", None), ("prefixes", ["a/", 7]),
    ("exclude_prefixes", "a/"), ("suffixes", None), ("suffixes", [None]), ("key_prefix", None),
    ("storage_class", False), ("kms_key_arn", 7), ("acl", ["private"]), ("replicate_deletes", None),
    ("replicate_deletes", "false"), ("replicate_deletes", 0), ("replicate_tags", "true"),
    ("replicate_tags", 1), ("echo_ending", None),
]  # fmt: skip


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        *((name, value, f"environment variable {name} is missing")
          for name in environment() for value in (None, "")),
        *(("SOURCE", without("SOURCE", name), rf"SOURCE: missing \['{name}'\]")
          for name in SOURCE_SETTINGS),
        *(("DESTINATION", without("DESTINATION", name), rf"DESTINATION: missing \['{name}'\]")
          for name in destination_settings()),
        # Its wish would be ignored.
        *((name, environment()[name][:-1] + ', "moods": 1}', rf"{name}: .*unknown \['moods'\]")
          for name in ("SOURCE", "DESTINATION")),
        *(("SOURCE", text, "environment variable SOURCE is not")
          for text in ("{", "nothing", "[]", '"bucket"', "null", "3")),
        *(("REPLICATION_LOG", f'{{"table_name": "log", "retention_days": {days}}}',
           "REPLICATION_LOG: retention_days ") for days in ('"7"', "null", "true", "7.5")),
        *(("DESTINATION", environment(**{name: value})["DESTINATION"], f"DESTINATION: {name} ")
          for name, value in WRONG_TYPES),
        ("LOG_LEVEL", "LOUD", "'LOUD'; write one of DEBUG, INFO, WARNING"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_variable_is_named(
    variable: str, value: str | None, message: str
) -> None:
    environ = environment() | {variable: value or ""}
    if value is None:
        del environ[variable]

    with pytest.raises(ConfigurationError, match=message):
        load(environ)


@pytest.mark.parametrize(
    ("wanted", "key", "expected"),
    [
        ({}, "a/b", "a/b"),
        ({"prefixes": ["a/"]}, "a/b", "a/b"),
        ({"prefixes": ["a/"]}, "b/a/", None),
        ({"prefixes": ["a/"]}, "A/b", None),
        ({"prefixes": ["a/", "b/"]}, "b/c", "b/c"),
        ({"prefixes": ["caf\u00e9/"]}, "cafe\u0301/x", None),
        ({"key_prefix": "copy/"}, "a/b", "copy/a/b"),
        ({"strip_prefix": "a/"}, "a/a/b", "a/b"),
        ({"strip_prefix": "a/"}, "b", "b"),
        ({"strip_prefix": "a/"}, "b/a/c", "b/a/c"),
        ({"strip_prefix": "a/", "key_prefix": "copy/"}, "a/b", "copy/b"),
        ({"strip_prefix": "a/", "key_prefix": "copy/"}, "a/", None),
        ({"prefixes": ["a/b/"], "strip_prefix": "a/"}, "a/b/c", "b/c"),
        ({"exclude_prefixes": ["a/"]}, "a/b", None),
        ({"exclude_prefixes": ["a/"]}, "b/a/", "b/a/"),
        ({"exclude_prefixes": ["a/", "b/"]}, "b/c", None),
        ({"prefixes": ["a/"], "exclude_prefixes": ["a/tmp/"]}, "a/tmp/b", None),
        ({"prefixes": ["a/"], "exclude_prefixes": ["a/tmp/"]}, "a/tmp", "a/tmp"),
        ({"strip_prefix": "a/", "exclude_prefixes": ["b/"]}, "a/b/c", "b/c"),
        ({"suffixes": [".csv"]}, "a.csv", "a.csv"),
        ({"suffixes": [".csv"]}, "a.CSV", None),
        ({"suffixes": [".csv"]}, "a.csv.gz", None),
        ({"suffixes": [".csv", ".gz"]}, "a.csv.gz", "a.csv.gz"),
        ({"suffixes": [".csv"], "exclude_prefixes": ["a"]}, "a.csv", None),
        ({"prefixes": ["a/"], "suffixes": [".csv"]}, "b/a.csv", None),
    ],
)
def test_a_key_is_rewritten_or_not_wanted(
    wanted: dict[str, object], key: str, expected: str | None
) -> None:
    assert destination(**wanted).key_for(key) == expected


@given(
    key=st.text("ab/", min_size=1, max_size=5),
    prefixes=FEW,
    exclude_prefixes=FEW,
    suffixes=FEW,
    strip=st.text("ab/", max_size=2),
)
def test_exactly_the_keys_that_no_rule_excludes_and_with_a_rest_are_wanted(
    key: str, prefixes: list[str], exclude_prefixes: list[str], suffixes: list[str], strip: str
) -> None:
    image = destination(
        prefixes=prefixes,
        exclude_prefixes=exclude_prefixes,
        suffixes=suffixes,
        strip_prefix=strip,
        key_prefix="to/",
    ).key_for(key)

    def begins_with_any(starts: list[str]) -> bool:
        return any(key[: len(start)] == start for start in starts)

    ends_well = not suffixes or any(key[-len(suffix) :] == suffix for suffix in suffixes)
    in_scope = (not prefixes or begins_with_any(prefixes)) and not begins_with_any(exclude_prefixes)
    assert (image is not None) == (in_scope and ends_well and key != strip)


def test_what_replicas_look_like_is_what_the_destination_asks_for() -> None:
    assert destination().replica_settings == ReplicaSettings()
    asked: dict[str, Any] = {
        "kms_key_arn": "arn:key",
        "replicate_deletes": True,
        "replicate_tags": False,
    }
    assert destination(storage_class="SOURCE", **asked).replica_settings == ReplicaSettings(
        storage_class=SameAs.SOURCE, **asked
    )


@given(rests=st.sets(KEYS, min_size=2), strip=st.text(max_size=5), front=st.text(max_size=5))
def test_keys_that_share_the_stripped_prefix_stay_different(
    rests: set[str], strip: str, front: str
) -> None:
    wanted = destination(prefixes=[strip] if strip else [], strip_prefix=strip, key_prefix=front)

    assert {wanted.key_for(strip + rest) for rest in rests} == {front + rest for rest in rests}
