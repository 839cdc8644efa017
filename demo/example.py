"""A copy of examples/basic with the module it uses, applied to the local AWS."""

import json
import re
import shutil
import signal
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import psutil
from rich.console import Console

from demo.screen import step
from local_aws import processes, terraform
from local_aws.errors import LocalAwsError
from local_aws.server import REPOSITORY, LocalAws

_FILES = ("*.tf", "lambda/function.zip", "examples/basic/*.tf")

# How long Terraform may take to write down what it has made, after it was asked to stop.
_INTERRUPTED_SECONDS = 60.0

# The provider compares a queue's attributes every 5 s until they were right six times
# (waitQueueAttributesPropagated in its version 5.100), and lifecycle rules even longer.
_WHY = """
  Terraform's AWS provider waits until what it made has settled, on AWS too:
  25 s for a queue, which comes after its dead-letter queue, and 55 s for the
  lifecycle rules of a bucket."""


class Resources:
    """What Terraform has said of its resources."""

    def __init__(self) -> None:
        """Nothing was said yet."""
        self._total = self._done = 0
        self._pending: set[str] = set()

    def take(self, line: str) -> None:
        """Learn from one line that Terraform printed."""
        if plan := re.match(r"Plan: (\d+) to add, \d+ to change, (\d+) to destroy", line):
            self._total = int(plan[1]) + int(plan[2])
        if begun := re.match(r"(\S+): (Creating|Destroying)\.\.\.", line):
            self._pending.add(begun[1])
        if ended := re.match(r"(\S+): (Creation|Destruction) complete", line):
            self._pending.discard(ended[1])
            self._done += 1

    def describe(self) -> str:
        """How far it is, and what it waits for, in 80 columns; nothing before there is a plan."""
        if not self._total:
            return ""
        types = Counter(re.findall(r"\baws_(\w+)", " ".join(sorted(self._pending))))
        waits = ", ".join(f"{number} {name}" for name, number in types.most_common(2))
        waits = f"\n  waiting for {waits}" if waits else ""
        return f"{self._done} of {self._total} resources{waits}"


class Example:
    """Terraform in a copy, so that nothing it writes is in the repository."""

    def __init__(self, folder: Path) -> None:
        """Take over a folder: a new one to `init`, or one that was applied before."""
        self._folder = folder
        self._root_module = folder / "examples/basic"

    @property
    def is_applied(self) -> bool:
        """Whether Terraform has made something here."""
        return (self._root_module / "terraform.tfstate").exists()

    def init(self) -> None:
        """Copy the module and the example, and run `terraform init`; no AWS is needed yet.

        Raises:
            LocalAwsError: terraform or its provider is missing.
        """
        for pattern in _FILES:
            for file in REPOSITORY.glob(pattern):
                target = self._folder / file.relative_to(REPOSITORY)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(file, target)
        terraform.init(self._root_module, terraform.command_environment())

    def apply(self, aws: LocalAws, console: Console) -> None:
        """Run `terraform apply`, and show how far it is.

        Raises:
            LocalAwsError: it failed; the message is all that Terraform printed.
        """
        self._run("apply", aws, console, _WHY)

    def outputs(self, aws: LocalAws) -> dict[str, Any]:
        """The values of the outputs of what was applied.

        Raises:
            LocalAwsError: terraform is missing.
        """
        environment = terraform.environment(aws)
        command = [terraform.find_terraform(environment), "output", "-json"]
        shown = subprocess.check_output(command, cwd=self._root_module, env=environment)
        return {name: output["value"] for name, output in json.loads(shown).items()}

    def destroy(self, aws: LocalAws, console: Console) -> None:
        """Run `terraform destroy` if there may be something to remove.

        Raises:
            LocalAwsError: as for `apply`.
        """
        if self.is_applied:
            self._run("destroy", aws, console)

    def _run(self, command: str, aws: LocalAws, console: Console, why: str = "") -> None:
        printed, resources = [], Resources()
        with step(console, f"terraform {command}", why) as tell:
            process = psutil.Popen(
                ["tflocal", command, "-auto-approve", "-no-color", "-input=false"],
                cwd=self._root_module,
                env=terraform.environment(aws),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,  # a Ctrl-C is ours to handle
            )
            try:
                for line in process.stdout:
                    printed.append(line)
                    resources.take(line)
                    if how_far := resources.describe():
                        tell(how_far)
                status = process.wait()
            except BaseException:
                _interrupt(process, aws)
                raise
            if status:
                raise LocalAwsError(f"terraform {command} failed:\n\n{''.join(printed).strip()}")


def _interrupt(process: psutil.Popen, aws: LocalAws) -> None:
    """End Terraform, its provider included.

    Where the endpoint stays, Terraform first finishes what it is doing: what it could not write
    into its state would stay there for ever.
    """
    family = processes.with_descendants(process)
    if aws.is_external:
        print("Interrupted: Terraform ends what it has begun, then removes it.", flush=True)
        process.send_signal(signal.SIGINT)
        psutil.wait_procs(family, timeout=_INTERRUPTED_SECONDS)
    processes.kill(family)
