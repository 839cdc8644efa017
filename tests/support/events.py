"""The events that AWS invokes the functions with, and the envelopes in which they come."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote_plus

from .objects import BODY, ETAG
from .settings import SOURCE_ACCOUNT, SOURCE_BUCKET, SOURCE_REGION

EVENT_TIME = "2026-01-02T03:04:05.678Z"
EVENT_SECONDS = 1767323045.678


def s3_record(
    key: str,
    *,
    event: str = "ObjectCreated:Put",
    bucket: str = SOURCE_BUCKET,
    encoded: str | None = None,
    time: object = EVENT_TIME,
    writer: object = "AWS:AROAEXAMPLE:somebody",
    **changed: object,
) -> dict[str, Any]:
    """One record of a notification (User Guide, "Event message structure").

    ``encoded`` is the key as the record has it, if not as S3 encodes ``key``; ``writer`` is who made
    the change; ``changed`` are attributes of its object, of which None leaves one out.
    """
    written = quote_plus(key, safe="/") if encoded is None else encoded
    s3_object = {"key": written, "size": len(BODY), "eTag": ETAG, "sequencer": "0A"}
    return {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "awsRegion": SOURCE_REGION,
        "eventTime": time,
        "eventName": event,
        "userIdentity": {"principalId": writer},
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
    receipt: str = "",
    receives: int = 1,
    sent_at: float = EVENT_SECONDS,
    waited: float = 0,
    attributes: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """One SQS message of a batch, which was first received some seconds after it was sent.

    ``attributes`` are those of the message itself.
    """
    return {
        "messageId": name,
        "receiptHandle": receipt or f"receipt of {name}",
        "body": as_text(body),
        "attributes": {
            "ApproximateReceiveCount": str(receives),
            "SentTimestamp": str(round(sent_at * 1000)),
            "ApproximateFirstReceiveTimestamp": str(round((sent_at + waited) * 1000)),
        },
        "messageAttributes": {
            name: {"stringValue": value, "dataType": "String"}
            for name, value in (attributes or {}).items()
        },
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:eu-west-1:111111111111:work",
        "awsRegion": SOURCE_REGION,
    }


def as_text(content: object) -> str:
    """A text as it is, anything else as JSON."""
    return content if isinstance(content, str) else json.dumps(content)
