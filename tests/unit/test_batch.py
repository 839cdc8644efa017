"""One invocation: which keys are processed, which messages fail, and for how long they are hidden."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from fanout.replicate import batch
from fanout.replicate.batch import MAX_RECEIVES, DirectDeliveryError
from fanout.replicate.decode import decode_message
from fanout.replicate.failures import FailureKind
from fanout.replicate.progress import Ending, Finish
from fanout.replicate.replicator import SUSPECT_RECEIVES
from fanout.replicate.work_queue import LATE_SECONDS

from support.events import (
    EVENT_SECONDS,
    batch_operations_event,
    event_of_test,
    s3_event,
    s3_record,
    sns_event,
    sqs_record,
)
from support.fake_s3 import FakeS3
from support.function import Bench, Function, KeyEnding
from support.objects import BODY, ETAG
from support.settings import (
    DESTINATION_BUCKET,
    ECHO_ENDING,
    FOREVER,
    LONGEST_WRITE_SECONDS,
    QUEUE_URL,
    SOURCE_BUCKET,
)
from support.values import failure

PATIENCE_SECONDS = 5
"""How long a thread of a test waits for another one before the test fails."""

OBJECT, UNFINISHED, WAITING, TRANSIENT, LATER, UNKNOWN = FailureKind

NewBench = Callable[..., Bench]
Log = Callable[[], list[dict[str, Any]]]


def message(*keys: str, name: str = "", receives: int = 1, **about: Any) -> dict[str, Any]:
    """A message about some keys, with the first one's name."""
    return sqs_record(s3_event(*keys, **about), name=name or f"{keys[0]}'s", receives=receives)


REASONS = "Reason|NotSettled|DstObjectDiffers|InternalError"
"""Of the endings below."""


# What becomes of a message, an event and a task, by how its key ended

DONE: list[KeyEnding] = [
    Finish(ending)
    for ending in (
        Ending.COPIED,
        Ending.TAGGED,
        Ending.DELETED,
        Ending.CURRENT,
        Ending.ABSENT,
        Ending.OVERTAKEN,
    )
]
FAILED: list[KeyEnding] = [
    Finish(Ending.UNSETTLED),
    Finish(Ending.DIFFERS),
    failure(TRANSIENT),
    failure(LATER),
    failure(UNKNOWN),
    KeyError("surprise"),
]
GIVEN_UP: list[KeyEnding] = [failure(OBJECT, "SrcObjectArchived")]


def by_ending(*results: object) -> pytest.MarkDecorator:
    """Every ending, with what becomes of it if it is done, failed or given up."""
    groups = (DONE, FAILED, GIVEN_UP)
    cases = [(e, result) for group, result in zip(groups, results, strict=True) for e in group]
    return pytest.mark.parametrize(("ending", "result"), cases, ids=lambda given: str(given)[:30])


@by_ending((0, 0), (1, 0), (0, 1))
def test_a_message_is_deleted_or_fails_or_is_a_dead_letter(
    bench: Bench, ending: KeyEnding, result: tuple[int, int]
) -> None:
    bench.endings = {"key": ending}

    assert sorted(bench.process(*map(message, ("a", "key", "b")))) == ["key's"] * result[0]
    assert len(bench.dead_letters) == result[1]
    assert sorted(bench.converged) == ["a", "b", "key"]


@by_ending(0, DirectDeliveryError, 1)
def test_an_event_delivered_by_sns_is_done_or_left_to_the_work_queue_or_is_a_dead_letter(
    bench: Bench, ending: KeyEnding, result: int | type[Exception]
) -> None:
    event = sns_event(s3_event("a", "key", "b"))
    bench.endings = {"key": ending, "b": failure(OBJECT)} if result != 0 else {"key": ending}

    if isinstance(result, int):
        bench.processor.handle_sns(event, FOREVER)
        assert [json.loads(letter.body) for letter in bench.dead_letters] == [event] * result
    else:
        with pytest.raises(result, match=rf"^left for the work queue: ({REASONS})$"):
            bench.processor.handle_sns(event, FOREVER)
        assert bench.dead_letters == []
    assert sorted(bench.converged) == ["a", "b", "key"]


