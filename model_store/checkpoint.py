"""A torch.save checkpoint, read without torch and without running anything that it holds.

Only `cfg` and `model` are taken. Tensors are read from the file one by one when asked for; those of the optimizer never are.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from errors import BadCheckpoint, UnsafeCheckpoint
from model_store.pickle_reader import MAX_BITS, Inert, PickleReader, TensorClaim
from model_store.torch_zip import TorchZip, ZipEntry

MAX_PICKLE_BYTES = 256 * 2**20  # kept AUC inputs of a large validation set are tens of MB of it
MAX_CFG_VALUES = 100_000
MAX_CFG_DEPTH = 50
MAX_DIMENSIONS = 8  # the widest of ECG-FM's tensors has 3

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
    """A tensor of the file, checked against the file's bounds and not read yet. Strides and offset count elements."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    strides: tuple[int, ...]
    offset: int
    entry: ZipEntry
    archive: TorchZip
    big_endian: bool = False

    def load(self) -> NDArray[Any]:
        """Reads this tensor only. Floats of any width come as float32, integers and bools as they are."""
        if 0 in self.shape:
            return np.empty(self.shape, np.float32 if "float" in self.dtype else self.dtype)
        item = _ITEM_BYTES[self.dtype]
        data = self.archive.read(
            self.entry, self.offset * item, _span(self.shape, self.strides) * item
        )
        stored = np.dtype("uint16" if self.dtype == "bfloat16" else self.dtype).newbyteorder(
            ">" if self.big_endian else "<"
        )
        flat = np.frombuffer(data, stored)
        values = np.lib.stride_tricks.as_strided(
            flat, self.shape, [stride * item for stride in self.strides]
        )
        if self.dtype == "bfloat16":  # the upper half of a float32
            wide = values.astype(np.uint32, order="C")
            wide <<= 16
            return wide.view(np.float32)
        return np.ascontiguousarray(
            values, np.float32 if "float" in self.dtype else self.dtype
        ).reshape(self.shape)


@dataclass(frozen=True)
class Checkpoint:
    """What serving wants of a training checkpoint.

    cfg      plain nested dicts and lists; empty where the file has none that is plain
    model    name -> tensor, in the file's order
    ignored  names of code that the file asked for and did not get
    """

    file_name: str
    cfg: dict[str, Any]
    model: dict[str, TensorRef]
    ignored: tuple[str, ...]


def read_checkpoint(path: Path) -> Checkpoint:
    """The checkpoint's `cfg` and `model`; the tensors' bytes stay in the file, which must stay where it is.

    Raises BadCheckpoint where it is no such file, UnsafeCheckpoint where it is made to harm.
    """
    _check_kind(path)
    archive = TorchZip(path)
    folder = _folder(archive)
    reader = PickleReader()
    top = reader.read(_whole(archive, f"{folder}/data.pkl", MAX_PICKLE_BYTES))
    if not isinstance(top, dict):
        raise BadCheckpoint(
            f"{path.name} holds {_describe(top)}; a checkpoint is a dict with `model` and `cfg`"
        )
    if not isinstance(top.get("model"), dict):
        raise BadCheckpoint(
            f"{path.name}: `model` is {_describe(top.get('model'))}; a dict of tensors is needed"
        )
    big_endian = _is_big_endian(archive, folder)
    model = {
        name: _tensor_ref(name, claim, archive, folder, big_endian)
        for name, claim in _named_tensors(top["model"], path.name).items()
    }
    cfg = _plain_cfg(top.get("cfg"), path.name)
    return Checkpoint(path.name, cfg, model, tuple(reader.inert))


def _check_kind(path: Path) -> None:
    """Refuses what is not a zip archive, saying what it is and what to do."""
    try:
        with path.open("rb") as file:
            head = file.read(64)
    except OSError as error:
        raise BadCheckpoint(f"{path.name} cannot be opened: {error.strerror}") from error
    if head.startswith(b"PK\x03\x04"):
        return
    if head.startswith(b"version https://git-lfs"):
        raise BadCheckpoint(
            f"{path.name} is a Git LFS pointer, not the weights: fetch it with `git lfs pull`"
        )
    if head[5:9] == b"\0\0\0{":
        raise BadCheckpoint(
            f"{path.name} looks like a safetensors file; a torch.save checkpoint is needed here"
        )
    if re.match(rb"\x80[\x01-\x05]|[(}\]]|\.?/?PaxHeader|[\w./]+\x00", head):
        raise BadCheckpoint(
            f"{path.name} is a bare pickle or a torch file from before 1.6, which cannot be read without running it. Where you trust "
            "it, save it again: torch.save(torch.load(old, weights_only=True), new)"
        )
    raise BadCheckpoint(
        f"{path.name} is no torch.save checkpoint (a zip archive); it starts with {head[:8]!r}"
    )


def _folder(archive: TorchZip) -> str:
    """The archive's one top folder, under which torch puts everything."""
    folders = [
        name.removesuffix("/data.pkl")
        for name in archive.entries
        if name.endswith("/data.pkl") and name.count("/") == 1
    ]
    if len(folders) != 1:
        raise BadCheckpoint(
            f"{archive.path.name}: {len(folders)} entries are called data.pkl, a torch.save file has one"
        )
    return folders[0]


