"""The events that AWS would invoke the functions with."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote_plus


def s3_event(key: str, made: dict[str, Any]) -> dict[str, Any]:
    """What S3 publishes when an object was put (User Guide, "Event message structure").

    Args:
        made: the object, as the model describes it.
    """
    now = datetime.fromtimestamp(time.time(), UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    described = {"key": quote_plus(key, safe="/"), "size": made["size"], "eTag": made["etag"]}
    if made["version_id"] != "null":
        described["versionId"] = made["version_id"]
    is_multipart = "-" in made["etag"]
    return {
        "Records": [
            {
                "eventVersion": "2.1",
                "eventSource": "aws:s3",
                "awsRegion": "eu-central-1",
                "eventTime": now,
                "eventName": "ObjectCreated:"
                + ("CompleteMultipartUpload" if is_multipart else "Put"),
                "s3": {
                    "s3SchemaVersion": "1.0",
                    "bucket": {"name": "source", "arn": "arn:aws:s3:::source"},
                    "object": described,
                },
            }
        ]
    }


def sns_event(message: dict[str, Any]) -> dict[str, Any]:
    """What SNS invokes a function with."""
    return {
        "Records": [
            {
                "EventSource": "aws:sns",
                "Sns": {"Type": "Notification", "Message": json.dumps(message)},
            }
        ]
    }
