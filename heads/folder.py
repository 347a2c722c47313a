"""A head as a folder: head.json describes it, head.safetensors holds its weights.

A folder may come from anywhere. Both files are read up to a limit and checked completely before the
head is used; nothing in them is executed. docs/heads.md describes the format.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Final

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from safetensors import SafetensorError
from safetensors.numpy import load, save

from atomic_files import install_folder, temporary_folder, write_file
from errors import BadHead
from heads.head import EncoderReference, Head, HeadLabel, Kind, Layer

SCHEMA_VERSION: Final = 1
HEAD_FILE: Final = "head.json"
WEIGHTS_FILE: Final = "head.safetensors"
TRAINED_ON: Final = "trained_on"  # name of the tensor with the patients' digests
MAX_JSON_BYTES: Final = 1 << 20
# A perceptron of 1024 units on embeddings of 768 has 3 MB; the digests of 5 million patients, 40
# MB.
MAX_WEIGHTS_BYTES: Final = 64 << 20
MAX_LAYERS: Final = 4
MAX_LABELS: Final = 1000
MAX_STRING: Final = 256  # characters
MAX_CALIBRATION: Final = 1e9  # a slope or offset of that size is not a calibration
MAX_SHOWN: Final = 64  # characters of a refused value in a message
FILE_MODE: Final = 0o644  # readable for a server that runs as another user

# A head's name is also the name of a folder. Lower case only, for file systems that ignore case.
NAME: Final = re.compile(r"[a-z0-9](?:[a-z0-9_-]{0,62}[a-z0-9])?")


def _string_or_empty(value: object) -> str:
    return value if isinstance(value, str) else ""


_ShortString = Annotated[str, Field(min_length=1, max_length=MAX_STRING)]
_Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
_CalibrationNumber = Annotated[float, Field(gt=-MAX_CALIBRATION, lt=MAX_CALIBRATION)]


class _Description(BaseModel):
    """Base of the models of head.json: no conversion between types, unknown keys are ignored."""

    model_config = ConfigDict(strict=True, frozen=True)


class _EncoderDescription(_Description):
    name: _ShortString
    revision: str | None = None
    sha256: _Sha256


class _LabelDescription(_Description):
    name: _ShortString
    threshold: Annotated[float, Field(ge=0, le=1)]
    slope: _CalibrationNumber
    offset: _CalibrationNumber
    description: Annotated[str, BeforeValidator(_string_or_empty)] = ""


class _WeightsDescription(_Description):
    bytes: int
    sha256: str


class _HeadDescription(_Description):
    """head.json."""

    name: str
    kind: Kind
    width: int
    encoder: _EncoderDescription
    labels: Annotated[list[_LabelDescription], Field(min_length=1, max_length=MAX_LABELS)]
    weights: _WeightsDescription
    made: dict[str, Any] = Field(default_factory=dict)
    card: str | None = None


def check_name(name: object) -> str:
    """Return the name of a head if it is safe as the name of a folder.

    Raises BadHead for a name that could be a path or a hidden file, or that file systems treat
    differently.
    """
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise BadHead(
            f"name is {_shown(name)}; 1 to 64 of a-z, 0-9, - and _ are allowed, "
            "a letter or digit first and last"
        )
    return name


def read_head(folder: Path) -> Head:
    """Return the head in this folder, checked. Raises BadHead that names the file and the fault."""
    description, weights = read_files(folder)
    return parse_head(description, weights)


def read_files(folder: Path) -> tuple[bytes, bytes]:
    """Return the contents of head.json and head.safetensors, unchecked.

    Raises BadHead if one is missing, is not a regular file, or exceeds its size limit.
    """
    description = _read_file(folder / HEAD_FILE, MAX_JSON_BYTES)
    weights = _read_file(folder / WEIGHTS_FILE, MAX_WEIGHTS_BYTES)
    return description, weights


def parse_head(description: bytes, weights: bytes) -> Head:
    """Return a head from the contents of head.json and head.safetensors. Raises BadHead."""
    described = _parse_description(description)
    _check_checksum(weights, described.weights)
    tensors = _parse_tensors(weights)
    trained_on = tensors.pop(TRAINED_ON, np.zeros(0, np.uint64))
    if trained_on.dtype != np.uint64 or trained_on.ndim != 1:
        raise BadHead(f"{WEIGHTS_FILE}: {TRAINED_ON} must be a list of uint64")
    head = Head(
        name=check_name(described.name),
        encoder=EncoderReference(**described.encoder.model_dump()),
        labels=tuple(HeadLabel(**label.model_dump()) for label in described.labels),
        layers=_check_layers(tensors),
        trained_on=np.sort(trained_on),
        training=described.made,
        card=described.card,
    )
    _check_agreement(head, described)
    return head


def head_bytes(head: Head) -> tuple[bytes, bytes]:
    """Return the contents of head.json and head.safetensors; the same for the same head."""
    tensors: dict[str, NDArray[Any]] = {}
    for number, (weight, bias) in enumerate(head.layers):
        tensors[f"layers.{number}.weight"] = np.ascontiguousarray(weight)
        tensors[f"layers.{number}.bias"] = np.ascontiguousarray(bias)
    tensors[TRAINED_ON] = np.ascontiguousarray(head.trained_on)
    weights = save(tensors)
    description = {
        "schema_version": SCHEMA_VERSION,
        "name": head.name,
        "kind": head.kind,
        "width": head.width,
        "encoder": asdict(head.encoder),
        "labels": [asdict(label) for label in head.labels],
        "weights": {"bytes": len(weights), "sha256": hashlib.sha256(weights).hexdigest()},
        "made": dict(head.training),
        "card": head.card,
    }
    text = json.dumps(description, indent=2, ensure_ascii=False) + "\n"
    return text.encode(), weights


def write_head(head: Head, folder: Path) -> None:
    """Write a head as a new folder, atomically.

    Raises BadHead if the folder exists, or if `read_head` would refuse the head.
    """
    description, weights = head_bytes(head)
    parse_head(description, weights)
    write_files(description, weights, folder)


def write_files(description: bytes, weights: bytes, folder: Path) -> None:
    """Write the two files of a head as a new folder, atomically. Raises BadHead if it exists."""
    with temporary_folder(folder) as temporary:
        write_file(temporary / HEAD_FILE, description, mode=FILE_MODE)
        write_file(temporary / WEIGHTS_FILE, weights, mode=FILE_MODE)
        try:
            install_folder(temporary, folder)
        except (FileExistsError, NotADirectoryError):
            raise BadHead(f"{folder.name}: exists already; heads are never overwritten") from None


def _read_file(path: Path, limit: int) -> bytes:
    """Return the content of a regular file of at most `limit` bytes. Raises BadHead.

    Does not follow a link, and does not block on a pipe or device.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        raise BadHead(f"{path.name}: cannot be read ({error.strerror})") from None
    with open(handle, "rb") as file:  # noqa: PTH123 - opens a descriptor
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise BadHead(f"{path.name}: is not a regular file")
        content = file.read(limit + 1)
    if len(content) > limit:
        raise BadHead(f"{path.name}: more than {limit} bytes")
    return content


