"""One invocation: which keys are worked on, which messages come back, and when."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from fanout.replicate import batch
from fanout.replicate.batch import MAX_RECEIVES, BatchProcessor, DirectDeliveryError
from fanout.replicate.buckets import COPY_TIMEOUT_SECONDS
from fanout.replicate.decode import decode_message
from fanout.replicate.failures import FailureKind
from fanout.replicate.protocol import Ending, Finish
from fanout.replicate.replicator import SUSPECT_RECEIVES
from fanout.replicate.report import Report
from fanout.replicate.work_queue import (
    DESTINATION_BACKOFF_SECONDS,
    DESTINATION_PATIENCE_SECONDS,
    LAST_CHANCE_SECONDS,
    OUTAGE_BACKOFF_SECONDS,
    WorkQueue,
    backoff_seconds,
)
from hypothesis import given
from hypothesis import strategies as st

from .builders import (
    BODY,
    DESTINATION_BUCKET,
    ETAG,
    EVENT_SECONDS,
    FOREVER,
    QUEUE_URL,
    SOURCE_BUCKET,
    Bench,
    S3World,
    batch_operations_event,
    config,
    event_of_test,
    failure,
    s3_event,
    s3_record,
    sns_event,
    sqs_record,
)

PATIENCE_SECONDS = 5
"""How long a thread of a test waits for another one before the test fails."""


def message(*keys: str, name: str = "", receives: int = 1, **about: Any) -> dict[str, Any]:
    """A message about some keys, with the first one's name."""
    return sqs_record(s3_event(*keys, **about), name=name or f"{keys[0]}'s", receives=receives)


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """The log."""
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


# Which messages come back


def test_every_message_of_a_batch_is_answered_for_itself(bench: Bench) -> None:
    bench.endings = {"b": failure(FailureKind.TRANSIENT), "d": failure(FailureKind.DESTINATION)}

    assert sorted(bench.failures(*(message(key) for key in "abcde"))) == ["b's", "d's"]


def test_a_batch_that_is_done_has_no_failures(bench: Bench) -> None:
    endings = [Ending.COPIED, Ending.TAGGED, Ending.DELETED, Ending.CURRENT, Ending.ABSENT]
    bench.endings = {str(ending): Finish(ending) for ending in endings}

    assert bench.failures(*(message(key) for key in bench.endings)) == []


def test_a_key_that_does_not_settle_comes_back(bench: Bench) -> None:
    bench.endings = {"key": Finish(Ending.UNSETTLED)}

    assert bench.failures(message("key")) == ["key's"]


@pytest.mark.parametrize("receives", [1, 2])
def test_a_copy_that_does_not_equal_its_source_is_tried_again(bench: Bench, receives: int) -> None:
    bench.endings = {"key": Finish(Ending.DIFFERS)}

    assert bench.failures(message("key", receives=receives)) == ["key's"]
    assert bench.calls("send_message") == []


def test_a_copy_that_never_equals_its_source_becomes_a_letter(bench: Bench) -> None:
    bench.endings = {"key": Finish(Ending.DIFFERS)}

    assert bench.failures(message("key", receives=3)) == []
    assert bench.letter()[1]["Reason"] == "DstObjectDiffers"


def test_a_bug_costs_one_message_and_not_its_batch(bench: Bench) -> None:
    bench.endings = {"b": KeyError("surprise")}

    assert bench.failures(*(message(key) for key in "abc")) == ["b's"]
    assert sorted(bench.converged) == ["a", "b", "c"]


@pytest.mark.parametrize("bad", ["a", "b", "c"])
def test_a_message_is_done_when_all_its_keys_are(bench: Bench, bad: str) -> None:
    bench.endings = {bad: failure(FailureKind.TRANSIENT)}

    assert bench.failures(message("a", "b", "c"), message("d")) == ["a's"]
    assert sorted(bench.converged) == ["a", "b", "c", "d"]


@pytest.mark.parametrize(
    ("kinds", "comes_back", "calls"),
    [
        ({FailureKind.OBJECT, FailureKind.TRANSIENT}, True, ["change_message_visibility"]),
        ({FailureKind.TRANSIENT, FailureKind.UNKNOWN_OUTCOME}, True, []),
        ({FailureKind.DESTINATION, FailureKind.UNKNOWN_OUTCOME}, True, []),
        ({FailureKind.OBJECT, FailureKind.UNKNOWN_OUTCOME}, True, []),
    ],
)
@pytest.mark.parametrize("reverse", [False, True])
def test_of_several_failures_in_a_message_the_one_that_waits_longest_decides(
    bench: Bench, kinds: set[FailureKind], comes_back: bool, calls: list[str], reverse: bool
) -> None:
    ordered = sorted(kinds, key=lambda kind: kind.value, reverse=reverse)
    bench.endings = {f"k{n}": failure(kind) for n, kind in enumerate(ordered)}

    assert bench.failures(message(*bench.endings, name="m")) == ["m"] * comes_back
    assert [call for call, _ in bench.journal if call != "converged"] == calls


