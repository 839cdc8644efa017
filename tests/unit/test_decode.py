"""Whatever envelopes a change comes in, it is found; what nobody understands is said to be so."""

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
from hypothesis import given
from hypothesis import strategies as st

from .builders import (
    AWKWARD_KEYS,
    ETAG,
    EVENT_SECONDS,
    SOURCE_BUCKET,
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


def keys(body: object) -> list[str]:
    """The keys found in a message body."""
    return [change.key for change in decode_message(json.dumps(body))]


def test_a_notification_is_read_with_all_it_says() -> None:
    assert decode_message(json.dumps(s3_event("a key"))) == [
        KeyEvent(
            bucket=SOURCE_BUCKET,
            key="a key",
            event_name="ObjectCreated:Put",
            etag=ETAG,
            size=3,
            time=EVENT_SECONDS,
        )
    ]


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
def test_an_event_is_found_in_every_envelope(envelope: Callable[[object], object]) -> None:
    assert keys(envelope(s3_event("one", "two"))) == ["one", "two"]


def test_all_records_of_all_envelopes_are_found_in_order() -> None:
    batch = sqs_event(s3_event("one", "two"), sns_envelope(s3_event("three")))

    assert keys(batch) == ["one", "two", "three"]


def test_an_invocation_by_sns_is_read_without_a_body_around_it() -> None:
    assert decode_sns_event(sns_event(s3_event("key"))) == decode_message(
        json.dumps(s3_event("key"))
    )


@pytest.mark.parametrize(
    "envelope",
    [
        lambda event: event,
        sns_envelope,
        sns_event,
        lambda event: sqs_event(event),
        lambda event: failed_invocation(sns_event(event)),
    ],
)
def test_an_event_of_eventbridge_is_found_in_every_envelope(
    envelope: Callable[[object], object],
) -> None:
    assert keys(envelope(eventbridge_event("key"))) == ["key"]


@pytest.mark.parametrize("envelope", [lambda event: event, sns_envelope, sns_event])
def test_the_test_event_of_a_new_notification_changes_nothing(
    envelope: Callable[[object], object],
) -> None:
    assert keys(envelope(event_of_test())) == []


def test_envelopes_have_a_depth_at_which_somebody_is_playing() -> None:
    body: object = s3_event("key")
    for _ in range(MAX_ENVELOPES - 1):
        body = sns_envelope(body)
    assert keys(body) == ["key"]

    envelopes: list[Callable[[Any], object]] = [
        sns_envelope,
        failed_invocation,
        sns_event,
        sqs_event,
    ]
    for envelope in envelopes:
        with pytest.raises(MalformedMessageError, match="more than 6 envelopes"):
            keys(envelope(body))


@pytest.mark.parametrize("key", AWKWARD_KEYS.values(), ids=AWKWARD_KEYS)
@pytest.mark.parametrize("encode", [quote_plus, quote], ids=["space as +", "space as %20"])
def test_an_awkward_key_survives_its_encoding(key: str, encode: Callable[[str], str]) -> None:
    assert keys({"Records": [s3_record("", encoded=encode(key))]}) == [key]


@given(key=st.text(min_size=1), encode=st.sampled_from([quote_plus, quote]))
def test_any_key_survives_its_encoding(key: str, encode: Callable[[str], str]) -> None:
    assert keys({"Records": [s3_record("", encoded=encode(key))]}) == [key]


@given(key=st.text(min_size=1))
def test_a_key_is_decoded_once_however_encoded_it_looks(key: str) -> None:
    looks_encoded = quote_plus(key)

    assert keys(s3_event(looks_encoded)) == [looks_encoded]


@given(key=st.text(min_size=1))
def test_a_key_is_never_normalised(key: str) -> None:
    forms = [unicodedata.normalize("NFC", key), unicodedata.normalize("NFD", key)]

    assert keys(s3_event(*forms)) == forms


@given(body=mangled(sqs_event(s3_event("a"), sns_envelope(s3_event("b")))))
def test_any_json_is_understood_or_malformed(body: object) -> None:
    try:
        found = decode_message(json.dumps(body))
    except MalformedMessageError:
        return
    assert all(isinstance(change, KeyEvent) for change in found)


@given(
    record=mangled(s3_record("a")),
    wrap=st.sampled_from([sns_envelope, sns_event, sqs_event]),
)
def test_any_record_is_understood_or_malformed(
    record: object, wrap: Callable[[object], object]
) -> None:
    try:
        (change,) = decode_message(json.dumps(wrap({"Records": [record]})))
    except MalformedMessageError:
        return
    change.key.encode()
    assert change.key
    assert isinstance(change.bucket, str)
    assert isinstance(change.event_name, str)
    assert change.etag is None or isinstance(change.etag, str)
    assert change.size is None or isinstance(change.size, int)
    assert change.time is None or isinstance(change.time, float)


@given(
    event=mangled(eventbridge_event("a")),
    wrap=st.sampled_from([sns_envelope, sns_event, sqs_event, failed_invocation]),
)
def test_any_event_of_eventbridge_is_understood_or_malformed(
    event: object, wrap: Callable[[object], object]
) -> None:
    try:
        found = decode_message(json.dumps(wrap(event)))
    except MalformedMessageError:
        return
    for change in found:
        change.key.encode()
        assert change.key
        assert isinstance(change.bucket, str)
        assert isinstance(change.event_name, str)
        assert change.etag is None or isinstance(change.etag, str)
        assert change.size is None or isinstance(change.size, int)
        assert change.time is None or isinstance(change.time, float)


@given(event=mangled(batch_operations_event("a", "b")))
def test_any_batch_task_is_understood_or_malformed(event: object) -> None:
    try:
        found = decode_batch_tasks(event)  # type: ignore[arg-type]
    except MalformedMessageError:
        return
    for change in found.values():
        change.key.encode()
        assert change.key


@given(body=st.text())
def test_any_text_is_understood_or_malformed(body: str) -> None:
    try:
        found = decode_message(body)
    except MalformedMessageError:
        return
    assert found == []


@pytest.mark.parametrize(
    "body",
    [
        "",
        "not JSON",
        "[]",
        "{}",
        '{"Records": []}',
        '{"Records": {}}',
        '{"Records": [7]}',
        '{"Records": [{"eventSource": "aws:kinesis"}]}',
        '{"Records": [{"EventSource": "aws:sns"}]}',
        '{"Records": [{"eventSource": "aws:s3", "s3": {}}]}',
        '{"Type": "Notification"}',
        '{"Type": "Notification", "Message": {"Records": []}}',
        "[" * 100_000,
        "9" * 10_000,
        '{"requestPayload": null}',
        '{"requestPayload": "text"}',
        '{"requestPayload": {}}',
        '{"source": "aws.s3"}',
        '{"source": "aws.s3", "detail": {"bucket": {}, "object": {}}}',
        json.dumps(eventbridge_event("key") | {"source": "aws.ec2"}),
        json.dumps(eventbridge_event("key") | {"detail-type": None}),
        json.dumps(eventbridge_event("key", bucket=7)),
        json.dumps(eventbridge_event(None)),
        json.dumps(eventbridge_event(7)),
        json.dumps(eventbridge_event("")),
        json.dumps(eventbridge_event("\ud800")),
        json.dumps({"Records": [s3_record("a"), {}]}),
        json.dumps({"Records": [s3_record("", encoded="")]}),
        json.dumps({"Records": [s3_record("", encoded="%FF")]}),
        json.dumps({"Records": [s3_record("", encoded="%ED%A0%80")]}),
        '{"Records": [' + json.dumps(s3_record("", encoded="K")).replace('"K"', '"\\ud800"') + "]}",
    ],
)
def test_what_nobody_understands_is_malformed(body: str) -> None:
    with pytest.raises(MalformedMessageError, match=r"\w"):
        decode_message(body)


@pytest.mark.parametrize("absent", ["size", "eTag", "sequencer"])
def test_hints_may_be_absent(absent: str) -> None:
    assert keys(s3_event("key", **{absent: None})) == ["key"]


@pytest.mark.parametrize(
    ("hint", "nonsense", "attribute"),
    [
        ("size", "3", "size"),
        ("eTag", 3, "etag"),
        ("eTag", "", "etag"),
    ],
)
def test_a_hint_of_the_wrong_type_is_no_hint(hint: str, nonsense: object, attribute: str) -> None:
    (change,) = decode_message(json.dumps(s3_event("key", **{hint: nonsense})))

    assert getattr(change, attribute) is None


@pytest.mark.parametrize("time", [None, 7, "", "yesterday", "0001-01-01T00:00:00", ["2026"]])
def test_a_time_that_is_none_is_no_time(time: object) -> None:
    record = s3_record("key") | {"eventTime": time}

    assert decode_message(json.dumps({"Records": [record]}))[0].time is None


@pytest.mark.parametrize(
    ("event", "etag", "plain"),
    [
        ("ObjectCreated:Put", ETAG, True),
        ("s3:ObjectCreated:Post", ETAG, True),
        ("ObjectCreated:Put", None, False),
        ("ObjectCreated:Copy", ETAG, False),
        ("ObjectCreated:CompleteMultipartUpload", ETAG, False),
        ("ObjectRemoved:Delete", ETAG, False),
        ("ObjectTagging:Put", ETAG, False),
    ],
)
def test_only_a_put_or_post_with_an_etag_is_copied_at_once(
    event: str, etag: str | None, plain: bool
) -> None:
    (change,) = decode_message(json.dumps(s3_event("key", event=event, eTag=etag)))

    assert change.is_small_put is plain


@pytest.mark.parametrize(
    ("size", "small"),
    [(0, True), (SINGLE_COPY_BYTES, True), (SINGLE_COPY_BYTES + 1, False), (None, False)],
)
def test_only_what_one_copy_is_for_is_copied_at_once(size: int | None, small: bool) -> None:
    (change,) = decode_message(json.dumps(s3_event("key", size=size)))

    assert change.is_small_put is small


# EventBridge


def test_an_event_of_eventbridge_is_read_with_all_it_says() -> None:
    assert decode_message(json.dumps(eventbridge_event("a key"))) == [
        KeyEvent(
            bucket=SOURCE_BUCKET,
            key="a key",
            event_name="ObjectCreated:Put",
            etag=ETAG,
            size=3,
            time=EVENT_SECONDS,
        )
    ]


@pytest.mark.parametrize("key", AWKWARD_KEYS.values(), ids=AWKWARD_KEYS)
def test_a_key_of_eventbridge_is_what_it_looks_like(key: str) -> None:
    assert keys(eventbridge_event(key)) == [key]
    assert keys(eventbridge_event(quote_plus(key))) == [quote_plus(key)]


@pytest.mark.parametrize(
    ("detail_type", "reason", "event", "plain"),
    [
        ("Object Created", "PutObject", "ObjectCreated:Put", True),
        ("Object Created", "POST Object", "ObjectCreated:Post", True),
        ("Object Created", "CopyObject", "ObjectCreated:Copy", False),
        (
            "Object Created",
            "CompleteMultipartUpload",
            "ObjectCreated:CompleteMultipartUpload",
            False,
        ),
        ("Object Created", None, "ObjectCreated", False),
        ("Object Deleted", "DeleteObject", "ObjectRemoved:Delete", False),
        ("Object Deleted", "Lifecycle Expiration", "ObjectRemoved:Delete", False),
        ("Object Restore Completed", None, "ObjectRestore:Completed", False),
        ("Object Tags Added", None, "ObjectTagging:Put", False),
        ("Object Tags Deleted", None, "ObjectTagging:Delete", False),
        ("Object Something New", "PutObject", "Object Something New", False),
    ],
)
def test_events_of_eventbridge_have_the_names_of_notifications(
    detail_type: str, reason: str | None, event: str, plain: bool
) -> None:
    (change,) = decode_message(
        json.dumps(eventbridge_event("key", detail_type=detail_type, reason=reason))
    )

    assert (change.event_name, change.is_small_put) == (event, plain)


@pytest.mark.parametrize("absent", ["size", "etag", "sequencer"])
def test_hints_of_eventbridge_may_be_absent(absent: str) -> None:
    hints: dict[str, Any] = {absent: None}

    (change,) = decode_message(json.dumps(eventbridge_event("key", **hints)))

    assert change.key == "key"
    assert change.is_small_put == (absent == "sequencer")


# S3 Batch Operations


@pytest.mark.parametrize("schema", ["1.0", "2.0"])
def test_every_task_of_a_batch_is_a_change_that_says_nothing_but_its_key(schema: str) -> None:
    assert decode_batch_tasks(batch_operations_event("a", "b/c", schema=schema)) == {
        "task 0": KeyEvent(SOURCE_BUCKET, "a", "Batch"),
        "task 1": KeyEvent(SOURCE_BUCKET, "b/c", "Batch"),
    }
    assert not KeyEvent(SOURCE_BUCKET, "a", "Batch").is_small_put


def test_the_arn_of_a_bucket_may_name_region_and_account() -> None:
    event = batch_operations_event("a", schema="1.0")
    event["tasks"][0]["s3BucketArn"] = f"arn:aws:s3:eu-west-1:111111111111:{SOURCE_BUCKET}"

    assert decode_batch_tasks(event)["task 0"].bucket == SOURCE_BUCKET


@pytest.mark.parametrize("schema", ["1.0", "2.0"])
@pytest.mark.parametrize("key", AWKWARD_KEYS.values(), ids=AWKWARD_KEYS)
@pytest.mark.parametrize("encode", [quote_plus, quote], ids=["space as +", "space as %20"])
def test_the_key_of_a_task_is_decoded_once(
    schema: str, key: str, encode: Callable[[str], str]
) -> None:
    event = batch_operations_event(key, quote_plus(key), schema=schema, encode=encode)

    assert [change.key for change in decode_batch_tasks(event).values()] == [
        key,
        quote_plus(key),
    ]


@pytest.mark.parametrize(
    "broken",
    [
        {"s3Key": None},
        {"s3Key": 7},
        {"s3Key": ""},
        {"s3Key": "%FF"},
        {"s3Key": "\ud800"},
        {"s3Bucket": None},
        {"s3Bucket": "", "s3BucketArn": None},
    ],
)
def test_a_task_that_names_no_object_is_malformed(broken: dict[str, object]) -> None:
    event = batch_operations_event("key")
    event["tasks"][0] |= broken

    with pytest.raises(MalformedMessageError, match=r"\w"):
        decode_batch_tasks(event)


@pytest.mark.parametrize("absent", ["taskId", "s3Key", "s3Bucket"])
def test_a_task_without_an_attribute_is_malformed(absent: str) -> None:
    event = batch_operations_event("key")
    del event["tasks"][0][absent]

    with pytest.raises(
        MalformedMessageError, match="s3BucketArn" if absent == "s3Bucket" else absent
    ):
        decode_batch_tasks(event)


@pytest.mark.parametrize("tasks", [None, 7, [7], ["task"], {"task": 1}])
def test_tasks_that_are_none_are_malformed(tasks: object) -> None:
    with pytest.raises(MalformedMessageError, match="a batch task"):
        decode_batch_tasks(batch_operations_event() | {"tasks": tasks})
