"""The baseline: a handler that does what the AWS Compute Blog's one does, in today's Python.

"Content Replication Using AWS Lambda and Amazon S3": one CopyObject for each event, to the bucket that
is named like the function, with a client made in every invocation.
"""

import json
from typing import Any
from urllib.parse import unquote_plus

import boto3


def handler(event: dict[str, Any], context: Any) -> None:
    """Copy the object that an SNS event is about."""
    s3 = boto3.client("s3")
    record = json.loads(event["Records"][0]["Sns"]["Message"])["Records"][0]
    key = unquote_plus(record["s3"]["object"]["key"])
    source: Any = {"Bucket": record["s3"]["bucket"]["name"], "Key": key}
    s3.copy_object(Bucket=context.function_name, Key=key, CopySource=source)
