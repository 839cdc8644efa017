"""What a copy is asked for, attribute by attribute."""

from __future__ import annotations

from typing import Any

import pytest
from fanout.replicate.object_state import ObjectState
from fanout.replicate.parameters import copy_parameters
from fanout.replicate.protocol import Copy

from .builders import (
    DESTINATION_ACCOUNT,
    DESTINATION_BUCKET,
    ETAG,
    SOURCE_ACCOUNT,
    SOURCE_BUCKET,
    destination,
    source,
    state,
)

CHECKED = {"crc64nvme": "c64"}
KEY = "arn:aws:kms:us-west-2:222222222222:key/k"


def asked(
    seen: ObjectState | None = None, *, version_id: str | None = None, **changed: Any
) -> dict[str, Any]:
    """The parameters of a copy; ``changed`` are attributes of the destination."""
    action = Copy(f'"{ETAG}"', seen, version_id)
    return dict(copy_parameters(action, source(), "from/key", destination(**changed), "to/key"))


PLAIN = {
    "Bucket": DESTINATION_BUCKET,
    "Key": "to/key",
    "ExpectedBucketOwner": DESTINATION_ACCOUNT,
    "CopySource": {"Bucket": SOURCE_BUCKET, "Key": "from/key"},
    "CopySourceIfMatch": f'"{ETAG}"',
    "ExpectedSourceBucketOwner": SOURCE_ACCOUNT,
}


@pytest.mark.parametrize("seen", [None, state(checksums=CHECKED)], ids=["blind", "seen"])
def test_of_a_plain_object_nothing_is_asked_but_to_copy_it(seen: ObjectState | None) -> None:
    assert asked(seen) == PLAIN


@pytest.mark.parametrize("seen", [None, state(checksums=CHECKED)], ids=["blind", "seen"])
@pytest.mark.parametrize(
    ("changed", "more"),
    [
        ({"storage_class": "GLACIER_IR"}, {"StorageClass": "GLACIER_IR"}),
        ({"replicate_tags": False}, {"TaggingDirective": "REPLACE"}),
        ({"acl": "bucket-owner-full-control"}, {"ACL": "bucket-owner-full-control"}),
        (
            {"kms_key_arn": KEY},
            {
                "ServerSideEncryption": "aws:kms",
                "SSEKMSKeyId": KEY,
                "BucketKeyEnabled": True,
            },
        ),
        ({"replicate_deletes": True}, {}),
    ],
    ids=["class", "no tags", "ACL", "KMS", "deletes"],
)
def test_what_the_destination_asks_for_is_asked_for(
    seen: ObjectState | None, changed: dict[str, Any], more: dict[str, object]
) -> None:
    assert asked(seen, **changed) == PLAIN | more


@pytest.mark.parametrize("storage_class", ["STANDARD", "STANDARD_IA", "GLACIER_IR", "GLACIER"])
def test_the_class_of_the_source_is_asked_for_where_it_was_seen(storage_class: str) -> None:
    seen = state(storage_class=storage_class, checksums=CHECKED)

    assert asked(seen, storage_class="SOURCE") == PLAIN | {"StorageClass": storage_class}
    assert asked(seen) == PLAIN


def test_the_website_redirect_is_asked_for_because_a_copy_drops_it() -> None:
    seen = state(
        headers={"x-amz-website-redirect-location": "/there", "content-type": "a/b"},
        checksums=CHECKED,
    )

    assert asked(seen) == PLAIN | {"WebsiteRedirectLocation": "/there"}


def test_a_checksum_is_asked_for_where_the_source_is_known_to_have_none() -> None:
    assert asked(state(checksums={})) == PLAIN | {"ChecksumAlgorithm": "CRC64NVME"}
    assert asked(state(checksums={"sha256": "x"})) == PLAIN


@pytest.mark.parametrize("version", ["S1", "null"])
def test_a_copy_of_a_version_names_it(version: str) -> None:
    assert asked(state(checksums=CHECKED), version_id=version)["CopySource"] == {
        "Bucket": SOURCE_BUCKET,
        "Key": "from/key",
        "VersionId": version,
    }
