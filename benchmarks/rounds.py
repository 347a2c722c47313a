"""Contenders timed in turn, round after round, so that what else the machine does falls on all alike."""

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
FEWEST_ROUNDS = 3


@dataclass(frozen=True)
class Rounds:
    """How often all are called: `most` times, and no more once `seconds` are over."""

    most: int
    seconds: float
    cpu_time: bool  # of this process, instead of the wall clock's

    def medians(self, contenders: Mapping[str, Contender]) -> tuple[dict[str, float], int]:
        """Seconds of each, called once untimed and then in turn, and how many rounds there were."""
        clock = time.process_time if self.cpu_time else time.perf_counter
        took: dict[str, list[float]] = {name: [] for name in contenders}
        for run in contenders.values():
            run()
        began, rounds = time.monotonic(), 0
        while rounds < self.most and (
            rounds < FEWEST_ROUNDS or time.monotonic() - began < self.seconds
        ):
            for name, run in contenders.items():
                before = clock()
                run()
                took[name].append(clock() - before)
            rounds += 1
        return {name: float(np.median(values)) for name, values in took.items()}, rounds


def until_done(run: Callable[[], object], device: str, dtype: str) -> Contender:
    """`run` with this dtype's products and without gradients, until the device is done with it."""

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
    def many() -> None:
        for _ in range(times):
            run()

    return many


def captured(run: Callable[[], object], device: str, dtype: str) -> Callable[[], None]:
    """`run` as one launch on a CUDA device: what the host takes for its launches is not in it."""
    set_tf32(dtype)
    with torch.inference_mode():
        replay, output = CudaCapture(torch.device(device))(run)
    return partial(_replayed, replay, (run, output))


def _replayed(replay: Callable[[], None], held: object) -> None:
    """`held` is what the graph reads from and writes to: its memory is nobody else's for as long as this may be called."""
    replay()
