"""Replacements for what needs a CUDA device: a capture calls again, a copy does nothing."""

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


def stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let CudaForward run on the CPU, not compiled; Again.made lists the captures."""
    Again.made.clear()
    monkeypatch.setattr(cuda, "Staging", Stage)
    monkeypatch.setattr(cuda, "download", download)
    monkeypatch.setattr(cuda, "CudaCapture", lambda device: Again())
    monkeypatch.setattr(cuda, "why_not_compilable", lambda: "none is wanted here")


class Again:
    """A capture whose replay calls the function again and overwrites the first output."""

    made: list[Again] = []  # noqa: RUF012 - a test's own record

    def __init__(self) -> None:
        self.sizes: list[int] = []
        self.replays = 0
        Again.made.append(self)

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


class Stage:
    """Staging without a device: rows of an earlier batch stay after the new ones."""

    def __init__(self, rows: int, shape: tuple[int, ...], device: torch.device) -> None:
        self.shape = shape
        self._there = torch.zeros(rows, *shape)

    def upload(self, piece: np.ndarray, rows: int) -> Tensor:
        self._there[: len(piece)] = torch.from_numpy(np.array(piece))
        return self._there[:rows]


def download(output: EncoderOutput, tokens: bool) -> Callable[[], EncodedBatch]:
    """Copy the output at once, in the order of the device's stream."""
    batch = copy.deepcopy(_to_numpy(output, tokens))
    return lambda: batch
