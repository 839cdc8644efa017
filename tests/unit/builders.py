"""What the unit tests are made of: configurations, events, objects, and stand-ins for S3 and SQS.

Everything that knows how a message, an object or a call looks is here, so that a new attribute or a
new envelope is a change in one place.
"""

from __future__ import annotations

import json
import os
import threading
from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, ClassVar, cast
from unittest import mock
from urllib.parse import quote_plus, unquote, urlsplit

import botocore.session
import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.config import Config as ClientConfig
from botocore.exceptions import ClientError
from fanout.common.aws import CONCURRENCY
from fanout.common.config import Config, Destination, ReplicaSettings, Source, load
from fanout.replicate.batch import BatchProcessor
from fanout.replicate.buckets import Buckets
from fanout.replicate.failures import FailureKind, ReplicationError
from fanout.replicate.key_event import KeyEvent
from fanout.replicate.large_objects import LargeObjectCopy
from fanout.replicate.object_state import ObjectState, Tags
from fanout.replicate.outcome import Outcome
from fanout.replicate.protocol import Ending, Finish
from fanout.replicate.replication_log import PutsItems
from fanout.replicate.report import Report
from fanout.replicate.s3 import S3KeyOperations
from fanout.replicate.upload_plan import Upload
from fanout.replicate.work_queue import WorkQueue
from moto import mock_aws
from moto.backends import get_backend
from moto.core.botocore_stubber import BotocoreStubber
from moto.core.models import botocore_stubber

from samples import PLAIN_DESTINATION

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client
    from mypy_boto3_sqs.client import SQSClient

CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_SESSION_TOKEN": "testing",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
}


@contextmanager
def nothing_of_this_machine() -> Iterator[pytest.MonkeyPatch]:
    """No configuration, credentials, endpoint or proxy but what a test sets."""
    with pytest.MonkeyPatch.context() as patch:
        for name in os.environ:
            if name.startswith("AWS_") or name.lower().endswith("_proxy"):
                patch.delenv(name)
        for name, value in CREDENTIALS.items():
            patch.setenv(name, value)
        yield patch


@contextmanager
def moto() -> Iterator[None]:
    """moto, with the credentials as they are.

    It answers one request at a time, as it is not safe for threads: an object that is overwritten while
    a part of it is copied would be closed under the copy. S3 carries out each as if it were alone.
    """
    alone = threading.Lock()
    process = BotocoreStubber.process_request

    def process_alone(stubber: BotocoreStubber, request: Any) -> Any:
        with alone:
            return process(stubber, request)

    with (
        mock.patch.object(BotocoreStubber, "process_request", process_alone),
        mock_aws(config={"core": {"mock_credentials": False}}),
    ):
        yield


SOURCE_BUCKET = "source-bucket"
DESTINATION_BUCKET = "destination-bucket"
SOURCE_REGION = "eu-west-1"
DESTINATION_REGION = "us-west-2"
SOURCE_ACCOUNT = "111111111111"
DESTINATION_ACCOUNT = "222222222222"
QUEUE_NAME = "work"
DEAD_LETTER_QUEUE_NAME = "letters"
QUEUE_URL = "https://sqs.eu-west-1.amazonaws.com/111111111111/work"
DEAD_LETTER_QUEUE_URL = "https://sqs.eu-west-1.amazonaws.com/111111111111/letters"

FOREVER = 1e9  # when the invocation ends, by the monotonic clock
STREAMS = 4

EVENT_TIME = "2026-01-02T03:04:05.678Z"
EVENT_SECONDS = 1767323045.678
ETAG = "900150983cd24fb0d6963f7d28e17f72"  # MD5 of b"abc"
BODY = b"abc"

