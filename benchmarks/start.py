"""Measure a server's start: the time until it is ready, memory, and the CPU time when idle.

    python -m benchmarks.start                     # the embedded model, which is in the repository
    python -m benchmarks.start --model FOLDER      # of benchmarks.make_checkpoints, full size
    python -m benchmarks.start --model null

Memory is each process's proportional share (PSS): pages that several processes share count once.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.machine import machine
from benchmarks.running import RunningServer
from benchmarks.serve import given_settings, measure, settings_of

ROUTE = "/analyze"
REQUESTS = ("--route", ROUTE, "--body", "json", "--concurrency", "4")
RUN_S = 5
SETTLE_S = 1.0  # after the start, before idle CPU time is measured


def _start_times(settings: dict[str, str], count: int) -> list[float]:
    """Return the seconds from the command to a 200 of /readyz, for each of `count` starts."""
    times: list[float] = []
    for _ in range(count):
        with RunningServer(settings) as server:
            times.append(server.ready_s)
    return times


def _idle_shares(server: RunningServer, seconds: float) -> dict[str, float]:
    """Return the percentage of a core that each part uses without requests."""
    time.sleep(SETTLE_S)
    before = server.cpu_s()
    time.sleep(seconds)
    after = server.cpu_s()
    return {part: 100 * (after[part] - before[part]) / seconds for part in after}


def _print_memory(title: str, memory: Sequence[tuple[str, float]]) -> None:
    total = sum(megabytes for _, megabytes in memory)
    parts = ", ".join(f"{part} {megabytes:.0f}" for part, megabytes in memory)
    print(f"| {title} | {total:.0f} MB | {parts} |", flush=True)


def _print_idle(server: RunningServer, seconds: float) -> None:
    shares = _idle_shares(server, seconds)
    parts = ", ".join(f"{part} {share:.2f}" for part, share in shares.items())
    total = sum(shares.values())
    print(f"| idle, of a core, over {seconds:g} s | {total:.2f} % | {parts} |")


def main(options: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory(prefix="ecg-benchmark-") as folder:
        settings = settings_of(options.model, Path(folder)) | given_settings(options.set)
        print(f"{machine('litserve', 'uvicorn', 'torch', 'numpy')}; encoder {options.model}\n")
        if "ECG_CLINICAL_CHECKPOINT" in settings:
            (first_s,) = _start_times(settings, 1)
            print(f"first start, with the checkpoints' conversion: {first_s:.1f} s\n")
        print("| what | all | each |\n|---|---|---|")
        times = _start_times(settings, options.starts)
        listed = ", ".join(f"{seconds:.2f}" for seconds in times)
        median_s = statistics.median(times)
        print(f"| ready after, median of {len(times)} | {median_s:.2f} s | {listed} |")
        with RunningServer(settings) as server:
            _print_memory("memory when ready", server.pss_mb())
            _print_idle(server, options.idle_seconds)
            answered = 0.0
            while answered < options.requests:
                run = measure(server, [*REQUESTS, "--seconds", str(RUN_S)])
                answered += run.per_s * RUN_S
            _print_memory(f"memory after {answered:.0f} requests of {ROUTE}", server.pss_mb())


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.start",
        description="Time to ready, memory, and what an idle server uses.",
    )
    parser.add_argument(
        "--model",
        default="embedded",
        help="null, a folder of full-size checkpoints, or a value of ECG_MODEL",
    )
    parser.add_argument("--starts", type=int, default=5, help="number of timed starts")
    parser.add_argument("--idle-seconds", type=float, default=20.0)
    parser.add_argument(
        "--requests",
        type=int,
        default=100,
        help="minimum number of requests before memory is measured again",
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="ECG_NAME=VALUE",
        help="a setting of the server; may be repeated",
    )
    return parser.parse_args()


if __name__ == "__main__":
    main(_parse_arguments())
