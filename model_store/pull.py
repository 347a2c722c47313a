"""Install a bundle from the Hugging Face hub: download its file, convert it, lock the version."""

from __future__ import annotations

import logging
from pathlib import Path

from errors import BadBundle, ChecksumMismatch
from model_store.bundle import Bundle, is_bundle, load_bundle
from model_store.convert import Origin, convert
from model_store.lock import LockEntry, read_lock, write_lock_entry
from model_store.manifest import ManifestEntry

log = logging.getLogger("ecg.model_store")


def pull(entry: ManifestEntry, models_dir: Path, *, update: bool = False) -> Bundle:
    """Return the bundle in models_dir; download and convert it if it is missing or damaged.

    No network is needed if the bundle is installed and undamaged.

    entry   the published bundle
    update  download the newest version even if a bundle is installed, and lock that version
    Raises HubError, ChecksumMismatch if the hub's file differs from the locked one, BadCheckpoint
    or UnsafeCheckpoint.
    """
    locked = None if update else read_lock(models_dir).get(entry.name)
    folder = models_dir / entry.name
    if not update:
        bundle = _load_installed(folder, locked)
        if bundle is not None:
            return bundle
    # Imported here because an installed bundle needs no huggingface_hub, which is slow to import.
    from model_store.hub import fetch

    log.info(
        "pulling %s: %s of %s (about %d MB unless it is in the cache)",
        entry.name,
        entry.file,
        entry.repo,
        entry.megabytes,
    )
    revision = None if locked is None else locked.revision
    sha256 = None if locked is None else locked.files.get(entry.file)
    fetched = fetch(entry.repo, entry.file, revision=revision, sha256=sha256)
    origin = Origin(entry.repo, fetched.revision, fetched.sha256, entry.licence, entry.card)
    conversion = convert(fetched.path, folder, name=entry.name, origin=origin, kind=entry.kind)
    files = {entry.file: fetched.sha256}
    write_lock_entry(models_dir, entry.name, LockEntry(entry.repo, fetched.revision, files))
    log.info("%s", conversion.summary())
    return conversion.bundle


def _load_installed(folder: Path, locked: LockEntry | None) -> Bundle | None:
    """Return the installed bundle if it is undamaged and made from the locked file, else None."""
    if not is_bundle(folder):
        return None
    try:
        bundle = load_bundle(folder)
    except (BadBundle, ChecksumMismatch) as error:
        log.warning("converting the bundle again: %s", error.detail)
        return None
    if locked is not None and bundle.source.files != locked.files:
        log.warning("converting the bundle again: %s was not made from the locked file", folder)
        return None
    return bundle
