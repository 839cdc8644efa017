"""What the README says of inputs and outputs, from variables.tf and outputs.tf.

The description of an object, or of an input with fixed values, is a sentence, what else there is to
say, a list of its attributes or values, and what there is to say of all of them.
"""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import hcl2

ITEM = re.compile(r"^- `([^`]+)`: (.*)$", re.S)


@dataclass(frozen=True)
class Description:
    """What a description says.

    Attributes:
        first: its first sentence where it has a list, otherwise all of it.
        more: what follows, up to the list.
        items: the list, by name.
        rest: what follows the list.
    """

    first: str
    more: str
    items: Mapping[str, str]
    rest: str


@cache
def declared(file: Path, kind: str) -> dict[str, dict[str, Any]]:
    """The blocks of one kind in a Terraform file, by name."""
    with file.open() as stream:
        blocks = hcl2.load(stream)[kind]
    return {name.strip('"'): body for block in blocks for name, body in block.items()}


def described(text: str) -> Description:
    """What a block's description says.

    Args:
        text: as hcl2 gives it, quotes and marks of a heredoc included.
    """
    if heredoc := re.fullmatch(r'"<<-EOT\n(.*)\n\s*EOT"', text, re.S):
        text = textwrap.dedent(heredoc[1])
    else:
        text = text.strip('"').replace('\\"', '"')
    before, *after = re.split(r"\n\n(?=- `)", text, maxsplit=1)
    if not after:
        return Description(_line(before), "", {}, "")
    listed, *rest = after[0].split("\n\n", 1)
    items = {}
    for item in re.split(r"\n(?=- )", listed):
        found = ITEM.match(item)
        assert found, item
        items[found[1]] = _line(found[2])
    first, _, more = _line(before).partition(". ")
    return Description(f"{first.rstrip('.')}.", more, items, _line("".join(rest)))


def attributes(variables: Path, variable: str) -> dict[str, str]:
    """The attributes of an object variable with their defaults, as the README writes them."""
    body = re.search(
        rf'variable "{variable}" {{\n  type = (.*?)\n  description', variables.read_text(), re.S
    )
    found = {}
    wanted = body[1].split("# Only to be refused")[0] if body else ""
    for name, given in re.findall(r"^    (\w+)\s*= (.*)$", wanted, re.M):
        optional = re.fullmatch(r"optional\((?:(?:list|map)\(string\)|\w+)(?:, (.*))?\)", given)
        found[name] = f"`{optional[1] or 'null'}`" if optional else "required"
    return found


def inputs(variables: Path) -> str:
    """The table of all inputs, and a section for each that has a list."""
    rows, sections = [], []
    for name, variable in declared(variables, "variable").items():
        about = described(variable["description"])
        first = about.first
        if about.items:
            first = f"{first.rstrip('.')}, see [below](#{name})."
            sections.append(_section(name, about, attributes(variables, name)))
        rows.append([f"`{name}`", _default(variable), first])
    return "\n\n".join([table(["name", "default", ""], rows), *sections])


def outputs(file: Path) -> str:
    """The table of all outputs."""
    rows = [
        [f"`{name}`", described(output["description"]).first]
        for name, output in declared(file, "output").items()
    ]
    return table(["name", ""], rows)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _section(name: str, about: Description, defaults: Mapping[str, str]) -> str:
    if defaults:
        head = ["attribute", "default", ""]
        rows = [[f"`{item}`", defaults[item], text] for item, text in about.items.items()]
    else:
        head, rows = ["value", ""], [[f'`"{item}"`', text] for item, text in about.items.items()]
    parts = [f"### `{name}`", _filled(about.more), table(head, rows), _filled(about.rest)]
    return "\n\n".join(part for part in parts if part)


def _default(variable: Mapping[str, Any]) -> str:
    if "default" not in variable:
        return "required"
    given = variable["default"]  # a string comes with its quotes
    return f"`{given if isinstance(given, str) else json.dumps(given)}`"


def _line(text: str) -> str:
    line = " ".join(text.split())
    return line[:1].upper() + line[1:]


def _filled(text: str) -> str:
    return textwrap.fill(text, 108, break_long_words=False, break_on_hyphens=False)
