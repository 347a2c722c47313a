"""The loader that comes with a packed data set: the load.py in its folder."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType


def loader_of(folder: Path) -> ModuleType:
    """Import and return `folder`/load.py, apart from any other module of that name.

    Raises FileNotFoundError if the folder has no load.py.
    """
    path = folder / "load.py"
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no packed data set in this folder")
    spec = importlib.util.spec_from_file_location(f"load_{folder.name}", path)
    assert spec is not None and spec.loader is not None, "a .py file has a loader. This is a bug."
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
