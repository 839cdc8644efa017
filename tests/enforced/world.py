"""What is there before the module, and the role that applies it: docs/applying.md, to the letter."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from integration.support import REGION, Destination, Stack
from local_aws import terraform
from local_aws.enforcing import EnforcingAws
from local_aws.server import DEFAULT_ACCOUNT
from permissions.applying import documented
from permissions.evaluate import Policy, Statement
from plan.provider import held, installed_provider

OTHER_ACCOUNT = "444455556666"
ABROAD = "us-west-2"
SOURCE = "photos"  # as in docs/applying.md

BUCKETS = {
    SOURCE: (DEFAULT_ACCOUNT, REGION),
    "photos-copy": (DEFAULT_ACCOUNT, REGION),
    "photos-mirror": (DEFAULT_ACCOUNT, REGION),
    "photos-direct": (DEFAULT_ACCOUNT, REGION),
    "photos-us": (OTHER_ACCOUNT, ABROAD),
}


def without(policy: Policy, action: str, sid: str | None = None) -> Policy:
    """A policy that lacks an action, in one of its statements or in all."""
    left: Policy = []
    for statement in policy:
        actions = statement["Action"]
        kept = [a for a in actions if a != action or sid not in (None, statement["Sid"])]
        left += [{**statement, "Action": kept}] if kept else []
    assert left != policy, f"{action} is not in the policy"
    return left


def document(statements: Iterable[Statement]) -> str:
    """A policy as JSON."""
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


@dataclass
class World:
    """The emulator, and a folder with a root module that calls the module.

    Attributes:
        keys: ARNs of KMS keys: ``queues``, and ``abroad`` in the other account.
        credentials: of the role that applies, as variables of the environment.
        provider: how Terraform finds the provider that runs.
        until_the_end: what ends with the world.
    """

    aws: EnforcingAws
    folder: Path
    keys: dict[str, str] = field(default_factory=dict)
    credentials: dict[str, str] = field(default_factory=dict)
    provider: dict[str, str] = field(default_factory=dict)
    until_the_end: ExitStack = field(default_factory=ExitStack)

    def set_up(self) -> None:
        """Make buckets, keys, the boundary and the role."""
        for bucket, (account, region) in BUCKETS.items():
            s3 = self.aws.client("s3", region=region, account=account)
            s3.create_bucket(
                Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": region}
            )
            self.bucket_policy(bucket, [])
        for name, account, region in (
            ("queues", DEFAULT_ACCOUNT, REGION),
            ("abroad", OTHER_ACCOUNT, ABROAD),
        ):
            kms = self.aws.client("kms", region=region, account=account)
            self.keys[name] = kms.create_key()["KeyMetadata"]["Arn"]
        iam = self.aws.client("iam")
        anything = document([{"Effect": "Allow", "Action": "*", "Resource": "*"}])
        iam.create_policy(PolicyName="boundary", PolicyDocument=anything)
        trusted = {"AWS": f"arn:aws:iam::{DEFAULT_ACCOUNT}:root"}
        trust = document([{"Effect": "Allow", "Principal": trusted, "Action": "sts:AssumeRole"}])
        role = iam.create_role(RoleName="terraform", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
        self.applier_may(documented(DEFAULT_ACCOUNT))
        self.credentials = self.aws.credentials(role)

    def bucket_policy(self, bucket: str, statements: Policy) -> None:
        """Give a bucket a policy: TLS only, and what else is said."""
        account, region = BUCKETS[bucket]
        tls_only = {
            "Sid": "DenyInsecureTransport",
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:*",
            "Resource": [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"],
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        }
        self.aws.client("s3", region=region, account=account).put_bucket_policy(
            Bucket=bucket, Policy=document([tls_only, *statements])
        )

    def applier_may(self, policy: Policy) -> None:
        """Let the role that applies do what a policy says."""
        self.aws.client("iam").put_role_policy(
            RoleName="terraform", PolicyName="applying", PolicyDocument=document(policy)
        )

    def terraform(self, *command: str, inputs: dict[str, Any]) -> subprocess.CompletedProcess[str]:
        """Run a command of Terraform as that role, for inputs of the module."""
        configuration = {
            "provider": {"aws": {"region": REGION, "s3_use_path_style": True}},
            "module": {"fanout": {"source": str(self.folder / "module"), **inputs}},
            "output": {"fanout": {"value": "${module.fanout}"}},
        }
        (self.folder / "main.tf.json").write_text(json.dumps(configuration))
        environ = terraform.environment(self.aws) | self.credentials
        if sys.platform == "linux":
            # Go reads this one there. The provider adds what AWS_CA_BUNDLE names once only, and would
            # refuse to be held.
            environ |= {"SSL_CERT_FILE": environ["AWS_CA_BUNDLE"], "AWS_CA_BUNDLE": ""}
        if not (self.folder / ".terraform").exists():
            terraform.init(self.folder, environ)
            if sys.platform == "linux":
                provider = held(installed_provider(environ, self.folder), environ, self.folder)
                self.provider = self.until_the_end.enter_context(provider)
        environ |= self.provider
        return subprocess.run(
            ["terraform", *command, "-no-color"],
            cwd=self.folder,
            env=environ,
            check=False,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    def apply(self, inputs: dict[str, Any]) -> None:
        """Apply; whatever is refused fails it."""
        self._do("apply", inputs)

    def destroy(self, inputs: dict[str, Any]) -> None:
        """Destroy; whatever is refused fails it."""
        self._do("destroy", inputs)

    def _do(self, command: str, inputs: dict[str, Any]) -> None:
        with self.aws.refusals() as refused:
            done = self.terraform(command, "-auto-approve", inputs=inputs)
        assert done.returncode == 0, done.stdout[-4000:]
        # A function may be under way whose permissions change: it is refused, and retries.
        of_the_applier = [r for r in refused if "/terraform" in r["principal"]]
        assert of_the_applier == [], of_the_applier

    def output(self) -> dict[str, Any]:
        """The module's outputs."""
        state = json.loads((self.folder / "terraform.tfstate").read_text())
        outputs: dict[str, Any] = state["outputs"]["fanout"]["value"]
        return outputs

    def stack(self, inputs: dict[str, Any]) -> Stack:
        """What was applied."""
        output = self.output()
        return Stack(
            aws=self.aws,
            tf=None,
            source_bucket=SOURCE,
            topic_arn=output["topic_arn"],
            destinations={
                name: Destination.of(name, made | {"settings": inputs["destinations"][name]})
                for name, made in output["destinations"].items()
            },
            replication_log_table_name=output["replication_log_table_name"] or "",
        )
