"""What edits of the configuration lose while objects are written.

    python -m edits [--objects-per-second 20]

On a LocalStack of its own, where filters and subscriptions act at once: each destination is edited by an
apply of its own, and every object is looked for. Any loss that docs/operations.md does not name ends it.
"""

from __future__ import annotations

import argparse
import itertools
import json
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from integration.support import REGION, checkout, messages_in, terraform_in
from local_aws.server import REPOSITORY, LocalAws

SOURCE = "edits-source"
HIDDEN_SECONDS = 150.0  # the visibility timeout, for functions that end after 30 s
WRITERS = 4
BUCKETS = ["switched", "widened", "moved-from", "moved-to", "removed"]

Destinations = dict[str, dict[str, Any]]


class Run:
    """The local AWS with the module, and what was written when."""

    def __init__(self, aws: LocalAws, folder: Path, per_second: float) -> None:
        self.aws = aws
        self.s3 = aws.client("s3", region=REGION)
        self.sqs = aws.client("sqs", region=REGION)
        for bucket in (SOURCE, *(f"edits-{name}" for name in BUCKETS)):
            where = {"LocationConstraint": REGION}
            self.s3.create_bucket(Bucket=bucket, CreateBucketConfiguration=where)
        self.tf = terraform_in(folder, aws)
        self.per_second = per_second
        self.written: dict[str, float] = {}
        self.ended = threading.Event()

    def write(self, writer: int) -> None:
        """Put objects until the end, in turn below a/ and b/, as one of several writers."""
        began = time.monotonic()
        for number in itertools.count():
            due = began + number * WRITERS / self.per_second
            if self.ended.wait(max(0.0, due - time.monotonic())):
                return
            key = f"{'ab'[number % 2]}/{writer}-{number}"
            self.s3.put_object(Bucket=SOURCE, Key=key, Body=key.encode())
            self.written[key] = time.monotonic()

    def apply(self, what: str, destinations: Destinations) -> tuple[float, float]:
        """Apply; returns when that began and ended. Objects are written before and afterwards, too."""
        time.sleep(3)
        began = time.monotonic()
        self.tf.apply(tf_vars={"destinations": json.dumps(destinations)})
        ended = time.monotonic()
        print(f"{what}: applied in {ended - began:.0f} s, {len(self.written)} objects", flush=True)
        time.sleep(3)
        return began, ended

    def wait_until_quiet(self) -> None:
        """Wait until no queue holds a message."""
        urls = self.sqs.list_queues()["QueueUrls"]
        self.aws.eventually(
            "empty queues",
            lambda: not any(messages_in(self.sqs, url) for url in urls),
            lambda: HIDDEN_SECONDS,
        )

    def keys(self, name: str) -> set[str]:
        """The keys of a destination's bucket."""
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=f"edits-{name}")
        return {item["Key"] for page in pages for item in page.get("Contents", ())}


def expect(what: str, lost: set[str]) -> None:
    """Say what was lost, and stop if it was something.

    Raises:
        SystemExit: it was.
    """
    print(f"{what}: {len(lost)} lost", flush=True)
    if lost:
        raise SystemExit(f"NOT AS EXPECTED: {sorted(lost)[:5]}")


def edit(run: Run) -> None:
    """Edit each destination, and compare."""
    at_first: Destinations = {
        "switched": {"bucket": "edits-switched"},
        "widened": {"bucket": "edits-widened", "prefixes": ["a/"]},
        "moved": {"bucket": "edits-moved-from"},
        "removed": {"bucket": "edits-removed"},
    }
    now = dict(at_first)
    run.apply("first", now)
    writers = [threading.Thread(target=run.write, args=[n]) for n in range(WRITERS)]
    for writer in writers:
        writer.start()
    began = time.monotonic()
    try:
        now["switched"] = at_first["switched"] | {"delivery": "direct"}
        run.apply("delivery = direct", now)
        now["switched"] = at_first["switched"]
        run.apply("delivery = queue", now)
        now["widened"] = at_first["widened"] | {"prefixes": ["a/", "b/"]}
        _, widened = run.apply("prefixes widened", now)
        now["moved"] = {"bucket": "edits-moved-to"}
        _, moved = run.apply("bucket changed", now)
        del now["removed"]
        removing, _ = run.apply("destination removed", now)
        now["removed"] = at_first["removed"]
        _, added = run.apply("destination added again", now)
    finally:
        run.ended.set()
        for writer in writers:
            writer.join()
    per_second = len(run.written) / (time.monotonic() - began)
    print(f"{len(run.written)} objects, {per_second:.1f} a second", flush=True)
    run.wait_until_quiet()

    written = run.written
    expect("delivery, there and back", written.keys() - run.keys("switched"))
    wanted = {key for key, at in written.items() if key.startswith("a/") or at > widened}
    expect("prefixes, but for b/ before the end of the apply", wanted - run.keys("widened"))
    expect("bucket, of both", written.keys() - run.keys("moved-from") - run.keys("moved-to"))
    later = {key for key, at in written.items() if at > moved}
    expect("bucket, what was written afterwards, of the new one", later - run.keys("moved-to"))
    missing = written.keys() - run.keys("removed")
    named = {key for key, at in written.items() if removing - 3 < at < added}
    print(f"removed and added: {len(missing)} missing, all from the time in between", flush=True)
    expect("removed and added, but for what was written in between", missing - named)

    name = f"{SOURCE}-fanout-reconcile"
    for destination in ("widened", "moved", "removed"):
        request = {"destination": destination, "mode": "repair"}
        run.aws.client("lambda", region=REGION).invoke(
            FunctionName=name, InvocationType="RequestResponse", Payload=json.dumps(request)
        )
    run.wait_until_quiet()
    for name in ("widened", "moved-to", "removed"):
        expect(f"after reconcile, {name}", written.keys() - run.keys(name))


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--objects-per-second", type=float, default=20)
    per_second = parser.parse_args().objects_per_second
    with tempfile.TemporaryDirectory() as temporary:
        folder = checkout(Path(temporary)) / "tests/edits"
        folder.mkdir(parents=True)
        (folder / "main.tf").write_text((REPOSITORY / "tests/edits/main.tf").read_text())
        aws = LocalAws()
        aws.start()
        try:
            edit(Run(aws, folder, per_second))
        finally:
            aws.stop()


if __name__ == "__main__":
    main()
