"""How much memory reconcile takes, and how many keys it lists in a second, by the size of a bucket.

    python -m benchmarks.reconcile.memory [KEYS ...]

A server gives the listings page by page as S3 does, made up on the way, and takes the messages. The
function runs in a process of its own for each size; what is told is that process's highest resident
memory, beside what it had before its first invocation. Server, function and whatever
else runs share this machine; the last column is the rate with a processor to itself.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from support.aws.figures import Figures
from support.aws.http import Call, Request, Response, at_once, serving
from support.aws.s3 import S3
from support.aws.sqs import SQS
from support.aws.store import Bucket, Object, Store
from support.settings import DESTINATION_BUCKET, SOURCE_BUCKET, SOURCE_REGION, environment

REPOSITORY = Path(__file__).resolve().parents[2]


class Numbered(Bucket):
    """A bucket with a number of keys, made up while they are listed."""

    count = 0

    def listed(self, prefix: str, after: str) -> Iterator[tuple[str, Object]]:
        """The objects behind a key."""
        made = Object(1234567, "0" * 32, "0" * 32, modified_at=1.7e9)
        start, end = f"{prefix}photos/2026/01/02/", ".jpg"
        first = int(after[len(start) : -len(end)]) + 1 if after else 0
        for number in range(first, self.count):
            yield f"{start}{number:012}{end}", made


class Aws:
    """S3's listings of a number of keys, a queue, and the settings of a function."""

    def __init__(self, keys: int, replicas: int) -> None:
        self._figures = Figures()
        self._s3, self._sqs = S3(Store(), self._figures), SQS()
        for name, count in ((SOURCE_BUCKET, keys), (DESTINATION_BUCKET, replicas)):
            bucket = self._s3.store.buckets[name] = Numbered()
            bucket.count = count

    async def answer(self, request: Request) -> Response:
        """Answer one request, at once."""
        return at_once(self._call(request))

    def _call(self, request: Request) -> Call:
        if request.path.endswith("/configuration"):
            variables = environment(region=SOURCE_REGION)
            return _lambda(200, {"Environment": {"Variables": variables}})
        if request.path.endswith("/invocations"):
            return _lambda(202, {})
        if "x-amz-target" in request.headers:
            return self._sqs.answer(request, self._figures)
        return self._s3.answer(request)


def _lambda(status: int, content: Any) -> Call:
    yield 0
    return Response(status, json.dumps(content).encode())


def run(mode: str, url: str) -> dict[str, Any]:
    """Run the function in a new process; returns what it printed last."""
    settings = {
        "functions": {"archive": "f"},
        "delete_extra": False,
        "delete_limit": 1,
        "region": SOURCE_REGION,
        "log_level": "ERROR",
    }
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.reconcile.invoke", mode],
        cwd=REPOSITORY,
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": f"{REPOSITORY}:{REPOSITORY}/lambda",
            "AWS_ENDPOINT_URL": url,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "RECONCILE": json.dumps(settings),
        },
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> int:
    """Run the command line; returns the exit code."""
    columns = "keys,run,MiB before,MiB at most,listed,queued,keys/s,keys/s of processor"
    table = Table(*columns.split(","))
    for keys in [int(text) for text in sys.argv[1:]] or [1_000, 50_000, 1_000_000]:
        for name, mode, replicas in (
            ("audit, all equal", "audit", keys),
            ("backfill", "repair", 0),
        ):
            with serving(Aws(keys, replicas).answer) as served:
                found = run(mode, served.url)
            answer = found["answer"]
            listed = sum(answer["listed"].values())
            if listed != keys + replicas or answer["queued"] != keys - replicas:
                raise SystemExit(f"NOT AS EXPECTED: {answer}")
            table.add_row(
                f"{keys:,}",
                name,
                f"{found['before']:.1f}",
                f"{found['after']:.1f}",
                f"{listed:,}",
                f"{answer['queued']:,}",
                f"{answer['keys_per_second']:,}",
                f"{listed / found['processor_seconds']:,.0f}",
            )
    Console().print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
