"""Read a torch.save checkpoint without torch and without running any code that it holds.

Only `cfg` and `model` are used. A tensor is read from the file when it is loaded; the optimizer's
tensors are never read.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from errors import BadCheckpoint, UnsafeCheckpoint
from model_store.pickle_reader import MAX_BITS, Inert, PickleReader, TensorClaim
from model_store.torch_zip import TorchZip, ZipEntry

# Checkpoints may keep the inputs of a large validation set's AUC, which take tens of MB.
MAX_PICKLE_BYTES = 256 * 2**20
MAX_CFG_VALUES = 100_000
MAX_CFG_DEPTH = 50
MAX_DIMENSIONS = 8  # ECG-FM's tensors have at most 3

MAX_NAME_CHARS = 80  # characters of a name in a message

_ITEM_BYTES = {
    "float32": 4,
    "float64": 8,
    "float16": 2,
    "bfloat16": 2,
    "int64": 8,
    "int32": 4,
    "int16": 2,
    "int8": 1,
    "uint8": 1,
    "bool": 1,
}


@dataclass(frozen=True)
class TensorRef:
    """A tensor of the file, checked against the file's bounds and not read yet.

    Strides and offset count elements.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    strides: tuple[int, ...]
    offset: int
    entry: ZipEntry
    archive: TorchZip
    big_endian: bool = False

    def load(self) -> NDArray[Any]:
        """Read this tensor. Floats of any width become float32; integers and bools stay."""
        result_dtype = "float32" if "float" in self.dtype else self.dtype
        if 0 in self.shape:
            return np.empty(self.shape, result_dtype)
        item_bytes = _ITEM_BYTES[self.dtype]
        span = _span(self.shape, self.strides)
        data = self.archive.read(self.entry, self.offset * item_bytes, span * item_bytes)
        # numpy has no bfloat16: its 16 bits are read as an integer.
        stored = np.dtype("uint16" if self.dtype == "bfloat16" else self.dtype)
        flat = np.frombuffer(data, stored.newbyteorder(">" if self.big_endian else "<"))
        byte_strides = [stride * item_bytes for stride in self.strides]
        values = np.lib.stride_tricks.as_strided(flat, self.shape, byte_strides)
        if self.dtype == "bfloat16":
            # bfloat16 is the upper half of a float32.
            bits = values.astype(np.uint32, order="C")
            bits <<= 16
            return bits.view(np.float32)
        # ascontiguousarray makes a scalar one-dimensional.
        return np.ascontiguousarray(values, result_dtype).reshape(self.shape)


@dataclass(frozen=True)
class Checkpoint:
    """The part of a training checkpoint that serving needs.

    cfg      nested dicts and lists of plain values; empty if the file's cfg is not a dict
    model    name -> tensor, in the file's order
    ignored  names of code that the file refers to, which was not run
    """

    file_name: str
    cfg: dict[str, Any]
    model: dict[str, TensorRef]
    ignored: tuple[str, ...]


def read_checkpoint(path: Path) -> Checkpoint:
    """Read `cfg`, and where each tensor of `model` is; the file must stay to load the tensors.

    Raises BadCheckpoint if the file is not a torch.save checkpoint or is damaged, UnsafeCheckpoint
    if it exceeds a limit or is malicious.
    """
    _check_file_type(path)
    archive = TorchZip(path)
    folder = _top_folder(archive)
    reader = PickleReader()
    top = reader.read(_read_limited(archive, f"{folder}/data.pkl", MAX_PICKLE_BYTES))
    if not isinstance(top, dict):
        raise BadCheckpoint(
            f"{path.name} holds {_describe(top)}; a checkpoint is a dict with `model` and `cfg`"
        )
    tensors = top.get("model")
    if not isinstance(tensors, dict):
        raise BadCheckpoint(
            f"{path.name}: `model` is {_describe(tensors)}; a dict of tensors is required"
        )
    big_endian = _is_big_endian(archive, folder)
    model: dict[str, TensorRef] = {}
    for name, claim in _check_tensors(tensors, path.name).items():
        model[name] = _tensor_ref(name, claim, archive, folder, big_endian)
    cfg = _plain_cfg(top.get("cfg"), path.name)
    return Checkpoint(path.name, cfg, model, tuple(reader.inert))


