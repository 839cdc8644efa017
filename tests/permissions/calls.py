"""Which rights a call takes: one row for each, with the page of AWS's documentation that says so.

A call is an operation with its parameters, as botocore's clients make it, or something that Lambda
does with the function's role. To record a new call, add its rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
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
        destination_key: ARN of the KMS key that replicas are encrypted with, or None.
        queue_key: ARN of the KMS key that the queues are encrypted with, or None.
        reads_tags: whether the number of tags in a HEAD answer is of use.
    """

    partition: str
    region: str
    account_id: str
    source_bucket: str
    function_name: str
    queue_name: str
    source_keys: tuple[str, ...] = ()
    destination_key: str | None = None
    queue_key: str | None = None
    reads_tags: bool = True

    def arn(self, service: str, name: str) -> str:
        """The ARN of something next to the function."""
        return f"arn:{self.partition}:{service}:{self.region}:{self.account_id}:{name}"


@dataclass(frozen=True)
class Need:
    """A right that a call takes, and the page that says so."""

    action: str
    resource: str
    page: str = field(compare=False, default="")


Resources = Callable[[Call, World], list[str]]
Condition = Callable[[Call, World], bool]


def _bucket(call: Call, world: World) -> list[str]:
    return [f"arn:{world.partition}:s3:::{call.parameters['Bucket']}"]


def _object(call: Call, world: World) -> list[str]:
    return [f"{_bucket(call, world)[0]}/{call.parameters['Key']}"]


def _source_bucket(call: Call, world: World) -> list[str]:
    return [f"arn:{world.partition}:s3:::{call.parameters['CopySource']['Bucket']}"]


def _source_object(call: Call, world: World) -> list[str]:
    return [f"{_source_bucket(call, world)[0]}/{call.parameters['CopySource']['Key']}"]


def _source_keys(_: Call, world: World) -> list[str]:
    return list(world.source_keys)


def _destination_key(_: Call, world: World) -> list[str]:
    return [] if world.destination_key is None else [world.destination_key]


def _keys_of_bucket(call: Call, world: World) -> list[str]:
    if call.parameters["Bucket"] == world.source_bucket:
        return _source_keys(call, world)
    return _destination_key(call, world)


def _queue(call: Call, world: World) -> list[str]:
    return [world.arn("sqs", call.parameters["QueueUrl"].rsplit("/", 1)[-1])]


def _work_queue(_: Call, world: World) -> list[str]:
    return [world.arn("sqs", world.queue_name)]


def _queue_key(_: Call, world: World) -> list[str]:
    return [] if world.queue_key is None else [world.queue_key]


def _function(call: Call, world: World) -> list[str]:
    return [world.arn("lambda", f"function:{call.parameters['FunctionName']}")]


def _table(call: Call, world: World) -> list[str]:
    return [world.arn("dynamodb", f"table/{call.parameters['TableName']}")]


def _log_group(_: Call, world: World) -> list[str]:
    stream = "log-stream:2026/01/02/[$LATEST]0123"
    return [world.arn("logs", f"log-group:/aws/lambda/{world.function_name}:{stream}")]


def _always(_call: Call, _world: World) -> bool:
    return True


def _of_version(call: Call, _: World) -> bool:
    return "VersionId" in call.parameters.get("CopySource", call.parameters)


def _of_current(call: Call, world: World) -> bool:
    return not _of_version(call, world)


def _copies_tags(call: Call, _: World) -> bool:
    return str(call.parameters.get("TaggingDirective", "COPY")) == "COPY"


def _copies_annotations(call: Call, _: World) -> bool:
    return str(call.parameters.get("AnnotationDirective", "COPY")) == "COPY"


def _has(parameter: str) -> Condition:
    return lambda call, _: parameter in call.parameters


def _reads_tags(_: Call, world: World) -> bool:
    return world.reads_tags


def _both(one: Condition, other: Condition) -> Condition:
    return lambda call, world: one(call, world) and other(call, world)


@dataclass(frozen=True)
class Row:
    """One right that an operation takes."""

    operation: str
    action: str
    on: Resources
    page: str
    when: Condition = _always


