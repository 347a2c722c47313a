"""A bundle: a folder that serves. bundle.json says what the weights are, model.safetensors holds them.

Everything is checked before anything is served: both files there, size and sha256 as stated, tensors as the configuration asks.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from atomic_files import write_file
from encoder.config import CompactConfig, EcgFmConfig
from errors import BadBundle, ChecksumMismatch
from model_store.labels import Label
from model_store.weights_file import read_shapes, sha256_of, weight_shapes
from signals.segments import Preprocessing

SCHEMA_VERSION = 1
BUNDLE_FILE = "bundle.json"
WEIGHTS_FILE = "model.safetensors"

Kind = Literal["classifier", "features"]
ARCHITECTURES = {"ecg-fm": EcgFmConfig, "compact": CompactConfig}
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


@dataclass(frozen=True)
class Source:
    """Where the weights come from: a repository at a commit, or None for both where it was a file of one's own."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    repo: str | None
    revision: str | None
    files: dict[str, Sha256]


@dataclass(frozen=True)
class Weights:
    __pydantic_config__ = ConfigDict(extra="forbid")

    bytes: int
    sha256: Sha256


@dataclass(frozen=True)
class Bundle:
    """bundle.json as a value; `folder` is where it was found and is not written."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    schema_version: int
    name: Annotated[str, Field(min_length=1, max_length=128)]
    kind: Kind
    source: Source
    architecture: Literal["ecg-fm", "compact"]
    config: EcgFmConfig | CompactConfig
    preprocessing: Preprocessing
    labels: tuple[Label, ...]
    weights: Weights
    licence: str
    card: str | None
    folder: Path = Path()

    @property
    def sha256(self) -> str:
        return self.weights.sha256

    @property
    def revision(self) -> str | None:
        return self.source.revision

    @property
    def weights_path(self) -> Path:
        return self.folder / WEIGHTS_FILE

    def to_json(self) -> str:
        values = asdict(self)
        del values["folder"]
        return json.dumps(values, indent=2, ensure_ascii=False) + "\n"


def load_bundle(folder: Path, *, hash_weights: bool = True) -> Bundle:
    """The bundle in this folder, checked. `hash_weights=False` leaves out the sha256 (a list of bundles), nothing else.

    Raises BadBundle (missing, cut off, contradictory) and ChecksumMismatch (altered), both naming the file.
    """
    bundle = _read(folder)
    weights = bundle.weights_path
    if not weights.is_file():
        raise BadBundle(f"{weights}: missing")
    size = weights.stat().st_size
    if size != bundle.weights.bytes:
        raise BadBundle(
            f"{weights}: {size} bytes, {BUNDLE_FILE} states {bundle.weights.bytes} (half-written?)"
        )
    _check_tensors(bundle)
    if hash_weights:
        found = sha256_of(weights)
        if found != bundle.sha256:
            raise ChecksumMismatch(
                f"{weights}: sha256 {found}, {BUNDLE_FILE} states {bundle.sha256} (altered)"
            )
    return bundle


def write_bundle_file(bundle: Bundle, folder: Path) -> None:
    """Write bundle.json into the folder, atomically; it is on disk when the function returns."""
    write_file(folder / BUNDLE_FILE, bundle.to_json().encode())


def is_bundle(folder: Path) -> bool:
    """Whether the folder claims to be one; `load_bundle` says whether it is."""
    return (folder / BUNDLE_FILE).is_file()


def _read(folder: Path) -> Bundle:
    path = folder / BUNDLE_FILE
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadBundle(f"{path}: cannot be read ({error.strerror})") from error
    except ValueError as error:
        raise BadBundle(f"{path}: is not JSON (half-written?)") from error
    _check_version(path, values)
    try:
        bundle = TypeAdapter(Bundle).validate_python(values)
    except ValidationError as error:
        first = error.errors()[0]
        raise BadBundle(
            f"{path}: {'.'.join(str(part) for part in first['loc'])}: {first['msg']}"
        ) from error
    _check_config(path, bundle)
    _check_labels(path, bundle)
    return replace(bundle, folder=folder)


def _check_version(path: Path, values: Any) -> None:
    if not isinstance(values, dict) or "folder" in values:
        raise BadBundle(f"{path}: is no bundle's description")
    if values.get("schema_version") != SCHEMA_VERSION:
        raise BadBundle(
            f"{path}: schema_version {values.get('schema_version')}, this program reads {SCHEMA_VERSION}"
        )


def _check_config(path: Path, bundle: Bundle) -> None:
    config = bundle.config
    if ARCHITECTURES[bundle.architecture] is not type(config):
        raise BadBundle(
            f"{path}: config: these are not the sizes of the architecture {bundle.architecture}"
        )
    faults = _faults(config) if isinstance(config, EcgFmConfig) else _compact_faults(config)
    if faults:
        raise BadBundle(f"{path}: config: {faults}")


def _faults(config: EcgFmConfig) -> str | None:
    sizes = [
        config.width,
        config.ffn_width,
        config.depth,
        config.heads,
        config.conv_pos_kernel,
        config.conv_pos_groups,
        config.in_leads,
    ]
    sizes += [
        size for layer in config.conv_layers for size in (layer.width, layer.kernel, layer.stride)
    ]
    if not config.conv_layers or min(sizes) < 1 or config.labels < 0:
        return "every size must be 1 or more"
    if config.width % config.heads or config.width % config.conv_pos_groups:
        return f"width {config.width} must be a multiple of heads and of conv_pos_groups"
    return None


def _compact_faults(config: CompactConfig) -> str | None:
    layers = (config.stem, *config.blocks)
    sizes = [
        config.squeeze,
        config.attention,
        config.width,
        config.labels,
        config.in_leads,
        config.members,
    ]
    sizes += [size for layer in layers for size in (layer.width, layer.kernel, layer.stride)]
    if not config.blocks or min(sizes) < 1:
        return "every size must be 1 or more"
    if config.width % config.members:
        return f"width {config.width} must be a multiple of members, {config.members}"
    if any(layer.kernel % 2 == 0 for layer in layers):
        return "kernels must be odd"
    if min(block.width for block in config.blocks) < config.squeeze:
        return f"squeeze {config.squeeze} must not be more than a block's width"
    return None


def _check_labels(path: Path, bundle: Bundle) -> None:
    if len(bundle.labels) != bundle.config.labels:
        raise BadBundle(
            f"{path}: {len(bundle.labels)} labels, the classifier has {bundle.config.labels} rows"
        )
    if (bundle.kind == "classifier") != bool(bundle.labels):
        raise BadBundle(f"{path}: a bundle of kind {bundle.kind} with {len(bundle.labels)} labels")
    if len({label.name for label in bundle.labels}) != len(bundle.labels):
        raise BadBundle(f"{path}: a label is named twice")


def _check_tensors(bundle: Bundle) -> None:
    """Names and shapes against the configuration. Raises BadBundle with the first difference."""
    wanted, found = weight_shapes(bundle.config), read_shapes(bundle.weights_path)
    for name in sorted(wanted.keys() | found.keys()):
        if wanted.get(name) != found.get(name):
            raise BadBundle(
                f"{bundle.weights_path}: {name}: found {found.get(name)}, the configuration asks for {wanted.get(name)}"
            )
