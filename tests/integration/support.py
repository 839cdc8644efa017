"""The applied stack, and what the tests do with it."""

import dataclasses
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import pytest
import tftest

from integration.s3_proxy import Behaviour, s3_proxy
from local_aws import terraform
from local_aws.server import DEFAULT_ACCOUNT, REPOSITORY, LocalAws

REGION = "eu-central-1"
STACKS = "tests/integration/stacks"
THRESHOLD = 128 * 1024**2  # larger objects are copied in parts

# What S3 publishes when it is connected to a topic; it changes nothing.
TEST_EVENT = json.dumps({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "b"})

T = TypeVar("T")


def checkout(folder: Path) -> Path:
    """Copy the module as a user gets it, with examples and the tests' stack, to another folder."""
    for pattern in ("*.tf", "lambda/function.zip", "examples/**/*", f"{STACKS}/*/*.tf"):
        for file in REPOSITORY.glob(pattern):
            if file.is_file() and ".terraform" not in file.parts and "tfstate" not in file.name:
                target = folder / file.relative_to(REPOSITORY)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(file, target)
    return folder


def terraform_in(folder: Path, aws: LocalAws) -> tftest.TerraformTest:
    """Terraform, initialised, in a root module of a checkout."""
    environ = terraform.environment(aws)
    environ |= {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    terraform.init(folder, environ)
    return tftest.TerraformTest(str(folder), env=environ)


def planned_changes(plan: tftest.TerraformPlanOutput) -> dict[str, list[str]]:
    """The actions a plan would take, by resource address."""
    return {
        address: change["change"]["actions"]
        for address, change in plan.resource_changes.items()
        if change["change"]["actions"] not in (["no-op"], ["read"])
    }


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


def content_of(s3: Any, bucket: str, key: str, version_id: str | None = None) -> Content | None:
    """Read an object whole, or None when there is none."""
    where = {"Bucket": bucket, "Key": key}
    if version_id is not None:
        where["VersionId"] = version_id
    try:
        got = s3.get_object(**where)
        body = got["Body"].read()
        tags = s3.get_object_tagging(**where)["TagSet"]
    except (s3.exceptions.NoSuchKey, s3.exceptions.NoSuchBucket):
        return None
    return Content(
        size=len(body),
        sha256=hashlib.sha256(body).hexdigest(),
        headers=tuple((name, got[name]) for name in HEADERS if name in got),
        metadata=tuple(sorted(got["Metadata"].items())),
        tags=tuple(sorted((tag["Key"], tag["Value"]) for tag in tags)),
    )


def messages_in(sqs: Any, queue_url: str) -> int:
    """How many messages a queue holds, those in flight and delayed ones included."""
    names = [
        "ApproximateNumberOfMessages",
        "ApproximateNumberOfMessagesNotVisible",
        "ApproximateNumberOfMessagesDelayed",
    ]
    counts = sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=names)["Attributes"]
    return sum(map(int, counts.values()))


def run_documented(aws: LocalAws, command: str, account: str = "test", **variables: str) -> str:
    """Run a documented command in a shell, with the AWS CLI; returns what it prints.

    Args:
        command: may be several, as in the outputs and the documents.
        account: its access key.
        variables: what the command uses.
    """
    # The CLI takes its own old endpoint of SQS unless another one is on the command line.
    local = 'aws() { command aws --endpoint-url "$AWS_ENDPOINT_URL" "$@"; }'
    programs = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["sh", "-euc", f"{local}\n{command}"],
        env={
            "PATH": programs,
            "AWS_ENDPOINT_URL": aws.endpoint_url,
            "AWS_CA_BUNDLE": str(aws.ca_bundle or ""),
            "AWS_ACCESS_KEY_ID": account,
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_PAGER": "",
            **variables,
        },
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def inventory(client: Callable[[str], Any]) -> dict[str, list[str]]:
    """Names of all that an account has of the kinds that the module and the examples make.

    Args:
        client: gives a boto3 client by the service's name.
    """
    functions, iam = client("lambda"), client("iam")
    return {
        "function": [f["FunctionName"] for f in functions.list_functions()["Functions"]],
        "mapping": [
            m["EventSourceArn"]
            for m in functions.list_event_source_mappings()["EventSourceMappings"]
        ],
        "queue": client("sqs").list_queues().get("QueueUrls", []),
        "topic": [t["TopicArn"] for t in client("sns").list_topics()["Topics"]],
        "subscription": [
            s["Endpoint"] for s in client("sns").list_subscriptions()["Subscriptions"]
        ],
        "role": [role["RoleName"] for role in iam.list_roles()["Roles"]],
        "policy": [p["Arn"] for p in iam.list_policies(Scope="Local")["Policies"]],
        "log group": [g["logGroupName"] for g in client("logs").describe_log_groups()["logGroups"]],
        "alarm": [a["AlarmName"] for a in client("cloudwatch").describe_alarms()["MetricAlarms"]],
        "dashboard": [
            d["DashboardName"]
            for d in client("cloudwatch").list_dashboards().get("DashboardEntries", ())
        ],
        "table": client("dynamodb").list_tables()["TableNames"],
        "rule": [r["Name"] for r in client("events").list_rules()["Rules"]],
        "bucket": [b["Name"] for b in client("s3").list_buckets()["Buckets"]],
    }


