"""How fast the encoder is, against a plain one and against what the machine can multiply, and how near to float32 it stays.

    python -m benchmarks.encoder [--device cpu] [--threads 2] [--batches 2 16] [--dtypes bfloat16 float32]

Needs PyTorch and NumPy alone. Random weights of ECG-FM's size, the same for all; a segment is 12 leads x 2500 samples. Everything
of one batch size is timed in turn, round after round, and medians are compared, so that what else the machine does falls on all
alike. The ceiling is the fastest of the encoder's own matrix shapes through torch.nn.functional.linear in the same dtype and the
same rounds; the share counts every operation of the encoder, not its products alone. Ours is timed as the server calls it, NumPy in
and NumPy out; on a GPU `stream` is many batches one after the other, which is where copies are hidden.
"""

from __future__ import annotations

import argparse
import copy
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - PyTorch's own name for it
from numpy.typing import NDArray
from torch import Tensor, nn

from benchmarks.machine import machine
from benchmarks.plain_encoder import PlainEncoder
from encoder.banded import BandedPosition
from encoder.config import ConvLayer, EcgFmConfig
from encoder.devices import keep_freed_memory
from encoder.ecg_fm import EcgFm
from encoder.packed import PackedPosition, can_pack
from encoder.precision import DTYPES, set_cuda_products
from encoder.runner import EncoderRunner

Array = NDArray[np.float32]
ECG_FM = EcgFmConfig((ConvLayer(256, 2, 2),) * 4, 768, 3072, 12, 12, 128, 16, labels=17)  # as published
SAMPLES = 2500
BATCHES = {"cpu": (1, 2, 16), "cuda": (1, 2, 4, 8, 16, 32, 64, 128, 256)}
KINDS = {"cpu": ("bfloat16", "float32"), "cuda": ("bfloat16", "float16", "tf32", "float32")}
COMPARED = 16  # segments whose answers are compared
STREAM = 8  # batches
PLAIN = "plain float32"
FEWEST_ROUNDS = 3
HEADER = (
    "\n| segments | encoder | ms | segments/s | stream, segments/s | TFLOP/s | of the ceiling, TFLOP/s | times plain "
    "| max probability difference | min cosine | rounds |\n|---|---|---|---|---|---|---|---|---|---|---|"
)
T = TypeVar("T")


@dataclass(frozen=True)
class Options:
    """What the command line asks for."""

    device: str
    batches: tuple[int, ...]
    dtypes: tuple[str, ...]
    rounds: int
    seconds_per_size: float
    cpu_time: bool


def main(arguments: list[str] | None = None, config: EcgFmConfig = ECG_FM) -> None:
    options = _options(arguments)
    keep_freed_memory()
    torch.manual_seed(0)
    print(f"{machine('torch', 'numpy')}; {_device(options)}")
    print(f"{flop(config) / 1e9:.2f} GFLOP a segment of {config.in_leads} x {SAMPLES}", flush=True)
    bench = Bench(well_spread(EcgFm(config)), options)
    print(HEADER, flush=True)
    for batch in options.batches:
        print("\n".join(bench.rows(batch)), flush=True)
    print("\n| segments | dtype | positional convolution | ms |\n|---|---|---|---|")
    print("\n".join(bench.positions(max(options.batches))))


def well_spread(encoder: EcgFm) -> EcgFm:
    """Random weights whose outputs neither vanish nor saturate, so that a difference between dtypes can be seen."""
    for name, weight in encoder.named_parameters():
        fan_in = weight[0].numel() if weight.ndim > 1 else 0
        with torch.no_grad():
            weight.copy_(torch.randn(weight.shape) * (fan_in**-0.5 if fan_in else 0.1) + ("norm.weight" in name))
    return encoder.requires_grad_(False).eval()


def flop(config: EcgFmConfig, samples: int = SAMPLES) -> float:
    """Floating-point operations of one segment's products, 2 for each multiplication that is added."""
    tokens, width = config.tokens(samples), config.width
    linear = config.depth * (4 * width**2 + 2 * width * config.ffn_width) + config.conv_width * width
    position = width * width // config.conv_pos_groups * config.conv_pos_kernel
    total = tokens * (linear + position + config.depth * 2 * tokens * width)
    before, length = config.in_leads, samples
    for layer in config.conv_layers:
        length = (length - layer.kernel) // layer.stride + 1
        total += length * before * layer.kernel * layer.width
        before = layer.width
    return 2.0 * total


