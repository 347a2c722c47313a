"""model.safetensors, read and written without torch, one tensor in memory at a time.

The format (huggingface/safetensors, README): 8 bytes little-endian length of the header, a JSON header
{name: {dtype, shape, data_offsets}}, then the tensors' bytes without gaps. safetensors' own writer wants all tensors at once.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from atomic_files import temporary_file
from encoder.config import CompactConfig, EcgFmConfig
from errors import BadBundle, BadCheckpoint

Shape = tuple[int, ...]

ALIGNMENT = 8  # bytes; the header is padded with blanks so that the data start aligned
MAX_HEADER_BYTES = 100_000_000  # the limit of safetensors' own reader
STORED_DTYPES: dict[str, np.dtype[Any]] = {
    "F32": np.dtype("<f4"),
    "F16": np.dtype("<f2"),
}  # what weights may be stored as


def weight_shapes(config: EcgFmConfig | CompactConfig) -> dict[str, Shape]:
    """Name -> shape of every weight of the network with these sizes, in its order."""
    return ecg_fm_shapes(config) if isinstance(config, EcgFmConfig) else compact_shapes(config)


def compact_shapes(config: CompactConfig) -> dict[str, Shape]:
    """Name -> shape of every weight of `encoder.compact.Compact(config)`, in its order; a test holds the two together."""
    shapes: dict[str, Shape] = {}
    for number in range(config.members):
        shapes |= {
            f"members.{number}.{name}": shape for name, shape in _member_shapes(config).items()
        }
    return shapes | _pair("classifier", (config.labels, config.width))


def _member_shapes(config: CompactConfig) -> dict[str, Shape]:
    shapes = _pair("stem.conv", (config.stem.width, config.in_leads, 1, config.stem.kernel))
    before = config.stem.width
    for number, layer in enumerate(config.blocks):
        block, squeezed = f"blocks.{number}", layer.width // config.squeeze
        shapes |= _pair(f"{block}.first.conv", (layer.width, before, 1, layer.kernel))
        shapes |= _pair(f"{block}.second.conv", (layer.width, layer.width, 1, layer.kernel))
        shapes |= _pair(f"{block}.around.conv", (layer.width, before, 1, 1))
        shapes |= _pair(f"{block}.squeeze", (squeezed, layer.width)) | _pair(
            f"{block}.excite", (layer.width, squeezed)
        )
        before = layer.width
    return (
        shapes
        | _pair("scores", (config.attention, before, 1, 1))
        | _pair("hidden", (config.hidden, config.pooled))
    )


def ecg_fm_shapes(config: EcgFmConfig) -> dict[str, Shape]:
    """Name -> shape of every weight of `encoder.ecg_fm.EcgFm(config)`, in its order; a test holds the two together."""
    width, shapes = config.width, dict[str, Shape]()
    before = config.in_leads
    for number, conv in enumerate(config.conv_layers):
        shapes[f"convs.{number}.weight"] = (conv.width, before, conv.kernel)
        if config.conv_bias:
            shapes[f"convs.{number}.bias"] = (conv.width,)
        before = conv.width
    shapes |= _pair("conv_norm", (config.conv_layers[0].width,)) | _pair(
        "token_norm", (config.conv_width,)
    )
    if config.has_projection:
        shapes |= _pair("projection", (width, config.conv_width))
    shapes |= _pair(
        "position", (width, width // config.conv_pos_groups, config.conv_pos_kernel)
    ) | _pair("encoder_norm", (width,))
    for number in range(config.depth):
        layer = f"layers.{number}"
        shapes |= _pair(f"{layer}.attention.qkv", (3 * width, width)) | _pair(
            f"{layer}.attention.out", (width, width)
        )
        shapes |= _pair(f"{layer}.attention_norm", (width,))
        shapes |= _pair(f"{layer}.fc1", (config.ffn_width, width)) | _pair(
            f"{layer}.fc2", (width, config.ffn_width)
        )
        shapes |= _pair(f"{layer}.ffn_norm", (width,))
    if config.labels:
        shapes |= _pair("classifier", (config.labels, width))
    return shapes


def write_weights(
    path: Path,
    shapes: Mapping[str, Shape],
    tensors: Mapping[str, NDArray[np.float32]],
    stored: str = "F32",
) -> str:
    """Writes the tensors in the order of `shapes`, asking for one at a time; returns the file's sha256. On disk when it returns.

    stored  one of STORED_DTYPES
    Raises BadCheckpoint where a tensor has another shape or holds NaN or infinity, or values that half precision does not reach.
    """
    digest = hashlib.sha256()
    with temporary_file(path) as temporary, temporary.open("wb") as file:

        def put(piece: bytes | memoryview) -> None:
            file.write(piece)
            digest.update(piece)

        put(_header(shapes, stored))
        for name, shape in shapes.items():
            with np.errstate(over="ignore"):  # becomes infinite, which is refused below
                array = np.ascontiguousarray(tensors[name], STORED_DTYPES[stored])
            if array.shape != shape:
                raise BadCheckpoint(
                    f"{name}: found shape {array.shape}, the configuration asks for {shape}"
                )
            if not np.isfinite(array).all():
                raise BadCheckpoint(f"{name}: holds values that are not finite")
            put(array.reshape(-1).view(np.uint8).data)
    return digest.hexdigest()


def read_shapes(path: Path) -> dict[str, Shape]:
    """Name -> shape of a file of STORED_DTYPES tensors, from its header alone. Raises BadBundle for anything else, cut-off files included."""
    size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if not 2 <= length <= min(MAX_HEADER_BYTES, size - 8):
            raise BadBundle(f"{path.name} is no safetensors file, or is cut off ({size} bytes)")
        text = file.read(length)
    try:
        header = json.loads(text)
        entries = {name: entry for name, entry in header.items() if name != "__metadata__"}
        shapes = {
            name: tuple(int(n) for n in entry["shape"])
            for name, entry in entries.items()
            if entry["dtype"] in STORED_DTYPES
        }
        end = max((int(entry["data_offsets"][1]) for entry in entries.values()), default=0)
    except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise BadBundle(f"{path.name}: its header is damaged") from error
    if len(shapes) != len(entries):
        raise BadBundle(f"{path.name}: holds other numbers than float32 or float16")
    if 8 + length + end != size:
        raise BadBundle(f"{path.name}: {size} bytes, its header speaks of {8 + length + end}")
    return shapes


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _pair(name: str, weight: Shape) -> dict[str, Shape]:
    return {f"{name}.weight": weight, f"{name}.bias": weight[:1]}


def _header(shapes: Mapping[str, Shape], stored: str) -> bytes:
    entries, start = {}, 0
    for name, shape in shapes.items():
        end = start + STORED_DTYPES[stored].itemsize * math.prod(shape)
        entries[name] = {"dtype": stored, "shape": list(shape), "data_offsets": [start, end]}
        start = end
    text = json.dumps(entries, separators=(",", ":")).encode()
    text += b" " * (-len(text) % ALIGNMENT)
    return len(text).to_bytes(8, "little") + text
