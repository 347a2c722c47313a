"""Time several contenders in turn, round after round, so that other load affects all equally."""

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
    """How often all contenders are called.

    limit     number of rounds at most
    seconds   no round starts after this time, except the first MIN_ROUNDS
    cpu_time  whether to measure the CPU time of this process instead of the wall clock's
    """

    limit: int
    seconds: float
    cpu_time: bool

    def medians(self, contenders: Mapping[str, Contender]) -> tuple[dict[str, float], int]:
        """Return each contender's median seconds, and the number of rounds.

        Each is called once before the rounds, untimed.
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
    """Return a function that calls `run` and waits for the device.

    It runs without gradients, and with TF32 if that is the dtype.
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
    """Return `run` as one launch on a CUDA device, without the host's time for single launches."""
    set_tf32(dtype)
    with torch.inference_mode():
        replay, output = CudaCapture(torch.device(device))(run)
    return partial(_replay, replay, (run, output))


def _replay(replay: Callable[[], None], tensors: object) -> None:
    """Replay a graph. The partial object keeps the graph's tensors, so that their memory stays."""
    replay()
