"""Events by somebody who may publish to the topic and not read or write the buckets.

They can have a key compared, which costs requests; they can have nothing written that the source does
not hold, nothing under another key, and nothing logged that they did not say themselves.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from fanout.common import aws
from fanout.replicate.buckets import Buckets
from fanout.replicate.failures import FailureKind
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from support.aws.sqs import UNSENDABLE, Message
from support.events import s3_event, sns_event, sqs_event, sqs_record
from support.fake_s3 import FakeS3
from support.function import Bench, Function
from support.machine import CREDENTIALS
from support.objects import BODY, ETAG
from support.settings import DESTINATION_BUCKET, SOURCE_BUCKET, environment
from support.values import config, failure
from support.wire import error_answer

NewFunction = Callable[..., Function]
Log = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def new_function(s3: FakeS3) -> NewFunction:
    """Makes functions that log everything, for destinations with some attributes."""
    return lambda **changed: Function(s3, environment(**changed) | {"LOG_LEVEL": "DEBUG"})


@pytest.fixture
def function(new_function: NewFunction) -> Function:
    """One whose destination asks for nothing special."""
    return new_function()


FORGERIES: dict[str, dict[str, Any]] = {
    "a wrong size": {"size": 5 * 1024**4},
    "a size below zero": {"size": -1},
    "a size that is no number": {"size": "3"},
    "a wrong etag": {"eTag": "0" * 32},
    "an etag that ends a header": {"eTag": f'{ETAG}"\r\nx-amz-acl: public-read'},
    "an etag beyond ASCII": {"eTag": "\u00e9" * 32},
    "an etag that matches anything": {"eTag": "*"},
    "a version that does not exist": {"versionId": "3HL4kqtJvjVBH40Nrjfkd"},
    "a version of control characters": {"versionId": "\x00\r\n"},
    "a sequencer that is not": {"sequencer": ["x"]},
    "a date before all others": {"time": "0001-01-01T00:00:00"},
    "a date after all others": {"time": "9999-12-31T23:59:59-12:00"},
    "an event nobody knows": {"event": "ObjectCreated:Forged"},
    "a deletion": {"event": "ObjectRemoved:Delete"},
    "a delete marker": {"event": "ObjectRemoved:DeleteMarkerCreated"},
    "an expiry": {"event": "LifecycleExpiration:Delete"},
}


@pytest.mark.parametrize("delivery", ["queue", "direct"])
@pytest.mark.parametrize("forgery", FORGERIES)
@pytest.mark.parametrize("is_versioned", [False, True])
def test_whatever_is_forged_about_an_object_its_replica_is_the_object(
    s3: FakeS3, new_function: NewFunction, forgery: str, delivery: str, is_versioned: bool
) -> None:
    if is_versioned:
        s3.version()
    s3.put(body=b"older")
    s3.put()
    function = new_function(replicate_deletes=True)
    event = s3_event("key", **FORGERIES[forgery])

    for _ in range(2):  # without a replica, and with one
        if delivery == "direct":
            function.invoke(sns_event(event))
        else:
            assert function.invoke(sqs_event(event)) == {"batchItemFailures": []}

        assert s3.replicas == {"key": BODY}
    assert function.queues.journal == []
    sent = [value for request in s3.wire.requests for value in request.headers.values()]
    assert all(value.isascii() and value.isprintable() for value in sent)


@pytest.mark.parametrize("bucket", ["secrets", f"{SOURCE_BUCKET}/.."])
def test_an_event_of_another_bucket_reads_and_writes_nothing(
    s3: FakeS3, function: Function, bucket: str
) -> None:
    function.invoke(sqs_event(s3_event("key", bucket=bucket)))

    assert s3.replicas == {}
    assert s3.wire.operations == []


@pytest.mark.parametrize(
    ("key", "replica"),
    [
        ("private/key", None),
        ("%70ublic/key", None),
        ("Public/key", None),
        ("public", None),
        ("/public/key", None),
        ("public/not/key", None),
        ("public/key.exe", None),
        ("public/", None),
        # A key is a name and no path: this one starts with public/
        ("public/../private/key", "to/../private/key"),
    ],
)
def test_a_key_the_destination_does_not_replicate_is_not_written_anywhere(
    s3: FakeS3, new_function: NewFunction, key: str, replica: str | None
) -> None:
    s3.put(key)
    function = new_function(
        prefixes=["public/"],
        exclude_prefixes=["public/not/"],
        strip_prefix="public/",
        key_prefix="to/",
        suffixes=["key", "/"],
    )

    function.invoke(sqs_event(s3_event(key)))

    assert s3.replicas == ({} if replica is None else {replica: BODY})
    assert bool(s3.wire.requests) == bool(replica)


ATTACKS = [
    "../../etc/passwd", "..", ".", "a/../../b", "a/./b/", "//host/share", "C:\\windows\\system32",
    "%2e%2e%2f", "%00", "a\x00b", "a\r\nx-amz-acl: public-read", "a\u2028b\u2029c\x85d",
    '"}\n{"level": "INFO", "action": "copied", "key": "forged"}', "\x1b[2J\x1b]0;title\x07",
    "a?versionId=null", "a?acl", "a#fragment", "a&b=c", "; rm -rf /", "$(reboot)",
    "${jndi:ldap://host/a}", "{{7*7}}", "<script>alert(1)</script>", "=cmd|' /C calc'!A0",
    "\u202egnp.exe", "arn:aws:s3:::other-bucket/key", f"{SOURCE_BUCKET}/key",
]  # fmt: skip


@pytest.mark.parametrize("key", ATTACKS)
def test_a_key_is_a_name_and_nothing_else(
    s3: FakeS3, function: Function, log: Log, key: str
) -> None:
    s3.put(key)

    function.invoke(sqs_event(s3_event(key)))

    assert s3.replicas == {key: BODY}
    assert all(isinstance(line, dict) for line in log())


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(key=st.text(min_size=1), receives=st.integers(1, 4))
@example(key='{"a": 1}\n{"b": 2}', receives=1)
@example(key="\x00\x1b[31m\x85\u2028\ud83d", receives=1)
@example(key="x" * 2000, receives=1)
def test_a_log_line_stays_one_line_and_a_dead_letter_can_be_sent_whatever_the_key(
    s3: FakeS3, capsys: pytest.CaptureFixture[str], key: str, receives: int
) -> None:
    capsys.readouterr()
    function = Function(s3)
    name = f"{json.dumps(key)[1:-1]}{key}".encode("utf-8", "replace").decode()
    refusal = f'User is not authorized to perform s3:PutObject on "{name}"'
    s3.wire.clear()
    s3.wire.answer("HeadObject", SOURCE_BUCKET, *[error_answer(403)] * 2)
    event = s3_event("placeholder")
    event["Records"][0]["s3"]["object"]["key"] = key

    function.receive(event, {"Records": [{"eventSource": refusal}]}, receives=receives, sent_at=0)

    output = capsys.readouterr().out
    assert output.isascii()
    lines = [json.loads(line) for line in output.split("\n")[:-1]]
    assert all(isinstance(line, dict) and "level" in line for line in lines)
    assert len(function.dead_letters) >= 1


def test_a_dead_letter_can_be_sent_whatever_an_error_says(bench: Bench) -> None:
    control = "".join(map(chr, range(32))) + "\x7f\x85\u2028\ufffe\uffff\ud800"
    ending = failure(FailureKind.OBJECT, "Reason", f"s3:PutObject on {control}")
    ending.error = ending.request_id = control
    bench.endings = {"key": ending}

    assert bench.receive(s3_event("key")) == []

    attributes = bench.dead_letter.attributes
    assert not any(UNSENDABLE.search(value) for value in attributes.values())
    assert attributes["Explanation"].startswith("s3:PutObject on")


def test_a_message_nobody_understands_is_a_dead_letter_and_its_neighbours_arrive(
    s3: FakeS3, function: Function
) -> None:
    s3.put()

    assert function.invoke(sqs_event("[" * 100_000, s3_event("key"))) == {"batchItemFailures": []}

    assert s3.replicas == {"key": BODY}
    assert function.dead_letter.attributes["Reason"] == "MalformedMessage"


SECRETS = {
    "AWS_ACCESS_KEY_ID": "ASIASECRETSECRETSECR",
    "AWS_SECRET_ACCESS_KEY": "a-secret-that-nobody-may-see",
    "AWS_SESSION_TOKEN": "a-token-that-nobody-may-see",
}


def test_credentials_are_never_said(
    s3: FakeS3,
    new_function: NewFunction,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert SECRETS.keys() < CREDENTIALS.keys()
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(aws, "session", aws.session.__wrapped__)  # it keeps credentials
    s3.put()
    clients = Buckets(config().source, config().destination, 2, 2, s3.clients.connections)
    monkeypatch.setattr(FakeS3, "to", lambda *_: clients)
    dead_letters: list[Message] = []
    authorizations: list[str] = []
    for ending in (
        None,
        error_answer(400, "ExpiredToken", "The provided token has expired."),
        error_answer(403, "AccessDenied", "no"),
        error_answer(403, "SignatureDoesNotMatch", "The signature does not match."),
        error_answer(503, "SlowDown"),
        ConnectionResetError(104, "reset"),
    ):
        for operation in ("HeadObject", "CopyObject", "GetObject"):
            for bucket in (SOURCE_BUCKET, DESTINATION_BUCKET):
                s3.wire.answer(operation, bucket, *[ending] * 9 if ending else [])
        function = new_function()
        for receives in (1, 2):
            function.invoke(
                {"Records": [sqs_record(s3_event("key"), receives=receives, sent_at=0)]}
            )
        dead_letters += function.dead_letters
        authorizations += [request.headers["authorization"] for request in s3.wire.requests]
        s3.wire.clear()
    clients.parallel_calls.shutdown()  # a call that failed at one side may still ask the other

    assert len(authorizations) > 6
    assert all(SECRETS["AWS_ACCESS_KEY_ID"] in value for value in authorizations)
    said = capsys.readouterr()
    records = [record.getMessage() for record in caplog.records if record.levelno > 10]
    everything = "".join([said.out, said.err, str(dead_letters), *records])
    assert len(dead_letters) > 6
    assert '"action"' in everything
    for secret in SECRETS.values():
        assert secret not in everything
