"""Run EcgFm on a CUDA device: pinned memory, copies that overlap the computation, CUDA graphs."""

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

log = logging.getLogger("ecg.encoder")

SLOTS = 2  # batches in flight: one is computed while the next is copied


class CudaForward:
    """One EcgFm on one CUDA device.

    `submit` does not wait for the result; at most SLOTS results may be outstanding.
    """

    def __init__(
        self,
        encoder: EcgFm,
        device: torch.device,
        dtype: torch.dtype,
        max_batch: int,
        compile_cache: Path | None = None,
    ) -> None:
        """Change the encoder in place to modules that are fast here.

        compile_cache  a folder that keeps compiled code for the next start
        """
        if isinstance(encoder.position, PositionalConv):
            encoder.position = BandedPositionalConv(encoder.position)  # type: ignore[assignment]
        encoder.convs = with_matrix_products(encoder.convs)
        self._encoder, self._device, self._dtype = encoder, device, dtype
        self.buckets = batch_buckets(max_batch)
        self._not_compiled = why_not_compilable()
        if self._not_compiled is None:
            if compile_cache is not None:
                use_compile_cache(compile_cache)
            # compile_parts imports Dynamo, whose modules import each other: one thread at a time.
            with COMPILE_LOCK:
                self._undo_compiling = compile_parts(encoder)
        # The first batch determines the length of a segment.
        self._graphs: GraphCache | None = None
        self._staging: Staging | None = None

    @property
    def execution(self) -> str:
        """How the module is run, in words."""
        if self._not_compiled is None:
            return "CUDA graphs, compiled"
        return f"CUDA graphs, not compiled: {self._not_compiled}"

    @property
    def compiled(self) -> bool:
        return self._not_compiled is None

    def submit(self, piece: Array, wanted: Wanted) -> Callable[[], EncodedBatch]:
        """Start computing a piece (B, leads, samples). Return a function that waits for the result.

        Hidden states are not captured: the module itself computes them, also for a whole bucket, so
        that no library has to plan for a new shape during a request.
        Raises torch's OutOfMemoryError here; the returned function does not.
        """
        with self._current_device():
            return self._submit(piece, wanted)

    def _submit(self, piece: Array, wanted: Wanted) -> Callable[[], EncodedBatch]:
        if self._staging is None or self._graphs is None or self._staging.shape != piece.shape[1:]:
            self._staging, self._graphs = self._prepare(piece.shape[1:])
        # The rows that fill the bucket are left from an earlier batch; rows do not affect each
        # other.
        segments = self._staging.upload(piece, bucket_for(len(piece), self.buckets))
        if wanted.layers:
            output = self._encoder(
                segments.to(self._dtype), layers=wanted.layers, attention=wanted.attention
            )
        else:
            output = self._graphs.run(segments, wanted.attention)
        return download(output.rows(len(piece)), wanted.tokens)

    def warm_up(self, run: Callable[[int, bool], object], deadline: float) -> None:
        """Capture each bucket with and without attention, until time.monotonic() is past deadline.

        The largest bucket is first, because the others share its memory, then the smallest, which
        one 10 s recording needs. These two ignore the deadline.

        run  encodes that many segments, with attention or without
        """
        with COMPILE_LOCK, compile_allowed() if self.compiled else nullcontext():
            self._run_first(run)
            run(self.buckets[-1], True)
            lower = self.buckets[:-1]
            for bucket in lower:
                if bucket > lower[0] and time.monotonic() > deadline:
                    log.warning(
                        "warm-up reached its deadline; batches of %d to %d segments are captured "
                        "when first used",
                        bucket,
                        lower[-1],
                    )
                    break
                run(bucket, False)
                run(bucket, True)

    def replay(self, count: int) -> Callable[[], None]:
        """Return a function that computes the bucket of `count` segments again, without copies.

        It takes the device's own time. Requires that a batch was run before.
        """
        assert self._graphs is not None, (
            "nothing can be captured before the first batch. This is a bug."
        )
        return self._graphs.captured(bucket_for(count, self.buckets), attention=False).replay

    def shrink(self, max_batch: int) -> None:
        """Release all graphs and their memory. Buckets up to max_batch are captured when used."""
        self.buckets = batch_buckets(max_batch)
        if self._graphs is not None:
            self._graphs.drop()
        torch.cuda.empty_cache()

    def _current_device(self) -> AbstractContextManager[Any]:
        """Make the device the thread's current one, to which streams, graphs and events belong."""
        return torch.cuda.device(self._device) if self._device.type == "cuda" else nullcontext()

    def _run_first(self, run: Callable[[int, bool], object]) -> None:
        """Run the largest batch, which compiles the module.

        If compiling fails, the module is run uncompiled, and `execution` gives the reason.
        """
        try:
            run(self.buckets[-1], False)
            return
        except torch.cuda.OutOfMemoryError:
            raise
        except compile_errors() as error:
            if not self.compiled:
                raise
            self._not_compiled = f"compiling failed, {type(error).__name__}"
            log.warning("compiling failed, running uncompiled: %s", error)
        self._undo_compiling()
        # Raises the same error again if it was not the compiler's.
        run(self.buckets[-1], False)

    def _prepare(self, shape: tuple[int, ...]) -> tuple[Staging, GraphCache]:
        """Return buffers for segments of this shape (leads, samples), and an empty graph cache."""

        def forward(segments: Tensor, attention: bool) -> EncoderOutput:
            return self._encoder(segments, attention=attention)  # type: ignore[no-any-return]

        def blank(count: int) -> Tensor:
            return torch.zeros(count, *shape, device=self._device, dtype=self._dtype)

        staging = Staging(self.buckets[-1], shape, self._device)
        return staging, GraphCache(forward, blank, partial(CudaCapture, self._device))


