"""Reconcile counts what differs, queues it when asked, deletes nothing unasked, and continues."""

from __future__ import annotations

import base64
import gzip
import importlib
import json
import random
import re
from collections.abc import Callable
from typing import Any

import pytest
from fanout.common.config import ConfigurationError, load_reconciliation
from fanout.common.errors import AwsError
from hypothesis import given, settings
from hypothesis import strategies as st

from support.aws.sqs import denied
from support.fake_s3 import FakeS3
from support.reconcile import ReconcileFunction, let_a_second_pass_with_every_key
from support.settings import DESTINATION_BUCKET, SOURCE_BUCKET
from support.wire import error_answer

NewFunction = Callable[..., ReconcileFunction]
Log = Callable[[], list[dict[str, Any]]]

REPAIR = {"destination": "archive", "mode": "repair"}
KINDS = ["missing", "resized", "stale", "extra", "archived"]


@pytest.fixture
def new_function() -> NewFunction:
    """Makes a function on new buckets that are listed three keys at a time."""
    return lambda *arguments, **changed: ReconcileFunction(
        FakeS3.fresh(page=3), *arguments, **changed
    )


@pytest.fixture
def one_second_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every key take a second of an invocation, of which four fifths are for keys."""
    let_a_second_pass_with_every_key(monkeypatch)


def planted(new_function: NewFunction, *, replicate_deletes: bool = True) -> ReconcileFunction:
    """One difference of each kind, and what is none, for a destination under ``copies/``."""
    function = new_function(
        key_prefix="copies/", exclude_prefixes=["tmp/"], replicate_deletes=replicate_deletes
    )
    for kind in (*KINDS, "equal"):
        function.plant(kind, kind)
    store = function.s3.store
    store.make(SOURCE_BUCKET, "tmp/excluded", 1)
    for key in ("copies/tmp/excluded", "somebody else's", "copiesof"):
        store.make(DESTINATION_BUCKET, key, 9)
    return function


@pytest.mark.parametrize(
    ("asked", "queued"),
    [
        ({"mode": "audit"}, []),
        ({"mode": "repair"}, ["missing", "resized", "stale"]),
        ({"mode": "repair", "delete_extra": True}, ["extra", "missing", "resized", "stale"]),
    ],
)
def test_a_run_says_what_differs_and_queues_what_it_is_asked_to(
    new_function: NewFunction, asked: dict[str, Any], queued: list[str]
) -> None:
    function = planted(new_function)

    answer = function.run(**asked)

    assert answer["complete"] is True
    assert answer["listed"] == {"source": 6, "destination": 5}
    assert answer["differences"] == dict.fromkeys(KINDS, 1)
    assert answer["examples"] == {kind: [kind] for kind in KINDS} | {"extra": ["copies/extra"]}
    assert (answer["queued"], answer["deletes_queued"]) == (len(queued), "extra" in queued)
    assert sorted(function.queued()) == queued
    assert "note" not in answer


@pytest.mark.parametrize(("extra", "deleted"), [(5, 5), (6, 0)])
def test_more_extra_objects_than_the_limit_are_all_left_alone(
    new_function: NewFunction, extra: int, deleted: int
) -> None:
    function = new_function(5, replicate_deletes=True)
    function.plant("missing", "missing")
    function.plant("extra", *(f"extra {n}" for n in range(extra)))

    answer = function.run("repair", delete_extra=True)

    assert (answer["queued"], answer["deletes_queued"]) == (1 + deleted, deleted)
    assert answer["differences"]["extra"] == extra
    assert ("6 extra objects are more than reconcile.delete_limit" in answer.get("note", "")) == (
        deleted == 0
    )


@pytest.mark.usefixtures("one_second_a_key")
@pytest.mark.parametrize(("appear", "vanish"), [(20, 0), (0, 3)])
def test_the_limit_holds_for_what_appears_between_counting_and_deleting(
    new_function: NewFunction, appear: int, vanish: int
) -> None:
    function = new_function(5, replicate_deletes=True)
    extra = [f"extra {n}" for n in range(5)]
    function.plant("extra", *extra)
    function.seconds = 5 / 0.8
    answer = function.handle({**REPAIR, "delete_extra": True})
    assert not answer["complete"]
    function.plant("extra", *(f"more {n}" for n in range(appear)))
    for key in extra[5 - vanish :]:
        function.s3.delete(key, DESTINATION_BUCKET)
    function.seconds = 900

    while function.invocations:
        answer = function.handle(function.invocations.pop(0))

    assert answer["deletes_queued"] == len(function.queued()) == 5 - vanish
    assert ("Fewer extra objects" in answer.get("note", "")) == bool(vanish)


def test_a_prefix_limits_what_is_compared(new_function: NewFunction) -> None:
    function = new_function(key_prefix="copies/", prefixes=["a/", "b/"])
    function.plant("missing", "a/1", "a/x/2", "b/3", "c/4")

    assert function.run("repair", prefix="a/x/")["listed"] == {"source": 1, "destination": 0}
    assert function.queued() == ["a/x/2"]
    assert function.run("repair", prefix="")["queued"] == 3


# Runs of many invocations


@settings(max_examples=30)
@given(
    st.lists(st.sampled_from([*KINDS, "equal"]), max_size=20),
    st.integers(1, 12),
    st.booleans(),
)
def test_many_invocations_find_what_one_finds(kinds: list[str], keys: int, deletes: bool) -> None:
    function = ReconcileFunction(FakeS3.fresh(), key_prefix="to/", replicate_deletes=True)
    for n, kind in enumerate(kinds):
        function.plant(kind, f"{random.Random(n).choice(['a', 'é', '/'])}{n}")
    expected, queued = function.run("repair", delete_extra=deletes), function.queued()

    with pytest.MonkeyPatch.context() as patch:
        let_a_second_pass_with_every_key(patch)
        function.seconds = keys / 0.8
        found = function.run("repair", delete_extra=deletes)

    apart = ("invocations", "seconds", "keys_per_second")
    assert found | {name: expected[name] for name in apart} == expected
    assert function.queued() == queued
    assert found["invocations"] >= len(kinds) // (keys + 3)


@pytest.mark.usefixtures("one_second_a_key")
def test_an_invocation_that_is_repeated_counts_nothing_twice(new_function: NewFunction) -> None:
    function = new_function()
    function.plant("missing", *(f"{n:03}" for n in range(30)))
    function.seconds = 10 / 0.8
    function.handle(REPAIR)
    [event] = function.invocations
    function.handle(event)
    function.handle(event)

    _, once, twice = function.invocations
    assert twice["progress"] | {"seconds": 0} == once["progress"] | {"seconds": 0}
    assert once["progress"]["queued"] == 22


def test_an_interrupted_run_continues_with_next_of_its_last_line(
    monkeypatch: pytest.MonkeyPatch, log: Log
) -> None:
    monkeypatch.setattr("fanout.reconcile.run.KEYS_BETWEEN_LOG_LINES", 100)
    function = ReconcileFunction(FakeS3.fresh(page=100))
    keys = [f"{n:03}" for n in range(950)]
    function.plant("missing", *keys)
    send = function.queues.client.send_message_batch

    def broken(**arguments: Any) -> Any:
        if len(function.queues.journal) == 5:
            raise denied("SendMessageBatch")
        return send(**arguments)

    monkeypatch.setattr(function.queues.client, "send_message_batch", broken)
    with pytest.raises(AwsError, match="SendMessageBatch"):
        function.run("repair")
    monkeypatch.undo()

    last = log()[-1]
    assert (last["action"], last["queued"]) == ("reconciling", 500)
    answer = function.handle(last["next"])
    assert answer["queued"] == answer["differences"]["missing"] == 950
    assert function.queued() == keys


@pytest.mark.usefixtures("one_second_a_key")
def test_a_continued_run_fits_into_an_asynchronous_invocation(new_function: NewFunction) -> None:
    function = new_function()
    for number, kind in enumerate(KINDS):
        function.plant(kind, *(f"{number}{n:02}" + "\x01" * 1021 for n in range(12)))
    function.seconds = 20 / 0.8

    answer = function.run("audit")  # ``ReconcileFunction.invoke`` looks at the size

    assert answer["differences"] == dict.fromkeys(KINDS, 12)
    assert answer["invocations"] > 1
    assert all(len(examples) == 8 for examples in answer["examples"].values())


# Events


def test_a_run_of_everything_begins_one_for_each_destination(new_function: NewFunction) -> None:
    function = new_function(prefixes=["a/"])
    everything = {"destination": "all", "mode": "repair", "delete_extra": True}

    assert function.handle(everything)["begun"] == ["archive"]

    [event] = function.invocations
    # The destination keeps the replicas of deleted objects.
    assert (event["destination"], event["delete_extra"]) == ("archive", False)
    assert function.handle(event)["complete"]
    function.invocations.clear()
    assert function.handle({"destination": "all", "mode": "audit", "prefix": "b/"})["begun"] == []


def test_a_destination_whose_run_will_fail_keeps_no_other_from_being_begun(
    new_function: NewFunction,
) -> None:
    function = new_function(replicate_deletes=True)
    function.variables = {}
    everything = {"destination": "all", "mode": "repair", "delete_extra": True}

    assert function.handle(everything)["begun"] == ["archive"]

    [event] = function.invocations
    assert not event["delete_extra"]
    with pytest.raises(ConfigurationError):
        function.handle(event)


@pytest.mark.parametrize(
    ("event", "sentence"),
    [
        ([], r'Write an object, as in \{"destination": "all", "mode": "audit"\}'),
        ({}, "destination is missing: write one of archive, or all for each of them"),
        ({"destination": "other"}, "destination is 'other': write one of archive"),
        ({"destination": ["all"]}, "destination is .*: write one of archive"),
        ({"destination": "archive"}, "mode is missing: write audit to count .* or repair to queue"),
        ({**REPAIR, "mode": "fix"}, "mode is 'fix': write audit"),
        ({**REPAIR, "dry_run": True}, "dry_run is unknown: write only"),
        ({**REPAIR, "prefix": 1}, "prefix is not text"),
        (
            {**REPAIR, "prefix": "b/"},
            "Nothing that starts with 'b/' is replicated to archive: write .* one of a/",
        ),
        ({**REPAIR, "delete_extra": 1}, "write one of them"),
        (
            {**REPAIR, "mode": "audit", "delete_extra": True},
            "An audit deletes nothing .*: leave delete_extra out, or write mode repair",
        ),
        (
            {**REPAIR, "delete_extra": True},
            "write replicate_deletes = true for it in the module, or leave delete_extra out",
        ),
        ({**REPAIR, "progress": {}}, "copy the whole of `next`"),
        ({**REPAIR, "progress": {"phase": "delete", "after": 1}}, "copy the whole of `next`"),
    ],
)
def test_an_event_that_does_not_say_what_to_do_is_answered_with_what_to_write(
    new_function: NewFunction, event: object, sentence: str
) -> None:
    function = new_function(prefixes=["a/"])

    answer = function.handle(event)

    assert list(answer) == ["error"]
    assert re.search(sentence, answer["error"]), answer
    assert function.s3.wire.requests == []


@pytest.mark.usefixtures("one_second_a_key")
@pytest.mark.parametrize(
    "forged",
    [
        {"phase": "undo"},
        {"after": 1},
        {"listed_source": "1"},
        {"queued": None},
        {"differences": {}},
        {"examples": {"missing": []}},
    ],
    ids=str,
)
def test_progress_that_no_invocation_wrote_is_refused(
    new_function: NewFunction, forged: dict[str, Any]
) -> None:
    function = new_function()
    function.plant("missing", *"abcdef")
    function.seconds = 2 / 0.8
    event = function.handle(REPAIR)["next"]

    answer = function.handle(event | {"progress": event["progress"] | forged})

    assert "copy the whole of `next`" in answer["error"]


def test_nothing_is_deleted_that_the_module_does_not_allow(new_function: NewFunction) -> None:
    function = new_function(may_delete=False, replicate_deletes=True)

    answer = function.handle({**REPAIR, "delete_extra": True})

    assert "write reconcile = { delete_extra = true } in the module" in answer["error"]


# Open uploads, metrics, errors


def test_open_uploads_are_counted_and_the_oldest_one_is_named(new_function: NewFunction) -> None:
    function = new_function(key_prefix="copies/")
    store = function.s3.store
    for key in ("elsewhere", "copies/b c+d", "copies/a"):
        store.create_upload(DESTINATION_BUCKET, key, (), (), None)

    found = function.run("audit")["open_uploads"]

    assert found.pop("oldest_age_seconds") > 0
    assert found == {
        "count": 2,
        "oldest_key": "copies/b c+d",
        "oldest_initiated": "2026-01-02T03:04:07.000Z",
    }


def metrics_in(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The lines in embedded metric format."""
    return [line for line in lines if "_aws" in line]


