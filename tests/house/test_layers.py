"""Imports follow docs/design.md: the contracts of pyproject.toml hold, without circles."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib

import pytest

from tests.house.tree import MODULES, ROOMS, ROOT, python_file_names, python_files, source

CONFIGURATION = tomllib.loads(source("pyproject.toml"))["tool"]
MAX_MODULES_IN_FOLDER = 25


def imported_names(tree: ast.Module) -> set[tuple[str, ...]]:
    """Return what a file imports, also inside functions.

    `import a` gives ("a",), `from a import b` gives ("a", "a.b"), as b may be a module.
    """
    names: set[tuple[str, ...]] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {(alias.name,) for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {(node.module, f"{node.module}.{alias.name}") for alias in node.names}
    return names


def top_level_packages(tree: ast.Module) -> set[str]:
    return {names[0].split(".")[0] for names in imported_names(tree)}


def import_graph() -> dict[str, set[str]]:
    """Return module -> modules of the product that it imports."""
    trees = {}
    for name, tree in python_files().items():
        if not name.startswith(("tests/", "scripts/")):
            module = name.removeprefix("client/").removesuffix(".py").replace("/", ".")
            trees[module.removesuffix(".__init__")] = tree
    graph: dict[str, set[str]] = {module: set() for module in trees}
    for module, tree in trees.items():
        for names in imported_names(tree):
            modules = [name for name in names if name in trees]
            graph[module].update(modules[-1:])  # the module itself rather than its package
    return graph


def circles(graph: dict[str, set[str]]) -> list[list[str]]:
    """Return a circle for every module from which a path leads back to itself."""
    found = []
    for start in graph:
        paths = [[start]]
        visited = set()
        while paths:
            path = paths.pop()
            for imported in graph[path[-1]]:
                if imported == start:
                    found.append([*path, start])
                if imported not in visited:
                    visited.add(imported)
                    paths.append([*path, imported])
    return found


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
        "from importlinter.cli import lint_imports_command\n"
        "lint_imports_command(['--no-logo', '--no-cache'])"
    )
    assert linted.returncode == 0, linted.stdout + linted.stderr


def test_a_circle_is_found() -> None:
    graph = {"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": set()}
    assert circles(graph) == [["b", "c", "b"], ["c", "b", "c"]]


def test_no_modules_import_each_other_in_a_circle() -> None:
    graph = import_graph()
    assert len(graph) > 200, "the graph holds the whole product"
    assert "signals.record" in graph["analysis.prepare"]
    assert not circles(graph)


def test_no_folder_holds_too_many_modules() -> None:
    folders = [name.rsplit("/", 1)[0] for name in python_file_names() if "/" in name]
    sizes = {folder: folders.count(folder) for folder in set(folders)}
    assert sizes["signals"] > 10, "the folders are counted"
    assert not {folder: size for folder, size in sizes.items() if size > MAX_MODULES_IN_FOLDER}


def test_every_room_is_known_to_the_checks() -> None:
    other = {"tests", "benchmarks", "client"}  # the client is a distribution of its own
    packages = {name.split("/")[0] for name in python_file_names() if name.endswith("/__init__.py")}
    assert packages - other == set(ROOMS)
    assert set(ROOMS) == set(CONFIGURATION["importlinter"]["root_packages"])
    assert {*ROOMS, *MODULES} <= set(CONFIGURATION["mypy"]["packages"])


@pytest.mark.parametrize("module", MODULES)
def test_modules_of_the_top_folder_import_only_the_standard_library(module: str) -> None:
    assert top_level_packages(python_files()[f"{module}.py"]) <= sys.stdlib_module_names


def test_every_module_of_the_top_folder_is_known_to_the_checks() -> None:
    top = {name for name in python_file_names() if "/" not in name}
    assert top == {f"{name}.py" for name in MODULES}


def test_the_product_imports_neither_tests_nor_benchmarks() -> None:
    outside = {"tests", "benchmarks", "scripts"}
    importing = set()
    for name, tree in python_files().items():
        if name.split("/")[0] in ROOMS and top_level_packages(tree) & outside:
            importing.add(name)
    assert not importing


def test_reading_a_request_loads_neither_torch_nor_a_web_framework() -> None:
    """There are many signal workers. In each of them torch would cost 150 MB and a second."""
    loaded = run_python(
        "import analysis.prepare, formats, signal_quality, sys\n"
        "loaded = {'torch', 'litserve', 'fastapi'} & set(sys.modules)\n"
        "sys.exit(f'loaded: {loaded}' if loaded else 0)"
    )
    assert loaded.returncode == 0, loaded.stderr


def test_no_reader_of_a_file_loads_scipys_readers() -> None:
    """Theirs of MATLAB files trusts the sizes and types of a file, in C."""
    loaded = run_python(
        "import sys; from formats.registry import known_formats\n"
        "assert known_formats()\n"
        "sys.exit('loaded: scipy.io' if 'scipy.io' in sys.modules else 0)"
    )
    assert loaded.returncode == 0, loaded.stderr


def test_processes_that_do_not_filter_never_load_scipy() -> None:
    """All processes import the measuring modules; scipy's filters would add 0.5 s to the start."""
    loaded = run_python(
        "import server.app, server.workers.signal_worker, server.workers.model_worker, sys\n"
        "sys.exit('loaded: scipy' if 'scipy' in sys.modules else 0)"
    )
    assert loaded.returncode == 0, loaded.stderr
