"""Convert a fairseq-signals checkpoint into a bundle: float32 weights, no optimizer state.

Tensors are converted one at a time, so that memory never holds the whole model. The bundle is
written into a hidden folder next to the target, which is renamed when it is complete.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from atomic_files import install_folder, remove_folder, temporary_folder
from errors import BadBundle, BadCheckpoint, ChecksumMismatch, ModelStoreError
from model_store.bundle import (
    BUNDLE_FILE,
    SCHEMA_VERSION,
    WEIGHTS_FILE,
    Bundle,
    Kind,
    Source,
    Weights,
    is_bundle,
    load_bundle,
    write_bundle_file,
)
from model_store.checkpoint import read_checkpoint
from model_store.fairseq import ImportedEncoder, import_fairseq
from model_store.labels import Label, labels_for
from model_store.weights_file import sha256_of, weight_shapes, write_weights
from signals.segments import ECG_FM

log = logging.getLogger("ecg.model_store")

INSTALL_ATTEMPTS = 3


@dataclass(frozen=True)
class Origin:
    """Where a checkpoint file comes from. The defaults are those of a user's own file."""

    repo: str | None = None
    revision: str | None = None
    sha256: str | None = None
    licence: str = "unknown: a checkpoint of one's own"
    card: str | None = None


@dataclass(frozen=True)
class Conversion:
    """The result of `convert`: the bundle, the size before and after, and notes for the user."""

    bundle: Bundle
    bytes_before: int
    bytes_after: int
    notes: tuple[str, ...]

    def summary(self) -> str:
        """Return one line with the bundle's name, both sizes and the folder."""
        before = _megabytes(self.bytes_before)
        after = _megabytes(self.bytes_after)
        share = self.bytes_after / self.bytes_before
        return f"{self.bundle.name}: {before} -> {after} ({share:.0%}), {self.bundle.folder}"


def convert(
    checkpoint: Path,
    folder: Path,
    *,
    name: str | None = None,
    labels: Sequence[Label] | None = None,
    origin: Origin = Origin(),
    kind: Kind | None = None,
) -> Conversion:
    """Write `folder` as a bundle made from the checkpoint; an existing bundle is replaced.

    name    of the bundle; None takes the folder's name
    labels  of the classifier's rows; None takes ECG-FM's own if the rows are ECG-FM's
    kind    the kind that the bundle must have; None allows both
    Raises BadCheckpoint, UnsafeCheckpoint, or ModelStoreError (the meaning of the rows is unknown;
    the folder holds other files or cannot be written).
    """
    _check_target(folder)
    source_sha256 = origin.sha256 or _hash_checkpoint(checkpoint)
    source = Source(origin.repo, origin.revision, {checkpoint.name: source_sha256})
    read = read_checkpoint(checkpoint)
    encoder = import_fairseq(read)
    actual_kind: Kind = "classifier" if encoder.config.labels else "features"
    if kind not in (None, actual_kind):
        raise BadCheckpoint(
            f"{checkpoint.name} makes a bundle of kind {actual_kind}; {kind} is required"
        )
    bundle_labels, notes = _labels(encoder, read.cfg, labels)
    try:
        with temporary_folder(folder) as partial:
            weights = partial / WEIGHTS_FILE
            sha256 = write_weights(weights, weight_shapes(encoder.config), encoder.tensors)
            bundle = Bundle(
                schema_version=SCHEMA_VERSION,
                name=name or folder.name,
                kind=actual_kind,
                source=source,
                architecture="ecg-fm",
                config=encoder.config,
                preprocessing=ECG_FM,
                labels=bundle_labels,
                weights=Weights(weights.stat().st_size, sha256),
                licence=origin.licence,
                card=origin.card,
            )
            write_bundle_file(bundle, partial)
            _install(partial, folder)
    except OSError as error:
        raise ModelStoreError(f"{folder} cannot be written ({error.strerror})") from error
    installed = load_bundle(folder, hash_weights=False)
    return Conversion(installed, checkpoint.stat().st_size, bundle.weights.bytes, notes)


def _hash_checkpoint(checkpoint: Path) -> str:
    try:
        return sha256_of(checkpoint)
    except OSError as error:
        raise BadCheckpoint(f"{checkpoint}: cannot be read ({error.strerror})") from error


def _labels(
    encoder: ImportedEncoder, cfg: dict[str, Any], labels: Sequence[Label] | None
) -> tuple[tuple[Label, ...], tuple[str, ...]]:
    """Return the labels of the bundle, and notes on what was assumed."""
    assumptions = [
        f"not stated in the checkpoint, assumed as in ECG-FM: {assumed}"
        for assumed in encoder.assumed
    ]
    rows = encoder.config.labels
    if rows:
        bundle_labels, note = labels_for(rows, _pos_weights(cfg), labels)
        return bundle_labels, (note, *assumptions)
    if labels is not None:
        raise ModelStoreError("labels: the checkpoint has no classifier whose rows could be named")
    return (), ("no classifier: a bundle for embeddings", *assumptions)


def _pos_weights(cfg: dict[str, Any]) -> list[float] | None:
    """Return the checkpoint's own pos_weight, None if it has none.

    fairseq-signals' trainer writes it to cfg.criterion.
    """
    criterion = cfg.get("criterion")
    weights = criterion.get("pos_weight") if isinstance(criterion, dict) else None
    if not isinstance(weights, list) or not weights:
        return None
    for weight in weights:
        if not isinstance(weight, int | float) or not 0 < weight < float("inf"):
            raise BadCheckpoint("cfg.criterion.pos_weight must hold positive numbers only")
    return [float(weight) for weight in weights]


def _check_target(folder: Path) -> None:
    """Allow only a bundle, a damaged one included, or an empty folder to be replaced."""
    if not folder.exists():
        return
    if not folder.is_dir():
        raise ModelStoreError(f"{folder} is a file; name a folder for the bundle")
    names = {entry.name for entry in folder.iterdir()}
    others = names - {BUNDLE_FILE, WEIGHTS_FILE}
    if others:
        raise ModelStoreError(
            f"{folder} holds other files ({min(others)}); name a new folder for the bundle"
        )


def _install(partial: Path, folder: Path) -> None:
    """Rename the partial folder to `folder`. The same bundle from another process is kept."""
    for _ in range(INSTALL_ATTEMPTS):
        exists = folder.exists()
        if exists and _is_same_bundle(partial, folder):
            return
        try:
            # The bundle just read is another or a damaged one. One that arrives later is kept.
            if exists:
                remove_folder(folder)
            install_folder(partial, folder)
        except (FileExistsError, FileNotFoundError):
            continue  # another process installed or removed a bundle since the check above
        return
    raise ModelStoreError(f"{folder} is being written by another process")


def _is_same_bundle(partial: Path, folder: Path) -> bool:
    if not is_bundle(folder):
        return False
    try:
        installed = load_bundle(folder)
    except (BadBundle, ChecksumMismatch) as error:
        log.warning("replacing a damaged bundle: %s", error.detail)
        return False
    return installed.to_json() == load_bundle(partial, hash_weights=False).to_json()


def _megabytes(count: int) -> str:
    return f"{count / 1e6:,.1f} MB"
