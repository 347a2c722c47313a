"""Time several contenders in turn, round after round, so that other load affects all equally.

A contender is a function without arguments whose duration is compared with that of others.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch

from encoder.graphs import CudaCapture
from encoder.precision import set_tf32

Contender = Callable[[], object]
MIN_ROUNDS = 3


@dataclass(frozen=True)
class Rounds:
    """How often all contenders are called, once each in a round.

    limit     the largest number of rounds
    seconds   time in which rounds may start; the first MIN_ROUNDS ignore it
    cpu_time  whether to measure the CPU time of this process instead of elapsed time
    """

    limit: int
    seconds: float
    cpu_time: bool

    def medians(self, contenders: Mapping[str, Contender]) -> tuple[dict[str, float], int]:
        """Return each contender's median duration in seconds, and the number of rounds.

        Before the rounds, each contender is called once without being timed.
        """
        clock = time.process_time if self.cpu_time else time.perf_counter
        durations: dict[str, list[float]] = {name: [] for name in contenders}
        for run in contenders.values():
            run()
        deadline = time.monotonic() + self.seconds
        rounds = 0
        while rounds < self.limit and (rounds < MIN_ROUNDS or time.monotonic() < deadline):
            for name, run in contenders.items():
                start = clock()
                run()
                durations[name].append(clock() - start)
            rounds += 1
        return {name: float(np.median(values)) for name, values in durations.items()}, rounds


def until_done(run: Callable[[], object], device: str, dtype: str) -> Contender:
    """Return a function that calls `run` and waits until the device has finished.

    device  "cpu" or a CUDA device, such as "cuda:0"
    dtype   a name in `encoder.precision.DTYPES`; "tf32" allows TF32 on a CUDA device

    `run` is called without gradients.
    """

    def timed() -> object:
        if device != "cpu":
            set_tf32(dtype)
        with torch.inference_mode():
            result = run()
        if device != "cpu":
            torch.cuda.synchronize()
        return result

    return timed


def repeated(run: Callable[[], object], times: int) -> Callable[[], None]:
    """Return a function that calls `run` this many times."""

    def many() -> None:
        for _ in range(times):
            run()

    return many


def captured(run: Callable[[], object], device: str, dtype: str) -> Callable[[], None]:
    """Return a function that replays `run` as one CUDA graph.

    The host launches the graph once instead of each kernel, so its time for single launches does
    not count. `device` must be a CUDA device; `dtype` is a name in `encoder.precision.DTYPES`.
    """
    set_tf32(dtype)
    with torch.inference_mode():
        replay, output = CudaCapture(torch.device(device))(run)
    return partial(_replay, replay, (run, output))


def _replay(replay: Callable[[], None], tensors: object) -> None:
    """Replay a graph.

    tensors  not used; as an argument of the partial object, the graph's tensors are not freed
    """
    replay()
