"""A proxy in front of S3 that can stop a request on its way, for as long as a test wants."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from queue import Queue

from rolo.proxy import Proxy
from werkzeug import Request, Response
from werkzeug.serving import make_server


class HeldRequest:
    """A request the proxy has received and not yet passed on."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._may_go_on = threading.Event()

    def release(self) -> None:
        """Let it go on to S3."""
        self._may_go_on.set()

    def wait(self) -> None:
        """Wait for the release."""
        self._may_go_on.wait()


class S3Proxy:
    """Passes requests to S3; holds those that `holds` picks.

    Attributes:
        holds: called with each request.
        held: the requests that are held or were, in order of arrival.
    """

    def __init__(self, s3_url: str) -> None:
        self.holds: Callable[[Request], bool] = lambda _: False
        self.held: Queue[HeldRequest] = Queue()
        self._everything_held: list[HeldRequest] = []
        self._proxy = Proxy(s3_url, preserve_host=False)
        self._server = make_server("127.0.0.1", 0, Request.application(self._answer), threaded=True)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def _answer(self, request: Request) -> Response:
        if self.holds(request):
            held = HeldRequest(request.path)
            self._everything_held.append(held)
            self.held.put(held)
            held.wait()
        return self._proxy.request(request)

    @contextmanager
    def running(self) -> Iterator[S3Proxy]:
        """Serve until the block ends; then everything that is held goes on."""
        thread = threading.Thread(target=self._server.serve_forever, name="s3-proxy")
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            thread.join()
            for held in self._everything_held:
                held.release()
            self._server.server_close()


def is_copy(request: Request) -> bool:
    """Whether this is a CopyObject."""
    return request.method == "PUT" and "x-amz-copy-source" in request.headers