def _check_file_type(path: Path) -> None:
    """Raise BadCheckpoint, with what the file is and what to do, unless it is a zip archive."""
    try:
        with path.open("rb") as file:
            head = file.read(64)
    except OSError as error:
        raise BadCheckpoint(f"{path.name} cannot be opened: {error.strerror}") from error
    if head.startswith(b"PK\x03\x04"):
        return
    if head.startswith(b"version https://git-lfs"):
        raise BadCheckpoint(
            f"{path.name} is a Git LFS pointer, not the weights: fetch them with `git lfs pull`"
        )
    if head[5:9] == b"\0\0\0{":
        raise BadCheckpoint(
            f"{path.name} looks like a safetensors file; a torch.save checkpoint is required here"
        )
    if re.match(rb"\x80[\x01-\x05]|[(}\]]|\.?/?PaxHeader|[\w./]+\x00", head):
        raise BadCheckpoint(
            f"{path.name} is a bare pickle or a torch file from before 1.6, which cannot be read "
            "without running it. If you trust it, save it again: "
            "torch.save(torch.load(old, weights_only=True), new)"
        )
    raise BadCheckpoint(
        f"{path.name} is not a torch.save checkpoint (a zip archive); it starts with {head[:8]!r}"
    )


def _top_folder(archive: TorchZip) -> str:
    """Return the archive's only top folder, which holds all of torch's entries."""
    folders = []
    for name in archive.entries:
        folder, _, file_name = name.rpartition("/")
        if file_name == "data.pkl" and folder and "/" not in folder:
            folders.append(folder)
    if len(folders) != 1:
        raise BadCheckpoint(
            f"{archive.path.name}: {len(folders)} entries are named data.pkl; a torch.save file "
            "has one"
        )
    return folders[0]


def _read_limited(archive: TorchZip, name: str, max_bytes: int) -> bytearray:
    entry = archive.entries[name]
    if entry.size > max_bytes:
        raise UnsafeCheckpoint(
            f"{archive.path.name}: {name} has {entry.size} bytes; {max_bytes} are allowed"
        )
    return archive.read(entry, 0, entry.size)


def _is_big_endian(archive: TorchZip, folder: str) -> bool:
    name = f"{folder}/byteorder"
    if name not in archive.entries:
        return False
    order = bytes(_read_limited(archive, name, 16))
    if order not in (b"little", b"big"):
        raise BadCheckpoint(f"{archive.path.name}: byte order {order!r}; little or big is allowed")
    return order == b"big"


def _check_tensors(model: Mapping[Any, Any], file_name: str) -> dict[str, TensorClaim]:
    for name, claim in model.items():
        if not isinstance(name, str):
            raise BadCheckpoint(
                f"{file_name}: `model` has a key that is {_describe(name)}; a string is required"
            )
        if not isinstance(claim, TensorClaim):
            raise BadCheckpoint(
                f"{file_name}: model[{name[:MAX_NAME_CHARS]!r}] is {_describe(claim)}, not a tensor"
            )
    return dict(model)


