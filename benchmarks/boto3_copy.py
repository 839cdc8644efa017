"""boto3's managed copy, with its defaults."""

from typing import Any

import boto3

from support.settings import DESTINATION_BUCKET, SOURCE_BUCKET

CLIENT = boto3.client("s3")


def handler(key: str, _context: Any) -> None:
    """Copy an object."""
    CLIENT.copy({"Bucket": SOURCE_BUCKET, "Key": key}, DESTINATION_BUCKET, key)
