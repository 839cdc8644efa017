"""Functions that are killed while objects arrive, with nothing of the module's defaults changed."""

import random
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from integration.alarms import publish_embedded_metrics, state
from integration.support import REGION, checkout, messages_in, terraform_in
from local_aws import waiting
from local_aws.server import LocalAws

OBJECTS = 300
KILLS = 12
SECONDS = 300
PAUSE_SECONDS = 0.3
SEED = "12 of 900"
NOT_RECORDED = "ApproximateAgeOfOldestMessage"
"""A metric of SQS that the local AWS does not record."""


@pytest.mark.soak
def test_what_killed_functions_held_is_there_within_five_minutes_and_no_alarm_goes_off(
    aws: LocalAws, tmp_path: Path
) -> None:
    tf = terraform_in(checkout(tmp_path) / "examples/basic", aws)
    tf.apply()
    try:
        kill_while_objects_arrive(aws, tf.output())
    finally:
        tf.destroy()


def kill_while_objects_arrive(aws: LocalAws, outputs: dict[str, Any]) -> None:
    """Put objects, kill functions meanwhile, and look how long it takes until all are there."""
    s3, sqs = aws.client("s3", region=REGION), aws.client("sqs", region=REGION)
    keys = [f"reports/{n}" for n in range(OBJECTS)]
    source = outputs["source_bucket"]
    made = outputs["destinations"]
    buckets = outputs["destination_buckets"]
    kills = 0

    def put(key: str) -> None:
        time.sleep(PAUSE_SECONDS)
        s3.put_object(Bucket=source, Key=key, Body=key.encode())

    def missing() -> int:
        there = [
            page["KeyCount"]
            for bucket in buckets.values()
            for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
        ]
        return len(buckets) * OBJECTS - sum(map(int, there))

    def all_there() -> bool:
        return missing() == 0

    began, chance = time.monotonic(), random.Random(SEED)
    with ThreadPoolExecutor(8) as pool:
        putting = pool.map(put, keys)
        while kills < KILLS:
            if processes := aws.function_processes():
                chance.choice(processes).kill()
                kills += 1
            time.sleep(PAUSE_SECONDS)
        list(putting)
    put_seconds = time.monotonic() - began
    waiting.eventually("all copies", all_there, state=missing, held_back_seconds=lambda: SECONDS)
    seconds = time.monotonic() - began
    print(
        f"{kills} kills; all put after {put_seconds:.0f} s, all copies there after {seconds:.0f} s"
    )
    assert seconds < SECONDS
    assert [messages_in(sqs, d["dead_letter_queue_url"]) for d in made.values()] == [0] * len(made)
    assert goes_off(aws, made) == []


def goes_off(aws: LocalAws, made: dict[str, Any]) -> list[str]:
    """The alarms that went off since, as far as their metrics are known."""
    cloudwatch = aws.client("cloudwatch", region=REGION)
    logs = aws.client("logs", region=REGION)
    for destination in made.values():
        pages = logs.get_paginator("filter_log_events").paginate(
            logGroupName=destination["log_group_name"]
        )
        publish_embedded_metrics(cloudwatch, (e["message"] for p in pages for e in p["events"]))
    alarms = cloudwatch.describe_alarms()["MetricAlarms"]
    assert len(alarms) > len(made)
    now = datetime.now(UTC)
    return [
        alarm["AlarmName"]
        for alarm in alarms
        if alarm["MetricName"] != NOT_RECORDED
        for minutes in range(1, 20)
        if state(cloudwatch, alarm, now + timedelta(minutes=minutes)) == "ALARM"
    ]
