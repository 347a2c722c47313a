"""Measure what NeuroKit2 costs a process that is asked for it: CPU time, memory, threads.

    python -m benchmarks.neurokit_cost [--repeats 5] [--page docs/performance.md]

The recordings are drawn, with 12 leads at 500 Hz; the least of the repeats is printed. The process
has loaded before what a signal worker has. The table is written between its marks in the page.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np
from threadpoolctl import threadpool_limits

from analysis.warm_up import warm_up
from benchmarks.machine import machine
from intervals.neurokit.leads import measure_leads
from intervals.neurokit.loading import load
from intervals.neurokit.variability import normal_intervals, variability
from signals.leads import twelve_leads
from tests.intervals.synthetic import record, synthetic
from training.page import write_between

PAGE: Final = Path(__file__).parents[1] / "docs" / "performance.md"
BEGIN: Final = "<!-- neurokit cost: written by python -m benchmarks.neurokit_cost -->\n"
END: Final = "<!-- end of neurokit cost -->\n"
BEAT_S: Final = 0.85


def main(arguments: list[str] | None = None) -> None:
    """Print the table and write it to the page."""
    options = _parser().parse_args(arguments)
    with threadpool_limits(1):
        warm_up()
        table = _table(options.repeats)
    print(table)
    write_between(options.page, BEGIN, END, table)


def _table(repeats: int) -> str:
    before = _status()
    began_s = time.process_time()
    load()
    import_s = time.process_time() - began_s
    after = _status()
    lines = [
        f"{machine('neurokit2', 'pandas', 'numpy', 'scipy')}\n",
        "| what | |",
        "|---|---|",
        f"| import, CPU | {import_s:.2f} s |",
        f"| address space that it adds | {(after['VmSize'] - before['VmSize']) >> 10} MiB |",
        f"| resident memory that it adds | {(after['VmRSS'] - before['VmRSS']) >> 10} MiB |",
        f"| threads that it adds | {after['Threads'] - before['Threads']} |",
    ]
    for seconds in (10, 60):
        least_s = _least_s(_measurements_of(float(seconds)), repeats)
        lines.append(f"| measurements of 12 leads of {seconds} s, CPU | {least_s:.2f} s |")
    for minutes in (1, 5, 10):
        least_s = _least_s(_variability_of(60.0 * minutes), repeats)
        lines.append(f"| heart rate variability of {minutes} min, CPU | {least_s:.2f} s |")
    at_end = _status()
    resident = (at_end["VmRSS"] - before["VmRSS"]) >> 10
    lines.append(f"| resident memory added after all of it | {resident} MiB |")
    return "\n".join(lines) + "\n"


def _measurements_of(seconds: float) -> Callable[[], object]:
    sent = record(synthetic(seconds=seconds))
    leads = twelve_leads(sent)
    return lambda: measure_leads(leads, sent.fs)


def _variability_of(seconds: float) -> Callable[[], object]:
    rng = np.random.default_rng(0)
    beats_s = np.cumsum(BEAT_S + rng.normal(0.0, 0.02, round(seconds / BEAT_S)))
    normal = np.ones(beats_s.size, np.bool_)
    gaps = np.zeros(beats_s.size - 1, np.bool_)
    return lambda: variability(normal_intervals(beats_s, normal, gaps), seconds)


def _least_s(run: Callable[[], object], repeats: int) -> float:
    times_s = []
    for _ in range(repeats):
        began_s = time.process_time()
        run()
        times_s.append(time.process_time() - began_s)
    return min(times_s)


def _status() -> dict[str, int]:
    """Return this process's memory in KiB and number of threads (proc(5))."""
    lines = Path("/proc/self/status").read_text().splitlines()
    named = dict(line.split(":", 1) for line in lines)
    return {name: int(named[name].split()[0]) for name in ("VmSize", "VmRSS", "Threads")}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--page", type=Path, default=PAGE, help="whose section is written")
    return parser


if __name__ == "__main__":
    main()
