"""Gates that keep every file readable in one sitting."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from tests.house.tree import python_file_names, python_files, source

MAX_FUNCTION_LINES = 60
MAX_MODULE_LINES = 450
MAX_TEST_MODULE_LINES = 600

# Where a broad except is allowed, and why. Everywhere else an except names what it expects.
BROAD_EXCEPT_ALLOWED = {
    "server/routes/middleware.py": "edge of the HTTP process: a bug becomes a logged 500",
    "server/stages/signal.py": "edge of a worker: a bug costs one request, not the worker",
    "server/workers/reader_process.py": "edge of a process: a bug costs one upload",
    "station/worker/session.py": "a record that cannot be watched must not stop the others",
    "station/worker/faults.py": "a record that cannot be watched must not stop the others",
    "station/worker/run.py": "edge of a process: a bug costs a session, not the worker",
    "station/labels/labeller.py": "edge of a thread: a bug costs a turn, not the labeller",
    "station/outbox/sender.py": "edge of a thread: a bug costs a turn, not the sender",
    "station/ingest/writer.py": "edge of a thread: a bug costs one post, not the writer",
    "server/stages/model.py": "edge of a worker: one recording must not fail its neighbours",
}

# Files that write to a terminal.
PRINTING_ALLOWED = (
    "benchmarks/",
    "bulk/",
    "training/",
    "scripts/",
    "client/",
    "server/__main__.py",
    "station/__main__.py",
    "station/demo/command.py",
    "station/archive/command.py",
    "station/holter/command.py",
    "station/patients/command.py",
    "station/replay/command.py",
    "access/keys_command.py",
    "model_store/__main__.py",
)

Function = ast.FunctionDef | ast.AsyncFunctionDef
PRODUCT = sorted(name for name in python_file_names() if not name.startswith("tests/"))


def functions(tree: ast.Module) -> Iterator[Function]:
    return (node for node in ast.walk(tree) if isinstance(node, Function))


def length(node: Function) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def is_broad(handler: ast.ExceptHandler) -> bool:
    if handler.type is None:
        return True
    return bool({"Exception", "BaseException"} & set(re.findall(r"\w+", ast.unparse(handler.type))))


def reraises(handler: ast.ExceptHandler) -> bool:
    last = handler.body[-1]
    return isinstance(last, ast.Raise) and last.exc is None


def broad_handlers(tree: ast.Module) -> list[int]:
    """Return the lines of `except:`, `except Exception` and the like that do not raise again."""
    handlers = [node for node in ast.walk(tree) if isinstance(node, ast.ExceptHandler)]
    return [node.lineno for node in handlers if is_broad(node) and not reraises(node)]


def calls_print(tree: ast.Module) -> bool:
    calls = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return any(isinstance(called, ast.Name) and called.id == "print" for called in calls)


def test_functions_fit_on_a_screen() -> None:
    too_long = {}
    for name in PRODUCT:
        for node in functions(python_files()[name]):
            if length(node) > MAX_FUNCTION_LINES:
                too_long[f"{name}: {node.name}"] = length(node)
    assert not too_long


def test_modules_hold_one_idea() -> None:
    too_long = {}
    for name in python_file_names():
        limit = MAX_TEST_MODULE_LINES if name.startswith("tests/") else MAX_MODULE_LINES
        lines = source(name).count("\n")
        if lines > limit:
            too_long[name] = lines
    assert not too_long


def test_modules_say_what_they_are_for() -> None:
    modules = [name for name in PRODUCT if source(name).strip()]
    assert not [name for name in modules if not ast.get_docstring(python_files()[name])]


def test_broad_excepts_are_only_at_the_listed_edges() -> None:
    broad = {name for name in PRODUCT if broad_handlers(python_files()[name])}
    assert broad == set(BROAD_EXCEPT_ALLOWED)


def test_only_commands_print() -> None:
    printing = {name for name in PRODUCT if calls_print(python_files()[name])}
    assert not {name for name in printing if not name.startswith(PRINTING_ALLOWED)}


def test_loggers_of_the_server_are_called_ecg() -> None:
    """The server's log drops what other loggers say below ERROR: it may quote a recording."""
    names = {}
    for name in PRODUCT:
        if not name.startswith(("benchmarks/", "training/", "client/", "scripts/")):
            names[name] = re.findall(r"= logging\.getLogger\(([^)]*)\)", source(name))
    found = {logger for loggers in names.values() for logger in loggers}
    assert '"ecg.encoder"' in found
    # The root logger and a loop over names, where the log is configured.
    assert {logger for logger in found if not logger.startswith('"ecg.')} <= {"", "name"}


def test_no_module_is_called_utils_and_no_comment_postpones_work() -> None:
    vague = {"utils.py", "util.py", "helpers.py", "misc.py", "common.py"}
    marks = re.compile(r"#.*\b(" + "|".join(["TO" + "DO", "FIX" + "ME"]) + r")\b")
    assert not {name for name in python_file_names() if name.rsplit("/", 1)[-1] in vague}
    assert not {name for name in python_file_names() if marks.search(source(name))}


def test_the_product_names_no_path_or_host_of_a_developer() -> None:
    """No path of the machine that it was made on, and no registry but PyTorch's public one."""
    elsewhere = re.compile(r"/(?:work|root|home/\w+)/|pypi|files\.pythonhosted")
    assert not {name for name in PRODUCT if elsewhere.search(source(name))}
