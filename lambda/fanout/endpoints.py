"""Makes botocore work out where requests go once for a bucket, not once for every key."""

from __future__ import annotations

import json

from botocore.session import Session

PARAMETERS = ("Key", "Prefix", "CopySource")
"""What S3's endpoint rules are given of a request besides its bucket, and do not use."""


def ignore_keys_in_endpoints(session: Session) -> None:
    """Take the parameters that differ from key to key out of S3's endpoint rules, if no rule uses them.

    botocore keeps the endpoints it has worked out by all the parameters that the rules have. Without
    this it works out most of them anew: half of the processor time that a small object takes.

    Args:
        session: makes clients after this.
    """
    # The loader keeps what it has loaded, so that the clients get this very object.
    rules = session.get_component("data_loader").load_service_model(
        "s3", "endpoint-rule-set-1", api_version=None
    )
    used = json.dumps(rules["rules"])
    for name in PARAMETERS:
        if f'"{name}"' not in used and f"{{{name}" not in used:
            rules["parameters"].pop(name, None)
