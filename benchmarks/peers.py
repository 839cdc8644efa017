"""Those we compare with, as their users get them."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support.aws.server import Model
from support.aws.store import Object
from support.events import sns_event
from support.settings import DESTINATION_BUCKET, SOURCE_BUCKET

from .environment import InvocationError
from .from_start import Process, started
from .mapping import blog, drive, event_of, function, managed_copy
from .quota import quota

BIN = Path(sys.executable).parent

Copy = Callable[[str, Object], float]


class CopyError(Exception):
    """A copy ended without having copied."""


class OverError(Exception):
    """A copy took longer than we wait."""


@dataclass(frozen=True, slots=True)
class Peer:
    """A program that copies an object from the source bucket to the destination.

    Attributes:
        open: prepares what is not part of a copy: takes the model, a folder, the most seconds for a copy
            and the memory of the function, or None for a whole processor. Yields a function that copies
            the object of a key, as the model described it when it was made, and returns the seconds that
            took: the first time in a new environment, from the start of its process, then in a warm one.
        is_warm: whether there is a second time; a command starts anew for each object.
        waits: whether a long copy is only waiting.
    """

    name: str
    open: Callable[[Model, Path, float, int | None], AbstractContextManager[Copy]]
    is_warm: bool = True
    waits: bool = False


def _invoked(process: Process, event: Any, most: float) -> float:
    try:
        return process.invoke(event, most=most).seconds
    except TimeoutError as error:
        raise OverError from error
    except InvocationError as error:
        raise CopyError(str(error)) from error


@contextmanager
def _blog(model: Model, folder: Path, most: float, memory_mb: int | None) -> Iterator[Copy]:
    """The handler of AWS's blog."""
    with started(blog(model), folder, memory_mb) as process:
        yield lambda key, made: _invoked(process, sns_event(event_of(key, made)), most)


@contextmanager
def _boto3(model: Model, folder: Path, most: float, memory_mb: int | None) -> Iterator[Copy]:
    """boto3's managed copy with its defaults."""
    with started(managed_copy(model), folder, memory_mb) as process:
        yield lambda key, _made: _invoked(process, key, most)


@contextmanager
def _command(
    model: Model,
    most: float,
    memory_mb: int | None,
    environ: dict[str, str],
    command: Callable[[str], list[str]],
) -> Iterator[Copy]:
    assert model.tls is not None
    trusted = {"SSL_CERT_FILE": str(model.tls.ca_bundle)}  # what Go's programs read
    with quota(memory_mb) as share:

        def copy(key: str, _made: Object) -> float:
            began, used = time.monotonic(), _children_cpu_seconds()
            try:
                done = subprocess.run(
                    share.joining(command(key)),
                    env={**os.environ, **model.environ, **trusted, **environ},
                    check=False,
                    timeout=most,
                    text=True,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                )
            except subprocess.TimeoutExpired as error:
                raise OverError from error
            if done.returncode:
                raise CopyError(done.stdout.strip().splitlines()[-1])
            seconds, cpu_seconds = time.monotonic() - began, _children_cpu_seconds() - used
            return seconds + share.added_seconds(cpu_seconds)

        yield copy


def _children_cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _rclone(
    model: Model, _folder: Path, most: float, memory_mb: int | None
) -> AbstractContextManager[Copy]:
    """``rclone copyto`` of one object; its start is part of it."""
    environ = {
        "RCLONE_CONFIG": os.devnull,
        "RCLONE_CONFIG_MODEL_TYPE": "s3",
        "RCLONE_CONFIG_MODEL_PROVIDER": "AWS",
        "RCLONE_CONFIG_MODEL_ENV_AUTH": "true",
        "RCLONE_CONFIG_MODEL_REGION": model.environ["AWS_REGION"],
        "RCLONE_CONFIG_MODEL_ENDPOINT": model.served.url,
        "RCLONE_CONFIG_MODEL_FORCE_PATH_STYLE": "true",
    }
    return _command(
        model,
        most,
        memory_mb,
        environ,
        lambda key: [
            f"{BIN}/rclone",
            "copyto",
            f"model:{SOURCE_BUCKET}/{key}",
            f"model:{DESTINATION_BUCKET}/{key}",
        ],
    )


def _s5cmd(
    model: Model, _folder: Path, most: float, memory_mb: int | None
) -> AbstractContextManager[Copy]:
    """``s5cmd cp`` of one object; its start is part of it."""
    return _command(
        model,
        most,
        memory_mb,
        {"S3_ENDPOINT_URL": model.served.url},
        lambda key: [
            f"{BIN}/s5cmd",
            "cp",
            f"s3://{SOURCE_BUCKET}/{key}",
            f"s3://{DESTINATION_BUCKET}/{key}",
        ],
    )


@contextmanager
def _ours(model: Model, folder: Path, _most: float, memory_mb: int | None) -> Iterator[Copy]:
    """The module's function, fed from the model's queue.

    The time is that from the begin of the event's invocation to the end of the last one. What it takes
    until the event is there is left out, for us and for the blog's handler.
    """
    with started(function(model), folder, memory_mb) as process:

        def copy(key: str, made: Object) -> float:
            model.sqs.send(model.queue, event_of(key, made))
            invoked = list(drive(model, process, timeout=900))
            added = sum(each.added_seconds for each in invoked)
            return invoked[-1].ended - invoked[0].began + added

        yield copy


PEERS = (
    Peer("blog", _blog, waits=True),
    Peer("boto3", _boto3),
    Peer("rclone", _rclone, is_warm=False, waits=True),
    Peer("s5cmd", _s5cmd, is_warm=False, waits=True),
    Peer("ours", _ours),
)
