"""The gates of the house: what keeps every file readable in one sitting."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from tests.house.tree import python_files, source

MAX_FUNCTION_LINES = 80
MAX_MODULE_LINES = 450
MAX_TEST_MODULE_LINES = 700

# Where a broad except may stand, and why. Everything else names what it expects.
BROAD_EXCEPT_ALLOWED = {
    "server/routes/middleware.py": "the edge of the HTTP process: a bug becomes a logged 500, not a broken connection",
    "server/stages/signal.py": "the edge of a worker: a fault of ours costs one request, not the worker",
    "server/stages/model.py": "the edge of a worker: one recording must not fail its neighbours in the batch",
}

# Files whose job is to write to a terminal.
PRINTING_ALLOWED = (
    "benchmarks/",
    "bulk/",
    "training/",
    "scripts/",
    "client/",
    "server/__main__.py",
    "model_store/__main__.py",
)

Function = ast.FunctionDef | ast.AsyncFunctionDef
PRODUCT = sorted(name for name in python_files() if not name.startswith("tests/"))


def functions(tree: ast.Module) -> Iterator[Function]:
    return (node for node in ast.walk(tree) if isinstance(node, Function))


def length(node: Function) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def broad_handlers(tree: ast.Module) -> list[int]:
    """Lines of `except:`, `except Exception` and `except BaseException` that don't raise again."""
    handlers = [node for node in ast.walk(tree) if isinstance(node, ast.ExceptHandler)]
    broad = [
        node
        for node in handlers
        if node.type is None
        or {"Exception", "BaseException"} & set(re.findall(r"\w+", ast.unparse(node.type)))
    ]
    return [
        node.lineno
        for node in broad
        if not (isinstance(node.body[-1], ast.Raise) and node.body[-1].exc is None)
    ]


def test_functions_fit_on_a_screen() -> None:
    lengths = {
        f"{name}: {node.name}": length(node)
        for name in PRODUCT
        for node in functions(python_files()[name])
    }
    assert not {place: lines for place, lines in lengths.items() if lines > MAX_FUNCTION_LINES}


def test_modules_hold_one_idea() -> None:
    lengths = {name: source(name).count("\n") for name in python_files()}
    limits = {
        name: MAX_TEST_MODULE_LINES if name.startswith("tests/") else MAX_MODULE_LINES
        for name in lengths
    }
    assert not {name: lines for name, lines in lengths.items() if lines > limits[name]}


def test_modules_say_what_they_are_for() -> None:
    assert not [
        name
        for name in PRODUCT
        if source(name).strip() and not ast.get_docstring(python_files()[name])
    ]


def test_broad_excepts_stand_only_at_the_edges_that_are_listed() -> None:
    found = {name for name in PRODUCT if broad_handlers(python_files()[name])}
    assert found == set(BROAD_EXCEPT_ALLOWED)


def test_only_commands_print() -> None:
    calls = {
        name: [node.func for node in ast.walk(python_files()[name]) if isinstance(node, ast.Call)]
        for name in PRODUCT
    }
    printing = {
        name
        for name, called in calls.items()
        if any(isinstance(each, ast.Name) and each.id == "print" for each in called)
    }
    assert not {name for name in printing if not name.startswith(PRINTING_ALLOWED)}


def test_nothing_is_called_utils_and_nothing_is_put_off() -> None:
    named = {
        name
        for name in python_files()
        if name.rsplit("/", 1)[-1] in {"utils.py", "util.py", "helpers.py", "misc.py", "common.py"}
    }
    marks = re.compile(r"#.*\b(" + "|".join(["TO" + "DO", "FIX" + "ME"]) + r")\b")
    assert not named
    assert not {name for name in python_files() if marks.search(source(name))}


def test_the_product_knows_no_place_but_its_own() -> None:
    """No path of a machine it was made on, and no registry but PyTorch's public one."""
    elsewhere = re.compile(r"/(?:work|root|home/\w+)/|pypi|files\.pythonhosted")
    assert not {name for name in PRODUCT if elsewhere.search(source(name))}
