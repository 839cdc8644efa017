"""Keys reach the function as it understands them, in as few calls as SQS allows."""

from __future__ import annotations

import pytest
from fanout.common.errors import AwsError
from fanout.reconcile.enqueue import KeyEnqueuer
from fanout.replicate.decode import decode_message
from fanout.replicate.key_event import EventKind, KeyEvent

from support.aws.sqs import SQS
from support.objects import AWKWARD_KEYS
from support.settings import QUEUE_NAME, QUEUE_URL, SOURCE_BUCKET


@pytest.fixture
def sqs() -> SQS:
    return SQS()


@pytest.fixture
def enqueuer(sqs: SQS) -> KeyEnqueuer:
    return KeyEnqueuer(sqs.client, QUEUE_URL, SOURCE_BUCKET)


def enqueue(enqueuer: KeyEnqueuer, *keys: str) -> None:
    """Take keys, and send them."""
    for key in keys:
        enqueuer.add(key)
    enqueuer.flush()


def received(sqs: SQS) -> list[list[KeyEvent]]:
    """The events of each message, as the function reads them."""
    return [decode_message(message.body) for message in sqs.queue(QUEUE_NAME).messages.values()]


def sent(sqs: SQS) -> list[int]:
    """How many messages each call sent."""
    return [len(call["Entries"]) for call in sqs.calls("SendMessageBatch")]


def test_the_function_reads_a_key_as_an_event_to_compare_first(
    sqs: SQS, enqueuer: KeyEnqueuer
) -> None:
    enqueue(enqueuer, *AWKWARD_KEYS.values())

    found = [event for events in received(sqs) for event in events]
    assert found == [KeyEvent(SOURCE_BUCKET, key, "Reconcile") for key in AWKWARD_KEYS.values()]
    assert not any(event.is_small_put or event.kind is EventKind.REMOVAL for event in found)


def test_a_call_takes_ten_messages_of_ten_keys_and_no_delay(
    sqs: SQS, enqueuer: KeyEnqueuer
) -> None:
    enqueue(enqueuer, *map(str, range(1234)))

    assert [len(events) for events in received(sqs)] == [10] * 123 + [4]
    assert sent(sqs) == [10] * 12 + [4]
    entries = [entry for call in sqs.calls("SendMessageBatch") for entry in call["Entries"]]
    assert {entry["DelaySeconds"] for entry in entries} == {0}
    assert enqueuer.queued == 1234


def test_a_call_is_never_larger_than_sqs_takes(sqs: SQS, enqueuer: KeyEnqueuer) -> None:
    keys = [f"{n:03}" + "\U0001f680" * 255 for n in range(200)]  # 1,023 bytes, 3,063 encoded

    enqueue(enqueuer, *keys)  # SQS refuses what is too large

    assert [event.key for events in received(sqs) for event in events] == keys
    assert len(sent(sqs)) == 3


def test_nothing_is_sent_when_there_is_nothing(sqs: SQS, enqueuer: KeyEnqueuer) -> None:
    enqueue(enqueuer)

    assert sqs.journal == []


def test_what_sqs_did_not_accept_is_sent_again(sqs: SQS, enqueuer: KeyEnqueuer) -> None:
    sqs.not_accepted = [{"1", "2"}, {"2"}]

    enqueue(enqueuer, *map(str, range(40)))

    assert sorted(e.key for events in received(sqs) for e in events) == sorted(map(str, range(40)))
    assert sent(sqs) == [4, 2, 1]
    assert enqueuer.queued == 40


def test_what_sqs_never_accepts_or_refuses_is_an_error(sqs: SQS, enqueuer: KeyEnqueuer) -> None:
    sqs.not_accepted = [{"0"}, {"0"}, {"0"}]
    with pytest.raises(AwsError, match=r"SendMessageBatch of .*/work: InternalError"):
        enqueue(enqueuer, "key")
    sqs.refuse("SendMessageBatch")
    with pytest.raises(AwsError, match="AccessDenied: no"):
        enqueue(enqueuer, "key")
    assert enqueuer.queued == 0
