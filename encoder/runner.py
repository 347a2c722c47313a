"""Segments in, NumPy arrays out: an encoder on one device, in one dtype, in pieces that fit its memory."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from encoder.compact import Compact
from encoder.config import CompactConfig, EcgFmConfig
from encoder.ecg_fm import EcgFm, EncoderOutput
from encoder.output import Array, EncodedBatch
from encoder.packed import can_pack, pack
from errors import BadBundle

log = logging.getLogger(__name__)

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
SEGMENT_SAMPLES = 2500  # 5 s at 500 Hz
MAX_BATCH = 64  # segments; an H200 is busy from about there on, and a 10 s recording has 2
NAMED_AT_MOST = 5  # names listed in one error


class EncoderRunner:
    """Owns the module: moves it to the device and dtype, and runs it there without gradients. Not for several threads at once."""

    def __init__(
        self, encoder: nn.Module | Callable[[], nn.Module], *, device: str = "cpu", dtype: str = "float32", max_batch: int = MAX_BATCH
    ) -> None:
        """encoder: a module with EcgFm's `forward`, `config` and FLOAT32_PARTS, or what loads one.

        Raises ValueError for an unknown dtype or a max_batch below 1.
        """
        if dtype not in DTYPES:
            raise ValueError(f"dtype: found {dtype!r}, allowed {', '.join(DTYPES)}")
        if max_batch < 1:
            raise ValueError(f"max_batch: found {max_batch}, at least 1")
        self.device = torch.device(device)
        self.dtype = DTYPES[dtype]
        self.max_batch = max_batch
        if self.device.type == "cuda" and self.dtype == torch.float32:
            torch.backends.cudnn.allow_tf32 = False  # on by default for convolutions, and good for 3 digits only
        self.module = place(encoder if isinstance(encoder, nn.Module) else encoder(), self.device, self.dtype)

    @property
    def config(self) -> EcgFmConfig | CompactConfig:
        return cast(EcgFmConfig | CompactConfig, self.module.config)

    def run(self, segments: Array, *, layers: tuple[int, ...] = (), attention: bool = False, final_tokens: bool = False) -> EncodedBatch:
        """segments (B, leads, samples) float32 -> one row for each; B may be larger than fits at once.

        A piece that runs out of device memory is halved and tried again; the smaller size is kept for later calls.
        Raises ValueError for an empty batch, LayerOutOfRange, and torch's OutOfMemoryError where one segment is too much.
        """
        if segments.ndim != 3 or not len(segments):
            raise ValueError(f"segments: found shape {segments.shape}, (segments, leads, samples) with one segment or more is needed")
        done: list[EncodedBatch] = []
        start = 0
        while start < len(segments):
            piece = segments[start : start + self.max_batch]
            encoded = self._attempt(piece, layers, attention, final_tokens)
            if encoded is None:
                self._halve(len(piece))
                continue
            done.append(encoded)
            start += len(piece)
        return EncodedBatch.joined(done)

    def warm_up(self, samples: int = SEGMENT_SAMPLES) -> None:
        """Loads kernels and finds the memory's limit before the first request waits for it. On a GPU also at max_batch."""
        sizes = {1} if self.device.type == "cpu" else {1, self.max_batch}
        for size in sorted(sizes):
            self.run(np.zeros((size, self.config.in_leads, samples), np.float32))

    def _attempt(self, piece: Array, layers: tuple[int, ...], attention: bool, final_tokens: bool) -> EncodedBatch | None:
        """The piece's result, or None where the device's memory did not hold it: a retry inside `except` would keep its tensors alive."""
        try:
            with torch.inference_mode():
                batch = torch.from_numpy(np.array(piece, np.float32, order="C")).to(self.device).to(self.dtype)
                output: EncoderOutput = self.module(batch, layers=layers, attention=attention)
                return _to_numpy(output, final_tokens)
        except torch.cuda.OutOfMemoryError:
            if len(piece) == 1:
                raise
            return None

    def _halve(self, size: int) -> None:
        self.max_batch = size // 2
        log.warning("%s ran out of memory at %d segments; from now on at most %d at once", self.device, size, self.max_batch)
        if self.device.type == "cuda":
            torch.cuda.empty_cache()


def place(module: nn.Module, device: torch.device, dtype: torch.dtype) -> nn.Module:
    """The module itself, moved: its FLOAT32_PARTS in float32, the rest in dtype, ready for inference."""
    kept = getattr(module, "FLOAT32_PARTS", ())
    for name, part in module.named_children():
        part.to(device=device, dtype=torch.float32 if name in kept else dtype)
    module.requires_grad_(False).eval()
    if device.type == "cpu" and isinstance(module, EcgFm) and can_pack(dtype):
        pack(module)
    return module


def load_encoder(
    config: EcgFmConfig | CompactConfig, tensors: Mapping[str, NDArray[Any] | Tensor], dtype: str = "float32", device: str = "cpu"
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
            raise BadBundle(f"{name}: found shape {tuple(weight.shape)}, the configuration asks for {tuple(blank.shape)}")
        kept = name.split(".")[0] in encoder.FLOAT32_PARTS
        # copy: never a view of the file or of somebody else's array
        state[name] = torch.as_tensor(weight).to(device=device, dtype=torch.float32 if kept else DTYPES[dtype], copy=True)
    encoder.load_state_dict(state, assign=True)
    return encoder.requires_grad_(False).eval()


def load_encoder_file(config: EcgFmConfig | CompactConfig, path: Path, dtype: str = "float32", device: str = "cpu") -> EcgFm | Compact:
    """`load_encoder` from a safetensors file. Raises BadBundle where the file can't be read or isn't this encoder's."""
    try:
        with safe_open(path, framework="pt") as file:
            return load_encoder(config, _FileTensors(file), dtype, device)
    except (OSError, SafetensorError) as error:
        raise BadBundle(f"{path.name} cannot be read as safetensors: {type(error).__name__}") from error


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
    faults = [f"{fault} {_few(names)}" for fault, names in (("missing", missing), ("unknown", unknown)) if names]
    if faults:
        raise BadBundle(f"weights do not fit the configuration: {'; '.join(faults)}")


def _few(names: list[str]) -> str:
    more = len(names) - NAMED_AT_MOST
    return ", ".join(names[:NAMED_AT_MOST]) + (f" and {more} more" if more > 0 else "")


def _to_numpy(output: EncoderOutput, final_tokens: bool) -> EncodedBatch:
    return EncodedBatch(
        pooled=_array(output.pooled),
        logits=None if output.logits is None else _array(output.logits),
        tokens=_array(output.tokens) if final_tokens else None,
        hidden={layer: _array(state) for layer, state in output.hidden.items()},
        attention=None if output.attention is None else _array(output.attention),
    )


def _array(tensor: Tensor) -> Array:
    return tensor.float().cpu().numpy()
