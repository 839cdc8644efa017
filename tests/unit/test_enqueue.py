"""Hints reach the function as it understands them, in as few calls as SQS allows."""

from __future__ import annotations

from typing import Any, cast

import pytest
from botocore.exceptions import ClientError
from fanout.common.errors import AwsError
from fanout.reconcile.enqueue import BYTES_PER_CALL, KeyEnqueuer
from fanout.replicate.decode import decode_message
from fanout.replicate.key_event import EventKind, KeyEvent

from .builders import AWKWARD_KEYS, QUEUE_URL, SOURCE_BUCKET
from .reconciling import Queue


@pytest.fixture
def queue() -> Queue:
    return Queue()


@pytest.fixture
def hints(queue: Queue) -> KeyEnqueuer:
    return KeyEnqueuer(cast(Any, queue), QUEUE_URL, SOURCE_BUCKET)


def test_the_function_reads_a_hint_as_a_change_to_look_at_first(
    queue: Queue, hints: KeyEnqueuer
) -> None:
    for key in AWKWARD_KEYS.values():
        hints.add(key)
    hints.flush()
    found = [change for body in queue.accepted for change in decode_message(body)]
    assert found == [KeyEvent(SOURCE_BUCKET, key, "Reconcile") for key in AWKWARD_KEYS.values()]
    assert not any(change.is_small_put or change.kind is EventKind.REMOVAL for change in found)


def test_a_call_takes_ten_messages_of_ten_keys_and_no_delay(
    queue: Queue, hints: KeyEnqueuer
) -> None:
    keys = [str(n) for n in range(1234)]
    for key in keys:
        hints.add(key)
    hints.flush()
    assert queue.keys == keys
    assert [len(call) for call in queue.calls] == [10] * 12 + [4]
    assert all(len(decode_message(body)) == 10 for body in queue.accepted[:-1])
    assert {entry["DelaySeconds"] for call in queue.calls for entry in call} == {0}
    assert hints.queued == 1234


def test_a_call_is_never_larger_than_sqs_takes(queue: Queue, hints: KeyEnqueuer) -> None:
    keys = [f"{n:03}" + "\U0001f680" * 255 for n in range(200)]  # 1,023 bytes, 3,063 encoded
    for key in keys:
        hints.add(key)
    hints.flush()
    assert queue.keys == keys
    sizes = [sum(len(entry["MessageBody"].encode()) for entry in call) for call in queue.calls]
    assert max(sizes) <= BYTES_PER_CALL
    assert len(sizes) == 3


def test_nothing_is_sent_when_there_is_nothing(queue: Queue, hints: KeyEnqueuer) -> None:
    hints.flush()
    assert queue.calls == []


def test_what_sqs_did_not_accept_is_sent_again(queue: Queue, hints: KeyEnqueuer) -> None:
    queue.refusals = [{"1", "2"}, {"2"}]
    keys = [str(n) for n in range(40)]
    for key in keys:
        hints.add(key)
    hints.flush()
    assert sorted(queue.keys) == sorted(keys)
    assert [len(call) for call in queue.calls] == [4, 2, 1]
    assert hints.queued == 40


def test_what_sqs_never_accepts_is_an_error(queue: Queue, hints: KeyEnqueuer) -> None:
    queue.refusals = [{"0"}, {"0"}, {"0"}]
    hints.add("key")
    with pytest.raises(AwsError, match=r"SendMessageBatch of .*/work: InternalError"):
        hints.flush()
    assert hints.queued == 0


def test_a_call_that_is_refused_is_an_error(queue: Queue, hints: KeyEnqueuer) -> None:
    queue.refusals = [ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "x")]
    hints.add("key")
    with pytest.raises(AwsError, match="AccessDenied: no"):
        hints.flush()
