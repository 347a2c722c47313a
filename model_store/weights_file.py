"""Read the shapes in model.safetensors, and write the file with one tensor in memory at a time.

The format (huggingface/safetensors, README): the length of the header (8 bytes, little-endian), a
JSON header {name: {dtype, shape, data_offsets}}, then the tensors' bytes without gaps. The writer
of the safetensors package is not used, because it needs all tensors at once.
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

# The file starts with an integer of this size, the length of the header.
LENGTH_BYTES = 8
# Spaces pad the header, so that the tensors start at a multiple of this number of bytes.
ALIGNMENT_BYTES = 8
MIN_HEADER_BYTES = len("{}")
# The limit of the safetensors package.
MAX_HEADER_BYTES = 100_000_000
# The types in which weights may be stored, by their names in the header.
STORED_DTYPES: dict[str, np.dtype[Any]] = {"F32": np.dtype("<f4"), "F16": np.dtype("<f2")}


def weight_shapes(config: EcgFmConfig | CompactConfig) -> dict[str, Shape]:
    """Return name -> shape of every weight of the network, in the order of the file."""
    if isinstance(config, EcgFmConfig):
        return _ecg_fm_shapes(config)
    return _compact_shapes(config)


def _compact_shapes(config: CompactConfig) -> dict[str, Shape]:
    """Return the shapes of the weights of `encoder.compact.Compact(config)`.

    A test compares them with the network's.
    """
    shapes: dict[str, Shape] = {}
    for number in range(config.members):
        for name, shape in _member_shapes(config).items():
            shapes[f"members.{number}.{name}"] = shape
    return shapes | _weight_and_bias("classifier", (config.labels, config.width))


def _member_shapes(config: CompactConfig) -> dict[str, Shape]:
    """Return the shapes of the weights of one member of the ensemble."""
    shapes = _weight_and_bias(
        "stem.conv", (config.stem.width, config.in_leads, 1, config.stem.kernel)
    )
    in_channels = config.stem.width
    for number, layer in enumerate(config.blocks):
        block = f"blocks.{number}"
        squeezed = layer.width // config.squeeze
        shapes |= _weight_and_bias(
            f"{block}.first.conv", (layer.width, in_channels, 1, layer.kernel)
        )
        shapes |= _weight_and_bias(
            f"{block}.second.conv", (layer.width, layer.width, 1, layer.kernel)
        )
        shapes |= _weight_and_bias(f"{block}.around.conv", (layer.width, in_channels, 1, 1))
        shapes |= _weight_and_bias(f"{block}.squeeze", (squeezed, layer.width))
        shapes |= _weight_and_bias(f"{block}.excite", (layer.width, squeezed))
        in_channels = layer.width
    shapes |= _weight_and_bias("scores", (config.attention, in_channels, 1, 1))
    shapes |= _weight_and_bias("hidden", (config.hidden_width, config.pooled_width))
    return shapes


def _ecg_fm_shapes(config: EcgFmConfig) -> dict[str, Shape]:
    """Return the shapes of the weights of `encoder.ecg_fm.EcgFm(config)`.

    A test compares them with the network's.
    """
    width = config.width
    shapes: dict[str, Shape] = {}
    in_channels = config.in_leads
    for number, conv in enumerate(config.conv_layers):
        shapes[f"convs.{number}.weight"] = (conv.width, in_channels, conv.kernel)
        if config.conv_bias:
            shapes[f"convs.{number}.bias"] = (conv.width,)
        in_channels = conv.width
    shapes |= _weight_and_bias("conv_norm", (config.conv_layers[0].width,))
    shapes |= _weight_and_bias("token_norm", (config.conv_width,))
    if config.has_projection:
        shapes |= _weight_and_bias("projection", (width, config.conv_width))
    group_width = width // config.conv_pos_groups
    shapes |= _weight_and_bias("position", (width, group_width, config.conv_pos_kernel))
    shapes |= _weight_and_bias("encoder_norm", (width,))
    for number in range(config.depth):
        shapes |= _layer_shapes(f"layers.{number}", width, config.ffn_width)
    if config.labels:
        shapes |= _weight_and_bias("classifier", (config.labels, width))
    return shapes


def _layer_shapes(layer: str, width: int, ffn_width: int) -> dict[str, Shape]:
    """Return the shapes of the weights of one transformer layer, with `layer` before the names."""
    return {
        **_weight_and_bias(f"{layer}.attention.qkv", (3 * width, width)),
        **_weight_and_bias(f"{layer}.attention.out", (width, width)),
        **_weight_and_bias(f"{layer}.attention_norm", (width,)),
        **_weight_and_bias(f"{layer}.fc1", (ffn_width, width)),
        **_weight_and_bias(f"{layer}.fc2", (width, ffn_width)),
        **_weight_and_bias(f"{layer}.ffn_norm", (width,)),
    }


def _weight_and_bias(name: str, weight: Shape) -> dict[str, Shape]:
    return {f"{name}.weight": weight, f"{name}.bias": weight[:1]}


def write_weights(
    path: Path,
    shapes: Mapping[str, Shape],
    tensors: Mapping[str, NDArray[np.float32]],
    stored_dtype: str = "F32",
) -> str:
    """Write the tensors in the order of `shapes`, atomically, and return the file's sha256.

    One tensor of the mapping is read at a time. The file is flushed to the disk.

    stored_dtype  a key of STORED_DTYPES
    Raises BadCheckpoint if a tensor has another shape, contains NaN or infinity, or contains values
    beyond the range of the stored type.
    """
    digest = hashlib.sha256()
    with temporary_file(path) as temporary, temporary.open("wb") as file:
        header = _header(shapes, stored_dtype)
        file.write(header)
        digest.update(header)
        for name, shape in shapes.items():
            array = _as_stored(name, shape, tensors[name], stored_dtype)
            data = array.reshape(-1).view(np.uint8).data
            file.write(data)
            digest.update(data)
    return digest.hexdigest()


def _as_stored(name: str, shape: Shape, tensor: NDArray[Any], stored_dtype: str) -> NDArray[Any]:
    """Return the tensor in the stored type, contiguous.

    Raises BadCheckpoint for another shape, NaN and infinity.
    """
    # Values beyond the range of half precision become infinite, and are refused below.
    with np.errstate(over="ignore"):
        array = np.ascontiguousarray(tensor, STORED_DTYPES[stored_dtype])
    if array.shape != shape:
        raise BadCheckpoint(f"{name}: shape {array.shape}, the configuration requires {shape}")
    if not np.isfinite(array).all():
        raise BadCheckpoint(f"{name}: holds values that are not finite")
    return array


def read_shapes(path: Path) -> dict[str, Shape]:
    """Return name -> shape of the tensors in a file. Only the header is read.

    Raises BadBundle if the file is not safetensors, is truncated, or contains types other than
    STORED_DTYPES.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(LENGTH_BYTES), "little")
        if not MIN_HEADER_BYTES <= length <= min(MAX_HEADER_BYTES, size - LENGTH_BYTES):
            raise BadBundle(
                f"{path.name} is not a safetensors file, or is truncated ({size} bytes)"
            )
        header = file.read(length)
    try:
        # The format reserves this name for metadata; every other entry is a tensor.
        entries = {
            name: entry for name, entry in json.loads(header).items() if name != "__metadata__"
        }
        dtypes = {entry["dtype"] for entry in entries.values()}
        shapes = {name: tuple(map(int, entry["shape"])) for name, entry in entries.items()}
        end = max((int(entry["data_offsets"][1]) for entry in entries.values()), default=0)
    except (
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        IndexError,
        RecursionError,
    ) as error:
        raise BadBundle(f"{path.name}: the header is damaged") from error
    if not dtypes <= STORED_DTYPES.keys():
        raise BadBundle(f"{path.name}: holds types other than float32 and float16")
    stated_size = LENGTH_BYTES + length + end
    if stated_size != size:
        raise BadBundle(f"{path.name}: {size} bytes, the header states {stated_size}")
    return shapes


def sha256_of(path: Path) -> str:
    """Return the sha256 of a file, as 64 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _header(shapes: Mapping[str, Shape], stored_dtype: str) -> bytes:
    """Return the bytes before the tensors: the header's length, and the padded header."""
    entries: dict[str, dict[str, Any]] = {}
    start = 0
    for name, shape in shapes.items():
        end = start + STORED_DTYPES[stored_dtype].itemsize * math.prod(shape)
        entries[name] = {
            "dtype": stored_dtype,
            "shape": list(shape),
            "data_offsets": [start, end],
        }
        start = end
    header = json.dumps(entries, separators=(",", ":")).encode()
    header += b" " * (-len(header) % ALIGNMENT_BYTES)
    return len(header).to_bytes(LENGTH_BYTES, "little") + header
