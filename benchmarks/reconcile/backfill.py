"""A bucket that was full before the module came, brought to its destinations by reconcile.

    python -m benchmarks.reconcile.backfill [--objects 50000] [--differences 1000]

On a LocalStack of its own: puts objects, applies the module, audits, repairs, kills the function in
the middle of that, goes on, and compares every object. Then it plants differences, and looks whether
reconcile finds and repairs those and nothing else. Any expectation that does not hold ends it.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import random
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil

from integration.support import REGION, checkout, terraform_in
from local_aws.errors import LocalAwsError
from local_aws.server import REPOSITORY, LocalAws

SOURCE, WHOLE, SHARED = "reconcile-source", "reconcile-whole", "reconcile-shared"
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
        self.queues: dict[str, str] = {}
        self.peak_bytes = 0

    def each(self, do: Callable[[Any], object], items: Iterable[Any]) -> None:
        """Do something to many items at once."""
        with ThreadPoolExecutor(8) as pool:
            for _ in pool.map(do, items):
                pass

    def put(self, bucket: str, key: str, body: bytes) -> None:
        """Put an object."""
        self.s3.put_object(Bucket=bucket, Key=key, Body=body)

    def objects(self, bucket: str, prefix: str = "") -> dict[str, str]:
        """The ETag of every object, by key."""
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        return {item["Key"]: item["ETag"] for page in pages for item in page.get("Contents", ())}

    def invoke(self, event: dict[str, Any]) -> dict[str, Any]:
        """Invoke reconcile and wait; where it goes on by itself, wait for its last line too."""
        seen = len(self.lines("reconciled"))
        answered = self.functions.invoke(FunctionName=FUNCTION, Payload=json.dumps(event))
        answer: dict[str, Any] = json.loads(answered["Payload"].read())
        expect("FunctionError" not in answered and "error" not in answer, answer)
        if answer["complete"]:
            return answer
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
        """Wait until no work queue holds a message."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]

        def left() -> int:
            return sum(
                int(number)
                for url in self.queues.values()
                for number in self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)[
                    "Attributes"
                ].values()
            )

        self.aws.eventually("empty queues", lambda: left() == 0)

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
    return ", ".join(
        f"{name} {answer[name]}"
        for name in (
            "listed",
            "differences",
            "queued",
            "deletes_queued",
            "invocations",
            "seconds",
            "keys_per_second",
        )
    )


def backfill(run: Run, objects: int) -> None:
    """Audit, repair with an interruption, repair again."""
    run.watch_memory()
    part = {"destination": "whole", "mode": "audit"}
    answer = run.invoke({**part, "prefix": "first/"})
    say(f"audit of the first 1,000: {shown(answer)}; memory {run.peak()}")
    expect(answer["differences"]["missing"] == 1000, answer)
    answer = run.invoke(part)
    say(f"audit of everything: {shown(answer)}; memory {run.peak()}")
    expect(answer["differences"]["missing"] == objects, answer)
    expect(answer["queued"] == 0, answer)

    # So that a run needs many invocations.
    run.functions.update_function_configuration(FunctionName=FUNCTION, Timeout=10)
    # Nor would Lambda begin the killed one again, beside the run that goes on by hand.
    run.functions.put_function_event_invoke_config(FunctionName=FUNCTION, MaximumRetryAttempts=0)
    begun = {"destination": "whole", "mode": "repair"}
    before, ended = len(run.lines("reconciling")), len(run.lines("reconciled"))
    run.functions.invoke(FunctionName=FUNCTION, InvocationType="Event", Payload=json.dumps(begun))
    run.aws.eventually(
        "two invocations, or the end",
        lambda: len(run.lines("reconciling")) >= before + 2 or len(run.lines("reconciled")) > ended,
    )
    for process in run.aws.function_processes(FUNCTION):
        process.kill()
    expect(len(run.lines("reconciled")) == ended, "it was interrupted: give it more --objects")
    last = run.lines("reconciling")[-1]
    say(f"killed after {last['listed']} keys, {last['queued']} of them queued")
    started = time.monotonic()
    answer = run.invoke(last["next"])
    say(f"repair, continued: {shown(answer)}; memory {run.peak()}")
    expect(answer["differences"]["missing"] == objects == answer["queued"], answer)
    run.wait_until_quiet()
    took = time.monotonic() - started
    say(f"the queue was empty {took:.0f} s after it went on")
    source = run.objects(SOURCE)
    expect(run.objects(WHOLE) == source, "the destination equals the source")
    say(f"{len(source)} objects are equal, by key and ETag")

    answer = run.invoke({"destination": "shared", "mode": "repair"})
    say(f"repair of the shared bucket: {shown(answer)}")
    run.wait_until_quiet()
    for name in ("whole", "shared"):
        answer = run.invoke({"destination": name, "mode": "repair"})
        say(f"again, {name}: {shown(answer)}; memory {run.peak()}")
        expect(answer["queued"] == sum(answer["differences"].values()) == 0, answer)


