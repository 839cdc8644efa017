"""Reconcile counts what differs, queues it when asked, deletes nothing unasked, and goes on."""

from __future__ import annotations

import importlib
import json
import random
import re
from typing import Any

import pytest
from botocore.exceptions import ClientError
from fanout.common.config import ConfigurationError, load_reconciliation
from fanout.common.errors import AwsError
from hypothesis import given
from hypothesis import strategies as st

from .reconciling import EARLY, LATE, World, let_a_second_pass_with_every_key


def planted(world: World) -> None:
    """One difference of each kind, and what is none, for a destination under ``copies/``."""
    world.source.update({
        "equal": (1, EARLY),
        "missing": (1, EARLY),
        "resized": (1, EARLY),
        "stale": (1, LATE),
        "tmp/excluded": (1, EARLY),
    })  # fmt: skip
    world.replicas.update({
        "copies/equal": (1, LATE),
        "copies/resized": (2, LATE),
        "copies/stale": (1, EARLY),
        "copies/extra": (1, EARLY),
        "copies/tmp/excluded": (9, EARLY),
        "somebody else's": (1, EARLY),
        "copiesof": (1, EARLY),
    })  # fmt: skip


RULES: dict[str, Any] = {"key_prefix": "copies/", "exclude_prefixes": ["tmp/"]}


def test_an_audit_tells_what_differs_and_queues_nothing() -> None:
    world = World(**RULES)
    planted(world)
    answer = world.run("audit")
    assert answer["complete"] is True
    assert answer["listed"] == {"source": 5, "destination": 5}
    assert answer["differences"] == {"missing": 1, "resized": 1, "stale": 1, "extra": 1}
    assert answer["examples"] == {
        "missing": ["missing"],
        "resized": ["resized"],
        "stale": ["stale"],
        "extra": ["copies/extra"],
    }
    assert answer["queued"] == answer["deletes_queued"] == 0
    assert world.queue.calls == []


def test_a_repair_queues_what_differs_and_no_extra_object() -> None:
    world = World(**RULES, replicate_deletes=True)
    planted(world)
    answer = world.run("repair")
    assert answer["differences"] == {"missing": 1, "resized": 1, "stale": 1, "extra": 1}
    assert answer["queued"] == 3
    assert world.queued() == ["missing", "resized", "stale"]


def test_extra_objects_are_queued_where_they_are_asked_for() -> None:
    world = World(**RULES, replicate_deletes=True)
    planted(world)
    answer = world.run("repair", delete_extra=True)
    assert (answer["queued"], answer["deletes_queued"]) == (4, 1)
    assert sorted(world.queued()) == ["extra", "missing", "resized", "stale"]
    assert "note" not in answer


@pytest.mark.parametrize(("extra", "deleted"), [(5, 5), (6, 0)])
def test_more_extra_objects_than_the_limit_are_all_left_alone(extra: int, deleted: int) -> None:
    world = World(delete_limit=5, replicate_deletes=True)
    world.source["missing"] = (1, EARLY)
    world.replicas.update({f"extra {n}": (1, EARLY) for n in range(extra)})
    answer = world.run("repair", delete_extra=True)
    assert (answer["queued"], answer["deletes_queued"]) == (1 + deleted, deleted)
    assert answer["differences"]["extra"] == extra
    assert ("6 extra objects are more than reconcile.delete_limit" in answer.get("note", "")) == (
        deleted == 0
    )


def test_the_limit_holds_for_what_appears_between_counting_and_deleting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    let_a_second_pass_with_every_key(monkeypatch)
    world = World(delete_limit=5, replicate_deletes=True)
    world.replicas.update({f"extra {n}": (1, EARLY) for n in range(5)})
    world.seconds = 5 / 0.8
    first = world.handle({"destination": "archive", "mode": "repair", "delete_extra": True})
    assert not first["complete"]
    world.replicas.update({f"more {n}": (1, EARLY) for n in range(20)})
    world.seconds = 900
    while world.invocations:
        first = world.handle(world.invocations.pop(0))
    assert first["deletes_queued"] <= 5
    assert len(world.queued()) <= 5


def test_a_prefix_limits_what_is_compared() -> None:
    world = World(key_prefix="copies/", prefixes=["a/", "b/"])
    world.source.update(dict.fromkeys(("a/1", "a/x/2", "b/3", "c/4"), (1, EARLY)))
    assert world.run("repair", prefix="a/x/")["listed"] == {"source": 1, "destination": 0}
    assert world.queued() == ["a/x/2"]
    assert world.run("repair", prefix="")["queued"] == 3


