"""A process that runs a handler as an execution environment of Lambda does, and says what that took."""

from __future__ import annotations

import importlib
import multiprocessing
import os
import resource
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[1]
KIB = 1024


@dataclass(frozen=True, slots=True)
class Handler:
    """A function to run.

    Attributes:
        module: what is imported, once per process, with ``environ`` set.
        function: the name of the handler in it.
        name: what Lambda would call the function.
    """

    module: str
    function: str
    environ: dict[str, str]
    name: str = "function"


@dataclass(frozen=True, slots=True)
class Context:
    """What a handler is told about its invocation.

    Attributes:
        ends_at: when Lambda would end it, on the monotonic clock.
    """

    function_name: str
    ends_at: float
    aws_request_id: str = "request"

    def get_remaining_time_in_millis(self) -> int:
        """As the runtime's context has it."""
        return max(0, round((self.ends_at - time.monotonic()) * 1000))


@dataclass(frozen=True, slots=True)
class Done:
    """What some invocations took.

    Attributes:
        answers: what the handler returned, in the order of the events.
        seconds: from the first invocation's begin to the last one's end.
        cpu_seconds: of the process, in that time.
        peak_bytes: the most memory the process ever had.
    """

    answers: list[Any]
    seconds: float
    cpu_seconds: float
    peak_bytes: int


class InvocationError(Exception):
    """A handler raised something, or its process ended."""


class Environment:
    """An execution environment. One batch of invocations at a time."""

    def __init__(self, handler: Handler, log: Path) -> None:
        """Start the process, and wait until the handler's module is imported.

        Args:
            log: gets what the handler prints.
        """
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, handler, log), daemon=True)
        self._process.start()
        theirs.close()
        self._receive()

    @property
    def pid(self) -> int:
        """The process."""
        assert self._process.pid is not None
        return self._process.pid

    def begin(self, events: list[Any], *, at_once: int = 1, timeout: float = 900) -> None:
        """Begin to invoke the handler with some events.

        Args:
            at_once: how many invocations at the same time. Lambda has one; a process that stands for
                several environments has more.
            timeout: in seconds, of each invocation, as the handler is told.
        """
        self._connection.send((events, at_once, timeout))

    def end(self) -> Done:
        """Wait for what was begun.

        Raises:
            InvocationError: the handler raised something, or the process was killed.
        """
        done = self._receive()
        assert isinstance(done, Done)
        return done

    def has_ended(self, seconds: float) -> bool:
        """Wait some time for what was begun; returns whether it has ended."""
        return self._connection.poll(seconds)

    def invoke(self, events: list[Any], *, at_once: int = 1, timeout: float = 900) -> Done:
        """``begin`` and ``end``."""
        self.begin(events, at_once=at_once, timeout=timeout)
        return self.end()

    def kill(self) -> None:
        """End the process without a word, as Lambda does at a timeout."""
        os.kill(self.pid, signal.SIGKILL)
        self._process.join()
        self._connection.close()

    def _receive(self) -> object:
        try:
            answer = self._connection.recv()
        except EOFError as error:
            raise InvocationError("the process ended") from error
        if isinstance(answer, str):
            raise InvocationError(answer)
        return answer


@contextmanager
def environment(handler: Handler, log: Path) -> Iterator[Environment]:
    """An execution environment until the block ends."""
    started = Environment(handler, log)
    try:
        yield started
    finally:
        started.kill()


def _serve(connection: Connection, handler: Handler, log: Path) -> None:
    with log.open("ab") as file:
        os.dup2(file.fileno(), 1)
    os.environ.update(handler.environ)
    handle: Callable[[Any, Context], Any] = getattr(
        importlib.import_module(handler.module), handler.function
    )
    connection.send(None)
    while True:
        try:
            events, at_once, timeout = connection.recv()
        except EOFError:
            return

        def invoke(event: Any, timeout: float = timeout) -> Any:
            return handle(event, Context(handler.name, time.monotonic() + timeout))

        try:
            connection.send(_timed(invoke, events, at_once))
        except Exception as error:  # noqa: BLE001 - whatever a handler raises is for the parent
            connection.send(f"{type(error).__name__}: {error}")


def _timed(invoke: Callable[[Any], Any], events: list[Any], at_once: int) -> Done:
    with ThreadPoolExecutor(at_once) as pool:
        started, used = time.monotonic(), time.process_time()
        # A pool of one would change threads for each event.
        answers = list(pool.map(invoke, events) if at_once > 1 else map(invoke, events))
        seconds, cpu_seconds = time.monotonic() - started, time.process_time() - used
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * KIB
    return Done(answers, seconds, cpu_seconds, peak)
