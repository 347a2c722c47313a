"""Run an encoder on NumPy arrays: on one device, in one dtype, in pieces that fit its memory."""

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

log = logging.getLogger("ecg.encoder")

SEGMENT_SAMPLES = 2500  # 5 s at 500 Hz
MAX_BATCH = 64  # segments; about this many fill an H200, and a 10 s recording has 2


class Forward(Protocol):
    """A module on its device.

    execution  how the module is run, in words
    compiled   whether its kernels are torch.compile's
    submit     starts computing a piece that fits, and returns a function that waits for the result
    warm_up    see EncoderRunner.warm_up
    shrink     accepts that pieces will be no larger than max_batch
    """

    @property
    def execution(self) -> str: ...

    @property
    def compiled(self) -> bool: ...

    def submit(self, piece: Array, wanted: Wanted) -> Callable[[], EncodedBatch]: ...

    def warm_up(self, run: Callable[[int, bool], object], deadline: float) -> None: ...

    def shrink(self, max_batch: int) -> None: ...


class EncoderRunner:
    """Moves a module to a device and dtype, and runs it there without gradients.

    The runner owns the module. It is not for several threads at the same time.
    """

    def __init__(
        self,
        encoder: nn.Module | Callable[[], nn.Module],
        *,
        device: str = "cpu",
        dtype: str = "float32",
        max_batch: int = MAX_BATCH,
        compile_cache: Path | None = None,
    ) -> None:
        """Prepare the module.

        encoder        a module with EcgFm's `forward`, `config` and FLOAT32_PARTS, or a function
                       that loads one
        dtype          a key of DTYPES; tf32, float32 with rounded products, needs a CUDA device
        max_batch      segments that are run at once
        compile_cache  a folder that keeps compiled code for the next start
        Raises ValueError for an unknown dtype or a max_batch below 1.
        """
        self.device = torch.device(device)
        allowed = [name for name in DTYPES if name != "tf32" or self.device.type == "cuda"]
        if dtype not in allowed:
            raise ValueError(f"dtype: found {dtype!r}, allowed {', '.join(allowed)}")
        if max_batch < 1:
            raise ValueError(f"max_batch: found {max_batch}, at least 1")
        self.dtype = DTYPES[dtype]
        self.dtype_name = dtype
        self.max_batch = max_batch
        module = encoder if isinstance(encoder, nn.Module) else encoder()
        self.module = move_module(module, self.device, self.dtype)
        self.forward = self._make_forward(compile_cache)

    @property
    def config(self) -> EcgFmConfig | CompactConfig:
        return cast(EcgFmConfig | CompactConfig, self.module.config)

    @property
    def execution(self) -> str:
        """How the module is run here, in words; if it is not compiled, why not."""
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
        """Encode segments (B, leads, samples) float32; B may exceed max_batch.

        layers        numbers of the hidden states to return
        attention     whether to return the attention
        final_tokens  whether to return the tokens that are pooled
        A piece that exceeds the device's memory is halved and tried again; later calls use the
        smaller size. Raises ValueError for an empty batch, LayerOutOfRange for an unknown layer,
        and torch's OutOfMemoryError if one segment exceeds the memory.
        """
        if segments.ndim != 3 or not len(segments):
            raise ValueError(
                f"segments: found shape {segments.shape}; (segments, leads, samples) with one "
                "segment or more is required"
            )
        wanted = Wanted(layers, attention, final_tokens)
        results: list[EncodedBatch] = []
        in_flight: deque[Callable[[], EncodedBatch]] = deque()
        start = 0
        while start < len(segments):
            piece = segments[start : start + self.max_batch]
            pending = self._submit(piece, wanted)
            if pending is None:
                results.extend(_wait(in_flight, remaining=0))
                self._halve(len(piece))
                continue
            in_flight.append(pending)
            results.extend(_wait(in_flight, remaining=SLOTS - 1))
            start += len(piece)
        results.extend(_wait(in_flight, remaining=0))
        return EncodedBatch.concatenate(results)

    def warm_up(self, samples: int = SEGMENT_SAMPLES, deadline: float = math.inf) -> None:
        """Load kernels and find the memory's limit, so that no request waits for it.

        samples   length of a segment
        deadline  a time of time.monotonic() after which optional steps are skipped
        """

        def run(size: int, attention: bool) -> EncodedBatch:
            segments = np.zeros((size, self.config.in_leads, samples), np.float32)
            return self.run(segments, attention=attention)

        self.forward.warm_up(run, deadline)

    def _make_forward(self, compile_cache: Path | None) -> Forward:
        if isinstance(self.module, EcgFm) and self.device.type == "cuda":
            return CudaForward(self.module, self.device, self.dtype, self.max_batch, compile_cache)
        return _PlainForward(self.module, self.device, self.dtype, self.max_batch)

    def _submit(self, piece: Array, wanted: Wanted) -> Callable[[], EncodedBatch] | None:
        """Return a function that waits for the result, None if the device's memory is exceeded.

        The caller tries again: a retry within `except` would keep the failed call's tensors.
        """
        if self.device.type == "cuda":
            # A setting of the process, which another runner may have changed; a captured graph
            # keeps the one of its capture.
            set_tf32(self.dtype_name)
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
            "%s: out of memory with %d segments; from now on at most %d are run at once",
            self.device,
            size,
            self.max_batch,
        )
        self.forward.shrink(self.max_batch)


class _PlainForward:
    """Calls the module for one piece after the other; packs an EcgFm where that is faster."""

    def __init__(
        self, module: nn.Module, device: torch.device, dtype: torch.dtype, max_batch: int
    ) -> None:
        self._module = module
        self._device = device
        self._dtype = dtype
        self._max_batch = max_batch
        self.execution = "PyTorch's own operators"
        self.compiled = False
        on_cpu = device.type == "cpu"
        # A compact network's operators finish before a second thread wakes up, unless it always
        # spins.
        self._single_threaded = on_cpu and not isinstance(module, EcgFm)
        if on_cpu and isinstance(module, EcgFm) and can_pack(dtype):
            pack(module)
            self.execution = "weights packed for oneDNN"

    def submit(self, piece: Array, wanted: Wanted) -> Callable[[], EncodedBatch]:
        copied = torch.from_numpy(np.array(piece, np.float32, order="C"))
        batch = copied.to(self._device).to(self._dtype)
        with _one_thread() if self._single_threaded else nullcontext():
            output: EncoderOutput = self._module(
                batch, layers=wanted.layers, attention=wanted.attention
            )
        encoded = _to_numpy(output, wanted.tokens)
        return lambda: encoded

    def warm_up(self, run: Callable[[int, bool], object], deadline: float) -> None:
        """Run one segment, and on a GPU the largest batch too. No step is optional."""
        sizes = {1} if self._device.type == "cpu" else {1, self._max_batch}
        for size in sorted(sizes):
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


def _wait(in_flight: deque[Callable[[], EncodedBatch]], remaining: int) -> list[EncodedBatch]:
    """Wait for the oldest results, until `remaining` are in flight."""
    return [in_flight.popleft()() for _ in range(len(in_flight) - remaining)]


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
