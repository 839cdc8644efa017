"""Two buckets, two queues, and the environment of the function between them."""

from __future__ import annotations

import json

SOURCE_BUCKET = "source-bucket"
DESTINATION_BUCKET = "destination-bucket"
SOURCE_REGION = "eu-west-1"
DESTINATION_REGION = "us-west-2"
SOURCE_ACCOUNT = "111111111111"
DESTINATION_ACCOUNT = "222222222222"
QUEUE_NAME = "work"
DEAD_LETTER_QUEUE_NAME = "letters"
QUEUE_URL = f"https://sqs.{SOURCE_REGION}.amazonaws.com/{SOURCE_ACCOUNT}/{QUEUE_NAME}"

ECHO_ENDING = "-0123abcd"
"""Of the name of the function that copies the other way."""

LONGEST_WRITE_SECONDS = 120

FOREVER = 1e9
"""When an invocation ends that has all the time it needs, by the monotonic clock."""

PLAIN_DESTINATION: dict[str, object] = {
    "prefixes": [],
    "exclude_prefixes": [],
    "suffixes": [],
    "key_prefix": "",
    "strip_prefix": "",
    "storage_class": None,
    "kms_key_arn": None,
    "acl": None,
    "replicate_deletes": False,
    "replicate_tags": True,
    "echo_ending": ECHO_ENDING,
}
"""The attributes in ``DESTINATION``, beside where it is, of one that asks for nothing special."""

SOURCE_SETTINGS: dict[str, object] = {
    "bucket": SOURCE_BUCKET,
    "account_id": SOURCE_ACCOUNT,
    "region": SOURCE_REGION,
}
"""The attributes in ``SOURCE``."""


def destination_settings(**changed: object) -> dict[str, object]:
    """The attributes in ``DESTINATION``."""
    return {
        "name": "archive",
        "bucket": DESTINATION_BUCKET,
        "region": DESTINATION_REGION,
        "account_id": DESTINATION_ACCOUNT,
        **PLAIN_DESTINATION,
        **changed,
    }


def environment(**changed: object) -> dict[str, str]:
    """The function's environment; ``changed`` are attributes of the destination."""
    return {
        "SOURCE": json.dumps(SOURCE_SETTINGS),
        "DESTINATION": json.dumps(destination_settings(**changed)),
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
        "QUEUE_NAME": QUEUE_NAME,
        "DEAD_LETTER_QUEUE_NAME": DEAD_LETTER_QUEUE_NAME,
        "REPLICATION_LOG": "null",
        "LOG_LEVEL": "INFO",
        "LONGEST_WRITE_SECONDS": str(LONGEST_WRITE_SECONDS),
    }