@pytest.mark.parametrize(
    "ending", [Finish(Ending.WAITING), Finish(Ending.UNFINISHED, 1, "upload", (1, 2))], ids=str
)
def test_what_another_delivery_continues_is_left_to_the_work_queue(
    bench: Bench, ending: Finish
) -> None:
    bench.endings = {"key": ending}
    event = sns_event(s3_event("key"))

    bench.processor.handle_sns(event, FOREVER)
    assert json.loads(bench.sent()) == event

    result = bench.invoke(batch_operations_event("key"))["results"][0]
    assert result["resultCode"] == "Succeeded"
    assert [found.key for found in decode_message(bench.sent())] == ["key"]

    is_put_off = ending.ending is Ending.UNFINISHED
    assert bench.process(message("key")) == ([] if is_put_off else ["key's"])
    assert len(bench.receive_work(1)) == is_put_off
    assert bench.dead_letters == []


@by_ending("Succeeded", "TemporaryFailure", "PermanentFailure")
def test_a_task_of_batch_operations_succeeds_or_fails_for_now_or_for_ever(
    bench: Bench, ending: KeyEnding, result: str
) -> None:
    bench.endings = {"key": ending}

    [answer] = tasks(bench, "key")

    assert answer["resultCode"] == result
    assert bool(answer["resultString"]) == (result != "Succeeded")


@pytest.mark.parametrize("receives", [1, 2, 3])
def test_a_copy_that_never_equals_its_source_is_a_dead_letter(bench: Bench, receives: int) -> None:
    bench.endings = {"key": Finish(Ending.DIFFERS)}

    assert bench.process(message("key", receives=receives)) == ["key's"] * (receives < 3)
    assert [letter.attributes["Reason"] for letter in bench.dead_letters] == (
        ["DstObjectDiffers"] * (receives == 3)
    )


@pytest.mark.parametrize("bad", ["a", "b", "c"])
def test_a_message_is_done_when_all_its_keys_are(bench: Bench, bad: str) -> None:
    bench.endings = {bad: failure(TRANSIENT)}

    assert bench.process(message("a", "b", "c"), message("d")) == ["a's"]
    assert sorted(bench.converged) == ["a", "b", "c", "d"]


@pytest.mark.parametrize(
    ("kinds", "hidden"),
    [
        ([OBJECT, TRANSIENT], 1),
        ([UNFINISHED, TRANSIENT], 1),
        ([TRANSIENT, LATER], 15),
        ([TRANSIENT, UNKNOWN], LONGEST_WRITE_SECONDS),
        ([LATER, UNKNOWN], LONGEST_WRITE_SECONDS),
        ([OBJECT, UNKNOWN], LONGEST_WRITE_SECONDS),
    ],
)
@pytest.mark.parametrize("step", [1, -1])
def test_of_several_failures_in_a_message_the_one_that_waits_longest_decides(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, kinds: list[FailureKind], hidden: int, step: int
) -> None:
    monkeypatch.setattr("fanout.replicate.work_queue.random.random", lambda: 1.0)
    bench.endings = {f"k{n}": failure(kind) for n, kind in enumerate(kinds[::step])}

    assert bench.process(message(*bench.endings, name="m")) == ["m"]
    assert bench.hidden_for == [hidden]
    assert bench.dead_letters == []


# Which keys are processed


def test_a_test_event_is_done(bench: Bench) -> None:
    assert bench.receive(event_of_test()) == []
    assert bench.queues.journal == []


def test_a_key_that_is_in_several_messages_is_processed_once_for_all_of_them(bench: Bench) -> None:
    bench.endings = {"key": failure(TRANSIENT)}
    records = [
        message("key", name="1"),
        message("other", name="2"),
        message("key", "other", name="3"),
    ]

    assert sorted(bench.process(*records)) == ["1", "3"]
    assert sorted(bench.converged) == ["key", "other"]


def test_of_several_events_for_a_key_the_last_one_is_followed(bench: Bench) -> None:
    bench.process(message("key", name="1", eTag="0" * 32), message("key", name="2", eTag="1" * 32))

    assert bench.etags == {"key": "1" * 32}


