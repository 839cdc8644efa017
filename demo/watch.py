"""Puts the objects and looks, from outside, at what becomes of them."""

import contextlib
import hashlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from typing import Any

from demo.objects import DESTINATIONS, Content, Upload, differences
from demo.sides import Side
from local_aws.server import LocalAws

# Few: client, AWS and functions share one machine, and what is measured is the functions.
PUT_THREADS = 4
PUTS_PER_SECOND = 10
COMPARE_THREADS = 4

LOOK_SECONDS = 0.25
READ_LOGS_SECONDS = 1.0
LOGS_LATE_SECONDS = 10
STALLED_SECONDS = 60

_HEADERS = (
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-type",
    "expires",
    "x-amz-website-redirect-location",
)
_METADATA_PREFIX = "x-amz-meta-"


class Watch:
    """One run from the first PutObject to the last comparison.

    Attributes:
        sides: the destinations as last seen.
        first_seen_at: `time.time()` when the first replica was seen; None before.
        arrived_at: likewise for the last one.
    """

    def __init__(
        self, aws: LocalAws, outputs: Mapping[str, Any], show: Callable[[Sequence[Side]], None]
    ) -> None:
        """Nothing happens yet.

        Args:
            aws: a started local AWS.
            outputs: values of the outputs of examples/basic.
            show: called with the sides after every look.
        """
        self._aws = aws
        self._source_bucket = outputs["source_bucket"]
        self._source_region = DESTINATIONS[0].region
        self._show = show
        self.sides = [
            Side(
                destination,
                outputs["destination_buckets"][destination.name],
                outputs["destinations"][destination.name]["log_group_name"],
            )
            for destination in DESTINATIONS
        ]
        self.first_seen_at: float | None = None
        self.arrived_at: float | None = None
        self._logged_ms: dict[str, int] = {}
        for destination in DESTINATIONS:  # in one thread: boto3 makes clients in one at a time
            self._s3(destination.region)

    def run(self, uploads: Sequence[Upload]) -> None:
        """Put everything, wait until it has arrived, compare it.

        What has not arrived when nothing new came for a minute counts as missing.

        Raises:
            botocore.exceptions.ClientError: an object could not be put or read.
        """
        for side in self.sides:
            side.expect(upload.key for upload in uploads)
        with _pool(PUT_THREADS) as pool:
            puts = [
                pool.submit(self._put, upload, time.monotonic() + position / PUTS_PER_SECOND)
                for position, upload in enumerate(uploads)
            ]
            self._wait_for_arrival(puts)
        # Only now: a comparison reads every byte, which would slow down what is measured above.
        with _pool(COMPARE_THREADS) as pool:
            self._compare(pool)
        self._look()  # whatever should not be there had time to get there

    def _put(self, upload: Upload, at: float) -> None:
        time.sleep(max(0.0, at - time.monotonic()))
        self._s3(self._source_region).put_object(
            Bucket=self._source_bucket, Key=upload.key, Body=upload.body, **upload.arguments
        )

    def _wait_for_arrival(self, puts: Sequence[Future[None]]) -> None:
        """Look until everything is put, has arrived and was logged as done, or nothing moves."""
        seen: object = None
        deadline = next_log = 0.0
        while True:
            for put in puts:
                if put.done():
                    put.result()  # raises what the put raised
            self._look()
            if time.monotonic() > next_log:
                self._read_logs()
                next_log = time.monotonic() + READ_LOGS_SECONDS
            is_complete = all(side.is_complete for side in self.sides)
            if is_complete:
                self.arrived_at = self.arrived_at or time.time()
                if all(side.is_logged for side in self.sides):
                    return
            progress = [(len(side.arrived), len(side.delays)) for side in self.sides]
            if progress != seen:
                seen = progress
                # The log of an invocation comes after its end, but not much.
                patience = LOGS_LATE_SECONDS if is_complete else STALLED_SECONDS
                deadline = time.monotonic() + patience
            if time.monotonic() > deadline:
                return
            time.sleep(LOOK_SECONDS)

    def _look(self) -> None:
        for side in self.sides:
            side.arrived = self._listing(side)
            if self.first_seen_at is None and side.arrived:
                self.first_seen_at = time.time()
        self._show(self.sides)

    def _read_logs(self) -> None:
        for side in self.sides:
            for line in self._log_lines(side):
                side.take_log_line(line)

    def _compare(self, pool: ThreadPoolExecutor) -> None:
        """Compare every replica that arrived with its source, which is read once."""
        sources: dict[str, Future[Content]] = {}
        pending: dict[Future[list[str]], tuple[Side, str]] = {}
        for side in self.sides:
            for key in side.expected.keys() & side.arrived.keys():
                source_key = side.expected[key]
                if source_key not in sources:
                    sources[source_key] = pool.submit(
                        self._read, self._source_bucket, self._source_region, source_key
                    )
                # Waits for a task that was submitted before it, so one of them always advances.
                task = pool.submit(self._differences, side, key, sources[source_key])
                pending[task] = (side, key)
        for finished in as_completed(pending):
            side, key = pending[finished]
            side.compared[key] = finished.result()
            self._show(self.sides)

    def _differences(self, side: Side, key: str, source: Future[Content]) -> list[str]:
        return differences(source.result(), self._read(side.bucket, side.destination.region, key))

    def _read(self, bucket: str, region: str, key: str) -> Content:
        s3 = self._s3(region)
        got = s3.get_object(Bucket=bucket, Key=key)
        digest, size = hashlib.sha256(), 0
        for chunk in got["Body"].iter_chunks(1 << 20):
            digest.update(chunk)
            size += len(chunk)
        headers = got["ResponseMetadata"]["HTTPHeaders"]
        return Content(
            size=size,
            sha256=digest.hexdigest(),
            headers={
                name: value
                for name, value in headers.items()
                if name in _HEADERS or name.startswith(_METADATA_PREFIX)
            },
            tags={
                tag["Key"]: tag["Value"]
                for tag in s3.get_object_tagging(Bucket=bucket, Key=key)["TagSet"]
            },
        )

    def _listing(self, side: Side) -> dict[str, int]:
        pages = self._s3(side.destination.region).get_paginator("list_objects_v2")
        return {
            item["Key"]: item["Size"]
            for page in pages.paginate(Bucket=side.bucket)
            for item in page.get("Contents", ())
        }

    def _log_lines(self, side: Side) -> Iterator[str]:
        """The lines of a function's log since the last time, some of those before again."""
        logs = self._aws.client("logs", region=self._source_region)
        since_ms = self._logged_ms.get(side.log_group, 0) - LOGS_LATE_SECONDS * 1000
        for page in logs.get_paginator("filter_log_events").paginate(
            logGroupName=side.log_group, startTime=max(0, since_ms)
        ):
            for event in page["events"]:
                self._logged_ms[side.log_group] = event["timestamp"]
                yield event["message"]

    def _s3(self, region: str) -> Any:
        return self._aws.client("s3", region=region)


@contextlib.contextmanager
def _pool(threads: int) -> Iterator[ThreadPoolExecutor]:
    """Threads that, when something fails or is interrupted, do not begin what waits."""
    pool = ThreadPoolExecutor(threads)
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)
