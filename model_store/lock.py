"""lock.json in the models folder: commit and sha256 of every pulled file.

Later pulls fetch the same files, unless they are told to update.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from pydantic import ConfigDict, TypeAdapter, ValidationError

from atomic_files import exclusive_lock, write_file
from errors import ModelStoreError
from model_store.bundle import Sha256

LOCK_FILE = "lock.json"


@dataclass(frozen=True)
class LockEntry:
    """The source of a bundle at its first pull, or at the last one with --update."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    repo: str
    revision: str
    files: dict[str, Sha256]


def read_lock(models_dir: Path) -> dict[str, LockEntry]:
    """Return bundle name -> entry; empty before the first pull.

    Raises ModelStoreError if the file is damaged.
    """
    path = models_dir / LOCK_FILE
    try:
        return TypeAdapter(dict[str, LockEntry]).validate_json(path.read_bytes())
    except FileNotFoundError:
        return {}
    except ValidationError as error:
        raise ModelStoreError(
            f"{path} is damaged: repair it, or remove it to accept the hub's current files"
        ) from error


def write_lock_entry(models_dir: Path, name: str, entry: LockEntry) -> None:
    """Add or replace one bundle's entry. Processes that write at the same time keep all entries."""
    models_dir.mkdir(parents=True, exist_ok=True)
    with exclusive_lock(models_dir / f".{LOCK_FILE}.guard"):
        entries = read_lock(models_dir)
        entries[name] = entry
        values = {key: asdict(entries[key]) for key in sorted(entries)}
        content = json.dumps(values, indent=2) + "\n"
        write_file(models_dir / LOCK_FILE, content.encode())
