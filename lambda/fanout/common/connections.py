"""The kept-alive connections to S3, shared by all threads of the process."""

from __future__ import annotations

import socket
import ssl
from collections import defaultdict, deque
from dataclasses import dataclass
from threading import BoundedSemaphore, Lock

from .http_connection import MAX_IDLE_SECONDS, HttpAnswer, HttpConnection, HttpRequest

CONNECT_TIMEOUT_SECONDS = 3
HANDSHAKE_TIMEOUT_SECONDS = 10

HANDSHAKES = 32
"""TLS handshakes at the same time. Each takes milliseconds of processor time. If hundreds were made at
once, all of them would be ready at the end, and not the first ones soon."""


class NotConnectedError(Exception):
    """There is no connection: nothing was sent."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where to connect."""

    host: str
    port: int
    is_tls: bool = True


class Connections:
    """The connections of a process that are open."""

    def __init__(self, ca_bundle: str | None = None) -> None:
        """Begin with none.

        Args:
            ca_bundle: path of the certificates to trust; None for the system's.
        """
        self._ca_bundle = ca_bundle
        self._idle: dict[Origin, deque[HttpConnection]] = defaultdict(deque)
        self._lock = Lock()
        self._handshakes = BoundedSemaphore(HANDSHAKES)
        self._tls: ssl.SSLContext | None = None

    def exchange(self, origin: Origin, request: HttpRequest, timeout: float) -> HttpAnswer:
        """Send a request and read the answer.

        Args:
            timeout: how long nothing may come, in seconds.

        Raises:
            NotConnectedError: nothing was sent.
            BrokenAnswerError, OSError: it may have arrived.
        """
        connection = self._take(origin) or self._open(origin)
        is_reusable = False
        try:
            answer, is_reusable = connection.exchange(request, timeout)
        finally:
            if is_reusable:
                self._keep(origin, connection)
            else:
                connection.close()
        return answer

    def _take(self, origin: Origin) -> HttpConnection | None:
        """The connection used last: the others may grow old."""
        while True:
            with self._lock:
                idle = self._idle[origin]
                connection = idle.pop() if idle else None
            if connection is None or connection.is_usable():
                return connection
            connection.close()

    def _keep(self, origin: Origin, connection: HttpConnection) -> None:
        with self._lock:
            idle = self._idle[origin]
            idle.append(connection)
            is_old = connection.idle_since - idle[0].idle_since > MAX_IDLE_SECONDS
            oldest = idle.popleft() if is_old else None
        if oldest is not None:
            oldest.close()

    def _open(self, origin: Origin) -> HttpConnection:
        try:
            address = (origin.host, origin.port)
            plain = socket.create_connection(address, CONNECT_TIMEOUT_SECONDS)
        except OSError as error:
            raise NotConnectedError(str(error)) from error
        try:
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            if not origin.is_tls:
                return HttpConnection(plain)
            with self._handshakes:
                plain.settimeout(HANDSHAKE_TIMEOUT_SECONDS)
                return HttpConnection(
                    self._context().wrap_socket(plain, server_hostname=origin.host)
                )
        except OSError as error:
            plain.close()
            raise NotConnectedError(str(error)) from error

    def _context(self) -> ssl.SSLContext:
        """What all connections share: to load the certificates takes 25 ms of processor time."""
        with self._lock:
            if self._tls is None:
                self._tls = ssl.create_default_context(cafile=self._ca_bundle)
            return self._tls
