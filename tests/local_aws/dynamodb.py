"""DynamoDB for the local AWS, from moto: LocalStack's own is a Java program it would download."""

from localstack.aws.api.dynamodb import DynamodbApi
from localstack.services.moto import MotoFallbackDispatcher
from localstack.services.plugins import Service, aws_provider


class MotoDynamoDb(DynamodbApi):
    """Implements nothing itself, so that every call goes to moto."""


@aws_provider(api="dynamodb", name="moto")  # type: ignore[untyped-decorator]
def provider() -> Service:
    """What LocalStack loads when PROVIDER_OVERRIDE_DYNAMODB is ``moto``."""
    return Service.for_provider(MotoDynamoDb(), dispatch_table_factory=MotoFallbackDispatcher)