AWKWARD_KEYS = {
    "plain": "dir/file.txt",
    "space": "a key with spaces",
    "plus": "a+b c+d",
    "percent": "100%",
    "encoded": "a%2Fb%20c%2B",
    "nfc": "caf\u00e9",
    "nfd": "cafe\u0301",
    "emoji": "\U0001f680/\U0001f469\u200d\U0001f680",
    "newline": "first\nsecond",
    "quotes": "\"double\" 'single' `back`",
    "ampersand": "a&b=c?versionId=d#e;f",
    "backslash": "a\\b",
    "folder": "dir/",
    "double slash": "a//b",
    "leading slash": "/a",
    "1024 bytes": "k" * 1024,
    "1024 bytes of emoji": "\U0001f680" * 256,
}

# Configuration


def source_settings(**changed: object) -> dict[str, object]:
    """The attributes of ``SOURCE``."""
    return {
        "bucket": SOURCE_BUCKET,
        "account_id": SOURCE_ACCOUNT,
        "region": SOURCE_REGION,
    } | changed


def destination_settings(**changed: object) -> dict[str, object]:
    """The attributes of ``DESTINATION``."""
    return {
        "name": "archive",
        "bucket": DESTINATION_BUCKET,
        "region": DESTINATION_REGION,
        "account_id": DESTINATION_ACCOUNT,
        **PLAIN_DESTINATION,
    } | changed


def environment(**changed: object) -> dict[str, str]:
    """The function's environment; ``changed`` are attributes of the destination."""
    return {
        "SOURCE": json.dumps(source_settings()),
        "DESTINATION": json.dumps(destination_settings(**changed)),
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
        "QUEUE_NAME": QUEUE_NAME,
        "DEAD_LETTER_QUEUE_NAME": DEAD_LETTER_QUEUE_NAME,
        "REPLICATION_LOG": "null",
        "LOG_LEVEL": "INFO",
    }


def config(**changed: object) -> Config:
    """A configuration; ``changed`` are attributes of the destination."""
    return load(environment(**changed))


def source() -> Source:
    """The source of ``config``."""
    return config().source


def destination(**changed: object) -> Destination:
    """The destination of ``config``."""
    return config(**changed).destination


# Events and their envelopes


def s3_record(
    key: str,
    *,
    event: str = "ObjectCreated:Put",
    bucket: str = SOURCE_BUCKET,
    encoded: str | None = None,
    **changed: object,
) -> dict[str, Any]:
    """One record of a notification.

    ``encoded`` is the key as the record has it, if not as S3 encodes ``key``; ``changed`` are
    attributes of its object, of which None leaves one out.
    """
    written = quote_plus(key) if encoded is None else encoded
    s3_object = {"key": written, "size": len(BODY), "eTag": ETAG, "sequencer": "0A"}
    return {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "awsRegion": SOURCE_REGION,
        "eventTime": EVENT_TIME,
        "eventName": event,
        "s3": {
            "s3SchemaVersion": "1.0",
            "bucket": {"name": bucket, "arn": f"arn:aws:s3:::{bucket}"},
            "object": {
                name: value for name, value in (s3_object | changed).items() if value is not None
            },
        },
    }


def s3_event(*keys: str, **about: Any) -> dict[str, Any]:
    """A notification; ``about`` is as for ``s3_record``."""
    return {"Records": [s3_record(key, **about) for key in keys]}


def event_of_test() -> dict[str, Any]:
    """What S3 sends when a notification is configured."""
    return {"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": SOURCE_BUCKET}


def sns_envelope(content: object) -> dict[str, Any]:
    """What SNS puts into a queue when delivery is not raw."""
    return {"Type": "Notification", "MessageId": "m", "Message": as_text(content)}


def sns_event(content: object) -> dict[str, Any]:
    """What SNS invokes a function with."""
    return {
        "Records": [
            {
                "EventSource": "aws:sns",
                "EventVersion": "1.0",
                "Sns": {"Type": "Notification", "MessageId": "m", "Message": as_text(content)},
            }
        ]
    }


