"""Plans of the module, from the tables beside this file.

    python tests/plan/test_plans.py

writes docs/refusals.md, the table of wrong inputs as a page.

``refusals.toml`` has wrong inputs, each with the sentence of the rule that it breaks, ``accepted.toml``
inputs that look odd and are right. Every other table says what is planned for an input: expressions
that must be true. Inputs are given to a whole table or to one plan of it.

Terraform does not say which rule satisfied ``expect_failures``, so the runs of refusals expect nothing,
fail, and their errors are compared. Most rules need no more than variables.tf, which takes milliseconds.
What that accepts is planned with the whole module, which must be initialized. Tests of other things
leave alarms out, which are a third of a plan's time.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from local_aws import terraform
from local_aws.server import REPOSITORY
from plan.provider import held, installed_provider

FOLDER = REPOSITORY / "build" / ".plans"  # hidden from terraform fmt
PAGE = REPOSITORY / "docs/refusals.md"

INTRODUCTION = """\
# Wrong inputs

What Terraform says at plan, before anything is changed. The tests plan each of these beside a valid
`source_bucket` and `destinations`, and write this page (`make tables`).

"""

VALID = """
source_bucket = "photos"
destinations  = { archive = { bucket = "archive" } }
"""
KNOWN = 'mock_provider "aws" {\nsource = "./tests/plan/known"\n}\n'


@dataclass(frozen=True)
class Plan:
    """An input that is planned.

    Attributes:
        name: of a wrong or an odd input; of others where they stand.
        given: the inputs that differ from those of the whole table, in HCL.
        overrides: what AWS says, in HCL.
        target: what alone is planned, where all of it would take long.
        shows: what must be true, in HCL, by its name.
        table: the inputs of the whole table, in HCL, behind the provider.
    """

    name: str
    given: str = ""
    overrides: str = ""
    target: str = ""
    shows: Mapping[str, str] = field(default_factory=dict, hash=False)
    table: str = f"{KNOWN}variables {{{VALID}alarms = {{ enabled = false }}\n}}\n"

    def run(self) -> str:
        """The run of its test file."""
        asserts = "".join(
            f"assert {{\ncondition = (\n{true}\n)\nerror_message = {json.dumps(name)}\n}}\n"
            for name, true in self.shows.items()
        )
        target = f"plan_options {{\ntarget = [{self.target}]\n}}\n" if self.target else ""
        return (
            f'run "plan" {{\ncommand = plan\nvariables {{\n{self.given}\n}}\n'
            f"{target}{self.overrides}\n{asserts}}}\n"
        )


def _table(name: str) -> dict[str, Any]:
    return tomllib.loads((Path(__file__).parent / f"{name}.toml").read_text())


RULES = _table("refusals")
REFUSED = {
    Plan(name, given.strip(), target=cases.get("target", "")): cases.get("says", sentence)
    for sentence, cases in RULES.items()
    for name, given in cases.items()
    if name not in ("says", "target")
}
ACCEPTED = [Plan(name, given) for name, given in _table("accepted")["accepts"].items()]
SHOWN = [
    Plan(
        f"{file.stem} {number}",
        plan.get("given", ""),
        plan.get("overrides", ""),
        plan.get("target", ""),
        plan["shows"],
        f"{KNOWN}variables {{\n{_table(file.stem)['given']}}}\n",
    )
    for file in sorted(Path(__file__).parent.glob("*.toml"))
    for number, plan in enumerate(_table(file.stem).get("plan", []))
]


@contextlib.contextmanager
def attached() -> Iterator[Mapping[str, str]]:
    """While the context lasts, the environment of Terraform with a provider to attach to."""
    environ = terraform.command_environment()
    with held(installed_provider(environ), environ) as provider:
        yield environ | provider


def errors_of(plans: Iterable[Plan], environ: Mapping[str, str]) -> dict[Plan, list[str]]:
    """The errors that each plan gets."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    variables = FOLDER / "variables"
    variables.mkdir(parents=True)
    shutil.copy(REPOSITORY / "variables.tf", variables)
    alone = {plan: f"variables {{{VALID}}}\n{plan.run()}" for plan in REFUSED}
    refused = {
        plan: found for plan, found in _errors(variables, "tests", alone, environ).items() if found
    }
    module = os.path.relpath(FOLDER / "module", REPOSITORY)
    whole = {plan: plan.table + plan.run() for plan in plans if plan not in refused}
    return refused | _errors(REPOSITORY, module, whole, environ)


