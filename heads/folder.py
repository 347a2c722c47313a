"""A head as a folder: head.json says what it is, head.safetensors holds its numbers.

Both are read whole, up to a limit, and checked before anything is believed: such a folder may come from anywhere.
Written into a hidden folder beside the target, which is renamed when it is on disk.
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
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from atomic_files import install_folder, temporary_folder, write_file
from errors import BadHead
from heads.head import EncoderReference, Head, HeadLabel, Layer

SCHEMA_VERSION: Final = 1
HEAD_FILE: Final = "head.json"
WEIGHTS_FILE: Final = "head.safetensors"
TRAINED_ON: Final = "trained_on"  # the tensor of patients' digests
MAX_JSON_BYTES: Final = 1 << 20
MAX_WEIGHTS_BYTES: Final = (
    64 << 20
)  # a perceptron of 1024 units on 768 numbers has 3 MB; 5 million patients' digests 40 MB
MAX_LAYERS: Final = 4
MAX_LABELS: Final = 1000
MAX_TEXT: Final = 256
MAX_NUMBER: Final = 1e9  # a slope or offset beyond that is no calibration
NAME: Final = re.compile(r"[a-z0-9](?:[a-z0-9_-]{0,62}[a-z0-9])?")
READABLE: Final = 0o644


def check_name(name: object) -> str:
    """A head's name is also a folder's. Raises BadHead for anything that could be a path, hidden, or unlike on another system."""
    if not isinstance(name, str) or not NAME.fullmatch(name):
        shown = repr(name)[:80] if isinstance(name, str) else f"of type {type(name).__name__}"
        raise BadHead(
            f"name is {shown}; 1 to 64 of a-z, 0-9, - and _ are allowed, a letter or digit first and last"
        )
    return name


def read_head(folder: Path) -> Head:
    """The head in this folder, checked. Raises BadHead, naming the file and what is wrong."""
    return parse_head(*read_files(folder))


def read_files(folder: Path) -> tuple[bytes, bytes]:
    """head.json and head.safetensors as they lie there. Raises BadHead for a link, a device or too many bytes."""
    return _read_file(folder / HEAD_FILE, MAX_JSON_BYTES), _read_file(
        folder / WEIGHTS_FILE, MAX_WEIGHTS_BYTES
    )


def parse_head(description: bytes, weights: bytes) -> Head:
    """A head from the two files' bytes. Raises BadHead."""
    values = _description(description)
    stated = _object(values, "weights")
    if len(weights) != stated.get("bytes") or hashlib.sha256(weights).hexdigest() != stated.get(
        "sha256"
    ):
        raise BadHead(
            f"{WEIGHTS_FILE}: {len(weights)} bytes that are not those {HEAD_FILE} states (cut off, or altered)"
        )
    tensors = _tensors(weights)
    trained_on = tensors.pop(TRAINED_ON, np.zeros(0, np.uint64))
    if trained_on.dtype != np.uint64 or trained_on.ndim != 1:
        raise BadHead(f"{WEIGHTS_FILE}: {TRAINED_ON} must be a list of uint64")
    layers = _layers(tensors)
    labels = tuple(
        _label(entry, number) for number, entry in enumerate(_list(values, "labels", MAX_LABELS))
    )
    if len({label.name for label in labels}) != len(labels) or len(labels) != len(layers[-1][1]):
        raise BadHead(
            f"{HEAD_FILE}: labels: {len(labels)}, each named once, for {len(layers[-1][1])} rows of the last layer"
        )
    encoder = _object(values, "encoder")
    made, card = values.get("made", {}), values.get("card")
    if not isinstance(made, dict) or not (card is None or isinstance(card, str)):
        raise BadHead(f"{HEAD_FILE}: made must be an object, card a text or null")
    head = Head(
        check_name(values.get("name")),
        _encoder(encoder),
        labels,
        layers,
        np.sort(trained_on),
        made,
        card,
    )
    if (values.get("kind"), values.get("width")) != (head.kind, head.width):
        raise BadHead(
            f"{HEAD_FILE}: kind and width say otherwise than the weights, which are {head.kind} on {head.width} numbers"
        )
    return head


def head_bytes(head: Head) -> tuple[bytes, bytes]:
    """The two files of a head. The same head gives the same bytes."""
    tensors: dict[str, NDArray[Any]] = {}
    for number, (weight, bias) in enumerate(head.layers):
        tensors |= {
            f"layers.{number}.weight": np.ascontiguousarray(weight),
            f"layers.{number}.bias": np.ascontiguousarray(bias),
        }
    weights = save({**tensors, TRAINED_ON: np.ascontiguousarray(head.trained_on)})
    values = {
        "schema_version": SCHEMA_VERSION,
        "name": head.name,
        "kind": head.kind,
        "width": head.width,
        "encoder": asdict(head.encoder),
        "labels": [asdict(label) for label in head.labels],
        "weights": {"bytes": len(weights), "sha256": hashlib.sha256(weights).hexdigest()},
        "made": dict(head.made),
        "card": head.card,
    }
    return (json.dumps(values, indent=2, ensure_ascii=False) + "\n").encode(), weights


def write_head(head: Head, folder: Path) -> None:
    """Writes the folder, whole or not at all. Raises BadHead where something lies there already, or the head would not be read again."""
    files = head_bytes(head)
    parse_head(*files)
    write_files(*files, folder)


def write_files(description: bytes, weights: bytes, folder: Path) -> None:
    """Write the two files of a head as a new folder, atomically. Raises BadHead if it exists."""
    with temporary_folder(folder) as temporary:
        write_file(temporary / HEAD_FILE, description, mode=READABLE)
        write_file(temporary / WEIGHTS_FILE, weights, mode=READABLE)
        try:
            install_folder(temporary, folder)
        except (FileExistsError, NotADirectoryError):
            raise BadHead(
                f"{folder.name}: something lies there already; heads are never written over"
            ) from None


