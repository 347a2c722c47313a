"""How fast the real server answers: closed and open loop, by route, body and number of clients, and what CPU each request costs.

    python -m benchmarks.serve                              # a null encoder: the server's own cost
    python -m benchmarks.serve --model embedded
    python -m benchmarks.serve --model FOLDER               # of `python -m benchmarks.make_checkpoints FOLDER`, full size
    python -m benchmarks.serve --against OTHER_CHECKOUT     # every run twice, once with that one's server, and the ratio

The load generator is a process of its own on the same cores, and its part is shown. Overhead is what of a request's time the
server's stages (Server-Timing, without the queue) do not account for: queues, processes, HTTP, and the client.
Where a machine does other work, the CPU columns still mean something; answers a second and milliseconds do not.
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
from typing import Any

from benchmarks.machine import machine
from benchmarks.make_checkpoints import FINETUNED, PRETRAINED
from benchmarks.null_encoder import write_null_bundle
from benchmarks.running import ROOT, RunningServer

ROUTES = ("/extract_features", "/analyze")
BODIES = ("npy", "json", "msgpack")
OPEN_SHARES = (0.5, 0.8)  # of what the closed loop answered at most
COLUMNS = ("route, body", "load", "answers/s", "p50 ms", "p95 ms", "p99 ms", "overhead p50 ms")
CPU_COLUMNS = ("CPU ms a request: http", "signal", "model", "rest", "client", "errors")


@dataclass(frozen=True)
class Run:
    """One run of the load generator against a server; `cpu_ms` is by part, for each request."""

    per_s: float
    latency_ms: list[float]
    overhead_ms: list[float]
    cpu_ms: dict[str, float]
    errors: int

    def row(self, name: str, load: str) -> str:
        rest = sum(
            value
            for part, value in self.cpu_ms.items()
            if part not in ("http", "signal", "model", "client")
        )
        latency = " | ".join(f"{value:.1f}" for value in self.latency_ms) or "- | - | -"
        overhead = f"{self.overhead_ms[0]:.1f}" if self.overhead_ms else "-"
        used = " | ".join(
            f"{value:.2f}"
            for value in (
                *(self.cpu_ms.get(part, 0.0) for part in ("http", "signal", "model")),
                rest,
            )
        )
        return f"| {name} | {load} | {self.per_s:.0f} | {latency} | {overhead} | {used} | {self.cpu_ms['client']:.2f} | {self.errors} |"

    @property
    def server_cpu_ms(self) -> float:
        return sum(value for part, value in self.cpu_ms.items() if part != "client")


def measure(server: RunningServer, arguments: Sequence[str]) -> Run:
    """One run of `benchmarks.load` with these arguments."""
    command = [
        sys.executable,
        "-m",
        "benchmarks.load",
        "--url",
        server.url,
        "--as-json",
        "--warm-up",
        "0",
        *arguments,
    ]
    before = server.cpu_s()
    output = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    after = server.cpu_s()
    found: dict[str, Any] = json.loads(output)
    answered: dict[str, int] = found["answered"]
    requests = max(1, sum(answered.values()))
    cpu_s = {part: after[part] - before.get(part, 0.0) for part in after} | {
        "client": found["client_cpu_s"]
    }
    return Run(
        per_s=answered.get("200", 0) / found["seconds"],
        latency_ms=found["latency_ms"],
        overhead_ms=found["overhead_ms"],
        cpu_ms={part: 1000 * value / requests for part, value in cpu_s.items()},
        errors=requests - answered.get("200", 0),
    )


def loads(options: argparse.Namespace) -> Iterator[tuple[str, str, list[str]]]:
    for route in options.routes:
        for body in options.bodies:
            for clients in options.concurrency:
                given = [
                    "--route",
                    route,
                    "--body",
                    body,
                    "--concurrency",
                    str(clients),
                    "--seconds",
                    str(options.seconds),
                ]
                yield f"{route[1:]}, {body}", f"{clients} at once", given


def measure_all(servers: Sequence[RunningServer], options: argparse.Namespace) -> None:
    """Each load on each server in turn, then arrivals at shares of the best that the first one did."""
    best: dict[str, float] = {}
    for name, load, given in loads(options):
        runs = show(servers, name, load, given)
        best[name] = max(best.get(name, 0.0), runs[0].per_s)
    for name, per_s in best.items() if not options.closed_only else ():
        route, body = name.split(", ")
        for share in OPEN_SHARES:
            given = [
                "--route",
                f"/{route}",
                "--body",
                body,
                "--rate",
                f"{share * per_s:.0f}",
                "--seconds",
                str(options.seconds),
            ]
            show(servers, name, f"{share * per_s:.0f}/s arriving", given)


def show(servers: Sequence[RunningServer], name: str, load: str, given: Sequence[str]) -> list[Run]:
    runs = [measure(server, given) for server in servers]
    for server, run in zip(("", " (other)"), runs, strict=False):
        print(run.row(name + server, load), flush=True)
    if len(runs) == 2 and runs[1].per_s and runs[0].server_cpu_ms:
        faster, cheaper = (
            runs[0].per_s / runs[1].per_s,
            runs[1].server_cpu_ms / runs[0].server_cpu_ms,
        )
        print(
            f"| {name} | {load} | {faster:.2f} times the answers a second of the other, {cheaper:.2f} times less CPU |",
            flush=True,
        )
    return runs


def settings_of(model: str, folder: Path) -> dict[str, str]:
    """Settings of a server with this encoder: null, full-size checkpoints in a folder, or what ECG_MODEL takes."""
    if model == "null":
        write_null_bundle(folder / "null")
        return {"ECG_MODEL": str(folder / "null")}
    if (Path(model) / FINETUNED).is_file():
        checkpoints = {
            "ECG_CLINICAL_CHECKPOINT": f"{model}/{FINETUNED}",
            "ECG_FEATURES_CHECKPOINT": f"{model}/{PRETRAINED}",
        }
        return checkpoints | {"ECG_MODELS_DIR": f"{model}/models"}
    return {"ECG_MODEL": model}


def main(options: argparse.Namespace) -> None:
    with (
        tempfile.TemporaryDirectory(prefix="ecg-benchmark-") as name,
        contextlib.ExitStack() as stack,
    ):
        settings = settings_of(options.model, Path(name)) | dict(
            pair.split("=", 1) for pair in options.set
        )
        roots = [ROOT, options.against] if options.against else [ROOT]
        about = f"encoder {options.model}, 12 leads x 5000 samples, {options.seconds:g} s a run"
        print(f"{machine('litserve', 'uvicorn', 'torch', 'numpy')}; {about}\n")
        print(f"| {' | '.join(COLUMNS + CPU_COLUMNS)} |\n{'|---' * len(COLUMNS + CPU_COLUMNS)}|")
        measure_all([stack.enter_context(RunningServer(settings, root)) for root in roots], options)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.serve", description="The real server under load."
    )
    parser.add_argument(
        "--model",
        default="null",
        help="null, a folder of full-size checkpoints, or what ECG_MODEL takes",
    )
    parser.add_argument("--routes", type=lambda text: text.split(","), default=list(ROUTES))
    parser.add_argument("--bodies", type=lambda text: text.split(","), default=list(BODIES))
    parser.add_argument(
        "--concurrency",
        type=lambda text: [int(part) for part in text.split(",")],
        default=[1, 8, 32, 64],
    )
    parser.add_argument("--seconds", type=float, default=3.0, help="length of each run")
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
        default=None,
        help="another checkout of this repository, measured in turn with this one",
    )
    return parser.parse_args()


if __name__ == "__main__":
    main(parse_arguments())
