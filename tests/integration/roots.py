"""Root modules that are applied side by side, because applying is mostly waiting.

Each has an account to itself: what they make does not meet, and what one leaves behind is seen.
"""

import json
import subprocess
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from integration.support import REGION, Content, content_of, eventually, inventory
from local_aws import terraform
from local_aws.server import LocalAws

PARTNER = "333333333333"


@dataclass(frozen=True)
class Root:
    """A folder that Terraform is run in."""

    name: str
    folder: Path
    account: str
    aws: LocalAws
    before: dict[str, list[str]] = field(default_factory=dict)

    def init(self) -> None:
        """Let it work on the local AWS: `tflocal` writes an override of its providers."""
        self._run("tflocal", "version", DRY_RUN="1")
        terraform.init(self.folder, self._environ())

    def apply(self) -> None:
        """Run `terraform apply`."""
        self.before.update(inventory(self.client))
        self.terraform("apply", "-auto-approve")

    def left(self) -> dict[str, set[str]]:
        """What the account has now and had not before the apply, by its kind."""
        now = inventory(self.client)
        return {kind: new for kind in now if (new := set(now[kind]) - set(self.before[kind]))}

    def terraform(self, command: str, *arguments: str) -> str:
        """Run a command of Terraform; returns what it printed.

        Raises:
            AssertionError: it failed.
        """
        return self._run("terraform", command, "-no-color", *arguments)

    def output(self) -> dict[str, Any]:
        """The outputs' values."""
        state = json.loads((self.folder / "terraform.tfstate").read_text())
        return {name: output["value"] for name, output in state["outputs"].items()}

    def client(self, service: str, region: str = REGION) -> Any:
        """A client in the root's account."""
        return self.aws.client(service, region=region, account=self.account)

    def partner(self, service: str) -> Any:
        """A client in the other account."""
        return self.aws.client(service, region=REGION, account=PARTNER)

    def put(self, bucket: str, key: str, body: bytes = b"", **arguments: Any) -> None:
        """Put an object."""
        self.client("s3").put_object(Bucket=bucket, Key=key, Body=body, **arguments)

    def keys(self, bucket: str) -> set[str]:
        """The keys of a bucket of up to 1,000 objects."""
        listed = self.client("s3").list_objects_v2(Bucket=bucket)
        assert not listed["IsTruncated"]
        return {item["Key"] for item in listed.get("Contents", ())}

    def content(self, bucket: str, key: str) -> Content | None:
        """An object, or None when there is none."""
        return content_of(self.client("s3"), bucket, key)

    def wait_for(self, bucket: str, keys: Iterable[str], paused: Iterable[str] = ()) -> None:
        """Wait until a bucket has keys, and nothing more is under way; then it must have no others.

        Args:
            paused: destinations whose queues are not worked on.
        """
        keys = set(keys)
        eventually(f"{keys} in {bucket}", lambda: self.keys(bucket) >= keys)
        self.wait_until_quiet(paused)
        assert self.keys(bucket) == keys

    def wait_until_quiet(self, paused: Iterable[str] = ()) -> None:
        """Wait until no work queue holds anything, and require that there is no dead letter."""
        sqs = self.client("sqs")

        def messages(url: str) -> int:
            counts = sqs.get_queue_attributes(
                QueueUrl=url,
                AttributeNames=[
                    "ApproximateNumberOfMessages",
                    "ApproximateNumberOfMessagesNotVisible",
                    "ApproximateNumberOfMessagesDelayed",
                ],
            )["Attributes"]
            return sum(map(int, counts.values()))

        for mapping in self.client("lambda").list_event_source_mappings()["EventSourceMappings"]:
            queue = mapping["EventSourceArn"].rsplit(":", 1)[-1]
            if queue.endswith(tuple(f"-{destination}" for destination in paused)):
                continue
            url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
            eventually(f"{queue} empty", lambda url=url: messages(url) == 0)  # type: ignore[misc]
            for other in ("dead-letter", "undelivered"):
                assert messages(f"{url}-{other}") == 0, f"{queue}-{other}"

    def _environ(self) -> dict[str, str]:
        # Before the access key of a provider block, and before none.
        account = {"AWS_ACCESS_KEY_ID": self.account, "AWS_SECRET_ACCESS_KEY": "test"}
        partner = {"TF_VAR_partner_role_arn": f"arn:aws:iam::{PARTNER}:role/admin"}
        return {**terraform.environment(self.aws), **account, **partner}

    def _run(self, *command: str, **environ: str) -> str:
        done = subprocess.run(
            command,
            cwd=self.folder,
            env={**self._environ(), **environ},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{self.name}: {' '.join(command)}\n{done.stdout}"
        return done.stdout


def side_by_side(roots: Iterable[Root], work: Callable[[Root], object]) -> None:
    """Do something with all roots at once."""
    with ThreadPoolExecutor(32) as pool:
        list(pool.map(work, roots))
