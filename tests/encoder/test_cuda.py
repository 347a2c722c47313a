"""CudaForward without a device: buckets, padding, cached graphs, out of memory, compile errors.

Only what needs a device is replaced: a capture calls the function again, and a copy does nothing.
The encoder really computes.
"""

from __future__ import annotations

import copy
import itertools
import logging
import math
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from subprocess import SubprocessError
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import Tensor

from encoder import cuda, graphs
from encoder.compiled import why_not_compilable
from encoder.config import ConvLayer, EcgFmConfig
from encoder.cuda import CudaForward
from encoder.ecg_fm import EcgFm, EncoderOutput
from encoder.graphs import WARM_UPS, CudaCapture
from encoder.output import Wanted
from encoder.runner import EncoderRunner
from tests.encoder.without_device import FakeCapture, replace_cuda

CONFIG = EcgFmConfig((ConvLayer(8, 2, 2),) * 4, 16, 24, 2, 2, 8, 4, labels=3)
CPU = torch.device("cpu")


class AtOnce:
    """Counts how many threads are in the block at once, and how often it is entered."""

    def __init__(self) -> None:
        self.within = self.most = self.times = 0

    @contextmanager
    def __call__(self) -> Iterator[None]:
        self.within += 1
        self.times += 1
        self.most = max(self.most, self.within)
        time.sleep(0.02)
        yield
        self.within -= 1


@pytest.fixture
def encoder() -> EcgFm:
    torch.manual_seed(1)
    return EcgFm(CONFIG).requires_grad_(False).eval()


@pytest.fixture
def segments() -> np.ndarray:
    return np.random.default_rng(2).normal(size=(11, 12, 320)).astype(np.float32)


@pytest.fixture
def without_cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    replace_cuda(monkeypatch)


@pytest.fixture
def runner(encoder: EcgFm, without_cuda: None) -> EncoderRunner:
    """An EncoderRunner that takes the CUDA way on the CPU, at most 8 segments at once."""
    runner = EncoderRunner(copy.deepcopy(encoder), max_batch=8)
    runner.module = copy.deepcopy(encoder)
    runner.forward = CudaForward(runner.module, CPU, torch.float32, 8)
    return runner


@pytest.mark.parametrize(
    "wanted",
    [{}, {"attention": True}, {"final_tokens": True}, {"layers": (0, 2), "attention": True}],
)
def test_answers_are_the_plain_ones_whatever_the_rung(
    wanted: dict, runner: EncoderRunner, encoder: EcgFm, segments: np.ndarray
) -> None:
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


def test_warm_up_captures_every_bucket_once_and_requests_capture_nothing(
    runner: EncoderRunner, segments: np.ndarray
) -> None:
    runner.warm_up(samples=320)
    assert FakeCapture.captures[0].sizes == [8, 8, 2, 2, 4, 4]
    for size in range(1, 12):
        runner.run(segments[:size])
        runner.run(segments[:size], attention=True)
        runner.run(segments[:size], layers=(1,))
    assert len(FakeCapture.captures) == 1 and len(FakeCapture.captures[0].sizes) == 6