@dataclass(frozen=True)
class Destination:
    """One destination of the stack, with what the module made for it."""

    name: str
    settings: dict[str, Any]
    function_name: str
    queue_url: str
    dead_letter_queue_url: str
    log_group_name: str
    list_dead_letters_command: str
    redrive_command: str
    reconcile_command: str
    pause_command: str
    resume_command: str

    @classmethod
    def of(cls, name: str, made: dict[str, Any]) -> "Destination":
        """What the module says of it, and ``settings``."""
        given = {**made, "name": name}
        return cls(**{field.name: given[field.name] for field in dataclasses.fields(cls)})

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
        suffixes = self.settings.get("suffixes") or [""]
        excluded = self.settings.get("exclude_prefixes") or []
        if not key.startswith(tuple(prefixes)) or not key.endswith(tuple(suffixes)):
            return None
        if key.startswith(tuple(excluded)):
            return None
        rest = key.removeprefix(self.settings.get("strip_prefix") or "")
        return (self.settings.get("key_prefix") or "") + rest if rest else None


def apply(folder: Path, aws: LocalAws) -> "dict[str, Stack]":
    """Apply a folder of `stacks/`; returns a `Stack` for each source bucket, by its name."""
    tf = terraform_in(folder, aws)
    if aws.is_external:
        tf.apply()
        return stacks(tf, aws)
    with aws.operations() as asked:
        tf.apply()
    return stacks(tf, aws, asked)


def stacks(
    tf: tftest.TerraformTest, aws: LocalAws, asked_to_apply: Iterable[str] = ()
) -> "dict[str, Stack]":
    """What was applied."""
    return {
        name: Stack(
            aws=aws,
            tf=tf,
            source_bucket=source["bucket"],
            topic_arn=source["topic_arn"],
            destinations={
                name: Destination.of(name, made) for name, made in source["destinations"].items()
            },
            replication_log_table_name=source.get("replication_log_table_name") or "",
            dashboard_name=source.get("dashboard_name", ""),
            asked_to_apply=frozenset(asked_to_apply),
        )
        for name, source in tf.output()["sources"].items()
    }


