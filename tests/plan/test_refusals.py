"""Wrong input is refused at plan, with the sentence of the rule that it breaks: see refusals.toml.

Terraform does not say which rule satisfied ``expect_failures``, so these runs expect nothing, fail,
and their errors are compared. Most rules need no more than variables.tf, which takes milliseconds.
What that accepts is planned with the whole module, which must be initialized.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from local_aws import terraform
from local_aws.server import REPOSITORY
from plan.run import held, installed_provider

FOLDER = REPOSITORY / "build" / ".refusals"  # hidden from terraform fmt

VALID = """
source_bucket = "photos"
destinations  = { archive = { bucket = "archive" } }
"""


@dataclass(frozen=True)
class Case:
    """A wrong input.

    Attributes:
        number: its place in the table.
        given: the inputs that differ from ``VALID``, in HCL.
        overrides: what AWS says of resources, in HCL.
        sentence: what the error must say.
    """

    number: int
    name: str
    given: str
    overrides: str
    sentence: str


RULES = tomllib.loads((Path(__file__).parent / "refusals.toml").read_text())["rule"]
CASES = [
    Case(number, name, given, rule.get("overrides", ""), rule["sentence"])
    for number, (rule, name, given) in enumerate(
        (rule, name, given) for rule in RULES for name, given in rule["refuses"].items()
    )
]


@pytest.fixture(scope="session")
def errors() -> dict[Case, list[str]]:
    """The errors that each wrong input gets."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    variables = FOLDER / "variables"
    variables.mkdir(parents=True)
    shutil.copy(REPOSITORY / "variables.tf", variables)
    environ = terraform.command_environment()
    found = _errors(variables, "tests", f"variables {{{VALID}}}\n", CASES, environ)
    accepted = [case for case in CASES if not found[case]]
    with held(installed_provider(environ), environ) as attached:
        module = os.path.relpath(FOLDER / "module", REPOSITORY)
        # Alarms would take a third of the time.
        mocked = (
            f'mock_provider "aws" {{}}\nvariables {{{VALID}alarms = {{ enabled = false }}\n}}\n'
        )
        return found | _errors(REPOSITORY, module, mocked, accepted, environ | attached)


def _errors(
    folder: Path, tests: str, head: str, cases: Iterable[Case], environ: Mapping[str, str]
) -> dict[Case, list[str]]:
    """Plan cases, each in a file of its own: after a failure Terraform skips the rest of a file.

    Args:
        folder: the configuration's.
        tests: the folder below it to write the files to.
        head: the beginning of every file.
    """
    (folder / tests).mkdir(parents=True)
    files = {}
    for case in cases:
        file = f"{tests}/{case.number}.tftest.hcl"
        run = f"command = plan\nvariables {{\n{case.given}\n}}\n{case.overrides}"
        (folder / file).write_text(f'{head}run "refused" {{\n{run}\n}}\n')
        files[file] = case
    done = subprocess.run(
        ["terraform", "test", "-json", f"-test-directory={tests}"],
        cwd=folder,
        env=environ,
        check=False,
        text=True,
        capture_output=True,
    )
    found: dict[Case, list[str]] = {case: [] for case in files.values()}
    for line in map(json.loads, done.stdout.splitlines()):
        if line["type"] == "diagnostic" and line["@level"] == "error":
            assert "@testfile" in line, line
            found[files[line["@testfile"]]].append(line["diagnostic"]["detail"])
    return found


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_refuses(case: Case, errors: dict[Case, list[str]]) -> None:
    # Several when the rule belongs to a resource of each destination.
    assert errors[case]
    assert [error for error in errors[case] if case.sentence not in error] == []


def test_every_rule_of_the_module_has_a_sentence_of_its_own_in_the_table() -> None:
    block = r"^ +(?:validation|precondition|postcondition) \{$(.*?)^ +\}$"
    module = "".join(file.read_text() for file in REPOSITORY.glob("*.tf")).replace('\\"', '"')
    sentences = [rule["sentence"] for rule in RULES]
    found = [
        [sentence for sentence in sentences if sentence in rule]
        for rule in re.findall(block, module, re.S | re.M)
    ]
    assert sorted(found) == sorted([sentence] for sentence in sentences)