def failed_invocation(content: dict[str, Any]) -> dict[str, Any]:
    """What an on-failure destination gets of an invocation."""
    return {
        "version": "1.0",
        "timestamp": EVENT_TIME,
        "requestContext": {
            "requestId": "r",
            "functionArn": "arn:aws:lambda:eu-west-1:111111111111:function:f",
            "condition": "RetriesExhausted",
            "approximateInvokeCount": 1,
        },
        "requestPayload": content,
        "responseContext": {"statusCode": 200, "functionError": "Unhandled"},
        "responsePayload": {"errorType": "DirectDeliveryError", "errorMessage": "m"},
    }


def eventbridge_event(
    key: object,
    *,
    detail_type: str = "Object Created",
    reason: str | None = "PutObject",
    bucket: object = SOURCE_BUCKET,
    **changed: object,
) -> dict[str, Any]:
    """An S3 event of EventBridge; ``changed`` is as for ``s3_record``."""
    s3_object = {"key": key, "size": len(BODY), "etag": ETAG, "sequencer": "0A"} | changed
    detail = {
        "version": "0",
        "bucket": {"name": bucket},
        "object": {name: value for name, value in s3_object.items() if value is not None},
        "request-id": "REQUEST0",
    }
    return {
        "version": "0",
        "id": "i",
        "detail-type": detail_type,
        "source": "aws.s3",
        "account": SOURCE_ACCOUNT,
        "time": EVENT_TIME,
        "region": SOURCE_REGION,
        "resources": [f"arn:aws:s3:::{bucket}"],
        "detail": detail if reason is None else detail | {"reason": reason},
    }


def batch_operations_event(
    *keys: str,
    schema: str = "2.0",
    bucket: str = SOURCE_BUCKET,
    encode: Callable[[str], str] = quote_plus,
) -> dict[str, Any]:
    """What S3 Batch Operations invokes a function with; tasks are named after their place."""
    place = {
        "1.0": {"s3BucketArn": f"arn:aws:s3:::{bucket}"},
        "2.0": {"s3Bucket": bucket},
    }
    return {
        "invocationSchemaVersion": schema,
        "invocationId": "i",
        "job": {"id": "j"} if schema == "1.0" else {"id": "j", "userArguments": {}},
        "tasks": [
            {"taskId": f"task {n}", "s3Key": encode(key), "s3VersionId": None} | place[schema]
            for n, key in enumerate(keys)
        ],
    }


def sqs_event(*bodies: object) -> dict[str, Any]:
    """What an event source mapping invokes a function with."""
    return {
        "Records": [sqs_record(body, name=f"message-{n}") for n, body in enumerate(bodies)],
    }


def sqs_record(
    body: object,
    *,
    name: str = "message-0",
    receives: int = 1,
    sent_at: float = EVENT_SECONDS,
    waited: float = 0,
) -> dict[str, Any]:
    """One SQS message of a batch, which was first received some seconds after it was sent."""
    return {
        "messageId": name,
        "receiptHandle": f"receipt of {name}",
        "body": as_text(body),
        "attributes": {
            "ApproximateReceiveCount": str(receives),
            "SentTimestamp": str(round(sent_at * 1000)),
            "ApproximateFirstReceiveTimestamp": str(round((sent_at + waited) * 1000)),
        },
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:eu-west-1:111111111111:work",
        "awsRegion": SOURCE_REGION,
    }


def as_text(content: object) -> str:
    """A text as it is, anything else as JSON."""
    return content if isinstance(content, str) else json.dumps(content)


# Objects


def state(
    *,
    etag: str = f'"{ETAG}"',
    size: int = len(BODY),
    last_modified: str = "Fri, 02 Jan 2026 03:04:05 GMT",
    version_id: str | None = None,
    checksums: dict[str, str] | None = None,
    headers: dict[str, str] | None = None,
    storage_class: str = "STANDARD",
    encryption: str | None = "AES256",
    kms_key_id: str | None = None,
    answered_at: str = "Fri, 02 Jan 2026 03:04:09 GMT",
    tags: Tags = (),
) -> ObjectState:
    """An object as a look shows it: small, plain, unversioned unless said otherwise."""
    return ObjectState(
        etag=etag,
        size=size,
        last_modified=last_modified,
        version_id=version_id,
        checksums=frozenset((checksums or {}).items()),
        headers=tuple(sorted((headers or {}).items())),
        storage_class=storage_class,
        encryption=encryption,
        kms_key_id=kms_key_id,
        answered_at=answered_at,
        tags=tags,
    )