def difference(runner: EncoderRunner, plain: Callable[[], tuple[Tensor, Tensor]], segments: Array) -> tuple[float, float]:
    """Largest difference of a probability, smallest cosine of an embedding, over these segments."""
    pooled, logits = (part.cpu() for part in plain())
    found = runner.run(segments)
    assert found.logits is not None, "the benchmark's encoder has a classifier"
    apart = (torch.from_numpy(found.logits).sigmoid() - logits.sigmoid()).abs().max()
    return float(apart), float(F.cosine_similarity(torch.from_numpy(found.pooled), pooled).min())


def noise(count: int, leads: int) -> Array:
    """(count, leads, samples), standardised by lead: slow enough to be something like a signal."""
    white = np.random.default_rng(1).normal(size=(count, leads, SAMPLES))
    smooth = np.apply_along_axis(np.convolve, 2, white, np.hanning(25), "same")
    return np.asarray((smooth - smooth.mean(2, keepdims=True)) / smooth.std(2, keepdims=True), np.float32)


def medians(contenders: dict[str, Callable[[], object]], options: Options) -> tuple[dict[str, float], int]:
    """Seconds of each, called in turn round after round, and how many rounds there were."""
    clock = time.process_time if options.cpu_time else time.perf_counter
    took: dict[str, list[float]] = {name: [] for name in contenders}
    for run in contenders.values():
        run()
    began, rounds = time.monotonic(), 0
    while rounds < options.rounds and (rounds < FEWEST_ROUNDS or time.monotonic() - began < options.seconds_per_size):
        for name, run in contenders.items():
            before = clock()
            run()
            took[name].append(clock() - before)
        rounds += 1
    return {name: float(np.median(values)) for name, values in took.items()}, rounds


