"""The bundles that can be pulled, and where they lie on this machine.

manifest.json names repository and file. It states neither revision nor checksum: what the first pull saw is kept in the
lock file (lock.py), and later pulls hold to that.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import ConfigDict, TypeAdapter

from errors import ModelStoreError
from model_store.bundle import Kind

# "superclass" is the embedded model's beside ECG-FM, which has no superclasses of its own
Role = Literal["clinical", "features", "superclass"]

MANIFEST = Path(__file__).with_name("manifest.json")
APPLICATION = "ecg-fm-server"


@dataclass(frozen=True)
class ManifestEntry:
    """One bundle that can be pulled. `megabytes` is what the download is about to cost."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    name: str
    role: Role
    kind: Kind
    repo: str
    file: str
    about: str
    megabytes: int
    licence: str
    card: str


def manifest_entries() -> tuple[ManifestEntry, ...]:
    values = json.loads(MANIFEST.read_text(encoding="utf-8"))
    return tuple(TypeAdapter(list[ManifestEntry]).validate_python(values["bundles"]))


def manifest_entry(name: str) -> ManifestEntry:
    """Raises ModelStoreError that lists the names there are."""
    known = {entry.name: entry for entry in manifest_entries()}
    if name not in known:
        raise ModelStoreError(
            f"{name!r} is no bundle that can be pulled; there are {', '.join(known)}"
        )
    return known[name]


def default_models_dir(environment: Mapping[str, str] = os.environ) -> Path:
    """ECG_MODELS_DIR, else the user's cache folder (XDG base directory specification: an unset, empty or relative one is ~/.cache)."""
    given = environment.get("ECG_MODELS_DIR")
    if given:
        return Path(given).expanduser()
    cache = Path(environment.get("XDG_CACHE_HOME", ""))
    return (cache if cache.is_absolute() else Path.home() / ".cache") / APPLICATION