def page(errors: Mapping[Plan, list[str]]) -> str:
    """docs/refusals.md."""
    lines = [("if you write", "Terraform says"), ("---", "---")]
    for plan in REFUSED:
        given = re.sub(r"(?<=[^\[{(,])\n(?! *[\]})])", ", ", plan.given)
        said = errors[plan][0].split("\n\nThis was checked by")[0]
        lines.append((f"`{_in_a_cell(given)}`", _in_a_cell(said)))
    return INTRODUCTION + "".join(f"| {written} | {said} |\n" for written, said in lines)


def _in_a_cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


@pytest.fixture(scope="session")
def environ() -> Iterator[Mapping[str, str]]:
    """The environment of Terraform, with a provider to attach to."""
    with attached() as environ:
        yield environ


@pytest.fixture(scope="session")
def errors(environ: Mapping[str, str]) -> dict[Plan, list[str]]:
    """The errors that each plan gets."""
    return errors_of([*REFUSED, *ACCEPTED, *SHOWN], environ)


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
    return {plan: sorted(errors) for plan, errors in found.items()}


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
    if REFUSED[plan].startswith(": "):
        named = [re.match(r"destinations\.(.+?): ", error) for error in errors[plan]]
        assert all(match and match[1] in plan.given for match in named)


def test_the_page_says_what_terraform_says(errors: dict[Plan, list[str]]) -> None:
    assert PAGE.read_text() == page(errors)


@pytest.mark.parametrize("plan", ACCEPTED, ids=lambda plan: plan.name)
def test_accepts(plan: Plan, errors: dict[Plan, list[str]]) -> None:
    assert errors[plan] == []


@pytest.mark.parametrize(
    ("plan", "name"), [pytest.param(plan, name, id=name) for plan in SHOWN for name in plan.shows]
)
def test_plans(plan: Plan, name: str, errors: dict[Plan, list[str]]) -> None:
    others = [other for other in plan.shows if other != name]
    assert [error for error in errors[plan] if not error.startswith(tuple(others))] == []


def test_the_first_plan_of_the_quick_start_shows_what_it_grants(
    environ: Mapping[str, str],
) -> None:
    readme = (REPOSITORY / "README.md").read_text()
    quick_start = re.search(r'^module "fanout" \{\n.*?\n\n(.*?)^\}', readme, re.S | re.M)
    shown = re.search(r"^```text\n(.*?)^```", readme, re.S | re.M)
    assert quick_start
    assert shown
    folder = FOLDER / "first"
    folder.mkdir(parents=True)
    run = 'run "plan" {\ncommand = plan\n}\n'
    (folder / "plan.tftest.hcl").write_text(f"{KNOWN}variables {{\n{quick_start[1]}}}\n{run}")
    planned = subprocess.run(
        [
            "terraform",
            "test",
            "-verbose",
            "-no-color",
            f"-test-directory={folder.relative_to(REPOSITORY)}",
        ],
        cwd=REPOSITORY,
        env=environ,
        check=True,
        text=True,
        stdout=subprocess.PIPE,
    ).stdout
    assert shown[1] in planned
    assert len(re.findall(r"^ +\+ (?:\w+_)?policy += jsonencode\($", planned, re.M)) > 15
    assert len(re.findall(r"^ +\+ variables = \{$", planned, re.M)) == 3
    hidden = re.findall(
        r"^.*(?:policy|variables|environment) += \(known after apply\)", planned, re.M
    )
    assert hidden == []


def test_destinations_are_known_before_what_a_caller_makes_beside_them(
    environ: Mapping[str, str],
) -> None:
    assert _test(REPOSITORY, "tests/plan", environ)[-1]["test_summary"]["status"] == "pass"


def test_every_rule_of_the_module_has_a_sentence_of_its_own_in_the_table() -> None:
    block = r"^ +(?:validation|precondition) \{$(.*?)^ +\}$"
    module = "".join(file.read_text() for file in REPOSITORY.glob("*.tf")).replace('\\"', '"')
    found = [
        [sentence for sentence in RULES if sentence in rule]
        for rule in re.findall(block, module, re.S | re.M)
    ]
    assert sorted(found) == sorted([sentence] for sentence in RULES)


if __name__ == "__main__":
    with attached() as found_environ:
        PAGE.write_text(page(errors_of(REFUSED, found_environ)))
