"""The tables of the README say what the module's code says."""

import json
import re
from typing import Any, get_args

import hcl2
import pytest
from fanout.failures import Reason

from benchmarks import results, summary
from local_aws.server import REPOSITORY

README = (REPOSITORY / "README.md").read_text()


def declared(file: str, kind: str) -> dict[str, dict[str, Any]]:
    """The blocks of one kind in a Terraform file, by name."""
    with (REPOSITORY / file).open() as stream:
        blocks = hcl2.load(stream)[kind]
    return {name.strip('"'): body for block in blocks for name, body in block.items()}


def table(heading: str) -> dict[str, list[str]]:
    """The rows of the table below a heading, by the name in their first column."""
    section = README.split(f"\n{heading}\n", 1)[1].split("\n#", 1)[0]
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in section.splitlines()
        if line.startswith("| `")
    ]
    return {row[0].strip("`"): row[1:] for row in rows}


def attributes(variable: str) -> dict[str, str]:
    """The attributes of an object variable with their defaults, as the README writes them."""
    text = (REPOSITORY / "variables.tf").read_text()
    body = re.search(rf'variable "{variable}" {{\n  type = (.*?)\n  description', text, re.S)
    assert body, variable
    found = {}
    for name, given in re.findall(r"^    (\w+)\s*= (.*)$", body[1], re.M):
        optional = re.fullmatch(r"optional\((?:list\(string\)|\w+)(?:, (.*))?\)", given)
        found[name] = f"`{optional[1] or 'null'}`" if optional else "required"
    return found


def test_the_inputs_are_those_of_the_module() -> None:
    def default(variable: dict[str, Any]) -> str:
        if "default" not in variable:
            return "required"
        given = variable["default"]  # a string comes with its quotes
        return f"`{given if isinstance(given, str) else json.dumps(given)}`"

    assert {name: row[0] for name, row in table("## Inputs").items()} == {
        name: default(variable) for name, variable in declared("variables.tf", "variable").items()
    }


@pytest.mark.parametrize(
    ("heading", "variable"),
    [
        ("### A destination", "destinations"),
        ("### `function`", "function"),
        ("### `reconcile`", "reconcile"),
        ("### `alarms`", "alarms"),
        ("### `replication_log`", "replication_log"),
    ],
)
def test_the_attributes_are_those_of_the_module(heading: str, variable: str) -> None:
    assert {name: row[0] for name, row in table(heading).items()} == attributes(variable)


@pytest.mark.parametrize(
    "variable", ["destinations", "function", "reconcile", "alarms", "replication_log"]
)
def test_every_attribute_is_described_next_to_the_input(variable: str) -> None:
    description = declared("variables.tf", "variable")[variable]["description"]
    described = re.findall(r"^\s*- `(\w+)`:", description, re.M)
    assert described == list(attributes(variable))


def test_the_outputs_are_those_of_the_module() -> None:
    rows = table("## Outputs")
    assert rows.keys() == declared("outputs.tf", "output").keys()
    code = (REPOSITORY / "outputs.tf").read_text()
    made = re.findall(r"^    (\w+)\s*= ", code, re.M)
    assert re.findall(r"`(\w+)`", rows["destinations"][0]) == made


def test_the_warning_about_the_notification_configuration_is_next_to_the_input() -> None:
    assert "owns its whole notification configuration" in table("## Inputs")["source_bucket"][1]
    description = declared("variables.tf", "variable")["source_bucket"]["description"]
    assert "owns this bucket's whole notification configuration" in description


def test_every_reason_code_is_documented_once() -> None:
    text = (REPOSITORY / "docs/reasons.md").read_text()
    documented = re.findall(r"^\| `(\w+)` \|", text, re.M)
    assert sorted(documented) == sorted(get_args(Reason))


def test_the_measured_figures_are_those_of_the_last_run_that_was_kept() -> None:
    measured = README.split(summary.BEGIN, 1)[1].split(summary.END, 1)[0]
    assert measured == summary.markdown(results.read())