# S3 behind a wire that records, answers and interferes


@dataclass(frozen=True)
class Request:
    """One HTTP request."""

    operation: str
    bucket: str
    host: str
    path: str
    query: str
    headers: dict[str, str]


Answer = AWSResponse | Exception


@dataclass
class Wire:
    """The HTTP layer under the clients: records requests; answers in S3's place where told.

    Attributes:
        refuse: what S3 would refuse and moto does not.
    """

    requests: list[Request] = field(default_factory=list)
    _answers: dict[tuple[str, str], deque[Answer]] = field(
        default_factory=lambda: defaultdict(deque)
    )
    _meanwhile: dict[tuple[str, str], deque[Callable[[], object]]] = field(
        default_factory=lambda: defaultdict(deque)
    )
    refuse: Callable[[Request], AWSResponse | None] = lambda _: None

    def attach(self, *clients: S3Client) -> None:
        """Put this wire under some clients."""
        for client in {id(client): client for client in clients}.values():
            # moto would carry out what this answers: every handler of an event is called.
            events: Any = client.meta.events
            events.unregister("before-send", botocore_stubber)
            events.register("before-send.s3", self._send)

    def answer(self, operation: str, bucket: str, *answers: Answer) -> None:
        """Answer the next requests of an operation; an exception: no answer came."""
        self._answers[operation, bucket].extend(answers)

    def before(self, operation: str, bucket: str, do: Callable[[], object]) -> None:
        """Let something happen just before the next request of an operation arrives."""
        self._meanwhile[operation, bucket].append(do)

    def clear(self) -> None:
        """Forget everything."""
        self.requests.clear()
        self._answers.clear()
        self._meanwhile.clear()

    @property
    def operations(self) -> list[str]:
        """The operations requested, sorted: what goes out at the same time has no order."""
        return sorted(request.operation for request in self.requests)

    def only(self, operation: str) -> Request:
        """The one request of an operation."""
        (found,) = (request for request in self.requests if request.operation == operation)
        return found

    def _send(
        self, request: AWSPreparedRequest, event_name: str, **_: object
    ) -> AWSResponse | None:
        url = urlsplit(str(request.url))
        sent = Request(
            operation=event_name.rsplit(".", 1)[-1],
            bucket=url.netloc.split(".")[0],
            host=url.netloc,
            path=url.path,
            query=unquote(url.query),
            headers={name.lower(): _text(value) for name, value in request.headers.items()},
        )
        self.requests.append(sent)
        what = sent.operation, sent.bucket
        if self._meanwhile[what]:
            self._meanwhile[what].popleft()()
        if not self._answers[what]:
            found: AWSResponse = self.refuse(sent) or _moto(event_name, request)
            # moto leaves out what every answer of S3's has.
            found.headers.setdefault("date", formatdate(usegmt=True))
            return found
        answer = self._answers[what].popleft()
        if isinstance(answer, Exception):
            raise answer
        return answer


_moto: Any = botocore_stubber


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value


class _Body(BytesIO):
    def stream(self) -> Iterator[bytes]:
        yield self.read()


def http_answer(status: int, headers: dict[str, str] | None = None, body: str = "") -> AWSResponse:
    """An answer of S3's."""
    return AWSResponse("https://s3", status, cast(Any, headers or {}), _Body(body.encode()))


def unreadable_answer() -> AWSResponse:
    """That there is no such key, with a character of it that XML does not have."""
    return http_answer(404, {}, "<Error><Code>NoSuchKey</Code><Key>a&#x1;b</Key></Error>")


def error_answer(status: int, code: str = "", message: str = "because") -> AWSResponse:
    """S3's refusal; without a code it has no body, as for HEAD."""
    body = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>" if code else ""
    return http_answer(status, {"x-amz-request-id": "REQUEST1"}, body)


