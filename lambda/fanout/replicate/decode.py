"""From what SQS, SNS, EventBridge or S3 Batch Operations delivers to the S3 events inside it.

Only the key is trusted, and the bucket, which tells foreign events. Size, ETag and time decide nothing
alone: whoever may publish to the topic can write anything there, and late events are stale.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from urllib.parse import unquote_plus

from .key_event import KeyEvent

MAX_ENVELOPES = 6

_YEAR_10000 = 253_402_300_800


class MalformedMessageError(Exception):
    """Nobody understands this message. It can only become a dead-letter message."""


def decode_message(body: str) -> list[KeyEvent]:
    """Read one message body, however many envelopes are around the S3 event.

    Args:
        body: an SQS message body: an S3 event (raw delivery), an SNS envelope, the event of a Lambda
            invocation that failed, alone or in the wrapping of an on-failure destination, or an S3
            event of EventBridge.

    Returns:
        The events, in order; none for S3's test event.

    Raises:
        MalformedMessageError: anything else.
    """
    return list(_events(_parse(body), MAX_ENVELOPES))


def decode_sns_event(event: dict[str, Any]) -> list[KeyEvent]:
    """Read the event of an invocation by SNS. Raises as ``decode_message`` does."""
    return list(_events(event, MAX_ENVELOPES))


def decode_batch_tasks(event: dict[str, Any]) -> dict[str, KeyEvent]:
    """Read the tasks of an invocation by S3 Batch Operations, schema 1.0 or 2.0, by their ids.

    Raises:
        MalformedMessageError: a task names no object.
    """
    found = {}
    try:
        for task in event["tasks"]:
            # 1.0 gives the bucket's ARN, 2.0 its name (User Guide, "Invoke Lambda function").
            bucket = task.get("s3Bucket") or task["s3BucketArn"].rsplit(":", 1)[-1]
            found[str(task["taskId"])] = KeyEvent(bucket, _form_decoded(task["s3Key"]), "Batch")
    except (KeyError, TypeError, AttributeError) as error:
        raise MalformedMessageError(f"a batch task without {error}") from error
    return found


def _parse(text: Any) -> Any:
    if not isinstance(text, str):
        raise MalformedMessageError("an envelope's content is not text")
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise MalformedMessageError(f"not JSON: {error}") from error


def _events(content: Any, envelopes: int) -> Iterator[KeyEvent]:
    """The events inside, through at most so many envelopes."""
    if envelopes == 0:
        raise MalformedMessageError(f"more than {MAX_ENVELOPES} envelopes")
    if not isinstance(content, dict):
        raise MalformedMessageError("not a JSON object")
    if content.get("Event") == "s3:TestEvent":
        return
    if content.get("Type") == "Notification":
        yield from _events(_parse(content.get("Message")), envelopes - 1)
    elif "requestPayload" in content:  # an on-failure destination's wrapping
        yield from _events(content["requestPayload"], envelopes - 1)
    elif content.get("source") == "aws.s3":
        yield _eventbridge_event(content)
    else:
        records = content.get("Records")
        if not isinstance(records, list) or not records:
            raise MalformedMessageError("neither an S3 event nor an envelope around one")
        for record in records:
            yield from _record(record, envelopes)


def _record(record: Any, envelopes: int) -> Iterator[KeyEvent]:
    if not isinstance(record, dict):
        raise MalformedMessageError("a record is not a JSON object")
    match record.get("eventSource", record.get("EventSource")):
        case "aws:s3":
            yield _s3_event(record)
        case "aws:sns":
            message = record.get("Sns")
            if not isinstance(message, dict):
                raise MalformedMessageError("an SNS record without its message")
            yield from _events(_parse(message.get("Message")), envelopes - 1)
        case "aws:sqs":
            yield from _events(_parse(record.get("body")), envelopes - 1)
        case other:
            raise MalformedMessageError(f"a record of event source {other!r}")


def _s3_event(record: dict[str, Any]) -> KeyEvent:
    return KeyEvent(
        bucket=_text(record, "s3", "bucket", "name"),
        # S3 form-encodes keys in notifications (User Guide, "Event message structure").
        key=_form_decoded(_text(record, "s3", "object", "key")),
        event_name=_text(record, "eventName").removeprefix("s3:"),
        etag=_etag(_found(record, "s3", "object", "eTag")),
        size=_size(_found(record, "s3", "object", "size")),
        time=_iso_seconds(record.get("eventTime")),
        writer=_writer(_found(record, "userIdentity", "principalId")),
    )


_DETAIL_TYPES = {
    "Object Created": "ObjectCreated",
    "Object Deleted": "ObjectRemoved:Delete",
    "Object Restore Completed": "ObjectRestore:Completed",
    "Object Tags Added": "ObjectTagging:Put",
    "Object Tags Deleted": "ObjectTagging:Delete",
}
_CREATED_BY = {"PutObject": "Put", "POST Object": "Post", "CopyObject": "Copy"}


def _eventbridge_event(event: dict[str, Any]) -> KeyEvent:
    """Read an S3 event of EventBridge, in which keys are plain (User Guide, "Using EventBridge")."""
    detail_type, reason = _text(event, "detail-type"), _found(event, "detail", "reason")
    name = _DETAIL_TYPES.get(detail_type, detail_type)
    if isinstance(reason, str) and name == "ObjectCreated":
        name = f"{name}:{_CREATED_BY.get(reason, reason)}"
    return KeyEvent(
        bucket=_text(event, "detail", "bucket", "name"),
        key=_checked(_text(event, "detail", "object", "key")),
        event_name=name,
        etag=_etag(_found(event, "detail", "object", "etag")),
        size=_size(_found(event, "detail", "object", "size")),
        time=_iso_seconds(event.get("time")),
    )


def _found(content: Any, *path: str) -> Any:
    """What stands at a path of names, or None."""
    for name in path:
        content = content.get(name) if isinstance(content, dict) else None
    return content


def _text(content: Any, *path: str) -> str:
    found = _found(content, *path)
    if not isinstance(found, str):
        raise MalformedMessageError(f"an event whose {'.'.join(path)} is not text")
    return found


def _form_decoded(key: Any) -> str:
    if not isinstance(key, str):
        raise MalformedMessageError("a key that is not text")
    try:
        return _checked(unquote_plus(key, errors="strict"))
    except UnicodeError as error:
        raise MalformedMessageError("a key that is not UTF-8") from error


def _checked(key: str) -> str:
    try:
        key.encode()
    except UnicodeError as error:
        raise MalformedMessageError("a key that is not UTF-8") from error
    if not key:
        raise MalformedMessageError("an empty key")
    return key


def _etag(given: Any) -> str | None:
    """An ETag as S3 makes them; anything else would become part of a request's header."""
    is_one = isinstance(given, str) and re.fullmatch(r"[0-9a-f]{32}(-[0-9]{1,5})?", given)
    return given if is_one else None


def _writer(given: Any) -> str | None:
    return given if isinstance(given, str) else None


def _size(given: Any) -> int | None:
    return given if isinstance(given, int) else None


def _iso_seconds(timestamp: Any) -> float | None:
    try:
        return _possible(datetime.fromisoformat(timestamp).timestamp())
    except (TypeError, ValueError, OverflowError):
        return None


def _possible(time: float) -> float | None:
    """A time if it is one, in seconds since the epoch: before the year 10000, and a number."""
    return time if 0 <= time < _YEAR_10000 else None
