"""Load an encoder's weights from a safetensors file or a mapping, all of them or none."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from torch import Tensor

from encoder.compact import Compact
from encoder.config import CompactConfig, EcgFmConfig
from encoder.ecg_fm import EcgFm
from encoder.precision import DTYPES
from errors import BadBundle

MAX_LISTED_NAMES = 5  # names of missing, or of unknown, weights in one error message


def load_encoder(
    config: EcgFmConfig | CompactConfig,
    tensors: Mapping[str, NDArray[Any] | Tensor],
    dtype: str = "float32",
    device: str = "cpu",
) -> EcgFm | Compact:
    """Return the network that the configuration describes, with the given weights.

    tensors  the weights by their names in the network's `state_dict()`
    dtype    a key of DTYPES; the network's FLOAT32_PARTS are float32 in any case

    Reads one tensor of the mapping at a time. If the mapping reads each tensor from a file, memory
    holds the network and one more tensor.
    Raises BadBundle, which lists weights that are missing, unknown or of another shape.
    """
    # On the meta device the network's own weights take no memory.
    with torch.device("meta"):
        encoder = EcgFm(config) if isinstance(config, EcgFmConfig) else Compact(config)
    expected = encoder.state_dict()
    _check_names(expected.keys(), tensors.keys())
    state: dict[str, Tensor] = {}
    for name, expected_tensor in expected.items():
        weight = tensors[name]
        shape = tuple(weight.shape)
        expected_shape = tuple(expected_tensor.shape)
        if shape != expected_shape:
            raise BadBundle(f"{name}: shape {shape}, the configuration requires {expected_shape}")
        is_float32 = name.split(".")[0] in encoder.FLOAT32_PARTS
        target = torch.float32 if is_float32 else DTYPES[dtype]
        # Always a copy, so that no weight is a view of the file or of the caller's array.
        state[name] = torch.as_tensor(weight).to(device=device, dtype=target, copy=True)
    encoder.load_state_dict(state, assign=True)
    return encoder.requires_grad_(False).eval()


def load_encoder_file(
    config: EcgFmConfig | CompactConfig, path: Path, dtype: str = "float32", device: str = "cpu"
) -> EcgFm | Compact:
    """Return the network with the weights of a safetensors file; see `load_encoder`.

    Raises BadBundle if the file cannot be read or does not fit the configuration.
    """
    try:
        with safe_open(path, framework="pt") as file:
            return load_encoder(config, _FileTensors(file), dtype, device)
    except (OSError, SafetensorError) as error:
        raise BadBundle(
            f"{path.name} cannot be read as safetensors: {type(error).__name__}"
        ) from error


class _FileTensors(Mapping[str, Tensor]):
    """The tensors of an open safetensors file by name; each access reads one from the file."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self._names: list[str] = list(file.keys())

    def __getitem__(self, name: str) -> Tensor:
        return cast(Tensor, self._file.get_tensor(name))

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def _check_names(expected: Iterable[str], actual: Iterable[str]) -> None:
    """Raise BadBundle if weights are missing or unknown."""
    missing = sorted(set(expected) - set(actual))
    unknown = sorted(set(actual) - set(expected))
    faults: list[str] = []
    if missing:
        faults.append(f"missing {_first_names(missing)}")
    if unknown:
        faults.append(f"unknown {_first_names(unknown)}")
    if faults:
        raise BadBundle(f"weights do not fit the configuration: {'; '.join(faults)}")


def _first_names(names: list[str]) -> str:
    """Return at most MAX_LISTED_NAMES of the names, and the number of the others."""
    listed = ", ".join(names[:MAX_LISTED_NAMES])
    more = len(names) - MAX_LISTED_NAMES
    return f"{listed} and {more} more" if more > 0 else listed
