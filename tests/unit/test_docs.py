"""What the pages point to is there, and what they say to run is run by a test or needs AWS."""

import re
from pathlib import Path

import pytest

from local_aws.server import REPOSITORY

PAGES = sorted(
    page
    for pattern in ("*.md", "docs/*.md", "examples/*/README.md")
    for page in REPOSITORY.glob(pattern)
)
PATTERN = r"^ *```{}\n(.*?)^ *```$"

# Whose commands a test runs as they stand there: test_operations, test_migration.
RUN = {"docs/operations.md", "docs/migration.md"}

NEEDS_AWS = "*needs AWS*"
"""In the section, or at the block: nobody ran this here."""

TERRAFORM = sorted(
    file
    for pattern in (
        "*.tf",
        "examples/*/*.tf",
        "tests/**/*.tf",
        "tests/**/*.hcl",
        "benchmarks/**/*.tf",
    )
    for file in REPOSITORY.glob(pattern)
)

TARGETS = set(re.findall(r"^([a-z-]+):.*## ", (REPOSITORY / "Makefile").read_text(), re.M))


def prose(page: Path) -> str:
    """A page without its code blocks."""
    return re.sub(PATTERN.format(r"\w*"), "", page.read_text(), flags=re.S | re.M)


def anchors(page: Path) -> set[str]:
    """The anchors that a forge makes of a page's headings."""
    headings = re.findall(r"^#+ (.*)$", prose(page), re.M)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def by_name(page: Path) -> str:
    return str(page.relative_to(REPOSITORY))


@pytest.mark.parametrize("page", PAGES, ids=by_name)
def test_no_link_is_dead(page: Path) -> None:
    dead = []
    for link in re.findall(r"\]\(([^)]*)\)", prose(page)):
        if link.startswith("https://"):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            dead.append(link)
    assert dead == []


@pytest.mark.parametrize("page", PAGES, ids=by_name)
def test_every_target_of_make_is_there(page: Path) -> None:
    named = re.findall(r"(?:`|^)make\s+([a-z-]+)", page.read_text(), re.M)
    assert set(named) <= TARGETS


@pytest.mark.parametrize(
    "page", [page for page in PAGES if "examples" not in page.parts], ids=by_name
)
def test_every_command_is_run_by_a_test_or_needs_aws(page: Path) -> None:
    text = page.read_text()
    blocks = list(re.finditer(PATTERN.format("sh"), text, re.S | re.M))
    assert bool(blocks) or by_name(page) not in RUN
    for block in blocks:
        section = re.split(r"^#+ ", text[: block.start()], flags=re.M)[-1]
        if by_name(page) not in RUN and NEEDS_AWS not in section:
            commands = block[1].splitlines()
            assert block[1] == audit_command() or all(c.startswith("make") for c in commands)


def audit_command() -> str:
    """The command of the output, which test_reconcile runs, as docs/reconcile.md writes it."""
    written = (REPOSITORY / "outputs.tf").read_text()
    found = re.search(r"reconcile_command = .*?\[\n(.*?)\n    \]", written, re.S)
    assert found
    command = " \\\n  ".join(re.findall(r'^ +"(.*)",$', found[1], re.M)) + "\n"
    for template, value in {
        '${jsonencode({ destination = key, mode = "audit" })}': (
            '{"destination":"archive","mode":"audit"}'
        ),
        "${local.region}": "eu-central-1",
        "${local.reconcile_name}": "photos-fanout-reconcile",
    }.items():
        command = command.replace(template, value)
    return command


def test_a_line_of_terraform_has_at_most_140_characters() -> None:
    long = [
        f"{by_name(file)}:{number}"
        for file in TERRAFORM
        for number, line in enumerate(file.read_text().splitlines(), start=1)
        if len(line) > 140
    ]
    assert long == []
