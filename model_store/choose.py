"""Choose the encoders to load: by ECG_MODEL, ECG_*_CHECKPOINT and the models folder.

No torch here: the main process chooses and stays small.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from errors import BadBundle, ChecksumMismatch, HubError, ModelStoreError
from model_store.bundle import WEIGHTS_FILE, Bundle, is_bundle, load_bundle
from model_store.convert import convert
from model_store.manifest import ManifestEntry, Role, manifest_entries
from model_store.pull import pull
from model_store.weights_file import sha256_of
from superclasses import SUPERCLASSES

log = logging.getLogger("ecg.model_store")

EMBEDDED_FOLDER = Path(__file__).with_name("embedded")
IMPORTED_FOLDER = "imported"  # in models_dir, for bundles converted from a user's own checkpoints
NAME_SHA256_DIGITS = 12  # of the checkpoint's checksum, in the name of its bundle's folder

_HOW_TO_CHANGE = (
    "`python -m model_store pull` downloads ECG-FM (2.2 GB), ECG_CLINICAL_CHECKPOINT and "
    "ECG_FEATURES_CHECKPOINT select your own checkpoints, ECG_MODEL selects auto, ecg-fm, "
    "embedded, none or the folder of a bundle"
)

RoleBundle = tuple[Role, Bundle]


@dataclass(frozen=True)
class Choice:
    """The result of `choose_models`.

    requested  the value of ECG_MODEL
    chosen     a short name of what is loaded
    reason     a sentence on why, for the log, /health and every answer
    bundles    each role's bundle, read and checked
    """

    requested: str
    chosen: str
    reason: str
    bundles: tuple[RoleBundle, ...] = ()


def choose_models(
    requested: str,
    *,
    clinical_checkpoint: Path | None,
    features_checkpoint: Path | None,
    models_dir: Path,
    cuda: bool,
) -> Choice:
    """Return the bundles to load, each read and checked, and the reason for the choice.

    requested  auto | ecg-fm | embedded | none | the folder of a bundle
    cuda       whether the machine has a GPU; `auto` downloads only then
    Raises ModelStoreError or a subclass if what was requested by name is unavailable or damaged.
    """
    checkpoints: dict[Role, Path] = {}
    if clinical_checkpoint is not None:
        checkpoints["clinical"] = clinical_checkpoint
    if features_checkpoint is not None:
        checkpoints["features"] = features_checkpoint
    if checkpoints and requested != "auto":
        raise ModelStoreError(
            f"ECG_MODEL={requested} and {_settings(checkpoints)} contradict each other: unset one "
            "(checkpoints go with ECG_MODEL=auto)"
        )
    if requested == "none":
        return Choice(requested, "none", f"ECG_MODEL=none disables all encoders; {_HOW_TO_CHANGE}")
    if requested == "embedded":
        return _choose_embedded(requested, "ECG_MODEL=embedded selects it")
    if requested == "ecg-fm":
        return _choose_ecg_fm(requested, "ECG_MODEL=ecg-fm selects it", models_dir)
    if requested != "auto":
        return _choose_folder(requested)
    if checkpoints:
        return _choose_checkpoints(checkpoints, models_dir)
    return _choose_automatically(models_dir, cuda)


def _choose_automatically(models_dir: Path, cuda: bool) -> Choice:
    """Choose ECG-FM from models_dir; with a GPU from the hub; otherwise the embedded model."""
    installed = [entry for entry in manifest_entries() if is_bundle(models_dir / entry.name)]
    obstacle = "ECG-FM is not in the models folder, and without a GPU nothing is downloaded unasked"
    if installed or cuda:
        entries = installed or list(manifest_entries())
        try:
            bundles = _pull_all(entries, models_dir)
        except HubError as error:
            log.warning("ECG-FM is unavailable: %s", error.detail)
            obstacle = f"ECG-FM is unavailable ({error.title.lower()}; see the log)"
        else:
            source = "the machine has a GPU, so it was pulled from the hub"
            if installed:
                source = "it is in the models folder"
            reason = f"auto chose ECG-FM: {source}{_without(entries)}; {_HOW_TO_CHANGE}"
            return Choice("auto", "ecg-fm", reason, (*bundles, _superclass_bundle()))
    return _choose_embedded("auto", f"auto chose the embedded model: {obstacle}")


def _without(entries: Sequence[ManifestEntry]) -> str:
    absent = [entry.name for entry in manifest_entries() if entry not in entries]
    return f", without {' and '.join(absent)}" if absent else ""


def _choose_ecg_fm(requested: str, why: str, models_dir: Path) -> Choice:
    bundles = _pull_all(manifest_entries(), models_dir)
    reason = f"{why}; {_HOW_TO_CHANGE}"
    return Choice(requested, "ecg-fm", reason, (*bundles, _superclass_bundle()))


def _choose_embedded(requested: str, why: str) -> Choice:
    bundle = load_bundle(EMBEDDED_FOLDER)
    return Choice(requested, "embedded", f"{why}; {_HOW_TO_CHANGE}", (_with_role(bundle),))


def _choose_folder(requested: str) -> Choice:
    folder = Path(requested).expanduser()
    if not folder.is_dir():
        raise ModelStoreError(
            f"ECG_MODEL is {requested!r}; auto, ecg-fm, embedded, none or the folder of a bundle "
            "is allowed"
        )
    bundle = load_bundle(folder)
    reason = f"ECG_MODEL names the folder of the bundle {bundle.name}; {_HOW_TO_CHANGE}"
    bundles = _with_superclasses([_with_role(bundle)])
    return Choice(requested, bundle.name, reason, bundles)


def _choose_checkpoints(checkpoints: dict[Role, Path], models_dir: Path) -> Choice:
    bundles = [(role, _load_setting(path, models_dir)) for role, path in checkpoints.items()]
    for role, bundle in bundles:
        if role == "clinical" and bundle.kind != "classifier":
            raise ModelStoreError(
                f"ECG_CLINICAL_CHECKPOINT: {checkpoints[role].name} has no classifier; pass it as "
                "ECG_FEATURES_CHECKPOINT"
            )
    chosen = " + ".join(bundle.name for _, bundle in bundles)
    reason = f"{_settings(checkpoints)} select the model; {_HOW_TO_CHANGE}"
    return Choice("auto", chosen, reason, _with_superclasses(bundles))


def _settings(checkpoints: dict[Role, Path]) -> str:
    return " and ".join(f"ECG_{role.upper()}_CHECKPOINT" for role in checkpoints)


def _pull_all(entries: Sequence[ManifestEntry], models_dir: Path) -> list[RoleBundle]:
    return [(entry.role, pull(entry, models_dir)) for entry in entries]


def _with_role(bundle: Bundle) -> RoleBundle:
    """A classifier gives labels, and embeddings too if no other encoder does."""
    return ("clinical" if bundle.kind == "classifier" else "features"), bundle


def _with_superclasses(bundles: Sequence[RoleBundle]) -> tuple[RoleBundle, ...]:
    """Add the embedded model for the superclasses unless the bundles have all of their labels."""
    names = {label.name for _, bundle in bundles for label in bundle.labels}
    if names.issuperset(SUPERCLASSES):
        return tuple(bundles)
    return (*bundles, _superclass_bundle())


def _superclass_bundle() -> RoleBundle:
    return "superclass", load_bundle(EMBEDDED_FOLDER)


def _load_setting(path: Path, models_dir: Path) -> Bundle:
    """Load what a checkpoint setting names: a bundle's folder, its weights file, or a checkpoint.

    A checkpoint is converted the first time.
    """
    path = path.expanduser()
    if path.is_dir():
        return load_bundle(path)
    if not path.is_file():
        raise ModelStoreError(f"{path}: no such file or folder")
    if path.suffix == ".safetensors":
        if path.name != WEIGHTS_FILE or not is_bundle(path.parent):
            raise BadBundle(
                f"{path}: weights without a bundle.json that describes them; name a bundle's "
                "folder or the checkpoint"
            )
        return load_bundle(path.parent)
    return _import_checkpoint(path, models_dir)


def _import_checkpoint(path: Path, models_dir: Path) -> Bundle:
    """Load the bundle made from this checkpoint earlier, or make it."""
    sha256 = sha256_of(path)
    folder = models_dir / IMPORTED_FOLDER / f"{path.stem}-{sha256[:NAME_SHA256_DIGITS]}"
    if is_bundle(folder):
        try:
            return load_bundle(folder)
        except (BadBundle, ChecksumMismatch) as error:
            log.warning("converting the checkpoint again: %s", error.detail)
    log.info("converting %s", path.name)
    conversion = convert(path, folder, name=path.stem)
    for note in (conversion.summary(), *conversion.notes):
        log.info("%s", note)
    return conversion.bundle