def _read_file(path: Path, limit: int) -> bytes:
    """A plain file's bytes: no link is followed, no device or pipe waited for, no more than `limit` read."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        raise BadHead(f"{path.name}: cannot be read ({error.strerror})") from None
    with open(handle, "rb") as file:  # noqa: PTH123 - of a descriptor
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode):
            raise BadHead(f"{path.name}: is no plain file")
        content = file.read(limit + 1)
    if len(content) > limit:
        raise BadHead(f"{path.name}: more than {limit} bytes")
    return content


def _description(text: bytes) -> dict[str, Any]:
    try:
        values = json.loads(text)
    except (ValueError, RecursionError):
        raise BadHead(f"{HEAD_FILE}: is not JSON (cut off?)") from None
    if not isinstance(values, dict):
        raise BadHead(f"{HEAD_FILE}: is no object")
    if values.get("schema_version") != SCHEMA_VERSION:
        raise BadHead(
            f"{HEAD_FILE}: schema_version {_shown(values.get('schema_version'))}, this program reads {SCHEMA_VERSION}"
        )
    return values


def _tensors(weights: bytes) -> dict[str, NDArray[Any]]:
    try:
        return dict(load(weights))
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        raise BadHead(
            f"{WEIGHTS_FILE}: is no safetensors file, or is damaged ({str(error)[:120]})"
        ) from None


def _layers(tensors: Mapping[str, NDArray[Any]]) -> tuple[Layer, ...]:
    """The layers in order, each reading what the one before gives. Raises BadHead for other names, shapes or numbers."""
    count = len(tensors) // 2
    names = {f"layers.{number}.{part}" for number in range(count) for part in ("weight", "bias")}
    if not 1 <= count <= MAX_LAYERS or names != set(tensors):
        raise BadHead(
            f"{WEIGHTS_FILE}: {len(tensors)} tensors; layers.0.weight and .bias and so on are needed, at most {MAX_LAYERS} layers"
        )
    layers = tuple(
        (tensors[f"layers.{number}.weight"], tensors[f"layers.{number}.bias"])
        for number in range(count)
    )
    before = None
    for number, (weight, bias) in enumerate(layers):
        if weight.dtype != np.float32 or bias.dtype != np.float32:
            raise BadHead(f"{WEIGHTS_FILE}: layers.{number} holds other numbers than float32")
        fits = (
            weight.ndim == 2
            and bias.shape == weight.shape[:1]
            and weight.size > 0
            and before in (None, weight.shape[1])
        )
        if not fits:
            raise BadHead(
                f"{WEIGHTS_FILE}: layers.{number} has shapes {weight.shape} and {bias.shape} after {before} numbers"
            )
        if not (np.isfinite(weight).all() and np.isfinite(bias).all()):
            raise BadHead(f"{WEIGHTS_FILE}: layers.{number} holds values that are not finite")
        before = weight.shape[0]
    return layers


def _label(entry: object, number: int) -> HeadLabel:
    place = f"labels.{number}"
    if not isinstance(entry, dict):
        raise BadHead(f"{HEAD_FILE}: {place} is no object")
    threshold = _number(entry, "threshold", place)
    if not 0 <= threshold <= 1:
        raise BadHead(f"{HEAD_FILE}: {place}.threshold is {threshold}; 0 to 1 is allowed")
    description = entry.get("description", "")
    return HeadLabel(
        name=_text(entry, "name", place),
        threshold=threshold,
        slope=_number(entry, "slope", place),
        offset=_number(entry, "offset", place),
        description=description if isinstance(description, str) else "",
    )


def _encoder(values: Mapping[str, Any]) -> EncoderReference:
    sha256, revision = values.get("sha256"), values.get("revision")
    if not isinstance(sha256, str) or not re.fullmatch("[0-9a-f]{64}", sha256):
        raise BadHead(f"{HEAD_FILE}: encoder.sha256 is {_shown(sha256)}; 64 hex digits are needed")
    if revision is not None and not isinstance(revision, str):
        raise BadHead(f"{HEAD_FILE}: encoder.revision must be a text or null")
    return EncoderReference(_text(values, "name", "encoder"), revision, sha256)


def _text(values: Mapping[str, Any], key: str, place: str) -> str:
    value = values.get(key)
    if not isinstance(value, str) or not 1 <= len(value) <= MAX_TEXT:
        raise BadHead(f"{HEAD_FILE}: {place}.{key} is {_shown(value)}; a text is needed")
    return value


def _number(values: Mapping[str, Any], key: str, place: str) -> float:
    value = values.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < MAX_NUMBER:
        raise BadHead(f"{HEAD_FILE}: {place}.{key} is {_shown(value)}; a number is needed")
    return float(value)


def _object(values: Mapping[str, Any], key: str) -> dict[str, Any]:
    value = values.get(key)
    if not isinstance(value, dict):
        raise BadHead(f"{HEAD_FILE}: {key} is {_shown(value)}; an object is needed")
    return value


def _list(values: Mapping[str, Any], key: str, most: int) -> list[Any]:
    value = values.get(key)
    if not isinstance(value, list) or not 1 <= len(value) <= most:
        raise BadHead(f"{HEAD_FILE}: {key} must be a list of 1 to {most}")
    return value


def _shown(value: object) -> str:
    return (
        repr(value)[:64]
        if value is None or isinstance(value, str | int | float)
        else f"of type {type(value).__name__}"
    )