@pytest.mark.parametrize(
    ("event", "receives", "storage_class", "etag"),
    [
        ("ObjectCreated:Put", 1, None, ETAG),
        ("ObjectCreated:Post", 1, None, ETAG),
        ("ObjectCreated:Put", 2, None, None),
        ("ObjectCreated:Put", SUSPECT_RECEIVES, None, None),
        ("ObjectCreated:Copy", 1, None, None),
        ("ObjectCreated:CompleteMultipartUpload", 1, None, None),
        ("ObjectRemoved:Delete", 1, None, None),
        ("ObjectTagging:Put", 1, None, None),
        ("ObjectCreated:Put", 1, "GLACIER_IR", ETAG),
        ("ObjectCreated:Put", 1, "SOURCE", None),  # its class has to be observed
    ],
)
def test_only_a_plain_first_delivery_is_copied_before_it_is_observed(
    new_bench: NewBench, event: str, receives: int, storage_class: str | None, etag: str | None
) -> None:
    bench = new_bench(replicate_deletes=True, storage_class=storage_class)
    bench.process(message("key", event=event, receives=receives))

    assert bench.etags == {"key": etag}


def test_the_events_of_other_buckets_are_none_of_ours(bench: Bench) -> None:
    mixed = {"Records": [s3_record("theirs", bucket="another"), s3_record("ours")]}

    assert bench.receive(s3_event("key", bucket="another"), mixed) == []
    assert bench.converged == ["ours"]


@pytest.mark.parametrize(
    ("writer", "is_news"),
    [
        (f"AWS:AROAEXAMPLE:photos-fanout-copies{ECHO_ENDING}", False),
        (f"AWS:AROAEXAMPLE:photos-fanout{ECHO_ENDING}-x", True),
        ("AWS:AROAEXAMPLE:another-fanout-copies-89abcdef", True),
        ("AWS:AIDAEXAMPLE", True),
        ("", True),
        (None, True),
        (7, True),
    ],
)
@pytest.mark.parametrize(
    "event", ["ObjectCreated:Copy", "ObjectTagging:Put", "ObjectRemoved:Delete"]
)
def test_what_the_function_that_copies_the_other_way_wrote_is_no_news(
    new_bench: NewBench, writer: object, is_news: bool, event: str
) -> None:
    bench = new_bench(replicate_deletes=True)

    assert bench.process(message("key", event=event, writer=writer)) == []
    bench.processor.handle_sns(sns_event(s3_event("key", event=event, writer=writer)), FOREVER)

    assert bench.converged == ["key"] * 2 * is_news


def test_a_key_the_destination_does_not_replicate_is_done(new_bench: NewBench) -> None:
    bench = new_bench(prefixes=["logs/"], exclude_prefixes=["logs/tmp/"], suffixes=[".csv"])
    keys = ["data/a.csv", "logs/tmp/a.csv", "logs/a.txt", "logs/a.csv"]

    assert bench.process(*map(message, keys)) == []
    assert [task["resultCode"] for task in tasks(bench, *keys)] == ["Succeeded"] * 4
    assert bench.converged == ["logs/a.csv"] * 2


def test_the_ten_messages_of_a_batch_are_processed_at_once(bench: Bench) -> None:
    everybody = threading.Barrier(10)

    def meet() -> Finish:
        everybody.wait(PATIENCE_SECONDS)
        return Finish(Ending.COPIED)

    bench.endings = {f"key {n}": meet for n in range(10)}

    assert bench.process(*map(message, bench.endings)) == []


def test_a_delete_does_not_hide_the_put_before_it(bench: Bench) -> None:
    assert bench.process(message("key"), message("key", event="ObjectRemoved:Delete")) == []
    assert bench.converged == ["key"]


# Deleting