def _parse_description(text: bytes) -> _HeadDescription:
    try:
        values = json.loads(text)
    except (ValueError, RecursionError):
        raise BadHead(f"{HEAD_FILE}: is not JSON (cut off?)") from None
    if not isinstance(values, dict):
        raise BadHead(f"{HEAD_FILE}: is not a JSON object")
    # Checked first: another version may have other fields.
    version = values.get("schema_version")
    if version != SCHEMA_VERSION:
        raise BadHead(
            f"{HEAD_FILE}: schema_version {_shown(version)}, this program reads {SCHEMA_VERSION}"
        )
    try:
        return _HeadDescription.model_validate(values)
    except ValidationError as error:
        raise BadHead(f"{HEAD_FILE}: {_first_fault(error)}") from None


def _first_fault(error: ValidationError) -> str:
    """Return field, rule and refused value of the first fault."""
    fault = error.errors(include_url=False)[0]
    field = ".".join(str(part) for part in fault["loc"])
    if fault["type"] == "missing":
        return f"{field}: {fault['msg']}"
    return f"{field} is {_shown(fault['input'])}: {fault['msg']}"


def _check_checksum(weights: bytes, stated: _WeightsDescription) -> None:
    sha256 = hashlib.sha256(weights).hexdigest()
    if len(weights) != stated.bytes or sha256 != stated.sha256:
        raise BadHead(
            f"{WEIGHTS_FILE}: {len(weights)} bytes with sha256 {sha256}; {HEAD_FILE} states "
            f"{stated.bytes} bytes with sha256 {_shown(stated.sha256)} (cut off, or altered)"
        )


