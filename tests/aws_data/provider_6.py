"""The arguments that version 6 of the AWS provider takes, and which of them the module uses.

    python -m aws_data.provider_6 FOLDER

writes provider_6.json anew from the npm package @cdktn/provider-aws, unpacked in FOLDER: bindings that
are generated from the provider's schema. It is 46 MB, so the table is committed. `make provider-schema`
fetches it.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import hcl2

REPOSITORY = Path(__file__).resolve().parents[2]
TABLE = Path(__file__).with_suffix(".json")

META = {"count", "depends_on", "for_each", "lifecycle", "provider", "providers"}
"""Arguments of Terraform itself."""

ARGUMENT = re.compile(
    r"registry\.terraform\.io/providers/hashicorp/aws/([\d.]+)/docs/[^#]+#(\w+) "
    r".*?readonly \w+\??: ([^;]+);",
    re.S,
)
INTERFACE = re.compile(r"^export interface (\w+) .*?\{(.*?)^\}", re.M | re.S)

Arguments = dict[str, Any]
"""By name: None, or for a block its arguments."""


def used(files: Iterable[Path]) -> dict[str, list[Arguments]]:
    """What files of Terraform say of resources and data sources, by their types.

    The type of a data source begins with ``data.``.
    """
    found: dict[str, list[Arguments]] = {}
    for file in files:
        with file.open() as stream:
            content = hcl2.load(stream)
        for kind, prefix in (("resource", ""), ("data", "data.")):
            for block in content.get(kind, []):
                for name, bodies in block.items():
                    for body in bodies.values():
                        for dynamic in body.pop("dynamic", []):
                            body |= {n.strip('"'): b["content"] for n, b in dynamic.items()}
                        found.setdefault(prefix + name.strip('"'), []).append(body)
    return {name: said for name, said in found.items() if name.startswith(("aws_", "data.aws_"))}


def ours() -> dict[str, list[Arguments]]:
    """What the module and its examples say."""
    return used([*REPOSITORY.glob("*.tf"), *REPOSITORY.glob("examples/*/*.tf")])


def unknown(said: Arguments, known: Arguments, where: str) -> Iterator[str]:
    """Arguments that are not among the known ones, with the blocks they are in."""
    for name, value in said.items():
        if name in META or name.startswith("__"):
            continue
        if name not in known:
            yield f"{where}.{name}"
        elif known[name] is not None:
            for block in value if isinstance(value, list) else []:
                yield from unknown(block, known[name], f"{where}.{name}")


def arguments(declarations: str) -> tuple[str, Arguments]:
    """The provider's version, and the arguments of the resource that a file declares."""
    interfaces = dict(INTERFACE.findall(declarations))
    [config] = [name for name in interfaces if name.endswith("Config")][:1]
    versions = set()

    def of(name: str) -> Arguments:
        said = {}
        for version, argument, its_type in ARGUMENT.findall(interfaces[name]):
            versions.add(version)
            block = next(filter(interfaces.__contains__, re.findall(r"\w+", its_type)), None)
            said[argument] = of(block) if block else None
        return said

    found = of(config)
    [version] = versions
    return version, found


def main() -> None:
    """Run the command line."""
    package = Path(sys.argv[1])
    table = {}
    for name in sorted(ours()):
        folder = name.replace("data.aws_", "data-aws_").removeprefix("aws_").replace("_", "-")
        version, table[name] = arguments((package / "lib" / folder / "index.d.ts").read_text())
    source = json.loads((package / "package.json").read_text())
    lines = [
        f'"source": "{source["name"]} {source["version"]}"',
        f'"provider": "{version}"',
        *(f'"{name}": {json.dumps(known)}' for name, known in table.items()),
    ]
    TABLE.write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()
