"""CPU time of the measurements, step by step: process_time on one core, median over LUDB's recordings of 12 x 5000 at 500 Hz.

OMP_NUM_THREADS=1 python -m benchmarks.intervals --data /path/to/ludb
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np

from intervals.beats import find_beats
from intervals.delineator import delineate
from intervals.fiducials import fiducials
from intervals.measure import measure_conditioned
from signals.conditioned import condition
from signals.r_peaks import r_peaks_of
from training.ludb import read_ludb

T = TypeVar("T")  # Python 3.11 has no other way


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    options = parser.parse_args()
    rows = [_steps(record.signal, record.fs) for record in read_ludb(options.data)]
    print("| step | median ms | 90th percentile |\n|---|---|---|")
    for name in rows[0]:
        took = [row[name] for row in rows]
        print(f"| {name} | {np.median(took):.2f} | {np.percentile(took, 90):.2f} |")


def _steps(signal: np.ndarray, fs: float) -> dict[str, float]:
    """ms of each step on one recording, and of all together."""
    took: dict[str, float] = {}

    def timed(name: str, step: Callable[[], T]) -> T:
        began = time.process_time()
        result = step()
        took[name] = (time.process_time() - began) * 1000.0
        return result

    ready = timed("condition", lambda: condition(signal, fs))
    peaks = timed("R peaks", lambda: r_peaks_of(ready))
    beats = timed("beats", lambda: find_beats(ready, peaks))
    assert beats.representative is not None
    beat = beats.representative
    said = timed("network", lambda: delineate(beat))
    timed("boundaries", lambda: fiducials(said))
    timed("all", lambda: measure_conditioned(condition(signal, fs)))
    return took


if __name__ == "__main__":
    main()
