"""A proxy in front of S3, with which a test decides what becomes of a request."""

from __future__ import annotations

import itertools
import random
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

import requests
from requests.adapters import HTTPAdapter
from rolo.client import SimpleRequestsClient
from rolo.proxy import Proxy
from werkzeug import Request, Response
from werkzeug.serving import WSGIRequestHandler, make_server

Forward = Callable[[Request], Response]
Behaviour = Callable[[Request, Forward], Response]


class _Quiet(WSGIRequestHandler):
    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        pass


@contextmanager
def s3_proxy(s3_url: str, behaviour: Behaviour) -> Iterator[str]:
    """Serve a proxy until the block ends.

    Args:
        s3_url: where S3 is.
        behaviour: answers each request, with the help of a function that passes it on.

    Yields:
        The proxy's URL.
    """
    session = requests.Session()
    session.mount("http://", HTTPAdapter(pool_maxsize=100))
    proxy = Proxy(s3_url, SimpleRequestsClient(session), preserve_host=False)

    def answer(request: Request) -> Response:
        response = behaviour(request, proxy.request)
        for name in ("Date", "Server"):  # the server adds its own, and S3 has one of each
            response.headers.pop(name, None)
        return response

    server = make_server(
        "127.0.0.1", 0, Request.application(answer), threaded=True, request_handler=_Quiet
    )
    thread = threading.Thread(target=server.serve_forever, name="s3-proxy")
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def is_copy(request: Request) -> bool:
    """Whether this is a CopyObject."""
    return request.method == "PUT" and "x-amz-copy-source" in request.headers


class HoldFirstCopy:
    """Holds the first copy to a path until `release`; everything else passes.

    Attributes:
        is_held: set when the request has arrived.
    """

    def __init__(self, path: str) -> None:
        self.is_held = threading.Event()
        self._path = path
        self._turns = itertools.count()
        self._may_go_on = threading.Event()

    def release(self) -> None:
        """Let the request go on to S3."""
        self._may_go_on.set()

    def __call__(self, request: Request, forward: Forward) -> Response:
        if is_copy(request) and request.path == self._path and next(self._turns) == 0:
            self.is_held.set()
            self._may_go_on.wait()
        return forward(request)


class Refuse:
    """Refuses requests that a test picks, as long as it is switched on; counts them."""

    def __init__(self, picks: Callable[[Request], bool], status: int, code: str) -> None:
        self.is_on = True
        self.refused = 0
        self._picks = picks
        self._status = status
        self._code = code

    def __call__(self, request: Request, forward: Forward) -> Response:
        if not self.is_on or not self._picks(request):
            return forward(request)
        self.refused += 1
        body = "" if request.method == "HEAD" else f"<Error><Code>{self._code}</Code></Error>"
        return Response(body, status=self._status, content_type="application/xml")


class LateCopies:
    """Makes copies that read the source at once and land later, as S3's may.

    A copy goes to a staging bucket first; after a while it goes from there to where it belongs.
    """

    def __init__(self, s3_url: str, staging_bucket: str) -> None:
        """Take over a staging bucket, which exists and is nobody else's."""
        self._url = s3_url
        self._staging = staging_bucket
        self._turns = itertools.count()
        self._changed = threading.Condition()
        self._in_flight: set[tuple[str, int]] = set()
        self._landed: Counter[str] = Counter()

    def wait(self, path: str, turn: int) -> None:
        """Wait until a copy to a path may land.

        Args:
            turn: counts the copies to all paths, in the order in which they have read.
        """
        raise NotImplementedError

    def __call__(self, request: Request, forward: Forward) -> Response:
        if not is_copy(request):
            return forward(request)
        staged = f"/{self._staging}/{uuid.uuid4()}"
        headers = {
            name: value
            for name, value in request.headers.items()
            if name.lower() not in ("host", "content-length", "connection")
        }
        theirs = {n: v for n, v in headers.items() if n.lower() != "x-amz-expected-bucket-owner"}
        read = requests.put(self._url + staged, headers=theirs)
        if read.status_code != 200:
            return _response(read)
        conditions = ("x-amz-copy-source", "x-amz-source-expected")
        headers = {n: v for n, v in headers.items() if not n.lower().startswith(conditions)}
        headers["x-amz-copy-source"] = staged
        with self._changed:
            turn = next(self._turns)
            self._in_flight.add((request.path, turn))
            self._changed.notify_all()
        try:
            self.wait(request.path, turn)
            landed = _response(requests.put(self._url + request.path, headers=headers))
        finally:
            with self._changed:
                self._in_flight.remove((request.path, turn))
                self._landed[request.path] += 1
                self._changed.notify_all()
        if version := read.headers.get("x-amz-copy-source-version-id"):
            landed.headers["x-amz-copy-source-version-id"] = version
        return landed


class SlowCopies(LateCopies):
    """Most copies let those that read later land before them, if they come within seconds."""

    MAX_SECONDS = 4.0

    def __init__(self, s3_url: str, staging_bucket: str, seed: str) -> None:
        """Choose the delays.

        Args:
            seed: the n-th copy of two runs with the same seed takes the same time.
        """
        super().__init__(s3_url, staging_bucket)
        self._seed = seed

    def wait(self, path: str, turn: int) -> None:
        """Wait for some seconds, and then mostly for the copies that have read later."""
        chance = random.Random(f"{self._seed}/{turn}")
        seconds = chance.uniform(0.1, self.MAX_SECONDS / 2)
        time.sleep(seconds)
        if chance.random() < 0.9:
            with self._changed:
                self._changed.wait_for(
                    lambda: not any(p == path and t > turn for p, t in self._in_flight),
                    timeout=self.MAX_SECONDS - seconds,
                )


class FirstLandsLast(LateCopies):
    """The first copy to each path lands after the second one, however long that takes."""

    def __init__(self, s3_url: str, staging_bucket: str) -> None:
        super().__init__(s3_url, staging_bucket)
        self._first: dict[str, int] = {}
        self._is_over = False

    def close(self) -> None:
        """Let all that wait land, as after a test that failed."""
        with self._changed:
            self._is_over = True
            self._changed.notify_all()

    def wait(self, path: str, turn: int) -> None:
        """Wait for the second copy, if this is the first."""
        with self._changed:
            if self._first.setdefault(path, turn) == turn:
                self._changed.wait_for(lambda: self._is_over or self._landed[path] > 0)

    def have_read(self, paths: Iterable[str]) -> bool:
        """Whether the first copies to the paths have read the source."""
        return set(paths) <= self._first.keys()

    def have_landed(self, paths: Iterable[str]) -> bool:
        """Whether the first and the second copy to each path have landed."""
        return all(self._landed[path] >= 2 for path in paths)


def _response(answer: requests.Response) -> Response:
    kept = {n: v for n, v in answer.headers.items() if n.lower().startswith(("x-amz", "content-t"))}
    return Response(answer.content, status=answer.status_code, headers=kept)
