"""The model of S3 under the function's own clients, with a source and a destination bucket."""

from __future__ import annotations

import itertools
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from typing import Any, cast

from fanout.common.aws import CONCURRENCY, listing_client
from fanout.common.config import Destination
from fanout.common.connections import Connections
from fanout.replicate.buckets import Buckets
from fanout.replicate.s3 import S3KeyOperations

from .aws.figures import MIB, Figures
from .aws.http import Request, at_once
from .aws.s3 import S3
from .aws.store import Bucket, Object, S3Error, Store, Tags, md5
from .events import EVENT_SECONDS
from .objects import BODY
from .settings import (
    DESTINATION_ACCOUNT,
    DESTINATION_BUCKET,
    DESTINATION_REGION,
    FOREVER,
    SOURCE_ACCOUNT,
    SOURCE_BUCKET,
    SOURCE_REGION,
)
from .values import destination, source
from .wire import Wire

STREAMS = 4

UNLIMITED = Figures(writes=10**9, reads=10**9)


@dataclass
class FakeS3:
    """Both buckets, and the clients of one replication.

    Attributes:
        clients: those of the replicate function.
        wire: under those, and under the ones that reconcile lists with.
    """

    clients: Buckets
    wire: Wire

    @classmethod
    def fresh(cls, page: int = 1000) -> FakeS3:
        """Both buckets, empty. Making clients is slow, so they are made once.

        Args:
            page: how many entries an answer lists at most.
        """
        made = _made()
        # A call that failed at one side may still be asking the other.
        made.clients.parallel_calls.shutdown()
        made.clients.parallel_calls = ThreadPoolExecutor(CONCURRENCY)
        made.wire.clear()
        made.wire.s3 = new_s3(page)
        made.clients.initiator = None
        return made

    @property
    def store(self) -> Store:
        """What S3 holds."""
        return self.wire.s3.store

    def to(self, wanted: Destination) -> Buckets:
        """The clients, with another destination in the same region."""
        clients = Buckets.__new__(Buckets)
        clients.__dict__.update(self.clients.__dict__)
        clients.destination = wanted
        clients.replica_settings = wanted.replica_settings
        return clients

    def operations(self, key: str = "key", **changed: object) -> S3KeyOperations:
        """One key at both sides; ``changed`` are attributes of the destination."""
        wanted = destination(**changed)
        destination_key = wanted.key_for(key)
        assert destination_key is not None
        return S3KeyOperations(self.to(wanted), key, destination_key, FOREVER)

    def put(
        self, key: str = "key", body: bytes = BODY, *, bucket: str = SOURCE_BUCKET, **about: Any
    ) -> Object:
        """Put an object; ``about`` are other parameters of PutObject."""
        headers = {"x-amz-expected-bucket-owner": self.store.bucket(bucket).owner or ""}
        for name, value in about.items():
            if name == "Metadata":
                headers |= {f"x-amz-meta-{each}": text for each, text in value.items()}
            else:
                headers[_put_headers()[name]] = value
        request = Request("PUT", f"/{bucket}/{key}", headers=headers, body=body)
        assert at_once(self.wire.s3.answer(request)).status == 200
        return self.store.find(bucket, key)

    def put_replica(self, key: str = "key", body: bytes = BODY, **about: Any) -> Object:
        """Put an object into the destination."""
        return self.put(key, body, bucket=DESTINATION_BUCKET, **about)

    def put_in_parts(
        self, size: int, algorithm: str | None, key: str = "key", **about: Any
    ) -> Object:
        """Put an object that was uploaded in parts of 8 MiB into the source, as boto3 does.

        Args:
            algorithm: of its composite checksum; None where it has none.
            about: other attributes of ``Object``.
        """
        number, rest = divmod(size, 8 * MIB)
        parts = (8 * MIB,) * number + ((rest,) if rest else ())
        content = md5(f"content of {self.store.now()}")
        made = Object(
            size,
            content,
            f"{content}-{len(parts)}",
            algorithm=algorithm,
            parts=parts,
            is_composite=algorithm is not None,
            **about,
        )
        return self.store.put(SOURCE_BUCKET, key, made)

    def delete(self, key: str = "key", bucket: str = SOURCE_BUCKET) -> None:
        """Delete an object from the source, or another bucket."""
        self.store.delete(bucket, key)

    def tag(self, key: str = "key", bucket: str = SOURCE_BUCKET, **tags: str) -> None:
        """Replace an object's tags."""
        self.store.tag(bucket, key, tuple(tags.items()))

    def pass_seconds(self, seconds: int) -> None:
        """Let S3's clock go on."""
        self.store.now = itertools.count(round(self.store.now()) + seconds).__next__

    def version(self, bucket: str = SOURCE_BUCKET) -> None:
        """Turn versioning on."""
        self.store.bucket(bucket).versioning = "Enabled"

    def replica(self, key: str = "key") -> bytes | None:
        """The content at the destination, or None."""
        try:
            return self.replica_object(key).body
        except S3Error:
            return None

    def replica_object(self, key: str = "key") -> Object:
        """The object at the destination."""
        return self.store.find(DESTINATION_BUCKET, key)

    def replica_tags(self, key: str = "key") -> Tags:
        """The tags at the destination, sorted."""
        return tuple(sorted(self.replica_object(key).tags))

    @property
    def replicas(self) -> dict[str, bytes | None]:
        """Everything that the destination holds."""
        listed = self.store.bucket(DESTINATION_BUCKET).listed("", "")
        return {key: found.body for key, found in listed}


def new_s3(page: int = 1000) -> S3:
    """A model with both buckets. Each look at its clock is a second later."""
    store = Store(now=itertools.count(round(EVENT_SECONDS)).__next__)
    store.buckets = {
        SOURCE_BUCKET: Bucket(owner=SOURCE_ACCOUNT, region=SOURCE_REGION),
        DESTINATION_BUCKET: Bucket(owner=DESTINATION_ACCOUNT, region=DESTINATION_REGION),
    }
    return S3(store, UNLIMITED, page)


@cache
def _made() -> FakeS3:
    wire = Wire(new_s3())
    clients = Buckets(source(), destination(), CONCURRENCY, STREAMS, cast(Connections, wire))
    wire.attach(listing_client(SOURCE_REGION), listing_client(DESTINATION_REGION))
    return FakeS3(clients, wire)


@cache
def _put_headers() -> dict[str, str]:
    """The header of each parameter of PutObject, as boto3 has it."""
    model: Any = listing_client(SOURCE_REGION).meta.service_model.operation_model("PutObject")
    return {
        name: member.serialization["name"].lower()
        for name, member in model.input_shape.members.items()
        if member.serialization.get("location") == "header"
    }
