"""How a server's speed and CPU grow with the length of a recording, recordings in a request, clients, HTTP processes and signal workers.

    python -m benchmarks.scale                              # a null encoder: the server's own part
    python -m benchmarks.scale --model FOLDER --of length,records

One thing is changed at a time, from one recording of 10 s, 8 clients and one process of each kind but two signal workers. CPU is the
server's, of all its processes, for each recording. With a null encoder the features' route shows transport, the other measurements.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.machine import machine
from benchmarks.running import RunningServer
from benchmarks.serve import Run, measure, settings_of

LOADS: dict[
    str, tuple[str, tuple[int, ...]]
] = {  # what is changed -> the load's flag for it, and the values
    "length": ("--length", (10, 30, 60, 300)),
    "records": ("--records", (1, 4, 16, 64)),
    "clients": ("--concurrency", (1, 2, 4, 8, 16, 32, 64)),
}
SETTINGS: dict[str, tuple[str, tuple[int, ...]]] = {  # and the server's setting
    "api workers": ("ECG_API_WORKERS", (1, 2, 4)),
    "signal workers": ("ECG_SIGNAL_WORKERS", (1, 2, 4)),
}
BASE = {"--length": "10", "--records": "1", "--concurrency": "8", "--body": "npy"}
TITLES = {
    "length": "seconds of a recording",
    "records": "recordings in a request",
    "clients": "clients at once",
}


@dataclass(frozen=True)
class Case:
    changed: str
    value: int
    load: Mapping[str, str]
    settings: Mapping[str, str]

    def row(self, route: str, run: Run) -> str:
        records = int(self.load["--records"])
        latency = " | ".join(f"{value:.1f}" for value in run.latency_ms) or "- | - | -"
        title = TITLES.get(self.changed, self.changed)
        cpu_ms = run.server_cpu_ms / records
        return f"| {route} | {title} | {self.value} | {run.per_s:.1f} | {run.per_s * records:.1f} | {latency} | {cpu_ms:.2f} | {run.errors} |"


def cases(wanted: list[str]) -> Iterator[Case]:
    for changed in wanted:
        if changed in LOADS:
            flag, values = LOADS[changed]
            yield from (Case(changed, value, BASE | {flag: str(value)}, {}) for value in values)
        else:
            variable, values = SETTINGS[changed]
            yield from (Case(changed, value, BASE, {variable: str(value)}) for value in values)


def main(options: argparse.Namespace) -> None:
    print(
        f"{machine('litserve', 'uvicorn', 'torch', 'numpy')}; encoder {options.model}, npy, {options.seconds:g} s a run\n"
    )
    print(
        "| route | changed | to | requests/s | recordings/s | p50 ms | p95 ms | p99 ms | CPU ms a recording | errors |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory(prefix="ecg-benchmark-") as name:
        settings = settings_of(options.model, Path(name)) | {"ECG_MAX_IN_FLIGHT": "256"}
        by_settings: dict[tuple[tuple[str, str], ...], list[Case]] = {}
        for case in cases(options.of):
            by_settings.setdefault(tuple(case.settings.items()), []).append(case)
        for changed, alike in by_settings.items():
            with RunningServer(settings | dict(changed)) as server:
                for case in alike:
                    given = [word for pair in case.load.items() for word in pair]
                    for route in options.routes:
                        run = measure(
                            server, ["--route", route, *given, "--seconds", str(options.seconds)]
                        )
                        print(case.row(route[1:], run), flush=True)


def parse_arguments() -> argparse.Namespace:
    known = [*LOADS, *SETTINGS]
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.scale", description="How the server's speed and CPU grow."
    )
    parser.add_argument(
        "--model",
        default="null",
        help="null, a folder of full-size checkpoints, or what ECG_MODEL takes",
    )
    parser.add_argument(
        "--of",
        type=lambda text: text.split(","),
        default=known,
        help="some of: " + ", ".join(known),
    )
    parser.add_argument(
        "--routes", type=lambda text: text.split(","), default=["/extract_features", "/analyze"]
    )
    parser.add_argument("--seconds", type=float, default=3.0, help="length of each run")
    return parser.parse_args()


if __name__ == "__main__":
    main(parse_arguments())
