"""Import NeuroKit2, once, and only in a process that is asked for it.

NeuroKit2 imports matplotlib's pyplot in almost every module. Pyplot looks for the system's fonts,
which starts the program fc-list, and writes a cache of them into the home folder. The server draws
nothing, so stand-ins take the place of matplotlib's modules while NeuroKit2 is imported. They are
removed afterwards, so that another import of matplotlib in the same process gets the real one.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.metadata import version
from types import ModuleType
from typing import Any, Final

import numpy as np

DRAWING_PACKAGES: Final = ("matplotlib", "mpl_toolkits")
# Raised by NeuroKit2 on a lead or on intervals in which it finds too little. numpy's LinAlgError is
# a ValueError.
NEUROKIT_ERRORS: Final = (ValueError, IndexError, KeyError, TypeError, ZeroDivisionError)


def is_loaded() -> bool:
    return "neurokit2" in sys.modules


@cache
def name_with_version() -> str:
    """Return NeuroKit2's name and installed version, without an import of it."""
    return f"NeuroKit2 {version('neurokit2')}"


@cache
def load() -> Any:
    """Return the module neurokit2; the first call of a process imports it.

    This takes 0.7 s of CPU time and about 260 MiB of address space (docs/performance.md).
    """
    with _without_drawing(), quiet():
        import neurokit2
    return neurokit2


@contextmanager
def quiet() -> Iterator[None]:
    """Ignore the warnings of NeuroKit2, pandas and numpy.

    NeuroKit2 warns where it does not find a wave, and numpy where it divides by nothing. What the
    caller does not get is NaN, which it reports itself.
    """
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        yield


@contextmanager
def _without_drawing() -> Iterator[None]:
    """Let an import of matplotlib find a stand-in, unless the process has loaded the real one."""
    if is_loaded() or "matplotlib" in sys.modules:
        yield
        return
    finder = _StandIns()
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        for name in [name for name in sys.modules if _is_drawing(name)]:
            del sys.modules[name]


class _StandIns(MetaPathFinder, Loader):
    """Finds an empty module for each module of matplotlib. Drawing with it raises AttributeError.

    NeuroKit2 uses nothing of matplotlib until it draws.
    """

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        return ModuleSpec(fullname, self, is_package=True) if _is_drawing(fullname) else None

    def exec_module(self, module: ModuleType) -> None:
        """The module stays empty."""


def _is_drawing(name: str) -> bool:
    return name.partition(".")[0] in DRAWING_PACKAGES