@dataclass
class Stack:
    """A source bucket of what was applied, and the module around it.

    Attributes:
        asked_to_apply: the operations that Terraform asked for to apply all of it.
    """

    aws: LocalAws
    tf: tftest.TerraformTest
    source_bucket: str
    topic_arn: str
    destinations: dict[str, Destination]
    replication_log_table_name: str = ""
    dashboard_name: str = ""
    asked_to_apply: frozenset[str] = frozenset()
    s3: Any = field(init=False)
    sqs: Any = field(init=False)
    functions: Any = field(init=False)

    def __post_init__(self) -> None:
        self.s3 = self.aws.client("s3", region=REGION)
        self.sqs = self.aws.client("sqs", region=REGION)
        self.functions = self.aws.client("lambda", region=REGION)

    def put(self, key: str, body: bytes = b"", **arguments: Any) -> None:
        """Put an object into the source bucket."""
        self.s3.put_object(Bucket=self.source_bucket, Key=key, Body=body, **arguments)

    def content(
        self,
        bucket: str,
        key: str,
        region: str = REGION,
        version_id: str | None = None,
        account: str = DEFAULT_ACCOUNT,
    ) -> Content | None:
        """Read an object whole as its owner, or None when there is none."""
        s3 = self.aws.client("s3", region=region, account=account)
        return content_of(s3, bucket, key, version_id)

    def at_source(self, key: str) -> Content | None:
        """The source object."""
        return self.content(self.source_bucket, key)

    def expected_at(self, destination: Destination, key: str) -> Content | None:
        """What a destination should hold of a key."""
        content = self.at_source(key)
        if content is not None and destination.settings.get("replicate_tags") is False:
            return dataclasses.replace(content, tags=())
        return content

    def at_destination(self, destination: Destination, key: str) -> Content | None:
        """The replica of a source key."""
        there = destination.key_for(key)
        assert there is not None, f"{key!r} is not wanted at {destination.name}"
        account = destination.settings.get("account_id") or DEFAULT_ACCOUNT
        return self.content(destination.bucket, there, destination.region, account=account)

    def keys(self, bucket: str, region: str = REGION) -> set[str]:
        """All keys of a bucket."""
        pages = self.aws.client("s3", region=region).get_paginator("list_objects_v2")
        return {
            item["Key"]
            for page in pages.paginate(Bucket=bucket)
            for item in page.get("Contents", ())
        }

    def eventually(self, what: str, look: Callable[[], T | None]) -> T:
        """Look until there is something to see; as long as a queue hides messages, for longer.

        Raises:
            AssertionError: it did not come, and nothing goes on any more.
        """
        return self.aws.eventually(what, look, self._held_back_seconds)

    def _held_back_seconds(self) -> float:
        """How long messages that are delayed or in flight may stay so."""
        names = {
            "ApproximateNumberOfMessagesDelayed": "DelaySeconds",
            "ApproximateNumberOfMessagesNotVisible": "VisibilityTimeout",
        }
        found = 0.0
        for destination in self.destinations.values():
            attributes = self.sqs.get_queue_attributes(
                QueueUrl=destination.queue_url, AttributeNames=[*names, *names.values()]
            )["Attributes"]
            held = [float(attributes[s]) for n, s in names.items() if attributes[n] != "0"]
            found = max(found, *held, 0.0)
        return found

    def wait_until_equal(self, keys: Iterable[str]) -> None:
        """Wait until every destination that wants a key holds what the source holds."""

        def equal(destination: Destination, key: str) -> bool:
            return self.at_destination(destination, key) == self.expected_at(destination, key)

        pairs = [
            (destination, key)
            for destination in self.destinations.values()
            for key in keys
            if destination.key_for(key) is not None
        ]
        with ThreadPoolExecutor(8) as pool:
            list(
                pool.map(
                    lambda pair: self.eventually(
                        f"{pair[1]!r} equal at {pair[0].name}", lambda: equal(*pair)
                    ),
                    pairs,
                )
            )

    def wait_until_gone(self, destination: Destination, key: str) -> None:
        """Wait until a destination has no replica of a key."""
        self.eventually(
            f"{key!r} gone at {destination.name}",
            lambda: self.at_destination(destination, key) is None,
        )

    def messages(self, destination: Destination) -> int:
        """How many messages the work queue holds, in flight ones included."""
        return messages_in(self.sqs, destination.queue_url)

    def require_function_processes(self) -> None:
        """Skip the test where the functions are none of this machine's processes."""
        if self.aws.is_external:
            pytest.skip("the functions' processes are out of reach")

    @contextmanager
    def proxied(
        self, behaviour: Behaviour, services: Iterable[str] = ("S3",), **variables: str
    ) -> Iterator[None]:
        """Send what the functions ask of services through a proxy until the block ends.

        ``variables`` are others of the functions' environment.
        """
        self.require_function_processes()
        with (
            s3_proxy(self.aws.endpoint_url, behaviour) as url,
            self.aws.function_environment(
                {f"AWS_ENDPOINT_URL_{name}": url for name in services} | variables
            ),
        ):
            yield

    @contextmanager
    def queue_attributes(self, destination: Destination, **attributes: str) -> Iterator[None]:
        """Give a work queue other attributes until the block ends."""
        url = destination.queue_url
        before = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=list(attributes))
        self.sqs.set_queue_attributes(QueueUrl=url, Attributes=attributes)
        try:
            yield
        finally:
            self.sqs.set_queue_attributes(QueueUrl=url, Attributes=before["Attributes"])

    @contextmanager
    def function_timeout(self, destination: Destination, seconds: int) -> Iterator[None]:
        """Give a function another time-out until the block ends.

        LocalStack can lose an asynchronous invocation during such an update: the first one waits until
        there is none, and the second ends those that run as a kill does.
        """
        name = {"FunctionName": destination.function_name}

        def set_timeout(seconds: int) -> None:
            self.functions.update_function_configuration(**name, Timeout=seconds)
            self.functions.get_waiter("function_updated_v2").wait(**name)

        before = self.functions.get_function_configuration(**name)["Timeout"]
        wait_until_idle(self)
        set_timeout(seconds)
        try:
            yield
        finally:
            set_timeout(before)

    @contextmanager
    def delays_of_direct_delivery(self, seconds: str) -> Iterator[None]:
        """Let what direct delivery failed on be retried after this time."""
        with ExitStack() as changed:
            for destination in self.destinations.values():
                if destination.settings.get("delivery") == "direct":
                    changed.enter_context(self.queue_attributes(destination, DelaySeconds=seconds))
            yield

    def dead_letters(self, destination: Destination) -> list[dict[str, Any]]:
        """Take the dead-letter messages that are there."""
        found = []
        while got := self.sqs.receive_message(
            QueueUrl=destination.dead_letter_queue_url,
            MaxNumberOfMessages=10,
            MessageAttributeNames=["All"],
        ).get("Messages"):
            for message in got:
                self.sqs.delete_message(
                    QueueUrl=destination.dead_letter_queue_url,
                    ReceiptHandle=message["ReceiptHandle"],
                )
            found += got
        return found

    def log_lines(self, destination: Destination) -> list[dict[str, Any]]:
        """What the function said of objects, oldest first."""
        pages = self.aws.client("logs", region=REGION).get_paginator("filter_log_events")
        return [
            json.loads(event["message"])
            for page in pages.paginate(logGroupName=destination.log_group_name)
            for event in page["events"]
            if event["message"].startswith("{") and '"_aws"' not in event["message"]
        ]

    def logged(self) -> dict[tuple[str, str], dict[str, Any]]:
        """What the replication log holds, by destination and key."""
        pages = self.aws.client("dynamodb", region=REGION).get_paginator("scan")
        return {
            (item["destination"]["S"], item["key"]["S"]): item
            for page in pages.paginate(TableName=self.replication_log_table_name)
            for item in page["Items"]
        }

    def not_logged(self) -> set[tuple[str, str]]:
        """The destinations and keys of which a function says that it could not write to the log."""
        return {
            (destination.name, line["key"])
            for destination in self.destinations.values()
            for line in self.log_lines(destination)
            if line["action"] == "replication-log-failed"
        }

    def run(self, command: str, **variables: str) -> str:
        """Run a documented command; returns what it prints."""
        return run_documented(self.aws, command, **variables)

    @contextmanager
    def paused(self, destination: Destination) -> Iterator[None]:
        """Have nobody process a destination's queue."""
        function = destination.function_name
        [mapping] = self.functions.list_event_source_mappings(FunctionName=function)[
            "EventSourceMappings"
        ]

        def switch(*, enabled: bool) -> None:
            self.functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=enabled)
            state = "Enabled" if enabled else "Disabled"

            def is_switched() -> bool:
                found = self.functions.get_event_source_mapping(UUID=mapping["UUID"])
                return bool(found["State"] == state)

            self.eventually(f"{function}: {state}", is_switched)

        switch(enabled=False)
        try:
            yield
        finally:
            switch(enabled=True)

    def wait_until_quiet(self) -> None:
        """Wait until no work queue holds anything."""
        for destination in self.destinations.values():
            self.eventually(
                f"the queue of {destination.name} empty",
                lambda d=destination: self.messages(d) == 0,  # type: ignore[misc]
            )


def wait_until_idle(*stacks: Stack) -> None:
    """Wait until nothing is left to do: no message, no event on its way, no function that runs."""
    aws = stacks[0].aws
    if aws.is_external:
        pytest.skip("what goes on behind the endpoint is out of reach")

    def is_idle() -> bool:
        before = aws.activity()
        if before.under_way or any(s.messages(d) for s in stacks for d in s.destinations.values()):
            return False
        # What left a queue meanwhile has changed something.
        return before == aws.activity()

    stacks[0].eventually("nothing left to do", is_idle)
