"""The applied stack, and what the tests do with it."""

import hashlib
import shutil
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import tftest

from local_aws import terraform
from local_aws.server import REPOSITORY, LocalAws

REGION = "eu-central-1"
PATIENCE_SECONDS = 60.0

T = TypeVar("T")


def checkout(folder: Path) -> Path:
    """Copy the module as a user gets it, with examples and the tests' stack, to another folder."""
    for pattern in ("*.tf", "lambda/function.zip", "examples/**/*", "tests/integration/stack/*.tf"):
        for file in REPOSITORY.glob(pattern):
            if file.is_file() and ".terraform" not in file.parts and "tfstate" not in file.name:
                target = folder / file.relative_to(REPOSITORY)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(file, target)
    return folder


def terraform_in(folder: Path, aws: LocalAws) -> tftest.TerraformTest:
    """Terraform, initialised, in a root module of a checkout."""
    environ = terraform.environment(aws)
    terraform.init(folder, environ)
    return tftest.TerraformTest(str(folder), binary="tflocal", env=environ)


def planned_changes(plan: tftest.TerraformPlanOutput) -> dict[str, list[str]]:
    """The actions a plan would take, by resource address."""
    return {
        address: change["change"]["actions"]
        for address, change in plan.resource_changes.items()
        if change["change"]["actions"] not in (["no-op"], ["read"])
    }


def eventually(what: str, look: Callable[[], T | None], within: float = PATIENCE_SECONDS) -> T:
    """Look until there is something to see.

    Args:
        what: said when it never comes.
        look: returns None (or another false value) as long as it is not there.
        within: seconds.

    Raises:
        AssertionError: it did not come in time.
    """
    deadline = time.monotonic() + within
    while True:
        seen = look()
        if seen:
            return seen
        assert time.monotonic() < deadline, f"not within {within:.0f} s: {what}"
        time.sleep(0.02)


@dataclass(frozen=True)
class Content:
    """Everything about an object that a replica must have too."""

    size: int
    sha256: str
    headers: tuple[tuple[str, str], ...]
    metadata: tuple[tuple[str, str], ...]
    tags: tuple[tuple[str, str], ...]


HEADERS = (
    "CacheControl",
    "ContentDisposition",
    "ContentEncoding",
    "ContentLanguage",
    "ContentType",
    "WebsiteRedirectLocation",
)


@dataclass(frozen=True)
class Destination:
    """One destination of the stack, with what the module made for it."""

    name: str
    settings: dict[str, Any]
    function_name: str
    queue_url: str
    dead_letter_queue_url: str
    log_group_name: str

    @property
    def bucket(self) -> str:
        """The bucket's name."""
        return str(self.settings["bucket"])

    @property
    def region(self) -> str:
        """The bucket's region."""
        return self.settings.get("region") or REGION

    def key_for(self, key: str) -> str | None:
        """Where a source object is expected, or None where it is not wanted."""
        prefixes = self.settings.get("prefixes") or [""]
        if not any(key.startswith(prefix) for prefix in prefixes):
            return None
        rest = key.removeprefix(self.settings.get("strip_prefix") or "")
        return (self.settings.get("key_prefix") or "") + rest if rest else None


@dataclass
class Stack:
    """What the tests share: an applied `stack/`."""

    aws: LocalAws
    tf: tftest.TerraformTest
    folder: Path
    source_bucket: str
    topic_arn: str
    destinations: dict[str, Destination]
    s3: Any = field(init=False)
    sqs: Any = field(init=False)
    functions: Any = field(init=False)

    def __post_init__(self) -> None:
        self.s3 = self.aws.client("s3", region=REGION)
        self.sqs = self.aws.client("sqs", region=REGION)
        self.functions = self.aws.client("lambda", region=REGION)

    @classmethod
    def apply(cls, folder: Path, aws: LocalAws) -> "Stack":
        """Apply the stack in a checkout."""
        tf = terraform_in(folder / "tests/integration/stack", aws)
        tf.apply()
        outputs = tf.output()
        return cls(
            aws=aws,
            tf=tf,
            folder=folder,
            source_bucket=outputs["source_bucket"],
            topic_arn=outputs["topic_arn"],
            destinations={
                name: Destination(
                    name=name,
                    settings=made["settings"],
                    function_name=made["function_name"],
                    queue_url=made["queue_url"],
                    dead_letter_queue_url=made["dead_letter_queue_url"],
                    log_group_name=made["log_group_name"],
                )
                for name, made in outputs["destinations"].items()
            },
        )

    def put(self, key: str, body: bytes = b"", **arguments: Any) -> None:
        """Put an object into the source bucket."""
        self.s3.put_object(Bucket=self.source_bucket, Key=key, Body=body, **arguments)

    def content(self, bucket: str, key: str, region: str = REGION) -> Content | None:
        """Read an object whole, or None when there is none."""
        s3 = self.aws.client("s3", region=region)
        try:
            got = s3.get_object(Bucket=bucket, Key=key)
        except (s3.exceptions.NoSuchKey, s3.exceptions.NoSuchBucket):
            return None
        body = got["Body"].read()
        tags = s3.get_object_tagging(Bucket=bucket, Key=key)["TagSet"]
        return Content(
            size=len(body),
            sha256=hashlib.sha256(body).hexdigest(),
            headers=tuple((name, got[name]) for name in HEADERS if name in got),
            metadata=tuple(sorted(got["Metadata"].items())),
            tags=tuple(sorted((tag["Key"], tag["Value"]) for tag in tags)),
        )

    def at_source(self, key: str) -> Content | None:
        """The source object."""
        return self.content(self.source_bucket, key)

    def at_destination(self, destination: Destination, key: str) -> Content | None:
        """The replica of a source key."""
        there = destination.key_for(key)
        assert there is not None, f"{key!r} is not wanted at {destination.name}"
        return self.content(destination.bucket, there, destination.region)

    def keys(self, bucket: str, region: str = REGION) -> set[str]:
        """All keys of a bucket."""
        pages = self.aws.client("s3", region=region).get_paginator("list_objects_v2")
        return {
            item["Key"]
            for page in pages.paginate(Bucket=bucket)
            for item in page.get("Contents", ())
        }

    def wait_until_equal(self, keys: Iterable[str], within: float = PATIENCE_SECONDS) -> None:
        """Wait until every destination that wants a key holds what the source holds."""

        def equal(destination: Destination, key: str) -> bool:
            return self.at_destination(destination, key) == self.at_source(key)

        pairs = [
            (destination, key)
            for destination in self.destinations.values()
            for key in keys
            if destination.key_for(key) is not None
        ]
        with ThreadPoolExecutor(8) as pool:
            list(
                pool.map(
                    lambda pair: eventually(
                        f"{pair[1]!r} equal at {pair[0].name}", lambda: equal(*pair), within
                    ),
                    pairs,
                )
            )

    def messages(self, destination: Destination) -> int:
        """How many messages the work queue holds, in flight ones included."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        attributes = self.sqs.get_queue_attributes(
            QueueUrl=destination.queue_url, AttributeNames=names
        )["Attributes"]
        return sum(int(attributes[name]) for name in names)

    def wait_until_quiet(self) -> None:
        """Wait until no work queue holds anything."""
        for destination in self.destinations.values():
            eventually(
                f"the queue of {destination.name} empty",
                lambda d=destination: self.messages(d) == 0,  # type: ignore[misc]
            )
