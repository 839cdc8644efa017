"""Plans of the module, from the tables beside this file.

``refusals.toml`` has wrong inputs, each with the sentence of the rule that it breaks, ``accepted.toml``
inputs that look odd and are right. Every other table says what is planned for an input: expressions
that must be true. Inputs are given to a whole table or to one plan of it.

Terraform does not say which rule satisfied ``expect_failures``, so the runs of refusals expect nothing,
fail, and their errors are compared. Most rules need no more than variables.tf, which takes milliseconds.
What that accepts is planned with the whole module, which must be initialized. Tests of other things
leave alarms out, which are a third of a plan's time.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from local_aws import terraform
from local_aws.server import REPOSITORY
from plan.provider import held, installed_provider

FOLDER = REPOSITORY / "build" / ".plans"  # hidden from terraform fmt

VALID = """
source_bucket = "photos"
destinations  = { archive = { bucket = "archive" } }
"""
# As in a first plan, or with what AWS would say after an apply.
UNKNOWN = 'mock_provider "aws" {}\n'
KNOWN = 'mock_provider "aws" {\nsource = "./tests/plan/known"\n}\n'


@dataclass(frozen=True)
class Plan:
    """An input that is planned.

    Attributes:
        name: of a wrong or an odd input; of others where they stand.
        given: the inputs that differ from those of the whole table, in HCL.
        overrides: what AWS says of resources, in HCL.
        shows: what must be true, in HCL, by its name.
        table: the inputs of the whole table, in HCL, behind the provider.
    """

    name: str
    given: str = ""
    overrides: str = ""
    shows: Mapping[str, str] = field(default_factory=dict, hash=False)
    table: str = f"{UNKNOWN}variables {{{VALID}alarms = {{ enabled = false }}\n}}\n"

    def run(self) -> str:
        """The run of its test file."""
        asserts = "".join(
            f"assert {{\ncondition = (\n{true}\n)\nerror_message = {json.dumps(name)}\n}}\n"
            for name, true in self.shows.items()
        )
        return (
            f'run "plan" {{\ncommand = plan\nvariables {{\n{self.given}\n}}\n'
            f"{self.overrides}\n{asserts}}}\n"
        )


def _table(name: str) -> dict[str, Any]:
    return tomllib.loads((Path(__file__).parent / f"{name}.toml").read_text())


RULES = _table("refusals")
REFUSED = {
    Plan(name, given, cases.get("overrides", "")): sentence
    for sentence, cases in RULES.items()
    for name, given in cases.items()
    if name != "overrides"
}
ACCEPTED = [Plan(name, given) for name, given in _table("accepted")["accepts"].items()]
SHOWN = [
    Plan(
        f"{file.stem} {number}",
        plan.get("given", ""),
        plan.get("overrides", ""),
        plan["shows"],
        f"{KNOWN}variables {{\n{_table(file.stem)['given']}}}\n",
    )
    for file in sorted(Path(__file__).parent.glob("*.toml"))
    for number, plan in enumerate(_table(file.stem).get("plan", []))
]


@pytest.fixture(scope="session")
def environ() -> Iterable[Mapping[str, str]]:
    """The environment of Terraform, with a provider to attach to."""
    environ = terraform.command_environment()
    with held(installed_provider(environ), environ) as attached:
        yield environ | attached


@pytest.fixture(scope="session")
def errors(environ: Mapping[str, str]) -> dict[Plan, list[str]]:
    """The errors that each plan gets."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    variables = FOLDER / "variables"
    variables.mkdir(parents=True)
    shutil.copy(REPOSITORY / "variables.tf", variables)
    alone = {plan: f"variables {{{VALID}}}\n{plan.run()}" for plan in REFUSED}
    refused = {
        plan: found for plan, found in _errors(variables, "tests", alone, environ).items() if found
    }
    left = [plan for plan in [*REFUSED, *ACCEPTED, *SHOWN] if plan not in refused]
    module = os.path.relpath(FOLDER / "module", REPOSITORY)
    whole = {plan: plan.table + plan.run() for plan in left}
    return refused | _errors(REPOSITORY, module, whole, environ)


def _errors(
    folder: Path, tests: str, texts: Mapping[Plan, str], environ: Mapping[str, str]
) -> dict[Plan, list[str]]:
    """Plan each in a file of its own: after a failure Terraform skips the rest of a file.

    Args:
        folder: the configuration's.
        tests: the folder below it to write the files to.
        texts: the files' content.
        environ: Terraform's environment.
    """
    (folder / tests).mkdir(parents=True)
    files = {f"{tests}/{number}.tftest.hcl": plan for number, plan in enumerate(texts)}
    for file, plan in files.items():
        (folder / file).write_text(texts[plan])
    lines = _test(folder, tests, environ)
    ended = {line["@testfile"] for line in lines if line.get("test_run", {}).get("status")}
    assert ended == set(files), lines[-1]
    found: dict[Plan, list[str]] = {plan: [] for plan in texts}
    for line in lines:
        if line["type"] == "diagnostic" and line["@level"] == "error":
            assert "@testfile" in line, line
            found[files[line["@testfile"]]].append(line["diagnostic"]["detail"])
    return found


def _test(folder: Path, tests: str, environ: Mapping[str, str]) -> list[dict[str, Any]]:
    """What ``terraform test`` prints."""
    done = subprocess.run(
        ["terraform", "test", "-json", f"-test-directory={tests}"],
        cwd=folder,
        env=environ,
        check=False,
        text=True,
        capture_output=True,
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.parametrize("plan", REFUSED, ids=lambda plan: plan.name)
def test_refuses(plan: Plan, errors: dict[Plan, list[str]]) -> None:
    # Several when the rule belongs to a resource of each destination.
    assert errors[plan]
    assert [error for error in errors[plan] if REFUSED[plan] not in error] == []


@pytest.mark.parametrize("plan", ACCEPTED, ids=lambda plan: plan.name)
def test_accepts(plan: Plan, errors: dict[Plan, list[str]]) -> None:
    assert errors[plan] == []


@pytest.mark.parametrize(
    ("plan", "name"), [pytest.param(plan, name, id=name) for plan in SHOWN for name in plan.shows]
)
def test_plans(plan: Plan, name: str, errors: dict[Plan, list[str]]) -> None:
    others = [other for other in plan.shows if other != name]
    assert [error for error in errors[plan] if not error.startswith(tuple(others))] == []


def test_destinations_are_known_before_what_a_caller_makes_beside_them(
    environ: Mapping[str, str],
) -> None:
    assert _test(REPOSITORY, "tests/plan", environ)[-1]["test_summary"]["status"] == "pass"


def test_every_rule_of_the_module_has_a_sentence_of_its_own_in_the_table() -> None:
    block = r"^ +(?:validation|precondition|postcondition) \{$(.*?)^ +\}$"
    module = "".join(file.read_text() for file in REPOSITORY.glob("*.tf")).replace('\\"', '"')
    found = [
        [sentence for sentence in RULES if sentence in rule]
        for rule in re.findall(block, module, re.S | re.M)
    ]
    assert sorted(found) == sorted([sentence] for sentence in RULES)
