"""The calls that our function makes for a batch of small objects, and nothing else."""

from __future__ import annotations

import json
import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import unquote_plus

import boto3
from botocore.config import Config

from support.settings import DESTINATION_BUCKET, QUEUE_NAME, SOURCE_ACCOUNT, SOURCE_BUCKET

THREADS = int(os.environ["THREADS"])
DELETES = os.environ["DELETES"] == "yes"
"""Whether messages are deleted one by one, as our function does."""

POOL = ThreadPoolExecutor(THREADS)
S3 = boto3.client("s3", config=Config(max_pool_connections=2 * THREADS))
SQS = boto3.client("sqs", config=Config(max_pool_connections=2 * THREADS))
QUEUE_URL = f"{SQS.meta.endpoint_url}/{SOURCE_ACCOUNT}/{QUEUE_NAME}"


def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Make the calls for each message, and answer that none failed."""
    list(POOL.map(_calls, event["Records"]))
    return {"batchItemFailures": []}


def _calls(message: dict[str, Any]) -> None:
    found = json.loads(message["body"])["Records"][0]["s3"]["object"]
    key = unquote_plus(found["key"])
    S3.copy_object(
        Bucket=DESTINATION_BUCKET,
        Key=key,
        ExpectedBucketOwner=SOURCE_ACCOUNT,
        CopySource={"Bucket": SOURCE_BUCKET, "Key": key},
        CopySourceIfMatch=f'"{found["eTag"]}"',
        ExpectedSourceBucketOwner=SOURCE_ACCOUNT,
    )
    for bucket in (SOURCE_BUCKET, DESTINATION_BUCKET):
        S3.head_object(
            Bucket=bucket, Key=key, ExpectedBucketOwner=SOURCE_ACCOUNT, ChecksumMode="ENABLED"
        )
    if DELETES:
        SQS.delete_message(QueueUrl=QUEUE_URL, ReceiptHandle=message["receiptHandle"])
