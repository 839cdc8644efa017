"""Which permissions a call takes: one row for each, with the page of AWS's documentation that says so.

A call is an operation with its parameters, as botocore's clients make it, or something that Lambda
does with the function's role. To record a new call, add its rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

S3_API = "https://docs.aws.amazon.com/AmazonS3/latest/API/"
S3_GUIDE = "https://docs.aws.amazon.com/AmazonS3/latest/userguide/"
SQS_API = "https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/"
SQS_GUIDE = "https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/"
LAMBDA_API = "https://docs.aws.amazon.com/lambda/latest/api/"
LAMBDA_GUIDE = "https://docs.aws.amazon.com/lambda/latest/dg/"
ACTIONS_OF_SERVICES = "https://docs.aws.amazon.com/service-authorization/latest/reference/"

PERMISSIONS = (
    S3_GUIDE + "using-with-s3-policy-actions.html"
)  # "Required permissions for ... operations"
MULTIPART = S3_GUIDE + "mpuoverview.html#mpuAndPermissions"
ABSENT = S3_API + "API_HeadObject.html"  # without s3:ListBucket an absent object is a 403
COPY = S3_API + "API_CopyObject.html"
HEAD = S3_API + "API_HeadObject.html"
CHANGE_VISIBILITY = SQS_API + "API_ChangeMessageVisibility.html"
DELETING = SQS_API + "API_DeleteMessageBatch.html"
BATCHES = SQS_GUIDE + "sqs-batch-api-actions.html"
QUEUE_KEYS = SQS_GUIDE + "sqs-key-management.html#sqs-what-permissions-for-sse"
POLLING_WITH_A_KEY = SQS_GUIDE + "sqs-configure-lambda-function-trigger.html"
POLLING = LAMBDA_GUIDE + "services-sqs-configure.html#events-sqs-permissions"
ON_FAILURE = LAMBDA_GUIDE + "invocation-async-retain-records.html"
LOGGING = LAMBDA_GUIDE + "lambda-intro-execution-role.html"
INVOKING = LAMBDA_API + "API_Invoke.html"
LAMBDA_ACTIONS = ACTIONS_OF_SERVICES + "list_awslambda.html"
DYNAMODB_ACTIONS = ACTIONS_OF_SERVICES + "list_amazondynamodb.html"


@dataclass(frozen=True)
class Call:
    """One call.

    Attributes:
        operation: such as ``s3.CopyObject``; what Lambda does by itself has no parameters.
    """

    operation: str
    parameters: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class World:
    """What a call's parameters do not say.

    Attributes:
        source_keys: ARNs of the KMS keys that source objects are encrypted with.
        destination_keys: of the one that replicas are encrypted with, if any.
        queue_keys: of the one that the queues are encrypted with, if any.
        reads_tags: whether the number of tags in a HEAD answer is of use.
    """

    partition: str
    region: str
    account_id: str
    source_bucket: str
    function_name: str
    queue_name: str
    source_keys: tuple[str, ...] = ()
    destination_keys: tuple[str, ...] = ()
    queue_keys: tuple[str, ...] = ()
    reads_tags: bool = True

    def arn(self, service: str, name: str) -> str:
        """The ARN of something next to the function."""
        return f"arn:{self.partition}:{service}:{self.region}:{self.account_id}:{name}"

    def bucket(self, name: str) -> str:
        """The ARN of a bucket."""
        return f"arn:{self.partition}:s3:::{name}"

    def object(self, where: Mapping[str, Any]) -> str:
        """The ARN of an object, by its bucket and key."""
        return f"{self.bucket(where['Bucket'])}/{where['Key']}"


@dataclass(frozen=True)
class Need:
    """A permission that a call takes, and the page that says so."""

    action: str
    resource: str
    page: str = field(compare=False, default="")


Resources = Callable[[Call, World], Iterable[str]]
Condition = Callable[[Call, World], bool]


RESOURCES: dict[str, Resources] = {
    "bucket": lambda call, world: [world.bucket(call.parameters["Bucket"])],
    "object": lambda call, world: [world.object(call.parameters)],
    "source bucket": lambda call, world: [world.bucket(call.parameters["CopySource"]["Bucket"])],
    "source object": lambda call, world: [world.object(call.parameters["CopySource"])],
    "source keys": lambda _, world: world.source_keys,
    "destination key": lambda _, world: world.destination_keys,
    "keys of the bucket": lambda call, world: (
        world.source_keys
        if call.parameters["Bucket"] == world.source_bucket
        else world.destination_keys
    ),
    "queue": lambda call, world: [world.arn("sqs", call.parameters["QueueUrl"].rsplit("/", 1)[-1])],
    "work queue": lambda _, world: [world.arn("sqs", world.queue_name)],
    "queue key": lambda _, world: world.queue_keys,
    "function": lambda call, world: [
        world.arn("lambda", f"function:{call.parameters['FunctionName']}")
    ],
    "table": lambda call, world: [world.arn("dynamodb", f"table/{call.parameters['TableName']}")],
    "log stream": lambda _, world: [
        world.arn(
            "logs",
            f"log-group:/aws/lambda/{world.function_name}:log-stream:2026/01/02/[$LATEST]0123",
        )
    ],
}


def _names_a_version(call: Call) -> bool:
    return "VersionId" in call.parameters.get("CopySource", call.parameters)


def _copies(call: Call, directive: str) -> bool:
    return str(call.parameters.get(directive, "COPY")) == "COPY"


CONDITIONS: dict[str, Condition] = {
    "always": lambda *_: True,
    "version": lambda call, _: _names_a_version(call),
    "current": lambda call, _: not _names_a_version(call),
    "tags": lambda call, _: _copies(call, "TaggingDirective"),
    "annotations": lambda call, _: _copies(call, "AnnotationDirective"),
    "reads tags": lambda _, world: world.reads_tags,
    **{
        parameter: lambda call, _, parameter=parameter: parameter in call.parameters  # type: ignore[misc]
        for parameter in ("ACL", "ChecksumMode", "Tagging")
    },
}


@dataclass(frozen=True)
class Row:
    """One permission that an operation takes.

    Attributes:
        on: one of ``RESOURCES``.
        when: all of these ``CONDITIONS``, with commas in between.
    """

    operation: str
    action: str
    on: str
    page: str
    when: str = "always"


ROWS = (
    # Reading
    Row("s3.HeadObject", "s3:GetObject", "object", HEAD, "current"),
    Row("s3.HeadObject", "s3:GetObjectVersion", "object", PERMISSIONS, "version"),
    Row("s3.HeadObject", "s3:ListBucket", "bucket", ABSENT),
    # x-amz-tagging-count is there "when you have the relevant permission to read object tags"
    Row("s3.HeadObject", "s3:GetObjectTagging", "object", HEAD, "current, reads tags"),
    Row("s3.HeadObject", "s3:GetObjectVersionTagging", "object", HEAD, "version, reads tags"),
    Row("s3.HeadObject", "kms:Decrypt", "keys of the bucket", HEAD, "ChecksumMode"),  # of ChecksumMode
    Row("s3.GetObject", "s3:GetObject", "object", S3_API + "API_GetObject.html", "current"),
    Row("s3.GetObject", "s3:GetObjectVersion", "object", S3_API + "API_GetObject.html", "version"),
    Row("s3.GetObject", "s3:ListBucket", "bucket", S3_API + "API_GetObject.html"),
    Row("s3.GetObject", "kms:Decrypt", "keys of the bucket", S3_API + "API_GetObject.html"),
    Row("s3.HeadBucket", "s3:ListBucket", "bucket", S3_API + "API_HeadBucket.html"),
    Row("s3.GetObjectTagging", "s3:GetObjectTagging", "object", PERMISSIONS, "current"),
    Row("s3.GetObjectTagging", "s3:GetObjectVersionTagging", "object", PERMISSIONS, "version"),
    Row("s3.ListObjectVersions", "s3:ListBucketVersions", "bucket", PERMISSIONS),
    Row("s3.ListObjectsV2", "s3:ListBucket", "bucket", S3_API + "API_ListObjectsV2.html"),
    # Writing
    Row("s3.CopyObject", "s3:GetObject", "source object", COPY, "current"),
    Row("s3.CopyObject", "s3:GetObjectVersion", "source object", PERMISSIONS, "version"),
    Row("s3.CopyObject", "s3:ListBucket", "source bucket", ABSENT),
    Row("s3.CopyObject", "s3:GetObjectTagging", "source object", PERMISSIONS, "current, tags"),
    Row("s3.CopyObject", "s3:GetObjectVersionTagging", "source object", PERMISSIONS, "version, tags"),
    Row("s3.CopyObject", "s3:GetObjectAnnotation", "source object", COPY, "current, annotations"),
    Row("s3.CopyObject", "s3:GetObjectVersionAnnotation", "source object", COPY, "version, annotations"),
    Row("s3.CopyObject", "s3:PutObject", "object", COPY),
    Row("s3.CopyObject", "s3:PutObjectTagging", "object", PERMISSIONS, "tags"),
    Row("s3.CopyObject", "s3:PutObjectAnnotation", "object", COPY, "annotations"),
    Row("s3.CopyObject", "s3:PutObjectAcl", "object", PERMISSIONS, "ACL"),
    Row("s3.CopyObject", "kms:Decrypt", "source keys", PERMISSIONS),
    Row("s3.CopyObject", "kms:GenerateDataKey", "destination key", PERMISSIONS),
    Row("s3.PutObjectTagging", "s3:PutObjectTagging", "object", PERMISSIONS),
    Row("s3.DeleteObject", "s3:DeleteObject", "object", S3_API + "API_DeleteObject.html"),
    # Large objects
    Row("s3.CreateMultipartUpload", "s3:PutObject", "object", MULTIPART),
    Row("s3.CreateMultipartUpload", "s3:PutObjectTagging", "object", PERMISSIONS, "Tagging"),
    Row("s3.CreateMultipartUpload", "s3:PutObjectAcl", "object", PERMISSIONS, "ACL"),
    Row("s3.CreateMultipartUpload", "kms:GenerateDataKey", "destination key", MULTIPART),
    Row("s3.UploadPartCopy", "s3:GetObject", "source object", MULTIPART, "current"),
    Row("s3.UploadPartCopy", "s3:GetObjectVersion", "source object", MULTIPART, "version"),
    Row("s3.UploadPartCopy", "s3:ListBucket", "source bucket", ABSENT),
    Row("s3.UploadPartCopy", "s3:PutObject", "object", MULTIPART),
    Row("s3.UploadPartCopy", "kms:Decrypt", "source keys", MULTIPART),
    Row("s3.UploadPartCopy", "kms:Decrypt", "destination key", MULTIPART),
    Row("s3.CompleteMultipartUpload", "s3:PutObject", "object", MULTIPART),
    Row("s3.CompleteMultipartUpload", "kms:Decrypt", "destination key", MULTIPART),
    Row("s3.AbortMultipartUpload", "s3:AbortMultipartUpload", "object", MULTIPART),
    Row("s3.ListParts", "s3:ListMultipartUploadParts", "object", MULTIPART),
    Row("s3.ListParts", "kms:Decrypt", "destination key", S3_API + "API_ListParts.html"),
    Row("s3.ListMultipartUploads", "s3:ListBucketMultipartUploads", "bucket", MULTIPART),
    # Queues
    Row("sqs.SendMessage", "sqs:SendMessage", "queue", SQS_API + "API_SendMessage.html"),
    Row("sqs.SendMessage", "kms:Decrypt", "queue key", QUEUE_KEYS),
    Row("sqs.SendMessage", "kms:GenerateDataKey", "queue key", QUEUE_KEYS),
    Row("sqs.SendMessageBatch", "sqs:SendMessage", "queue", BATCHES),
    Row("sqs.SendMessageBatch", "kms:Decrypt", "queue key", QUEUE_KEYS),
    Row("sqs.SendMessageBatch", "kms:GenerateDataKey", "queue key", QUEUE_KEYS),
    Row("sqs.DeleteMessageBatch", "sqs:DeleteMessage", "queue", DELETING),
    Row("sqs.ChangeMessageVisibility", "sqs:ChangeMessageVisibility", "queue", CHANGE_VISIBILITY),
    Row("sqs.ChangeMessageVisibilityBatch", "sqs:ChangeMessageVisibility", "queue", BATCHES),
    # Other functions, and the replication log
    Row(
        "lambda.GetFunctionConfiguration", "lambda:GetFunctionConfiguration", "function",
        LAMBDA_ACTIONS,
    ),
    Row("lambda.Invoke", "lambda:InvokeFunction", "function", INVOKING),
    Row("dynamodb.PutItem", "dynamodb:PutItem", "table", DYNAMODB_ACTIONS),
    # What Lambda does with the function's role
    Row("lambda.PollQueue", "sqs:ReceiveMessage", "work queue", POLLING),
    Row("lambda.PollQueue", "sqs:DeleteMessage", "work queue", POLLING),
    Row("lambda.PollQueue", "sqs:GetQueueAttributes", "work queue", POLLING),
    Row("lambda.PollQueue", "kms:Decrypt", "queue key", POLLING_WITH_A_KEY),
    Row("lambda.OnFailure", "sqs:SendMessage", "work queue", ON_FAILURE),
    Row("lambda.OnFailure", "kms:Decrypt", "queue key", QUEUE_KEYS),
    Row("lambda.OnFailure", "kms:GenerateDataKey", "queue key", QUEUE_KEYS),
    Row("lambda.Log", "logs:CreateLogStream", "log stream", LOGGING),
    Row("lambda.Log", "logs:PutLogEvents", "log stream", LOGGING),
)  # fmt: skip


def needs(call: Call, world: World) -> Iterator[Need]:
    """The permissions a call takes.

    Raises:
        LookupError: the table has no row for it.
    """
    rows = [row for row in ROWS if row.operation == call.operation]
    if not rows:
        raise LookupError(f"no row says what {call.operation} takes: add one, with its source")
    for row in rows:
        if all(CONDITIONS[condition](call, world) for condition in row.when.split(", ")):
            for resource in RESOURCES[row.on](call, world):
                yield Need(row.action, resource, row.page)
