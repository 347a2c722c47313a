"""Replacements for the classes that need a CUDA device, so that CudaForward runs on the CPU."""

from __future__ import annotations

import copy
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from encoder import cuda
from encoder.ecg_fm import EncoderOutput
from encoder.output import EncodedBatch
from encoder.runner import _to_numpy


def replace_cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let CudaForward run on the CPU, not compiled; FakeCapture.captures lists the captures."""
    FakeCapture.captures.clear()
    monkeypatch.setattr(cuda, "Staging", FakeStaging)
    monkeypatch.setattr(cuda, "download", download)
    monkeypatch.setattr(cuda, "CudaCapture", lambda device: FakeCapture())
    monkeypatch.setattr(cuda, "why_not_compilable", lambda: "not wanted in this test")


class FakeCapture:
    """A capture whose replay calls the function again and overwrites the first output."""

    captures: list[FakeCapture] = []  # noqa: RUF012 - a test clears and reads it

    def __init__(self) -> None:
        self.sizes: list[int] = []
        self.replays = 0
        FakeCapture.captures.append(self)

    def __call__(
        self, function: Callable[[], EncoderOutput]
    ) -> tuple[Callable[[], None], EncoderOutput]:
        output = function()
        self.sizes.append(len(output.pooled))

        def replay() -> None:
            self.replays += 1
            again = function()
            for name in ("pooled", "logits", "tokens", "attention"):
                if getattr(output, name) is not None:
                    getattr(output, name).copy_(getattr(again, name))

        return replay, output


class FakeStaging:
    """Staging without a device: rows of an earlier batch stay after the new ones."""

    def __init__(self, rows: int, shape: tuple[int, ...], device: torch.device) -> None:
        self.shape = shape
        self._rows = torch.zeros(rows, *shape)

    def upload(self, piece: np.ndarray, rows: int) -> Tensor:
        self._rows[: len(piece)] = torch.from_numpy(np.array(piece))
        return self._rows[:rows]


def download(output: EncoderOutput, tokens: bool) -> Callable[[], EncodedBatch]:
    """Copy the output at once, in the order of the device's stream."""
    batch = copy.deepcopy(_to_numpy(output, tokens))
    return lambda: batch