def differences(run: Run, planted: int, seed: int) -> None:
    """Plant differences in the shared bucket, audit, repair, delete."""
    rand = random.Random(seed)
    say(f"planting {planted} differences with seed {seed}")
    keys = sorted(key for key in run.objects(SOURCE, "some/") if "/private/" not in key)
    kinds: dict[str, list[str]] = {"missing": [], "resized": [], "stale": [], "extra": []}
    chosen = iter(rand.sample(keys, planted))
    for _ in range(planted):
        kind = rand.choice(list(kinds))
        extra = f"some/extra/{rand.randrange(10**9)}"
        kinds[kind].append(extra if kind == "extra" else next(chosen))

    def there(key: str) -> str:
        return "copies/" + key.removeprefix("some/")

    # Without events, as after an outage.
    configuration = run.s3.get_bucket_notification_configuration(Bucket=SOURCE)
    configuration.pop("ResponseMetadata")
    run.s3.put_bucket_notification_configuration(Bucket=SOURCE, NotificationConfiguration={})
    run.each(lambda k: run.s3.delete_object(Bucket=SHARED, Key=there(k)), kinds["missing"])
    run.each(lambda k: run.put(SHARED, there(k), b"much longer than it was"), kinds["resized"])
    run.each(lambda k: run.put(SOURCE, k, k.encode()[::-1]), kinds["stale"])
    run.each(lambda k: run.put(SHARED, there(k), b"extra"), kinds["extra"])
    foreign = [f"copiesof/{n}" for n in range(100)] + [f"theirs/some/{n}" for n in range(100)]
    foreign += [f"copies/private/{n}" for n in range(100)] + ["copies", "zzz"]
    run.each(lambda k: run.put(SHARED, k, b"somebody else's"), foreign)
    run.s3.create_multipart_upload(Bucket=SHARED, Key="copies/unfinished")
    run.s3.put_bucket_notification_configuration(
        Bucket=SOURCE, NotificationConfiguration=configuration
    )

    def others() -> dict[str, str]:
        kept = run.objects(SHARED)
        return {key: kept[key] for key in foreign if key in kept}

    beside = others()
    expected = {kind: len(found) for kind, found in kinds.items()}
    say(f"planted: {expected}; {len(beside)} objects of others")
    answer = run.invoke({"destination": "shared", "mode": "audit"})
    say(f"audit: {shown(answer)}, {answer['open_uploads']['count']} open upload")
    expect(answer["differences"] == expected, (answer["differences"], expected))
    for kind, examples in answer["examples"].items():
        right = kinds[kind] if kind != "extra" else [there(key) for key in kinds[kind]]
        expect(examples == sorted(right)[:10], (kind, examples))
    expect(answer["open_uploads"]["count"] == 1, answer)

    def look(extra: int) -> None:
        run.wait_until_quiet()
        source = {k: v for k, v in run.objects(SOURCE, "some/").items() if k in set(keys)}
        replicas = run.objects(SHARED, "copies/")
        expect(all(replicas[there(k)] == etag for k, etag in source.items()), "all are equal")
        expect(sum(key.startswith("copies/extra/") for key in replicas) == extra, "extra objects")
        expect(others() == beside, "nothing of others was touched")

    answer = run.invoke({"destination": "shared", "mode": "repair"})
    say(f"repair: {shown(answer)}")
    expect(answer["queued"] == planted - expected["extra"], answer)
    look(extra=expected["extra"])
    say("every replica equals its source, extra objects are there, others' are untouched")
    answer = run.invoke({"destination": "shared", "mode": "repair", "delete_extra": True})
    say(f"repair with delete_extra: {shown(answer)}")
    expect(answer["queued"] == answer["deletes_queued"] == expected["extra"], answer)
    look(extra=0)
    say("extra objects are gone, others' are untouched")
    answer = run.invoke({"destination": "shared", "mode": "audit"})
    say(f"audit: {shown(answer)}")
    expect(sum(answer["differences"].values()) == 0, answer)


def main() -> int:
    """Run the command line; returns the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--objects", type=int, default=50_000)
    parser.add_argument("--differences", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=random.randrange(2**32))
    arguments = parser.parse_args()
    with LocalAws() as aws, tempfile.TemporaryDirectory() as folder:
        run = Run(aws)
        for bucket in (SOURCE, WHOLE, SHARED):
            run.s3.create_bucket(
                Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION}
            )
        some = max(arguments.objects // 5, 3 * arguments.differences)
        # Plain keys: LocalStack gets pages wrong that end between keys it has to encode.
        keys = [f"first/{n:06}" for n in range(1000)]
        keys += [f"some/{n:06}" for n in range(some - 100)]
        keys += [f"some/private/{n:06}" for n in range(100)]
        keys += [f"{n % 100:02}/{n:06}" for n in range(arguments.objects - len(keys))]
        say(f"putting {len(keys)} objects")
        run.each(lambda key: run.put(SOURCE, key, key.encode()), keys)
        root = checkout(Path(folder)) / "benchmarks/reconcile"
        root.mkdir(parents=True)
        (root / "main.tf").write_text((REPOSITORY / "benchmarks/reconcile/main.tf").read_text())
        say("applying the module")
        tf = terraform_in(root, aws)
        tf.apply()
        made = tf.output()["destinations"]
        run.queues = {name: destination["queue_url"] for name, destination in made.items()}
        backfill(run, len(keys))
        differences(run, arguments.differences, arguments.seed)
        tf.destroy()
    say("done")
    return 0


if __name__ == "__main__":
    sys.exit(main())
