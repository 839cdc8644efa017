"""When a message that failed is retried, and when it is given up."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from fanout.replicate.failures import FailureKind
from fanout.replicate.queue_message import HISTORY_ATTRIBUTE, QueueMessage
from fanout.replicate.work_queue import (
    DESTINATION_PATIENCE_SECONDS,
    LAST_CHANCE_SECONDS,
    backoff_seconds,
    is_given_up,
)
from hypothesis import given
from hypothesis import strategies as st

from support.events import EVENT_SECONDS, sqs_record

OBJECT, UNFINISHED, WAITING, TRANSIENT, LATER, UNKNOWN = FailureKind

SENT = QueueMessage.from_record(sqs_record("body", receives=2, waited=60))
WEEK = 7 * 24 * 3600


def test_a_message_is_read_from_a_record() -> None:
    assert (
        QueueMessage(
            id="message-0",
            receipt="receipt of message-0",
            body="body",
            receives=2,
            sent_at=EVENT_SECONDS,
            first_received_at=EVENT_SECONDS + 60,
            received_at=None,
            was_put_off=False,
            upload_id=None,
        )
        == SENT
    )


def put_off(attributes: dict[str, str], **about: Any) -> QueueMessage:
    """A message with a history, sent and received 100 and 101 seconds after the first one."""
    sent_at = EVENT_SECONDS + 100
    record = sqs_record("body", sent_at=sent_at, waited=1, attributes=attributes, **about)
    return QueueMessage.from_record(record)


def test_a_message_that_was_put_off_has_the_history_of_the_first_one() -> None:
    again = put_off(SENT.attributes_to_go_on("upload"))

    assert again == replace(
        SENT, received_at=EVENT_SECONDS + 101, was_put_off=True, upload_id="upload"
    )
    once_more = put_off(again.attributes_to_go_on(None), receives=2)
    assert (once_more.receives, once_more.upload_id) == (SENT.receives + 1, None)


@pytest.mark.parametrize(
    "history",
    [
        "",
        "1 2",
        "-1 2 3",
        "x 2 3",
        "1 nan 3",
        "1 2 nan",
        "1 -2 3",
        "1 inf 3",
        f"1 2 {EVENT_SECONDS + 102}",
        "9" * 5000 + " 2 3",
    ],
)
def test_a_history_that_cannot_be_is_none(history: str) -> None:
    message = put_off({HISTORY_ATTRIBUTE: history})

    assert (message.receives, message.sent_at) == (1, EVENT_SECONDS + 100)
    assert not message.was_put_off


@pytest.mark.parametrize(
    ("kind", "waited", "age", "given_up"),
    [
        (OBJECT, 0, 0, True),
        (TRANSIENT, LAST_CHANCE_SECONDS, LAST_CHANCE_SECONDS, False),
        (TRANSIENT, 0, LAST_CHANCE_SECONDS + 1, True),
        (UNKNOWN, LAST_CHANCE_SECONDS, LAST_CHANCE_SECONDS, False),
        (UNKNOWN, 0, LAST_CHANCE_SECONDS + 1, True),
        # A destination that was paused meanwhile is waited for all the same.
        (LATER, DESTINATION_PATIENCE_SECONDS, LAST_CHANCE_SECONDS, False),
        (LATER, DESTINATION_PATIENCE_SECONDS + 1, LAST_CHANCE_SECONDS, True),
        (LATER, 0, LAST_CHANCE_SECONDS + 1, True),
        # A copy that continues is not given up for its age.
        (UNFINISHED, WEEK, WEEK, False),
    ],
)
def test_a_message_is_given_up_when_nothing_will_help_or_the_queue_is_about_to_drop_it(
    kind: FailureKind, waited: float, age: float, given_up: bool
) -> None:
    now = EVENT_SECONDS
    message = replace(SENT, sent_at=now - age, first_received_at=now - waited)

    assert is_given_up(kind, message, now) is given_up


@pytest.mark.parametrize(
    ("kind", "receives", "shortest", "longest"),
    [
        (TRANSIENT, 1, 0, 1),
        (TRANSIENT, 2, 1, 2),
        (TRANSIENT, 5, 8, 16),
        (TRANSIENT, 7, 30, 60),
        (TRANSIENT, 10, 30, 60),
        (TRANSIENT, 11, 150, 300),
        (TRANSIENT, 10_000, 150, 300),
        (WAITING, 10_000, 30, 60),
        (UNFINISHED, 1, 0, 0),
        (UNFINISHED, 10_000, 0, 0),
        (LATER, 1, 8, 15),
        (LATER, 3, 30, 60),
        (LATER, 7, 450, 900),
        (LATER, 10_000, 450, 900),
    ],
)
def test_a_back_off_doubles_up_to_its_bound(
    kind: FailureKind, receives: int, shortest: int, longest: int
) -> None:
    assert backoff_seconds(kind, receives, lambda: 0.0) == shortest
    assert backoff_seconds(kind, receives, lambda: 1.0) == longest


@given(
    kind=st.sampled_from([TRANSIENT, LATER]),
    receives=st.integers(1, 1000),
    rand=st.floats(0, 1, exclude_max=True),
)
def test_a_back_off_never_shrinks(kind: FailureKind, receives: int, rand: float) -> None:
    now, next_time = (backoff_seconds(kind, receives + n, lambda: rand) for n in (0, 1))

    assert 0 <= now <= next_time
