"""Stand-ins for what reconcile talks to: listings, a queue, Lambda."""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, ClassVar, cast

import pytest
from botocore.exceptions import ClientError
from fanout.common.config import Reconciliation
from fanout.common.log import Log
from fanout.reconcile.run import Reconciler
from fanout.replicate.decode import decode_message

from .builders import (
    DESTINATION_ACCOUNT,
    DESTINATION_BUCKET,
    DESTINATION_REGION,
    QUEUE_URL,
    SOURCE_ACCOUNT,
    SOURCE_BUCKET,
    SOURCE_REGION,
    environment,
)

EARLY, LATE = "2026-01-02T03:04:05.000Z", "2026-01-02T03:04:06.000Z"
Objects = dict[str, tuple[int, str]]


class Queue:
    """SQS: writes down what it is sent, and refuses what a test says."""

    def __init__(self) -> None:
        self.calls: list[list[dict[str, Any]]] = []
        self.accepted: list[str] = []
        self.refusals: list[set[str] | Exception] = []

    meta: ClassVar = SimpleNamespace(endpoint_url="https://sqs.eu-west-1.amazonaws.com")

    def send_message_batch(self, *, QueueUrl: str, Entries: list[Any]) -> Any:  # noqa: N803
        """Of SQS."""
        assert QueueUrl == QUEUE_URL
        self.calls.append(Entries)
        refused = self.refusals.pop(0) if self.refusals else set()
        if isinstance(refused, Exception):
            raise refused
        self.accepted += [e["MessageBody"] for e in Entries if e["Id"] not in refused]
        return {
            "Failed": [
                {"Id": name, "Code": "InternalError", "SenderFault": False} for name in refused
            ]
        }

    @property
    def keys(self) -> list[str]:
        """The keys that were accepted, as the function reads them."""
        return [change.key for body in self.accepted for change in decode_message(body)]


@dataclass
class Listings:
    """S3: lists objects and uploads, a few at a time.

    Attributes:
        objects: size and time of each object, by bucket and key.
        uploads: key and time of each open upload, by bucket.
        pages: how many pages of objects were asked for.
        refusal: the error that everything is answered with.
    """

    objects: dict[str, Objects] = field(
        default_factory=lambda: {SOURCE_BUCKET: {}, DESTINATION_BUCKET: {}}
    )
    uploads: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    page_size: int = 3
    pages: int = 0
    refusal: ClientError | None = None
    refusal_of_uploads: ClientError | None = None

    def client(self, region: str) -> Any:
        """The client for a region, which must be the bucket's."""
        return SimpleNamespace(
            list_objects_v2=lambda **asked: self._list(region, **asked),
            list_multipart_uploads=lambda **asked: self._list_uploads(region, **asked),
        )

    def _check(self, region: str, bucket: str, owner: str) -> None:
        assert (bucket, region, owner) in (
            (SOURCE_BUCKET, SOURCE_REGION, SOURCE_ACCOUNT),
            (DESTINATION_BUCKET, DESTINATION_REGION, DESTINATION_ACCOUNT),
        )
        if self.refusal is not None:
            raise self.refusal

    def _list(
        self,
        region: str,
        *,
        Bucket: str,  # noqa: N803
        ExpectedBucketOwner: str,  # noqa: N803
        Prefix: str,  # noqa: N803
        StartAfter: str = "",  # noqa: N803
        ContinuationToken: str = "",  # noqa: N803
    ) -> dict[str, Any]:
        self._check(region, Bucket, ExpectedBucketOwner)
        self.pages += 1
        after = (StartAfter or ContinuationToken).encode()
        objects = self.objects[Bucket]
        keys = sorted((k for k in objects if k.startswith(Prefix)), key=str.encode)
        left = [key for key in keys if key.encode() > after]
        page = left[: self.page_size]
        answer: dict[str, Any] = {}
        if page:
            answer["Contents"] = [
                {"Key": key, "Size": objects[key][0], "LastModified": objects[key][1]}
                for key in page
            ]
        if len(left) > len(page):
            answer["NextContinuationToken"] = page[-1]
        return answer

    def _list_uploads(
        self,
        region: str,
        *,
        Bucket: str,  # noqa: N803
        ExpectedBucketOwner: str,  # noqa: N803
        Prefix: str,  # noqa: N803
        EncodingType: str,  # noqa: N803
    ) -> dict[str, Any]:
        self._check(region, Bucket, ExpectedBucketOwner)
        if self.refusal_of_uploads is not None:
            raise self.refusal_of_uploads
        assert EncodingType == "url"
        return {
            "IsTruncated": False,
            "Uploads": [
                {"Key": key, "Initiated": begun}
                for key, begun in self.uploads.get(Bucket, [])
                if key.startswith(Prefix)
            ],
        }


class World:
    """A reconciler, and everything around it.

    Attributes:
        invocations: the events the function invoked itself with.
    """

    function_name = "photos-fanout-reconcile"
    log_group_name = "/aws/lambda/photos-fanout-reconcile"

    def __init__(
        self, delete_limit: int = 1000, *, may_delete: bool = True, **changed: object
    ) -> None:
        """Make one; ``changed`` are attributes of the destination."""
        self.listings = Listings()
        self.queue = Queue()
        self.invocations: list[Any] = []
        self.variables = environment(**changed)
        self.seconds = 900.0
        self.reconciler = Reconciler(
            Reconciliation(
                functions={"archive": "photos-fanout-archive"},
                delete_extra=may_delete,
                delete_limit=delete_limit,
                region=SOURCE_REGION,
                log_level="INFO",
            ),
            self,
            self.listings.client,
            cast(Any, self.queue),
            Log("INFO"),
        )

    @property
    def source(self) -> Objects:
        """The source's objects."""
        return self.listings.objects[SOURCE_BUCKET]

    @property
    def replicas(self) -> Objects:
        """The destination's objects."""
        return self.listings.objects[DESTINATION_BUCKET]

    def run(self, mode: str = "audit", **event: object) -> Any:
        """Invoke the function; goes on until the run is at its end."""
        answer = self.handle({"destination": "archive", "mode": mode, **event})
        while self.invocations:
            answer = self.handle(self.invocations.pop(0))
        return answer

    def handle(self, event: object) -> Any:
        """Invoke the function once; events and answers are JSON."""
        answer = self.reconciler.handle(json.loads(json.dumps(event)), cast(Any, self))
        return json.loads(json.dumps(answer))

    def queued(self) -> list[str]:
        """Take the keys that were queued."""
        keys, self.queue.accepted = self.queue.keys, []
        return keys

    def get_remaining_time_in_millis(self) -> int:
        """Of Lambda's context."""
        return round(self.seconds * 1000)

    def get_function_configuration(self, *, FunctionName: str) -> Any:  # noqa: N803
        """Of Lambda."""
        assert FunctionName == "photos-fanout-archive"
        return {"Environment": {"Variables": self.variables}}

    def invoke(self, *, FunctionName: str, InvocationType: str, Payload: bytes) -> None:  # noqa: N803
        """Of Lambda."""
        assert (FunctionName, InvocationType) == (self.function_name, "Event")
        assert len(Payload) <= 256 * 1024
        self.invocations.append(json.loads(Payload))


def let_a_second_pass_with_every_key(patch: pytest.MonkeyPatch) -> None:
    """Make the clock of reconcile tick when somebody looks at it, which is once for each key."""
    clock = SimpleNamespace(monotonic=itertools.count(0.0).__next__)
    patch.setattr("fanout.reconcile.run.time", clock)
