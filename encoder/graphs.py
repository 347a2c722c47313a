"""Forwards captured once for a batch size and replayed: a CUDA graph costs one launch where the module costs hundreds.

Written after PyTorch's "CUDA semantics", section CUDA Graphs: warm-up on a side stream, static inputs, one memory pool for all.
A graph may write over another's output, so an output is read, on the same stream, before the next replay.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from encoder.ecg_fm import EncoderOutput

WARM_UPS = 3  # calls before a capture, PyTorch's own figure: libraries choose their kernels and take their workspace


class Capture(Protocol):
    """Runs a function of static tensors once for its output, and gives what repeats it in place."""

    def __call__(self, function: Callable[[], EncoderOutput]) -> tuple[Callable[[], None], EncoderOutput]: ...


class CudaCapture:
    """Capture on the current CUDA device; all graphs of one instance share one memory pool."""

    def __init__(self) -> None:
        self._pool = torch.cuda.graph_pool_handle()

    def __call__(self, function: Callable[[], EncoderOutput]) -> tuple[Callable[[], None], EncoderOutput]:
        side = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(WARM_UPS):
                function()
        torch.cuda.current_stream().wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        # thread_local: another device's thread may take memory meanwhile, as analysis.bulk's do
        with torch.cuda.graph(graph, pool=self._pool, capture_error_mode="thread_local"):
            output = function()
        return graph.replay, output


@dataclass(frozen=True)
class Captured:
    """segments is what `replay` reads, output what it writes."""

    segments: Tensor
    output: EncoderOutput
    replay: Callable[[], None]


class Graphs:
    """The captured forwards of one module, made when first asked for, by batch size and by whether attention is wanted."""

    def __init__(
        self,
        forward: Callable[[Tensor, bool], EncoderOutput],
        blank: Callable[[int], Tensor],
        new_capture: Callable[[], Capture] = CudaCapture,
    ) -> None:
        """forward: (segments, attention); blank: so many segments of zeros, on the device, in the module's dtype."""
        self._forward, self._blank, self._new_capture = forward, blank, new_capture
        self._capture = new_capture()
        self._held: dict[tuple[int, bool], Captured] = {}

    def run(self, segments: Tensor, rung: int, attention: bool) -> EncoderOutput:
        """segments (B <= rung, leads, samples), in any dtype -> views of B rows, good until the next call.

        What fills the rest is of an earlier batch; no row of an encoder sees another.
        """
        held = self._held.get((rung, attention))
        if held is None:
            held = self._held[rung, attention] = self._captured(rung, attention)
        held.segments[: len(segments)].copy_(segments)
        held.replay()
        return held.output.rows(len(segments))

    @property
    def sizes(self) -> set[int]:
        return {rung for rung, _ in self._held}

    def drop(self) -> None:
        """Let all go, and their memory with them."""
        self._held.clear()
        self._capture = self._new_capture()

    def _captured(self, rung: int, attention: bool) -> Captured:
        segments = self._blank(rung)
        replay, output = self._capture(lambda: self._forward(segments, attention))
        return Captured(segments, output, replay)
