"""The bundles that can be pulled, and the models folder.

manifest.json names repository and file of each bundle. It states neither revision nor checksum: the
first pull records them in the lock file (lock.py), and later pulls fetch the same version.
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

# "superclass" is the embedded model when it is loaded together with ECG-FM, which has no
# superclasses.
Role = Literal["clinical", "features", "superclass"]

MANIFEST = Path(__file__).with_name("manifest.json")
APPLICATION = "ecg-fm-server"


@dataclass(frozen=True)
class ManifestEntry:
    """One bundle that can be pulled. `megabytes` is the size of the download."""

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
    """Return every bundle that can be pulled, in the manifest's order."""
    values = json.loads(MANIFEST.read_text(encoding="utf-8"))
    return tuple(TypeAdapter(list[ManifestEntry]).validate_python(values["bundles"]))


def manifest_entry(name: str) -> ManifestEntry:
    """Return the entry of this name. Raises ModelStoreError for an unknown name."""
    entries = {entry.name: entry for entry in manifest_entries()}
    if name not in entries:
        raise ModelStoreError(
            f"{name!r} is not a bundle that can be pulled; {', '.join(entries)} are"
        )
    return entries[name]


def default_models_dir(environment: Mapping[str, str] = os.environ) -> Path:
    """Return ECG_MODELS_DIR, or a folder in the user's cache folder if it is unset or empty.

    The cache folder is XDG_CACHE_HOME; ~/.cache if that is unset, empty or relative (XDG base
    directory specification).
    """
    models_dir = environment.get("ECG_MODELS_DIR")
    if models_dir:
        return Path(models_dir).expanduser()
    cache = Path(environment.get("XDG_CACHE_HOME", ""))
    if not cache.is_absolute():
        cache = Path.home() / ".cache"
    return cache / APPLICATION