class Staging:
    """Buffers for uploads: SLOTS pinned arrays on the host, and as many tensors on the device.

    Uploads use the slots in turn. Before a slot is reused, the caller must have waited for the
    result of its previous upload.
    """

    def __init__(self, rows: int, shape: tuple[int, ...], device: torch.device) -> None:
        self.shape = shape
        self._stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        self._pinned = [torch.empty(rows, *shape, pin_memory=True) for _ in range(SLOTS)]
        self._on_device = [torch.zeros(rows, *shape, device=device) for _ in range(SLOTS)]
        self._slot = 0
        # The current stream may have used the tensors' memory just before.
        self._stream.wait_stream(torch.cuda.current_stream())

    def upload(self, piece: Array, rows: int) -> Tensor:
        """Return (rows, leads, samples) on the device, for the current stream.

        The first B rows are those of piece (B, leads, samples). They are copied while the current
        stream still computes the previous batch.
        """
        pinned = self._pinned[self._slot][: len(piece)]
        on_device = self._on_device[self._slot][:rows]
        self._slot = (self._slot + 1) % SLOTS
        np.copyto(pinned.numpy(), piece)
        with torch.cuda.stream(self._stream):
            on_device[: len(piece)].copy_(pinned, non_blocking=True)
        torch.cuda.current_stream().wait_stream(self._stream)
        return on_device


def download(output: EncoderOutput, tokens: bool) -> Callable[[], EncodedBatch]:
    """Start copying an output to the host. Return a function that waits for the copy."""
    on_device = {
        "pooled": output.pooled,
        "logits": output.logits,
        "attention": output.attention,
        "tokens": output.tokens if tokens else None,
    }
    on_host = {
        name: _start_copy(tensor) for name, tensor in on_device.items() if tensor is not None
    }
    hidden = {layer: _start_copy(state) for layer, state in output.hidden.items()}
    copied = torch.cuda.Event()  # type: ignore[no-untyped-call]
    copied.record()

    def result() -> EncodedBatch:
        copied.synchronize()
        arrays = {name: tensor.numpy() for name, tensor in on_host.items()}
        hidden_arrays = {layer: state.numpy() for layer, state in hidden.items()}
        return EncodedBatch(**arrays, hidden=hidden_arrays)

    return result


def _start_copy(tensor: Tensor) -> Tensor:
    """Return float32 in pinned memory, which the device is still filling."""
    host = torch.empty(tensor.shape, dtype=torch.float32, pin_memory=True)
    return host.copy_(tensor.float(), non_blocking=True)
