"""Measure the encoder's speed against a plain one and the machine's products, and its accuracy.

    python -m benchmarks.encoder [--device cpu] [--threads 2] [--batches 2 16] [--dtypes bfloat16
    float32]

It needs only PyTorch and NumPy. All encoders have the same random weights of ECG-FM's size; a
segment is 12 leads x 2500 samples. Everything of one batch size is timed in turn, round after
round, and medians are compared, so that other load affects all equally. The ceiling is the fastest
of the encoder's own matrix shapes with torch.nn.functional.linear, in the same dtype and the same
rounds; the share counts all operations of the encoder, not only its products. Our encoder is timed
as the server calls it, NumPy in and NumPy out. On a GPU, `stream` is many batches in sequence,
where copies overlap the computation, and `device` is the captured forward pass alone, called many
times between two readings of the clock: the device's own time. The ceiling's products are captured
there as well.
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
# The published sizes.
ECG_FM = EcgFmConfig((ConvLayer(256, 2, 2),) * 4, 768, 3072, 12, 12, 128, 16, labels=17)
SAMPLES = 2500
BATCHES = {"cpu": (1, 2, 16), "cuda": (1, 2, 4, 8, 16, 32, 64, 128, 256)}
DEVICE_DTYPES = {"cpu": ("bfloat16", "float32"), "cuda": ("bfloat16", "float16", "tf32", "float32")}
ROUNDS = 20
# Of the rounds for one batch size; all sizes together then take less than ten minutes.
SECONDS_PER_SIZE = {"cpu": 100.0, "cuda": 25.0}
COMPARED_SEGMENTS = 16  # whose outputs are compared with the plain encoder's
STREAM = 8  # batches
REPLAYS = 20  # of a captured forward pass between two readings of the clock
RECORDING_SEGMENTS = 2  # of a 10 s recording
ENCODERS = 2  # that a recording passes through
GOAL_MS = 2.5  # of the device's time, for one recording
GELU_BATCH, GELU_DTYPE = 64, "bfloat16"
PLAIN = "plain float32"
CUDA_COLUMNS = ("stream, segments/s", "device, ms", "device, of the ceiling")
COLUMNS = (
    "segments", "encoder", "ms", "segments/s", CUDA_COLUMNS[0], "TFLOP/s",
    "of the ceiling, TFLOP/s", *CUDA_COLUMNS[1:], "times plain",
    "max probability difference", "min cosine", "rounds",
)  # fmt: skip
Row = Mapping[str, object]


@dataclass(frozen=True)
class Options:
    """The options of the command line."""

    device: str
    batches: tuple[int, ...]
    dtypes: tuple[str, ...]
    rounds: Rounds


def main(arguments: list[str] | None = None, config: EcgFmConfig = ECG_FM) -> None:
    options = _options(arguments)
    on_cuda = options.device == "cuda"
    keep_freed_memory()
    torch.manual_seed(0)
    gflop = segment_flop(config) / 1e9
    print(f"{machine('torch', 'numpy')}; {_device(options)}")
    print(f"{gflop:.2f} GFLOP a segment of {config.in_leads} x {SAMPLES}", flush=True)
    bench = Bench(randomize_weights(EcgFm(config)), options)
    columns = [name for name in COLUMNS if on_cuda or name not in CUDA_COLUMNS]
    _print_table(columns, (row for batch in options.batches for row in bench.rows(batch)))
    parts: list[Row] = []
    for dtype in options.dtypes:
        parts += bench.positions(dtype, max(options.batches))
    if on_cuda:
        parts += bench.gelus()
    _print_table(["segments", "dtype", "part", "ms"], parts)
    if on_cuda:
        _print_table(["one 10 s recording, both encoders", "device, ms", "goal, ms"], bench.goals())


def _print_table(columns: list[str], rows: Iterable[Row]) -> None:
    """Print each row as soon as it is measured; a missing column is empty."""
    print(f"\n| {' | '.join(columns)} |\n|{'---|' * len(columns)}", flush=True)
    for row in rows:
        cells = [str(row.get(column, "")) for column in columns]
        print(f"| {' | '.join(cells)} |", flush=True)


def randomize_weights(encoder: EcgFm) -> EcgFm:
    """Draw weights with which outputs neither vanish nor saturate, to compare dtypes."""
    for name, weight in encoder.named_parameters():
        scale = weight[0].numel() ** -0.5 if weight.ndim > 1 else 0.1
        mean = 1.0 if "norm.weight" in name else 0.0
        with torch.no_grad():
            weight.copy_(torch.randn(weight.shape) * scale + mean)
    return encoder.requires_grad_(False).eval()


def segment_flop(config: EcgFmConfig, samples: int = SAMPLES) -> float:
    """Return the floating-point operations of one segment's products, 2 for each multiply-add."""
    tokens = config.token_count(samples)
    width = config.width
    attention_projections = 4 * width**2
    feed_forward = 2 * width * config.ffn_width
    attention = 2 * tokens * width
    layers = config.depth * (attention_projections + feed_forward + attention)
    projection = config.conv_width * width
    position = width * width // config.conv_pos_groups * config.conv_pos_kernel
    multiply_adds = tokens * (layers + projection + position)
    inputs = config.in_leads
    length = samples
    for layer in config.conv_layers:
        length = (length - layer.kernel) // layer.stride + 1
        multiply_adds += length * inputs * layer.kernel * layer.width
        inputs = layer.width
    return 2.0 * multiply_adds


