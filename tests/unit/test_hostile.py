"""Events by somebody who may publish to the topic and not read or write the buckets.

They can have a key compared, which costs requests; they can have nothing written that the source does
not hold, nothing under another key, and nothing said that they did not say themselves.
"""

from __future__ import annotations

import json
import re
from typing import Any, cast

import pytest
from fanout.common import aws
from fanout.common import config as configuration
from fanout.common.log import Log
from fanout.replicate.batch import BatchProcessor
from fanout.replicate.buckets import Buckets
from fanout.replicate.failures import FailureKind
from fanout.replicate.report import Report
from fanout.replicate.upload_plan import MIB
from fanout.replicate.work_queue import WorkQueue
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from .builders import (
    BODY,
    CREDENTIALS,
    DEAD_LETTER_QUEUE_URL,
    DESTINATION_BUCKET,
    ETAG,
    SOURCE_BUCKET,
    Bench,
    S3World,
    environment,
    error_answer,
    failure,
    s3_event,
    sns_event,
    sqs_event,
    sqs_record,
)

UNSENDABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What SQS takes neither in a body nor in an attribute (API reference, SendMessage)."""


class Queue:
    """SQS that writes down, and takes what SQS takes."""

    meta = Bench.meta

    def __init__(self) -> None:
        self.letters: list[dict[str, Any]] = []
        self.sent: list[str] = []
        self.calls: list[str] = []

    def send_message(self, **letter: Any) -> None:
        """Of SQS."""
        if letter["QueueUrl"] != DEAD_LETTER_QUEUE_URL:
            self.sent.append(letter["MessageBody"])
            return
        attributes = letter["MessageAttributes"].values()
        for text in (letter["MessageBody"], *(a["StringValue"] for a in attributes)):
            assert text
            assert not UNSENDABLE.search(text), f"SQS refuses {text!r}"
        self.calls.append("send_message")
        self.letters.append(letter)

    def change_message_visibility(self, **_: object) -> None:
        """Of SQS."""
        self.calls.append("change_message_visibility")

    def delete_message_batch(self, **_: object) -> None:
        """Of SQS."""
        self.calls.append("delete_message_batch")


class Function:
    """The handler over moto's S3."""

    def __init__(self, s3: S3World, monkeypatch: pytest.MonkeyPatch) -> None:
        self.s3 = s3
        self.queue = Queue()
        self._patch = monkeypatch

    def __call__(self, event: dict[str, Any], **changed: object) -> Any:
        """Handle an event; ``changed`` are attributes of the destination."""
        for name, value in environment(**changed).items():
            self._patch.setenv(name, value)
        from fanout.replicate import handler  # reads the environment

        config = configuration.load(environment(**changed))
        report = Report(config)
        report.log = Log("DEBUG")
        queue = WorkQueue(config, cast(Any, self.queue), report)
        replicator = BatchProcessor(config, self.s3.to(config.destination), queue, report)
        self._patch.setattr(handler, "_PROCESSOR", replicator)
        return handler.handle(event, cast(Any, self))

    def get_remaining_time_in_millis(self) -> int:
        """Of Lambda's context."""
        return 900_000

    def replicas(self) -> dict[str, bytes]:
        """Everything the destination holds."""
        hand = self.s3.hand
        return {
            item["Key"]: hand.get_object(Bucket=DESTINATION_BUCKET, Key=item["Key"])["Body"].read()
            for item in hand.list_objects_v2(Bucket=DESTINATION_BUCKET).get("Contents", ())
        }


@pytest.fixture
def function(s3: S3World, monkeypatch: pytest.MonkeyPatch) -> Function:
    """The handler over moto's S3."""
    return Function(s3, monkeypatch)


OTHER_ETAG = "0" * 32

FORGERIES: dict[str, dict[str, Any]] = {
    "a wrong size": {"size": 5 * 1024**4},
    "a size below zero": {"size": -1},
    "a size that is no number": {"size": "3"},
    "a wrong etag": {"eTag": OTHER_ETAG},
    "an etag that ends a header": {"eTag": f'{ETAG}"\r\nx-amz-acl: public-read'},
    "an etag beyond ASCII": {"eTag": "\u00e9" * 32},
    "an etag that matches anything": {"eTag": "*"},
    "a version that does not exist": {"versionId": "3HL4kqtJvjVBH40Nrjfkd"},
    "a version of control characters": {"versionId": "\x00\r\n"},
    "a sequencer that is not": {"sequencer": ["x"]},
    "a date before all others": {"event_time": "0001-01-01T00:00:00"},
    "a date after all others": {"event_time": "9999-12-31T23:59:59-12:00"},
    "an event nobody knows": {"event": "ObjectCreated:Forged"},
    "a deletion": {"event": "ObjectRemoved:Delete"},
    "an expiry": {"event": "LifecycleExpiration:Delete"},
}


