"""Read and write lock.json in the models folder: the commit and sha256 of every pulled file.

A later pull without --update fetches the same commit and requires the same sha256.
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
    """The source of a bundle, as of its first pull or its last pull with --update.

    repo      the repository on the hub
    revision  the commit of the repository
    files     name of a file in the repository -> its sha256
    """

    __pydantic_config__ = ConfigDict(extra="forbid")

    repo: str
    revision: str
    files: dict[str, Sha256]


def read_lock(models_dir: Path) -> dict[str, LockEntry]:
    """Return the entries of lock.json by bundle name; empty before the first pull.

    models_dir  the folder that holds lock.json and the bundles
    Raises ModelStoreError if lock.json is damaged.
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
    """Add the entry of the bundle `name` to lock.json, or replace it.

    Processes write one after the other, so that none of their entries is lost.
    """
    models_dir.mkdir(parents=True, exist_ok=True)
    with exclusive_lock(models_dir / f".{LOCK_FILE}.guard"):
        entries = read_lock(models_dir)
        entries[name] = entry
        values = {key: asdict(entries[key]) for key in sorted(entries)}
        content = json.dumps(values, indent=2) + "\n"
        write_file(models_dir / LOCK_FILE, content.encode())
