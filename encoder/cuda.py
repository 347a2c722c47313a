"""A batch's way over a CUDA device: pinned memory, a copy beside the computation, a captured forward, the answer back when it is done."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from encoder.banded import BandedPositionalConv
from encoder.buckets import batch_buckets, bucket_for
from encoder.compiled import (
    compile_allowed,
    compile_errors,
    compile_parts,
    use_compile_cache,
    why_not_compilable,
)
from encoder.ecg_fm import EcgFm, EncoderOutput, PositionalConv
from encoder.frame_product import with_matrix_products
from encoder.graphs import COMPILE_LOCK, CudaCapture, GraphCache
from encoder.output import Array, EncodedBatch, Wanted

log = logging.getLogger(__name__)

SLOTS = 2  # batches on their way: one is computed while the next is copied


class CudaForward:
    """One EcgFm on one CUDA device. `submit` returns at once; no more than SLOTS of its answers may be outstanding."""

    def __init__(
        self,
        encoder: EcgFm,
        device: torch.device,
        dtype: torch.dtype,
        max_batch: int,
        compile_cache: Path | None = None,
    ) -> None:
        """compile_cache: a folder for what is compiled, which the next start finds again."""
        if isinstance(encoder.position, PositionalConv):
            encoder.position = BandedPositionalConv(encoder.position)  # type: ignore[assignment]
        encoder.convs = with_matrix_products(encoder.convs)
        self._encoder, self._device, self._dtype = encoder, device, dtype
        self.buckets = batch_buckets(max_batch)
        self._not_compiled = why_not_compilable()
        if self._not_compiled is None:
            if compile_cache is not None:
                use_compile_cache(compile_cache)
            with (
                COMPILE_LOCK
            ):  # which imports Dynamo, and its modules each other: not in several threads
                self._undo_compiling = compile_parts(encoder)
        self._graphs: GraphCache | None = None  # until the first batch says how long a segment is
        self._staging: Staging | None = None

    @property
    def execution(self) -> str:
        return (
            "CUDA graphs, compiled"
            if self._not_compiled is None
            else f"CUDA graphs, not compiled: {self._not_compiled}"
        )

    @property
    def compiled(self) -> bool:
        return self._not_compiled is None

    def submit(self, piece: Array, wanted: Wanted) -> Callable[[], EncodedBatch]:
        """piece (B, leads, samples) -> what waits for its answer.

        Hidden states are not captured: the module itself is asked for them, for a bucket as well, so that no library plans for a new
        shape in service.
        Raises torch's OutOfMemoryError, here and not later.
        """
        with self._current():
            return self._submit(piece, wanted)

    def _submit(self, piece: Array, wanted: Wanted) -> Callable[[], EncodedBatch]:
        if self._staging is None or self._graphs is None or self._staging.shape != piece.shape[1:]:
            self._staging, self._graphs = self._prepared(piece.shape[1:])
        # What fills the bucket is of an earlier batch; no row of an encoder sees another.
        segments = self._staging.upload(piece, bucket_for(len(piece), self.buckets))
        if wanted.layers:
            output = self._encoder(
                segments.to(self._dtype), layers=wanted.layers, attention=wanted.attention
            )
        else:
            output = self._graphs.run(segments, wanted.attention)
        return download(output.rows(len(piece)), wanted.tokens)

    def warm_up(self, run: Callable[[int, bool], object], deadline: float) -> None:
        """`run` encodes so many segments, with attention or without: each bucket both ways, until time.monotonic() is past the deadline.

        The highest is first, whose memory the others share, then the lowest, which is one 10 s recording's, these two whatever the time.
        """
        with COMPILE_LOCK, compile_allowed() if self.compiled else nullcontext():
            self._first(run)
            run(self.buckets[-1], True)
            lower = self.buckets[:-1]
            for bucket in lower:
                if bucket > lower[0] and time.monotonic() > deadline:
                    log.warning(
                        "warm-up is out of time; %d to %d segments are captured when first needed",
                        bucket,
                        lower[-1],
                    )
                    break
                run(bucket, False)
                run(bucket, True)

    def replay(self, count: int) -> Callable[[], None]:
        """What computes the bucket of so many segments once more, nothing copied in or out: the device's own time.

        For after a first batch.
        """
        assert self._graphs is not None, (
            "nothing can be captured before the first batch. This is a bug."
        )
        return self._graphs.captured(bucket_for(count, self.buckets), attention=False).replay

    def shrink(self, max_batch: int) -> None:
        """Let go of every graph and of the memory they hold; those up to max_batch are captured anew when needed."""
        self.buckets = batch_buckets(max_batch)
        if self._graphs is not None:
            self._graphs.drop()
        torch.cuda.empty_cache()

    def _current(self) -> AbstractContextManager[Any]:
        """Streams, graphs and events are of the calling thread's current device."""
        return torch.cuda.device(self._device) if self._device.type == "cuda" else nullcontext()

    def _first(self, run: Callable[[int, bool], object]) -> None:
        """The largest batch. It compiles; where that fails the module is run as it is, and `execution` says why."""
        try:
            run(self.buckets[-1], False)
            return
        except torch.cuda.OutOfMemoryError:
            raise
        except compile_errors() as error:
            if not self.compiled:
                raise
            self._not_compiled = f"compiling failed, {type(error).__name__}"
            log.warning("not compiled: %s", error)
        self._undo_compiling()
        run(self.buckets[-1], False)  # which raises again what was not the compiler's

    def _prepared(self, shape: tuple[int, ...]) -> tuple[Staging, GraphCache]:
        """Room for segments of this shape (leads, samples), and no graph yet."""

        def forward(segments: Tensor, attention: bool) -> EncoderOutput:
            return self._encoder(segments, attention=attention)  # type: ignore[no-any-return]

        def blank(count: int) -> Tensor:
            return torch.zeros(count, *shape, device=self._device, dtype=self._dtype)

        return Staging(self.buckets[-1], shape, self._device), GraphCache(
            forward, blank, partial(CudaCapture, self._device)
        )