def _whole(archive: TorchZip, name: str, most_bytes: int) -> bytearray:
    entry = archive.entries[name]
    if entry.size > most_bytes:
        raise UnsafeCheckpoint(
            f"{archive.path.name}: {name} has {entry.size} bytes, at most {most_bytes} are read"
        )
    return archive.read(entry, 0, entry.size)


def _is_big_endian(archive: TorchZip, folder: str) -> bool:
    name = f"{folder}/byteorder"
    order = bytes(_whole(archive, name, 16)) if name in archive.entries else b"little"
    if order not in (b"little", b"big"):
        raise BadCheckpoint(f"{archive.path.name}: byte order {order!r}, allowed little, big")
    return order == b"big"


def _named_tensors(model: Mapping[Any, Any], file_name: str) -> dict[str, TensorClaim]:
    for name, claim in model.items():
        if not isinstance(name, str):
            raise BadCheckpoint(
                f"{file_name}: `model` has a key that is {_describe(name)}; names are text"
            )
        if not isinstance(claim, TensorClaim):
            raise BadCheckpoint(
                f"{file_name}: model[{name[:80]!r}] is {_describe(claim)}, not a tensor"
            )
    return dict(model)


def _tensor_ref(
    name: str, claim: TensorClaim, archive: TorchZip, folder: str, big_endian: bool
) -> TensorRef:
    """The claim, once the archive has what it points at."""
    what, storage = f"{archive.path.name}: tensor {name[:80]!r}", claim.storage
    if not re.fullmatch(r"[0-9]{1,12}", storage.key, re.ASCII):
        raise UnsafeCheckpoint(
            f"{what} lies in storage {storage.key[:80]!r}; torch numbers its storages"
        )
    entry = archive.entries.get(f"{folder}/data/{storage.key}")
    if entry is None:
        raise BadCheckpoint(f"{what} lies in storage {storage.key}, which the file does not have")
    if storage.count < 0 or storage.count * _ITEM_BYTES[storage.dtype] != entry.size:
        raise UnsafeCheckpoint(
            f"{what}: its storage claims {storage.count} x {storage.dtype} and has {entry.size} bytes"
        )
    if len(claim.shape) != len(claim.strides) or len(claim.shape) > MAX_DIMENSIONS:
        raise BadCheckpoint(
            f"{what}: {len(claim.shape)} sizes and {len(claim.strides)} strides, at most {MAX_DIMENSIONS} of each"
        )
    if min((claim.offset, *claim.shape, *claim.strides)) < 0:
        raise UnsafeCheckpoint(f"{what}: negative size, stride or offset")
    # The product too: strides of 0 would make any number of elements out of one
    needed = max(claim.offset + _span(claim.shape, claim.strides), math.prod(claim.shape))
    if 0 not in claim.shape and needed > storage.count:
        raise UnsafeCheckpoint(
            f"{what}: its shape and strides need {needed} elements, its storage has {storage.count}"
        )
    return TensorRef(
        name, claim.shape, storage.dtype, claim.strides, claim.offset, entry, archive, big_endian
    )


def _span(shape: tuple[int, ...], strides: tuple[int, ...]) -> int:
    """Elements from the first to the last, both included."""
    return 1 + sum((size - 1) * stride for size, stride in zip(shape, strides, strict=True))


def _plain_cfg(cfg: Any, file_name: str) -> dict[str, Any]:
    """A copy that holds text, numbers, bools, None, lists and dicts; anything else in it is left out.

    Level by level and counted: a few lists that hold each other could be walked for ever.
    """
    if not isinstance(cfg, dict):
        return {}
    plain: dict[str, Any] = {}
    level: list[tuple[Any, Any]] = [(cfg, plain)]
    count = 0
    for _ in range(MAX_CFG_DEPTH):
        below: list[tuple[Any, Any]] = []
        for source, copy in level:
            count += len(source)
            if count > MAX_CFG_VALUES:
                raise UnsafeCheckpoint(f"{file_name}: `cfg` has more than {MAX_CFG_VALUES} values")
            below += _copy_level(source, copy)
        if not below:
            return plain
        level = below
    raise UnsafeCheckpoint(f"{file_name}: `cfg` is nested more than {MAX_CFG_DEPTH} deep")


def _copy_level(source: Any, copy: Any) -> list[tuple[Any, Any]]:
    """Copies one container's plain values; the containers in it come back with their empty copies, to be filled."""
    below: list[tuple[Any, Any]] = []
    for key, value in source.items() if isinstance(source, dict) else enumerate(source):
        if isinstance(source, dict) and not isinstance(key, str):
            continue
        if isinstance(value, dict | list | tuple):
            plain: Any = {} if isinstance(value, dict) else []
            below.append((value, plain))
        elif (
            value is None
            or isinstance(value, str | float)
            or (isinstance(value, int) and value.bit_length() <= MAX_BITS)
        ):
            plain = value
        else:
            continue
        if isinstance(copy, dict):
            copy[key] = plain
        else:
            copy.append(plain)
    return below


def _describe(value: Any) -> str:
    """What a value is, never the value itself."""
    if isinstance(value, Inert):
        return f"{value.name} (code, not run)"
    return "missing" if value is None else f"a {type(value).__name__}"
