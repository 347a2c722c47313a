"""The parsed Python files of the repository."""

from __future__ import annotations

import ast
import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
ROOMS = (
    "server",
    "station",
    "training",
    "bulk",
    "access",
    "report",
    "analysis",
    "heads",
    "model_store",
    "encoder",
    "intervals",
    "signal_quality",
    "formats",
    "signals",
)

# Modules of the top folder, which every room may import.
MODULES = ("errors", "atomic_files", "log_lines", "superclasses")


@cache
def python_file_names() -> list[str]:
    """Return the paths of the Python files that git tracks or would add."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.py"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    names = (
        listed.stdout.split()
        if listed.returncode == 0
        else [str(path.relative_to(ROOT)) for path in _walk()]
    )
    return [name for name in names if (ROOT / name).is_file()]


@cache
def python_files() -> dict[str, ast.Module]:
    """Return path -> syntax tree of every Python file. It takes seconds: not while collecting."""
    return {name: ast.parse(source(name)) for name in python_file_names()}


def _walk() -> list[Path]:
    """Return the Python files without git, as in an unpacked archive."""
    folders = [ROOT / name for name in (*ROOMS, "tests", "benchmarks", "scripts")]
    modules = [ROOT / f"{name}.py" for name in MODULES]
    return [*modules, *(path for folder in folders for path in folder.rglob("*.py"))]


def source(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")
