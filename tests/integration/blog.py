"""The blog's set-up, as one more subscriber of a stack's topic."""

import io
import json
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager

from integration.support import REGION, Stack
from local_aws.server import REPOSITORY


@contextmanager
def blog_function(stack: Stack, bucket: str) -> Iterator[None]:
    """Deploy the blog's handler.

    Args:
        bucket: is made; the function is called like it, and writes to it.
    """
    functions, sns = stack.functions, stack.aws.client("sns", region=REGION)
    stack.s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.write(REPOSITORY / "benchmarks/blog_handler.py", "blog_handler.py")
    function = functions.create_function(
        FunctionName=bucket,
        Runtime="python3.13",
        Handler="blog_handler.handler",
        Role="arn:aws:iam::000000000000:role/blog",
        Code={"ZipFile": buffer.getvalue()},
        Timeout=60,
    )["FunctionArn"]
    functions.add_permission(
        FunctionName=bucket,
        StatementId="topic",
        Action="lambda:InvokeFunction",
        Principal="sns.amazonaws.com",
        SourceArn=stack.topic_arn,
    )
    # The blog's bucket announces what is created, and nothing else.
    created = {"Records": {"eventName": [{"prefix": "ObjectCreated:"}]}}
    subscription = sns.subscribe(
        TopicArn=stack.topic_arn,
        Protocol="lambda",
        Endpoint=function,
        Attributes={"FilterPolicyScope": "MessageBody", "FilterPolicy": json.dumps(created)},
    )
    try:
        yield
    finally:
        sns.unsubscribe(SubscriptionArn=subscription["SubscriptionArn"])
        functions.delete_function(FunctionName=bucket)
