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
import resource
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, urlsplit

from rich.console import Console
from rich.table import Table
from werkzeug import Request, Response
from werkzeug.serving import WSGIRequestHandler, make_server

from ..mapping import SETTINGS
from ..s3_model.process import REGION

REPOSITORY = Path(__file__).resolve().parents[2]
PAGE = 1000


class Aws:
    """S3's listings of a number of keys, a queue, and the settings of a function.

    Attributes:
        replicas: how many of the keys the destination has.
    """

    def __init__(self) -> None:
        self.keys = 0
        self.replicas = 0

    def answer(self, request: Request) -> Response:
        """Answer one request."""
        if request.path.endswith("/configuration"):
            return Response(json.dumps({"Environment": {"Variables": SETTINGS}}))
        if request.path.endswith("/invocations"):
            return Response(status=202)
        if request.method == "POST":  # SendMessageBatch
            entries = json.loads(request.get_data())["Entries"]
            accepted = [{"Id": e["Id"], "MessageId": "m", "MD5OfMessageBody": ""} for e in entries]
            return Response(json.dumps({"Successful": accepted}))
        query = parse_qs(urlsplit(request.url).query, keep_blank_values=True)
        if "uploads" in query:
            return Response("<ListMultipartUploadsResult/>", content_type="application/xml")
        count = self.keys if request.path.strip("/") == "source" else self.replicas
        return self._page(int(query.get("continuation-token", ["0"])[0]), count)

    def _page(self, first: int, count: int) -> Response:
        last = min(first + PAGE, count)
        objects = "".join(
            f"<Contents><Key>photos/2026/01/02/{n:012}.jpg</Key>"
            "<LastModified>2026-01-02T03:04:05.000Z</LastModified>"
            f"<ETag>&quot;{n:032x}&quot;</ETag><ChecksumAlgorithm>CRC64NVME</ChecksumAlgorithm>"
            "<ChecksumType>FULL_OBJECT</ChecksumType><Size>1234567</Size>"
            "<StorageClass>STANDARD</StorageClass></Contents>"
            for n in range(first, last)
        )
        more = f"<NextContinuationToken>{last}</NextContinuationToken>" if last < count else ""
        return Response(
            f"<ListBucketResult><IsTruncated>{str(last < count).lower()}</IsTruncated>{more}"
            f"<EncodingType>url</EncodingType>{objects}</ListBucketResult>",
            content_type="application/xml",
        )


class Quiet(WSGIRequestHandler):
    """Says nothing of requests."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_request(self, *_: object) -> None:
        """Nothing."""


def measure(mode: str) -> None:
    """Run the function in this process; prints what it took."""
    from fanout.reconcile.handler import handle

    before = resource.getrusage(resource.RUSAGE_SELF)
    context: Any = SimpleNamespace(
        function_name="f", log_group_name="g", get_remaining_time_in_millis=lambda: 900_000
    )
    answer: Any = {"next": {"destination": "copy", "mode": mode}, "complete": False}
    while not answer["complete"]:
        answer = handle(answer["next"], context)
    after = resource.getrusage(resource.RUSAGE_SELF)
    print(
        json.dumps(
            {
                "before": before.ru_maxrss / 1024,
                "after": after.ru_maxrss / 1024,
                "processor_seconds": after.ru_utime
                + after.ru_stime
                - before.ru_utime
                - before.ru_stime,
                "answer": answer,
            }
        )
    )


def run(mode: str, url: str) -> dict[str, Any]:
    """Run the function in a new process; returns what it printed last."""
    settings = {
        "functions": {"copy": "f"},
        "delete_extra": False,
        "delete_limit": 1,
        "region": REGION,
        "log_level": "ERROR",
    }
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.reconcile.memory", "--measure", mode],
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
    if sys.argv[1:2] == ["--measure"]:
        measure(sys.argv[2])
        return 0
    aws = Aws()
    server = make_server(
        "127.0.0.1", 0, Request.application(aws.answer), threaded=True, request_handler=Quiet
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}"
    table = Table(
        "keys",
        "run",
        "MiB before",
        "MiB at most",
        "listed",
        "queued",
        "keys/s",
        "keys/s of processor",
    )
    for keys in [int(text) for text in sys.argv[1:]] or [1_000, 50_000, 1_000_000]:
        for name, mode, replicas in (
            ("audit, all equal", "audit", keys),
            ("backfill", "repair", 0),
        ):
            aws.keys, aws.replicas = keys, replicas
            found = run(mode, url)
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
    server.shutdown()
    Console().print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
