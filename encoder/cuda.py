"""A batch's way over a CUDA device: pinned memory, a copy beside the computation, a captured forward, the answer back when it is done."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from encoder.banded import BandedPosition
from encoder.compiled import compile_parts, keep_compiled_in, why_not
from encoder.ecg_fm import EcgFm, EncoderOutput, Position
from encoder.frame_product import as_products
from encoder.graphs import Graphs
from encoder.ladder import ladder, rung_for
from encoder.output import Array, EncodedBatch, Wanted

log = logging.getLogger(__name__)

SLOTS = 2  # batches on their way: one is computed while the next is copied
WARM_UP_SECONDS = 45.0  # of capturing at start; what is left then is captured when first needed


class CudaForward:
    """One EcgFm on one CUDA device. `submit` returns at once; no more than SLOTS of its answers may be outstanding."""

    def __init__(self, encoder: EcgFm, device: torch.device, dtype: torch.dtype, max_batch: int, compiled_in: Path | None = None) -> None:
        """compiled_in: a folder for what is compiled, which the next start finds again."""
        if isinstance(encoder.position, Position):
            encoder.position = BandedPosition(encoder.position)  # type: ignore[assignment]
        encoder.convs = as_products(encoder.convs)
        self._encoder, self._device, self._dtype = encoder, device, dtype
        self.rungs = ladder(max_batch)
        self._not_compiled = why_not()
        if self._not_compiled is None:
            if compiled_in is not None:
                keep_compiled_in(compiled_in)
            compile_parts(encoder)
        self._graphs: Graphs | None = None  # until the first batch says how long a segment is
        self._staging: Staging | None = None

    @property
    def path(self) -> str:
        return "CUDA graphs, compiled" if self._not_compiled is None else f"CUDA graphs, not compiled: {self._not_compiled}"

    @property
    def compiled(self) -> bool:
        return self._not_compiled is None

    def submit(self, piece: Array, wanted: Wanted) -> Callable[[], EncodedBatch]:
        """piece (B, leads, samples) -> what waits for its answer. Hidden states are not captured; the module itself is asked for them.

        Raises torch's OutOfMemoryError, here and not later.
        """
        with self._current():
            return self._submit(piece, wanted)

    def _submit(self, piece: Array, wanted: Wanted) -> Callable[[], EncodedBatch]:
        if self._staging is None or self._graphs is None or self._staging.shape != piece.shape[1:]:
            self._staging, self._graphs = self._prepared(piece.shape[1:])
        segments = self._staging.upload(piece)
        if wanted.layers:
            output = self._encoder(segments.to(self._dtype), layers=wanted.layers, attention=wanted.attention)
        else:
            output = self._graphs.run(segments, rung_for(len(piece), self.rungs), wanted.attention)
        return download(output, wanted.tokens)

    def warm_up(self, run: Callable[[int, bool], object]) -> None:
        """`run` encodes so many segments, with attention or without: once for each rung, the highest first, while WARM_UP_SECONDS last."""
        began = time.monotonic()
        torch.compiler.set_stance("default")
        self._try_compiled(run)
        for rung in reversed(self.rungs):
            if time.monotonic() - began > WARM_UP_SECONDS:
                log.warning("warm-up ended after %.0f s; %d segments and fewer are captured when first needed", WARM_UP_SECONDS, rung)
                break
            if rung in self.rungs:  # memory may have run out meanwhile
                run(rung, False)
                run(rung, True)
        if self._not_compiled is None:
            torch.compiler.set_stance("eager_on_recompile")  # nobody waits for a compiler once the server is ready

    def shrink(self, max_batch: int) -> None:
        """Let go of every graph and of the memory they hold; those up to max_batch are captured anew when needed."""
        self.rungs = ladder(max_batch)
        if self._graphs is not None:
            self._graphs.drop()
        torch.cuda.empty_cache()

    def _current(self) -> AbstractContextManager[Any]:
        """Streams, graphs and events are of the calling thread's current device."""
        return torch.cuda.device(self._device) if self._device.type == "cuda" else nullcontext()

    def _try_compiled(self, run: Callable[[int, bool], object]) -> None:
        """The first batch, a large one, compiles; where that fails the module is run as it is, and `path` says why."""
        try:
            run(self.rungs[-1], False)
        except torch.cuda.OutOfMemoryError:
            raise
        except RuntimeError as error:  # what torch.compile raises derives from it
            if self._not_compiled is not None:
                raise
            self._not_compiled = f"compiling failed, {type(error).__name__}"
            log.warning("not compiled: %s", error)
            torch.compiler.set_stance("force_eager")
            run(self.rungs[-1], False)

    def _prepared(self, shape: tuple[int, ...]) -> tuple[Staging, Graphs]:
        """Room for segments of this shape (leads, samples), and no graph yet."""

        def forward(segments: Tensor, attention: bool) -> EncoderOutput:
            return self._encoder(segments, attention=attention)  # type: ignore[no-any-return]

        def blank(count: int) -> Tensor:
            return torch.zeros(count, *shape, device=self._device, dtype=self._dtype)

        return Staging(self.rungs[-1], shape, self._device), Graphs(forward, blank)


class Staging:
    """Where segments stand on their way in: SLOTS pinned arrays on the host, as many float32 tensors on the device.

    A slot is used again when the answer to what it held is there, which is the caller's to see to.
    """

    def __init__(self, rows: int, shape: tuple[int, ...], device: torch.device) -> None:
        self.shape = shape
        self._stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        self._pinned = [torch.empty(rows, *shape, pin_memory=True) for _ in range(SLOTS)]
        self._there = [torch.empty(rows, *shape, device=device) for _ in range(SLOTS)]
        self._slot = 0
        self._stream.wait_stream(torch.cuda.current_stream())  # whose memory the tensors may have been a moment ago

    def upload(self, piece: Array) -> Tensor:
        """(B, leads, samples) on the device, as the current stream finds it: copied while that one still computes the batch before."""
        pinned, there = self._pinned[self._slot][: len(piece)], self._there[self._slot][: len(piece)]
        self._slot = (self._slot + 1) % SLOTS
        np.copyto(pinned.numpy(), piece)
        with torch.cuda.stream(self._stream):
            there.copy_(pinned, non_blocking=True)
        torch.cuda.current_stream().wait_stream(self._stream)
        return there


def download(output: EncoderOutput, tokens: bool) -> Callable[[], EncodedBatch]:
    """Start copying an output to the host; what is returned waits for it."""
    wanted = {"pooled": output.pooled, "logits": output.logits, "attention": output.attention, "tokens": output.tokens if tokens else None}
    host = {name: _started(tensor) for name, tensor in wanted.items() if tensor is not None}
    hidden = {layer: _started(state) for layer, state in output.hidden.items()}
    done = torch.cuda.Event()  # type: ignore[no-untyped-call]
    done.record()

    def answer() -> EncodedBatch:
        done.synchronize()
        arrays = {name: tensor.numpy() for name, tensor in host.items()}
        return EncodedBatch(**arrays, hidden={layer: state.numpy() for layer, state in hidden.items()})

    return answer


def _started(tensor: Tensor) -> Tensor:
    """float32 in pinned memory, being filled."""
    host = torch.empty(tensor.shape, dtype=torch.float32, pin_memory=True)
    return host.copy_(tensor.float(), non_blocking=True)
