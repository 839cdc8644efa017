"""Requests and answers, and HTTP/1.1 for them: h11 reads and writes, asyncio carries.

A request goes on when its client is gone: what was a write lands, as it does at S3.
"""

from __future__ import annotations

import asyncio
import ssl
import threading
import time
from collections.abc import Awaitable, Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from urllib.parse import parse_qsl, unquote, urlsplit

import h11


@dataclass(frozen=True, slots=True)
class Request:
    """A request, read whole: its path begins with the bucket. Names of headers are in lower case."""

    method: str
    path: str
    query: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def bucket(self) -> str:
        """The bucket it is about."""
        return self.path[1:].partition("/")[0]

    @property
    def key(self) -> str:
        """The key it is about, or ""."""
        return self.path[1:].partition("/")[2]


@dataclass(frozen=True, slots=True)
class Response:
    """An answer. To HEAD, ``headers`` has the length and no body is sent."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


Call = Generator[float, None, Response]
"""An answer in the making: yields the seconds that AWS would take at this place."""

Answer = Callable[[Request], Awaitable[Response]]


def at_once(call: Call) -> Response:
    """What comes of a call that nobody waits for."""
    while True:
        try:
            next(call)
        except StopIteration as done:
            response: Response = done.value
            return response


async def in_time(call: Call) -> Response:
    """What comes of a call, after the time that AWS would take."""
    while True:
        try:
            seconds = next(call)
        except StopIteration as done:
            response: Response = done.value
            return response
        await asyncio.sleep(seconds)


BACKLOG = 4096
XML_DECLARATION = b'<?xml version="1.0" encoding="UTF-8"?>\n'


class _Connection(asyncio.Protocol):
    def __init__(self, answer: Answer, keep_alive: float, tasks: set[asyncio.Task[None]]) -> None:
        self._answer = answer
        self._keep_alive_seconds = keep_alive
        self._tasks = tasks
        self._http = h11.Connection(h11.SERVER)
        self._head: h11.Request | None = None
        self._body: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._http.receive_data(data)
        self._read()

    def eof_received(self) -> None:
        self._transport.close()

    def _read(self) -> None:
        while True:
            try:
                event = self._http.next_event()
            except h11.RemoteProtocolError:
                self._transport.close()
                return
            if isinstance(event, h11.Request):
                self._head, self._body = event, []
                if self._http.they_are_waiting_for_100_continue:
                    self._send(h11.InformationalResponse(status_code=100, headers=[]))
            elif isinstance(event, h11.Data):
                self._body.append(bytes(event.data))
            elif isinstance(event, h11.EndOfMessage):
                task = asyncio.ensure_future(self._respond(self._request()))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
            else:
                if isinstance(event, h11.ConnectionClosed):
                    self._transport.close()
                return

    def _request(self) -> Request:
        assert self._head is not None
        target = urlsplit(self._head.target.decode())
        return Request(
            method=self._head.method.decode(),
            path=unquote(target.path),
            query=dict(parse_qsl(target.query, keep_blank_values=True)),
            headers={name.decode(): value.decode() for name, value in self._head.headers},
            body=b"".join(self._body),
        )

    async def _respond(self, request: Request) -> None:
        loop = asyncio.get_running_loop()
        if request.method in ("PUT", "POST"):
            self._timer = loop.call_later(self._keep_alive_seconds, self._keep_alive)
            response = await self._answer(request)
            self._timer.cancel()
        else:
            response = await self._answer(request)
        if self._transport.is_closing():
            return
        if self._http.our_state is h11.SEND_BODY:
            body = response.body.removeprefix(XML_DECLARATION)
            self._send(h11.Data(data=body), h11.EndOfMessage())
        else:
            self._send_whole(request, response)
        if self._http.our_state is h11.MUST_CLOSE:
            self._transport.close()
        else:
            self._http.start_next_cycle()
            self._read()

    def _keep_alive(self) -> None:
        """Begin an answer whose end is not known yet, or show that it goes on."""
        if self._transport.is_closing():
            return
        if self._http.our_state is h11.SEND_BODY:
            self._send(h11.Data(data=b" "))
        else:
            headers = {
                "date": http_date(time.time()),
                "content-type": "application/xml",
                "transfer-encoding": "chunked",
            }
            self._send(
                h11.Response(status_code=200, headers=list(headers.items())),
                h11.Data(data=XML_DECLARATION),
            )
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(self._keep_alive_seconds, self._keep_alive)

    def _send_whole(self, request: Request, response: Response) -> None:
        headers = {"date": http_date(time.time()), **response.headers}
        if request.method != "HEAD":
            headers["content-length"] = str(len(response.body))
        self._send(
            h11.Response(status_code=response.status, headers=list(headers.items())),
            *([h11.Data(data=response.body)] if request.method != "HEAD" else []),
            h11.EndOfMessage(),
        )

    def _send(self, *events: h11.Event) -> None:
        self._transport.write(b"".join(self._http.send(event) or b"" for event in events))


_dates: dict[int, str] = {}


def http_date(seconds: float) -> str:
    """The date as HTTP writes it; making it takes a while, and one second has one."""
    second = int(seconds)
    if second not in _dates:
        _dates[second] = formatdate(second, usegmt=True)
    return _dates[second]


@dataclass(frozen=True, slots=True)
class Serving:
    """Where a thread of this process answers.

    Attributes:
        cpu_clock: of the thread, for ``time.clock_gettime``.
    """

    url: str
    cpu_clock: int


@contextmanager
def serving(
    answer: Answer, keep_alive: float = 10, tls: ssl.SSLContext | None = None
) -> Iterator[Serving]:
    """Answer by a thread of this process until the block ends.

    Args:
        keep_alive: after how many seconds a client that still waits for a write hears something.
        tls: what connections are taken by; None for plain HTTP.
    """
    tasks: set[asyncio.Task[None]] = set()
    loop = asyncio.new_event_loop()
    server = loop.run_until_complete(
        loop.create_server(
            lambda: _Connection(answer, keep_alive, tasks),
            "127.0.0.1",
            0,
            backlog=BACKLOG,
            ssl=tls,
        )
    )
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    assert thread.ident is not None
    host, port = server.sockets[0].getsockname()
    try:
        scheme, clock = "https" if tls else "http", time.pthread_getcpuclockid(thread.ident)
        yield Serving(f"{scheme}://{host}:{port}", clock)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        server.close()
        unfinished = asyncio.all_tasks(loop)
        for task in unfinished:
            task.cancel()
        if unfinished:
            loop.run_until_complete(asyncio.wait(unfinished))
        loop.close()
