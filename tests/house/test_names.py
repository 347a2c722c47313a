"""A function or class that only its own file uses starts with an underscore."""

from __future__ import annotations

import ast
from collections import defaultdict

from tests.house.tree import ROOMS, python_files

# Called by `python -m`, not by name.
ENTRY_POINTS = {"main"}
Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def names_used(tree: ast.AST) -> set[str]:
    """Return every identifier and every string: an annotation in quotes, getattr, monkeypatch."""
    used = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            used.add(node.id)
        elif isinstance(node, ast.Attribute):
            used.add(node.attr)
        elif isinstance(node, ast.ImportFrom | ast.Import):
            used |= {alias.name.split(".")[-1] for alias in node.names}
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            used.add(node.value)
    return used


def annotations(definition: Definition) -> list[ast.expr]:
    """Return the annotations of a function, or of a class's fields and methods."""
    found: list[ast.expr | None] = []
    for node in ast.walk(definition):
        if isinstance(node, ast.arg | ast.AnnAssign):
            found.append(node.annotation)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            found.append(node.returns)
    return [annotation for annotation in found if annotation is not None]


def public_definitions(tree: ast.Module) -> list[Definition]:
    definitions = [node for node in tree.body if isinstance(node, Definition)]
    return [node for node in definitions if not node.name.startswith("_")]


def needless_public_names(name: str, users: dict[str, set[str]]) -> list[str]:
    """List what one file defines as public though no other file uses it.

    A class that a public function or class of the file names in an annotation is public: it is what
    callers get or pass, though they may never spell its name.
    """
    definitions = public_definitions(python_files()[name])
    needless = []
    for definition in definitions:
        if definition.name in ENTRY_POINTS or users[definition.name] - {name}:
            continue
        others = [other for other in definitions if other is not definition]
        mentioned = [annotation for other in others for annotation in annotations(other)]
        is_class = isinstance(definition, ast.ClassDef)
        if is_class and any(definition.name in names_used(node) for node in mentioned):
            continue
        needless.append(f"{name}: {definition.name}")
    return needless


def test_what_only_its_own_file_uses_is_private() -> None:
    users: dict[str, set[str]] = defaultdict(set)
    for name, tree in python_files().items():
        for used in names_used(tree):
            users[used].add(name)
    product = [name for name in python_files() if name.split("/")[0] in {*ROOMS, "client"}]
    needless = [place for name in product for place in needless_public_names(name, users)]
    assert not needless, "\n".join(needless)
