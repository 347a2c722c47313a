"""A bundle: a folder with the weights of one encoder, which the server can load.

bundle.json describes the weights, model.safetensors holds them. Loading checks that both files are
present, that the weights have the stated size and sha256, and that the tensors fit the
configuration.
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
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]

_CONFIG_CLASSES = {"ecg-fm": EcgFmConfig, "compact": CompactConfig}


@dataclass(frozen=True)
class Source:
    """Where the weights come from.

    repo      the Hugging Face repository, None if the checkpoint was a local file
    revision  its commit, None if the checkpoint was a local file
    files     file name -> sha256 of the source files
    """

    __pydantic_config__ = ConfigDict(extra="forbid")

    repo: str | None
    revision: str | None
    files: dict[str, Sha256]


@dataclass(frozen=True)
class Weights:
    """Size and checksum of model.safetensors."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    bytes: int
    sha256: Sha256


@dataclass(frozen=True)
class Bundle:
    """The content of bundle.json. `folder` is where it was read; it is not written to the file."""

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
        """Return the content of bundle.json."""
        values = asdict(self)
        del values["folder"]
        return json.dumps(values, indent=2, ensure_ascii=False) + "\n"


def load_bundle(folder: Path, *, hash_weights: bool = True) -> Bundle:
    """Read and check the bundle in a folder. The weights themselves are not loaded.

    hash_weights  False skips the sha256 of the weights (to list bundles); all other checks are made
    Raises BadBundle (a file is missing, truncated or contradictory) or ChecksumMismatch (the
    weights were altered); both name the file.
    """
    bundle = _read_bundle_file(folder)
    weights = bundle.weights_path
    if not weights.is_file():
        raise BadBundle(f"{weights}: missing")
    size = weights.stat().st_size
    if size != bundle.weights.bytes:
        raise BadBundle(
            f"{weights}: {size} bytes, {BUNDLE_FILE} states {bundle.weights.bytes} (truncated?)"
        )
    _check_tensors(bundle)
    if hash_weights:
        sha256 = sha256_of(weights)
        if sha256 != bundle.sha256:
            raise ChecksumMismatch(
                f"{weights}: sha256 {sha256}, {BUNDLE_FILE} states {bundle.sha256} (altered)"
            )
    return bundle


def write_bundle_file(bundle: Bundle, folder: Path) -> None:
    """Write bundle.json into the folder, atomically; it is on disk when the function returns."""
    write_file(folder / BUNDLE_FILE, bundle.to_json().encode())


def is_bundle(folder: Path) -> bool:
    """Return whether the folder has a bundle.json. `load_bundle` checks the rest."""
    return (folder / BUNDLE_FILE).is_file()


def _read_bundle_file(folder: Path) -> Bundle:
    path = folder / BUNDLE_FILE
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadBundle(f"{path}: cannot be read ({error.strerror})") from error
    except (ValueError, RecursionError) as error:
        raise BadBundle(f"{path}: is not JSON (truncated?)") from error
    _check_version(path, values)
    try:
        bundle = TypeAdapter(Bundle).validate_python(values)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        raise BadBundle(f"{path}: {field}: {first['msg']}") from error
    _check_config(path, bundle)
    _check_labels(path, bundle)
    return replace(bundle, folder=folder)


def _check_version(path: Path, values: Any) -> None:
    if not isinstance(values, dict) or "folder" in values:
        raise BadBundle(f"{path}: is not the description of a bundle")
    version = values.get("schema_version")
    if version != SCHEMA_VERSION:
        raise BadBundle(f"{path}: schema_version is {version}; this program reads {SCHEMA_VERSION}")


def _check_config(path: Path, bundle: Bundle) -> None:
    config = bundle.config
    if _CONFIG_CLASSES[bundle.architecture] is not type(config):
        raise BadBundle(
            f"{path}: config: these sizes are not those of the architecture {bundle.architecture}"
        )
    fault = _ecg_fm_fault(config) if isinstance(config, EcgFmConfig) else _compact_fault(config)
    if fault:
        raise BadBundle(f"{path}: config: {fault}")


def _ecg_fm_fault(config: EcgFmConfig) -> str | None:
    """Return what is wrong with the sizes, None if they can be built."""
    sizes = [
        config.width,
        config.ffn_width,
        config.depth,
        config.heads,
        config.conv_pos_kernel,
        config.conv_pos_groups,
        config.in_leads,
    ]
    for layer in config.conv_layers:
        sizes += [layer.width, layer.kernel, layer.stride]
    if not config.conv_layers or min(sizes) < 1 or config.labels < 0:
        return "every size must be 1 or more"
    if config.width % config.heads or config.width % config.conv_pos_groups:
        return f"width {config.width} must be a multiple of heads and of conv_pos_groups"
    return None


def _compact_fault(config: CompactConfig) -> str | None:
    """Return what is wrong with the sizes, None if they can be built."""
    layers = (config.stem, *config.blocks)
    sizes = [
        config.squeeze,
        config.attention,
        config.width,
        config.labels,
        config.in_leads,
        config.members,
    ]
    for layer in layers:
        sizes += [layer.width, layer.kernel, layer.stride]
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
    count = len(bundle.labels)
    if count != bundle.config.labels:
        raise BadBundle(
            f"{path}: {count} labels, but the classifier has {bundle.config.labels} rows"
        )
    if (bundle.kind == "classifier") != bool(bundle.labels):
        raise BadBundle(f"{path}: a bundle of kind {bundle.kind} has {count} labels")
    names = {label.name for label in bundle.labels}
    if len(names) != count:
        raise BadBundle(f"{path}: two labels have the same name")


def _check_tensors(bundle: Bundle) -> None:
    """Compare names and shapes with the configuration. Raises BadBundle if they differ."""
    expected = weight_shapes(bundle.config)
    actual = read_shapes(bundle.weights_path)
    for name in sorted(expected.keys() | actual.keys()):
        if expected.get(name) != actual.get(name):
            raise BadBundle(
                f"{bundle.weights_path}: {name}: shape {actual.get(name)}, the configuration "
                f"requires {expected.get(name)}"
            )
