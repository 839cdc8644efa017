"""Plans every example without an account, and lets checkov look at the plans.

    python tests/static/plans.py PATH-OF-CHECKOV

Rules that are not followed are in checkov.yaml, each with its reason.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import hcl2

from local_aws import terraform
from support.caller_identity import offline_provider

REPOSITORY = Path(__file__).resolve().parents[2]
FOLDER = REPOSITORY / "build" / "checkov"


def copy_module(folder: Path) -> None:
    """Copy the module and its examples, without what was generated in them."""
    for pattern in ("*.tf", "lambda/function.zip", "examples/*/*.tf"):
        for file in REPOSITORY.glob(pattern):
            if not file.name.endswith("_override.tf"):  # of tflocal
                target = folder / file.relative_to(REPOSITORY)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(file, target)


def providers(example: Path) -> list[dict[str, Any]]:
    """The arguments of an example's provider blocks."""
    found: list[dict[str, Any]] = []
    for file in sorted(example.glob("*.tf")):
        with file.open() as stream:
            blocks = hcl2.load(stream).get("provider", [])
        found += [arguments for block in blocks for arguments in block.values()]
    return found


def plan(example: Path, offline: Mapping[str, Any], environ: Mapping[str, str]) -> Path:
    """Plan an example; returns the plan as JSON.

    Args:
        example: its folder.
        offline: arguments of its providers.
        environ: Terraform's environment.
    """
    blocks = [
        {**offline} | ({"alias": provider["alias"].strip('"')} if "alias" in provider else {})
        for provider in providers(example)
    ]
    override = json.dumps({"provider": {"aws": blocks}})
    (example / "offline_override.tf.json").write_text(override)

    def run(*arguments: str) -> str:
        command = ["terraform", *arguments]
        return subprocess.run(
            command, cwd=example, env=environ, check=True, text=True, stdout=subprocess.PIPE
        ).stdout

    run("init", "-input=false", "-no-color")
    run("plan", "-input=false", "-no-color", "-out=plan")
    written = FOLDER / f"{example.name}.json"
    written.write_text(run("show", "-json", "plan"))
    return written


def main() -> int:
    """Run the command line; returns the exit code."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    module = FOLDER / "module"
    copy_module(module)
    environ = terraform.command_environment()
    with offline_provider() as offline:
        files = [
            plan(example, offline, environ) for example in sorted((module / "examples").iterdir())
        ]
    command = [
        str(Path(sys.argv[1]).absolute()),
        "--config-file",
        str(Path(__file__).with_name("checkov.yaml")),
    ]
    for file in files:
        command += ["--file", str(file)]
    return subprocess.run(command, cwd=FOLDER, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
