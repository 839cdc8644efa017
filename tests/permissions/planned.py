"""What the module plans for the configurations, by `terraform test` with a mocked provider.

All of them are planned at once, as modules of a configuration that is written to build/permissions.
The module must be initialized.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from local_aws import terraform
from local_aws.server import REPOSITORY
from permissions.configurations import DESTINATION, Configuration
from permissions.evaluate import Policy, statements
from plan.provider import held, installed_provider

UNKNOWN = {"Ref": "Unknown"}
"""As CloudFormation would refer to it."""

FOLDER = REPOSITORY / "build" / "permissions"


@dataclass(frozen=True)
class Function:
    """A function.

    Attributes:
        role: the statements of its role.
        role_name: the role's name.
        environment: its variables.
    """

    name: str
    role: Policy
    role_name: str
    environment: Mapping[str, str]


@dataclass(frozen=True)
class Planned:
    """What one configuration becomes.

    Attributes:
        functions: that of the tested destination as ``replicate``, and ``reconcile``.
        others: the functions of the other destinations.
        queues: the statements of all queues that functions process.
        resources: types and attributes of all resources; what is not known at plan is UNKNOWN.
        outputs: the module's outputs, as far as they are known at plan.
    """

    functions: Mapping[str, Function]
    others: list[Function]
    queues: Policy
    resources: list[tuple[str, dict[str, Any]]]
    outputs: Mapping[str, Any]

    @property
    def replicate(self) -> Function:
        """The function of the tested destination."""
        return self.functions["replicate"]


def plan(configurations: Iterable[Configuration]) -> dict[str, Planned]:
    """Plan configurations; returns what each becomes, by its name."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    names = [configuration.name for configuration in configurations]
    _write(
        "main.tf.json",
        {
            "terraform": {"required_providers": {"aws": {"source": "hashicorp/aws"}}},
            "module": {c.name: {"source": "../.."} | c.variables for c in configurations},
            "output": {name: {"value": f"@{{module.{name}}}"} for name in names},
        },
    )
    _write(
        "plan.tftest.json",
        {
            "mock_provider": {"aws": {"source": "../../tests/plan/known"}},
            "run": {"plan": {"command": "plan"}},
        },
    )
    environ = terraform.command_environment()
    with held(installed_provider(environ), environ) as attached:
        environ |= attached
        _terraform(environ, "init", "-input=false")
        printed = _terraform(environ, "test", "-json", "-verbose")
    lines = (json.loads(line) for line in printed.splitlines())
    content = next(line["test_plan"] for line in lines if "test_plan" in line)
    return {name: _planned(content, name) for name in names}


def _write(name: str, content: dict[str, Any]) -> None:
    """Write a file of Terraform's, in whose strings only @{ } is a template."""
    text = json.dumps(content).replace("${", "$${").replace("%{", "%%{").replace("@{", "${")
    (FOLDER / name).write_text(text)


def _terraform(environ: Mapping[str, str], *arguments: str) -> str:
    done = subprocess.run(
        ["terraform", *arguments],
        cwd=FOLDER,
        env=environ,
        check=False,
        text=True,
        capture_output=True,
    )
    assert done.returncode == 0, done.stdout[:4000] + done.stderr
    return done.stdout


def _planned(content: dict[str, Any], name: str) -> Planned:
    module = f"module.{name}."
    made = {
        change["address"].removeprefix(module): change["change"]["after"]
        for change in content["resource_changes"]
        if change["address"].startswith(module)
    }

    def function(place: str) -> Function:
        planned = made[f"aws_lambda_function.{place}"]
        return Function(
            name=planned["function_name"],
            role=statements(made[f"aws_iam_role_policy.{place}"]["policy"]),
            role_name=made[f"aws_iam_role.{place}"]["name"],
            environment=planned["environment"][0]["variables"],
        )

    tested = f'replicate["{DESTINATION}"]'
    places = [
        address.removeprefix("aws_lambda_function.")
        for address in made
        if address.startswith("aws_lambda_function.replicate[")
    ]
    return Planned(
        functions={"replicate": function(tested), "reconcile": function("reconcile[0]")},
        others=[function(place) for place in places if place != tested],
        queues=[
            statement
            for address, queue in made.items()
            if address.startswith(("aws_sqs_queue.work", "aws_sqs_queue.dead_letter"))
            for statement in statements(queue["policy"])
        ],
        resources=[
            (change["type"], _known(change["change"]["after"], change["change"]["after_unknown"]))
            for change in content["resource_changes"]
            if change["address"].startswith(module)
        ],
        outputs=content["output_changes"][name]["after"],
    )


def _known(after: Any, unknown: Any) -> Any:
    """What is planned, with what is unknown said to be so."""
    if unknown is True:
        return UNKNOWN
    if isinstance(unknown, dict):
        return {
            key: _known((after or {}).get(key), unknown.get(key))
            for key in {*(after or {}), *unknown}
        }
    if isinstance(unknown, list) and isinstance(after, list):
        return [_known(*pair) for pair in zip(after, unknown, strict=False)] if unknown else after
    return after
