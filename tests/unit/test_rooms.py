"""The rooms of the function's code: which may import which, wherever in a module the import stands."""

from __future__ import annotations

import ast
import sys
from collections import defaultdict
from collections.abc import Iterator
from graphlib import TopologicalSorter
from importlib.util import resolve_name
from pathlib import Path

LAMBDA = Path(__file__).resolve().parents[2] / "lambda"

MAY_IMPORT = {
    "common": {"common"},
    "reconcile": {"common", "reconcile"},
    "replicate": {"common", "replicate"},
}

SOURCES = {
    ".".join(path.relative_to(LAMBDA).with_suffix("").parts): ast.parse(path.read_text())
    for path in LAMBDA.glob("fanout/**/*.py")
}
MODULES = {name: tree for name, tree in SOURCES.items() if not name.endswith(".__init__")}


def imports_of(name: str, tree: ast.Module) -> set[str]:
    """The modules of the package that a module imports, in functions and for its types too."""
    found: set[str] = set()
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                found |= {alias.name for alias in names}
            case ast.ImportFrom(module=module, names=names, level=level):
                package = resolve_name("." * level + (module or ""), name.rpartition(".")[0])
                found |= {package} | {f"{package}.{alias.name}" for alias in names}
    return found & MODULES.keys()


ARROWS = {name: imports_of(name, tree) for name, tree in MODULES.items()}


ENTRY_POINTS = {"handler", "handle"}
"""A module and its function in either feature, which Lambda calls by their path."""


def public_names(name: str, tree: ast.Module) -> Iterator[str]:
    """The name of a module, and those that it defines for others."""
    yield name.rpartition(".")[2]
    for node in tree.body:
        match node:
            case ast.FunctionDef(name=defined) | ast.ClassDef(name=defined):
                found = [defined]
            case ast.Assign(targets=targets):
                found = [n.id for t in targets for n in ast.walk(t) if isinstance(n, ast.Name)]
            case ast.AnnAssign(target=ast.Name(id=defined)):
                found = [defined]
            case _:
                continue
        yield from (each for each in found if not each.startswith("_"))


def in_short(name: str) -> str:
    """A name without what no reader keeps in mind: capitals, underscores, the plural."""
    return name.casefold().replace("_", "").removesuffix("s")


def room_of(name: str) -> str:
    return name.split(".")[1]


def test_common_imports_neither_feature_and_the_features_do_not_import_each_other() -> None:
    crossing = {
        f"{name} imports {other}"
        for name, others in ARROWS.items()
        for other in others
        if room_of(other) not in MAY_IMPORT[room_of(name)]
    }

    assert crossing == set()


def test_no_import_leads_back_to_where_it_started() -> None:
    TopologicalSorter(ARROWS).prepare()  # raises CycleError, which names the modules


def test_every_module_is_reached_from_one_of_the_handlers() -> None:
    reached, todo = set(), ["fanout.replicate.handler", "fanout.reconcile.handler"]
    while todo:
        name = todo.pop()
        if name not in reached:
            reached.add(name)
            todo += ARROWS[name]

    assert reached == MODULES.keys()


def test_a_package_runs_no_code_of_its_own() -> None:
    packages = {name: tree for name, tree in SOURCES.items() if name not in MODULES}

    assert {name for name, tree in packages.items() if tree.body[1:]} == set()


def test_no_two_public_names_are_alike_but_those_of_the_entry_points() -> None:
    meanings: defaultdict[str, set[tuple[str, str]]] = defaultdict(set)
    for module, tree in MODULES.items():
        of_module, *others = public_names(module, tree)
        # A module may be called as the one thing that it is there for.
        meanings[in_short(of_module)].add((module, ""))
        for name in others:
            own = in_short(name) == in_short(of_module)
            meanings[in_short(name)].add((module, "" if own else name))

    alike = {name for name, found in meanings.items() if len(found) > 1}

    assert alike == ENTRY_POINTS


def test_no_module_imports_anything_but_the_standard_library_and_what_botocore_brings() -> None:
    found: set[str] = set()
    for node in (node for tree in MODULES.values() for node in ast.walk(tree)):
        match node:
            case ast.Import(names=names):
                found |= {alias.name.partition(".")[0] for alias in names}
            case ast.ImportFrom(module=str(name), level=0):
                found.add(name.partition(".")[0])

    # Types are imported for mypy only: where the zip runs in a test, there are none.
    types = {name for name in found if name.startswith("mypy_boto3")}
    assert found - sys.stdlib_module_names - types == {"botocore"}