def test_a_run_whose_open_uploads_nobody_may_list_has_done_its_work(
    new_function: NewFunction, log: Log
) -> None:
    function = new_function()
    function.plant("missing", "missing")
    refusal = error_answer(403, "AccessDenied")
    function.s3.wire.answer("ListMultipartUploads", DESTINATION_BUCKET, refusal)

    answer = function.run("repair")

    assert function.queued() == ["missing"]
    assert answer["complete"]
    error = answer["open_uploads"]["error"]
    assert "ListMultipartUploads of destination-bucket: AccessDenied" in error
    [line] = metrics_in(log())
    assert line["ObjectsOutOfSync"] == 1
    assert "OpenMultipartUploads" not in line


@pytest.mark.parametrize(("replicate_deletes", "out_of_sync"), [(True, 5), (False, 4)])
def test_a_whole_run_is_a_metric_and_a_part_of_one_is_none(
    new_function: NewFunction, replicate_deletes: bool, out_of_sync: int, log: Log
) -> None:
    function = planted(new_function, replicate_deletes=replicate_deletes)
    function.run("audit")
    function.run("audit", prefix="a")

    [line] = metrics_in(log())
    assert line["ObjectsOutOfSync"] == out_of_sync
    assert line["ObjectsListed"] == 11
    [directive] = line["_aws"]["CloudWatchMetrics"]
    assert all(metric["Name"] in line for metric in directive["Metrics"])
    assert all(name in line for dimensions in directive["Dimensions"] for name in dimensions)


