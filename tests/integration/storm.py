"""What can go wrong between a function and AWS, on a schedule that a seed repeats."""

from __future__ import annotations

import itertools
import json
import random
import socket
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psutil
from werkzeug import Request, Response

from integration.s3_proxy import Forward, SlowCopies, is_copy
from integration.support import Destination, Stack
from local_aws.server import BATCHES_AT_ONCE

HANG_SECONDS = 12.0
"""Longer than the functions wait for a read."""

MAX_DELAY_SECONDS = 1.0


class Storm:
    """Spoils requests to S3 and SQS.

    Attributes:
        ways: by which requests are spoilt.
        spoilt: how many requests each way.
        is_on: whether it blows.
        about_uploads: what was asked of each path's multipart uploads but for their parts, and answered.
    """

    def __init__(self, seed: str, share: float, slow: SlowCopies) -> None:
        """Choose the schedule.

        Args:
            slow: makes the copies that land late.
            seed: the n-th request of two runs with the same seed meets the same fate.
            share: of the requests that are spoilt in each of the ways below.
        """
        self.spoilt: Counter[str] = Counter()
        self.requests = 0
        self.is_on = True
        self.about_uploads: defaultdict[str, list[str]] = defaultdict(list)
        self._over = threading.Event()
        self._seed = seed
        self._share = share
        self._slow = slow
        self._turns = itertools.count()
        self.ways = {
            "busy": self._busy,
            "failed": self._failed,
            "failed after 200": self._failed_after_200,
            "cut off": self._cut_off,
            "answer lost": self._answer_lost,
            "hung": self._hung,
            "late": self._late,
            "landed late": self._landed_late,
        }

    def end(self) -> None:
        """Let everything pass from now on, and what hangs go."""
        self.is_on = False
        self._over.set()

    def __call__(self, request: Request, forward: Forward) -> Response:
        self.requests += 1
        chance = random.Random(f"{self._seed}/{next(self._turns)}")
        drawn = int(chance.random() / self._share)
        ways = list(self.ways)
        way = ways[drawn] if self.is_on and drawn < len(ways) else None
        if way:
            self.spoilt[way] += 1
        answer = self.ways[way](request, forward, chance) if way else forward(request)
        self._note(request, way, answer)
        return answer

    def _note(self, request: Request, way: str | None, answer: Response) -> None:
        about = request.args.keys() & {"uploads", "uploadId"}
        if about and "partNumber" not in request.args:
            fate = f"{way}: {answer.status_code}" if way else answer.status
            asked = f"{request.method} ?{request.query_string.decode()}"
            self.about_uploads[request.path].append(f"{time.strftime('%X')} {asked} {fate}")

    # The ways

    def _busy(self, request: Request, _forward: Forward, _chance: random.Random) -> Response:
        return _error(request, 503, "SlowDown")

    def _failed(self, request: Request, _forward: Forward, _chance: random.Random) -> Response:
        return _error(request, 500, "InternalError")

    def _failed_after_200(
        self, request: Request, forward: Forward, chance: random.Random
    ) -> Response:
        """The error comes in the body, as it may from CopyObject and CompleteMultipartUpload."""
        if is_copy(request) or (request.method == "POST" and "uploadId" in request.args):
            return _error(request, 200, "InternalError")
        return self._failed(request, forward, chance)

    def _cut_off(self, request: Request, forward: Forward, _chance: random.Random) -> Response:
        """The connection ends in the middle of the answer."""
        answer = forward(request)
        return _closing(request, answer.get_data()[: (answer.content_length or 0) // 2], answer)

    def _answer_lost(self, request: Request, forward: Forward, _chance: random.Random) -> Response:
        """The request is carried out, and nobody hears of it."""
        forward(request)
        return _closed(request)

    def _hung(self, request: Request, _forward: Forward, _chance: random.Random) -> Response:
        self._over.wait(HANG_SECONDS)
        return _closed(request)

    def _late(self, request: Request, forward: Forward, chance: random.Random) -> Response:
        time.sleep(chance.uniform(0, MAX_DELAY_SECONDS))
        return forward(request)

    def _landed_late(self, request: Request, forward: Forward, chance: random.Random) -> Response:
        """A copy reads the source at once, and lands when newer ones may have landed."""
        if is_copy(request) and "partNumber" not in request.args:
            return self._slow(request, forward)
        return self._late(request, forward, chance)


def _error(request: Request, status: int, code: str) -> Response:
    if "x-amz-target" in request.headers:  # SQS speaks JSON
        body = json.dumps({"__type": code, "message": "because"})
        return Response(body, max(status, 500), content_type="application/x-amz-json-1.0")
    body = "" if request.method == "HEAD" else f"<Error><Code>{code}</Code></Error>"
    return Response(body, status, content_type="application/xml")


def _closed(request: Request) -> Response:
    """No answer: the connection is reset."""
    connection: socket.socket = request.environ["werkzeug.socket"]
    connection.shutdown(socket.SHUT_RDWR)
    return Response()


def _closing(request: Request, beginning: bytes, answer: Response) -> Response:
    """The beginning of an answer, and then the end of the connection."""
    if request.method == "HEAD" or not beginning:
        return _closed(request)

    def body() -> Iterator[bytes]:
        yield beginning
        request.environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)

    length = {"Content-Length": str(len(beginning) + 1)}
    headers = {n: v for n, v in answer.headers.items() if n.lower() != "content-length"}
    return Response(body(), answer.status_code, headers | length)


@contextmanager
def killer(
    stack: Stack, destinations: list[Destination], seed: str, every_seconds: float
) -> Iterator[list[int]]:
    """Kill a function's process at random, again and again; yields how many, in a list of one."""
    chance, kills, over = random.Random(f"{seed}/kills"), [0], threading.Event()

    def kill() -> None:
        while not over.wait(every_seconds):
            processes = [
                process
                for destination in destinations
                for process in stack.aws.function_processes(destination.function_name)
            ]
            # A last process that is alone is not killed each time: on a busy machine it would never
            # live for long enough to start.
            victim = chance.randrange(max(len(processes), BATCHES_AT_ONCE * len(destinations)))
            if victim < len(processes):
                with suppress(psutil.NoSuchProcess):  # one that has ended meanwhile
                    processes[victim].kill()
                    kills[0] += 1

    thread = threading.Thread(target=kill, name="killer")
    thread.start()
    try:
        yield kills
    finally:
        over.set()
        thread.join()