def head_answer(**headers: str) -> AWSResponse:
    """A HEAD answer of the object ``BODY``; underscores in names stand for dashes."""
    return http_answer(200, HEAD_HEADERS | {k.replace("_", "-"): v for k, v in headers.items()})


HEAD_HEADERS = {
    "etag": f'"{ETAG}"',
    "content-length": str(len(BODY)),
    "content-type": "text/plain",
    "last-modified": "Fri, 02 Jan 2026 03:04:05 GMT",
    "date": "Fri, 02 Jan 2026 03:04:09 GMT",
}


def versions_answer(*entries: tuple[str, str, str], more: bool = False) -> AWSResponse:
    """A page of a listing of versions: kind (``Version`` or ``DeleteMarker``), key, version id."""
    listed = "".join(
        f"<{kind}><Key>{quote_plus(key)}</Key><VersionId>{version}</VersionId></{kind}>"
        for kind, key, version in entries
    )
    _, last_key, last_version = entries[-1]
    marker = (
        f"<NextKeyMarker>{quote_plus(last_key)}</NextKeyMarker>"
        f"<NextVersionIdMarker>{last_version}</NextVersionIdMarker>"
    )
    return http_answer(
        200,
        {},
        '<ListVersionsResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
        f"<EncodingType>url</EncodingType><IsTruncated>{str(more).lower()}</IsTruncated>"
        f"{marker if more else ''}{listed}</ListVersionsResult>",
    )


COPY_ANSWER = (
    '<CopyObjectResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
    f"<ETag>&quot;{ETAG}&quot;</ETag><LastModified>2026-01-02T03:04:06.000Z</LastModified>"
    "</CopyObjectResult>"
)


@dataclass
class S3World:
    """moto's S3 with a source and a destination bucket.

    Attributes:
        buckets: the clients under test.
        wire: the HTTP layer under those clients, and only those.
        hand: a client of the test's own, which the wire does not see.
    """

    buckets: Buckets
    wire: Wire
    hand: S3Client

    @classmethod
    def fresh(cls) -> S3World:
        """Both buckets, empty. Making clients is slow, so they are made once."""
        world = _s3_world()
        # A look that failed at one side may still be asking the other.
        world.buckets.parallel_calls.shutdown()
        world.buckets.parallel_calls = ThreadPoolExecutor(CONCURRENCY)
        get_backend("s3").reset()
        world.wire.clear()
        for bucket, region in (
            (SOURCE_BUCKET, SOURCE_REGION),
            (DESTINATION_BUCKET, DESTINATION_REGION),
        ):
            world.hand.create_bucket(
                Bucket=bucket,
                CreateBucketConfiguration=cast(Any, {"LocationConstraint": region}),
            )
        return world

    def pair(self, key: str = "key", **changed: object) -> S3KeyOperations:
        """One key at both sides; ``changed`` are attributes of the destination."""
        wanted = destination(**changed)
        destination_key = wanted.key_for(key)
        assert destination_key is not None
        return new_pair(self.to(wanted), key, destination_key)

    def to(self, wanted: Destination) -> Buckets:
        """The clients, with another destination in the same region."""
        clients = Buckets.__new__(Buckets)
        clients.__dict__.update(self.buckets.__dict__)
        clients.destination = wanted
        clients.replica_settings = wanted.replica_settings
        return clients

    def put(self, key: str = "key", body: bytes = BODY, **about: Any) -> str | None:
        """Put an object into the source; returns its version id, if it has one."""
        return self.hand.put_object(Bucket=SOURCE_BUCKET, Key=key, Body=body, **about).get(
            "VersionId"
        )

    def precondition_failed(self, request: Request) -> AWSResponse | None:
        """The answer to a copy of another object than it names; moto would make it."""
        if request.operation not in ("CopyObject", "UploadPartCopy"):
            return None
        bucket, _, rest = request.headers["x-amz-copy-source"].partition("/")
        key, _, version = rest.partition("?versionId=")
        where: Any = {"Bucket": bucket, "Key": unquote(key)}
        if version:
            where["VersionId"] = version
        try:
            etag = self.hand.head_object(**where)["ETag"]
        except ClientError:
            return None
        wanted = request.headers.get("x-amz-copy-source-if-match", etag)
        if wanted.strip('"') == etag.strip('"'):
            return None
        return error_answer(412, "PreconditionFailed")

    def replica(self, key: str = "key") -> bytes | None:
        """The content at the destination, or None."""
        try:
            return self.hand.get_object(Bucket=DESTINATION_BUCKET, Key=key)["Body"].read()
        except self.hand.exceptions.NoSuchKey:
            return None

    def version(self, bucket: str) -> None:
        """Turn versioning on."""
        self.hand.put_bucket_versioning(
            Bucket=bucket, VersioningConfiguration={"Status": "Enabled"}
        )


