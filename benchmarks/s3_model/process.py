"""The model in a process of its own, as a benchmark or a test uses it."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[2]

REGION = "eu-central-1"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "model", "AWS_SECRET_ACCESS_KEY": "model"}


@dataclass(frozen=True, slots=True)
class Running:
    """A model that runs."""

    url: str

    @property
    def environ(self) -> dict[str, str]:
        """The environment that leads AWS's clients here."""
        return {
            **CREDENTIALS,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_REGION": REGION,
            "AWS_ENDPOINT_URL": self.url,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def clear(self, *, is_versioned: bool = False) -> None:
        """Forget everything; make the buckets ``source`` and ``destination``."""
        self._control("clear")
        for name in ("source", "destination"):
            self._control("bucket", name=name, is_versioned=is_versioned)

    def make(self, bucket: str, keys: list[str], size: int) -> list[dict[str, Any]]:
        """Make objects of a size in bytes, each of its own content; returns them."""
        made: list[dict[str, Any]] = self._control("objects", bucket=bucket, keys=keys, size=size)
        return made

    def find(self, bucket: str, key: str) -> dict[str, Any] | None:
        """The current object of a key, without a call that counts; None if there is none."""
        found: dict[str, Any] | None = self._control("object", bucket=bucket, key=key)
        return found

    def send(self, queue: str, bodies: list[str]) -> None:
        """Put messages into a queue."""
        self._control("messages", queue=queue, bodies=bodies)

    def receive(self, queue: str, most: int, visibility: float) -> list[dict[str, Any]]:
        """Messages as the records of an event, after the time SQS takes; no call that counts.

        Args:
            visibility: for how long they are hidden then, in seconds.
        """
        found: list[dict[str, Any]] = self._control(
            "receive", queue=queue, most=most, visibility=visibility
        )
        return found

    def delete(self, queue: str, receipts: list[str]) -> None:
        """Remove messages, as an event source mapping does; no call that counts."""
        self._control("delete", queue=queue, receipts=receipts)

    def left(self, queue: str) -> int:
        """How many messages a queue has, hidden ones included."""
        left: int = self._control("left", queue=queue)
        return left

    def count(self) -> dict[str, Any]:
        """What the model has counted since it was cleared."""
        counted: dict[str, Any] = self._control("count")
        return counted

    def _control(self, what: str, **arguments: Any) -> Any:
        request = urllib.request.Request(
            f"{self.url}/_model/{what}", data=json.dumps(arguments).encode(), method="POST"
        )
        with urllib.request.urlopen(request, timeout=60) as response:
            return json.load(response)


@contextmanager
def model(**figures: float) -> Iterator[Running]:
    """Run a model until the block ends.

    Args:
        figures: those of ``Figures`` that are to differ.
    """
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.s3_model", json.dumps(figures)],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        yield Running(f"http://127.0.0.1:{port}")
    finally:
        process.terminate()
        process.wait()
