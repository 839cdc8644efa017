"""A bucket that was full before the module came, brought to its destinations by reconcile.

    python -m backfill [--objects 50000]

On a LocalStack of its own: puts objects, applies the module, audits, repairs, kills the function in
the middle of that, goes on, and compares every object. Any expectation that does not hold ends it. That
exactly what differs is found is in tests/integration/test_reconcile.py.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil

from integration.support import REGION, checkout, terraform_in
from local_aws.errors import LocalAwsError
from local_aws.server import REPOSITORY, LocalAws

SOURCE, DESTINATION = "backfill-source", "backfill-destination"
FUNCTION = f"{SOURCE}-fanout-reconcile"


def say(text: str) -> None:
    """Print a line, with the time of day."""
    print(f"{time.strftime('%H:%M:%S')}  {text}", flush=True)


def expect(condition: bool, what: object) -> None:
    """Stop when something is not as it should be.

    Raises:
        SystemExit: it is not.
    """
    if not condition:
        raise SystemExit(f"NOT AS EXPECTED: {what}")


class Run:
    """The local AWS with the module, and what is done to it."""

    def __init__(self, aws: LocalAws) -> None:
        self.aws = aws
        self.s3 = aws.client("s3", region=REGION)
        self.functions = aws.client("lambda", region=REGION)
        self.logs = aws.client("logs", region=REGION)
        self.sqs = aws.client("sqs", region=REGION)
        self.queue_url = ""
        self.peak_bytes = 0

    def put(self, key: str) -> None:
        """Put an object whose content is its key."""
        self.s3.put_object(Bucket=SOURCE, Key=key, Body=key.encode())

    def objects(self, bucket: str) -> dict[str, str]:
        """The ETag of every object, by key."""
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
        return {item["Key"]: item["ETag"] for page in pages for item in page.get("Contents", ())}

    def begin(self, event: dict[str, Any]) -> None:
        """Invoke reconcile, and do not wait."""
        self.functions.invoke(
            FunctionName=FUNCTION, InvocationType="Event", Payload=json.dumps(event)
        )

    def reconcile(self, event: dict[str, Any]) -> dict[str, Any]:
        """Invoke reconcile and wait for the last line of its run, however many invocations it takes."""
        seen = len(self.lines("reconciled"))
        self.begin(event)
        last: list[dict[str, Any]] = self.aws.eventually(
            "the last line", lambda: self.lines("reconciled")[seen:]
        )
        return last[-1]

    def lines(self, action: str) -> list[dict[str, Any]]:
        """What reconcile has logged, oldest first."""
        pages = self.logs.get_paginator("filter_log_events")
        found = [
            json.loads(event["message"])
            for page in pages.paginate(logGroupName=f"/aws/lambda/{FUNCTION}")
            for event in page["events"]
            if event["message"].startswith("{")
        ]
        return [line for line in found if line.get("action") == action]

    def wait_until_quiet(self) -> None:
        """Wait until the work queue holds no message."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]

        def is_empty() -> bool:
            answer = self.sqs.get_queue_attributes(QueueUrl=self.queue_url, AttributeNames=names)
            return not any(map(int, answer["Attributes"].values()))

        self.aws.eventually("an empty queue", is_empty)

    def watch_memory(self) -> None:
        """Keep the highest resident memory of reconcile's processes, from now on."""

        def watch() -> None:
            while True:
                with contextlib.suppress(psutil.Error, LocalAwsError):
                    for process in self.aws.function_processes(FUNCTION):
                        self.peak_bytes = max(self.peak_bytes, process.memory_info().rss)
                time.sleep(0.05)

        threading.Thread(target=watch, daemon=True).start()

    def peak(self) -> str:
        """The highest resident memory since the last time."""
        peak, self.peak_bytes = self.peak_bytes, 0
        return f"{peak / 2**20:.1f} MiB"


def shown(answer: dict[str, Any]) -> str:
    """An answer in a line."""
    names = ("listed", "differences", "queued", "invocations", "seconds", "keys_per_second")
    return ", ".join(f"{name} {answer[name]}" for name in names)


def backfill(run: Run, objects: int) -> None:
    """Audit, repair with an interruption, repair again."""
    run.watch_memory()
    part = {"destination": "everything", "mode": "audit"}
    answer = run.reconcile({**part, "prefix": "first/"})
    say(f"audit of the first 1,000: {shown(answer)}; memory {run.peak()}")
    expect(answer["differences"]["missing"] == 1000, answer)
    answer = run.reconcile(part)
    say(f"audit of everything: {shown(answer)}; memory {run.peak()}")
    expect(answer["differences"]["missing"] == objects, answer)
    expect(answer["queued"] == 0, answer)

    # So that a run needs many invocations. With less, one of them runs out of time on a busy machine.
    run.functions.update_function_configuration(FunctionName=FUNCTION, Timeout=30)
    # Lambda is not to begin the killed one again, beside the run that goes on by hand.
    run.functions.put_function_event_invoke_config(FunctionName=FUNCTION, MaximumRetryAttempts=0)
    begun = {"destination": "everything", "mode": "repair"}
    before, ended = len(run.lines("reconciling")), len(run.lines("reconciled"))
    run.begin(begun)
    run.aws.eventually(
        "an invocation, or the end",
        lambda: len(run.lines("reconciling")) > before or len(run.lines("reconciled")) > ended,
    )
    for process in run.aws.function_processes(FUNCTION):
        process.kill()
    expect(len(run.lines("reconciled")) == ended, "it was interrupted: give it more --objects")
    last = run.lines("reconciling")[-1]
    say(f"killed after {last['listed']} keys, {last['queued']} of them queued")
    started = time.monotonic()
    answer = run.reconcile(last["next"])
    say(f"repair, continued: {shown(answer)}; memory {run.peak()}")
    expect(answer["differences"]["missing"] == objects == answer["queued"], answer)
    run.wait_until_quiet()
    took = time.monotonic() - started
    say(f"the queue was empty {took:.0f} s after it went on")
    source = run.objects(SOURCE)
    expect(run.objects(DESTINATION) == source, "the destination equals the source")
    say(f"{len(source)} objects are equal, by key and ETag")

    answer = run.reconcile(begun)
    say(f"again: {shown(answer)}; memory {run.peak()}")
    expect(answer["queued"] == sum(answer["differences"].values()) == 0, answer)


def main() -> int:
    """Run the command line; returns the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--objects", type=int, default=50_000)
    objects = parser.parse_args().objects
    with LocalAws() as aws, tempfile.TemporaryDirectory() as folder:
        run = Run(aws)
        for bucket in (SOURCE, DESTINATION):
            run.s3.create_bucket(
                Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION}
            )
        # Plain keys: LocalStack gets pages wrong that end between keys it has to encode.
        keys = [f"first/{n:06}" for n in range(1000)]
        keys += [f"{n % 100:02}/{n:06}" for n in range(objects - len(keys))]
        say(f"putting {len(keys)} objects")
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(run.put, keys))
        root = checkout(Path(folder)) / "tests/backfill"
        root.mkdir(parents=True)
        (root / "main.tf").write_text((REPOSITORY / "tests/backfill/main.tf").read_text())
        say("applying the module")
        tf = terraform_in(root, aws)
        tf.apply()
        run.queue_url = tf.output()["destinations"]["everything"]["queue_url"]
        backfill(run, len(keys))
        tf.destroy()
    say("done")
    return 0


if __name__ == "__main__":
    sys.exit(main())