_CHECKSUM = _has("ChecksumMode")
_SHOWN_TAGS = _both(_of_current, _reads_tags)
_SHOWN_VERSION_TAGS = _both(_of_version, _reads_tags)
_TAGS = _both(_of_current, _copies_tags)
_VERSION_TAGS = _both(_of_version, _copies_tags)
_ANNOTATIONS = _both(_of_current, _copies_annotations)
_VERSION_ANNOTATIONS = _both(_of_version, _copies_annotations)

ROWS = (
    # Looking
    Row("s3.HeadObject", "s3:GetObject", _object, HEAD, _of_current),
    Row("s3.HeadObject", "s3:GetObjectVersion", _object, PERMISSIONS, _of_version),
    Row("s3.HeadObject", "s3:ListBucket", _bucket, ABSENT),
    # x-amz-tagging-count is there "when you have the relevant permission to read object tags"
    Row("s3.HeadObject", "s3:GetObjectTagging", _object, HEAD, _SHOWN_TAGS),
    Row("s3.HeadObject", "s3:GetObjectVersionTagging", _object, HEAD, _SHOWN_VERSION_TAGS),
    Row("s3.HeadObject", "kms:Decrypt", _keys_of_bucket, HEAD, _CHECKSUM),  # of ChecksumMode
    Row("s3.GetObject", "s3:GetObject", _object, S3_API + "API_GetObject.html", _of_current),
    Row("s3.GetObject", "s3:GetObjectVersion", _object, S3_API + "API_GetObject.html", _of_version),
    Row("s3.GetObject", "s3:ListBucket", _bucket, S3_API + "API_GetObject.html"),
    Row("s3.GetObject", "kms:Decrypt", _keys_of_bucket, S3_API + "API_GetObject.html"),
    Row("s3.HeadBucket", "s3:ListBucket", _bucket, S3_API + "API_HeadBucket.html"),
    Row("s3.GetObjectTagging", "s3:GetObjectTagging", _object, PERMISSIONS, _of_current),
    Row("s3.GetObjectTagging", "s3:GetObjectVersionTagging", _object, PERMISSIONS, _of_version),
    Row("s3.ListObjectVersions", "s3:ListBucketVersions", _bucket, PERMISSIONS),
    Row("s3.ListObjectsV2", "s3:ListBucket", _bucket, S3_API + "API_ListObjectsV2.html"),
    # Writing
    Row("s3.CopyObject", "s3:GetObject", _source_object, COPY, _of_current),
    Row("s3.CopyObject", "s3:GetObjectVersion", _source_object, PERMISSIONS, _of_version),
    Row("s3.CopyObject", "s3:ListBucket", _source_bucket, ABSENT),
    Row("s3.CopyObject", "s3:GetObjectTagging", _source_object, PERMISSIONS, _TAGS),
    Row("s3.CopyObject", "s3:GetObjectVersionTagging", _source_object, PERMISSIONS, _VERSION_TAGS),
    Row("s3.CopyObject", "s3:GetObjectAnnotation", _source_object, COPY, _ANNOTATIONS),
    Row("s3.CopyObject", "s3:GetObjectVersionAnnotation", _source_object, COPY, _VERSION_ANNOTATIONS),
    Row("s3.CopyObject", "s3:PutObject", _object, COPY),
    Row("s3.CopyObject", "s3:PutObjectTagging", _object, PERMISSIONS, _copies_tags),
    Row("s3.CopyObject", "s3:PutObjectAnnotation", _object, COPY, _copies_annotations),
    Row("s3.CopyObject", "s3:PutObjectAcl", _object, PERMISSIONS, _has("ACL")),
    Row("s3.CopyObject", "kms:Decrypt", _source_keys, PERMISSIONS),
    Row("s3.CopyObject", "kms:GenerateDataKey", _destination_key, PERMISSIONS),
    Row("s3.PutObjectTagging", "s3:PutObjectTagging", _object, PERMISSIONS),
    Row("s3.DeleteObject", "s3:DeleteObject", _object, S3_API + "API_DeleteObject.html"),
    # Large objects
    Row("s3.CreateMultipartUpload", "s3:PutObject", _object, MULTIPART),
    Row("s3.CreateMultipartUpload", "s3:PutObjectTagging", _object, PERMISSIONS, _has("Tagging")),
    Row("s3.CreateMultipartUpload", "s3:PutObjectAcl", _object, PERMISSIONS, _has("ACL")),
    Row("s3.CreateMultipartUpload", "kms:GenerateDataKey", _destination_key, MULTIPART),
    Row("s3.UploadPartCopy", "s3:GetObject", _source_object, MULTIPART, _of_current),
    Row("s3.UploadPartCopy", "s3:GetObjectVersion", _source_object, MULTIPART, _of_version),
    Row("s3.UploadPartCopy", "s3:ListBucket", _source_bucket, ABSENT),
    Row("s3.UploadPartCopy", "s3:PutObject", _object, MULTIPART),
    Row("s3.UploadPartCopy", "kms:Decrypt", _source_keys, MULTIPART),
    Row("s3.UploadPartCopy", "kms:Decrypt", _destination_key, MULTIPART),
    Row("s3.CompleteMultipartUpload", "s3:PutObject", _object, MULTIPART),
    Row("s3.CompleteMultipartUpload", "kms:Decrypt", _destination_key, MULTIPART),
    Row("s3.AbortMultipartUpload", "s3:AbortMultipartUpload", _object, MULTIPART),
    Row("s3.ListParts", "s3:ListMultipartUploadParts", _object, MULTIPART),
    Row("s3.ListParts", "kms:Decrypt", _destination_key, S3_API + "API_ListParts.html"),
    Row("s3.ListMultipartUploads", "s3:ListBucketMultipartUploads", _bucket, MULTIPART),
    # Queues
    Row("sqs.SendMessage", "sqs:SendMessage", _queue, SQS_API + "API_SendMessage.html"),
    Row("sqs.SendMessage", "kms:Decrypt", _queue_key, QUEUE_KEYS),
    Row("sqs.SendMessage", "kms:GenerateDataKey", _queue_key, QUEUE_KEYS),
    Row("sqs.SendMessageBatch", "sqs:SendMessage", _queue, BATCHES),
    Row("sqs.SendMessageBatch", "kms:Decrypt", _queue_key, QUEUE_KEYS),
    Row("sqs.SendMessageBatch", "kms:GenerateDataKey", _queue_key, QUEUE_KEYS),
    Row("sqs.DeleteMessageBatch", "sqs:DeleteMessage", _queue, DELETING),
    Row("sqs.ChangeMessageVisibility", "sqs:ChangeMessageVisibility", _queue, CHANGE_VISIBILITY),
    # Other functions, and the replication log
    Row("lambda.GetFunctionConfiguration", "lambda:GetFunctionConfiguration", _function, LAMBDA_ACTIONS),
    Row("lambda.Invoke", "lambda:InvokeFunction", _function, INVOKING),
    Row("dynamodb.PutItem", "dynamodb:PutItem", _table, DYNAMODB_ACTIONS),
    # What Lambda does with the function's role
    Row("lambda.PollQueue", "sqs:ReceiveMessage", _work_queue, POLLING),
    Row("lambda.PollQueue", "sqs:DeleteMessage", _work_queue, POLLING),
    Row("lambda.PollQueue", "sqs:GetQueueAttributes", _work_queue, POLLING),
    Row("lambda.PollQueue", "kms:Decrypt", _queue_key, POLLING_WITH_A_KEY),
    Row("lambda.OnFailure", "sqs:SendMessage", _work_queue, ON_FAILURE),
    Row("lambda.OnFailure", "kms:Decrypt", _queue_key, QUEUE_KEYS),
    Row("lambda.OnFailure", "kms:GenerateDataKey", _queue_key, QUEUE_KEYS),
    Row("lambda.Log", "logs:CreateLogStream", _log_group, LOGGING),
    Row("lambda.Log", "logs:PutLogEvents", _log_group, LOGGING),
)  # fmt: skip

ACTIONS = frozenset(row.action for row in ROWS)


def needs(call: Call, world: World) -> Iterator[Need]:
    """The rights a call takes.

    Raises:
        LookupError: the table has no row for it.
    """
    rows = [row for row in ROWS if row.operation == call.operation]
    if not rows:
        raise LookupError(f"no row says what {call.operation} takes: add one, with its source")
    for row in rows:
        if row.when(call, world):
            for resource in row.on(call, world):
                yield Need(row.action, resource, row.page)