def _tensor_ref(
    name: str, claim: TensorClaim, archive: TorchZip, folder: str, big_endian: bool
) -> TensorRef:
    """Return the tensor, if its claim fits what the archive holds."""
    prefix = f"{archive.path.name}: tensor {name[:MAX_NAME_CHARS]!r}"
    storage = claim.storage
    if not re.fullmatch(r"[0-9]{1,12}", storage.key, re.ASCII):
        raise UnsafeCheckpoint(
            f"{prefix} is in storage {storage.key[:MAX_NAME_CHARS]!r}; torch numbers its storages"
        )
    entry = archive.entries.get(f"{folder}/data/{storage.key}")
    if entry is None:
        raise BadCheckpoint(f"{prefix} is in storage {storage.key}, which the file does not have")
    if storage.count < 0 or storage.count * _ITEM_BYTES[storage.dtype] != entry.size:
        raise UnsafeCheckpoint(
            f"{prefix}: its storage states {storage.count} x {storage.dtype} and has "
            f"{entry.size} bytes"
        )
    if len(claim.shape) != len(claim.strides) or len(claim.shape) > MAX_DIMENSIONS:
        raise BadCheckpoint(
            f"{prefix}: {len(claim.shape)} sizes and {len(claim.strides)} strides; at most "
            f"{MAX_DIMENSIONS} of each, and as many of one as of the other, are allowed"
        )
    if min((claim.offset, *claim.shape, *claim.strides)) < 0:
        raise UnsafeCheckpoint(f"{prefix}: negative size, stride or offset")
    # Strides of 0 turn one stored element into any number of elements, so the product is limited
    # too.
    last = claim.offset + _span(claim.shape, claim.strides)
    needed = max(last, math.prod(claim.shape))
    if 0 not in claim.shape and needed > storage.count:
        raise UnsafeCheckpoint(
            f"{prefix}: its shape and strides need {needed} elements, its storage has "
            f"{storage.count}"
        )
    return TensorRef(
        name, claim.shape, storage.dtype, claim.strides, claim.offset, entry, archive, big_endian
    )


def _span(shape: tuple[int, ...], strides: tuple[int, ...]) -> int:
    """Return the number of stored elements from the first to the last one, both included."""
    return 1 + sum((size - 1) * stride for size, stride in zip(shape, strides, strict=True))


def _plain_cfg(cfg: Any, file_name: str) -> dict[str, Any]:
    """Return a copy with strings, numbers, bools, None, lists and dicts; other values are dropped.

    Copies level by level and counts: lists that contain each other would be walked forever.
    """
    if not isinstance(cfg, dict):
        return {}
    plain: dict[str, Any] = {}
    level: list[tuple[Any, Any]] = [(cfg, plain)]
    count = 0
    for _ in range(MAX_CFG_DEPTH):
        next_level: list[tuple[Any, Any]] = []
        for source, copy in level:
            count += len(source)
            if count > MAX_CFG_VALUES:
                raise UnsafeCheckpoint(f"{file_name}: `cfg` has more than {MAX_CFG_VALUES} values")
            next_level += _copy_values(source, copy)
        if not next_level:
            return plain
        level = next_level
    raise UnsafeCheckpoint(f"{file_name}: `cfg` has more than {MAX_CFG_DEPTH} levels")


def _copy_values(source: Any, copy: Any) -> list[tuple[Any, Any]]:
    """Copy a container's plain values; return its containers, each with its empty copy to fill."""
    containers: list[tuple[Any, Any]] = []
    for key, value in _items(source):
        plain = value
        if isinstance(value, dict | list | tuple):
            plain = {} if isinstance(value, dict) else []
            containers.append((value, plain))
        elif not _is_plain(value):
            continue
        if isinstance(copy, dict):
            copy[key] = plain
        else:
            copy.append(plain)
    return containers


def _items(container: Any) -> Iterable[tuple[Any, Any]]:
    if isinstance(container, dict):
        return ((key, value) for key, value in container.items() if isinstance(key, str))
    return enumerate(container)


def _is_plain(value: Any) -> bool:
    if isinstance(value, int):
        return value.bit_length() <= MAX_BITS
    return value is None or isinstance(value, str | float)


def _describe(value: Any) -> str:
    """Return the kind of a value, never the value itself."""
    if isinstance(value, Inert):
        return f"{value.name} (code, not run)"
    return "missing" if value is None else f"a {type(value).__name__}"
