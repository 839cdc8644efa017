"""Puts the objects and looks, from outside, at what becomes of them."""

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from demo.objects import DESTINATIONS, SOURCE_REGION, Upload, differences
from demo.replicas import Replicas
from local_aws.server import LocalAws
from local_aws.waiting import NothingMovesError

PUTS_PER_SECOND = 10  # few: client, AWS and functions share one machine
LOGS_LATE_SECONDS = 10

_HEADERS = (
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-type",
    "expires",
    "x-amz-website-redirect-location",
)
_METADATA = "x-amz-meta-"


def describe_queues(aws: LocalAws, made: Mapping[str, str]) -> str:
    """How many messages a destination has, of what the module made for it."""
    sqs = aws.client("sqs", region=SOURCE_REGION)
    work, dead = (
        sqs.get_queue_attributes(QueueUrl=made[url], AttributeNames=["All"])["Attributes"]
        for url in ("queue_url", "dead_letter_queue_url")
    )
    number = "ApproximateNumberOfMessages"
    return (
        f"{work[number]} waiting, {work[number + 'NotVisible']} in flight or to be retried, "
        f"{work[number + 'Delayed']} delayed, {dead[number]} dead-letter"
    )


class Watch:
    """One run from the first PutObject to the last comparison.

    Attributes:
        destinations: their replicas as last seen.
        first_seen_at: `time.time()` when the first replica was seen; None before.
        gave_up: why not everything was waited for; None when it was.
    """

    def __init__(self, aws: LocalAws, outputs: Mapping[str, Any]) -> None:
        """Nothing happens yet.

        Args:
            aws: a started local AWS.
            outputs: values of the outputs of examples/basic.
        """
        self._aws = aws
        self._source_bucket = outputs["source_bucket"]
        self._made = outputs["destinations"]
        self.destinations = [
            Replicas(destination, outputs["destination_buckets"][destination.name])
            for destination in DESTINATIONS
        ]
        self.first_seen_at: float | None = None
        self.gave_up: str | None = None
        self._logged_ms: dict[str, int] = {}

    def run(
        self, uploads: Sequence[Upload], threads: ThreadPoolExecutor, show: Callable[[], None]
    ) -> None:
        """Put everything, wait until it has arrived, compare it.

        What has not arrived when nothing goes on in LocalStack any more counts as missing.

        Args:
            uploads: what to put.
            threads: puts and reads.
            show: called when there is something new to see.

        Raises:
            botocore.exceptions.ClientError: an object could not be put or read.
        """
        for replicas in self.destinations:
            self._s3(replicas.destination.region)  # here: boto3 makes clients in one thread only
            replicas.expect(upload.key for upload in uploads)
        puts = [
            threads.submit(self._put, upload, time.monotonic() + position / PUTS_PER_SECOND)
            for position, upload in enumerate(uploads)
        ]
        self._wait_for_arrival(puts, show)
        # Only now: a comparison reads every byte, which would slow down what is measured above.
        for _ in threads.map(self._compare, [upload.key for upload in uploads]):
            show()
        self._look()  # what should not be there had time to get there

    def _put(self, upload: Upload, at: float) -> None:
        time.sleep(max(0.0, at - time.monotonic()))
        self._s3(SOURCE_REGION).put_object(
            Bucket=self._source_bucket, Key=upload.key, Body=upload.body, **upload.arguments
        )

    def _wait_for_arrival(self, puts: Sequence[Future[None]], show: Callable[[], None]) -> None:
        """Look until everything is put, has arrived and was logged as done, or nothing moves."""

        def is_done() -> bool:
            for put in puts:
                if put.done():
                    put.result()  # raises what the put raised
            self._look()
            for replicas in self.destinations:
                self._read_log(replicas)
            show()
            return all(not r.missing and r.is_logged for r in self.destinations)

        try:
            self._aws.eventually("all replicas", is_done)
        except NothingMovesError as error:
            queues = (f"{n}: {describe_queues(self._aws, made)}" for n, made in self._made.items())
            self.gave_up = "\n".join([f"Gave up waiting for {error}", "Messages:", *queues])

    def _look(self) -> None:
        for replicas in self.destinations:
            pages = self._s3(replicas.destination.region).get_paginator("list_objects_v2")
            replicas.arrived = {
                item["Key"]: item["Size"]
                for page in pages.paginate(Bucket=replicas.bucket)
                for item in page.get("Contents", ())
            }
            if self.first_seen_at is None and replicas.arrived:
                self.first_seen_at = time.time()

    def _read_log(self, replicas: Replicas) -> None:
        """Take the lines of a function's log since the last time, some of those before again."""
        group = self._made[replicas.destination.name]["log_group_name"]
        since_ms = self._logged_ms.get(group, 0) - LOGS_LATE_SECONDS * 1000
        pages = self._aws.client("logs", region=SOURCE_REGION).get_paginator("filter_log_events")
        for page in pages.paginate(logGroupName=group, startTime=max(0, since_ms)):
            for event in page["events"]:
                self._logged_ms[group] = event["timestamp"]
                replicas.take_log_line(event["message"])

    def _compare(self, source_key: str) -> None:
        """Compare an object with every replica of it that arrived."""
        source = self._read(self._source_bucket, SOURCE_REGION, source_key)
        for replicas in self.destinations:
            key = replicas.destination.key_for(source_key)
            if key is not None and key in replicas.arrived:
                replica = self._read(replicas.bucket, replicas.destination.region, key)
                replicas.compared[key] = differences(source, replica)

    def _read(self, bucket: str, region: str, key: str) -> dict[str, object]:
        """Everything of an object that a replica has to have as well, by name."""
        s3 = self._s3(region)
        got = s3.get_object(Bucket=bucket, Key=key)
        digest = hashlib.sha256()
        for chunk in got["Body"].iter_chunks(1 << 20):
            digest.update(chunk)
        tags = s3.get_object_tagging(Bucket=bucket, Key=key)["TagSet"]
        headers = got["ResponseMetadata"]["HTTPHeaders"].items()
        return {
            "bytes": (got["ContentLength"], digest.hexdigest()),
            "tags": {tag["Key"]: tag["Value"] for tag in tags},
            **{n: value for n, value in headers if n in _HEADERS or n.startswith(_METADATA)},
        }

    def _s3(self, region: str) -> Any:
        return self._aws.client("s3", region=region)
