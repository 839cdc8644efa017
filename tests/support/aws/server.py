"""The model as a benchmark uses it: S3 and SQS by HTTP, as fast as AWS would answer."""

from __future__ import annotations

import resource
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..settings import DESTINATION_BUCKET, QUEUE_NAME, SOURCE_BUCKET, SOURCE_REGION
from ..tls import Tls
from .figures import Figures
from .http import Request, Response, Serving, in_time, serving
from .s3 import S3
from .sqs import SQS, TARGET, Queue
from .store import Bucket, Object, Store


class Model:
    """Both buckets and the work queue. What is called here is no call that counts, and takes no time.

    Attributes:
        figures: how long the calls take.
        served: where it can be reached.
        tls: its certificate; None where it speaks plain HTTP.
    """

    served: Serving

    def __init__(self, tls: Tls | None = None, figures: Figures | None = None) -> None:
        self.figures = figures or Figures()
        self.tls = tls
        self.clear()

    def clear(self, *, is_versioned: bool = False) -> None:
        """Forget everything; make both buckets."""
        self.s3, self.sqs = S3(Store(), self.figures), SQS()
        for name in (SOURCE_BUCKET, DESTINATION_BUCKET):
            self.s3.store.buckets[name] = Bucket("Enabled" if is_versioned else "")

    async def answer(self, request: Request) -> Response:
        """Answer a request of S3's or SQS's."""
        is_sqs = request.headers.get("x-amz-target", "").startswith(TARGET)
        call = self.sqs.answer(request, self.figures) if is_sqs else self.s3.answer(request)
        return await in_time(call)

    @property
    def environ(self) -> dict[str, str]:
        """The environment that leads AWS's clients here."""
        trusted = {"AWS_CA_BUNDLE": str(self.tls.ca_bundle)} if self.tls else {}
        return trusted | {
            "AWS_ACCESS_KEY_ID": "model",
            "AWS_SECRET_ACCESS_KEY": "model",
            "AWS_DEFAULT_REGION": SOURCE_REGION,
            "AWS_REGION": SOURCE_REGION,
            "AWS_ENDPOINT_URL": self.served.url,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    @property
    def queue(self) -> Queue:
        """The work queue."""
        return self.sqs.queue(QUEUE_NAME)

    def make(self, key: str, size: int) -> Object:
        """Make a source object of a size in bytes, of its own content."""
        return self.s3.store.make(SOURCE_BUCKET, key, size)

    def receive(self, most: int, visibility: float) -> list[dict[str, Any]]:
        """Messages as the records of an event, after the time SQS takes.

        Args:
            visibility: for how long they are hidden then, in seconds.
        """
        time.sleep(self.figures.queue)
        self.queue.visibility = visibility
        return self.sqs.receive(self.queue, most)

    def calls(self) -> dict[str, int]:
        """How many of each operation were made since it was cleared."""
        calls = self.s3.calls + Counter(name for name, _ in self.sqs.journal)
        return dict(sorted(calls.items()))

    def check(self, keys: list[str]) -> None:
        """Compare copies with their sources.

        Raises:
            AssertionError: one is not equal. A wrong copy has no speed.
            S3Error: one is not there.
        """
        for key in keys:
            source, copy = (
                self.s3.store.find(bucket, key) for bucket in (SOURCE_BUCKET, DESTINATION_BUCKET)
            )
            assert (copy.size, copy.content, copy.algorithm) == (
                source.size,
                source.content,
                source.algorithm,
            ), f"{key} is {copy}, not {source}"


@contextmanager
def model(figures: Figures | None = None) -> Iterator[Model]:
    """Serve a model over TLS until the block ends."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with tempfile.TemporaryDirectory(prefix="s3-model-") as folder:
        tls = Tls.issue(Path(folder))
        made = Model(tls, figures)
        with serving(made.answer, made.figures.keep_alive, tls.server()) as made.served:
            yield made
