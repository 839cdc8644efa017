"""Messages that make a destination's function compare some keys.

They have the shape of an S3 event, so the reader needs to know nothing about the sender. The event's
name is none of S3's, so the function compares before it copies.
"""

from __future__ import annotations

import json
from urllib.parse import quote_plus

COMPARE_EVENT = "Reconcile"


def compare_message(bucket: str, keys: list[str]) -> str:
    """A message about some keys of the source bucket."""
    records = [
        {
            "eventSource": "aws:s3",
            "eventName": COMPARE_EVENT,
            "s3": {"bucket": {"name": bucket}, "object": {"key": quote_plus(key)}},
        }
        for key in keys
    ]
    return json.dumps({"Records": records}, separators=(",", ":"))
