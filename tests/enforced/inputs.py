"""What the module is applied with, and every input that can change in place, changed."""

from __future__ import annotations

from typing import Any

from enforced.world import ABROAD, OTHER_ACCOUNT, SOURCE
from local_aws.server import DEFAULT_ACCOUNT, DEFAULT_REGION

Inputs = dict[str, Any]

REPLACED = {"source_bucket", "name", "event_source", "topic_arn", "destinations.delivery"}
"""Inputs of which a change makes other resources."""

FEW_LARGE = {"exclude_prefixes": ["large/"]}
"""One destination has the large object: the emulator takes long for it, and answers nobody meanwhile."""


def first(keys: dict[str, str]) -> Inputs:
    """Two delivery modes, two regions, two accounts; deletes, tags off, KMS."""
    return {
        "source_bucket": SOURCE,
        "destinations": {
            "plain": {"bucket": "photos-copy"},
            "mirror": {
                **FEW_LARGE,
                "bucket": "photos-mirror",
                "replicate_deletes": True,
                "replicate_tags": False,
            },
            "abroad": {
                **FEW_LARGE,
                "bucket": "photos-us",
                "region": ABROAD,
                "account_id": OTHER_ACCOUNT,
                "kms_key_arn": keys["abroad"],
                "acl": "bucket-owner-full-control",
            },
            "direct": {**FEW_LARGE, "bucket": "photos-direct", "delivery": "direct"},
        },
        "replication_log": {"enabled": True},
        "alarms": {"enabled": False},
    }


def changed(keys: dict[str, str]) -> Inputs:
    """Everything else."""
    before = first(keys)
    plain = {
        "bucket": "photos-us",
        "region": ABROAD,
        "account_id": OTHER_ACCOUNT,
        "prefixes": ["a/", "b/"],
        "exclude_prefixes": ["a/b/"],
        "suffixes": [".txt"],
        "strip_prefix": "",
        "key_prefix": "plain/",
        "storage_class": "STANDARD_IA",
        "kms_key_arn": keys["abroad"],
        "acl": "bucket-owner-full-control",
        "replicate_deletes": True,
        "replicate_tags": False,
        "maximum_concurrency": 7,
        "paused": True,
    }
    stripped = {"bucket": "photos-mirror", "prefixes": ["c/"], "strip_prefix": "c/"}
    return {
        "source_bucket": SOURCE,
        "destinations": {
            "plain": plain,
            "mirror": stripped,
            "abroad": {"bucket": "photos-copy", "key_prefix": "home/"},
            "direct": before["destinations"]["direct"] | {"paused": True},
        },
        "kms_key_arn": keys["queues"],
        "source_kms_key_arns": [keys["queues"]],
        "function": {
            "runtime": "python3.12",
            "architecture": "x86_64",
            "memory_mb": 1024,
            "timeout_seconds": 300,
            "log_level": "DEBUG",
            "log_retention_days": 0,
        },
        "reconcile": {"schedule": "rate(1 day)", "delete_extra": True, "delete_limit": 5},
        "alarms": {
            "actions": [f"arn:aws:sns:{DEFAULT_REGION}:{DEFAULT_ACCOUNT}:on-call"],
            "replication_delay_minutes": 30,
            "deletes_per_minute": 5,
        },
        "dashboard": True,
        "replication_log": {"enabled": True, "retention_days": 7},
        "permissions_boundary_arn": f"arn:aws:iam::{DEFAULT_ACCOUNT}:policy/boundary",
        "tags": {"owner": "tests"},
    }