def test_a_test_event_is_done(bench: Bench) -> None:
    assert bench.failures(sqs_record(event_of_test())) == []
    assert bench.journal == []


# Which keys are worked on


def test_a_key_that_is_in_several_messages_is_worked_on_once(bench: Bench) -> None:
    batch = [message("key", name="1"), message("key", name="2"), message("other", "key", name="3")]

    assert bench.failures(*batch) == []
    assert sorted(bench.converged) == ["key", "other"]


def test_all_messages_of_a_key_share_how_it_ended(bench: Bench) -> None:
    bench.endings = {"key": failure(FailureKind.TRANSIENT)}
    batch = [
        message("key", name="1"),
        message("other", name="2"),
        message("key", "other", name="3"),
    ]

    assert sorted(bench.failures(*batch)) == ["1", "3"]


def test_of_several_events_for_a_key_the_last_one_is_followed(bench: Bench) -> None:
    bench.failures(message("key", name="1", eTag="0" * 32), message("key", name="2", eTag="1" * 32))

    assert bench.etags == {"key": "1" * 32}


@pytest.mark.parametrize(
    ("event", "receives", "etag"),
    [
        ("ObjectCreated:Put", 1, ETAG),
        ("ObjectCreated:Post", 1, ETAG),
        ("ObjectCreated:Put", 2, None),
        ("ObjectCreated:Put", SUSPECT_RECEIVES, None),
        ("ObjectCreated:Copy", 1, None),
        ("ObjectCreated:CompleteMultipartUpload", 1, None),
        ("ObjectRemoved:Delete", 1, None),
        ("ObjectTagging:Put", 1, None),
    ],
)
def test_only_a_plain_first_delivery_is_copied_before_anybody_looks(
    event: str, receives: int, etag: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = Bench(config(replicate_deletes=True))
    monkeypatch.setattr("fanout.replicate.replicator.converge", bench.converge)
    bench.failures(message("key", event=event, receives=receives))

    assert bench.etags == {"key": etag}


@pytest.mark.parametrize(
    ("storage_class", "etag"), [(None, ETAG), ("GLACIER_IR", ETAG), ("SOURCE", None)]
)
def test_the_class_of_the_source_is_seen_before_it_is_asked_for(
    monkeypatch: pytest.MonkeyPatch, storage_class: str | None, etag: str | None
) -> None:
    bench = Bench(config(storage_class=storage_class))
    monkeypatch.setattr("fanout.replicate.replicator.converge", bench.converge)

    bench.failures(message("key"))

    assert bench.etags == {"key": etag}


def test_the_events_of_other_buckets_are_none_of_ours(bench: Bench) -> None:
    ours_too = {"Records": [s3_record("theirs", bucket="another"), s3_record("ours")]}

    assert (
        bench.failures(message("key", bucket="another"), sqs_record(ours_too, name="mixed")) == []
    )
    assert bench.converged == ["ours"]


def test_a_key_the_destination_does_not_want_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(config(prefixes=["logs/"], exclude_prefixes=["logs/tmp/"], suffixes=[".csv"]))
    monkeypatch.setattr("fanout.replicate.replicator.converge", bench.converge)
    unwanted = ["data/a.csv", "logs/tmp/a.csv", "logs/a.txt"]

    assert bench.failures(*(message(key) for key in [*unwanted, "logs/a.csv"])) == []
    assert bench.converged == ["logs/a.csv"]


def test_the_ten_messages_of_a_batch_are_worked_on_at_once(bench: Bench) -> None:
    everybody = threading.Barrier(10)

    def meet() -> Finish:
        everybody.wait(PATIENCE_SECONDS)
        return Finish(Ending.COPIED)

    keys = [f"key {n}" for n in range(10)]
    bench.endings = dict.fromkeys(keys, meet)

    assert bench.failures(*(message(key) for key in keys)) == []


# Deleting


def test_a_message_is_deleted_while_others_are_still_worked_on(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    deleted = threading.Event()
    delete = bench.delete_message_batch

    def delete_and_tell(**arguments: object) -> None:
        delete(**arguments)
        deleted.set()

    def slow() -> Finish:
        return Finish(Ending.COPIED if deleted.wait(PATIENCE_SECONDS) else Ending.UNSETTLED)

    monkeypatch.setattr(bench, "delete_message_batch", delete_and_tell)
    monkeypatch.setattr(batch, "EARLY_DELETE_AFTER_SECONDS", 0.1)
    bench.endings = {"slow": slow}

    assert bench.failures(message("slow"), message("quick")) == []
    assert bench.calls("delete_message_batch") == [
        {"QueueUrl": QUEUE_URL, "Entries": [{"Id": "0", "ReceiptHandle": "receipt of quick's"}]}
    ]


def test_messages_done_together_are_left_to_the_answer_which_deletes_them_anyway(
    bench: Bench,
) -> None:
    bench.failures(message("key"))
    bench.failures(message("a"), message("b"))

    assert [name for name, _ in bench.journal] == ["converged"] * 3


def test_a_message_that_comes_back_is_not_deleted(bench: Bench) -> None:
    bench.endings = {key: failure(FailureKind.TRANSIENT) for key in "abc"}

    bench.failures(*(message(key) for key in "abc"), message("last", receives=SUSPECT_RECEIVES))

    assert bench.deleted == []


def test_a_delete_that_is_refused_costs_nothing(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    bench.refused = {"delete_message_batch"}

    assert bench.failures(message("a"), message("b", receives=SUSPECT_RECEIVES)) == []
    assert "queue-call-failed" in [line["action"] for line in lines(capsys)]


# Suspects


def test_suspects_are_worked_on_last_and_alone(bench: Bench) -> None:
    running: set[str] = set()
    together: dict[str, set[str]] = {}
    lock = threading.Lock()

    def watched(key: str) -> Callable[[], Finish]:
        def work() -> Finish:
            with lock:
                running.add(key)
                together[key] = set(running)
            with lock:
                running.remove(key)
            return Finish(Ending.COPIED)

        return work

    suspects = {"worst": 9, "bad": SUSPECT_RECEIVES, "worse": SUSPECT_RECEIVES + 1}
    fresh = {"new": 1, "known": SUSPECT_RECEIVES - 1}
    bench.endings = {key: watched(key) for key in suspects | fresh}

    bench.failures(
        message("worst", receives=9),
        message("bad", receives=SUSPECT_RECEIVES),
        message("new", receives=1),
        message("worse", receives=SUSPECT_RECEIVES + 1),
        message("known", receives=SUSPECT_RECEIVES - 1),
    )

    assert bench.converged[2:] == ["bad", "worse", "worst"]
    assert all(together[key] == {key} for key in suspects)


def test_when_a_suspect_ends_the_process_everybody_else_is_done(bench: Bench) -> None:
    bench.endings = {"poison": SystemExit(137)}

    with pytest.raises(SystemExit):
        bench.failures(message("poison", receives=3), message("a"), message("b"))

    assert sorted(bench.deleted) == ["receipt of a's", "receipt of b's"]


def test_a_call_deletes_up_to_ten_messages(bench: Bench) -> None:
    keys = [f"key {number}" for number in range(12)]

    bench.failures(*(message(key) for key in keys), message("last", receives=SUSPECT_RECEIVES))

    assert [len(call["Entries"]) for call in bench.calls("delete_message_batch")] == [10, 2]
    assert sorted(bench.deleted) == sorted(f"receipt of {key}'s" for key in keys)


def test_the_keys_of_a_suspect_are_not_worked_on_with_those_of_another(bench: Bench) -> None:
    bench.failures(message("key", name="1", receives=3), message("key", name="2", receives=4))

    assert bench.converged == ["key", "key"]


# Waiting


def test_a_failed_message_waits_in_the_queue(bench: Bench) -> None:
    bench.endings = {"key": failure(FailureKind.TRANSIENT)}

    bench.failures(message("key", receives=4))

    (call,) = bench.calls("change_message_visibility")
    assert (call["QueueUrl"], call["ReceiptHandle"]) == (QUEUE_URL, "receipt of key's")
    assert 4 <= call["VisibilityTimeout"] <= 8


def test_after_an_unknown_outcome_a_message_waits_until_the_write_must_be_over(
    bench: Bench,
) -> None:
    bench.endings = {"key": failure(FailureKind.UNKNOWN_OUTCOME)}

    last = message("last", receives=SUSPECT_RECEIVES)
    assert bench.failures(message("key"), message("other"), last) == ["key's"]
    assert bench.calls("change_message_visibility") == []
    assert bench.deleted == ["receipt of other's"]


@pytest.mark.parametrize("paused", [0, 5 * 24 * 3600])
@pytest.mark.parametrize(
    ("age", "letter"),
    [(0, False), (DESTINATION_PATIENCE_SECONDS, False), (DESTINATION_PATIENCE_SECONDS + 1, True)],
)
def test_a_broken_destination_is_waited_for_before_a_letter_is_written(
    bench: Bench, paused: float, age: int, letter: bool
) -> None:
    bench.endings = {"key": failure(FailureKind.DESTINATION)}
    sent_at = EVENT_SECONDS - age - paused
    record = sqs_record(s3_event("key"), name="m", receives=2, sent_at=sent_at, waited=paused)

    assert bench.failures(record) == ([] if letter else ["m"])
    assert len(bench.calls("send_message")) == letter
    if not letter:
        (call,) = bench.calls("change_message_visibility")
        assert 15 <= call["VisibilityTimeout"] <= 30


@pytest.mark.parametrize(
    "kind", [FailureKind.TRANSIENT, FailureKind.DESTINATION, FailureKind.UNKNOWN_OUTCOME]
)
@pytest.mark.parametrize(
    ("age", "letter"), [(LAST_CHANCE_SECONDS, 0), (LAST_CHANCE_SECONDS + 1, 1)]
)
def test_what_fails_becomes_a_letter_before_the_queue_drops_it(
    bench: Bench, kind: FailureKind, age: float, letter: int
) -> None:
    bench.endings = {"key": failure(kind)}
    sent_at = EVENT_SECONDS - age
    record = sqs_record(s3_event("key"), name="m", sent_at=sent_at, waited=age)

    assert bench.failures(record) == ([] if letter else ["m"])
    assert len(bench.calls("send_message")) == letter


def test_a_copy_under_way_is_not_given_up_for_its_age(bench: Bench) -> None:
    bench.endings = {"key": failure(FailureKind.UNFINISHED)}

    assert bench.failures(sqs_record(s3_event("key"), name="m", sent_at=0)) == ["m"]


def test_what_may_end_the_process_is_not_begun_when_its_neighbours_took_the_time(
    bench: Bench,
) -> None:
    batch = [message("suspect", receives=SUSPECT_RECEIVES), message("fresh")]

    answer = bench.replicator.handle_queue(batch, deadline=0)

    assert bench.converged == ["fresh"]
    assert answer == {"batchItemFailures": [{"itemIdentifier": "suspect's"}]}
    (call,) = bench.calls("change_message_visibility")
    assert call["VisibilityTimeout"] == 0


def test_a_refused_change_of_visibility_still_brings_the_message_back(bench: Bench) -> None:
    bench.refused = {"change_message_visibility"}
    bench.endings = {"key": failure(FailureKind.TRANSIENT)}

    assert bench.failures(message("key")) == ["key's"]


@pytest.mark.parametrize(
    ("kind", "receives", "shortest", "longest"),
    [
        (FailureKind.TRANSIENT, 1, 0, 1),
        (FailureKind.TRANSIENT, 2, 1, 2),
        (FailureKind.TRANSIENT, 5, 8, 16),
        (FailureKind.TRANSIENT, 7, 30, 60),
        (FailureKind.TRANSIENT, 10, 30, 60),
        (FailureKind.TRANSIENT, 11, 150, 300),
        (FailureKind.TRANSIENT, 10_000, 150, 300),
        (FailureKind.UNFINISHED, 1, 0, 0),
        (FailureKind.UNFINISHED, 10_000, 0, 0),
        (FailureKind.DESTINATION, 1, 8, 15),
        (FailureKind.DESTINATION, 3, 30, 60),
        (FailureKind.DESTINATION, 7, 450, 900),
        (FailureKind.DESTINATION, 10_000, 450, 900),
    ],
)
def test_a_back_off_doubles_up_to_its_bound(
    kind: FailureKind, receives: int, shortest: int, longest: int
) -> None:
    assert backoff_seconds(kind, receives, lambda: 0.0) == shortest
    assert backoff_seconds(kind, receives, lambda: 1.0) == longest


@given(
    kind=st.sampled_from([FailureKind.TRANSIENT, FailureKind.DESTINATION]),
    receives=st.integers(1, 1000),
    rand=st.floats(0, 1, exclude_max=True),
)
def test_a_back_off_never_shrinks_and_never_exceeds_its_bound(
    kind: FailureKind, receives: int, rand: float
) -> None:
    _, high = {
        FailureKind.DESTINATION: DESTINATION_BACKOFF_SECONDS,
        FailureKind.TRANSIENT: OUTAGE_BACKOFF_SECONDS,
    }[kind]
    now, next_time = (backoff_seconds(kind, receives + n, lambda: rand) for n in (0, 1))

    assert 0 <= now <= next_time <= high
    assert isinstance(now, int)


# Letters


def test_a_message_that_came_too_often_becomes_a_letter_and_is_not_worked_on(bench: Bench) -> None:
    last = message("poison", receives=MAX_RECEIVES)
    assert bench.failures(last, message("a")) == []
    assert bench.calls("send_message") == []

    assert bench.failures(message("poison", receives=MAX_RECEIVES + 1), message("b")) == []

    body, attributes = bench.letter()
    assert body == last["body"]
    assert attributes["Reason"] == "ReceivedTooOften"
    assert bench.converged == ["a", "poison", "b"]


def test_what_will_never_work_becomes_a_letter_that_says_why(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    bench.endings = {
        "key": failure(FailureKind.OBJECT, "SrcObjectArchived", "it is in the archive")
    }
    record = message("key")

    assert bench.failures(record) == []

    body, attributes = bench.letter()
    assert body == record["body"]
    assert attributes == {
        "Reason": "SrcObjectArchived",
        "Error": "S3Code",
        "Explanation": "it is in the archive",
        "Key": "key",
        "Destination": "archive",
        "RequestId": "REQUEST1",
    }
    assert lines(capsys)[-1] == {
        "level": "ERROR",
        "action": "dead-letter",
        "destination": "archive",
        "key": "key",
        "reason": "SrcObjectArchived",
        "error": "S3Code",
        "explanation": "it is in the archive",
        "request_id": "REQUEST1",
    }


def test_a_malformed_message_becomes_a_letter_and_harms_nobody(bench: Bench) -> None:
    garbage = 'not JSON "at all"\n'

    assert bench.failures(message("a"), sqs_record(garbage, name="bad"), message("b")) == []

    body, attributes = bench.letter()
    assert body == garbage
    assert attributes["Reason"] == attributes["Error"] == "MalformedMessage"
    assert attributes["RequestId"] == "-"
    assert attributes["Explanation"].startswith("not JSON")
    assert sorted(bench.converged) == ["a", "b"]


def test_a_malformed_suspect_becomes_a_letter_too(bench: Bench) -> None:
    assert bench.failures(sqs_record("{}", receives=7)) == []
    assert bench.letter()[0] == "{}"


def test_no_attribute_of_a_letter_is_empty_or_endless_because_sqs_refuses_those(
    bench: Bench,
) -> None:
    bench.endings = {"key": failure(FailureKind.OBJECT, "Reason", "x" * 300_000)}
    bench.endings["key"].error = bench.endings["key"].request_id = ""  # type: ignore[union-attr]

    bench.failures(message("key"))

    _, attributes = bench.letter()
    assert all(0 < len(value) <= 1000 for value in attributes.values())


def test_a_message_whose_letter_cannot_be_sent_comes_back(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    bench.refused = {"send_message"}
    bench.endings = {"key": failure(FailureKind.OBJECT)}

    assert bench.failures(message("key"), sqs_record("{}", name="bad"), message("good")) == [
        "bad",
        "key's",
    ]
    assert "dead-letter" not in [line["action"] for line in lines(capsys)]


# Delivered by SNS itself


def test_an_event_delivered_by_sns_is_worked_on(bench: Bench) -> None:
    bench.replicator.handle_sns(sns_event(s3_event("a", "b")), FOREVER)

    assert bench.etags == {"a": ETAG, "b": ETAG}
    assert [call for call, _ in bench.journal] == ["converged", "converged"]


@pytest.mark.parametrize(
    "kind", [FailureKind.TRANSIENT, FailureKind.DESTINATION, FailureKind.UNKNOWN_OUTCOME]
)
def test_a_failed_event_is_left_to_the_work_queue(bench: Bench, kind: FailureKind) -> None:
    bench.endings = {"a": failure(FailureKind.OBJECT), "b": failure(kind, "ReasonB")}

    with pytest.raises(DirectDeliveryError, match=r"left for the work queue: ReasonB$"):
        bench.replicator.handle_sns(sns_event(s3_event("a", "b", "c")), FOREVER)

    assert sorted(bench.converged) == ["a", "b", "c"]
    assert bench.calls("send_message") == []


def test_an_event_that_does_not_settle_is_left_to_the_work_queue(bench: Bench) -> None:
    bench.endings = {"a": Finish(Ending.UNSETTLED), "b": failure(FailureKind.OBJECT)}

    with pytest.raises(DirectDeliveryError, match="NotSettled"):
        bench.replicator.handle_sns(sns_event(s3_event("a", "b")), FOREVER)

    assert bench.calls("send_message") == []


@pytest.mark.parametrize("endings", [["a"], ["a", "b"]])
def test_an_event_of_which_nothing_else_is_left_becomes_one_letter(
    bench: Bench, endings: list[str]
) -> None:
    bench.endings = {key: failure(FailureKind.OBJECT, "SrcObjectArchived") for key in endings}
    event = sns_event(s3_event("a", "b", "c"))

    bench.replicator.handle_sns(event, FOREVER)

    body, attributes = bench.letter()
    assert json.loads(body) == event
    assert attributes["Reason"] == "SrcObjectArchived"


def test_an_event_that_will_never_work_becomes_a_letter_at_once(bench: Bench) -> None:
    event = sns_event(s3_event("caf\u00e9"))
    bench.endings = {"caf\u00e9": failure(FailureKind.OBJECT, "SrcObjectArchived")}

    bench.replicator.handle_sns(event, FOREVER)

    body, attributes = bench.letter()
    assert json.loads(body) == event
    assert attributes["Reason"] == "SrcObjectArchived"


def test_an_event_nobody_understands_becomes_a_letter(bench: Bench) -> None:
    event = {"Records": [{"eventSource": "aws:kinesis"}]}

    bench.replicator.handle_sns(event, FOREVER)

    body, attributes = bench.letter()
    assert json.loads(body) == event
    assert attributes["Reason"] == "MalformedMessage"


def test_an_event_whose_letter_cannot_be_sent_is_left_to_the_work_queue(bench: Bench) -> None:
    bench.refused = {"send_message"}

    with pytest.raises(DirectDeliveryError, match="MalformedMessage"):
        bench.replicator.handle_sns({"Records": []}, FOREVER)


# Tasks of S3 Batch Operations


def answered(bench: Bench, *keys: str, **about: Any) -> list[dict[str, str]]:
    """The results of some tasks."""
    results: list[dict[str, str]] = bench.replicator.handle_batch_operations(
        batch_operations_event(*keys, **about), FOREVER
    )["results"]
    return results


@pytest.mark.parametrize("schema", ["1.0", "2.0"])
def test_the_tasks_of_a_batch_are_answered_in_its_own_schema(bench: Bench, schema: str) -> None:
    bench.endings = {
        "b": failure(FailureKind.TRANSIENT, "S3Unavailable"),
        "c": failure(FailureKind.OBJECT),
    }
    event = batch_operations_event("a", "b", "c", schema=schema)

    assert bench.replicator.handle_batch_operations(event, FOREVER) == {
        "invocationSchemaVersion": schema,
        "treatMissingKeysAs": "PermanentFailure",
        "invocationId": "i",
        "results": [
            {"taskId": "task 0", "resultCode": "Succeeded", "resultString": ""},
            {
                "taskId": "task 1",
                "resultCode": "TemporaryFailure",
                "resultString": "S3Unavailable: because",
            },
            {
                "taskId": "task 2",
                "resultCode": "PermanentFailure",
                "resultString": "Reason: because",
            },
        ],
    }
    assert [call for call, _ in bench.journal] == ["converged"] * 3


@pytest.mark.parametrize(
    ("ending", "code"),
    [
        (Finish(Ending.COPIED), "Succeeded"),
        (Finish(Ending.CURRENT), "Succeeded"),
        (Finish(Ending.ABSENT), "Succeeded"),
        (Finish(Ending.UNSETTLED), "TemporaryFailure"),
        (Finish(Ending.DIFFERS), "TemporaryFailure"),
        (failure(FailureKind.TRANSIENT), "TemporaryFailure"),
        (failure(FailureKind.DESTINATION), "TemporaryFailure"),
        (failure(FailureKind.UNKNOWN_OUTCOME), "TemporaryFailure"),
        (failure(FailureKind.OBJECT), "PermanentFailure"),
        (KeyError("surprise"), "TemporaryFailure"),
    ],
)
def test_a_task_that_may_succeed_later_is_a_temporary_failure(
    bench: Bench, ending: Any, code: str
) -> None:
    bench.endings = {"key": ending}

    (result,) = answered(bench, "key")

    assert result["resultCode"] == code
    assert bool(result["resultString"]) == (code != "Succeeded")


def test_a_task_whose_write_may_still_land_is_looked_at_again_when_it_must_have(
    bench: Bench,
) -> None:
    bench.endings = {"a b": failure(FailureKind.UNKNOWN_OUTCOME)}

    answered(bench, "a b", "c")

    (sent,) = bench.calls("send_message")
    assert (sent["QueueUrl"], sent["DelaySeconds"]) == (QUEUE_URL, COPY_TIMEOUT_SECONDS)
    assert [change.key for change in decode_message(sent["MessageBody"])] == ["a b"]


def test_a_task_says_nothing_of_the_object_so_that_it_is_looked_at(bench: Bench) -> None:
    answered(bench, "key")

    assert bench.etags == {"key": None}


def test_a_task_for_another_bucket_is_a_permanent_failure(bench: Bench) -> None:
    (result,) = answered(bench, "key", bucket="another")

    assert result["resultCode"] == "PermanentFailure"
    assert result["resultString"] == "another is not the source bucket"
    assert bench.journal == []


def test_a_task_for_a_key_the_destination_does_not_want_is_done(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bench = Bench(config(prefixes=["logs/"]))
    monkeypatch.setattr("fanout.replicate.replicator.converge", bench.converge)

    results = answered(bench, "data/a", "logs/a")

    assert [result["resultCode"] for result in results] == ["Succeeded"] * 2
    assert bench.converged == ["logs/a"]


def test_the_explanation_of_a_task_has_its_bound(bench: Bench) -> None:
    bench.endings = {"key": failure(FailureKind.OBJECT, "Reason", "x" * 3000)}

    (result,) = answered(bench, "key")

    assert len(result["resultString"]) == 1024


# The log


def test_every_key_has_a_line_that_says_how_it_ended(
    bench: Bench, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fanout.replicate.report.time.time", lambda: EVENT_SECONDS + 2)
    bench.failures(message("key", receives=2))
    bench.endings = {"key": failure(FailureKind.TRANSIENT, "S3Unavailable")}
    bench.failures(message("key"))

    done, failed = lines(capsys)
    assert done == {
        "level": "INFO",
        "action": "copied",
        "destination": "archive",
        "key": "key",
        "destination_key": "key",
        "bytes": len(BODY),
        "delay_seconds": 2.0,
        "event": "ObjectCreated:Put",
        "receives": 2,
        "calls": 0,
    }
    assert failed["level"] == "WARNING"
    assert failed["action"] == "failed"
    assert failed["reason"] == "S3Unavailable"
    assert failed["error"] == "S3Code"
    assert failed["explanation"] == "because"
    assert failed["request_id"] == "REQUEST1"
    assert failed["delay_seconds"] == 2.0


def test_a_bug_is_named_in_the_line_of_its_key(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    bench.endings = {"key": KeyError("surprise")}

    bench.failures(message("key"))

    (line,) = lines(capsys)
    assert line["reason"] == "InternalError"
    assert line["error"] == "KeyError"
    assert "surprise" in line["explanation"]


# With S3


def replicator(s3: S3World, **changed: object) -> BatchProcessor:
    """A replicator with S3 and no queue; ``changed`` are attributes of the destination."""
    settings = config(**changed)
    report = Report(settings)
    no_queue = WorkQueue(settings, SimpleNamespace(meta=Bench.meta), report)  # type: ignore[arg-type]
    return BatchProcessor(settings, s3.to(settings.destination), no_queue, report)


def test_the_common_case_is_one_copy_and_two_heads_and_no_queue_call(
    s3: S3World, capsys: pytest.CaptureFixture[str]
) -> None:
    s3.put("dir/a key")
    done = replicator(s3, key_prefix="to/").handle_queue([message("dir/a key")], FOREVER)

    assert done == {"batchItemFailures": []}
    assert s3.wire.operations == ["CopyObject", "HeadObject", "HeadObject"]
    assert s3.replica("to/dir/a key") == BODY
    (line,) = lines(capsys)
    assert (line["action"], line["bytes"], line["calls"]) == ("copied", len(BODY), 3)


def test_a_replica_in_another_storage_class_than_asked_for_is_written_again(s3: S3World) -> None:
    s3.put("key")
    copied = "ObjectCreated:Copy"
    replicator(s3).handle_queue([message("key", event=copied)], FOREVER)

    replicator(s3, storage_class="GLACIER_IR").handle_queue([message("key", event=copied)], FOREVER)

    kept = s3.hand.head_object(Bucket=DESTINATION_BUCKET, Key="key")
    assert kept["StorageClass"] == "GLACIER_IR"


# What each change costs


def deliver(s3: S3World, event: str, *, receives: int = 1, **changed: object) -> list[str]:
    """The operations that a message about "key" takes; ``changed`` as for ``replicator``."""
    s3.wire.requests.clear()
    done = replicator(s3, **changed).handle_queue(
        [message("key", event=event, receives=receives)], FOREVER
    )
    assert done == {"batchItemFailures": []}
    return s3.wire.operations


def tagged(s3: S3World, bucket: str) -> None:
    """Tag the object in a bucket."""
    tags: Any = {"TagSet": [{"Key": "a", "Value": "2"}]}
    s3.hand.put_object_tagging(Bucket=bucket, Key="key", Tagging=tags)


LOOK = ["HeadObject", "HeadObject"]
LOOK_WITH_TAGS = ["GetObjectTagging", "GetObjectTagging", *LOOK]


def test_a_replica_that_is_current_costs_two_heads(s3: S3World) -> None:
    s3.put()
    deliver(s3, "ObjectCreated:Put")

    assert deliver(s3, "ObjectCreated:Put", receives=2) == LOOK
    assert deliver(s3, "ObjectCreated:Copy") == LOOK


def test_a_put_that_nobody_may_copy_before_looking_costs_four_heads_and_a_copy(
    s3: S3World,
) -> None:
    s3.put(StorageClass="STANDARD_IA")

    operations = deliver(s3, "ObjectCreated:Put", storage_class="SOURCE")

    assert operations == ["CopyObject", *LOOK, *LOOK]
    kept = s3.hand.head_object(Bucket=DESTINATION_BUCKET, Key="key")
    assert kept["StorageClass"] == "STANDARD_IA"


def test_tags_cost_two_reads_and_a_write_and_nothing_where_they_are_not_replicated(
    s3: S3World,
) -> None:
    s3.put(Tagging="a=1")
    deliver(s3, "ObjectCreated:Put")
    tagged(s3, SOURCE_BUCKET)

    assert deliver(s3, "ObjectTagging:Put", replicate_tags=False) == []
    assert deliver(s3, "ObjectTagging:Put") == sorted(
        [*LOOK_WITH_TAGS, "PutObjectTagging", *LOOK_WITH_TAGS]
    )


def test_a_delete_costs_a_proof_a_delete_and_two_looks(s3: S3World) -> None:
    s3.put()
    deliver(s3, "ObjectCreated:Put")
    s3.hand.delete_object(Bucket=SOURCE_BUCKET, Key="key")

    operations = deliver(s3, "ObjectRemoved:Delete", replicate_deletes=True)

    assert operations == ["DeleteObject", "GetObject", *LOOK, *LOOK]
    assert s3.replica() is None


@pytest.mark.parametrize(
    "event",
    [
        "ObjectRemoved:Delete",
        "ObjectRemoved:DeleteMarkerCreated",
        "LifecycleExpiration:Delete",
        "LifecycleExpiration:DeleteMarkerCreated",
    ],
)
def test_a_delete_that_is_not_replicated_costs_nothing(s3: S3World, event: str) -> None:
    s3.put()
    deliver(s3, "ObjectCreated:Put")
    s3.hand.delete_object(Bucket=SOURCE_BUCKET, Key="key")

    assert deliver(s3, event) == []
    assert s3.replica() == BODY


def test_a_delete_does_not_hide_the_put_before_it(bench: Bench) -> None:
    assert bench.failures(message("key"), message("key", event="ObjectRemoved:Delete")) == []
    assert bench.converged == ["key"]


def test_a_late_event_of_a_deleted_object_costs_a_listing_and_a_head_more(s3: S3World) -> None:
    s3.version(SOURCE_BUCKET)
    s3.put()
    deliver(s3, "ObjectCreated:Put")
    s3.hand.delete_object(Bucket=SOURCE_BUCKET, Key="key")

    operations = deliver(s3, "ObjectTagging:Put")

    assert operations == [*LOOK, "HeadObject", "ListObjectVersions"]
    assert s3.replica() == BODY


def test_between_two_buckets_that_replicate_each_other_an_echo_costs_one_look(
    s3: S3World,
) -> None:
    # As the other way's function sees it: its source is where ours has just written.
    s3.put()
    deliver(s3, "ObjectCreated:Put")
    assert deliver(s3, "ObjectCreated:Copy", replicate_deletes=True) == LOOK

    tagged(s3, SOURCE_BUCKET)
    tagged(s3, DESTINATION_BUCKET)
    assert deliver(s3, "ObjectTagging:Put", replicate_deletes=True) == LOOK_WITH_TAGS

    for bucket in (SOURCE_BUCKET, DESTINATION_BUCKET):
        s3.hand.delete_object(Bucket=bucket, Key="key")
    assert deliver(s3, "ObjectRemoved:Delete", replicate_deletes=True) == LOOK


def test_where_a_source_bucket_is_lost_the_message_waits_and_the_replica_stays(
    s3: S3World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "fanout.replicate.work_queue.time", SimpleNamespace(time=lambda: EVENT_SECONDS)
    )
    s3.hand.put_object(Bucket=DESTINATION_BUCKET, Key="key", Body=BODY)
    s3.hand.delete_bucket(Bucket=SOURCE_BUCKET)
    settings, queue = config(replicate_deletes=True), Bench()
    report = Report(settings)
    with_queue = BatchProcessor(
        settings,
        s3.to(settings.destination),
        WorkQueue(settings, queue, report),  # type: ignore[arg-type]
        report,
    )

    done = with_queue.handle_queue([message("key", event="ObjectRemoved:Delete")], FOREVER)

    assert done == {"batchItemFailures": [{"itemIdentifier": "key's"}]}
    (call,) = queue.calls("change_message_visibility")
    assert 8 <= call["VisibilityTimeout"] <= 15
    assert "DeleteObject" not in s3.wire.operations
    assert s3.replica() == BODY
