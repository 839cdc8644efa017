"""Root modules as users have them, applied by one command.

Each has an account to itself: what they make does not meet, and what one leaves behind is seen. They are
the modules of one more configuration, because every command starts the provider twice for each provider
block, and reads its schema: to apply, plan and destroy nine roots one by one takes three times the
processor.
"""

import json
import os
import re
import subprocess
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from integration.support import REGION, Content, content_of, inventory, messages_in
from local_aws import terraform
from local_aws.server import LocalAws

PARTNER = "333333333333"

# Applying is mostly waiting: for each queue, 25 s.
PARALLELISM = 300

T = TypeVar("T")


@dataclass(frozen=True)
class Root:
    """A folder with a root module, and the account that it is applied to.

    Attributes:
        before: what the account had before the apply, by its kind.
        outputs: the outputs' values, after the apply.
    """

    name: str
    folder: Path
    account: str
    aws: LocalAws
    before: dict[str, list[str]] = field(default_factory=dict)
    outputs: dict[str, Any] = field(default_factory=dict)

    def prepare(self) -> None:
        """Put its providers into its account, by an override of the blocks they are in."""
        blocks = [
            block
            for file in self.folder.glob("*.tf")
            for block in re.findall(r'^provider "aws" \{\n(.*?)^\}', file.read_text(), re.M | re.S)
        ]
        override = [
            {"access_key": self.account, "secret_key": "test"}
            | dict(re.findall(r'^ *(alias) += "(.*)"', block, re.M))
            for block in blocks
        ]
        (self.folder / "account_override.tf.json").write_text(
            json.dumps({"provider": {"aws": override}})
        )

    def left(self) -> dict[str, set[str]]:
        """What the account has now and had not before the apply, by its kind."""
        now = inventory(self.client)
        return {kind: new for kind in now if (new := set(now[kind]) - set(self.before[kind]))}

    def eventually(self, what: str, look: Callable[[], T | None]) -> T:
        """Look until there is something to see."""
        return self.aws.eventually(what, look)

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
            paused: destinations whose queues are not processed.
        """
        keys = set(keys)
        self.eventually(f"{keys} in {bucket}", lambda: self.keys(bucket) >= keys)
        self.wait_until_quiet(paused)
        assert self.keys(bucket) == keys

    def wait_until_quiet(self, paused: Iterable[str] = ()) -> None:
        """Wait until no work queue holds anything, and require that there is no dead-letter message."""
        sqs = self.client("sqs")

        for mapping in self.client("lambda").list_event_source_mappings()["EventSourceMappings"]:
            queue = mapping["EventSourceArn"].rsplit(":", 1)[-1]
            if queue.endswith(tuple(f"-{destination}" for destination in paused)):
                continue
            url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
            self.eventually(f"{queue} empty", lambda url=url: messages_in(sqs, url) == 0)  # type: ignore[misc]
            for other in ("dead-letter", "undelivered"):
                assert messages_in(sqs, f"{url}-{other}") == 0, f"{queue}-{other}"


@dataclass(frozen=True)
class Together:
    """One configuration with several roots as its modules."""

    folder: Path
    roots: list[Root]
    aws: LocalAws

    def apply(self) -> None:
        """Apply all of them."""
        for root in self.roots:
            root.prepare()
            root.before.update(inventory(root.client))
        configuration: dict[str, Any] = {
            "module": {
                root.name: {"source": os.path.relpath(root.folder, self.folder)}
                for root in self.roots
            },
            "output": {
                root.name: {"value": f"${{module.{root.name}}}", "sensitive": True}
                for root in self.roots
            },
        }
        partner = f"arn:aws:iam::{PARTNER}:role/admin"
        configuration["module"]["cross-account"]["partner_role_arn"] = partner
        self.folder.mkdir()
        (self.folder / "main.tf.json").write_text(json.dumps(configuration))
        terraform.init(self.folder, terraform.environment(self.aws))
        self.terraform("apply", "-auto-approve", f"-parallelism={PARALLELISM}")
        state = json.loads((self.folder / "terraform.tfstate").read_text())
        for root in self.roots:
            root.outputs.update(state["outputs"][root.name]["value"])

    def destroy(self) -> None:
        """Destroy all of them."""
        self.terraform("destroy", "-auto-approve", "-refresh=false", f"-parallelism={PARALLELISM}")

    def terraform(self, *command: str) -> str:
        """Run a command of Terraform; returns what it printed.

        Raises:
            AssertionError: it failed.
        """
        environ = terraform.environment(self.aws)
        return _run(["terraform", *command, "-no-color"], self.folder, environ)


def _run(command: list[str], folder: Path, environ: dict[str, str]) -> str:
    done = subprocess.run(
        command,
        cwd=folder,
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}"
    return done.stdout