def output_difference(
    runner: EncoderRunner, plain: Callable[[], tuple[Tensor, Tensor]], segments: Array
) -> tuple[float, float]:
    """Return the largest difference of a probability and the smallest cosine of an embedding."""
    expected_pooled, expected_logits = (part.cpu() for part in plain())
    output = runner.run(segments)
    assert output.logits is not None, "the benchmark's encoder has a classifier"
    probabilities = torch.from_numpy(output.logits).sigmoid()
    difference = (probabilities - expected_logits.sigmoid()).abs().max()
    cosines = F.cosine_similarity(torch.from_numpy(output.pooled), expected_pooled)
    return float(difference), float(cosines.min())


def noise(count: int, leads: int) -> Array:
    """Return smoothed noise (count, leads, samples), standardised by lead."""
    white = np.random.default_rng(1).normal(size=(count, leads, SAMPLES))
    smooth = np.apply_along_axis(np.convolve, 2, white, np.hanning(25), "same")
    centred = smooth - smooth.mean(2, keepdims=True)
    return np.asarray(centred / smooth.std(2, keepdims=True), np.float32)


@dataclass(frozen=True)
class Figures:
    """The measured times of an encoder for one batch.

    call_s         one call as the server makes it
    ceiling_flops  operations a second of the batch's fastest product
    segment_flop   operations of a segment
    stream_s       one batch in a stream of batches, on a GPU
    device_s       the device's own time for a batch, on a GPU
    """

    batch: int
    call_s: float
    ceiling_flops: float
    segment_flop: float
    stream_s: float | None = None
    device_s: float | None = None

    @property
    def rate(self) -> float:
        """Segments a second, in a stream if one was measured."""
        return self.batch / (self.call_s if self.stream_s is None else self.stream_s)

    def row(self) -> dict[str, object]:
        """Return the columns of the printed table."""
        flops = self.rate * self.segment_flop
        share = f"{100 * flops / self.ceiling_flops:.1f} % of {self.ceiling_flops / 1e12:.3f}"
        row: dict[str, object] = {
            "segments": self.batch,
            "ms": f"{self.call_s * 1e3:.2f}",
            "segments/s": f"{self.batch / self.call_s:.2f}",
            "TFLOP/s": f"{flops / 1e12:.3f}",
            "of the ceiling, TFLOP/s": share,
        }
        if self.stream_s is not None:
            row["stream, segments/s"] = f"{self.rate:.1f}"
        if self.device_s is not None:
            device_flops = self.batch * self.segment_flop / self.device_s
            row["device, ms"] = f"{self.device_s * 1e3:.3f}"
            row["device, of the ceiling"] = f"{100 * device_flops / self.ceiling_flops:.1f} %"
        return row


