"""From the hub to a bundle: fetch as the lock file says, convert, lock what was seen."""

from __future__ import annotations

import logging
from pathlib import Path

from errors import BadBundle, ChecksumMismatch
from model_store.bundle import Bundle, is_bundle, load_bundle
from model_store.convert import Origin, convert
from model_store.lock import LockEntry, read_lock, write_lock_entry
from model_store.manifest import ManifestEntry

log = logging.getLogger(__name__)


def pull(entry: ManifestEntry, models_dir: Path, *, update: bool = False) -> Bundle:
    """The bundle in models_dir, made where it is not there, made again where it is damaged; without network where nothing is missing.

    update  takes the newest version and moves the lock
    Raises HubError, ChecksumMismatch (the hub serves something else than the lock holds), BadCheckpoint, UnsafeCheckpoint.
    """
    locked = None if update else read_lock(models_dir).get(entry.name)
    folder = models_dir / entry.name
    present = None if update else _present(folder, locked)
    if present is not None:
        return present
    from model_store.hub import (
        fetch,  # here: huggingface_hub takes its time, and a bundle that is there needs none of it
    )

    held = locked.files.get(entry.file) if locked else None
    log.info(
        "pulling %s: %s of %s (about %d MB unless it is in the cache)",
        entry.name,
        entry.file,
        entry.repo,
        entry.megabytes,
    )
    fetched = fetch(
        entry.repo, entry.file, revision=locked.revision if locked else None, sha256=held
    )
    origin = Origin(entry.repo, fetched.revision, fetched.sha256, entry.licence, entry.card)
    conversion = convert(fetched.path, folder, name=entry.name, origin=origin, kind=entry.kind)
    write_lock_entry(
        models_dir,
        entry.name,
        LockEntry(entry.repo, fetched.revision, {entry.file: fetched.sha256}),
    )
    log.info("%s", conversion.summary())
    return conversion.bundle


def _present(folder: Path, locked: LockEntry | None) -> Bundle | None:
    """The bundle that is there, if it is whole and of the locked source."""
    if not is_bundle(folder):
        return None
    try:
        bundle = load_bundle(folder)
    except (BadBundle, ChecksumMismatch) as error:
        log.warning("%s; it is made anew", error.detail)
        return None
    if locked is not None and bundle.source.files != locked.files:
        log.warning("%s was made from another file than the lock holds; it is made anew", folder)
        return None
    return bundle
