"""The CUDA way's logic without a CUDA device: rungs, filling, graphs that are kept, memory that runs out, a compiler that fails.

What only a device can do is stood in for: a capture that calls again, a copy that is none. What the encoder computes is real.
"""

from __future__ import annotations

import copy
import logging
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from encoder import cuda
from encoder.compiled import why_not
from encoder.config import ConvLayer, EcgFmConfig
from encoder.cuda import CudaForward
from encoder.ecg_fm import EcgFm, EncoderOutput
from encoder.graphs import Graphs
from encoder.output import EncodedBatch, Wanted
from encoder.runner import EncoderRunner, _to_numpy

CONFIG = EcgFmConfig((ConvLayer(8, 2, 2),) * 4, 16, 24, 2, 2, 8, 4, labels=3)
CPU = torch.device("cpu")


class Again:
    """A capture whose replay calls the function anew and writes where the first output stands, as a graph does."""

    made: list[Again] = []  # noqa: RUF012 - a test's own record

    def __init__(self) -> None:
        self.sizes: list[int] = []
        Again.made.append(self)

    def __call__(self, function: Callable[[], EncoderOutput]) -> tuple[Callable[[], None], EncoderOutput]:
        output = function()
        self.sizes.append(len(output.pooled))

        def replay() -> None:
            again = function()
            for name in ("pooled", "logits", "tokens", "attention"):
                if getattr(output, name) is not None:
                    getattr(output, name).copy_(getattr(again, name))

        return replay, output


class Stage:
    """Staging without a device."""

    def __init__(self, rows: int, shape: tuple[int, ...], device: torch.device) -> None:
        self.rows, self.shape = rows, shape

    def upload(self, piece: np.ndarray) -> Tensor:
        assert len(piece) <= self.rows
        return torch.from_numpy(np.array(piece))


def download(output: EncoderOutput, tokens: bool) -> Callable[[], EncodedBatch]:
    """What a graph wrote is read at once, as the device's stream would."""
    batch = copy.deepcopy(_to_numpy(output, tokens))
    return lambda: batch


@pytest.fixture
def encoder() -> EcgFm:
    torch.manual_seed(1)
    return EcgFm(CONFIG).requires_grad_(False).eval()


@pytest.fixture
def segments() -> np.ndarray:
    return np.random.default_rng(2).normal(size=(11, 12, 320)).astype(np.float32)


@pytest.fixture
def on_no_device(monkeypatch: pytest.MonkeyPatch) -> None:
    Again.made.clear()
    monkeypatch.setattr(cuda, "Staging", Stage)
    monkeypatch.setattr(cuda, "download", download)
    monkeypatch.setattr(cuda, "Graphs", lambda forward, blank: Graphs(forward, blank, Again))
    monkeypatch.setattr(cuda, "why_not", lambda: "none is wanted here")


@pytest.fixture
def runner(encoder: EcgFm, on_no_device: None) -> EncoderRunner:
    """An EncoderRunner that takes the CUDA way on the CPU, at most 8 segments at once."""
    runner = EncoderRunner(copy.deepcopy(encoder), max_batch=8)
    runner.module = copy.deepcopy(encoder)
    runner._forward = CudaForward(runner.module, CPU, torch.float32, 8)
    return runner


@pytest.mark.parametrize("wanted", [{}, {"attention": True}, {"final_tokens": True}, {"layers": (0, 2), "attention": True}])
def test_answers_are_the_plain_ones_whatever_the_rung(wanted: dict, runner: EncoderRunner, encoder: EcgFm, segments: np.ndarray) -> None:
    plain = EncoderRunner(copy.deepcopy(encoder))
    for size in (1, 2, 3, 8, 11):
        found, truth = runner.run(segments[:size], **wanted), plain.run(segments[:size], **wanted)
        for name in ("pooled", "logits", "tokens", "attention"):
            if getattr(truth, name) is None:
                assert getattr(found, name) is None
            else:
                np.testing.assert_allclose(getattr(found, name), getattr(truth, name), atol=1e-5)
        assert found.hidden.keys() == truth.hidden.keys()
        for layer, state in truth.hidden.items():
            np.testing.assert_allclose(found.hidden[layer], state, atol=1e-5)