@given(
    st.lists(st.sampled_from(["missing", "resized", "stale", "extra", "equal"]), max_size=40),
    st.integers(1, 12),
    st.booleans(),
)
def test_slices_find_what_one_invocation_finds(kinds: list[str], keys: int, deletes: bool) -> None:
    def world() -> World:
        made = World(key_prefix="to/", replicate_deletes=True)
        for n, kind in enumerate(kinds):
            key = f"{random.Random(n).choice(['a', 'é', '/'])}{n}"
            if kind != "extra":
                made.source[key] = (1, LATE if kind == "stale" else EARLY)
            if kind != "missing":
                made.replicas["to/" + key] = (2 if kind == "resized" else 1, EARLY)
        return made

    whole, sliced = world(), world()
    expected = whole.run("repair", delete_extra=deletes)
    with pytest.MonkeyPatch.context() as patch:
        let_a_second_pass_with_every_key(patch)
        sliced.seconds = keys / 0.8
        found = sliced.run("repair", delete_extra=deletes)
    apart = {"invocations", "seconds", "keys_per_second"}
    assert {k: v for k, v in found.items() if k not in apart} == {
        k: v for k, v in expected.items() if k not in apart
    }
    assert sliced.queued() == whole.queued()
    assert found["invocations"] >= len(kinds) // (keys + 3)


def test_a_slice_that_is_repeated_counts_nothing_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    world.source.update({f"{n:03}": (1, EARLY) for n in range(30)})
    let_a_second_pass_with_every_key(monkeypatch)
    world.seconds = 10 / 0.8
    world.handle({"destination": "archive", "mode": "repair"})
    (event,) = world.invocations
    world.handle(event)
    world.handle(event)
    assert world.invocations[1] == {**world.invocations[2]} | {
        "progress": world.invocations[2]["progress"]
        | {"seconds": world.invocations[1]["progress"]["seconds"]}
    }


def test_an_interrupted_run_goes_on_with_next_of_its_last_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("fanout.reconcile.run.KEYS_BETWEEN_LOG_LINES", 100)
    world = World()
    world.source.update({f"{n:03}": (1, EARLY) for n in range(950)})
    sent = world.queue.send_message_batch

    def broken(**arguments: Any) -> Any:
        if len(world.queue.calls) == 5:
            raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "x")
        return sent(**arguments)

    monkeypatch.setattr(world.queue, "send_message_batch", broken)
    with pytest.raises(AwsError, match="SendMessageBatch"):
        world.run("repair")
    monkeypatch.undo()
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    last = lines[-1]
    assert (last["action"], last["queued"]) == ("reconciling", 500)
    answer = world.handle(last["next"])
    assert answer["queued"] == answer["differences"]["missing"] == 950
    assert world.queued() == list(world.source)


def test_a_run_of_everything_begins_one_for_each_destination() -> None:
    world = World(prefixes=["a/"])
    answer = world.handle({"destination": "all", "mode": "repair", "delete_extra": True})
    assert answer["begun"] == ["archive"]
    (event,) = world.invocations
    # The destination keeps the replicas of deleted objects.
    assert (event["destination"], event["delete_extra"]) == ("archive", False)
    assert world.handle(event)["complete"]
    world.invocations.clear()
    assert world.handle({"destination": "all", "mode": "audit", "prefix": "b/"})["begun"] == []


def test_a_destination_whose_run_will_fail_keeps_no_other_from_being_begun() -> None:
    world = World(replicate_deletes=True)
    world.variables = {}
    answer = world.handle({"destination": "all", "mode": "repair", "delete_extra": True})
    assert answer["begun"] == ["archive"]
    (event,) = world.invocations
    assert not event["delete_extra"]
    with pytest.raises(ConfigurationError):
        world.handle(event)


@pytest.mark.parametrize(
    ("event", "sentence"),
    [
        ([], r'Write an object, as in \{"destination": "all", "mode": "audit"\}'),
        ({}, "destination is missing: write one of archive, or all for each of them"),
        ({"destination": "other"}, "destination is 'other': write one of archive"),
        ({"destination": ["all"]}, "destination is .*: write one of archive"),
        ({"destination": "archive"}, "mode is missing: write audit to count .* or repair to queue"),
        ({"destination": "archive", "mode": "fix"}, "mode is 'fix': write audit"),
        (
            {"destination": "archive", "mode": "audit", "dry_run": True},
            "dry_run is unknown: write only",
        ),
        ({"destination": "archive", "mode": "audit", "prefix": 1}, "prefix is not text"),
        (
            {"destination": "archive", "mode": "audit", "prefix": "b/"},
            "Nothing that starts with 'b/' is replicated to archive: write .* one of a/",
        ),
        ({"destination": "archive", "mode": "repair", "delete_extra": 1}, "write one of them"),
        (
            {"destination": "archive", "mode": "audit", "delete_extra": True},
            "An audit deletes nothing .*: leave delete_extra out, or write mode repair",
        ),
        (
            {"destination": "archive", "mode": "repair", "delete_extra": True},
            "write replicate_deletes = true for it in the module, or leave delete_extra out",
        ),
        ({"destination": "archive", "mode": "audit", "progress": {}}, "copy the whole of `next`"),
        (
            {
                "destination": "archive",
                "mode": "audit",
                "progress": {"phase": "delete", "after": 1},
            },
            "copy the whole of `next`",
        ),
    ],
)
def test_an_event_that_does_not_say_what_to_do_is_answered_with_what_to_write(
    event: object, sentence: str
) -> None:
    world = World(prefixes=["a/"])
    answer = world.handle(event)
    assert list(answer) == ["error"]
    assert world.listings.pages == 0
    assert re.search(sentence, answer["error"]), answer


