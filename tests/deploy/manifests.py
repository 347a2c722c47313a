"""The YAML files of deploy/, and what the server needs of those that run it."""

from __future__ import annotations

import re
from typing import Any

import yaml

from server.settings import Settings
from server.stages.signal import SECONDS_PER_SIGNAL_SECOND
from server.workers.litserve_server import GRACE_S
from tests.house.tree import ROOT

# Ending the processes and folders after the drain; generous, as a busy machine takes longer.
MARGIN_S = 15
UNITS_S = {"s": 1, "m": 60, "min": 60, "h": 3600}


def drain_s() -> float:
    """Return the longest time that the server may take from SIGTERM to its end, by default."""
    settings = Settings()
    signal_s = settings.max_seconds * SECONDS_PER_SIGNAL_SECOND
    return settings.request_timeout + signal_s + GRACE_S + MARGIN_S


def seconds(text: str) -> float:
    """Return a duration such as 120s or 2min in seconds."""
    number, unit = re.fullmatch(r"(\d+)\s*([a-z]+)", text).groups()  # type: ignore[union-attr]
    return int(number) * UNITS_S[unit]


def documents(path: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((ROOT / "deploy" / path).read_text(encoding="utf-8")))


def document(path: str) -> dict[str, Any]:
    (only,) = documents(path)
    return only


def unknown_settings(names: set[str]) -> set[str]:
    """Return the ECG_... variables that the server does not know."""
    own = {name for name in names if name.startswith("ECG_")}
    known = {f"ECG_{name.upper()}" for name in Settings.model_fields}
    return own - known
