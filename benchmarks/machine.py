"""The machine that a figure was measured on, in one line."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version
from pathlib import Path


def machine(*packages: str) -> str:
    """Return processor, cores, load, Python's version and the packages' versions."""
    versions = ", ".join(f"{name} {version(name)}" for name in packages)
    hardware = f"{_processor()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"
    return f"{hardware}; Python {platform.python_version()}, {versions}"


def _processor() -> str:
    """Return the processor's name in Linux's cpuinfo, or Python's name for it."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
