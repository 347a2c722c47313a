"""An encoder from its weights: a safetensors file or any mapping, taken whole or not at all."""

from __future__ import annotations

from collections.abc import Mapping
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

NAMED_AT_MOST = 5  # names listed in one error


def load_encoder(
    config: EcgFmConfig | CompactConfig,
    tensors: Mapping[str, NDArray[Any] | Tensor],
    dtype: str = "float32",
    device: str = "cpu",
) -> EcgFm | Compact:
    """The network of these sizes with these weights, each under its name in the network's `state_dict()`.

    A mapping that loads on access is asked for one tensor at a time, so that memory holds one copy in `dtype` and one tensor more.
    Raises BadBundle that lists what is missing, unknown or of another shape.
    """
    with torch.device("meta"):
        encoder = EcgFm(config) if isinstance(config, EcgFmConfig) else Compact(config)
    wanted = encoder.state_dict()
    _same_names(wanted.keys(), tensors.keys())
    state: dict[str, Tensor] = {}
    for name, blank in wanted.items():
        weight = tensors[name]
        if tuple(weight.shape) != tuple(blank.shape):
            raise BadBundle(
                f"{name}: found shape {tuple(weight.shape)}, the configuration asks for {tuple(blank.shape)}"
            )
        kept = name.split(".")[0] in encoder.FLOAT32_PARTS
        # copy: never a view of the file or of somebody else's array
        state[name] = torch.as_tensor(weight).to(
            device=device, dtype=torch.float32 if kept else DTYPES[dtype], copy=True
        )
    encoder.load_state_dict(state, assign=True)
    return encoder.requires_grad_(False).eval()


def load_encoder_file(
    config: EcgFmConfig | CompactConfig, path: Path, dtype: str = "float32", device: str = "cpu"
) -> EcgFm | Compact:
    """`load_encoder` from a safetensors file. Raises BadBundle where the file can't be read or isn't this encoder's."""
    try:
        with safe_open(path, framework="pt") as file:
            return load_encoder(config, _FileTensors(file), dtype, device)
    except (OSError, SafetensorError) as error:
        raise BadBundle(
            f"{path.name} cannot be read as safetensors: {type(error).__name__}"
        ) from error


class _FileTensors(Mapping[str, Tensor]):
    """A safetensors file as a mapping that reads a tensor when it is asked for."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self._names: list[str] = list(file.keys())

    def __getitem__(self, name: str) -> Tensor:
        return cast(Tensor, self._file.get_tensor(name))

    def __iter__(self) -> Any:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def _same_names(wanted: Any, found: Any) -> None:
    missing, unknown = sorted(set(wanted) - set(found)), sorted(set(found) - set(wanted))
    faults = [
        f"{fault} {_few(names)}"
        for fault, names in (("missing", missing), ("unknown", unknown))
        if names
    ]
    if faults:
        raise BadBundle(f"weights do not fit the configuration: {'; '.join(faults)}")


def _few(names: list[str]) -> str:
    more = len(names) - NAMED_AT_MOST
    return ", ".join(names[:NAMED_AT_MOST]) + (f" and {more} more" if more > 0 else "")
