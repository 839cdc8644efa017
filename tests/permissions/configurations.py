"""The configurations whose permissions are tested, each by one of its destinations.

A new attribute or input that changes what a function may do gets a configuration here; calls it makes
that no feature of ``recording`` makes get a feature there, and new calls get rows in ``calls``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

ACCOUNT = "111122223333"
OTHER_ACCOUNT = "444455556666"
REGION = "eu-central-1"
SOURCE_BUCKET = "source-bucket"
DESTINATION_BUCKET = "destination-bucket"
DESTINATION = "it"

SOURCE_KEYS = [
    f"arn:aws:kms:{REGION}:{ACCOUNT}:key/11111111-89ab-cdef-0123-456789abcdef",
    f"arn:aws:kms:{REGION}:{ACCOUNT}:key/mrk-22222222222222222222222222222222",
]
DESTINATION_KEY = f"arn:aws:kms:us-west-2:{OTHER_ACCOUNT}:key/33333333-89ab-cdef-0123-456789abcdef"
MODULE_KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/44444444-89ab-cdef-0123-456789abcdef"


@dataclass(frozen=True)
class Configuration:
    """One call of the module.

    Attributes:
        destination: attributes of its destination, beyond the bucket.
        inputs: the module's other inputs.
        others: its other destinations.
    """

    name: str
    destination: Mapping[str, Any] = field(default_factory=dict)
    inputs: Mapping[str, Any] = field(default_factory=dict)
    others: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def variables(self) -> dict[str, Any]:
        """The module's inputs."""
        bucket = {"bucket": DESTINATION_BUCKET}
        return {
            "source_bucket": SOURCE_BUCKET,
            "destinations": {DESTINATION: bucket | dict(self.destination), **self.others},
            **self.inputs,
        }

    @property
    def prefixes(self) -> list[str]:
        """What the keys it takes start with."""
        return self.destination.get("prefixes") or [""]

    @property
    def suffix(self) -> str:
        """What a key it takes may end with."""
        suffixes = self.destination.get("suffixes") or [""]
        return str(suffixes[0])

    def image(self, start: str) -> str:
        """What the start of a key becomes at the destination."""
        rest = start.removeprefix(self.destination.get("strip_prefix", ""))
        return str(self.destination.get("key_prefix", "")) + rest


CROSS_ACCOUNT = {"account_id": OTHER_ACCOUNT, "region": "us-west-2"}

CONFIGURATIONS = [
    Configuration("plain"),
    Configuration("deletes", {"replicate_deletes": True}),
    Configuration("tagless", {"replicate_tags": False}),
    Configuration("tagless_deletes", {"replicate_tags": False, "replicate_deletes": True}),
    Configuration("source_class", {"storage_class": "SOURCE"}),
    Configuration("source_keys", inputs={"source_kms_key_arns": SOURCE_KEYS}),
    Configuration("destination_key", {"kms_key_arn": DESTINATION_KEY}),
    Configuration("acl", {"acl": "bucket-owner-full-control"}),
    Configuration("cross_account", CROSS_ACCOUNT),
    Configuration("wildcards", {"prefixes": ["b?c$d/", "${e}f"], "key_prefix": "to*?$/"}),
    Configuration("beyond_ascii", {"prefixes": ["größe/"]}),
    Configuration(
        "rewritten",
        {"prefixes": ["raw/2024/", "raw/2025/"], "strip_prefix": "raw/", "key_prefix": "archive/"},
    ),
    Configuration("filtered", {"exclude_prefixes": ["private/"], "suffixes": [".jpg"]}),
    Configuration("direct", {"delivery": "direct"}),
    Configuration("module_key", inputs={"kms_key_arn": MODULE_KEY}),
    Configuration("replication_log", inputs={"replication_log": {"enabled": True}}),
    Configuration(
        "in_the_source_bucket",
        {"bucket": SOURCE_BUCKET, "prefixes": ["raw/"], "strip_prefix": "raw/", "key_prefix": "c/"},
    ),
    Configuration(
        "everything",
        {
            **CROSS_ACCOUNT,
            "acl": "bucket-owner-full-control",
            "delivery": "direct",
            "key_prefix": "from/",
            "kms_key_arn": DESTINATION_KEY,
            "prefixes": ["raw/"],
            "replicate_deletes": True,
            "storage_class": "STANDARD_IA",
        },
        {
            "kms_key_arn": MODULE_KEY,
            "reconcile": {"delete_extra": True},
            "replication_log": {"enabled": True},
            "source_kms_key_arns": SOURCE_KEYS,
        },
        {"other": {"bucket": "other-bucket"}},
    ),
]

EXTREME = Configuration(
    "extreme",
    {
        **CROSS_ACCOUNT,
        "bucket": "d" * 63,
        "kms_key_arn": DESTINATION_KEY,
        "acl": "bucket-owner-full-control",
        "delivery": "direct",
        "prefixes": [f"prefix-{n}/" for n in range(30)],
        "suffixes": [".jpg", ".txt"],
        "storage_class": "GLACIER_IR",
        "replicate_deletes": True,
        "maximum_concurrency": 1000,
        "paused": True,
    },
    {
        "source_bucket": "s" * 63,
        "name": "n" * 64,
        "kms_key_arn": MODULE_KEY,
        "source_kms_key_arns": SOURCE_KEYS,
        "function": {
            "runtime": "python3.11",
            "architecture": "x86_64",
            "memory_mb": 10240,
            "timeout_seconds": 900,
            "log_level": "DEBUG",
            "log_retention_days": 3653,
        },
        "reconcile": {"schedule": "cron(0 3 * * ? *)", "delete_extra": True, "delete_limit": 10**9},
        "alarms": {
            "actions": [f"arn:aws:sns:{REGION}:{ACCOUNT}:on-call-{n}" for n in range(5)],
            "replication_delay_minutes": 10080,
            "deletes_per_minute": 0,
        },
        "dashboard": True,
        "replication_log": {"enabled": True, "retention_days": 3650},
        "permissions_boundary_arn": f"arn:aws:iam::{ACCOUNT}:policy/boundary",
        "tags": {f"tag-{n}": "v" * 256 for n in range(40)},
    },
    {"o" * 20: {"bucket": "o" * 63, "maximum_concurrency": 2}},
)
"""As long, as much and as large as the inputs let through. Its functions are not run."""
