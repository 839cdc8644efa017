"""The blog's set-up: a function called like its destination, subscribed to a topic."""

import io
import json
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from integration.support import REGION, Stack
from local_aws.server import REPOSITORY


def deploy(client: Callable[[str], Any], topic_arn: str, bucket: str, **attributes: str) -> str:
    """Deploy the blog's handler; returns the ARN of its subscription.

    Args:
        client: gives a boto3 client by the service's name.
        bucket: is made; the function is called like it, and writes to it.
        attributes: of the subscription.
    """
    where = {"LocationConstraint": REGION}
    client("s3").create_bucket(Bucket=bucket, CreateBucketConfiguration=where)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.write(REPOSITORY / "benchmarks/blog_handler.py", "blog_handler.py")
    function = client("lambda").create_function(
        FunctionName=bucket,
        Runtime="python3.13",
        Handler="blog_handler.handler",
        Role="arn:aws:iam::000000000000:role/blog",
        Code={"ZipFile": buffer.getvalue()},
        Timeout=60,
    )["FunctionArn"]
    client("lambda").add_permission(
        FunctionName=bucket,
        StatementId="topic",
        Action="lambda:InvokeFunction",
        Principal="sns.amazonaws.com",
        SourceArn=topic_arn,
    )
    subscription = client("sns").subscribe(
        TopicArn=topic_arn,
        Protocol="lambda",
        Endpoint=function,
        Attributes=attributes,
        ReturnSubscriptionArn=True,
    )
    return str(subscription["SubscriptionArn"])


@contextmanager
def blog_function(stack: Stack, bucket: str) -> Iterator[str]:
    """Have the blog's handler as one more subscriber of a stack's topic; yields the subscription's ARN.

    Args:
        bucket: is made; the function is called like it, and writes to it.
    """

    def client(service: str) -> Any:
        return stack.aws.client(service, region=REGION)

    # The blog's bucket announces what is created, and nothing else.
    created = {"eventName": [{"prefix": "ObjectCreated:"}]}
    subscription = deploy(
        client,
        stack.topic_arn,
        bucket,
        FilterPolicyScope="MessageBody",
        FilterPolicy=json.dumps({"Records": created}),
    )
    try:
        yield subscription
    finally:
        client("sns").unsubscribe(SubscriptionArn=subscription)
        client("lambda").delete_function(FunctionName=bucket)
