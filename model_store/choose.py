"""Which encoders a server loads: what ECG_MODEL and the checkpoint settings ask for against what is there. No torch."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

from errors import BadBundle, ChecksumMismatch, HubError, ModelStoreError
from model_store.bundle import WEIGHTS_FILE, Bundle, is_bundle, load_bundle
from model_store.convert import convert
from model_store.labels import SUPERCLASSES
from model_store.manifest import Entry, Role, entries
from model_store.pull import pull
from model_store.weights_file import sha256_of

log = logging.getLogger(__name__)

EMBEDDED = Path(__file__).with_name("embedded")
IMPORTED = "imported"  # folder in models_dir for converted checkpoints of one's own
NAMED_BY_SHA256 = 12  # hex digits

HOW_ELSE = (
    "`python -m model_store pull` fetches ECG-FM (2.2 GB), ECG_CLINICAL_CHECKPOINT and ECG_FEATURES_CHECKPOINT name files of one's own, "
    "ECG_MODEL chooses among auto, ecg-fm, embedded, none and the folder of a bundle"
)


@dataclass(frozen=True)
class Choice:
    """What was asked for, what it came to, and why: a sentence for the log, /health and every answer."""

    requested: str
    chosen: str
    reason: str
    bundles: tuple[tuple[Role, Bundle], ...] = ()


def choose_models(
    requested: str,
    *,
    clinical_checkpoint: Path | None,
    features_checkpoint: Path | None,
    models_dir: Path,
    cuda: bool,
) -> Choice:
    """requested: auto | ecg-fm | embedded | none | the folder of a bundle. Every bundle of the choice has been checked.

    cuda  whether a GPU is there: only then does `auto` download
    Raises ModelStoreError (and below it BadBundle, BadCheckpoint, HubError, ...) where what was asked for by name cannot be had.
    """
    checkpoints = {"clinical": clinical_checkpoint, "features": features_checkpoint}
    given: dict[Role, Path] = {role: path for role, path in checkpoints.items() if path is not None}  # type: ignore[misc]
    if given and requested != "auto":
        names = " and ".join(f"ECG_{role.upper()}_CHECKPOINT" for role in given)
        raise ModelStoreError(
            f"ECG_MODEL={requested} and {names} contradict each other: unset one (checkpoints go with ECG_MODEL=auto)"
        )
    if requested == "none":
        return Choice(requested, "none", f"ECG_MODEL=none asks for no encoder; {HOW_ELSE}")
    if requested == "embedded":
        return _embedded(requested)
    if requested == "ecg-fm":
        return _ecg_fm(requested, "ECG_MODEL=ecg-fm asks for it", models_dir)
    if requested != "auto":
        return _folder(requested)
    return _from_checkpoints(given, models_dir) if given else _automatic(models_dir, cuda)


def _automatic(models_dir: Path, cuda: bool) -> Choice:
    """ECG-FM from models_dir; with a GPU from the hub; else the embedded model."""
    here = [entry for entry in entries() if is_bundle(models_dir / entry.name)]
    obstacle = "ECG-FM is not in the models folder, and without a GPU nothing is downloaded unasked"
    if here or cuda:
        wanted = here or list(entries())
        try:
            found = tuple((entry.role, pull(entry, models_dir)) for entry in wanted)
        except HubError as error:
            log.warning("ECG-FM cannot be had: %s", error.detail)
            obstacle = f"ECG-FM cannot be had ({error.title.lower()}; the log says more)"
        else:
            why = (
                "it is in the models folder"
                if here
                else "a GPU is there, so it was pulled from the hub"
            )
            return Choice(
                "auto",
                "ecg-fm",
                f"auto chose ECG-FM: {why}{_missing(wanted)}; {HOW_ELSE}",
                (*found, _superclasses()),
            )
    return Choice(
        "auto",
        "embedded",
        f"auto chose the embedded model: {obstacle}; {HOW_ELSE}",
        _roles(load_bundle(EMBEDDED)),
    )


def _missing(used: list[Entry]) -> str:
    absent = [entry.name for entry in entries() if entry not in used]
    return f", without {' and '.join(absent)}" if absent else ""


def _ecg_fm(requested: str, why: str, models_dir: Path) -> Choice:
    bundles = tuple((entry.role, pull(entry, models_dir)) for entry in entries())
    return Choice(requested, "ecg-fm", f"{why}; {HOW_ELSE}", (*bundles, _superclasses()))


def _embedded(requested: str) -> Choice:
    return Choice(
        requested,
        "embedded",
        f"ECG_MODEL=embedded asks for it; {HOW_ELSE}",
        _roles(load_bundle(EMBEDDED)),
    )


def _folder(requested: str) -> Choice:
    folder = Path(requested).expanduser()
    if not folder.is_dir():
        raise ModelStoreError(
            f"ECG_MODEL={requested}: neither auto, ecg-fm, embedded, none nor the folder of a bundle"
        )
    bundle = load_bundle(folder)
    why = f"ECG_MODEL names the folder of the bundle {bundle.name}; {HOW_ELSE}"
    return Choice(requested, bundle.name, why, (*_roles(bundle), *_superclasses_beside([bundle])))


def _roles(bundle: Bundle) -> tuple[tuple[Role, Bundle], ...]:
    """A classifier answers for labels (and embeddings, where nothing else does), an encoder without one for embeddings."""
    return (("clinical" if bundle.kind == "classifier" else "features", bundle),)


def _from_checkpoints(given: dict[Role, Path], models_dir: Path) -> Choice:
    bundles = {role: _bundle_of(path, models_dir) for role, path in given.items()}
    clinical = bundles.get("clinical")
    if clinical is not None and clinical.kind != "classifier":
        raise ModelStoreError(
            f"ECG_CLINICAL_CHECKPOINT: {given['clinical'].name} has no classifier; pass it as ECG_FEATURES_CHECKPOINT"
        )
    names = " and ".join(f"ECG_{role.upper()}_CHECKPOINT" for role in given)
    chosen = " + ".join(bundle.name for bundle in bundles.values())
    return Choice(
        "auto",
        chosen,
        f"{names} name what to load; {HOW_ELSE}",
        (*bundles.items(), *_superclasses_beside(list(bundles.values()))),
    )


def _superclasses_beside(bundles: list[Bundle]) -> tuple[tuple[Role, Bundle], ...]:
    """The embedded model for the superclasses, where none of these has them."""
    named = {label.name for bundle in bundles for label in bundle.labels}
    return () if named.issuperset(SUPERCLASSES) else (_superclasses(),)


def _superclasses() -> tuple[Role, Bundle]:
    return "superclass", load_bundle(EMBEDDED)


def _bundle_of(path: Path, models_dir: Path) -> Bundle:
    """The bundle that a setting names: its folder, its model.safetensors, or a checkpoint to be converted, once."""
    path = path.expanduser()
    if path.is_dir():
        return load_bundle(path)
    if not path.is_file():
        raise ModelStoreError(f"{path}: no such file or folder")
    if path.suffix == ".safetensors":
        if path.name != WEIGHTS_FILE or not is_bundle(path.parent):
            raise BadBundle(
                f"{path}: weights without the bundle.json that says what they are; name a bundle's folder or the checkpoint"
            )
        return load_bundle(path.parent)
    return _imported(path, models_dir)


def _imported(path: Path, models_dir: Path) -> Bundle:
    sha256 = sha256_of(path)
    folder = models_dir / IMPORTED / f"{path.stem}-{sha256[:NAMED_BY_SHA256]}"
    if is_bundle(folder):
        try:
            return load_bundle(folder)
        except (BadBundle, ChecksumMismatch) as error:
            log.warning("%s; it is converted again", error.detail)
    log.info("converting %s, once", path.name)
    conversion = convert(path, folder, name=path.stem)
    for note in (conversion.summary(), *conversion.notes):
        log.info("%s", note)
    return conversion.bundle
