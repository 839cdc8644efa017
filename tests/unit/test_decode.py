"""Whatever envelopes an event comes in, it is found; what nobody understands is said to be so."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from fanout.replicate.decode import (
    MAX_ENVELOPES,
    MalformedMessageError,
    decode_batch_tasks,
    decode_message,
    decode_sns_event,
)
from fanout.replicate.key_event import KeyEvent
from fanout.replicate.upload_plan import SINGLE_COPY_BYTES
from hypothesis import given, settings
from hypothesis import strategies as st

from support.events import (
    EVENT_SECONDS,
    batch_operations_event,
    event_of_test,
    eventbridge_event,
    failed_invocation,
    s3_event,
    s3_record,
    sns_envelope,
    sns_event,
    sqs_event,
)
from support.objects import AWKWARD_KEYS, ETAG
from support.settings import SOURCE_BUCKET

Envelope = Callable[[Any], Any]


def decoded(body: object) -> list[KeyEvent]:
    """The events in a message body."""
    return decode_message(json.dumps(body))


def keys(body: object) -> list[str]:
    """The keys in a message body."""
    return [event.key for event in decoded(body)]


@pytest.mark.parametrize(
    ("event", "writer"),
    # EventBridge names an account only.
    [(s3_event("a key", writer="AWS:R:s"), "AWS:R:s"), (eventbridge_event("a key"), None)],
)
def test_an_event_is_read_with_all_it_says(event: dict[str, Any], writer: str | None) -> None:
    assert decoded(event) == [
        KeyEvent(
            bucket=SOURCE_BUCKET,
            key="a key",
            event_name="ObjectCreated:Put",
            etag=ETAG,
            size=3,
            time=EVENT_SECONDS,
            writer=writer,
        )
    ]


# Envelopes


@pytest.mark.parametrize(
    "envelope",
    [
        lambda event: event,
        sns_envelope,
        sns_event,
        lambda event: sqs_event(event),
        lambda event: sqs_event(sns_envelope(event)),
        lambda event: sns_event(sns_envelope(sqs_event(event))),
        failed_invocation,
        lambda event: failed_invocation(sns_event(event)),
        lambda event: sqs_event(failed_invocation(sqs_event(failed_invocation(sns_event(event))))),
    ],
    ids=[
        "raw",
        "SNS",
        "invocation by SNS",
        "batch",
        "SNS in a batch",
        "three deep",
        "on failure",
        "on failure of an invocation by SNS",
        "on failure twice",
    ],
)
def test_an_event_is_found_in_every_envelope(envelope: Envelope) -> None:
    assert keys(envelope(s3_event("one", "two"))) == ["one", "two"]
    assert keys(envelope(eventbridge_event("key"))) == ["key"]
    assert keys(envelope(event_of_test())) == []


def test_all_records_of_all_envelopes_are_found_in_order() -> None:
    batch = sqs_event(s3_event("one", "two"), sns_envelope(s3_event("three")))

    assert keys(batch) == ["one", "two", "three"]


def test_an_invocation_by_sns_is_read_without_a_body_around_it() -> None:
    assert decode_sns_event(sns_event(s3_event("key"))) == decoded(s3_event("key"))


@pytest.mark.parametrize("envelope", [sns_envelope, failed_invocation, sns_event, sqs_event])
def test_envelopes_have_a_depth_at_which_somebody_is_playing(envelope: Envelope) -> None:
    body: Any = s3_event("key")
    for _ in range(MAX_ENVELOPES - 1):
        body = sns_envelope(body)
    assert keys(body) == ["key"]

    with pytest.raises(MalformedMessageError, match="more than 6 envelopes"):
        decoded(envelope(body))


# Keys


@pytest.mark.parametrize("key", AWKWARD_KEYS.values(), ids=AWKWARD_KEYS)
@pytest.mark.parametrize("encode", [quote_plus, quote], ids=["space as +", "space as %20"])
def test_an_awkward_key_is_decoded_once_and_by_its_lane(
    key: str, encode: Callable[[str], str]
) -> None:
    for wanted in (key, quote_plus(key)):
        assert keys({"Records": [s3_record("", encoded=encode(wanted))]}) == [wanted]
        assert keys(eventbridge_event(wanted)) == [wanted]  # as it looks
        for schema in ("1.0", "2.0"):
            task = batch_operations_event(wanted, schema=schema, encode=encode)
            assert [event.key for event in decode_batch_tasks(task).values()] == [wanted]


@given(key=st.text(min_size=1), encode=st.sampled_from([quote_plus, quote]))
def test_any_key_survives_its_encoding_and_is_never_normalised(
    key: str, encode: Callable[[str], str]
) -> None:
    forms = [key, unicodedata.normalize("NFC", key), unicodedata.normalize("NFD", key)]
    records = [s3_record("", encoded=encode(form)) for form in forms]

    assert keys({"Records": records}) == forms


# What nobody understands

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)


def mangled(value: object) -> st.SearchStrategy[Any]:
    """A JSON value of which any part may have become something else, or be gone."""
    whole: st.SearchStrategy[Any]
    if isinstance(value, dict):
        whole = st.fixed_dictionaries(
            {}, optional={name: mangled(inner) for name, inner in value.items()}
        )
    elif isinstance(value, list):
        whole = st.tuples(*(mangled(inner) for inner in value)).map(list)
    else:
        whole = st.just(value)
    return st.one_of(whole, whole, whole, JSON)


BODIES = st.one_of(
    st.text(),
    mangled(sqs_event(s3_event("a"), sns_envelope(s3_event("b")))),
    st.builds(
        lambda wrap, record: wrap({"Records": [record]}),
        st.sampled_from([sns_envelope, sns_event, sqs_event]),
        mangled(s3_record("a")),
    ),
    st.builds(
        lambda wrap, event: wrap(event),
        st.sampled_from([sns_envelope, sns_event, sqs_event, failed_invocation]),
        mangled(eventbridge_event("a")),
    ),
)


@settings(max_examples=200)
@given(body=BODIES, tasks=mangled(batch_operations_event("a", "b")))
def test_anything_is_understood_or_malformed(body: object, tasks: Any) -> None:
    for decode, given_value in (
        (decode_message, body if isinstance(body, str) else json.dumps(body)),
        (lambda event: list(decode_batch_tasks(event).values()), tasks),
    ):
        try:
            found = decode(given_value)
        except MalformedMessageError:
            continue
        for event in found:
            assert event.key.encode()
            assert isinstance(event.bucket, str)
            assert isinstance(event.event_name, str)
            assert event.etag is None or isinstance(event.etag, str)
            assert event.size is None or isinstance(event.size, int)
            assert event.time is None or isinstance(event.time, float)


def with_key(encoded: object) -> str:
    """A notification whose key is written so."""
    record = s3_record("")
    record["s3"]["object"]["key"] = encoded
    return json.dumps({"Records": [record]})


@pytest.mark.parametrize(
    "body",
    [
        "",
        "not JSON",
        "null",
        "NaN",
        "1e999",
        '"text"',
        "[]",
        "[[]]",
        "{}",
        "[" * 100_000,
        '{"Records":' * 5_000,
        "9" * 10_000,
        f'{{"Records": [{"9" * 5000}]}}',
        '{"Event": ["s3:TestEvent"]}',
        '{"Records": []}',
        '{"Records": {}}',
        '{"Records": {"0": {}}}',
        '{"Records": [7]}',
        '{"Records": [null]}',
        '{"Records": [[]]}',
        '{"Records": [{"eventSource": "aws:kinesis"}]}',
        '{"Records": [{"eventSource": []}]}',
        '{"Records": [{"EventSource": "aws:sns"}]}',
        '{"Records": [{"eventSource": "aws:sns", "Sns": []}]}',
        '{"Records": [{"eventSource": "aws:sqs", "body": {}}]}',
        '{"Records": [{"eventSource": "aws:s3", "s3": {}}]}',
        '{"Records": [{"eventSource": "aws:s3", "s3": []}]}',
        '{"Records": [{"eventSource": "aws:s3", "s3": {"object": "key", "bucket": "b"}}]}',
        '{"Records": [{"eventSource": "aws:s3", "s3": {"object": {"key": {}}, "bucket": {}}}]}',
        '{"Type": "Notification"}',
        '{"Type": "Notification", "Message": {"Records": []}}',
        '{"requestPayload": null}',
        '{"requestPayload": []}',
        '{"requestPayload": "text"}',
        '{"requestPayload": {}}',
        '{"source": "aws.s3"}',
        '{"source": "aws.s3", "detail": {"bucket": {}, "object": {}}}',
        '{"source": "aws.s3", "detail": {"bucket": [], "object": []}, "detail-type": []}',
        json.dumps(eventbridge_event("key") | {"source": "aws.ec2"}),
        json.dumps(eventbridge_event("key") | {"detail-type": None}),
        json.dumps(eventbridge_event("key", bucket=7)),
        *(json.dumps(eventbridge_event(key)) for key in (None, 7, "", "\ud800")),
        *map(with_key, (None, 7, "", "%FF", "%ED%A0%80", "\ud800")),
        json.dumps({"Records": [s3_record("a"), {}]}),
    ],
    ids=lambda body: body[:60],
)
def test_what_nobody_understands_is_malformed(body: str) -> None:
    with pytest.raises(MalformedMessageError, match=r"\w"):
        decode_message(body)


@pytest.mark.parametrize(
    ("broken", "named"),
    [
        *(({"s3Key": key}, r"\w") for key in (None, 7, "", "%FF", "\ud800")),
        ({"s3Bucket": None}, "s3BucketArn"),
        ({"s3Bucket": "", "s3BucketArn": None}, r"\w"),
        *(({name: "absent"}, named) for name, named in (
            ("taskId", "taskId"), ("s3Key", "s3Key"), ("s3Bucket", "s3BucketArn")
        )),
    ],
)  # fmt: skip
def test_a_task_that_names_no_object_is_malformed(broken: dict[str, object], named: str) -> None:
    event = batch_operations_event("key")
    task = event["tasks"][0] | broken
    event["tasks"] = [{name: value for name, value in task.items() if value != "absent"}]

    with pytest.raises(MalformedMessageError, match=named):
        decode_batch_tasks(event)


@pytest.mark.parametrize("tasks", [None, 7, [7], ["task"], {"task": 1}])
def test_tasks_that_are_none_are_malformed(tasks: object) -> None:
    with pytest.raises(MalformedMessageError, match="a batch task"):
        decode_batch_tasks(batch_operations_event() | {"tasks": tasks})


# Hints: what an event says beside its key


@pytest.mark.parametrize(
    ("event", "attribute"),
    [
        (s3_event("key", size=None), "size"),
        (s3_event("key", size="3"), "size"),
        (s3_event("key", eTag=None), "etag"),
        (s3_event("key", eTag=3), "etag"),
        (s3_event("key", eTag=""), "etag"),
        (s3_event("key", sequencer=None), "upload_id"),
        (s3_event("key", writer=None), "writer"),
        (s3_event("key", writer=7), "writer"),
        (s3_event("key", writer={}), "writer"),
        (eventbridge_event("key", size=None), "size"),
        (eventbridge_event("key", etag=None), "etag"),
        (eventbridge_event("key", sequencer=None), "upload_id"),
        *((s3_event("key", time=time), "time") for time in (
            None, 7, "", "yesterday", "0001-01-01T00:00:00", ["2026"]
        )),
    ],
)  # fmt: skip
def test_a_hint_that_is_absent_or_of_the_wrong_type_is_no_hint(
    event: dict[str, Any], attribute: str
) -> None:
    [found] = decoded(event)

    assert found.key == "key"
    assert not getattr(found, attribute)


@pytest.mark.parametrize(
    ("about", "plain"),
    [
        ({"event": "ObjectCreated:Put"}, True),
        ({"event": "s3:ObjectCreated:Post"}, True),
        ({"eTag": None}, False),
        ({"event": "ObjectCreated:Copy"}, False),
        ({"event": "ObjectCreated:CompleteMultipartUpload"}, False),
        ({"event": "ObjectRemoved:Delete"}, False),
        ({"event": "ObjectTagging:Put"}, False),
        ({"size": 0}, True),
        ({"size": SINGLE_COPY_BYTES}, True),
        ({"size": SINGLE_COPY_BYTES + 1}, False),
        ({"size": None}, False),
    ],
)
def test_only_a_put_or_post_of_what_one_copy_is_for_is_copied_at_once(
    about: dict[str, Any], plain: bool
) -> None:
    [event] = decoded(s3_event("key", **about))

    assert event.is_small_put is plain


@pytest.mark.parametrize(
    ("detail_type", "reason", "name", "plain"),
    [
        ("Object Created", "PutObject", "ObjectCreated:Put", True),
        ("Object Created", "POST Object", "ObjectCreated:Post", True),
        ("Object Created", "CopyObject", "ObjectCreated:Copy", False),
        ("Object Created", "CompleteMultipartUpload", "ObjectCreated:CompleteMultipartUpload", False),
        ("Object Created", None, "ObjectCreated", False),
        ("Object Deleted", "DeleteObject", "ObjectRemoved:Delete", False),
        ("Object Deleted", "Lifecycle Expiration", "ObjectRemoved:Delete", False),
        ("Object Restore Completed", None, "ObjectRestore:Completed", False),
        ("Object Tags Added", None, "ObjectTagging:Put", False),
        ("Object Tags Deleted", None, "ObjectTagging:Delete", False),
        ("Object Something New", "PutObject", "Object Something New", False),
    ],
)  # fmt: skip
def test_events_of_eventbridge_have_the_names_of_notifications(
    detail_type: str, reason: str | None, name: str, plain: bool
) -> None:
    [event] = decoded(eventbridge_event("key", detail_type=detail_type, reason=reason))

    assert (event.event_name, event.is_small_put) == (name, plain)


# S3 Batch Operations


@pytest.mark.parametrize("schema", ["1.0", "2.0"])
def test_every_task_of_a_batch_is_an_event_that_says_nothing_but_its_key(schema: str) -> None:
    event = batch_operations_event("a", "b/c", schema=schema)

    assert decode_batch_tasks(event) == {
        "task 0": KeyEvent(SOURCE_BUCKET, "a", "Batch"),
        "task 1": KeyEvent(SOURCE_BUCKET, "b/c", "Batch"),
    }
    assert not KeyEvent(SOURCE_BUCKET, "a", "Batch").is_small_put


def test_the_arn_of_a_bucket_may_name_region_and_account() -> None:
    event = batch_operations_event("a", schema="1.0")
    event["tasks"][0]["s3BucketArn"] = f"arn:aws:s3:eu-west-1:111111111111:{SOURCE_BUCKET}"

    assert decode_batch_tasks(event)["task 0"].bucket == SOURCE_BUCKET