def test_hidden_states_are_computed_for_whole_buckets(
    runner: EncoderRunner, segments: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    forward, asked = runner.module.forward, []

    def noted(batch: Tensor, **options: object) -> EncoderOutput:
        asked.append(len(batch))
        return forward(batch, **options)

    monkeypatch.setattr(runner.module, "forward", noted)
    answered = [len(runner.run(segments[:size], layers=(1,)).hidden[1]) for size in range(1, 9)]
    assert asked == [2, 2, 4, 4, 8, 8, 8, 8] and answered == list(range(1, 9))


def test_a_replay_computes_the_last_segments_again(
    runner: EncoderRunner, segments: np.ndarray
) -> None:
    runner.run(segments[:3])
    held = runner.forward._graphs.captured(4, attention=False)
    truth = held.output.pooled.clone()
    with torch.inference_mode():
        held.output.pooled.zero_()
        runner.forward.replay(3)()
    torch.testing.assert_close(held.output.pooled, truth)
    assert FakeCapture.captures[0].sizes == [4]


def test_rows_that_fill_a_bucket_do_not_affect_the_others(
    runner: EncoderRunner, segments: np.ndarray
) -> None:
    alone = runner.run(segments[:3]).pooled
    hidden = runner.run(segments[:3], layers=(1,)).hidden[1]
    runner.run(np.full_like(segments[:4], np.nan))
    np.testing.assert_array_equal(runner.run(segments[:3]).pooled, alone)
    np.testing.assert_array_equal(runner.run(segments[:3], layers=(1,)).hidden[1], hidden)


def test_segments_of_another_length_get_their_own_graphs(
    runner: EncoderRunner, encoder: EcgFm, segments: np.ndarray
) -> None:
    runner.run(segments[:2])
    short = np.ascontiguousarray(segments[:2, :, :160])
    np.testing.assert_allclose(
        runner.run(short).pooled, EncoderRunner(encoder).run(short).pooled, atol=1e-5
    )
    assert len(FakeCapture.captures) == 2


def test_out_of_memory_halves_the_buckets_and_releases_the_graphs(
    runner: EncoderRunner,
    encoder: EcgFm,
    segments: np.ndarray,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole = EncoderRunner(copy.deepcopy(encoder)).run(segments).pooled
    forward = runner.module.forward

    def small(batch: Tensor, **options: object) -> EncoderOutput:
        if len(batch) > 4:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory")
        return forward(batch, **options)

    monkeypatch.setattr(runner.module, "forward", small)
    with caplog.at_level(logging.WARNING, "ecg.encoder"):
        np.testing.assert_allclose(runner.run(segments).pooled, whole, atol=1e-5)
    assert runner.max_batch == 4 and runner.forward.buckets == (2, 4)
    assert [capture.sizes for capture in FakeCapture.captures] == [[], [4]]
    assert caplog.messages == [
        "cpu: out of memory with 8 segments; from now on at most 4 are run at once"
    ]


def compile_with(monkeypatch: pytest.MonkeyPatch, backend: Callable[..., object]) -> None:
    """Let CudaForward compile as on a CUDA device, but with this backend for torch.compile."""
    monkeypatch.setattr(cuda, "why_not_compilable", lambda: None)
    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend=backend))


@pytest.fixture
def reset_compiler() -> Iterator[None]:
    """Remove compiled code before and after the test, and restore torch.compile's stance."""
    torch.compiler.reset()
    yield
    torch.compiler.set_stance("default")
    torch.compiler.reset()


