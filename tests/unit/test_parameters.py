"""What a copy is asked for, attribute by attribute."""

from __future__ import annotations

from typing import Any

import pytest
from fanout.replicate.actions import Copy
from fanout.replicate.object_state import ObjectState
from fanout.replicate.parameters import copy_parameters

from support.objects import ETAG
from support.settings import (
    DESTINATION_ACCOUNT,
    DESTINATION_BUCKET,
    SOURCE_ACCOUNT,
    SOURCE_BUCKET,
)
from support.values import destination, source, state

CHECKED = {"crc64nvme": "c64"}
REDIRECT = "x-amz-website-redirect-location"
KEY = "arn:aws:kms:us-west-2:222222222222:key/k"


def asked(
    seen: ObjectState | None = None, *, version_id: str | None = None, **changed: Any
) -> dict[str, Any]:
    """The parameters of a copy; ``changed`` are attributes of the destination."""
    action = Copy(f'"{ETAG}"', seen, version_id)
    return dict(copy_parameters(action, source(), "from/key", destination(**changed), "to/key"))


PLAIN: dict[str, Any] = {
    "Bucket": DESTINATION_BUCKET,
    "Key": "to/key",
    "ExpectedBucketOwner": DESTINATION_ACCOUNT,
    "CopySource": {"Bucket": SOURCE_BUCKET, "Key": "from/key"},
    "CopySourceIfMatch": f'"{ETAG}"',
    "ExpectedSourceBucketOwner": SOURCE_ACCOUNT,
}


@pytest.mark.parametrize("seen", [None, state(checksums=CHECKED)], ids=["blind", "observed"])
@pytest.mark.parametrize(
    ("changed", "more"),
    [
        ({}, {}),
        ({"storage_class": "GLACIER_IR"}, {"StorageClass": "GLACIER_IR"}),
        ({"replicate_tags": False}, {"TaggingDirective": "REPLACE"}),
        ({"acl": "bucket-owner-full-control"}, {"ACL": "bucket-owner-full-control"}),
        (
            {"kms_key_arn": KEY},
            {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": KEY, "BucketKeyEnabled": True},
        ),
        ({"replicate_deletes": True}, {}),
    ],
    ids=["nothing", "class", "no tags", "ACL", "KMS", "deletes"],
)
def test_what_the_destination_asks_for_is_asked_for(
    seen: ObjectState | None, changed: dict[str, Any], more: dict[str, object]
) -> None:
    assert asked(seen, **changed) == PLAIN | more


@pytest.mark.parametrize(
    ("seen", "changed", "more"),
    [
        *((state(storage_class=name, checksums=CHECKED), {"storage_class": "SOURCE"},
           {"StorageClass": name}) for name in ("STANDARD", "STANDARD_IA", "GLACIER_IR", "GLACIER")),
        (state(storage_class="GLACIER_IR", checksums=CHECKED), {}, {}),
        # A copy drops it.
        (
            state(headers={REDIRECT: "/there", "content-type": "a/b"}, checksums=CHECKED),
            {},
            {"WebsiteRedirectLocation": "/there"},
        ),
        (state(checksums={}), {}, {"ChecksumAlgorithm": "CRC64NVME"}),
        (state(checksums={"sha256": "x"}), {}, {}),
    ],
)  # fmt: skip
def test_what_was_observed_of_the_source_is_asked_for_if_a_copy_would_not_have_it(
    seen: ObjectState, changed: dict[str, Any], more: dict[str, object]
) -> None:
    assert asked(seen, **changed) == PLAIN | more


@pytest.mark.parametrize("version", ["S1", "null"])
def test_a_copy_of_a_version_names_it(version: str) -> None:
    copied = asked(state(checksums=CHECKED), version_id=version)["CopySource"]

    assert copied == PLAIN["CopySource"] | {"VersionId": version}