def new_pair(buckets: Buckets, key: str, destination_key: str) -> S3KeyOperations:
    """One key at both sides, which no message names an upload of."""

    def send(upload: Upload) -> bool:
        raise AssertionError(f"{upload} was begun")

    multipart = LargeObjectCopy(
        buckets, key, destination_key, (), is_fresh=True, deadline=FOREVER, send=send
    )
    return S3KeyOperations(buckets, key, destination_key, multipart)


@cache
def _s3_world() -> S3World:
    buckets = Buckets(source(), destination(), CONCURRENCY, STREAMS)
    wire = Wire()
    wire.attach(
        buckets.source_reads, buckets.destination_reads, buckets.writes, buckets.parts.client
    )
    # moto's checksums of objects in parts are not what S3's are.
    unchecked = ClientConfig()
    unchecked.response_checksum_validation = "when_required"  # type: ignore[attr-defined]
    hand = botocore.session.Session().create_client("s3", region_name="us-east-1", config=unchecked)
    world = S3World(buckets, wire, cast("S3Client", hand))
    wire.refuse = world.precondition_failed
    return world


# The function without S3: what becomes of messages, whatever becomes of their keys

KeyEnding = Finish | BaseException | Callable[[], Finish]


@dataclass
class Bench:
    """A replicator whose keys end as a test says, over a queue that only writes down.

    Attributes:
        endings: how a key converges; a key without an ending is copied.
        journal: what happened, in order: ``("converged", key)`` and ``(queue call, arguments)``.
        etags: the ETag each key was begun with.
        refused: the queue calls that fail.
    """

    config: Config = field(default_factory=config)
    endings: dict[str, KeyEnding] = field(default_factory=dict)
    journal: list[tuple[str, Any]] = field(default_factory=list)
    etags: dict[str, str | None] = field(default_factory=dict)
    refused: set[str] = field(default_factory=set)
    meta: ClassVar = SimpleNamespace(endpoint_url="https://sqs.eu-west-1.amazonaws.com")

    def __post_init__(self) -> None:
        wanted = self.config.destination
        buckets = SimpleNamespace(
            source=self.config.source,
            destination=wanted,
            replica_settings=wanted.replica_settings,
        )
        self.report = Report(self.config, cast(PutsItems, self))
        self.replicator = BatchProcessor(
            self.config,
            cast(Buckets, buckets),
            WorkQueue(self.config, cast("SQSClient", self), self.report),
            self.report,
        )

    def converge(self, pair: S3KeyOperations, etag: str | None, wanted: ReplicaSettings) -> Finish:
        """In place of ``replicator.converge``."""
        key = pair.source_key
        assert wanted == self.config.destination.replica_settings
        self.etags[key] = etag
        ending = self.endings.get(key, Finish(Ending.COPIED, len(BODY)))
        try:
            if isinstance(ending, BaseException):
                raise ending
            return ending() if callable(ending) else ending
        finally:
            self.journal.append(("converged", key))

    def failures(self, *records: dict[str, Any]) -> list[str]:
        """Work on a batch; returns the ids of the messages that come back."""
        answer = self.replicator.handle_queue(list(records), FOREVER)
        assert list(answer) == ["batchItemFailures"]
        return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]

    @property
    def converged(self) -> list[str]:
        """The keys, in the order in which they ended."""
        return [what for call, what in self.journal if call == "converged"]

    def calls(self, name: str) -> list[dict[str, Any]]:
        """The arguments of a queue call, each time it was made."""
        return [arguments for call, arguments in self.journal if call == name]

    @property
    def deleted(self) -> list[str]:
        """The receipts of the messages that were deleted."""
        return [
            entry["ReceiptHandle"]
            for call in self.calls("delete_message_batch")
            for entry in call["Entries"]
        ]

    def letter(self) -> tuple[str, dict[str, str]]:
        """Body and attributes of the only letter."""
        (sent,) = self.calls("send_message")
        assert sent["QueueUrl"] == DEAD_LETTER_QUEUE_URL
        assert all(a["DataType"] == "String" for a in sent["MessageAttributes"].values())
        return sent["MessageBody"], {
            name: attribute["StringValue"] for name, attribute in sent["MessageAttributes"].items()
        }

    def delete_message_batch(self, **arguments: object) -> None:
        """Of SQS."""
        self._queue_call("delete_message_batch", arguments)

    def put_item(self, **arguments: object) -> None:
        """Of DynamoDB."""
        self._queue_call("put_item", arguments)

    def change_message_visibility(self, **arguments: object) -> None:
        """Of SQS."""
        self._queue_call("change_message_visibility", arguments)

    def send_message(self, **arguments: object) -> None:
        """Of SQS."""
        self._queue_call("send_message", arguments)

    def _queue_call(self, name: str, arguments: dict[str, object]) -> None:
        if name in self.refused:
            raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, name)
        self.journal.append((name, arguments))


