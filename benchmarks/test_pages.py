"""What the README and the pages say in tables is what the code and the last run say."""

import re
from typing import get_args

import pytest
from fanout.replicate.failures import Reason

from . import interface, measured, pages, plan, results, summary
from .interface import attributes, declared, described

README = pages.README.read_text()
VARIABLES = pages.REPOSITORY / "variables.tf"
OUTPUTS = pages.REPOSITORY / "outputs.tf"


def test_the_tables_are_those_that_make_tables_writes() -> None:
    assert pages.readme(README, measured.read()) == README
    logs = pages.LOGS.read_text()
    assert pages.logs(logs) == logs


def test_the_table_of_scenarios_is_that_of_the_plan() -> None:
    text = pages.SCALING.read_text()
    table = text.split("make tables -->\n", 1)[1].split("\n<!--")[0]
    rows = [line.strip("| ").split(" | ") for line in table.splitlines()[2:]]

    assert [row[:2] for row in rows] == [[s.load, s.inputs] for s in plan.SCENARIOS]
    assert pages.scaling(text, measured.read(), rows) == text


def test_the_measured_figures_are_those_of_the_last_run_that_was_kept() -> None:
    figures = README.split(summary.BEGIN, 1)[1].split(summary.END, 1)[0]
    assert figures == summary.markdown(results.read())


@pytest.mark.parametrize(
    "variable", ["destinations", "function", "reconcile", "alarms", "replication_log"]
)
def test_every_attribute_is_described_next_to_the_input(variable: str) -> None:
    description = described(declared(VARIABLES, "variable")[variable]["description"])
    assert list(description.items) == list(attributes(VARIABLES, variable))


def test_what_belongs_to_a_destination_is_described_next_to_the_output() -> None:
    description = described(declared(OUTPUTS, "output")["destinations"]["description"])
    block = re.search(r'^output "destinations".*?^}', OUTPUTS.read_text(), re.S | re.M)
    made = re.findall(r"^    (\w+)\s*= ", block[0] if block else "", re.M)
    assert re.findall(r"`(\w+)`", description.first) == ["destinations", *made]


def test_a_description_is_a_sentence_more_of_it_a_list_and_the_rest() -> None:
    text = (
        '"<<-EOT\n  What it is. And\n  more.\n\n'
        '  - `a`: one\n    of two.\n  - `b`: the other.\n\n  Of both.\n  EOT"'
    )
    assert described(text) == interface.Description(
        "What it is.", "And more.", {"a": "One of two.", "b": "The other."}, "Of both."
    )
    assert described('"Is \\"it\\". And more."').first == 'Is "it". And more.'


def test_the_warning_about_the_notification_configuration_is_next_to_the_input() -> None:
    description = declared(VARIABLES, "variable")["source_bucket"]["description"]
    assert "owns this bucket's whole notification configuration" in description


def test_every_reason_code_is_documented_once() -> None:
    text = (pages.REPOSITORY / "docs/reasons.md").read_text()
    documented = re.findall(r"^\| `(\w+)` \|", text, re.M)
    assert sorted(documented) == sorted(get_args(Reason))
