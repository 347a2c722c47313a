"""How fast the encoder is, against a plain one and against what the machine can multiply, and how near to float32 it stays.

    python -m benchmarks.encoder [--device cpu] [--threads 2] [--batches 2 16] [--dtypes bfloat16 float32]

Needs PyTorch and NumPy alone. Random weights of ECG-FM's size, the same for all; a segment is 12 leads x 2500 samples. Everything
of one batch size is timed in turn, round after round, and medians are compared, so that what else the machine does falls on all
alike. The ceiling is the fastest of the encoder's own matrix shapes through torch.nn.functional.linear in the same dtype and the
same rounds; the share counts every operation of the encoder, not its products alone. Ours is timed as the server calls it, NumPy in
and NumPy out. On a GPU `stream` is many batches one after the other, which is where copies are hidden, and `device` the captured
forward alone, many times between two looks at the clock: the device's own time. The ceiling's products are captured there as well.
"""

from __future__ import annotations

import argparse
import copy
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - PyTorch's own name for it
from numpy.typing import NDArray
from torch import Tensor

from benchmarks.encoder_parts import Parts
from benchmarks.machine import machine
from benchmarks.plain_encoder import PlainEncoder
from benchmarks.rounds import Contender, Rounds, repeated, until_done
from encoder.config import ConvLayer, EcgFmConfig
from encoder.cuda import CudaForward
from encoder.devices import keep_freed_memory
from encoder.ecg_fm import EcgFm
from encoder.precision import DTYPES
from encoder.runner import EncoderRunner

Array = NDArray[np.float32]
ECG_FM = EcgFmConfig(
    (ConvLayer(256, 2, 2),) * 4, 768, 3072, 12, 12, 128, 16, labels=17
)  # as published
SAMPLES = 2500
BATCHES = {"cpu": (1, 2, 16), "cuda": (1, 2, 4, 8, 16, 32, 64, 128, 256)}
KINDS = {"cpu": ("bfloat16", "float32"), "cuda": ("bfloat16", "float16", "tf32", "float32")}
ROUNDS = 20
SECONDS_PER_SIZE = {
    "cpu": 100.0,
    "cuda": 25.0,
}  # of rounds; all sizes together then take less than ten minutes
COMPARED = 16  # segments whose answers are compared
STREAM = 8  # batches
REPLAYS = 20  # of a captured forward between two looks at the clock
RECORDING = 2  # segments of a 10 s recording
ENCODERS = 2  # that a recording is for
GOAL_MS = 2.5  # of the device's time, for one recording
GELU_BATCH, GELU_DTYPE = 64, "bfloat16"
PLAIN = "plain float32"
ON_CUDA = ("stream, segments/s", "device, ms", "device, of the ceiling")
COLUMNS = (
    "segments", "encoder", "ms", "segments/s", ON_CUDA[0], "TFLOP/s", "of the ceiling, TFLOP/s", *ON_CUDA[1:],
    "times plain", "max probability difference", "min cosine", "rounds",
)  # fmt: skip
Row = Mapping[str, object]


@dataclass(frozen=True)
class Options:
    """What the command line asks for."""

    device: str
    batches: tuple[int, ...]
    dtypes: tuple[str, ...]
    rounds: Rounds


def main(arguments: list[str] | None = None, config: EcgFmConfig = ECG_FM) -> None:
    options = _options(arguments)
    keep_freed_memory()
    torch.manual_seed(0)
    print(f"{machine('torch', 'numpy')}; {_device(options)}")
    print(f"{flop(config) / 1e9:.2f} GFLOP a segment of {config.in_leads} x {SAMPLES}", flush=True)
    bench = Bench(well_spread(EcgFm(config)), options)
    columns = [name for name in COLUMNS if options.device == "cuda" or name not in ON_CUDA]
    print_table(columns, (row for batch in options.batches for row in bench.rows(batch)))
    parts = [
        part for dtype in options.dtypes for part in bench.positions(dtype, max(options.batches))
    ]
    print_table(
        ["segments", "dtype", "part", "ms"],
        parts + bench.gelus() if options.device == "cuda" else parts,
    )
    if options.device == "cuda":
        print_table(["one 10 s recording, both encoders", "device, ms", "goal, ms"], bench.goals())


def print_table(columns: list[str], rows: Iterable[Row]) -> None:
    """Each row as soon as it is there, empty where it has nothing."""
    print(f"\n| {' | '.join(columns)} |\n|{'---|' * len(columns)}", flush=True)
    for row in rows:
        print(f"| {' | '.join(str(row.get(column, '')) for column in columns)} |", flush=True)


def well_spread(encoder: EcgFm) -> EcgFm:
    """Random weights whose outputs neither vanish nor saturate, so that a difference between dtypes can be seen."""
    for name, weight in encoder.named_parameters():
        fan_in = weight[0].numel() if weight.ndim > 1 else 0
        with torch.no_grad():
            weight.copy_(
                torch.randn(weight.shape) * (fan_in**-0.5 if fan_in else 0.1)
                + ("norm.weight" in name)
            )
    return encoder.requires_grad_(False).eval()