def test_warm_up_captures_every_rung_once_the_highest_first_and_service_captures_nothing(
    runner: EncoderRunner, segments: np.ndarray
) -> None:
    runner.warm_up(samples=320)
    assert Again.made[0].sizes == [8, 8, 4, 4, 2, 2]
    for size in range(1, 12):
        runner.run(segments[:size])
        runner.run(segments[:size], attention=True)
        runner.run(segments[:size], layers=(1,))
    assert len(Again.made) == 1 and len(Again.made[0].sizes) == 6


def test_what_fills_a_rung_is_never_answered(runner: EncoderRunner, segments: np.ndarray) -> None:
    alone = runner.run(segments[:3]).pooled
    runner.run(np.full_like(segments[:4], np.nan))
    np.testing.assert_array_equal(runner.run(segments[:3]).pooled, alone)


def test_segments_of_another_length_start_anew(runner: EncoderRunner, encoder: EcgFm, segments: np.ndarray) -> None:
    runner.run(segments[:2])
    short = np.ascontiguousarray(segments[:2, :, :160])
    np.testing.assert_allclose(runner.run(short).pooled, EncoderRunner(encoder).run(short).pooled, atol=1e-5)
    assert len(Again.made) == 2


def test_out_of_memory_halves_the_ladder_and_lets_the_graphs_go(
    runner: EncoderRunner, encoder: EcgFm, segments: np.ndarray, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = EncoderRunner(copy.deepcopy(encoder)).run(segments).pooled
    forward = runner.module.forward

    def small(batch: Tensor, **options: object) -> EncoderOutput:
        if len(batch) > 4:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory")
        return forward(batch, **options)

    monkeypatch.setattr(runner.module, "forward", small)
    with caplog.at_level(logging.WARNING, "encoder.runner"):
        np.testing.assert_allclose(runner.run(segments).pooled, whole, atol=1e-5)
    assert runner.max_batch == 4 and runner._forward.rungs == (2, 4)
    assert [made.sizes for made in Again.made] == [[], [4]]
    assert "ran out of memory at 8 segments; from now on at most 4" in caplog.text


def test_a_compiler_that_fails_is_done_without_and_said(
    encoder: EcgFm, on_no_device: None, segments: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    stances: list[str] = []

    def broken(module: EcgFm) -> None:
        embed = module.embed

        def compiled(features: Tensor) -> Tensor:
            if stances[-1:] != ["force_eager"]:
                raise RuntimeError("no kernel image")
            return embed(features)

        module.embed = compiled  # type: ignore[method-assign]

    monkeypatch.setattr(cuda, "why_not", lambda: None)
    monkeypatch.setattr(cuda, "compile_parts", broken)
    monkeypatch.setattr(torch.compiler, "set_stance", stances.append)
    forward = CudaForward(encoder, CPU, torch.float32, 4)
    assert forward.path == "CUDA graphs, compiled"
    forward.warm_up(lambda size, attention: forward.submit(segments[:size], Wanted(attention=attention))())
    assert forward.path == "CUDA graphs, not compiled: compiling failed, RuntimeError"
    assert stances == ["default", "force_eager"]


def test_where_nothing_compiles_the_path_says_why(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("encoder.compiled.find_spec", lambda name: None)
    assert why_not() == "Triton is not installed"
    monkeypatch.setattr("encoder.compiled.find_spec", lambda name: object())
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CC", raising=False)
    assert why_not() == "no C compiler found (cc, gcc, clang)"
    monkeypatch.setenv("CC", "mycc")
    assert why_not() == "no C compiler found (CC=mycc)"
    (tmp_path / "mycc").write_text("#!/bin/sh\n")
    (tmp_path / "mycc").chmod(0o755)
    assert why_not() is None


def test_warm_up_ends_in_time(runner: EncoderRunner, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(cuda, "WARM_UP_SECONDS", -1.0)
    runner.warm_up(samples=320)
    assert Again.made[0].sizes == [8]
    assert caplog.text.count("warm-up ended") == 1


def test_late_captures_have_their_own_encoders_products(
    runner: EncoderRunner, segments: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another runner's dtype may have set the process's since."""
    captured: list[str] = []
    monkeypatch.setattr("encoder.runner.set_cuda_products", captured.append)
    runner.device, runner.dtype_name = torch.device("cuda"), "tf32"
    runner.run(segments[:2])
    runner.run(segments[:5], layers=(1,))
    assert captured == ["tf32", "tf32"]
