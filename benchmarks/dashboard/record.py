"""Records what the dashboard shows, on the local AWS: `python -m benchmarks.dashboard.record`.

Five minutes of writes and deletes. In the second and third minute one destination is paused; in the
fourth another one's bucket goes missing for a while. The metrics are those that the functions write into
their logs, and the depths of the queues as they were sampled.
"""

from __future__ import annotations

import json
import random
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import tftest
from botocore.exceptions import ClientError

from local_aws import terraform
from local_aws.server import REPOSITORY, LocalAws

HERE = Path(__file__).parent
RECORD = HERE / "recorded.json"
REGION = "eu-central-1"
MINUTES = 5
WRITES_PER_SECOND = 3.0
SAMPLE_SECONDS = 2.0

DEPTHS = {
    "ApproximateNumberOfMessagesVisible": "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible": "ApproximateNumberOfMessagesNotVisible",
}

Series = dict[tuple[str, str, tuple[tuple[str, str], ...]], list[tuple[float, float]]]


def apply(aws: LocalAws, folder: Path) -> dict[str, Any]:
    """Apply main.tf in a copy of the module; returns its outputs."""
    ignored = shutil.ignore_patterns(".*", "build", "tests", "docs")
    shutil.copytree(REPOSITORY, folder, dirs_exist_ok=True, ignore=ignored)
    environ = terraform.environment(aws)
    root = folder / "benchmarks/dashboard"
    terraform.init(root, environ)
    tf = tftest.TerraformTest(str(root), binary="tflocal", env=environ)
    tf.apply()
    return dict(tf.output())


def write(s3: Any, until: float) -> None:
    """Put objects of all sizes, and delete some of them again."""
    rng = random.Random(1)
    began, n = time.monotonic(), 0
    while time.monotonic() < until:
        key = f"photos/{n:05}.jpg"
        s3.put_object(
            Bucket="dashboard-source", Key=key, Body=bytes(int(rng.lognormvariate(9, 1.5)))
        )
        if n % 5 == 4:
            s3.delete_object(Bucket="dashboard-source", Key=f"photos/{n - 4:05}.jpg")
        n += 1
        time.sleep(max(0.0, began + n / WRITES_PER_SECOND - time.monotonic()))


def disturb(aws: LocalAws, destinations: dict[str, Any], began: float) -> None:
    """Pause one destination, and take another one's bucket away for a minute."""
    functions, s3 = aws.client("lambda", region=REGION), aws.client("s3", region=REGION)

    def at(minute: float) -> None:
        time.sleep(max(0.0, began + 60 * minute - time.monotonic()))

    [mapping] = functions.list_event_source_mappings(
        FunctionName=destinations["archive"]["function_name"]
    )["EventSourceMappings"]
    at(1)
    functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
    at(2.5)
    functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=True)
    at(3.5)
    bucket = "dashboard-reports"
    while not _deleted(s3, bucket):  # replicas go on arriving
        pass
    at(4.2)
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})


def _deleted(s3: Any, bucket: str) -> bool:
    """Empty a bucket and delete it, unless somebody has written to it meanwhile."""
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        if keys := [{"Key": item["Key"]} for item in page.get("Contents", ())]:
            s3.delete_objects(Bucket=bucket, Delete={"Objects": keys})
    try:
        s3.delete_bucket(Bucket=bucket)
    except ClientError as error:
        if error.response["Error"]["Code"] != "BucketNotEmpty":
            raise
        return False
    return True


def sample(aws: LocalAws, destinations: dict[str, Any], until: float) -> Series:
    """The depths of the queues, as SQS would tell CloudWatch."""
    sqs, found = aws.client("sqs", region=REGION), Series()
    while time.monotonic() < until:
        for made in destinations.values():
            for url in (made["queue_url"], made["dead_letter_queue_url"]):
                depths = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])[
                    "Attributes"
                ]
                name = (("QueueName", url.rsplit("/", 1)[1]),)
                for metric, attribute in DEPTHS.items():
                    points = found.setdefault(("AWS/SQS", metric, name), [])
                    points.append((time.time(), int(depths[attribute])))
        time.sleep(SAMPLE_SECONDS)
    return found


def logged(aws: LocalAws, destinations: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The log lines of all functions."""
    pages = aws.client("logs", region=REGION).get_paginator("filter_log_events")
    for made in destinations.values():
        for page in pages.paginate(logGroupName=made["log_group_name"]):
            for event in page["events"]:
                if event["message"].startswith("{"):
                    yield json.loads(event["message"])


def embedded(lines: Iterator[dict[str, Any]]) -> Series:
    """The metrics in log lines."""
    found = Series()
    for line in lines:
        for directive in line.get("_aws", {}).get("CloudWatchMetrics", ()):
            for dimensions in directive["Dimensions"]:
                named = tuple((name, line[name]) for name in dimensions)
                for metric in directive["Metrics"]:
                    values = line[metric["Name"]]
                    points = found.setdefault((directive["Namespace"], metric["Name"], named), [])
                    for value in values if isinstance(values, list) else [values]:
                        points.append((line["_aws"]["Timestamp"] / 1000, value))
    return found


def main() -> None:
    """Record."""
    with LocalAws() as aws, tempfile.TemporaryDirectory() as folder:
        outputs = apply(aws, Path(folder))
        destinations = outputs["destinations"]
        body = aws.client("cloudwatch", region=REGION).get_dashboard(
            DashboardName=outputs["dashboard_name"]
        )["DashboardBody"]
        began, since = time.monotonic(), time.time()
        until = began + 60 * MINUTES
        threads = [
            threading.Thread(target=write, args=(aws.client("s3", region=REGION), until - 20)),
            threading.Thread(target=disturb, args=(aws, destinations, began)),
        ]
        for thread in threads:
            thread.start()
        depths = sample(aws, destinations, until)
        for thread in threads:
            thread.join()
        series = depths | embedded(logged(aws, destinations))
    RECORD.write_text(
        json.dumps(
            {
                "dashboard": json.loads(body),
                "seconds": 60 * MINUTES,
                "series": [
                    {
                        "namespace": namespace,
                        "metric": metric,
                        "dimensions": dict(dimensions),
                        "points": [[round(at - since, 1), value] for at, value in points],
                    }
                    for (namespace, metric, dimensions), points in series.items()
                ],
            },
            separators=(",", ":"),
        )
        + "\n"
    )


if __name__ == "__main__":
    main()