def outcome(
    ending: Ending = Ending.COPIED,
    *,
    key: str = "key",
    event_time: float | None = EVENT_SECONDS,
    observed_at: float = EVENT_SECONDS + 1,
    notified_at: float | None = None,
    **changed: Any,
) -> Outcome:
    """How an attempt ended that copied an object."""
    sent_at = observed_at if notified_at is None else notified_at
    event = KeyEvent(SOURCE_BUCKET, key, "ObjectCreated:Put", time=event_time, sent_at=sent_at)
    usual: dict[str, Any] = {
        "event": event,
        "destination_key": "key",
        "finish": Finish(ending, len(BODY)),
        "calls": 3,
        "observed_at": observed_at,
    }
    return Outcome(**usual | changed)


def failure(
    kind: FailureKind, reason: str = "Reason", message: str = "because"
) -> ReplicationError:
    """A key's failure."""
    return ReplicationError(kind, cast(Any, reason), message, error="S3Code", request_id="REQUEST1")


# S3 over a real socket, for what only another process or a broken connection shows


class SocketS3:
    """An S3 that gives every HEAD and every copy the same answer.

    Attributes:
        requests: method and decoded path of each request.
        cut: whether connections end in the middle of the answer to a copy.
    """

    def __init__(self) -> None:
        self.requests: list[tuple[str, str]] = []
        self.cut = False
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @contextmanager
    def serving(self) -> Iterator[SocketS3]:
        """Serve until the block ends."""
        thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            thread.join()
            self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_HEAD(self) -> None:
                self._answer(HEAD_HEADERS, b"")

            def do_PUT(self) -> None:
                self.rfile.read(int(self.headers.get("content-length", "0")))
                body = COPY_ANSWER.encode()
                self._answer({"content-length": str(len(body))}, body)

            def _answer(self, headers: dict[str, str], body: bytes) -> None:
                outer.requests.append((self.command, unquote(self.path)))
                self.send_response_only(200)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                if outer.cut and body:
                    self.wfile.write(body[: len(body) // 2])
                    self.close_connection = True
                else:
                    self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        return Handler
