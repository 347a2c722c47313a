"""Forward passes captured once for each batch size and replayed.

A CUDA graph costs one launch, the module hundreds. The code follows PyTorch's "CUDA semantics",
section CUDA Graphs: warm-up on a side stream, static inputs, one memory pool for all graphs. A
graph may overwrite another's output, so an output must be read, on the same stream, before the next
replay.
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

# Calls before a capture, in which libraries choose kernels and allocate workspaces; PyTorch's
# figure.
WARM_UPS = 3
# Held by threads that compile or capture: PyTorch allows one capture at a time in a process, and
# whether it compiles is a setting of the process too.
COMPILE_LOCK = threading.RLock()

T = TypeVar("T")


class Capture(Protocol):
    """Calls a function of static tensors; returns what repeats it in place, and its output."""

    def __call__(self, function: Callable[[], T]) -> tuple[Callable[[], None], T]: ...


@cache
def capture_stream(device: torch.device) -> torch.cuda.Stream:
    """Return the stream of all captures on a device.

    torch.cuda.graph's default stream is on the device that captured first. The warm-up calls use
    this stream too, so that cuBLAS's workspace, 32 MiB per stream on a large device, is allocated
    once.
    """
    return torch.cuda.Stream(device)  # type: ignore[no-untyped-call]


class CudaCapture:
    """Captures on one CUDA device, which must be the calling thread's current one.

    All graphs of an instance share one memory pool.
    """

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
        # thread_local: threads of other devices, as bulk has, may allocate memory at the same time.
        with torch.cuda.graph(
            graph, pool=self._pool, stream=stream, capture_error_mode="thread_local"
        ):
            output = function()
        return graph.replay, output


@dataclass(frozen=True)
class CapturedForward:
    """A captured forward pass: `replay` reads `segments` and writes `output`."""

    segments: Tensor
    output: EncoderOutput
    replay: Callable[[], None]


class GraphCache:
    """The captured forward passes of one module, by bucket and by whether attention is computed.

    Each is captured when it is first used.
    """

    def __init__(
        self,
        forward: Callable[[Tensor, bool], EncoderOutput],
        blank: Callable[[int], Tensor],
        new_capture: Callable[[], Capture],
    ) -> None:
        """Capture nothing yet.

        forward      the module, called with (segments, attention)
        blank        returns that many segments of zeros, on the device, in the module's dtype
        new_capture  returns a capture with a memory pool of its own
        """
        self._forward, self._blank, self._new_capture = forward, blank, new_capture
        self._capture = new_capture()
        self._captured: dict[tuple[int, bool], CapturedForward] = {}

    def run(self, segments: Tensor, attention: bool) -> EncoderOutput:
        """Run segments (B, leads, samples) of any dtype, where B is a bucket.

        The next call overwrites the output.
        """
        captured = self.captured(len(segments), attention)
        captured.segments.copy_(segments)
        captured.replay()
        return captured.output

    def captured(self, bucket: int, attention: bool) -> CapturedForward:
        """Return the captured forward pass of this bucket; capture it if it is missing."""
        captured = self._captured.get((bucket, attention))
        if captured is None:
            with COMPILE_LOCK:
                captured = self._captured[bucket, attention] = self._new(bucket, attention)
        return captured

    def drop(self) -> None:
        """Release all graphs and their memory."""
        self._captured.clear()
        self._capture = self._new_capture()

    def _new(self, bucket: int, attention: bool) -> CapturedForward:
        segments = self._blank(bucket)
        replay, output = self._capture(lambda: self._forward(segments, attention))
        return CapturedForward(segments, output, replay)
