"""What the role that applies the module may do, by docs/applying.md."""

import re

from local_aws.server import REPOSITORY
from permissions.evaluate import Policy, as_list, statements

ACCOUNT = "111122223333"
"""The account that the page has."""


def documented(account: str = ACCOUNT) -> Policy:
    """The statements of the page, for an account. Their actions are lists."""
    page = (REPOSITORY / "docs/applying.md").read_text()
    block = re.search(r"```json\n(.*?)```", page, re.S)
    assert block
    return [
        {**statement, "Action": as_list(statement["Action"])}
        for statement in statements(block[1].replace(ACCOUNT, account))
    ]