def _parse_tensors(weights: bytes) -> dict[str, NDArray[Any]]:
    try:
        return dict(load(weights))
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        reason = str(error)[:120]
        raise BadHead(f"{WEIGHTS_FILE}: damaged, or not a safetensors file ({reason})") from None


def _check_layers(tensors: Mapping[str, NDArray[Any]]) -> tuple[Layer, ...]:
    """Return the layers in order.

    Raises BadHead for other names, types, shapes that do not follow on each other, or values that
    are not finite.
    """
    count = len(tensors) // 2
    names = {f"layers.{number}.{part}" for number in range(count) for part in ("weight", "bias")}
    if not 1 <= count <= MAX_LAYERS or names != set(tensors):
        raise BadHead(
            f"{WEIGHTS_FILE}: {len(tensors)} tensors; layers.0.weight, layers.0.bias and so on are "
            f"needed, at most {MAX_LAYERS} layers"
        )
    layers = []
    inputs: int | None = None
    for number in range(count):
        weight = tensors[f"layers.{number}.weight"]
        bias = tensors[f"layers.{number}.bias"]
        _check_layer(f"{WEIGHTS_FILE}: layers.{number}", weight, bias, inputs)
        layers.append((weight, bias))
        inputs = weight.shape[0]
    return tuple(layers)


def _check_layer(place: str, weight: NDArray[Any], bias: NDArray[Any], inputs: int | None) -> None:
    """Raise BadHead for a faulty layer. inputs: width of the layer before, None for the first."""
    if weight.dtype != np.float32 or bias.dtype != np.float32:
        raise BadHead(f"{place} is {weight.dtype} and {bias.dtype}; float32 is needed")
    shapes_fit = weight.ndim == 2 and bias.shape == weight.shape[:1] and weight.size > 0
    if not shapes_fit or inputs not in (None, weight.shape[1]):
        raise BadHead(f"{place} has shapes {weight.shape} and {bias.shape} after {inputs} numbers")
    if not (np.isfinite(weight).all() and np.isfinite(bias).all()):
        raise BadHead(f"{place} holds values that are not finite")


def _check_agreement(head: Head, described: _HeadDescription) -> None:
    """Raise BadHead if labels, kind or width of head.json do not fit the weights."""
    rows = len(head.layers[-1][1])
    if len(head.labels) != rows or len(set(head.label_names)) != rows:
        raise BadHead(
            f"{HEAD_FILE}: {len(head.labels)} labels, {len(set(head.label_names))} of them "
            f"different, for {rows} rows of the last layer"
        )
    if (described.kind, described.width) != (head.kind, head.width):
        raise BadHead(
            f"{HEAD_FILE}: kind {described.kind} and width {described.width} do not fit the "
            f"weights, which are {head.kind} on {head.width} numbers"
        )


def _shown(value: object) -> str:
    """Return a refused value for a message: short, and only the type of a list or object."""
    if value is None or isinstance(value, str | int | float):
        return repr(value)[:MAX_SHOWN]
    return f"of type {type(value).__name__}"