def flop(config: EcgFmConfig, samples: int = SAMPLES) -> float:
    """Floating-point operations of one segment's products, 2 for each multiplication that is added."""
    tokens, width = config.tokens(samples), config.width
    linear = (
        config.depth * (4 * width**2 + 2 * width * config.ffn_width) + config.conv_width * width
    )
    position = width * width // config.conv_pos_groups * config.conv_pos_kernel
    total = tokens * (linear + position + config.depth * 2 * tokens * width)
    before, length = config.in_leads, samples
    for layer in config.conv_layers:
        length = (length - layer.kernel) // layer.stride + 1
        total += length * before * layer.kernel * layer.width
        before = layer.width
    return 2.0 * total


def difference(
    runner: EncoderRunner, plain: Callable[[], tuple[Tensor, Tensor]], segments: Array
) -> tuple[float, float]:
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
    return np.asarray(
        (smooth - smooth.mean(2, keepdims=True)) / smooth.std(2, keepdims=True), np.float32
    )


@dataclass(frozen=True)
class Figures:
    """Seconds that an encoder took for a batch, called as the server does; on a GPU also in a stream, and of the device alone.

    ceiling: operations a second that the products of this batch reach at best. each: operations of a segment.
    """

    batch: int
    called: float
    ceiling: float
    each: float
    streamed: float | None = None
    on_device: float | None = None

    @property
    def rate(self) -> float:
        """Segments a second, of a stream where there is one."""
        return self.batch / (self.called if self.streamed is None else self.streamed)

    def row(self) -> dict[str, object]:
        speed = self.rate * self.each
        row: dict[str, object] = {
            "segments": self.batch,
            "ms": f"{self.called * 1e3:.2f}",
            "segments/s": f"{self.batch / self.called:.2f}",
            "TFLOP/s": f"{speed / 1e12:.3f}",
            "of the ceiling, TFLOP/s": f"{100 * speed / self.ceiling:.1f} % of {self.ceiling / 1e12:.3f}",
        }
        if self.streamed is not None:
            row["stream, segments/s"] = f"{self.rate:.1f}"
        if self.on_device is not None:
            row["device, ms"] = f"{self.on_device * 1e3:.3f}"
            row["device, of the ceiling"] = (
                f"{100 * self.batch * self.each / self.on_device / self.ceiling:.1f} %"
            )
        return row


