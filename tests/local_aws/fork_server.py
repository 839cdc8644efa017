"""Function processes are forked from one that has loaded botocore, which is most of a cold start.

That one is the server: `python -P -m local_aws.fork_server`. It has one thread; LocalStack has
hundreds, and a process forked from it would inherit their locks as they happen to be. For each
function process LocalStack sends the server a socket. The process reads from it what it shall be; the
server answers with the process id and, at the end, with the exit status.
"""

import contextlib
import gc
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import IO

from local_aws import lifeline


class ForkedProcess:
    """A function process.

    Attributes:
        pid: of the process, of its group and of its session.
        status: None until `wait` has seen the end; then the exit status, or the negative number of
            the signal.
    """

    def __init__(self, function_name: str, pid: int, messages: IO[bytes]) -> None:
        self.function_name = function_name
        self.pid = pid
        self.status: int | None = None
        self._messages = messages

    @property
    def alive(self) -> bool:
        """Whether the process has not ended; the kernel knows that before `wait` does."""
        return self._send(0)

    def kill(self) -> None:
        """Send SIGKILL, unless the process has ended."""
        self._send(signal.SIGKILL)

    def wait(self) -> None:
        """Wait for the end; one thread does."""
        with self._messages:
            # A server that is gone has taken its processes with it: it was their lifeline.
            self.status = int(self._messages.readline() or -signal.SIGKILL)

    def _send(self, number: int) -> bool:
        """Send a signal; returns whether there is somebody to send it to."""
        if self.status is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)
                return True
        return False


class ForkServer:
    """The server as LocalStack sees it; it starts with the first function."""

    def __init__(self) -> None:
        self._requests: socket.socket | None = None
        self._processes: list[ForkedProcess] = []
        self._lock = threading.Lock()

    def running(self) -> dict[int, str]:
        """The function of each process that has not ended, by the process id."""
        with self._lock:
            self._processes = [process for process in self._processes if process.alive]
            return {process.pid: process.function_name for process in self._processes}

    def start(
        self, handler: str, *, environment: Mapping[str, str], folder: Path, log: IO[bytes]
    ) -> ForkedProcess:
        """Start a function process; it may not have loaded its handler yet.

        Args:
            handler: as Lambda writes it, such as "app.handler".
            environment: the whole environment.
            folder: the function's code and its working directory.
            log: receives standard output and standard error.

        Raises:
            OSError: the server cannot be started, or has ended.
        """
        ours, theirs = socket.socketpair()
        with ours, theirs:
            with self._lock:
                self._requests = self._requests or _launch()
                socket.send_fds(self._requests, [b"."], [theirs.fileno(), log.fileno()])
            theirs.close()
            request = {"handler": handler, "environment": environment, "folder": str(folder)}
            ours.sendall(json.dumps(request).encode())
            ours.shutdown(socket.SHUT_WR)
            messages = ours.makefile("rb")
        pid = messages.readline()
        if not pid:
            messages.close()
            raise ChildProcessError("The fork server has ended.")
        process = ForkedProcess(environment["AWS_LAMBDA_FUNCTION_NAME"], int(pid), messages)
        with self._lock:
            self._processes.append(process)
        return process


def _launch() -> socket.socket:
    """Start the server; it ends when the socket is closed."""
    ours, theirs = socket.socketpair()
    with theirs:
        # -P: the working directory must not get in front of the modules.
        subprocess.Popen(
            [sys.executable, "-P", "-m", "local_aws.fork_server"], stdin=theirs.fileno()
        )
    return ours


def _serve(requests: socket.socket) -> tuple[socket.socket, int, int] | None:
    """Fork, and tell how the processes end, until LocalStack is gone.

    Returns:
        In a forked process its request, its log and its lifeline; None in the server itself.
    """
    lifeline_end, server_end = os.pipe()
    running: dict[int, socket.socket] = {}
    woken, waker = socket.socketpair()
    waker.setblocking(False)
    signal.set_wakeup_fd(waker.fileno())
    signal.signal(signal.SIGCHLD, lambda *_: None)
    while True:
        ready, _, _ = select.select([requests, woken], [], [])
        if woken in ready:
            woken.recv(4096)
            _tell_ends(running)
        if requests in ready:
            _, descriptors, _, _ = socket.recv_fds(requests, 1, 2)
            if not descriptors:
                return None
            request, log = socket.socket(fileno=descriptors[0]), descriptors[1]
            pid = os.fork()
            if pid == 0:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                os.close(server_end)
                for other in (requests, woken, waker, *running.values()):
                    other.close()
                return request, log, lifeline_end
            os.close(log)
            running[pid] = request
            _tell(request, pid)


def _tell_ends(running: dict[int, socket.socket]) -> None:
    while running:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if not pid:
            break
        with running.pop(pid) as request:
            _tell(request, os.waitstatus_to_exitcode(status))


def _tell(request: socket.socket, number: int) -> None:
    with contextlib.suppress(BrokenPipeError):  # LocalStack is gone
        request.sendall(b"%d\n" % number)


def _become(request: socket.socket, log: int, lifeline_end: int) -> None:
    """Become the function: serve invocations until killed.

    Raises:
        SystemExit: with status 1 when the handler cannot be loaded; the runtime client has
            reported why to the Runtime API by then.
    """
    os.setsid()
    for descriptor, number in ((lifeline_end, 0), (log, 1), (log, 2)):
        os.dup2(descriptor, number)
    os.close(lifeline_end)
    os.close(log)
    lifeline.hold(lambda: os._exit(1))
    with request, request.makefile("rb") as lines:
        wanted = json.load(lines)
    os.environ.clear()
    os.environ.update(wanted["environment"])
    time.tzset()
    os.chdir(wanted["folder"])
    sys.path.insert(0, wanted["folder"])
    # AWS's own runtime client reads the environment while it is imported.
    from awslambdaric.__main__ import main as run_runtime_client

    run_runtime_client([sys.argv[0], wanted["handler"]])


FORK_SERVER = ForkServer()


def main() -> None:
    """Serve until LocalStack is gone."""
    import botocore.session  # noqa: F401 - for the processes, and not for LocalStack

    gc.freeze()  # what all processes share is no garbage
    function = _serve(socket.socket(fileno=0))
    if function:
        _become(*function)


if __name__ == "__main__":
    main()
