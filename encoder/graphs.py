"""Forwards captured once for a batch size and replayed: a CUDA graph costs one launch where the module costs hundreds.

Written after PyTorch's "CUDA semantics", section CUDA Graphs: warm-up on a side stream, static inputs, one memory pool for all.
A graph may write over another's output, so an output is read, on the same stream, before the next replay.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Protocol, TypeVar

import torch
from torch import Tensor

from encoder.ecg_fm import EncoderOutput

WARM_UPS = 3  # calls before a capture, PyTorch's own figure: libraries choose their kernels and take their workspace
# Whoever compiles or captures holds it: PyTorch allows one capture at a time in a process, and whether it compiles is the process's, too.
COMPILE_LOCK = threading.RLock()

T = TypeVar("T")


class Capture(Protocol):
    """Runs a function of static tensors once for its output, and gives what repeats it in place."""

    def __call__(self, function: Callable[[], T]) -> tuple[Callable[[], None], T]: ...


@cache
def capture_stream(device: torch.device) -> torch.cuda.Stream:
    """The device's own, for all captures: torch.cuda.graph's default is on the device that captured first, whichever that was.

    Calls before a capture go the same way, so that cuBLAS's workspace, 32 MiB a stream on a large device, is taken once.
    """
    return torch.cuda.Stream(device)  # type: ignore[no-untyped-call]


class CudaCapture:
    """Capture on one CUDA device, the calling thread's current one; all graphs of one instance share one memory pool."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._pool = torch.cuda.graph_pool_handle()

    def __call__(self, function: Callable[[], T]) -> tuple[Callable[[], None], T]:
        stream, caller = capture_stream(self._device), torch.cuda.current_stream(self._device)
        stream.wait_stream(caller)
        with torch.cuda.stream(stream):
            for _ in range(WARM_UPS):
                function()
        caller.wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        # thread_local: another device's thread may take memory meanwhile, as bulk's do
        with torch.cuda.graph(
            graph, pool=self._pool, stream=stream, capture_error_mode="thread_local"
        ):
            output = function()
        return graph.replay, output


@dataclass(frozen=True)
class CapturedForward:
    """segments is what `replay` reads, output what it writes."""

    segments: Tensor
    output: EncoderOutput
    replay: Callable[[], None]


class GraphCache:
    """The captured forwards of one module, made when first asked for, by batch size and by whether attention is wanted."""

    def __init__(
        self,
        forward: Callable[[Tensor, bool], EncoderOutput],
        blank: Callable[[int], Tensor],
        new_capture: Callable[[], Capture],
    ) -> None:
        """forward: (segments, attention); blank: so many segments of zeros, on the device, in the module's dtype."""
        self._forward, self._blank, self._new_capture = forward, blank, new_capture
        self._capture = new_capture()
        self._held: dict[tuple[int, bool], CapturedForward] = {}

    def run(self, segments: Tensor, attention: bool) -> EncoderOutput:
        """segments (B, leads, samples), B a bucket, in any dtype -> what a graph writes: good until the next call."""
        held = self.captured(len(segments), attention)
        held.segments.copy_(segments)
        held.replay()
        return held.output

    def captured(self, bucket: int, attention: bool) -> CapturedForward:
        held = self._held.get((bucket, attention))
        if held is None:
            with COMPILE_LOCK:
                held = self._held[bucket, attention] = self._new(bucket, attention)
        return held

    def drop(self) -> None:
        """Let all go, and their memory with them."""
        self._held.clear()
        self._capture = self._new_capture()

    def _new(self, bucket: int, attention: bool) -> CapturedForward:
        segments = self._blank(bucket)
        replay, output = self._capture(lambda: self._forward(segments, attention))
        return CapturedForward(segments, output, replay)
