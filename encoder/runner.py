"""Segments in, NumPy arrays out: an encoder on one device, in one dtype, in pieces that fit its memory."""

from __future__ import annotations

import logging
import math
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Protocol, cast

import numpy as np
import torch
from torch import Tensor, nn

from encoder.config import CompactConfig, EcgFmConfig
from encoder.cuda import SLOTS, CudaForward
from encoder.ecg_fm import EcgFm, EncoderOutput
from encoder.output import Array, EncodedBatch, Wanted
from encoder.packed import can_pack, pack
from encoder.precision import DTYPES, move_module, set_tf32

log = logging.getLogger(__name__)

SEGMENT_SAMPLES = 2500  # 5 s at 500 Hz
MAX_BATCH = 64  # segments; an H200 is busy from about there on, and a 10 s recording has 2


class Forward(Protocol):
    """A module on its device: `submit` takes a piece that fits and returns what waits for its answer.

    `execution` says in words how it is run, `compiled` whether its kernels are torch.compile's.
    """

    @property
    def execution(self) -> str: ...

    @property
    def compiled(self) -> bool: ...

    def submit(self, piece: Array, wanted: Wanted) -> Callable[[], EncodedBatch]: ...

    def warm_up(self, run: Callable[[int, bool], object], deadline: float) -> None: ...

    def shrink(self, max_batch: int) -> None: ...


class EncoderRunner:
    """Owns the module: moves it to the device and dtype, and runs it there without gradients. Not for several threads at once."""

    def __init__(
        self,
        encoder: nn.Module | Callable[[], nn.Module],
        *,
        device: str = "cpu",
        dtype: str = "float32",
        max_batch: int = MAX_BATCH,
        compile_cache: Path | None = None,
    ) -> None:
        """encoder: a module with EcgFm's `forward`, `config` and FLOAT32_PARTS, or what loads one.

        dtype: tf32 is float32 with shorter products, on a CUDA device. compile_cache: a folder that keeps what is compiled.
        Raises ValueError for an unknown dtype or a max_batch below 1.
        """
        self.device = torch.device(device)
        allowed = [name for name in DTYPES if name != "tf32" or self.device.type == "cuda"]
        if dtype not in allowed:
            raise ValueError(f"dtype: found {dtype!r}, allowed {', '.join(allowed)}")
        if max_batch < 1:
            raise ValueError(f"max_batch: found {max_batch}, at least 1")
        self.dtype, self.dtype_name = DTYPES[dtype], dtype
        self.max_batch = max_batch
        self.module = move_module(
            encoder if isinstance(encoder, nn.Module) else encoder(), self.device, self.dtype
        )
        self.forward = self._chosen(compile_cache)

    @property
    def config(self) -> EcgFmConfig | CompactConfig:
        return cast(EcgFmConfig | CompactConfig, self.module.config)

    @property
    def execution(self) -> str:
        """How the module is run here, in words: packed, captured, compiled, and if not, why not."""
        return self.forward.execution

    @property
    def compiled(self) -> bool:
        return self.forward.compiled

    def run(
        self,
        segments: Array,
        *,
        layers: tuple[int, ...] = (),
        attention: bool = False,
        final_tokens: bool = False,
    ) -> EncodedBatch:
        """segments (B, leads, samples) float32 -> one row for each; B may be larger than fits at once.

        A piece that runs out of device memory is halved and tried again; the smaller size is kept for later calls.
        Raises ValueError for an empty batch, LayerOutOfRange, and torch's OutOfMemoryError where one segment is too much.
        """
        if segments.ndim != 3 or not len(segments):
            raise ValueError(
                f"segments: found shape {segments.shape}, (segments, leads, samples) with one segment or more is needed"
            )
        wanted = Wanted(layers, attention, final_tokens)
        done: list[EncodedBatch] = []
        waiting: deque[Callable[[], EncodedBatch]] = deque()
        start = 0
        while start < len(segments):
            piece = segments[start : start + self.max_batch]
            answer = self._attempt(piece, wanted)
            if answer is None:
                done.extend(_drained(waiting, 0))
                self._halve(len(piece))
                continue
            waiting.append(answer)
            done.extend(_drained(waiting, SLOTS - 1))
            start += len(piece)
        return EncodedBatch.concatenate(done + _drained(waiting, 0))

    def warm_up(self, samples: int = SEGMENT_SAMPLES, deadline: float = math.inf) -> None:
        """Loads kernels and finds the memory's limit before the first request waits for it.

        What can wait is left where time.monotonic() is past the deadline.
        """

        def run(size: int, attention: bool) -> EncodedBatch:
            return self.run(
                np.zeros((size, self.config.in_leads, samples), np.float32), attention=attention
            )

        self.forward.warm_up(run, deadline)

    def _chosen(self, compile_cache: Path | None) -> Forward:
        if isinstance(self.module, EcgFm) and self.device.type == "cuda":
            return CudaForward(self.module, self.device, self.dtype, self.max_batch, compile_cache)
        return PlainForward(self.module, self.device, self.dtype, self.max_batch)

    def _attempt(self, piece: Array, wanted: Wanted) -> Callable[[], EncodedBatch] | None:
        """What waits for the answer, or None where the device's memory did not hold it: a retry inside `except` would keep its tensors."""
        if self.device.type == "cuda":
            set_tf32(
                self.dtype_name
            )  # the process's; another runner's may stand, and a graph keeps what it is captured with
        try:
            with torch.inference_mode():
                return self.forward.submit(piece, wanted)
        except torch.cuda.OutOfMemoryError:
            if len(piece) == 1:
                raise
            return None

    def _halve(self, size: int) -> None:
        self.max_batch = size // 2
        log.warning(
            "%s ran out of memory at %d segments; from now on at most %d at once",
            self.device,
            size,
            self.max_batch,
        )
        self.forward.shrink(self.max_batch)


