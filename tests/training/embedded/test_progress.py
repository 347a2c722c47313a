"""A training that was stopped goes on after its last epoch and ends with the same weights."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from encoder.compact import Compact
from encoder.config import CompactConfig, ConvLayer
from training.embedded.data import Examples
from training.embedded.fit import BATCH, train
from training.embedded.progress import spent_cpu_s

LABELS = 6
HELPING = 2
CONFIG = CompactConfig(ConvLayer(8, 3, 2), (ConvLayer(8, 3, 2),), 4, 1, 8, LABELS)
ROWS = np.arange(2 * BATCH)
EPOCHS = 4


@dataclass(frozen=True)
class _Recordings:
    """What a training reads of the examples."""

    signals: NDArray[np.float16]
    usual: NDArray[np.float32]
    truth: NDArray[np.float32]
    helping: NDArray[np.float32]


class _Stop(Exception):
    pass


@pytest.fixture
def recordings() -> Examples:
    torch.set_num_threads(1)
    rng = np.random.default_rng(0)
    count = len(ROWS)
    return cast(
        Examples,
        _Recordings(
            rng.normal(size=(count, 12, 600)).astype(np.float16),
            np.ones(count, np.float32),
            (rng.random((count, LABELS)) < 0.3).astype(np.float32),
            (rng.random((count, HELPING)) < 0.3).astype(np.float32),
        ),
    )


def _trained(
    recordings: Examples, progress: Path, *, stop_after: int | None = None, seed: int = 5
) -> tuple[Compact, list[str]]:
    """Train for EPOCHS, or be stopped while the epoch after `stop_after` is reported."""
    lines: list[str] = []

    def report(line: str) -> None:
        lines.append(line)
        if stop_after is not None and len(lines) > stop_after:
            raise _Stop

    net = train(recordings, ROWS, CONFIG, EPOCHS, seed, report, progress)
    return net, lines


@pytest.mark.parametrize("stop_after", range(1, EPOCHS))
def test_it_ends_with_the_same_weights(
    recordings: Examples, tmp_path: Path, stop_after: int
) -> None:
    straight, every_line = _trained(recordings, tmp_path / "straight")
    with pytest.raises(_Stop):
        _trained(recordings, tmp_path / "stopped", stop_after=stop_after)
    torch.manual_seed(99)  # as another process would be
    resumed, lines = _trained(recordings, tmp_path / "stopped")
    for name, value in straight.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[name]), name
    assert [line.split(",")[0] for line in lines] == [
        line.split(",")[0] for line in every_line[stop_after:]
    ]


def test_a_complete_training_is_not_done_again(recordings: Examples, tmp_path: Path) -> None:
    first, _ = _trained(recordings, tmp_path / "progress")
    again, lines = _trained(recordings, tmp_path / "progress")
    assert lines == []
    assert torch.equal(first.classifier.weight, again.classifier.weight)
    assert spent_cpu_s(tmp_path / "progress") > 0 == spent_cpu_s(tmp_path / "none")


def test_it_goes_on_with_no_other_training(recordings: Examples, tmp_path: Path) -> None:
    with pytest.raises(_Stop):
        _trained(recordings, tmp_path / "progress", stop_after=1)
    with pytest.raises(ValueError, match="name another folder"):
        _trained(recordings, tmp_path / "progress", seed=6)
    with pytest.raises(ValueError, match="name another folder"):
        train(recordings, ROWS, CONFIG, EPOCHS + 1, 5, print, tmp_path / "progress")
    with pytest.raises(ValueError, match="name another folder"):
        train(recordings, ROWS[:-1], CONFIG, EPOCHS, 5, print, tmp_path / "progress")
