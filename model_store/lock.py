"""lock.json in the models folder: commit and sha256 of every file that a pull took, so that the next one takes the same."""

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
    """What was seen when a bundle was pulled first, or last with --update."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    repo: str
    revision: str
    files: dict[str, Sha256]


def read_lock(models_dir: Path) -> dict[str, LockEntry]:
    """Bundle name -> what it is held to; empty before the first pull. Raises ModelStoreError for a damaged file."""
    path = models_dir / LOCK_FILE
    try:
        return TypeAdapter(dict[str, LockEntry]).validate_json(path.read_bytes())
    except FileNotFoundError:
        return {}
    except ValidationError as error:
        raise ModelStoreError(
            f"{path} is damaged: mend it, or remove it to accept what the hub serves now"
        ) from error


def write_lock_entry(models_dir: Path, name: str, locked: LockEntry) -> None:
    """Adds or replaces one bundle's entry; two processes that write at once both leave theirs."""
    models_dir.mkdir(parents=True, exist_ok=True)
    with exclusive_lock(models_dir / f".{LOCK_FILE}.guard"):
        entries = {**read_lock(models_dir), name: locked}
        values = {key: asdict(entry) for key, entry in sorted(entries.items())}
        content = json.dumps(values, indent=2) + "\n"
        write_file(models_dir / LOCK_FILE, content.encode())
