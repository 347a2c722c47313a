"""A fairseq-signals checkpoint becomes a bundle: float32 weights without the optimizer's state, and what they are.

Tensor by tensor, so that memory never holds the model; into a hidden folder beside the target that is renamed when it is whole.
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
from model_store.weights_file import ecg_fm_shapes, sha256_of, write_weights
from signals.segments import ECG_FM

log = logging.getLogger(__name__)

INSTALL_ATTEMPTS = 3


@dataclass(frozen=True)
class Origin:
    """What is known of a checkpoint file beside its content. Nothing, for a file of one's own."""

    repo: str | None = None
    revision: str | None = None
    sha256: str | None = None
    licence: str = "unknown: a checkpoint of one's own"
    card: str | None = None


@dataclass(frozen=True)
class Conversion:
    """What became of it: the bundle as written and sizes in bytes before and after."""

    bundle: Bundle
    bytes_before: int
    bytes_after: int
    notes: tuple[str, ...]

    def summary(self) -> str:
        share = self.bytes_after / self.bytes_before
        return f"{self.bundle.name}: {_megabytes(self.bytes_before)} -> {_megabytes(self.bytes_after)} ({share:.0%}), {self.bundle.folder}"


def convert(
    checkpoint: Path,
    folder: Path,
    *,
    name: str | None = None,
    labels: Sequence[Label] | None = None,
    origin: Origin = Origin(),
    kind: Kind | None = None,
) -> Conversion:
    """Writes `folder` as a bundle made from the checkpoint; a bundle that is there already is replaced in one step.

    labels  of a classifier's rows; None takes ECG-FM's own where the checkpoint's rows are those
    kind    what it must turn out to be, None for either
    Raises BadCheckpoint, UnsafeCheckpoint, ModelStoreError (labels that nobody named; a folder that is something else).
    """
    _check_target(folder)
    source_sha256 = origin.sha256 or _hash_checkpoint(checkpoint)
    read = read_checkpoint(checkpoint)
    encoder = import_fairseq(read)
    found: Kind = "classifier" if encoder.config.labels else "features"
    if kind not in (None, found):
        raise BadCheckpoint(
            f"{checkpoint.name} gives a bundle of kind {found}, {kind} is needed here"
        )
    bundle_labels, notes = _labels(encoder, read.cfg, labels)
    try:
        with temporary_folder(folder) as partial:
            weights = partial / WEIGHTS_FILE
            sha256 = write_weights(weights, ecg_fm_shapes(encoder.config), encoder.tensors)
            bundle = Bundle(
                schema_version=SCHEMA_VERSION,
                name=name or folder.name,
                kind=found,
                source=Source(origin.repo, origin.revision, {checkpoint.name: source_sha256}),
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
    return Conversion(
        load_bundle(folder, hash_weights=False),
        checkpoint.stat().st_size,
        bundle.weights.bytes,
        notes,
    )


def _hash_checkpoint(checkpoint: Path) -> str:
    try:
        return sha256_of(checkpoint)
    except OSError as error:
        raise BadCheckpoint(f"{checkpoint}: cannot be read ({error.strerror})") from error


def _labels(
    encoder: ImportedEncoder, cfg: dict[str, Any], given: Sequence[Label] | None
) -> tuple[tuple[Label, ...], tuple[str, ...]]:
    if not encoder.config.labels:
        if given is not None:
            raise ModelStoreError(
                "labels: the checkpoint has no classifier whose rows could be named"
            )
        return (), ("no classifier: a bundle for embeddings", *_assumptions(encoder))
    labels, note = labels_for(encoder.config.labels, _trained_with(cfg), given)
    return labels, (note, *_assumptions(encoder))


def _assumptions(encoder: ImportedEncoder) -> tuple[str, ...]:
    return tuple(
        f"the checkpoint does not say, taken as in ECG-FM: {assumed}" for assumed in encoder.assumed
    )


def _trained_with(cfg: dict[str, Any]) -> list[float] | None:
    """The checkpoint's own pos_weight (cfg.criterion, as fairseq-signals' trainer leaves it), None where it has none."""
    criterion = cfg.get("criterion")
    weights = criterion.get("pos_weight") if isinstance(criterion, dict) else None
    if not isinstance(weights, list) or not weights:
        return None
    if not all(isinstance(weight, int | float) and 0 < weight < float("inf") for weight in weights):
        raise BadCheckpoint("cfg.criterion.pos_weight holds something else than positive numbers")
    return [float(weight) for weight in weights]


def _check_target(folder: Path) -> None:
    """Only a bundle, also a damaged one, or an empty folder is ever replaced."""
    if not folder.exists():
        return
    if not folder.is_dir():
        raise ModelStoreError(f"{folder} is a file; name a folder for the bundle")
    foreign = {entry.name for entry in folder.iterdir()} - {BUNDLE_FILE, WEIGHTS_FILE}
    if foreign:
        raise ModelStoreError(
            f"{folder} holds other files ({sorted(foreign)[0]}); name a new folder for the bundle"
        )


def _install(partial: Path, folder: Path) -> None:
    """Renames the whole folder into place; where another process was faster with the same bundle, its work stands."""
    for _ in range(INSTALL_ATTEMPTS):
        present = folder.exists()
        if present and _same_bundle(partial, folder):
            return
        try:
            # The bundle just read is another or a damaged one. One that arrives later is kept.
            if present:
                remove_folder(folder)
            install_folder(partial, folder)
        except (FileExistsError, FileNotFoundError):
            continue  # another process installed or removed a bundle since the check above
        return
    raise ModelStoreError(f"{folder} is being written by somebody else")


def _same_bundle(mine: Path, theirs: Path) -> bool:
    if not is_bundle(theirs):
        return False
    try:
        return load_bundle(theirs).to_json() == load_bundle(mine, hash_weights=False).to_json()
    except (BadBundle, ChecksumMismatch) as error:
        log.warning("replacing a damaged bundle: %s", error.detail)
        return False


def _megabytes(count: int) -> str:
    return f"{count / 1e6:,.1f} MB"
