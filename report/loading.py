"""Import what draws reports, once, and only in a process that is asked for one."""

from __future__ import annotations

import importlib
import sys
from typing import Final

MODULES: Final = ("report.render", "report.raster", "report.dicom")


def is_loaded() -> bool:
    return MODULES[-1] in sys.modules


def load() -> None:
    for name in MODULES:
        importlib.import_module(name)