class PlainForward:
    """The module called as it is, one piece after the other; an EcgFm on the CPU is packed first where that wins."""

    def __init__(
        self, module: nn.Module, device: torch.device, dtype: torch.dtype, max_batch: int
    ) -> None:
        self._module, self._device, self._dtype, self._max_batch = module, device, dtype, max_batch
        # A compact network's work is over before a second thread is awake, unless that spins all the time.
        self._alone = device.type == "cpu" and not isinstance(module, EcgFm)
        packed = device.type == "cpu" and isinstance(module, EcgFm) and can_pack(dtype)
        if packed and isinstance(module, EcgFm):
            pack(module)
        self.execution = "weights packed for oneDNN" if packed else "PyTorch's own operators"
        self.compiled = False

    def submit(self, piece: Array, wanted: Wanted) -> Callable[[], EncodedBatch]:
        batch = (
            torch.from_numpy(np.array(piece, np.float32, order="C"))
            .to(self._device)
            .to(self._dtype)
        )
        with _one_thread() if self._alone else nullcontext():
            output: EncoderOutput = self._module(
                batch, layers=wanted.layers, attention=wanted.attention
            )
        encoded = _to_numpy(output, wanted.tokens)
        return lambda: encoded

    def warm_up(self, run: Callable[[int, bool], object], deadline: float) -> None:
        """On a GPU also at the largest batch; there is nothing that could wait."""
        for size in sorted({1} if self._device.type == "cpu" else {1, self._max_batch}):
            run(size, False)

    def shrink(self, max_batch: int) -> None:
        self._max_batch = max_batch
        if self._device.type == "cuda":
            torch.cuda.empty_cache()


@contextmanager
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _drained(waiting: deque[Callable[[], EncodedBatch]], leave: int) -> list[EncodedBatch]:
    """The oldest answers, until `leave` are left waiting."""
    return [waiting.popleft()() for _ in range(len(waiting) - leave)]


def _to_numpy(output: EncoderOutput, tokens: bool) -> EncodedBatch:
    return EncodedBatch(
        pooled=_array(output.pooled),
        logits=None if output.logits is None else _array(output.logits),
        tokens=_array(output.tokens) if tokens else None,
        hidden={layer: _array(state) for layer, state in output.hidden.items()},
        attention=None if output.attention is None else _array(output.attention),
    )


def _array(tensor: Tensor) -> Array:
    return tensor.float().cpu().numpy()