class Bench:
    """The encoders on their device, and the table's rows by batch size."""

    def __init__(self, weights: EcgFm, options: Options) -> None:
        self.options, self.config, self._weights = options, weights.config, weights
        plain = PlainEncoder(copy.deepcopy(weights)).requires_grad_(False).eval().to(options.device)
        self._plain = plain
        self.ours = {dtype: self._runner(dtype) for dtype in options.dtypes}
        segments = noise(COMPARED, self.config.in_leads)
        self._errors = {dtype: difference(runner, self._plain_on(segments), segments) for dtype, runner in self.ours.items()}

    def rows(self, batch: int) -> list[str]:
        """The plain encoder's row, then ours."""
        segments = noise(batch, self.config.in_leads)
        contenders: dict[str, Callable[[], object]] = {PLAIN: self._plain_on(segments)}
        for dtype, runner in self.ours.items():
            contenders[dtype] = self._timed(dtype, partial(runner.run, segments))
            contenders |= {f"{dtype} {shape}": run for shape, run in self._products(dtype, batch).items()}
            if self.options.device != "cpu":
                contenders[f"{dtype} stream"] = self._timed(dtype, partial(self._stream, runner, batch, np.tile(segments, (STREAM, 1, 1))))
        took, rounds = medians(contenders, self.options)
        each = took[PLAIN]
        plain = f"| {batch} | {PLAIN} | {each * 1e3:.2f} | {batch / each:.2f} | | {self._tera(batch / each):.3f} | | 1 | | | {rounds} |"
        return [plain, *(self._row(dtype, batch, took, rounds) for dtype in self.ours)]

    def positions(self, batch: int) -> list[str]:
        """The positional convolution alone, in each form that this device has."""
        rows = []
        for dtype in self.ours:
            conv = copy.deepcopy(self._weights.position).to(self.options.device, DTYPES[dtype])
            forms: dict[str, nn.Module] = {"conv1d": conv, "banded product": BandedPosition(conv)}
            if self.options.device == "cpu" and can_pack(DTYPES[dtype]):
                forms["packed for oneDNN"] = PackedPosition(conv)
            x = self._random(dtype, batch, self.config.tokens(SAMPLES), self.config.width)
            took, _ = medians({name: self._timed(dtype, partial(form, x)) for name, form in forms.items()}, self.options)
            rows += [f"| {batch} | {dtype} | {name} | {seconds * 1e3:.2f} |" for name, seconds in took.items()]
        return rows

    def _row(self, dtype: str, batch: int, took: dict[str, float], rounds: int) -> str:
        stream = took.get(f"{dtype} stream")
        rate = batch / took[dtype] if stream is None else STREAM * batch / stream
        tokens = batch * self.config.tokens(SAMPLES)
        best = max(2 * tokens * before * after / took[f"{dtype} {name}"] for name, (before, after) in self._shapes().items()) / 1e12
        apart, cosine = self._errors[dtype]
        return (
            f"| {batch} | {dtype} | {took[dtype] * 1e3:.2f} | {batch / took[dtype]:.2f} | {'' if stream is None else f'{rate:.1f}'} "
            f"| {self._tera(rate):.3f} | {100 * self._tera(rate) / best:.1f} % of {best:.3f} | {rate * took[PLAIN] / batch:.2f} "
            f"| {apart:.5f} | {cosine:.6f} | {rounds} |"
        )

    def _tera(self, segments_per_second: float) -> float:
        return segments_per_second * flop(self.config) / 1e12

    def _runner(self, dtype: str) -> EncoderRunner:
        began = time.perf_counter()
        weights = copy.deepcopy(self._weights)
        runner = EncoderRunner(weights, device=self.options.device, dtype=dtype, max_batch=max(*self.options.batches, COMPARED))
        runner.warm_up(SAMPLES)
        print(f"{dtype}: {runner.path}; ready after {time.perf_counter() - began:.1f} s", flush=True)
        return runner

    def _plain_on(self, segments: Array) -> Callable[[], Any]:
        there = torch.from_numpy(segments).to(self.options.device)
        return self._timed("float32", lambda: self._plain(there))

    def _shapes(self) -> dict[str, tuple[int, int]]:
        """(in, out) of the encoder's large products."""
        width, ffn = self.config.width, self.config.ffn_width
        return {"qkv": (width, 3 * width), "out": (width, width), "fc1": (width, ffn), "fc2": (ffn, width)}

    def _products(self, dtype: str, batch: int) -> dict[str, Callable[[], object]]:
        """Those products as F.linear does them."""
        tokens = batch * self.config.tokens(SAMPLES)
        return {
            name: self._timed(
                dtype,
                partial(F.linear, self._random(dtype, tokens, before), self._random(dtype, after, before), self._random(dtype, after)),
            )
            for name, (before, after) in self._shapes().items()
        }

    def _random(self, dtype: str, *shape: int) -> Tensor:
        return torch.randn(*shape, device=self.options.device, dtype=DTYPES[dtype])

    def _timed(self, dtype: str, run: Callable[[], T]) -> Callable[[], T]:
        """`run` in this dtype's products, without gradients, until the device is done with it."""

        def timed() -> T:
            if self.options.device != "cpu":
                set_cuda_products(dtype)
            with torch.inference_mode():
                result = run()
            if self.options.device != "cpu":
                torch.cuda.synchronize()
            return result

        return timed

    def _stream(self, runner: EncoderRunner, batch: int, segments: Array) -> None:
        """Many batches of one size, as a server under load has them."""
        most, runner.max_batch = runner.max_batch, batch
        runner.run(segments)
        runner.max_batch = most


def _options(arguments: list[str] | None) -> Options:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--threads", type=int, help="of PyTorch on the CPU")
    parser.add_argument("--batches", type=int, nargs="+", help="segments at once; default: 1 2 16 on the CPU, 1 to 256 on a GPU")
    parser.add_argument("--dtypes", nargs="+", choices=tuple(DTYPES), help="default: all that the device has use for")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--seconds-per-size", type=float, default=100.0, help="no new round of a size after that")
    parser.add_argument("--cpu-time", action="store_true", help="of this process; for a machine that has other work, with --threads 1")
    asked = parser.parse_args(arguments)
    if asked.threads:
        torch.set_num_threads(asked.threads)
    return Options(
        asked.device,
        tuple(asked.batches or BATCHES[asked.device]),
        tuple(asked.dtypes or KINDS[asked.device]),
        asked.rounds,
        asked.seconds_per_size,
        asked.cpu_time,
    )


def _device(options: Options) -> str:
    clock = "CPU time" if options.cpu_time else "wall-clock time"
    if options.device == "cpu":
        return f"CPU, {torch.get_num_threads()} threads; medians of {clock}"
    return f"{torch.cuda.get_device_name()}, CUDA {torch.version.cuda}; medians of {clock}"


if __name__ == "__main__":
    main()
