"""The encoder's benchmark: what it needs, times and counts, and its baseline's outputs."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks import encoder_parts
from benchmarks.encoder import (
    CUDA_COLUMNS,
    ECG_FM,
    REPLAYS,
    STREAM,
    Bench,
    Figures,
    Options,
    noise,
    output_difference,
    randomize_weights,
    segment_flop,
)
from benchmarks.encoder_parts import Parts
from benchmarks.plain_encoder import PlainEncoder
from benchmarks.rounds import Contender, Rounds
from encoder.config import ConvLayer, EcgFmConfig
from encoder.cuda import CudaForward
from encoder.ecg_fm import EcgFm
from encoder.runner import EncoderRunner
from tests.encoder.without_device import FakeCapture, replace_cuda

SMALL = EcgFmConfig((ConvLayer(8, 2, 2),) * 4, 16, 24, 2, 2, 8, 4, labels=3)
RUN_WITHOUT_OTHER_PACKAGES = """
import sys
names = "safetensors scipy litserve fastapi pydantic threadpoolctl neurokit2"
for name in names.split():
    sys.modules[name] = None
from benchmarks.encoder import main
from encoder.config import ConvLayer, EcgFmConfig
main(sys.argv[1:], EcgFmConfig((ConvLayer(8, 2, 2),) * 4, 16, 24, 2, 2, 8, 4, labels=3))
"""


def test_the_benchmark_needs_only_pytorch_and_numpy() -> None:
    arguments = [
        "--device",
        "cpu",
        "--threads",
        "1",
        "--batches",
        "1",
        "3",
        "--dtypes",
        "bfloat16",
        "float32",
        "--rounds",
        "2",
    ]
    done = subprocess.run(
        [sys.executable, "-c", RUN_WITHOUT_OTHER_PACKAGES, *arguments],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    rows = [
        line.split("|")[1:-1]
        for line in done.stdout.splitlines()
        if line.startswith(("| 1 |", "| 3 |"))
    ]
    table = [row for row in rows if len(row) == 10]
    assert [(row[0].strip(), row[1].strip()) for row in table] == [
        (size, name) for size in "13" for name in ("plain float32", "bfloat16", "float32")
    ]
    assert all(float(row[2]) > 0 and row[9].strip() == "2" for row in table)
    assert all(
        "%" in row[5] and float(row[8]) > 0.99 for row in table if row[1].strip() != "plain float32"
    )
    assert {row[2].strip() for row in rows if len(row) == 4} >= {
        "position: conv1d",
        "position: banded product",
    }


def test_the_baseline_computes_what_the_encoder_computes() -> None:
    torch.manual_seed(7)
    encoder = randomize_weights(EcgFm(SMALL))
    plain = PlainEncoder(encoder).eval()
    segments = noise(4, 12)
    with torch.inference_mode():
        difference, cosine = output_difference(
            EncoderRunner(encoder), lambda: plain(torch.from_numpy(segments)), segments
        )
    assert difference < 1e-5 and cosine > 1 - 1e-5


def test_operations_of_the_published_size() -> None:
    assert segment_flop(ECG_FM) == pytest.approx(29.24e9, rel=1e-3)


def test_every_contender_is_called_in_every_round() -> None:
    calls: list[str] = []
    seconds, rounds = Rounds(3, 1e9, cpu_time=False).medians(
        {name: lambda name=name: calls.append(name) for name in "ab"}
    )
    assert rounds == 3 and seconds.keys() == {"a", "b"} and "".join(calls) == "abababab"


def test_device_time_and_stream_are_compared_with_the_ceiling() -> None:
    """Four segments of 1 GFLOP, ceiling 2 TFLOP/s: 1 TFLOP/s in a stream, 1.6 on the device."""
    row = Figures(
        batch=4, call_s=0.008, ceiling_flops=2e12, segment_flop=1e9, stream_s=0.004, device_s=0.0025
    ).row()
    assert row == {
        "segments": 4,
        "ms": "8.00",
        "segments/s": "500.00",
        "stream, segments/s": "1000.0",
        "TFLOP/s": "1.000",
        "of the ceiling, TFLOP/s": "50.0 % of 2.000",
        "device, ms": "2.500",
        "device, of the ceiling": "80.0 %",
    }
    assert (
        Figures(batch=4, call_s=0.008, ceiling_flops=2e12, segment_flop=1e9).row()[
            "of the ceiling, TFLOP/s"
        ]
        == "25.0 % of 2.000"
    )


@dataclass(frozen=True)
class OneSecondEach(Rounds):
    """Call each contender once, and report one second for each."""

    def medians(self, contenders: Mapping[str, Contender]) -> tuple[dict[str, float], int]:
        for run in contenders.values():
            run()
        return dict.fromkeys(contenders, 1.0), 1


def test_on_a_gpu_a_stream_and_the_device_alone_are_also_timed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    replace_cuda(monkeypatch)
    bench = Bench(
        randomize_weights(EcgFm(SMALL)),
        Options("cpu", (2,), ("float32",), OneSecondEach(1, 1.0, cpu_time=False)),
    )
    runner = bench.runners["float32"]
    runner.forward, runner.max_batch = (
        CudaForward(EcgFm(SMALL), torch.device("cpu"), torch.float32, 16),
        16,
    )
    runner.run(noise(2, 12))
    calls = FakeCapture.captures[0].replays
    plain, ours = bench.rows(2)
    assert not set(CUDA_COLUMNS) & plain.keys() and set(CUDA_COLUMNS) < ours.keys()
    assert (
        FakeCapture.captures[0].sizes == [2]
        and FakeCapture.captures[0].replays - calls == 1 + STREAM + REPLAYS
    )
    assert (
        bench.figures["float32", 2].stream_s == 1 / STREAM
        and bench.figures["float32", 2].device_s == 1 / REPLAYS
    )
    assert runner.max_batch == 16


def test_the_goal_is_one_recording_through_both_encoders() -> None:
    bench = Bench(
        randomize_weights(EcgFm(SMALL)),
        Options("cpu", (1, 2), ("float32",), Rounds(1, 1e9, cpu_time=False)),
    )
    for batch, device_s in ((1, 0.001), (2, 0.00125)):
        bench.figures["float32", batch] = Figures(batch, 0.01, 1e12, 1e9, device_s=device_s)
    assert bench.goals() == [
        {
            "one 10 s recording, both encoders": "float32",
            "device, ms": "2.50",
            "goal, ms": "at most 2.5",
        }
    ]


def test_operations_are_counted_for_each_call_of_a_product(monkeypatch: pytest.MonkeyPatch) -> None:
    once = Parts(EcgFm(SMALL), 20, "cpu").operations(3)
    assert once["fc1"] == 2 * 3 * 20 * 16 * 24
    monkeypatch.setitem(encoder_parts.REPEATS, "cpu", 5)
    called: list[torch.Tensor] = []
    linear = torch.nn.functional.linear
    monkeypatch.setattr(
        torch.nn.functional, "linear", lambda x, *others: called.append(x) or linear(x, *others)
    )
    parts = Parts(EcgFm(SMALL), 20, "cpu")
    parts.products("float32", 3)["fc1"]()
    assert (
        parts.operations(3)["fc1"] == 5 * once["fc1"]
        and [tuple(x.shape) for x in called] == [(60, 16)] * 5
    )


def test_both_forms_of_gelu_agree() -> None:
    """On a GPU the tanh form errs by 4.7e-4; on a CPU PyTorch uses the exact form twice."""
    exact, fused = (
        form() for form in Parts(EcgFm(SMALL), 20, "cpu").gelu_forms("float32", 2).values()
    )
    torch.testing.assert_close(fused, exact, atol=1e-3, rtol=0)


def test_noise_is_standardised_by_lead() -> None:
    signal = noise(2, 12)
    np.testing.assert_allclose(signal.mean(axis=2), 0, atol=1e-5)
    np.testing.assert_allclose(signal.std(axis=2), 1, atol=1e-5)