def test_a_message_is_deleted_while_others_are_still_processed(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    deleted = threading.Event()
    delete = bench.queues.client.delete_message_batch

    def delete_and_tell(**arguments: object) -> None:
        delete(**arguments)
        deleted.set()

    def slow() -> Finish:
        return Finish(Ending.COPIED if deleted.wait(PATIENCE_SECONDS) else Ending.UNSETTLED)

    monkeypatch.setattr(bench.queues.client, "delete_message_batch", delete_and_tell)
    monkeypatch.setattr(batch, "EARLY_DELETE_AFTER_SECONDS", 0.1)
    bench.endings = {"slow": slow}

    assert bench.process(message("slow"), message("quick")) == []
    assert bench.queues.calls("DeleteMessageBatch") == [
        {"QueueUrl": QUEUE_URL, "Entries": [{"Id": "0", "ReceiptHandle": "receipt of quick's"}]}
    ]


def test_messages_done_together_are_left_to_the_answer_which_deletes_them_anyway(
    bench: Bench,
) -> None:
    bench.process(message("key"))
    bench.process(message("a"), message("b"))

    assert [name for name, _ in bench.queues.journal] == ["converged"] * 3


def test_a_message_that_failed_is_not_deleted(bench: Bench) -> None:
    bench.endings = {"a": failure(TRANSIENT), "b": failure(UNKNOWN)}

    bench.process(*map(message, "abc"), message("last", receives=SUSPECT_RECEIVES))

    assert bench.deleted == ["receipt of c's"]


def test_a_delete_that_is_refused_costs_nothing(bench: Bench, log: Log) -> None:
    bench.queues.refuse("DeleteMessageBatch")

    assert bench.process(message("a"), message("b", receives=SUSPECT_RECEIVES)) == []
    assert "queue-call-failed" in [line["action"] for line in log()]


def test_a_call_deletes_up_to_ten_messages(bench: Bench) -> None:
    keys = [f"key {number}" for number in range(12)]

    bench.process(*map(message, keys), message("last", receives=SUSPECT_RECEIVES))

    calls = bench.queues.calls("DeleteMessageBatch")
    assert [len(call["Entries"]) for call in calls] == [10, 2]
    assert sorted(bench.deleted) == sorted(f"receipt of {key}'s" for key in keys)


# Suspects


def test_suspects_are_processed_last_and_alone_the_worst_at_the_end(bench: Bench) -> None:
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

    receives = {
        "worst": 9,
        "bad": SUSPECT_RECEIVES,
        "new": 1,
        "worse": SUSPECT_RECEIVES + 1,
        "known": SUSPECT_RECEIVES - 1,
    }
    bench.endings = {key: watched(key) for key in receives}

    bench.process(*(message(key, receives=count) for key, count in receives.items()))

    assert bench.converged[2:] == ["bad", "worse", "worst"]
    assert all(together[key] == {key} for key in bench.converged[2:])


def test_when_a_suspect_ends_the_process_everybody_else_is_done(bench: Bench) -> None:
    bench.endings = {"poison": SystemExit(137)}

    with pytest.raises(SystemExit):
        bench.process(message("poison", receives=3), message("a"), message("b"))

    assert sorted(bench.deleted) == ["receipt of a's", "receipt of b's"]


def test_the_keys_of_a_suspect_are_not_processed_with_those_of_another(bench: Bench) -> None:
    bench.process(message("key", name="1", receives=3), message("key", name="2", receives=4))

    assert bench.converged == ["key", "key"]


def test_what_may_end_the_process_is_not_begun_when_its_neighbours_took_the_time(
    bench: Bench,
) -> None:
    records = message("suspect", receives=SUSPECT_RECEIVES), message("fresh")

    assert bench.process(*records, deadline=0) == []

    assert bench.converged == ["fresh"]
    assert bench.hidden_for == []


def test_what_was_put_off_comes_at_once_and_as_if_it_had_not_been_received(bench: Bench) -> None:
    """However often that is."""
    suspect = message("suspect", receives=MAX_RECEIVES)
    for _ in range(3):
        assert bench.process(suspect, deadline=0) == []
        [suspect] = bench.receive_work(1)

    bench.endings = {"suspect": failure(TRANSIENT)}
    assert bench.process(suspect) == [suspect["messageId"]]
    assert bench.dead_letters == []
    assert bench.hidden_for[0] >= 150  # as after its 95th receive


def test_ten_objects_that_need_twenty_invocations_each_all_arrive(bench: Bench) -> None:
    left = {f"large {n}": 20 for n in range(10)}

    def copy_for_a_while(key: str) -> Finish:
        left[key] -= 1
        if left[key]:
            raise failure(UNFINISHED)
        return Finish(Ending.COPIED)

    bench.endings = {key: partial(copy_for_a_while, key) for key in left}
    for key in left:
        bench.queues.send(bench.work, s3_event(key))
    invocations = 0
    while batch := bench.receive_work(10):
        invocations += 1
        # One has the time of a whole invocation: of suspects, all others are put off.
        failed = bench.process(*batch, deadline=time.monotonic() - 1)
        done = [record["receiptHandle"] for record in batch if record["messageId"] not in failed]
        bench.queues.delete(bench.work, done)

    assert set(left.values()) == {0}
    assert invocations == 20
    assert bench.dead_letters == []


# Waiting. When a message is given up and for how long it is hidden is in test_work_queue.


def test_a_failed_message_is_hidden_for_its_back_off(bench: Bench) -> None:
    bench.endings = {"key": failure(TRANSIENT)}

    bench.process(message("key", receives=4))

    [call] = bench.queues.calls("ChangeMessageVisibility")
    assert (call["QueueUrl"], call["ReceiptHandle"]) == (QUEUE_URL, "receipt of key's")
    assert 4 <= call["VisibilityTimeout"] <= 8


@pytest.mark.parametrize(
    ("about", "is_late"),
    [
        ({}, False),
        ({"sent_at": EVENT_SECONDS - 60, "waited": 60 - LATE_SECONDS}, False),
        ({"sent_at": EVENT_SECONDS - 60, "waited": 59 - LATE_SECONDS}, True),
        ({"receives": 2}, True),  # nobody says when it was received the second time
    ],
)
def test_what_lambda_may_have_held_back_is_hidden_anew_before_anything_is_sent(
    bench: Bench, about: dict[str, Any], is_late: bool
) -> None:
    records = [sqs_record(s3_event(key), name=key, **about) for key in ("a", "b")]

    bench.process(*records, deadline=time.monotonic() + 60)

    hidden = bench.queues.calls("ChangeMessageVisibilityBatch")
    assert [[entry["ReceiptHandle"] for entry in call["Entries"]] for call in hidden] == (
        [["receipt of a", "receipt of b"]] * is_late
    )
    for call in hidden:
        assert bench.queues.journal[0] == ("ChangeMessageVisibilityBatch", call)
        for entry in call["Entries"]:
            assert 0 <= entry["VisibilityTimeout"] - 60 - LONGEST_WRITE_SECONDS <= 1


def test_a_message_that_waited_too_long_is_a_dead_letter(bench: Bench) -> None:
    bench.endings = {"key": failure(LATER)}

    assert bench.receive(s3_event("key"), sent_at=EVENT_SECONDS - 7 * 3600, waited=3600) == [
        "message-0"
    ]
    assert bench.receive(s3_event("key"), sent_at=EVENT_SECONDS - 7 * 3600) == []
    assert bench.dead_letter.attributes["Reason"] == "Reason"


def test_a_refused_change_of_visibility_leaves_the_message_failed(bench: Bench) -> None:
    bench.queues.refuse("ChangeMessageVisibility")
    bench.endings = {"key": failure(TRANSIENT)}

    assert bench.process(message("key")) == ["key's"]


# Dead-letter messages


def test_a_message_that_was_received_too_often_is_a_dead_letter_and_not_processed(
    bench: Bench,
) -> None:
    last = message("poison", receives=MAX_RECEIVES)
    assert bench.process(last, message("a")) == []
    assert bench.dead_letters == []

    assert bench.process(message("poison", receives=MAX_RECEIVES + 1), message("b")) == []

    assert bench.dead_letter.body == last["body"]
    assert bench.dead_letter.attributes["Reason"] == "ReceivedTooOften"
    assert bench.dead_letter.attributes["Explanation"].startswith(
        f"received {MAX_RECEIVES + 1} times: the log says why "
    )
    assert bench.converged == ["a", "poison", "b"]


def test_what_was_received_too_often_is_given_up_before_anything_can_end_the_process(
    bench: Bench,
) -> None:
    bench.endings = {"poison": SystemExit(137)}

    with pytest.raises(SystemExit):
        bench.process(message("poison"), message("worn", receives=MAX_RECEIVES + 1), deadline=0)

    assert bench.dead_letter.attributes["Reason"] == "ReceivedTooOften"


def test_while_a_copy_goes_on_no_other_key_of_its_message_is_given_up(bench: Bench) -> None:
    bench.endings = {"a": failure(OBJECT), "b": failure(UNFINISHED)}

    assert bench.process(message("a", "b")) == []

    assert bench.dead_letters == []
    assert decode_message(bench.sent()) == decode_message(message("a", "b")["body"])


def test_of_a_message_with_several_keys_only_the_one_that_failed_is_a_dead_letter(
    bench: Bench,
) -> None:
    bench.endings = {"b": failure(OBJECT, "SrcObjectArchived"), "d": failure(OBJECT)}

    assert bench.process(message("a", "b", "c", "d")) == []

    found = {letter.attributes["Key"]: decode_message(letter.body) for letter in bench.dead_letters}
    assert {key: [event.key for event in events] for key, events in found.items()} == {
        "b": ["b"],
        "d": ["d"],
    }


def test_what_will_never_succeed_is_a_dead_letter_that_says_why(bench: Bench, log: Log) -> None:
    bench.endings = {"key": failure(OBJECT, "SrcObjectArchived", "it is in the archive")}
    record = message("key")

    assert bench.process(record) == []

    assert bench.dead_letter.body == record["body"]
    assert bench.dead_letter.attributes == {
        "Reason": "SrcObjectArchived",
        "Error": "S3Code",
        "Explanation": "it is in the archive",
        "Key": "key",
        "Destination": "archive",
        "RequestId": "REQUEST1",
    }
    assert log()[-1] == {
        "level": "ERROR",
        "action": "dead-letter",
        "destination": "archive",
        "key": "key",
        "reason": "SrcObjectArchived",
        "error": "S3Code",
        "explanation": "it is in the archive",
        "request_id": "REQUEST1",
    }


@pytest.mark.parametrize("receives", [1, 7])
def test_a_malformed_message_is_a_dead_letter_and_harms_nobody(bench: Bench, receives: int) -> None:
    garbage = 'not JSON "at all"\n'
    bad = sqs_record(garbage, name="bad", receives=receives)

    assert bench.process(message("a"), bad, message("b")) == []

    found = bench.dead_letter
    assert found.body == garbage
    assert found.attributes["Reason"] == found.attributes["Error"] == "MalformedMessage"
    assert found.attributes["RequestId"] == found.attributes["Key"] == "-"
    assert found.attributes["Explanation"].startswith("not JSON")
    assert sorted(bench.converged) == ["a", "b"]


def test_no_attribute_of_a_dead_letter_is_empty_or_endless_because_sqs_refuses_those(
    bench: Bench,
) -> None:
    endless = failure(OBJECT, "Reason", "x" * 300_000)
    endless.error = endless.request_id = ""
    bench.endings = {"key": endless}

    bench.process(message("key"))

    assert all(0 < len(value) <= 1000 for value in bench.dead_letter.attributes.values())


def test_what_cannot_be_a_dead_letter_has_failed(bench: Bench, log: Log) -> None:
    bench.queues.refuse("SendMessage")
    bench.endings = {"key": failure(OBJECT)}

    bad = sqs_record("{}", name="bad")
    assert bench.process(message("key"), bad, message("good")) == ["bad", "key's"]
    with pytest.raises(DirectDeliveryError, match="MalformedMessage"):
        bench.processor.handle_sns({"Records": []}, FOREVER)
    assert "dead-letter" not in [line["action"] for line in log()]


# Delivered by SNS itself


def test_an_event_delivered_by_sns_is_processed_without_a_queue(bench: Bench) -> None:
    bench.processor.handle_sns(sns_event(s3_event("a", "caf\u00e9")), FOREVER)

    assert bench.etags == {"a": ETAG, "caf\u00e9": ETAG}
    assert [call for call, _ in bench.queues.journal] == ["converged", "converged"]


def test_an_event_nobody_understands_is_a_dead_letter(bench: Bench) -> None:
    event = {"Records": [{"eventSource": "aws:kinesis"}]}

    bench.processor.handle_sns(event, FOREVER)

    assert json.loads(bench.dead_letter.body) == event
    assert bench.dead_letter.attributes["Reason"] == "MalformedMessage"


# Tasks of S3 Batch Operations


def tasks(bench: Bench, *keys: str, **about: Any) -> list[dict[str, str]]:
    """The results of some tasks."""
    results: list[dict[str, str]] = bench.invoke(batch_operations_event(*keys, **about))["results"]
    return results


@pytest.mark.parametrize("schema", ["1.0", "2.0"])
def test_the_tasks_of_a_batch_are_answered_in_its_own_schema(bench: Bench, schema: str) -> None:
    bench.endings = {"b": failure(TRANSIENT, "S3Unavailable"), "c": failure(OBJECT)}
    event = batch_operations_event("a", "b", "c", schema=schema)

    assert bench.processor.handle_batch_operations(event, FOREVER) == {
        "invocationSchemaVersion": schema,
        "treatMissingKeysAs": "PermanentFailure",
        "invocationId": "i",
        "results": [
            {"taskId": f"task {n}", "resultCode": code, "resultString": text}
            for n, (code, text) in enumerate(
                [
                    ("Succeeded", ""),
                    ("TemporaryFailure", "S3Unavailable: because"),
                    ("PermanentFailure", "Reason: because"),
                ]
            )
        ],
    }
    assert bench.etags == dict.fromkeys("abc")  # nothing is known of their objects
    assert [call for call, _ in bench.queues.journal] == ["converged"] * 3


def test_a_task_whose_write_may_still_land_is_compared_again_when_it_must_have(
    bench: Bench,
) -> None:
    bench.endings = {"a b": failure(UNKNOWN)}

    tasks(bench, "a b", "c")

    [sent] = bench.queues.calls("SendMessage")
    assert (sent["QueueUrl"], sent["DelaySeconds"]) == (QUEUE_URL, LONGEST_WRITE_SECONDS)
    assert [event.key for event in decode_message(sent["MessageBody"])] == ["a b"]


def test_a_task_for_another_bucket_is_a_permanent_failure(bench: Bench) -> None:
    [result] = tasks(bench, "key", bucket="another")

    assert result["resultCode"] == "PermanentFailure"
    assert result["resultString"] == "another is not the source bucket"
    assert bench.queues.journal == []


def test_the_explanation_of_a_task_has_its_bound(bench: Bench) -> None:
    bench.endings = {"key": failure(OBJECT, "Reason", "x" * 3000)}

    [result] = tasks(bench, "key")

    assert len(result["resultString"]) == 1024


# The log


def test_every_key_has_a_line_that_says_how_it_ended(bench: Bench, log: Log) -> None:
    bench.process(message("key", receives=2, time="2026-01-02T03:04:03.678Z"))
    bench.endings = {"key": failure(TRANSIENT, "S3Unavailable")}
    bench.process(message("key"))

    done, failed = log()
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
    assert failed == done | {
        "level": "WARNING",
        "action": "failed",
        "bytes": 0,
        "delay_seconds": 0.0,
        "receives": 1,
        "reason": "S3Unavailable",
        "error": "S3Code",
        "explanation": "because",
        "request_id": "REQUEST1",
    }


def test_a_bug_is_named_in_the_line_of_its_key(bench: Bench, log: Log) -> None:
    bench.endings = {"key": KeyError("surprise")}

    bench.process(message("key"))

    [line] = log()
    assert (line["reason"], line["error"]) == ("InternalError", "KeyError")
    assert "surprise" in line["explanation"]


# What each change costs, with S3


OBSERVE = ["HeadObject", "HeadObject"]
OBSERVE_WITH_TAGS = ["GetObjectTagging", "GetObjectTagging", *OBSERVE]


def deliver(s3: FakeS3, event: str, *, receives: int = 1, **changed: Any) -> list[str]:
    """The operations that a message about "key" takes; ``changed`` as for ``Function``."""
    s3.wire.requests.clear()
    function = Function(s3, **changed)
    assert function.receive(s3_event("key", event=event), receives=receives) == []
    assert {call for call, _ in function.queues.journal} <= {"ChangeMessageVisibilityBatch"}
    return s3.wire.operations


def test_the_common_case_is_one_copy_and_two_heads_and_no_queue_call(s3: FakeS3, log: Log) -> None:
    s3.put("dir/a key")
    function = Function(s3, key_prefix="to/")

    assert function.receive(s3_event("dir/a key")) == []

    assert s3.wire.operations == ["CopyObject", *OBSERVE]
    assert s3.wire.requests[0].operation == "CopyObject"
    assert s3.replicas == {"to/dir/a key": BODY}
    assert function.queues.journal == []
    [line] = log()
    assert (line["action"], line["bytes"], line["calls"]) == ("copied", len(BODY), 3)


def test_a_replica_that_is_current_costs_two_heads(s3: FakeS3) -> None:
    s3.put()
    deliver(s3, "ObjectCreated:Put")

    assert deliver(s3, "ObjectCreated:Put", receives=2) == OBSERVE
    assert deliver(s3, "ObjectCreated:Copy") == OBSERVE


def test_a_put_that_nobody_may_copy_before_observing_costs_four_heads_and_a_copy(
    s3: FakeS3,
) -> None:
    s3.put(StorageClass="STANDARD_IA")

    operations = deliver(s3, "ObjectCreated:Put", storage_class="SOURCE")

    assert operations == ["CopyObject", *OBSERVE, *OBSERVE]
    assert dict(s3.replica_object().headers)["x-amz-storage-class"] == "STANDARD_IA"


def test_a_replica_in_another_storage_class_than_asked_for_is_written_again(s3: FakeS3) -> None:
    s3.put()
    deliver(s3, "ObjectCreated:Copy")
    deliver(s3, "ObjectCreated:Copy", storage_class="GLACIER_IR")

    assert dict(s3.replica_object().headers)["x-amz-storage-class"] == "GLACIER_IR"


def test_tags_cost_two_reads_and_a_write_and_nothing_where_they_are_not_replicated(
    s3: FakeS3,
) -> None:
    s3.put(Tagging="a=1")
    deliver(s3, "ObjectCreated:Put")
    s3.tag(a="2")

    assert deliver(s3, "ObjectTagging:Put", replicate_tags=False) == []
    assert deliver(s3, "ObjectTagging:Put") == sorted(
        [*OBSERVE_WITH_TAGS, "PutObjectTagging", *OBSERVE_WITH_TAGS]
    )
    assert s3.replica_tags() == (("a", "2"),)


@pytest.mark.parametrize(
    "event",
    [
        "ObjectRemoved:Delete",
        "ObjectRemoved:DeleteMarkerCreated",
        "LifecycleExpiration:Delete",
        "LifecycleExpiration:DeleteMarkerCreated",
    ],
)
def test_a_delete_costs_a_proof_a_delete_and_two_observations_or_nothing(
    s3: FakeS3, event: str
) -> None:
    s3.put()
    deliver(s3, "ObjectCreated:Put")
    s3.delete()

    assert deliver(s3, event) == []
    assert s3.replica() == BODY

    operations = deliver(s3, event, replicate_deletes=True)
    assert operations == ["DeleteObject", "GetObject", *OBSERVE, *OBSERVE]
    assert s3.replica() is None


def test_a_late_event_of_a_deleted_object_costs_a_listing_and_a_head_more(s3: FakeS3) -> None:
    s3.version()
    s3.put()
    deliver(s3, "ObjectCreated:Put")
    s3.delete()

    operations = deliver(s3, "ObjectTagging:Put")

    assert operations == [*OBSERVE, "HeadObject", "ListObjectVersions"]
    assert s3.replica() == BODY


def test_between_two_buckets_that_replicate_each_other_an_echo_costs_one_observation(
    s3: FakeS3,
) -> None:
    # As the other way's function sees it: its source is where ours has just written.
    s3.put()
    deliver(s3, "ObjectCreated:Put")
    assert deliver(s3, "ObjectCreated:Copy", replicate_deletes=True) == OBSERVE

    s3.tag(a="2")
    s3.tag(bucket=DESTINATION_BUCKET, a="2")
    assert deliver(s3, "ObjectTagging:Put", replicate_deletes=True) == OBSERVE_WITH_TAGS

    s3.delete()
    s3.delete(bucket=DESTINATION_BUCKET)
    assert deliver(s3, "ObjectRemoved:Delete", replicate_deletes=True) == OBSERVE


def test_where_a_source_bucket_is_lost_the_message_waits_and_the_replica_stays(
    s3: FakeS3,
) -> None:
    s3.put_replica()
    del s3.store.buckets[SOURCE_BUCKET]
    function = Function(s3, replicate_deletes=True)

    assert function.receive(s3_event("key", event="ObjectRemoved:Delete")) == ["message-0"]

    assert 8 <= function.hidden_for[0] <= 15
    assert "DeleteObject" not in s3.wire.operations
    assert s3.replica() == BODY