@pytest.mark.parametrize("lane", ["queue", "direct"])
@pytest.mark.parametrize("forgery", FORGERIES)
@pytest.mark.parametrize("is_versioned", [False, True])
def test_whatever_is_forged_about_an_object_its_replica_is_the_object(
    function: Function, forgery: str, lane: str, is_versioned: bool
) -> None:
    if is_versioned:
        function.s3.version(SOURCE_BUCKET)
    function.s3.put("key", b"older")
    function.s3.put("key", BODY)
    forged = dict(FORGERIES[forgery])
    event_time = forged.pop("event_time", None)
    event = s3_event("key", **forged)
    if event_time:
        event["Records"][0]["eventTime"] = event_time

    if lane == "direct":
        function(sns_event(event), replicate_deletes=True)
    else:
        assert function(sqs_event(event), replicate_deletes=True) == {"batchItemFailures": []}

    assert function.replicas() == {"key": BODY}
    assert function.queue.calls == []
    sent = [value for request in function.s3.wire.requests for value in request.headers.values()]
    assert all(value.isascii() and value.isprintable() for value in sent)


FORGED_DELETIONS = ["ObjectRemoved:Delete", "ObjectRemoved:DeleteMarkerCreated"]


@pytest.mark.parametrize("event", FORGED_DELETIONS)
def test_an_object_that_is_there_is_never_deleted(function: Function, event: str) -> None:
    function.s3.put("key")
    function(sqs_event(s3_event("key")))

    function(sqs_event(s3_event("key", event=event)), replicate_deletes=True)

    assert function.replicas() == {"key": BODY}


def test_an_event_of_another_bucket_reads_and_writes_nothing(function: Function) -> None:
    function.s3.hand.create_bucket(Bucket="secrets")
    function.s3.hand.put_object(Bucket="secrets", Key="key", Body=b"secret")

    for event in (s3_event("key", bucket="secrets"), s3_event("key", bucket=f"{SOURCE_BUCKET}/..")):
        function(sqs_event(event))

    assert function.replicas() == {}
    assert function.s3.wire.operations == []


OUTSIDE = {
    "beside": "private/key",
    "up": "public/../private/key",
    "encoded twice": "%70ublic/key",
    "case": "Public/key",
    "without slash": "public",
    "leading slash": "/public/key",
    "excluded": "public/not/key",
    "other suffix": "public/key.exe",
    "nothing left": "public/",
}


@pytest.mark.parametrize("where", OUTSIDE)
def test_a_key_the_destination_does_not_take_is_not_written_anywhere(
    function: Function, where: str
) -> None:
    key = OUTSIDE[where]
    function.s3.put(key)

    function(
        sqs_event(s3_event(key)),
        prefixes=["public/"],
        exclude_prefixes=["public/not/"],
        strip_prefix="public/",
        key_prefix="to/",
        suffixes=[] if where == "nothing left" else ["key"],
    )

    if where == "up":  # a key is a name and no path: this one starts with public/
        assert function.replicas() == {"to/../private/key": BODY}
    else:
        assert function.replicas() == {}
        assert function.s3.wire.operations == []


ATTACKS = [
    "../../etc/passwd",
    "..",
    ".",
    "a/../../b",
    "a/./b/",
    "//host/share",
    "C:\\windows\\system32",
    "%2e%2e%2f",
    "%00",
    "a\x00b",
    "a\r\nx-amz-acl: public-read",
    "a\u2028b\u2029c\x85d",
    '"}\n{"level": "INFO", "action": "copied", "key": "forged"}',
    "\x1b[2J\x1b]0;title\x07",
    "a?versionId=null",
    "a?acl",
    "a#fragment",
    "a&b=c",
    "; rm -rf /",
    "$(reboot)",
    "${jndi:ldap://host/a}",
    "{{7*7}}",
    "<script>alert(1)</script>",
    "=cmd|' /C calc'!A0",
    "\u202egnp.exe",
    "arn:aws:s3:::other-bucket/key",
    f"{SOURCE_BUCKET}/key",
]


@pytest.mark.parametrize("key", ATTACKS)
def test_a_key_is_a_name_and_nothing_else(
    function: Function, capsys: pytest.CaptureFixture[str], key: str
) -> None:
    function.s3.put(key)

    function(sqs_event(s3_event(key)))

    assert function.replicas() == {key: BODY}
    for line in capsys.readouterr().out.splitlines():
        assert isinstance(json.loads(line), dict)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(key=st.text(min_size=1), receives=st.integers(1, 4))
