"""What tests of the functions stand on, whatever machine they run on and whenever."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace

import pytest

from .events import EVENT_SECONDS

CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_SESSION_TOKEN": "testing",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
}


@contextmanager
def surroundings() -> Iterator[None]:
    """No configuration, credentials, endpoint or proxy of the machine's; a clock that stands still."""
    with pytest.MonkeyPatch.context() as patch:
        for name in os.environ:
            if name.startswith("AWS_") or name.lower().endswith("_proxy"):
                patch.delenv(name)
        for name, value in CREDENTIALS.items():
            patch.setenv(name, value)
        # Clients live longer than a test: they wait for nothing, and no retry is one less for the next.
        patch.setattr("fanout.common.s3_client.sleep", lambda _: None)
        patch.setattr("botocore.endpoint.time", SimpleNamespace(sleep=lambda _: None))
        patch.setattr("botocore.retries.quota.RetryQuota.acquire", lambda *_: True)
        for module in ("report", "work_queue"):
            clock = SimpleNamespace(time=lambda: EVENT_SECONDS)
            patch.setattr(f"fanout.replicate.{module}.time", clock)
        yield
