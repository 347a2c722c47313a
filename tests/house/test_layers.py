"""Imports go the way of docs/design.md; the contracts themselves stand in pyproject.toml."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib

import pytest

from tests.house.tree import MODULES, ROOMS, ROOT, python_files, source

CONFIGURATION = tomllib.loads(source("pyproject.toml"))["tool"]


def imported_names(tree: ast.Module) -> set[str]:
    """The top-level packages that a file names in its imports, within functions too."""
    nodes = list(ast.walk(tree))
    plain = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    return {
        name.split(".")[0]
        for name in plain
        | {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}
    }


def run_python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_contracts_are_kept() -> None:
    linted = run_python(
        "from importlinter.cli import lint_imports_command; lint_imports_command(['--no-logo', '--no-cache'])"
    )
    assert linted.returncode == 0, linted.stdout + linted.stderr


def test_every_room_is_known_to_the_checks() -> None:
    beside = {"tests", "benchmarks", "client"}  # the client is a distribution of its own
    rooms = {
        name.split("/")[0] for name in python_files() if name.endswith("/__init__.py")
    } - beside
    assert rooms == set(ROOMS) == set(CONFIGURATION["importlinter"]["root_packages"])
    assert rooms | set(MODULES) <= set(CONFIGURATION["mypy"]["packages"])


@pytest.mark.parametrize("module", MODULES)
def test_modules_of_the_top_folder_import_only_the_standard_library(module: str) -> None:
    assert imported_names(python_files()[f"{module}.py"]) <= sys.stdlib_module_names


def test_every_module_of_the_top_folder_is_known_to_the_checks() -> None:
    assert {name for name in python_files() if "/" not in name} == {
        f"{name}.py" for name in MODULES
    }


def test_nobody_imports_tests_or_benchmarks() -> None:
    rooms = {name: tree for name, tree in python_files().items() if name.split("/")[0] in ROOMS}
    assert not {
        name
        for name, tree in rooms.items()
        if imported_names(tree) & {"tests", "benchmarks", "scripts"}
    }


def test_what_reads_a_request_never_loads_torch_or_the_web() -> None:
    """Signal workers are many: each would pay 150 MB and a second for torch that it doesn't use."""
    code = (
        "import analysis.prepare, formats, signal_quality, sys\n"
        "found = {'torch', 'litserve', 'fastapi'} & set(sys.modules)\n"
        "sys.exit(f'loaded: {found}' if found else 0)"
    )
    loaded = run_python(code)
    assert loaded.returncode == 0, loaded.stderr


def test_what_does_not_filter_never_loads_scipy() -> None:
    """Every process of the server knows what measures, and would pay half a second of its start for scipy's filters."""
    loaded = run_python(
        "import server.app, server.workers.workers, sys; sys.exit('loaded: scipy' if 'scipy' in sys.modules else 0)"
    )
    assert loaded.returncode == 0, loaded.stderr