class Bench:
    """The encoders on their device, and the tables' rows."""

    def __init__(self, weights: EcgFm, options: Options) -> None:
        self.options, self.config, self._weights = options, weights.config, weights
        self.parts = Parts(weights, weights.config.tokens(SAMPLES), options.device)
        plain = PlainEncoder(copy.deepcopy(weights)).requires_grad_(False).eval().to(options.device)
        self._plain = plain
        self.ours = {dtype: self._runner(dtype) for dtype in options.dtypes}
        segments = noise(COMPARED, self.config.in_leads)
        self._errors = {
            dtype: difference(runner, self._plain_on(segments), segments)
            for dtype, runner in self.ours.items()
        }
        self.figures: dict[tuple[str, int], Figures] = {}  # by dtype and batch

    def rows(self, batch: int) -> Iterator[Row]:
        """The plain encoder's row, then ours."""
        segments = noise(batch, self.config.in_leads)
        contenders: dict[str, Contender] = {PLAIN: self._plain_on(segments)}
        for dtype, runner in self.ours.items():
            found = self._calls(dtype, runner, segments) | self.parts.products(dtype, batch)
            contenders |= {f"{dtype} {name}": run for name, run in found.items()}
        took, rounds = self.options.rounds.medians(contenders)
        plain = batch / took[PLAIN]
        yield {
            "segments": batch, "encoder": PLAIN, "ms": f"{took[PLAIN] * 1e3:.2f}", "segments/s": f"{plain:.2f}",
            "TFLOP/s": f"{plain * flop(self.config) / 1e12:.3f}", "times plain": 1, "rounds": rounds,
        }  # fmt: skip
        for dtype in self.ours:
            own = {
                name.removeprefix(f"{dtype} "): seconds
                for name, seconds in took.items()
                if name.startswith(f"{dtype} ")
            }
            figures = self.figures[dtype, batch] = self._figures(batch, own)
            apart, cosine = self._errors[dtype]
            answers = {
                "max probability difference": f"{apart:.5f}",
                "min cosine": f"{cosine:.6f}",
                "rounds": rounds,
            }
            yield {
                "encoder": dtype,
                **figures.row(),
                "times plain": f"{figures.rate / plain:.2f}",
                **answers,
            }

    def positions(self, dtype: str, batch: int) -> list[Row]:
        """The positional convolution alone."""
        return self._part_rows(dtype, batch, self.parts.positions(dtype, batch))

    def gelus(self) -> list[Row]:
        """fc1 and its GELU alone."""
        return self._part_rows(GELU_DTYPE, GELU_BATCH, self.parts.gelus(GELU_DTYPE, GELU_BATCH))

    def goals(self) -> list[Row]:
        """What a recording takes of the device, where its size was among those asked for."""
        found = {
            dtype: self.figures[dtype, RECORDING].on_device
            for dtype in self.ours
            if (dtype, RECORDING) in self.figures
        }
        return [
            {
                "one 10 s recording, both encoders": dtype,
                "device, ms": f"{ENCODERS * seconds * 1e3:.2f}",
                "goal, ms": f"at most {GOAL_MS}",
            }
            for dtype, seconds in found.items()
            if seconds is not None
        ]

    def _figures(self, batch: int, took: dict[str, float]) -> Figures:
        """took: seconds of each call in `_calls` and of each product."""
        return Figures(
            batch,
            took["called"],
            ceiling=max(count / took[name] for name, count in self.parts.operations(batch).items()),
            each=flop(self.config),
            streamed=took["stream"] / STREAM if "stream" in took else None,
            on_device=took["device"] / REPLAYS if "device" in took else None,
        )

    def _part_rows(self, dtype: str, batch: int, contenders: dict[str, Contender]) -> list[Row]:
        took, _ = self.options.rounds.medians(contenders)
        return [
            {
                "segments": batch,
                "dtype": dtype,
                "part": name,
                "ms": f"{1e3 * seconds / self.parts.repeats:.3f}",
            }
            for name, seconds in took.items()
        ]

    def _runner(self, dtype: str) -> EncoderRunner:
        began = time.perf_counter()
        weights = copy.deepcopy(self._weights)
        runner = EncoderRunner(
            weights,
            device=self.options.device,
            dtype=dtype,
            max_batch=max(*self.options.batches, COMPARED),
        )
        runner.warm_up(SAMPLES)
        print(
            f"{dtype}: {runner.execution}; ready after {time.perf_counter() - began:.1f} s",
            flush=True,
        )
        return runner

    def _plain_on(self, segments: Array) -> Callable[[], Any]:
        there = torch.from_numpy(segments).to(self.options.device)
        return until_done(lambda: self._plain(there), self.options.device, "float32")

    def _calls(self, dtype: str, runner: EncoderRunner, segments: Array) -> dict[str, Contender]:
        """The ways in which an encoder is timed."""
        calls: dict[str, Callable[[], object]] = {"called": partial(runner.run, segments)}
        if isinstance(runner.forward, CudaForward):
            calls["stream"] = partial(
                _stream, runner, len(segments), np.tile(segments, (STREAM, 1, 1))
            )
            if (
                len(segments) <= runner.max_batch
            ):  # which a device with less memory has made smaller
                calls["device"] = repeated(runner.forward.replay(len(segments)), REPLAYS)
        return {name: until_done(call, self.options.device, dtype) for name, call in calls.items()}


def _stream(runner: EncoderRunner, batch: int, segments: Array) -> None:
    """Many batches of one size, as a server under load has them."""
    most, runner.max_batch = runner.max_batch, min(batch, runner.max_batch)
    runner.run(segments)
    runner.max_batch = most


def _options(arguments: list[str] | None) -> Options:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--device", choices=("cpu", "cuda"), default="cuda" if torch.cuda.is_available() else "cpu"
    )
    parser.add_argument("--threads", type=int, help="of PyTorch on the CPU")
    parser.add_argument(
        "--batches",
        type=int,
        nargs="+",
        help="segments at once; default: 1 2 16 on the CPU, 1 to 256 on a GPU",
    )
    parser.add_argument(
        "--dtypes",
        nargs="+",
        choices=tuple(DTYPES),
        help="default: all that the device has use for",
    )
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument(
        "--seconds-per-size",
        type=float,
        help="no new round of a size after that; default: 100 on the CPU, 25 on a GPU",
    )
    parser.add_argument(
        "--cpu-time",
        action="store_true",
        help="of this process; for a machine that has other work, with --threads 1",
    )
    asked = parser.parse_args(arguments)
    if asked.threads:
        torch.set_num_threads(asked.threads)
    return Options(
        asked.device,
        tuple(asked.batches or BATCHES[asked.device]),
        tuple(asked.dtypes or KINDS[asked.device]),
        Rounds(
            asked.rounds, asked.seconds_per_size or SECONDS_PER_SIZE[asked.device], asked.cpu_time
        ),
    )


def _device(options: Options) -> str:
    clock = "CPU time" if options.rounds.cpu_time else "wall-clock time"
    if options.device == "cpu":
        return f"CPU, {torch.get_num_threads()} threads; medians of {clock}"
    return f"{torch.cuda.get_device_name()}, CUDA {torch.version.cuda}; medians of {clock}"


if __name__ == "__main__":
    main()