def test_three_parts_are_compiled_once_for_all_batches_and_encoders(
    without_cuda: None, reset_compiler: None, segments: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    symbols: list[int] = []

    def backend(graph: torch.fx.GraphModule, inputs: Sequence[object]) -> object:
        symbols.append(sum(isinstance(each, torch.SymInt) for each in inputs))
        return graph.forward

    compile_with(monkeypatch, backend)
    many = np.concatenate([segments, segments])[:20]
    for labels in (3, 0):
        encoder = EcgFm(replace(CONFIG, labels=labels)).requires_grad_(False).eval()
        plain = EncoderRunner(copy.deepcopy(encoder))
        runner = EncoderRunner(copy.deepcopy(encoder), max_batch=16)
        runner.forward = CudaForward(encoder, CPU, torch.float32, 16)
        runner.module = encoder
        runner.warm_up(samples=320)
        assert runner.execution == "CUDA graphs, compiled"
        for size in (1, 2, 5, 16, 20):
            found, truth = runner.run(many[:size], layers=(2,)), plain.run(many[:size], layers=(2,))
            np.testing.assert_allclose(found.hidden[2], truth.hidden[2], atol=1e-5)
            np.testing.assert_allclose(runner.run(many[:size]).pooled, truth.pooled, atol=1e-5)
    assert symbols == [1, 1, 1], (
        "only the batch's axis is dynamic: not time, and not the 16 channels, as many as a bucket"
    )


def test_after_warm_up_nothing_is_compiled(
    encoder: EcgFm,
    without_cuda: None,
    reset_compiler: None,
    segments: np.ndarray,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    graphs: list[torch.fx.GraphModule] = []
    compile_with(monkeypatch, lambda graph, inputs: graphs.append(graph) or graph.forward)
    truth = EncoderRunner(copy.deepcopy(encoder)).run(segments[:1, :, :160]).pooled
    runner = EncoderRunner(copy.deepcopy(encoder), max_batch=4)
    runner.forward = CudaForward(encoder, CPU, torch.float32, 4)
    runner.warm_up(samples=320)
    runner.forward.shrink(1)
    np.testing.assert_allclose(runner.run(segments[:1, :, :160]).pooled, truth, atol=1e-5)
    assert len(graphs) == 3


def test_a_single_segment_at_most_is_compiled_once(
    encoder: EcgFm,
    without_cuda: None,
    reset_compiler: None,
    segments: np.ndarray,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    graphs: list[torch.fx.GraphModule] = []
    compile_with(monkeypatch, lambda graph, inputs: graphs.append(graph) or graph.forward)
    truth = EncoderRunner(copy.deepcopy(encoder)).run(segments).pooled
    runner = EncoderRunner(copy.deepcopy(encoder), max_batch=1)
    runner.forward = CudaForward(encoder, CPU, torch.float32, 1)
    runner.warm_up(samples=320)
    np.testing.assert_allclose(runner.run(segments).pooled, truth, atol=1e-5)
    assert len(graphs) == 3


class LauncherNotBuilt(SubprocessError):
    """The error if Triton's C compiler does not find Python's headers; not a RuntimeError."""


def test_if_compiling_fails_the_module_runs_uncompiled(
    encoder: EcgFm,
    without_cuda: None,
    reset_compiler: None,
    segments: np.ndarray,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(graph: torch.fx.GraphModule, inputs: object) -> object:
        raise LauncherNotBuilt("no Python.h")

    compile_with(monkeypatch, broken)
    truth = EncoderRunner(copy.deepcopy(encoder)).run(segments[:4]).pooled
    forward = CudaForward(encoder, CPU, torch.float32, 4)
    assert forward.execution == "CUDA graphs, compiled"
    forward.warm_up(
        lambda size, attention: forward.submit(segments[:size], Wanted(attention=attention))(),
        math.inf,
    )
    assert forward.execution == "CUDA graphs, not compiled: compiling failed, BackendCompilerFailed"
    np.testing.assert_allclose(forward.submit(segments[:4], Wanted())().pooled, truth, atol=1e-5)


def test_if_the_first_launch_fails_the_module_runs_uncompiled(
    encoder: EcgFm,
    without_cuda: None,
    reset_compiler: None,
    segments: np.ndarray,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def launched(*inputs: object) -> object:
        raise LauncherNotBuilt("no Python.h")

    compile_with(monkeypatch, lambda graph, inputs: torch.compiler.disable(launched))
    forward = CudaForward(encoder, CPU, torch.float32, 4)
    forward.warm_up(
        lambda size, attention: forward.submit(segments[:size], Wanted(attention=attention))(),
        math.inf,
    )
    assert forward.execution == "CUDA graphs, not compiled: compiling failed, LauncherNotBuilt"
    assert FakeCapture.captures[0].sizes == [4, 4, 2, 2]


def test_an_error_of_the_encoder_is_not_taken_for_a_compile_error(
    encoder: EcgFm, without_cuda: None, segments: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wrong(*_: object, **__: object) -> EncoderOutput:
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    forward = CudaForward(encoder, CPU, torch.float32, 4)
    monkeypatch.setattr(encoder, "forward", wrong)
    with pytest.raises(RuntimeError, match="mat1 and mat2"):
        forward.warm_up(
            lambda size, attention: forward.submit(segments[:size], Wanted())(), math.inf
        )
    assert forward.execution == "CUDA graphs, not compiled: not wanted in this test"


def test_without_compiling_dynamo_is_not_imported(
    runner: EncoderRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stance(name: str) -> None:
        raise AssertionError("set_stance imports Dynamo, which takes seconds")

    monkeypatch.setattr(torch.compiler, "set_stance", stance)
    runner.warm_up(samples=320)


def test_the_reason_why_nothing_is_compiled(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("encoder.compiled.find_spec", lambda name: None)
    assert why_not_compilable() == "Triton is not installed"
    monkeypatch.setattr("encoder.compiled.find_spec", lambda name: object())
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CC", raising=False)
    assert why_not_compilable() == "no C compiler found (gcc, clang)"
    monkeypatch.setenv("CC", "mycc")
    assert why_not_compilable() == "no C compiler found (CC=mycc)"
    (tmp_path / "mycc").write_text("#!/bin/sh\n")
    (tmp_path / "mycc").chmod(0o755)
    assert why_not_compilable() is None


def test_past_the_deadline_only_the_largest_and_smallest_bucket_are_captured(
    runner: EncoderRunner, caplog: pytest.LogCaptureFixture
) -> None:
    runner.warm_up(samples=320, deadline=time.monotonic())
    assert FakeCapture.captures[0].sizes == [8, 8, 2, 2]
    assert caplog.messages == [
        "warm-up reached its deadline; batches of 4 to 4 segments are captured when first used"
    ]


def test_encoders_of_one_process_warm_up_and_capture_one_at_a_time(
    encoder: EcgFm, without_cuda: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in bulk, one thread per device: no two at once, nor a later capture during a warm-up."""
    compiling, computing = AtOnce(), AtOnce()
    forward = EcgFm.forward

    def slow(self: EcgFm, segments: Tensor, **options: object) -> EncoderOutput:
        with computing():
            return forward(self, segments, **options)

    monkeypatch.setattr(EcgFm, "forward", slow)
    monkeypatch.setattr(cuda, "why_not_compilable", lambda: None)
    monkeypatch.setattr(cuda, "compile_parts", lambda encoder: None)
    monkeypatch.setattr(cuda, "compile_allowed", compiling)
    monkeypatch.setattr(
        cuda, "CudaCapture", lambda device: lambda function: (lambda: None, function())
    )
    forwards = [CudaForward(copy.deepcopy(encoder), CPU, torch.float32, 4) for _ in range(3)]

    def warm_up(one: CudaForward) -> None:
        one.warm_up(
            lambda size, attention: one.submit(
                np.zeros((size, 12, 320), np.float32), Wanted(attention=attention)
            )(),
            math.inf,
        )

    with ThreadPoolExecutor(3) as pool:
        waiting = [pool.submit(warm_up, one) for one in forwards[:2]]
        waiting.append(
            pool.submit(forwards[2].submit, np.zeros((2, 12, 320), np.float32), Wanted())
        )
        for one in waiting:
            one.result()
    assert (compiling.most, compiling.times) == (1, 2)
    assert (computing.most, computing.times) == (1, 4 + 4 + 1)


def test_a_later_capture_uses_its_own_encoders_tf32_setting(
    runner: EncoderRunner, segments: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another runner may have changed the setting of the process."""
    captured: list[str] = []
    monkeypatch.setattr("encoder.runner.set_tf32", captured.append)
    runner.device, runner.dtype_name = torch.device("cuda"), "tf32"
    runner.run(segments[:2])
    runner.run(segments[:5], layers=(1,))
    assert captured == ["tf32", "tf32"]


# The capture itself


class Noted:
    """Replaces torch.cuda's functions for captures, and records the stream of each call."""

    def __init__(self) -> None:
        self.current: object = None
        self.called_on: list[object] = []
        self.pools: list[object] = []

    def stream(self, device: torch.device) -> object:
        return SimpleNamespace(wait_stream=lambda other: None, device=device)

    @contextmanager
    def on(self, stream: object) -> Iterator[None]:
        before, self.current = self.current, stream
        yield
        self.current = before

    @contextmanager
    def graph(
        self, graph: object, *, pool: object, stream: object, capture_error_mode: str
    ) -> Iterator[None]:
        assert capture_error_mode == "thread_local"
        self.pools.append(pool)
        with self.on(stream):
            yield

    def call(self) -> None:
        self.called_on.append(self.current)


def test_each_device_has_its_own_capture_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    noted = Noted()
    for name, value in {
        "Stream": noted.stream,
        "stream": noted.on,
        "graph": noted.graph,
        "current_stream": noted.stream,
        "graph_pool_handle": itertools.count().__next__,
        "CUDAGraph": lambda: SimpleNamespace(replay=None),
    }.items():
        monkeypatch.setattr(torch.cuda, name, value)
    monkeypatch.setattr(graphs, "capture_stream", cache(graphs.capture_stream.__wrapped__))
    devices = [torch.device("cuda:0"), torch.device("cuda:1")]
    for device in devices:
        for _ in range(2):  # encoders
            CudaCapture(device)(noted.call)
    each = 2 * (WARM_UPS + 1)
    assert [stream.device for stream in noted.called_on] == [devices[0]] * each + [
        devices[1]
    ] * each
    assert len(set(map(id, noted.called_on))) == 2, (
        "one for the calls before the captures, the captures, and both encoders"
    )
    assert noted.pools == [0, 1, 2, 3]