def test_an_error_says_which_bucket_cannot_be_listed(new_function: NewFunction) -> None:
    function = new_function()
    function.s3.wire.answer("ListObjectsV2", SOURCE_BUCKET, error_answer(403, "AccessDenied"))

    with pytest.raises(AwsError, match="ListObjectsV2 of source-bucket: AccessDenied: because"):
        function.run("audit")


def test_the_function_starts_with_what_the_module_writes(
    new_function: NewFunction, monkeypatch: pytest.MonkeyPatch
) -> None:
    given_settings: dict[str, Any] = {
        "functions": {"archive": "photos-fanout-archive"},
        "delete_extra": False,
        "delete_limit": 1000,
        "region": "eu-west-1",
        "log_level": "INFO",
    }
    plain = json.dumps(given_settings)
    compressed = base64.b64encode(gzip.compress(plain.encode())).decode()
    assert load_reconciliation({"RECONCILE": compressed}) == load_reconciliation(
        {"RECONCILE": plain}
    )
    monkeypatch.setenv("RECONCILE", plain)
    handle = importlib.import_module("fanout.reconcile.handler").handle
    assert "write one of archive" in handle({}, new_function())["error"]
    for wrong in (
        {"log_level": "LOUD"},
        {"delete_limit": "1000"},
        {"functions": ["archive"]},
        {"functions": {"archive": 1}},
        {"more": 1},
    ):
        with pytest.raises(ConfigurationError):
            load_reconciliation({"RECONCILE": json.dumps(given_settings | wrong)})
    with pytest.raises(ConfigurationError):
        load_reconciliation({"RECONCILE": compressed[:-8]})


def test_settings_of_another_version_are_refused(new_function: NewFunction) -> None:
    function = new_function()
    function.variables["DESTINATION"] = "{}"

    with pytest.raises(ConfigurationError, match="different versions"):
        function.run("audit")
