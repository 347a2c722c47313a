"""From nothing to ready: how long a server takes, what memory each of its processes has, and what it uses while nobody asks.

    python -m benchmarks.start                              # the embedded model, which is in the repository
    python -m benchmarks.start --model FOLDER               # of `python -m benchmarks.make_checkpoints FOLDER`, full size, converted once
    python -m benchmarks.start --model null

Memory is each process's proportional share (PSS): what several hold together is counted once.
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
from benchmarks.serve import measure, settings_of

REQUESTS = ("--route", "/analyze", "--body", "json", "--concurrency", "4")


def starts(settings: dict[str, str], count: int) -> list[float]:
    """Seconds from the command to a 200 of /readyz, of each start."""
    found = []
    for _ in range(count):
        with RunningServer(settings) as server:
            found.append(server.ready_s)
    return found


def idle_shares(server: RunningServer, seconds: float) -> dict[str, float]:
    """Percent of a core that each part uses while nobody asks."""
    time.sleep(1)
    before = server.cpu_s()
    time.sleep(seconds)
    return {part: 100 * (used - before[part]) / seconds for part, used in server.cpu_s().items()}


def print_memory(title: str, found: Sequence[tuple[str, float]]) -> None:
    each = ", ".join(f"{part} {megabytes:.0f}" for part, megabytes in found)
    print(f"| {title} | {sum(megabytes for _, megabytes in found):.0f} MB | {each} |", flush=True)


def main(options: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory(prefix="ecg-benchmark-") as name:
        settings = settings_of(options.model, Path(name)) | dict(
            pair.split("=", 1) for pair in options.set
        )
        print(f"{machine('litserve', 'uvicorn', 'torch', 'numpy')}; encoder {options.model}\n")
        if "ECG_CLINICAL_CHECKPOINT" in settings:
            print(
                f"first start, with the checkpoints' conversion: {starts(settings, 1)[0]:.1f} s\n"
            )
        print("| what | all | each |\n|---|---|---|")
        ready = starts(settings, options.starts)
        print(
            f"| ready after, median of {len(ready)} | {statistics.median(ready):.2f} s | {', '.join(f'{one:.2f}' for one in ready)} |"
        )
        with RunningServer(settings) as server:
            print_memory("memory when ready", server.pss_mb())
            shares = idle_shares(server, options.idle_seconds)
            each = ", ".join(f"{part} {share:.2f}" for part, share in shares.items())
            print(
                f"| idle, of a core, over {options.idle_seconds:g} s | {sum(shares.values()):.2f} % | {each} |"
            )
            answered = 0.0
            while answered < options.requests:
                run = measure(server, [*REQUESTS, "--seconds", "5"])
                answered += run.per_s * 5
            print_memory(f"memory after {answered:.0f} requests of {REQUESTS[1]}", server.pss_mb())


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.start",
        description="Time to ready, memory, and what an idle server uses.",
    )
    parser.add_argument(
        "--model",
        default="embedded",
        help="null, a folder of full-size checkpoints, or what ECG_MODEL takes",
    )
    parser.add_argument("--starts", type=int, default=5, help="starts that are timed")
    parser.add_argument("--idle-seconds", type=float, default=20.0)
    parser.add_argument(
        "--requests",
        type=int,
        default=100,
        help="at least so many, before memory is looked at again",
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
    main(parse_arguments())