class Bench:
    """The encoders on their device; makes the rows of the tables."""

    def __init__(self, weights: EcgFm, options: Options) -> None:
        self.options = options
        self.config = weights.config
        self._weights = weights
        self.parts = Parts(weights, weights.config.token_count(SAMPLES), options.device)
        plain = PlainEncoder(copy.deepcopy(weights)).requires_grad_(False).eval()
        self._plain = plain.to(options.device)
        self.runners = {dtype: self._make_runner(dtype) for dtype in options.dtypes}
        self.figures: dict[tuple[str, int], Figures] = {}  # by dtype and batch
        segments = noise(COMPARED_SEGMENTS, self.config.in_leads)
        self._differences: dict[str, tuple[float, float]] = {}
        for dtype, runner in self.runners.items():
            plain_call = self._plain_call(segments)
            self._differences[dtype] = output_difference(runner, plain_call, segments)

    def rows(self, batch: int) -> Iterator[Row]:
        """Measure one batch size; yield the plain encoder's row, then ours."""
        segments = noise(batch, self.config.in_leads)
        contenders: dict[str, Contender] = {PLAIN: self._plain_call(segments)}
        for dtype, runner in self.runners.items():
            calls = self._calls(dtype, runner, segments) | self.parts.products(dtype, batch)
            contenders |= {f"{dtype} {name}": call for name, call in calls.items()}
        seconds, rounds = self.options.rounds.medians(contenders)
        plain_rate = batch / seconds[PLAIN]
        plain_flops = plain_rate * segment_flop(self.config)
        yield {
            "segments": batch,
            "encoder": PLAIN,
            "ms": f"{seconds[PLAIN] * 1e3:.2f}",
            "segments/s": f"{plain_rate:.2f}",
            "TFLOP/s": f"{plain_flops / 1e12:.3f}",
            "times plain": 1,
            "rounds": rounds,
        }
        for dtype in self.runners:
            prefix = f"{dtype} "
            names = [name for name in seconds if name.startswith(prefix)]
            figures = self._figures(
                batch, {name.removeprefix(prefix): seconds[name] for name in names}
            )
            self.figures[dtype, batch] = figures
            difference, cosine = self._differences[dtype]
            yield {
                "encoder": dtype,
                **figures.row(),
                "times plain": f"{figures.rate / plain_rate:.2f}",
                "max probability difference": f"{difference:.5f}",
                "min cosine": f"{cosine:.6f}",
                "rounds": rounds,
            }

    def positions(self, dtype: str, batch: int) -> list[Row]:
        """Measure the positional convolution alone."""
        return self._part_rows(dtype, batch, self.parts.positions(dtype, batch))

    def gelus(self) -> list[Row]:
        """Measure fc1 with GELU alone."""
        return self._part_rows(GELU_DTYPE, GELU_BATCH, self.parts.gelus(GELU_DTYPE, GELU_BATCH))

    def goals(self) -> list[Row]:
        """Return the device's time for a recording, if its batch size was measured."""
        rows: list[Row] = []
        for dtype in self.runners:
            figures = self.figures.get((dtype, RECORDING_SEGMENTS))
            if figures is None or figures.device_s is None:
                continue
            rows.append(
                {
                    "one 10 s recording, both encoders": dtype,
                    "device, ms": f"{ENCODERS * figures.device_s * 1e3:.2f}",
                    "goal, ms": f"at most {GOAL_MS}",
                }
            )
        return rows

    def _figures(self, batch: int, seconds: dict[str, float]) -> Figures:
        """Return the figures, given the seconds of each call in `_calls` and of each product."""
        operations = self.parts.operations(batch)
        return Figures(
            batch,
            seconds["called"],
            ceiling_flops=max(count / seconds[name] for name, count in operations.items()),
            segment_flop=segment_flop(self.config),
            stream_s=seconds["stream"] / STREAM if "stream" in seconds else None,
            device_s=seconds["device"] / REPLAYS if "device" in seconds else None,
        )

    def _part_rows(self, dtype: str, batch: int, contenders: dict[str, Contender]) -> list[Row]:
        medians, _ = self.options.rounds.medians(contenders)
        rows: list[Row] = []
        for name, seconds in medians.items():
            milliseconds = f"{1e3 * seconds / self.parts.repeats:.3f}"
            rows.append({"segments": batch, "dtype": dtype, "part": name, "ms": milliseconds})
        return rows

    def _make_runner(self, dtype: str) -> EncoderRunner:
        start = time.perf_counter()
        runner = EncoderRunner(
            copy.deepcopy(self._weights),
            device=self.options.device,
            dtype=dtype,
            max_batch=max(*self.options.batches, COMPARED_SEGMENTS),
        )
        runner.warm_up(SAMPLES)
        ready_s = time.perf_counter() - start
        print(f"{dtype}: {runner.execution}; ready after {ready_s:.1f} s", flush=True)
        return runner

    def _plain_call(self, segments: Array) -> Callable[[], Any]:
        on_device = torch.from_numpy(segments).to(self.options.device)
        return until_done(lambda: self._plain(on_device), self.options.device, "float32")

    def _calls(self, dtype: str, runner: EncoderRunner, segments: Array) -> dict[str, Contender]:
        """Return the ways in which an encoder is called and timed."""
        batch = len(segments)
        calls: dict[str, Callable[[], object]] = {"called": partial(runner.run, segments)}
        if isinstance(runner.forward, CudaForward):
            many = np.tile(segments, (STREAM, 1, 1))
            calls["stream"] = partial(_run_stream, runner, batch, many)
            # A device with little memory may have reduced max_batch.
            if batch <= runner.max_batch:
                calls["device"] = repeated(runner.forward.replay(batch), REPLAYS)
        return {name: until_done(call, self.options.device, dtype) for name, call in calls.items()}


