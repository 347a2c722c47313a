"""Measure how a server's speed and CPU time grow with the load and with its number of processes.

    python -m benchmarks.scale                              # a null encoder: the server alone
    python -m benchmarks.scale --model FOLDER --of length,records

One quantity is changed at a time: the length of a recording, the number of recordings in a request,
of clients, of HTTP processes or of signal workers. The other quantities keep these values: one
recording of 10 s in a request, 8 clients, one HTTP process and two signal workers. CPU time is the
sum over all the server's processes, divided by the number of recordings. With a null encoder,
/extract_features shows the cost of transport, and /analyze that of transport and measurements.
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

# Name of a changed quantity -> the flag of benchmarks.load that sets it, and the values
LOADS: dict[str, tuple[str, tuple[int, ...]]] = {
    "length": ("--length", (10, 30, 60, 300)),
    "records": ("--records", (1, 4, 16, 64)),
    "clients": ("--concurrency", (1, 2, 4, 8, 16, 32, 64)),
}
# Name of a changed quantity -> the setting of the server that sets it, and the values
SETTINGS: dict[str, tuple[str, tuple[int, ...]]] = {
    "api workers": ("ECG_API_WORKERS", (1, 2, 4)),
    "signal workers": ("ECG_SIGNAL_WORKERS", (1, 2, 4)),
}
BASE_LOAD = {"--length": "10", "--records": "1", "--concurrency": "8", "--body": "npy"}
# Name of a changed quantity -> its name in the table, if it differs
TITLES = {
    "length": "seconds of a recording",
    "records": "recordings in a request",
    "clients": "clients at once",
}
COLUMNS = (
    "route",
    "changed",
    "to",
    "requests/s",
    "recordings/s",
    "p50 ms",
    "p95 ms",
    "p99 ms",
    "CPU ms a recording",
    "errors",
)


@dataclass(frozen=True)
class _Case:
    """One measurement.

    changed   name of the quantity that is changed (a key of LOADS or SETTINGS)
    value     the value of this quantity
    load      flags of benchmarks.load -> values
    settings  the server's settings that are changed, name -> value
    """

    changed: str
    value: int
    load: Mapping[str, str]
    settings: Mapping[str, str]

    def row(self, route: str, run: Run) -> str:
        """Return the row of the Markdown table for a run of this case."""
        records = int(self.load["--records"])
        cells = [route, TITLES.get(self.changed, self.changed), str(self.value)]
        cells += [f"{run.per_s:.1f}", f"{run.per_s * records:.1f}"]
        cells += [f"{value:.1f}" for value in run.latency_ms] or ["-"] * 3
        cells += [f"{run.server_cpu_ms / records:.2f}", str(run.errors)]
        return f"| {' | '.join(cells)} |"


def _cases(quantities: list[str]) -> Iterator[_Case]:
    """Yield the cases that change each of these quantities (keys of LOADS or SETTINGS)."""
    for name in quantities:
        if name in LOADS:
            flag, values = LOADS[name]
            for value in values:
                yield _Case(name, value, BASE_LOAD | {flag: str(value)}, {})
        else:
            setting, values = SETTINGS[name]
            for value in values:
                yield _Case(name, value, BASE_LOAD, {setting: str(value)})


def main(options: argparse.Namespace) -> None:
    """Measure all cases and print a Markdown table."""
    subject = f"encoder {options.model}, npy, {options.seconds:g} s a run"
    print(f"{machine('litserve', 'uvicorn', 'torch', 'numpy')}; {subject}\n")
    print(f"| {' | '.join(COLUMNS)} |\n{'|---' * len(COLUMNS)}|")
    with tempfile.TemporaryDirectory(prefix="ecg-benchmark-") as folder:
        settings = settings_of(options.model, Path(folder)) | {"ECG_MAX_IN_FLIGHT": "256"}
        # One server is started for all cases with the same settings.
        by_settings: dict[tuple[tuple[str, str], ...], list[_Case]] = {}
        for case in _cases(options.of):
            by_settings.setdefault(tuple(case.settings.items()), []).append(case)
        for case_settings, cases in by_settings.items():
            with RunningServer(settings | dict(case_settings)) as server:
                for case in cases:
                    _measure_and_print(server, case, options)


def _measure_and_print(server: RunningServer, case: _Case, options: argparse.Namespace) -> None:
    load = [argument for flag_and_value in case.load.items() for argument in flag_and_value]
    for route in options.routes:
        run = measure(server, ["--route", route, *load, "--seconds", str(options.seconds)])
        print(case.row(route[1:], run), flush=True)


def _parse_arguments() -> argparse.Namespace:
    names = [*LOADS, *SETTINGS]
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.scale", description="How the server's speed and CPU time grow."
    )
    parser.add_argument(
        "--model",
        default="null",
        help="null, a folder of full-size checkpoints, or a value of ECG_MODEL",
    )
    parser.add_argument(
        "--of",
        type=lambda value: value.split(","),
        default=names,
        help="quantities to change, comma-separated: " + ", ".join(names),
    )
    parser.add_argument(
        "--routes",
        type=lambda value: value.split(","),
        default=["/extract_features", "/analyze"],
        help="routes to measure, comma-separated",
    )
    parser.add_argument("--seconds", type=float, default=3.0, help="duration of each run")
    return parser.parse_args()


if __name__ == "__main__":
    main(_parse_arguments())