def test_nothing_is_deleted_that_the_module_does_not_allow() -> None:
    world = World(may_delete=False, replicate_deletes=True)
    answer = world.handle({"destination": "archive", "mode": "repair", "delete_extra": True})
    assert "write reconcile = { delete_extra = true } in the module" in answer["error"]


def test_open_uploads_are_counted_and_the_oldest_one_is_told() -> None:
    world = World(key_prefix="copies/")
    uploads = [("copies/b+c%2Bd", LATE), ("copies/a", EARLY), ("elsewhere", EARLY)]
    world.listings.uploads = {"destination-bucket": uploads}
    found = world.run("audit")["open_uploads"]
    assert found.pop("oldest_age_seconds") > 0
    assert found == {"count": 2, "oldest_key": "copies/a", "oldest_initiated": EARLY}
    world.listings.uploads = {"destination-bucket": uploads[:1]}
    assert world.run("audit")["open_uploads"]["oldest_key"] == "copies/b c+d"


def test_a_run_whose_open_uploads_nobody_may_see_has_done_its_work(
    capsys: pytest.CaptureFixture[str],
) -> None:
    world = World()
    world.source["missing"] = (1, EARLY)
    world.listings.refusal_of_uploads = ClientError(
        {"Error": {"Code": "AccessDenied", "Message": "no"}}, "ListMultipartUploads"
    )
    answer = world.run("repair")
    assert world.queued() == ["missing"]
    assert answer["complete"]
    assert (
        "ListMultipartUploads of destination-bucket: AccessDenied"
        in answer["open_uploads"]["error"]
    )
    (line,) = metrics_of(capsys.readouterr().out)
    assert line["ObjectsOutOfSync"] == 1
    assert "OpenMultipartUploads" not in line


def metrics_of(printed: str) -> list[dict[str, Any]]:
    """The lines in embedded metric format."""
    return [line for line in map(json.loads, printed.splitlines()) if "_aws" in line]


@pytest.mark.parametrize(("replicate_deletes", "out_of_sync"), [(True, 4), (False, 3)])
def test_a_whole_run_is_a_metric(
    replicate_deletes: bool, out_of_sync: int, capsys: pytest.CaptureFixture[str]
) -> None:
    world = World(**RULES, replicate_deletes=replicate_deletes)
    planted(world)
    world.run("audit")
    (line,) = metrics_of(capsys.readouterr().out)
    assert line["ObjectsOutOfSync"] == out_of_sync
    assert line["ObjectsListed"] == 10
    (directive,) = line["_aws"]["CloudWatchMetrics"]
    assert all(name in line for metric in directive["Metrics"] for name in [metric["Name"]])
    assert all(name in line for dimensions in directive["Dimensions"] for name in dimensions)


def test_a_part_of_a_run_is_no_metric(capsys: pytest.CaptureFixture[str]) -> None:
    world = World()
    world.run("audit", prefix="a")
    assert metrics_of(capsys.readouterr().out) == []


def test_an_answer_says_which_bucket_cannot_be_listed() -> None:
    world = World()
    world.listings.refusal = ClientError(
        {"Error": {"Code": "AccessDenied", "Message": "no"}}, "ListObjectsV2"
    )
    with pytest.raises(AwsError, match="ListObjectsV2 of source-bucket: AccessDenied: no"):
        world.run("audit")


def test_the_function_starts_with_what_the_module_writes(monkeypatch: pytest.MonkeyPatch) -> None:
    settings: dict[str, Any] = {
        "functions": {"archive": "photos-fanout-archive"},
        "delete_extra": False,
        "delete_limit": 1000,
        "region": "eu-west-1",
        "log_level": "INFO",
    }
    monkeypatch.setenv("RECONCILE", json.dumps(settings))
    handle = importlib.import_module("fanout.reconcile.handler").handle
    assert "write one of archive" in handle({}, World())["error"]
    for wrong in (
        {"log_level": "LOUD"},
        {"delete_limit": "1000"},
        {"functions": ["archive"]},
        {"functions": {"archive": 1}},
        {"more": 1},
    ):
        with pytest.raises(ConfigurationError):
            load_reconciliation({"RECONCILE": json.dumps(settings | wrong)})


def test_settings_of_another_version_are_refused() -> None:
    world = World()
    world.variables["DESTINATION"] = "{}"
    with pytest.raises(ConfigurationError, match="different versions"):
        world.run("audit")


def test_a_continued_run_fits_into_an_asynchronous_invocation(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    let_a_second_pass_with_every_key(monkeypatch)
    world = World()
    for kind in range(4):
        for n in range(12):
            key = f"{kind}{n:02}" + "\x01" * 1021
            if kind != 3:
                world.source[key] = (1, LATE)
            if kind != 0:
                world.replicas[key] = (kind, EARLY)
    world.seconds = 20 / 0.8
    answer = world.run("audit")  # ``World.invoke`` looks at the size
    assert answer["differences"] == {"missing": 12, "resized": 12, "stale": 12, "extra": 12}
    assert answer["invocations"] > 1