def _run_stream(runner: EncoderRunner, batch: int, segments: Array) -> None:
    """Run many batches of one size, as a server under load does."""
    max_batch = runner.max_batch
    runner.max_batch = min(batch, max_batch)
    runner.run(segments)
    runner.max_batch = max_batch


def _options(arguments: list[str] | None) -> Options:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--device", choices=("cpu", "cuda"), default="cuda" if torch.cuda.is_available() else "cpu"
    )
    parser.add_argument("--threads", type=int, help="number of PyTorch's threads on the CPU")
    parser.add_argument(
        "--batches",
        type=int,
        nargs="+",
        help="segments in a batch; default: 1 2 16 on the CPU, 1 to 256 on a GPU",
    )
    parser.add_argument(
        "--dtypes",
        nargs="+",
        choices=tuple(DTYPES),
        help="default: all that are useful on the device",
    )
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument(
        "--seconds-per-size",
        type=float,
        help="no new round of a batch size after this time; default: 100 on the CPU, 25 on a GPU",
    )
    parser.add_argument(
        "--cpu-time",
        action="store_true",
        help="measure CPU time of this process: for a machine with other load, with --threads 1",
    )
    options = parser.parse_args(arguments)
    if options.threads:
        torch.set_num_threads(options.threads)
    device = options.device
    seconds = options.seconds_per_size or SECONDS_PER_SIZE[device]
    return Options(
        device,
        tuple(options.batches or BATCHES[device]),
        tuple(options.dtypes or DEVICE_DTYPES[device]),
        Rounds(options.rounds, seconds, options.cpu_time),
    )


def _device(options: Options) -> str:
    clock = "CPU time" if options.rounds.cpu_time else "wall-clock time"
    if options.device == "cpu":
        return f"CPU, {torch.get_num_threads()} threads; medians of {clock}"
    return f"{torch.cuda.get_device_name()}, CUDA {torch.version.cuda}; medians of {clock}"


if __name__ == "__main__":
    main()