@example(key='{"a": 1}\n{"b": 2}', receives=1)
@example(key="\x00\x1b[31m\x85\u2028\ud83d", receives=1)
@example(key="x" * 2000, receives=1)
def test_a_log_line_stays_one_line_and_a_letter_can_be_sent_whatever_the_key(
    function: Function, capsys: pytest.CaptureFixture[str], key: str, receives: int
) -> None:
    capsys.readouterr()
    name = json.dumps(key)[1:-1]
    refusal = f'User is not authorized to perform s3:PutObject on "{name}{key}"'.encode(
        "utf-8", "replace"
    ).decode()
    function.s3.wire.clear()
    function.queue.letters.clear()
    function.s3.wire.answer("HeadObject", SOURCE_BUCKET, error_answer(403), error_answer(403))
    record = s3_event("placeholder")
    record["Records"][0]["s3"]["object"]["key"] = key
    old = sqs_record(json.dumps(record), receives=receives, sent_at=0)

    function({"Records": [old, sqs_record(json.dumps({"Records": [{"eventSource": refusal}]}))]})

    output = capsys.readouterr().out
    assert output.isascii()
    lines = [json.loads(line) for line in output.split("\n")[:-1]]
    assert all(isinstance(line, dict) and "level" in line for line in lines)
    assert len(function.queue.letters) >= 1


CONTROL = "".join(map(chr, range(32))) + "\x7f\x85\u2028\ufffe\uffff\ud800"


def test_a_letter_can_be_sent_whatever_an_error_says(bench: Bench) -> None:
    ending = failure(FailureKind.OBJECT, "Reason", f"s3:PutObject on {CONTROL}")
    ending.error = ending.request_id = CONTROL
    bench.endings = {"key": ending}

    bench.failures(sqs_record(s3_event("key")))

    _, attributes = bench.letter()
    for value in attributes.values():
        assert value
        assert not UNSENDABLE.search(value)
    assert attributes["Explanation"].startswith("s3:PutObject on")


