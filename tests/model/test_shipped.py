"""The model decides nothing itself: it runs the functions in the zip, and answers their calls."""

from __future__ import annotations

import ast
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import CodeType, FrameType

from fanout.replicate import actions, object_state, progress, protocol, upload_plan, uploads

from model.explore import explore
from model.scenarios import CROWDED, HEADERS, KEPT, TAGS
from model.world import Replicas, Versioning

ROOT = Path(__file__).parents[2]
FOLDER = Path(__file__).parent
DECIDING = (protocol, uploads, upload_plan, object_state, progress)
"""The modules whose functions make the decisions."""
NOT_OF_A_KEY = {
    "is_write",
    "is_converged",
    "begin_cleaning",  # of a key that is given up
    "TimeBudget",
    "from_headers",
    "has_delete_marker",
    "character_not_in_xml",
    "redirect",
    "copy_range",
    "storage_class_for",
}
"""What is about a call, a report or a clock rather than a decision."""


def trees() -> Iterator[tuple[Path, ast.Module]]:
    """The modules of the model, tests and broken variants apart."""
    for path in sorted(FOLDER.glob("*.py")):
        if not path.name.startswith("test_") and path.name != "variants.py":
            yield path, ast.parse(path.read_text())


def functions(tree: ast.AST) -> dict[str, str]:
    """Every function in a tree, by its name, as its shape: without names of its own and texts."""
    return {
        node.name: _shape(node)
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("__")
    }


def _shape(node: ast.FunctionDef) -> str:
    kinds = [
        type(each).__name__ for each in ast.walk(node) if not isinstance(each, ast.expr_context)
    ]
    return " ".join(kinds)


def shipped_sources() -> dict[str, str]:
    """The modules in the zip."""
    with zipfile.ZipFile(ROOT / "lambda/function.zip") as archive:
        return {
            name: archive.read(name).decode()
            for name in archive.namelist()
            if name.startswith("fanout/replicate/")
        }


def test_every_decision_is_run_from_the_code_that_is_in_the_zip() -> None:
    shipped = shipped_sources()
    for module in DECIDING:
        path = Path(str(module.__file__))
        assert path.read_text() == shipped[f"fanout/replicate/{path.name}"]
    run: set[CodeType] = set()

    def note(frame: FrameType, event: str, _: object) -> None:
        if event == "call":
            run.add(frame.f_code)

    sys.setprofile(note)
    try:
        for scenario in (
            replace(CROWDED, operations=1, is_comparable=False),
            replace(HEADERS, replicas=Replicas.VERSIONED),
            replace(TAGS, operations=1, versioning=Versioning.UNVERSIONED),
            replace(KEPT, operations=2, workers=1),
        ):
            explore(scenario)
    finally:
        sys.setprofile(None)
    files = {code.co_filename for code in run}
    assert files >= {str(module.__file__) for module in (protocol, uploads)}

    names = {code.co_name for code in run if code.co_filename in map(_file, DECIDING)}
    written = {
        function.name
        for module in DECIDING
        for function in _own_functions(ast.parse(Path(_file(module)).read_text()))
    }
    assert written - names == set()


def _file(module: object) -> str:
    return str(getattr(module, "__file__", ""))


def _own_functions(tree: ast.Module) -> Iterator[ast.FunctionDef]:
    for node in tree.body:
        inner = node.body if isinstance(node, ast.ClassDef) else [node]
        if isinstance(node, ast.ClassDef) and node.name in NOT_OF_A_KEY:
            continue
        for each in inner:
            if isinstance(each, ast.FunctionDef) and each.name not in NOT_OF_A_KEY:
                yield each


def written_again(tree: ast.AST) -> set[str]:
    """The functions of a tree that have the name or the shape of one in the zip."""
    shipped = [functions(ast.parse(text)) for text in shipped_sources().values()]
    names = {name for each in shipped for name in each} - COMMON_NAMES
    shapes = {shape for each in shipped for shape in each.values() if shape.count(" ") > 30}
    own = functions(tree)
    return own.keys() & names | {name for name, shape in own.items() if shape in shapes}


COMMON_NAMES = {"abandoned", "complete", "explore", "landing", "read", "steps"}
"""Names that mean something else in the model: S3's side of a call."""


def test_no_function_of_the_zip_is_written_again_in_the_model() -> None:
    assert {path.name: found for path, tree in trees() if (found := written_again(tree))} == {}


def test_a_function_that_is_written_again_under_another_name_is_found() -> None:
    text = Path(_file(uploads)).read_text()
    renamed = text.replace("_choose", "_take").replace("at_work", "busy").replace("left", "rest")

    assert written_again(ast.parse(renamed)) >= {"_take", "_clean_up", "advance_upload"}


def test_nothing_but_the_shipped_functions_and_the_broken_variants_decides_on_an_action() -> None:
    decided = {name for name, found in vars(actions).items() if isinstance(found, type)} - {
        "LargeCopy",
        "ObjectState",
        "Part",
        "UploadPlan",
    }
    decided |= {"KeyProgress"}

    for path, tree in trees():
        made = {
            node.func.id
            for node in ast.walk(tree)
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        }
        # A worker that has nothing to do any more has made no progress.
        assert made & decided <= ({"KeyProgress"} if path.name == "worker.py" else set()), path
