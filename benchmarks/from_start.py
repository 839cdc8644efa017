"""A handler from the start of its process on: in a new execution environment, then in a warm one."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .environment import REPOSITORY, Handler, InvocationError
from .quota import Share, quota

PATHS = REPOSITORY, REPOSITORY / "tests", REPOSITORY / "lambda"

PROGRAM = """
import sys, time
from importlib import import_module
from json import loads, dumps
class Context:
    aws_request_id = "request"
    def __init__(self, name, seconds):
        self.function_name, self.ends_at = name, time.monotonic() + seconds
    def get_remaining_time_in_millis(self):
        return max(0, round((self.ends_at - time.monotonic()) * 1000))
module, function, name = sys.argv[1:]
handle = getattr(import_module(module), function)
out, sys.stdout = sys.stdout, sys.stderr
for line in sys.stdin:
    event, seconds = loads(line)
    answer = handle(event, Context(name, seconds))
    print(dumps([answer, time.monotonic(), time.process_time()]), file=out, flush=True)
"""
"""What Lambda's runtime does, and next to nothing else: it is part of what is measured."""


@dataclass(frozen=True, slots=True)
class Invoked:
    """One invocation.

    Attributes:
        began: on the monotonic clock; the first one with the process.
        cpu_seconds: of the process in that time.
        added_seconds: how much longer it takes, where a share of a processor is not enforced.
    """

    answer: Any
    began: float
    ended: float
    cpu_seconds: float
    added_seconds: float

    @property
    def seconds(self) -> float:
        """How long it takes."""
        return self.ended - self.began + self.added_seconds


class Process:
    """A process in which a handler is invoked."""

    def __init__(self, handler: Handler, folder: Path, share: Share) -> None:
        self._share = share
        self._log = (folder / "from_start.log").open("ab")
        self._began: float | None = time.monotonic()
        self._used = 0.0
        program = [sys.executable, "-c", PROGRAM, handler.module, handler.function, handler.name]
        self._process = subprocess.Popen(
            share.joining(program),
            env={
                **os.environ,
                **handler.environ,
                # As on Lambda: of the zip nothing is compiled, and what Python compiles is not kept.
                "PYTHONDONTWRITEBYTECODE": "1",
                "PYTHONPATH": os.pathsep.join(map(str, (folder, *PATHS))),
            },
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
        )

    def invoke(self, event: Any, timeout: float = 900, most: float | None = None) -> Invoked:
        """Invoke the handler.

        Args:
            timeout: of the invocation in seconds, as the handler is told.
            most: how long it is waited for; None for ever.

        Raises:
            InvocationError: the process has ended.
            TimeoutError: it takes longer than is waited for.
        """
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        began, self._began = self._began or time.monotonic(), None
        stdin.write(json.dumps([event, timeout]).encode() + b"\n")
        stdin.flush()
        if not select.select([stdout], [], [], most)[0]:
            raise TimeoutError
        line = stdout.readline()
        if not line:
            raise InvocationError(f"the process ended; see {self._log.name}")
        answer, ended, used = json.loads(line)
        cpu_seconds, self._used = used - self._used, used
        return Invoked(answer, began, ended, cpu_seconds, self._share.added_seconds(cpu_seconds))

    def end(self) -> None:
        """End the process, as Lambda does."""
        self._process.kill()
        self._process.communicate()
        self._log.close()


@contextmanager
def started(handler: Handler, folder: Path, memory_mb: int | None) -> Iterator[Process]:
    """A process that has just been started.

    Args:
        folder: gets the log; modules are looked for there first.
        memory_mb: of the function; None for a whole processor.
    """
    with quota(memory_mb) as share:
        process = Process(handler, folder, share)
        try:
            yield process
        finally:
            process.end()