class Staging:
    """Where segments stand on their way in: SLOTS pinned arrays on the host, as many float32 tensors on the device.

    A slot is used again when the answer to what it held is there, which is the caller's to see to.
    """

    def __init__(self, rows: int, shape: tuple[int, ...], device: torch.device) -> None:
        self.shape = shape
        self._stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        self._pinned = [torch.empty(rows, *shape, pin_memory=True) for _ in range(SLOTS)]
        self._there = [torch.zeros(rows, *shape, device=device) for _ in range(SLOTS)]
        self._slot = 0
        self._stream.wait_stream(
            torch.cuda.current_stream()
        )  # whose memory the tensors may have been a moment ago

    def upload(self, piece: Array, rows: int) -> Tensor:
        """piece (B, leads, samples) -> (rows, leads, samples) on the device, B of them new, as the current stream finds them.

        They are copied while that one still computes the batch before.
        """
        pinned, there = self._pinned[self._slot][: len(piece)], self._there[self._slot][:rows]
        self._slot = (self._slot + 1) % SLOTS
        np.copyto(pinned.numpy(), piece)
        with torch.cuda.stream(self._stream):
            there[: len(piece)].copy_(pinned, non_blocking=True)
        torch.cuda.current_stream().wait_stream(self._stream)
        return there


def download(output: EncoderOutput, tokens: bool) -> Callable[[], EncodedBatch]:
    """Start copying an output to the host; what is returned waits for it."""
    wanted = {
        "pooled": output.pooled,
        "logits": output.logits,
        "attention": output.attention,
        "tokens": output.tokens if tokens else None,
    }
    host = {name: _started(tensor) for name, tensor in wanted.items() if tensor is not None}
    hidden = {layer: _started(state) for layer, state in output.hidden.items()}
    done = torch.cuda.Event()  # type: ignore[no-untyped-call]
    done.record()

    def answer() -> EncodedBatch:
        done.synchronize()
        arrays = {name: tensor.numpy() for name, tensor in host.items()}
        return EncodedBatch(
            **arrays, hidden={layer: state.numpy() for layer, state in hidden.items()}
        )

    return answer


def _started(tensor: Tensor) -> Tensor:
    """float32 in pinned memory, being filled."""
    host = torch.empty(tensor.shape, dtype=torch.float32, pin_memory=True)
    return host.copy_(tensor.float(), non_blocking=True)
