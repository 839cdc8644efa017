"""Those we compare with, as their users get them."""

from __future__ import annotations

import os
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

from .environment import Environment, Handler, InvocationError
from .mapping import drive, event_of, function

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
        open: prepares what is not part of a copy; yields a function that copies the object of a key,
            as the model described it when it was made, and returns the seconds that took.
        waits: whether a long copy is only waiting, so that others may run beside it.
    """

    name: str
    open: Callable[[Model, Path, float], AbstractContextManager[Copy]]
    waits: bool = True


@contextmanager
def _in_environment(
    handler: Handler, log: Path, most: float, event: Callable[[str, Object], Any]
) -> Iterator[Copy]:
    """A handler in an environment that is warm."""
    running = Environment(handler, log)

    def copy(key: str, made: Object) -> float:
        running.begin([event(key, made)])
        if not running.has_ended(most):
            raise OverError
        try:
            return running.end().seconds
        except InvocationError as error:
            raise CopyError(str(error)) from error

    try:
        yield copy
    finally:
        running.kill()


def _blog(model: Model, folder: Path, most: float) -> AbstractContextManager[Copy]:
    """The handler of AWS's blog."""
    return _in_environment(
        Handler("benchmarks.blog_handler", "handler", model.environ, name=DESTINATION_BUCKET),
        folder / "blog.log",
        most,
        lambda key, made: sns_event(event_of(key, made)),
    )


def _boto3(model: Model, folder: Path, most: float) -> AbstractContextManager[Copy]:
    """boto3's managed copy with its defaults; the client is there already."""
    return _in_environment(
        Handler("benchmarks.boto3_copy", "handler", model.environ),
        folder / "boto3.log",
        most,
        lambda key, _made: key,
    )


def _command(
    model: Model, most: float, environ: dict[str, str], command: Callable[[str], list[str]]
) -> Copy:
    def copy(key: str, _made: Object) -> float:
        started = time.monotonic()
        try:
            done = subprocess.run(
                command(key),
                env={**os.environ, **model.environ, **environ},
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
        return time.monotonic() - started

    return copy


@contextmanager
def _rclone(model: Model, _folder: Path, most: float) -> Iterator[Copy]:
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
    yield _command(
        model,
        most,
        environ,
        lambda key: [
            f"{BIN}/rclone",
            "copyto",
            f"model:{SOURCE_BUCKET}/{key}",
            f"model:{DESTINATION_BUCKET}/{key}",
        ],
    )


@contextmanager
def _s5cmd(model: Model, _folder: Path, most: float) -> Iterator[Copy]:
    """``s5cmd cp`` of one object; its start is part of it."""
    yield _command(
        model,
        most,
        {"S3_ENDPOINT_URL": model.served.url},
        lambda key: [
            f"{BIN}/s5cmd",
            "cp",
            f"s3://{SOURCE_BUCKET}/{key}",
            f"s3://{DESTINATION_BUCKET}/{key}",
        ],
    )


@contextmanager
def _ours(model: Model, folder: Path, _most: float) -> Iterator[Copy]:
    """The module's function in an environment that is warm, fed from the model's queue.

    The time is that from the begin of the event's invocation to the end of the last one. What it takes
    until the event is there is left out, for us and for the blog's handler.
    """
    running = Environment(function(model), folder / "ours.log")

    def copy(key: str, made: Object) -> float:
        model.sqs.send(model.queue, event_of(key, made))
        started = ended = 0.0
        for done in drive(model, running, timeout=900):
            ended = time.monotonic()
            started = started or ended - done.seconds
        return ended - started

    try:
        yield copy
    finally:
        running.kill()


PEERS = (
    Peer("blog", _blog),
    Peer("boto3", _boto3),
    Peer("rclone", _rclone),
    Peer("s5cmd", _s5cmd),
    Peer("ours", _ours, waits=False),
)
