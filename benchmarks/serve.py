"""Measure how fast the real server answers, and the CPU time of each request.

    python -m benchmarks.serve                              # a null encoder: the server's own cost
    python -m benchmarks.serve --model embedded
    python -m benchmarks.serve --model FOLDER               # of benchmarks.make_checkpoints, full
    size
    python -m benchmarks.serve --against OTHER_CHECKOUT --rounds 8   # every run on that server
    too, in turn, and the ratio

Closed and open loop, by route, body and number of clients. The load generator is a separate process
on the same cores; its CPU time is a column. Overhead is the part of a request's time that is not in
the server's stages (Server-Timing, without the queue): queues, processes, HTTP, and the client. On
a machine with other load the CPU columns are still valid; answers a second and milliseconds are
not.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, median
from typing import Any

from benchmarks.machine import machine
from benchmarks.make_checkpoints import FINETUNED, PRETRAINED
from benchmarks.null_encoder import write_null_bundle
from benchmarks.running import ROOT, RunningServer

ROUTES = ("/extract_features", "/analyze")
BODIES = ("npy", "json", "msgpack")
OPEN_SHARES = (0.5, 0.8)  # of the closed loop's best rate
COLUMNS = ("route, body", "load", "answers/s", "p50 ms", "p95 ms", "p99 ms", "overhead p50 ms")
CPU_COLUMNS = ("CPU ms a request: http", "signal", "model", "rest", "client", "errors")
MAIN_PARTS = ("http", "signal", "model")  # the server's parts with a column of their own


@dataclass(frozen=True)
class Run:
    """One run of the load generator against a server.

    per_s        answers with status 200 a second
    latency_ms   p50, p95 and p99; empty without an answer
    overhead_ms  likewise
    cpu_ms       part (the server's processes and the client) -> CPU time for each request
    errors       number of requests without status 200
    """

    per_s: float
    latency_ms: list[float]
    overhead_ms: list[float]
    cpu_ms: dict[str, float]
    errors: int

    def row(self, name: str, load: str) -> str:
        """Return a row of the printed table."""
        main_parts = [self.cpu_ms.get(part, 0.0) for part in MAIN_PARTS]
        other_parts = self.cpu_ms.keys() - {*MAIN_PARTS, "client"}
        rest = sum(self.cpu_ms[part] for part in self.cpu_ms if part in other_parts)
        cells = [name, load, f"{self.per_s:.0f}"]
        cells += [f"{value:.1f}" for value in self.latency_ms] or ["-"] * 3
        cells.append(f"{self.overhead_ms[0]:.1f}" if self.overhead_ms else "-")
        cells += [f"{value:.2f}" for value in (*main_parts, rest, self.cpu_ms["client"])]
        cells.append(str(self.errors))
        return f"| {' | '.join(cells)} |"

    @property
    def server_cpu_ms(self) -> float:
        """CPU time of all the server's processes for each request."""
        return sum(value for part, value in self.cpu_ms.items() if part != "client")


def measure(server: RunningServer, arguments: Sequence[str]) -> Run:
    """Run `benchmarks.load` once with these arguments."""
    load = [sys.executable, "-m", "benchmarks.load"]
    command = [*load, "--url", server.url, "--as-json", "--warm-up", "0", *arguments]
    before = server.cpu_s()
    output = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    after = server.cpu_s()
    values: dict[str, Any] = json.loads(output)
    answered: dict[str, int] = values["answered"]
    requests = max(1, sum(answered.values()))
    good = answered.get("200", 0)
    cpu_s = {part: used - before.get(part, 0.0) for part, used in after.items()}
    cpu_s["client"] = values["client_cpu_s"]
    return Run(
        per_s=good / values["seconds"],
        latency_ms=values["latency_ms"],
        overhead_ms=values["overhead_ms"],
        cpu_ms={part: 1000 * used / requests for part, used in cpu_s.items()},
        errors=requests - good,
    )


@dataclass(frozen=True)
class _Load:
    """A route and a body, and how they are sent."""

    route: str
    body: str
    seconds: float

    @property
    def name(self) -> str:
        return f"{self.route[1:]}, {self.body}"

    def arguments(self, flag: str, value: str) -> list[str]:
        """Return the arguments of `benchmarks.load`."""
        recording = ["--route", self.route, "--body", self.body]
        return [*recording, flag, value, "--seconds", str(self.seconds)]


def _loads(options: argparse.Namespace) -> Iterator[_Load]:
    for route in options.routes:
        for body in options.bodies:
            yield _Load(route, body, options.seconds)


def _measure_all(servers: Sequence[RunningServer], options: argparse.Namespace) -> None:
    """Measure each load on each server: closed loop, then open loop at shares of the best rate."""
    best_per_s: dict[_Load, float] = {}
    for load in _loads(options):
        for clients in options.concurrency:
            arguments = load.arguments("--concurrency", str(clients))
            runs = _measure_and_print(
                servers, load.name, f"{clients} at once", arguments, options.rounds
            )
            best_per_s[load] = max(best_per_s.get(load, 0.0), runs[0].per_s)
    if options.closed_only:
        return
    for load, per_s in best_per_s.items():
        for share in OPEN_SHARES:
            rate = f"{share * per_s:.0f}"
            arguments = load.arguments("--rate", rate)
            _measure_and_print(servers, load.name, f"{rate}/s arriving", arguments, options.rounds)


def _measure_and_print(
    servers: Sequence[RunningServer],
    name: str,
    load: str,
    arguments: Sequence[str],
    rounds: int,
) -> list[Run]:
    """Measure the servers in turn, `rounds` times, and print their rows and their ratio.

    Every second round is in the opposite order: the speed of a shared machine drifts within
    seconds, and a fixed order would ascribe the drift to one of the servers.
    """
    runs: list[list[Run]] = [[] for _ in servers]
    for number in range(rounds):
        order = range(len(servers)) if number % 2 == 0 else reversed(range(len(servers)))
        for index in order:
            runs[index].append(measure(servers[index], arguments))
    means = [mean_run(of_server) for of_server in runs]
    for suffix, mean in zip(("", " (other)"), means, strict=False):
        print(mean.row(name + suffix, load), flush=True)
    if len(servers) == 2:
        print(f"| {name} | {load} | {ratios(*runs)} |", flush=True)
    return means


def mean_run(runs: Sequence[Run]) -> Run:
    """Return the mean over runs of one server under one load; errors are added."""
    return Run(
        per_s=fmean(run.per_s for run in runs),
        latency_ms=_means([run.latency_ms for run in runs]),
        overhead_ms=_means([run.overhead_ms for run in runs]),
        cpu_ms={part: fmean(run.cpu_ms[part] for run in runs) for part in runs[0].cpu_ms},
        errors=sum(run.errors for run in runs),
    )


def _means(rows: Sequence[Sequence[float]]) -> list[float]:
    """Return the mean of each column; empty if a row is empty."""
    return [fmean(column) for column in zip(*rows, strict=False)]


def ratios(ours: Sequence[Run], other: Sequence[Run]) -> str:
    """Return the median and the range over rounds of answers a second and of CPU time."""
    pairs = list(zip(ours, other, strict=True))
    faster = [mine.per_s / its.per_s for mine, its in pairs if its.per_s]
    costs = [mine.server_cpu_ms / its.server_cpu_ms for mine, its in pairs if its.server_cpu_ms]
    if not faster or not costs:
        return "no answers"
    return (
        f"{_median_and_range(faster)} times the answers a second of the other, "
        f"{_median_and_range(costs)} times its CPU a request"
    )


def _median_and_range(values: Sequence[float]) -> str:
    return f"{median(values):.2f} ({min(values):.2f}-{max(values):.2f})"


def settings_of(model: str, folder: Path) -> dict[str, str]:
    """Return the settings of a server with this encoder.

    model   null, a folder of full-size checkpoints, or a value of ECG_MODEL
    folder  where a null bundle is written
    """
    if model == "null":
        write_null_bundle(folder / "null")
        return {"ECG_MODEL": str(folder / "null")}
    if (Path(model) / FINETUNED).is_file():
        return {
            "ECG_CLINICAL_CHECKPOINT": f"{model}/{FINETUNED}",
            "ECG_FEATURES_CHECKPOINT": f"{model}/{PRETRAINED}",
            "ECG_MODELS_DIR": f"{model}/models",
        }
    return {"ECG_MODEL": model}


def given_settings(pairs: Sequence[str]) -> dict[str, str]:
    """Return the settings of `--set ECG_NAME=VALUE`."""
    return dict(pair.split("=", 1) for pair in pairs)


def main(options: argparse.Namespace) -> None:
    with (
        tempfile.TemporaryDirectory(prefix="ecg-benchmark-") as folder,
        contextlib.ExitStack() as stack,
    ):
        settings = settings_of(options.model, Path(folder)) | given_settings(options.set)
        roots = [ROOT, options.against] if options.against else [ROOT]
        subject = f"encoder {options.model}, 12 leads x 5000 samples, {options.seconds:g} s a run"
        columns = COLUMNS + CPU_COLUMNS
        print(f"{machine('litserve', 'uvicorn', 'torch', 'numpy')}; {subject}\n")
        print(f"| {' | '.join(columns)} |\n{'|---' * len(columns)}|")
        servers = [stack.enter_context(RunningServer(settings, root)) for root in roots]
        _measure_all(servers, options)


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.serve", description="The real server under load."
    )
    parser.add_argument(
        "--model",
        default="null",
        help="null, a folder of full-size checkpoints, or a value of ECG_MODEL",
    )
    parser.add_argument("--routes", type=lambda value: value.split(","), default=list(ROUTES))
    parser.add_argument("--bodies", type=lambda value: value.split(","), default=list(BODIES))
    parser.add_argument(
        "--concurrency",
        type=lambda value: [int(part) for part in value.split(",")],
        default=[1, 8, 32, 64],
    )
    parser.add_argument("--seconds", type=float, default=3.0, help="length of each run")
    parser.add_argument(
        "--rounds",
        type=int,
        default=1,
        help="runs of each load; with --against the servers alternate, and the ratio is the median",
    )
    parser.add_argument("--closed-only", action="store_true", help="no open loop")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="ECG_NAME=VALUE",
        help="a setting of the server; may be repeated",
    )
    parser.add_argument(
        "--against",
        type=Path,
        help="another checkout of this repository, measured in turn with this one",
    )
    return parser.parse_args()


if __name__ == "__main__":
    main(_parse_arguments())
