"""The table of the replication log, as far as the function needs it."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError


class Table:
    """Called like DynamoDB's client.

    Attributes:
        items: by key and destination.
        error: what a call raises.
    """

    def __init__(self, error: Exception | None = None) -> None:
        self.items: dict[tuple[str, str], dict[str, str]] = {}
        self.error = error

    def put_item(self, **given: Any) -> None:
        """PutItem, with the one condition that is known here."""
        if self.error:
            raise self.error
        assert given["TableName"] == "log"
        assert given["ConditionExpression"] == "attribute_not_exists(as_of) OR as_of <= :as_of"
        item = {name: next(iter(value.values())) for name, value in given["Item"].items()}
        key = item["key"], item["destination"]
        as_of = given["ExpressionAttributeValues"][":as_of"]["S"]
        if key in self.items and self.items[key]["as_of"] > as_of:
            raise ClientError({"Error": {"Code": "ConditionalCheckFailedException"}}, "PutItem")
        self.items[key] = item

    @property
    def item(self) -> dict[str, str]:
        """The only item."""
        [found] = self.items.values()
        return found
