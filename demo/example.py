"""A copy of examples/basic with the module it uses, applied to the local AWS."""

import json
import re
import shutil
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

from local_aws import processes, terraform
from local_aws.errors import LocalAwsError
from local_aws.server import REPOSITORY, LocalAws

_FILES = ("*.tf", "lambda/function.zip", "examples/basic/*.tf")

# How long Terraform may take to write down what it has made, after it was asked to stop.
_INTERRUPTED_SECONDS = 60.0


class Example:
    """Terraform in a copy, so that nothing it writes is in the repository.

    Attributes:
        is_applied: whether there may be resources that `destroy` has to remove.
    """

    def __init__(self, aws: LocalAws, folder: Path) -> None:
        """Take over a folder: a new one to `copy` into, or one that was copied into before.

        Args:
            aws: a started local AWS.
            folder: the copy of the repository.

        Raises:
            LocalAwsError: terraform is missing, or TF_PLUGIN_DIR does not hold the provider.
        """
        self._aws = aws
        self._folder = folder
        self._root_module = folder / "examples/basic"
        self._environment = terraform.environment(aws)
        self.is_applied = (self._root_module / "terraform.tfstate").exists()

    def copy(self) -> None:
        """Copy the module and the example."""
        for pattern in _FILES:
            for file in REPOSITORY.glob(pattern):
                target = self._folder / file.relative_to(REPOSITORY)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(file, target)

    def init(self) -> None:
        """Run `terraform init`.

        Raises:
            LocalAwsError: see `terraform.init`.
        """
        terraform.init(self._root_module, self._environment)

    def apply(self, progress: Callable[[int, int], None]) -> dict[str, Any]:
        """Run `terraform apply`.

        Args:
            progress: called with how many resources are done, and of how many.

        Returns:
            The outputs' values.

        Raises:
            LocalAwsError: it failed; the message is all that Terraform printed.
        """
        self.is_applied = True
        self._run(["apply", "-auto-approve"], progress)
        shown = subprocess.run(
            [terraform.find_terraform(self._environment), "output", "-json"],
            cwd=self._root_module,
            env=self._environment,
            capture_output=True,
            check=True,
        ).stdout
        return {name: output["value"] for name, output in json.loads(shown).items()}

    def destroy(self, progress: Callable[[int, int], None] | None = None) -> None:
        """Run `terraform destroy` if there is something to remove.

        Raises:
            LocalAwsError: as for `apply`.
        """
        if self.is_applied:
            self._run(["destroy", "-auto-approve"], progress)
            self.is_applied = False

    def _run(self, arguments: list[str], progress: Callable[[int, int], None] | None) -> None:
        process = psutil.Popen(
            ["tflocal", *arguments, "-no-color", "-input=false"],
            cwd=self._root_module,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,  # a Ctrl-C is ours to handle
        )
        printed = []
        done = total = 0
        try:
            for line in process.stdout:
                printed.append(line)
                if plan := re.match(r"Plan: (\d+) to add, 0 to change, (\d+) to destroy", line):
                    total = int(plan[1]) + int(plan[2])
                done += bool(re.search(r": (Creation|Destruction) complete after", line))
                if progress:
                    progress(done, total)
            status = process.wait()
        except BaseException:
            self._interrupt(process)
            raise
        if status:
            raise LocalAwsError(f"terraform {arguments[0]} failed:\n\n{''.join(printed).strip()}")

    def _interrupt(self, process: psutil.Popen) -> None:
        """End Terraform, its provider included.

        Where the endpoint stays, Terraform first finishes what it is doing: what it could not
        write into its state would stay there for ever.
        """
        family = processes.with_descendants(process)
        if self._aws.is_external:
            print("Interrupted: Terraform ends what it has begun, then removes it.", flush=True)
            process.send_signal(signal.SIGINT)
            psutil.wait_procs(family, timeout=_INTERRUPTED_SECONDS)
        processes.kill(family)
