"""What replication costs: the arithmetic by hand."""

import json

import pytest
from fanout.common.metrics import BYTES, LATENCY, Metrics
from fanout.replicate.progress import Ending, Finish
from fanout.replicate.report import Report

from support.values import config, outcome

from . import cost
from .measured import GIB, Invocation

TEN = Invocation(
    objects=10, seconds=0.2, cpu_seconds=0.0, calls={"CopyObject": 10, "HeadObject": 20}
)
ONE = Invocation(objects=1, seconds=0.1, cpu_seconds=0.0, calls={"CopyObject": 1})


def test_a_million_objects_by_the_queue_in_batches_of_ten() -> None:
    bill = cost.bill(cost.DeliveryMode(TEN, has_queue=True), 1_000_000)

    assert bill[cost.COPY] == pytest.approx(5.00)
    assert bill[cost.HEAD] == pytest.approx(2 * 0.40)
    assert bill[cost.TOPIC] == pytest.approx(0.50)
    assert bill[cost.QUEUE] == pytest.approx((1 + 0.1 + 0.1) * 0.40)
    assert bill[cost.REQUESTS] == pytest.approx(0.1 * 0.20)
    assert bill[cost.TIME] == pytest.approx(100_000 * 0.2 * 0.5 * 0.0000133334)
    log_bytes = 1_000_000 * (230 + 26 + 13) + 100_000 * (328 + 26 + 270 + 3 * 26)
    assert bill[cost.LOGS] == pytest.approx(log_bytes / 2**30 * 0.50)
    assert cost.overhead(bill) == pytest.approx(sum(bill.values()) / 5.00 - 1)


def test_without_a_queue_sqs_costs_nothing_and_each_object_an_invocation() -> None:
    settings = cost.Settings(log_bytes=0, has_metrics=False)
    bill = cost.bill(cost.DeliveryMode(ONE, has_queue=False, settings=settings), 1_000_000)

    assert bill[cost.QUEUE] == 0
    assert bill[cost.REQUESTS] == pytest.approx(0.20)
    assert bill[cost.LOGS] == pytest.approx(1_000_000 * (270 + 3 * 26) / 2**30 * 0.50)


def test_destinations_share_the_topic_and_calls_to_the_queue_are_charged_as_requests() -> None:
    alone = cost.bill(cost.DeliveryMode(TEN, has_queue=True), 1_000_000)
    settings = cost.Settings(destinations=10)
    shared = cost.bill(cost.DeliveryMode(TEN, has_queue=True, settings=settings), 1_000_000)
    deleting = Invocation(10, 0.2, 0.0, calls=TEN.calls | {"DeleteMessage": 9})

    assert shared == alone | {cost.TOPIC: pytest.approx(0.05)}
    assert cost.bill(cost.DeliveryMode(deleting, has_queue=True), 1_000_000)[
        cost.QUEUE
    ] == pytest.approx((1.2 + 0.9) * 0.40)


def test_a_call_without_a_price_is_an_error() -> None:
    work = Invocation(objects=1, seconds=0.1, cpu_seconds=0.0, calls={"PutObject": 1})

    with pytest.raises(ValueError, match="PutObject"):
        cost.bill(cost.DeliveryMode(work, has_queue=True), 1)


def test_calculation_takes_longer_with_a_part_of_a_processor_and_waiting_does_not() -> None:
    work = Invocation(objects=1, seconds=0.10, cpu_seconds=0.04, calls={})

    assert work.seconds_with(1769) == pytest.approx(0.10)
    assert work.seconds_with(3538) == pytest.approx(0.10)
    assert work.seconds_with(512) == pytest.approx(0.06 + 0.04 * 1769 / 512)


def test_replication_by_s3_is_a_put_and_time_control_a_price_for_each_gb() -> None:
    plain = cost.native_bill(1024, GIB, time_control=False)
    timed = cost.native_bill(1024, GIB, time_control=True)

    assert cost.total(plain) == pytest.approx(1024 * 0.000005)
    assert cost.total(timed) == pytest.approx(1024 * 0.000005 + 1024 * 0.015)


def test_transfer_and_an_empty_queue() -> None:
    assert cost.transfer(1024 * GIB) == pytest.approx(20.48)
    assert cost.idle_month() == pytest.approx(5 * 3 * 60 * 24 * 30 * 0.40 / 1_000_000)


def test_a_line_of_the_log_is_as_long_as_it_is_charged(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    key = "folder/object-00299"
    monkeypatch.setattr("fanout.replicate.report.time.time", lambda: 11.495)
    copied = outcome(
        key=key, destination_key=key, finish=Finish(Ending.COPIED, 10000), event_time=0.0
    )

    Report(config(name="copy")).outcome(copied)

    assert len(capsys.readouterr().out) == pytest.approx(cost.LOG_LINE_BYTES, abs=5)


@pytest.mark.parametrize("objects", [1, 10])
def test_a_line_of_metrics_is_as_long_as_it_is_charged(objects: int) -> None:
    measured = Metrics("photos-europe-1", "copy")
    for _ in range(objects):
        measured.measure(LATENCY, 11.495)
        measured.measure(BYTES, 10000)
    [line] = measured.take(1.7e9)

    length = len(json.dumps(line, separators=(",", ":"))) + 1
    assert length == cost.METRICS_BYTES + objects * cost.METRICS_OBJECT_BYTES