PART = MIB
LARGE = b"l" * (PART + PART // 2)

FORGED_UPLOADS: dict[str, dict[str, Any]] = {
    "an id nobody gave": {"id": "nobody-gave-it"},
    "another key": {"destinationKey": "other"},
    "fewer bytes": {"size": PART},
    "more bytes": {"size": 9 * PART},
    "larger parts": {"partBytes": 2 * PART},
    "another object": {"source": ["forged"]},
}


@pytest.mark.parametrize("forgery", FORGED_UPLOADS)
def test_whatever_is_forged_about_an_upload_no_other_object_is_ever_to_be_seen(
    function: Function, monkeypatch: pytest.MonkeyPatch, forgery: str
) -> None:
    for constant in ("SINGLE_COPY_BYTES", "MIN_PART_BYTES", "SMALLEST_PART_BYTES"):
        monkeypatch.setattr(f"fanout.replicate.upload_plan.{constant}", PART)
    monkeypatch.setattr("moto.s3.models.S3_UPLOAD_PART_MIN_SIZE", PART)
    function.s3.version(SOURCE_BUCKET)
    function.s3.hand.put_object(Bucket=DESTINATION_BUCKET, Key="other", Body=b"other")
    function.s3.put("key", LARGE)
    function(sqs_event(s3_event("key", size=len(LARGE))))
    [genuine] = function.queue.sent
    forged = json.loads(genuine)
    forged["upload"] |= FORGED_UPLOADS[forgery]

    function({"Records": [sqs_record(json.dumps(forged), receives=2)]})

    seen = function.replicas()
    assert seen.pop("other") == b"other"
    assert seen in ({}, {"key": LARGE})


NESTED = '{"Records":' * 5_000

UPLOAD = {
    "id": "id",
    "destinationKey": "key",
    "source": [],
    "size": 1,
    "partBytes": 2**26,
    "attempt": 1,
}


def upload_message(time: str = "1.5", **changed: str) -> str:
    """A message that names an upload, with some of its values as JSON."""
    values = {name: json.dumps(value) for name, value in UPLOAD.items()} | changed
    upload = ", ".join(f'"{name}": {value}' for name, value in values.items())
    return (
        f'{{"s3FanoutUpload": 1, "bucket": "{SOURCE_BUCKET}", "key": "key", "time": {time}, '
        f'"upload": {{{upload}}}}}'
    )


GARBAGE = [
    upload_message(size="1e999"),
    upload_message(size="NaN"),
    upload_message(partBytes="Infinity"),
    upload_message(attempt="1e999"),
    "null",
    "1e999",
    "NaN",
    '"text"',
    "[[]]",
    NESTED,
    "[" * 100_000,
    f'{{"Records": [{"9" * 5000}]}}',
    '{"Records": {"0": {}}}',
    '{"Records": [null]}',
    '{"Records": [[]]}',
    '{"Records": [{"eventSource": []}]}',
    '{"Records": [{"eventSource": "aws:s3", "s3": []}]}',
    '{"Records": [{"eventSource": "aws:s3", "s3": {"object": "key", "bucket": "b"}}]}',
    '{"Records": [{"eventSource": "aws:s3", "s3": {"object": {"key": {}}, "bucket": {}}}]}',
    '{"Records": [{"eventSource": "aws:sns", "Sns": []}]}',
    '{"Records": [{"eventSource": "aws:sqs", "body": {}}]}',
    '{"Type": "Notification", "Message": {}}',
    '{"Type": "Notification"}',
    '{"requestPayload": []}',
    '{"source": "aws.s3"}',
    '{"source": "aws.s3", "detail": {"bucket": [], "object": []}, "detail-type": []}',
    '{"Event": ["s3:TestEvent"]}',
]


@pytest.mark.parametrize("time", ["1e999", "-1e999", "NaN", "-1", "9" * 400, "[]", "null"])
def test_a_forged_time_of_an_upload_is_none(
    function: Function, capsys: pytest.CaptureFixture[str], time: str
) -> None:
    function.s3.put("key")

    answer = function(sqs_event(upload_message(time=time)))

    assert answer == {"batchItemFailures": []}
    assert function.replicas() == {"key": BODY}
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert all("delay_seconds" not in line for line in lines)


@pytest.mark.parametrize("body", GARBAGE, ids=lambda body: body[:40])
def test_garbage_is_a_letter_and_its_neighbours_arrive(function: Function, body: str) -> None:
    function.s3.put("key")

    answer = function(sqs_event(body, s3_event("key")))

    assert answer == {"batchItemFailures": []}
    assert function.replicas() == {"key": BODY}
    [letter] = function.queue.letters
    assert letter["MessageAttributes"]["Reason"]["StringValue"] == "MalformedMessage"


SECRETS = {
    "AWS_ACCESS_KEY_ID": "ASIASECRETSECRETSECR",
    "AWS_SECRET_ACCESS_KEY": "a-secret-that-nobody-may-see",
    "AWS_SESSION_TOKEN": "a-token-that-nobody-may-see",
}

ENDINGS: dict[str, Any] = {
    "nothing": None,
    "expired": error_answer(400, "ExpiredToken", "The provided token has expired."),
    "denied": error_answer(403, "AccessDenied", "no"),
    "a bad signature": error_answer(403, "SignatureDoesNotMatch", "The signature does not match."),
    "slow down": error_answer(503, "SlowDown"),
    "no connection": ConnectionResetError(104, "reset"),
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_credentials_are_never_said(
    function: Function,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    ending: str,
) -> None:
    assert SECRETS.keys() < CREDENTIALS.keys()
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(aws, "session", aws.session.__wrapped__)  # it keeps credentials
    function.s3.put("key")
    config = configuration.load(environment())
    buckets = Buckets(config.source, config.destination, 2, 2)
    function.s3.wire.attach(buckets.source_reads, buckets.destination_reads, buckets.writes)
    monkeypatch.setattr(S3World, "to", lambda *_: buckets)
    if ENDINGS[ending] is not None:
        for operation in ("HeadObject", "CopyObject", "GetObject"):
            for bucket in (SOURCE_BUCKET, DESTINATION_BUCKET):
                function.s3.wire.answer(operation, bucket, *[ENDINGS[ending]] * 9)

    for receives in (1, 2):
        message = sqs_record(s3_event("key"), receives=receives, sent_at=0)
        function({"Records": [message]})

    authorizations = [
        value
        for request in function.s3.wire.requests
        for name, value in request.headers.items()
        if name == "authorization"
    ]
    assert all(SECRETS["AWS_ACCESS_KEY_ID"] in value for value in authorizations)
    assert authorizations
    said = capsys.readouterr()
    everything = said.out + said.err + json.dumps(function.queue.letters)
    everything += "".join(record.getMessage() for record in caplog.records if record.levelno > 10)
    assert '"action"' in everything
    for secret in SECRETS.values():
        assert secret not in everything
