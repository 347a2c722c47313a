"""The encoder's benchmark runs on PyTorch and NumPy alone, and its baseline computes what it is a baseline for."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.encoder import ECG_FM, Options, difference, flop, medians, noise, well_spread
from benchmarks.plain_encoder import PlainEncoder
from encoder.config import ConvLayer, EcgFmConfig
from encoder.ecg_fm import EcgFm
from encoder.runner import EncoderRunner

SMALL = EcgFmConfig((ConvLayer(8, 2, 2),) * 4, 16, 24, 2, 2, 8, 4, labels=3)
BARE = """
import sys
for name in ("safetensors", "scipy", "litserve", "fastapi", "pydantic", "threadpoolctl", "neurokit2"):
    sys.modules[name] = None
from benchmarks.encoder import main
from encoder.config import ConvLayer, EcgFmConfig
main(sys.argv[1:], EcgFmConfig((ConvLayer(8, 2, 2),) * 4, 16, 24, 2, 2, 8, 4, labels=3))
"""


def test_it_runs_where_nothing_else_is_installed() -> None:
    arguments = ["--device", "cpu", "--threads", "1", "--batches", "1", "3", "--dtypes", "bfloat16", "float32", "--rounds", "2"]
    done = subprocess.run(
        [sys.executable, "-c", BARE, *arguments], cwd=Path(__file__).parents[2], capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == 0, done.stderr
    rows = [line.split("|")[1:-1] for line in done.stdout.splitlines() if line.startswith(("| 1 |", "| 3 |"))]
    table = [row for row in rows if len(row) == 11]
    assert [(row[0].strip(), row[1].strip()) for row in table] == [
        (size, name) for size in "13" for name in ("plain float32", "bfloat16", "float32")
    ]
    assert all(float(row[2]) > 0 and row[10].strip() == "2" for row in table)
    assert all("%" in row[6] and float(row[9]) > 0.99 for row in table if row[1].strip() != "plain float32")
    assert {row[2].strip() for row in rows if len(row) == 4} >= {"conv1d", "banded product"}


def test_the_baseline_computes_what_the_encoder_computes() -> None:
    torch.manual_seed(7)
    encoder = well_spread(EcgFm(SMALL))
    plain = PlainEncoder(encoder).eval()
    segments = noise(4, 12)
    with torch.inference_mode():
        apart, cosine = difference(EncoderRunner(encoder), lambda: plain(torch.from_numpy(segments)), segments)
    assert apart < 1e-5 and cosine > 1 - 1e-5


def test_operations_of_the_published_size() -> None:
    assert flop(ECG_FM) == pytest.approx(29.24e9, rel=1e-3)


def test_every_contender_is_called_in_every_round() -> None:
    calls: list[str] = []
    took, rounds = medians({name: lambda name=name: calls.append(name) for name in "ab"}, Options("cpu", (1,), (), 3, 1e9, False))
    assert rounds == 3 and took.keys() == {"a", "b"} and "".join(calls) == "abababab"


def test_noise_is_standardised_by_lead() -> None:
    signal = noise(2, 12)
    np.testing.assert_allclose(signal.mean(axis=2), 0, atol=1e-5)
    np.testing.assert_allclose(signal.std(axis=2), 1, atol=1e-5)
