"""CPU time of quality, intervals and pacing on one recording, step by step and all together, on one core.

    python -m benchmarks.measure --data /path/to/ludb [--repeats 5] [--records 100] [--neurokit 10]

process_time, BLAS held to one thread and freed memory kept, as in a signal worker, whose functions call the steps so, too;
"all" is `analysis.prepare.prepare` itself, asked for every part that is measured, so that it holds what stands between the
steps, too. Each recording's figure is its median over the repeats; the table has the median and the 90th percentile over
recordings. NeuroKit2's own way through one lead is timed in the same run.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np
from threadpoolctl import threadpool_limits

from analysis.deployment import Deployment
from analysis.measuring import MEASURED_PARTS
from analysis.options import AnalyzeOptions
from analysis.prepare import prepare
from benchmarks.machine import machine
from encoder.devices import SIGNAL_KEPT_BYTES, keep_freed_memory
from intervals.beats import delineator_beat, find_beats
from intervals.delineator import delineate
from intervals.fiducials import find_fiducials
from intervals.measure import measure_conditioned
from signal_quality import assess_leads, find_calibration_pulse
from signals.checks import MAX_SECONDS, check_record
from signals.conditioned import condition
from signals.leads import LEADS, twelve_leads
from signals.r_peaks import r_peaks_of
from signals.record import EcgRecord
from signals.spikes import find_pacing, find_spikes
from training.datasets.ludb import read_ludb

T = TypeVar("T")  # Python 3.11 has no other way

EVERYTHING = AnalyzeOptions(include=MEASURED_PARTS | {"quality"})
NO_ENCODER = Deployment("none", "none", "not needed here", {})
ALL, NEUROKIT = "all", "NeuroKit2, one lead"


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--data", type=Path, required=True, help="LUDB: a folder with ludb.csv and data/"
    )
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--records", type=int, help="so many recordings only")
    parser.add_argument(
        "--neurokit", type=int, default=10, help="recordings whose lead II NeuroKit2 is timed on"
    )
    options = parser.parse_args(arguments)
    records = [
        EcgRecord(one.signal.astype(np.float32), one.fs, LEADS)
        for one in read_ludb(options.data)[: options.records]
    ]
    keep_freed_memory(SIGNAL_KEPT_BYTES)
    with threadpool_limits(1):
        _steps(records[0])  # weights are read, pages are mapped
        rows = [_median_of([_steps(record) for _ in range(options.repeats)]) for record in records]
        theirs = [
            _median_of([neurokit(record) for _ in range(options.repeats)])
            for record in records[: options.neurokit]
        ]
    print(f"{machine('numpy', 'scipy', 'neurokit2')}\n")
    shapes = sorted({f"{len(record.signal)} x {record.samples}" for record in records})
    print(f"{len(records)} recordings of {', '.join(shapes)}; {options.repeats} repeats\n")
    print(table(rows, theirs))


def table(rows: Sequence[dict[str, float]], theirs: Sequence[dict[str, float]]) -> str:
    """ms by step; the last lines set NeuroKit2 on all leads against all of ours."""
    lines = ["| step | median ms | 90th percentile |", "|---|---|---|"]
    lines += [_line(name, [row[name] for row in rows]) for name in rows[0]]
    if theirs:
        lead_ms = [row[NEUROKIT] for row in theirs]
        lines.append(_line(NEUROKIT, lead_ms))
        ratio = len(LEADS) * np.median(lead_ms) / np.median([row[ALL] for row in rows])
        lines += [
            "",
            f"NeuroKit2 on {len(LEADS)} leads takes {ratio:.0f} times as long as all of this.",
        ]
    return "\n".join(lines)


def neurokit(record: EcgRecord) -> dict[str, float]:
    """NeuroKit2's usual way through lead II: cleaned, R peaks, delineated by wavelets."""
    import neurokit2

    def delineated() -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # its own, of pandas and of waves it does not find
            fs = int(record.fs)
            cleaned = neurokit2.ecg_clean(
                record.signal[LEADS.index("II")].astype(np.float64), sampling_rate=fs
            )
            peaks = neurokit2.ecg_peaks(cleaned, sampling_rate=fs)[1]["ECG_R_Peaks"]
            neurokit2.ecg_delineate(cleaned, peaks, sampling_rate=fs, method="dwt")

    took: dict[str, float] = {}
    _timed(took, NEUROKIT, delineated)
    return took


def _steps(record: EcgRecord) -> dict[str, float]:
    """ms of each step on one recording, in the order of the signal worker, and of all together."""
    took: dict[str, float] = {}
    _timed(took, ALL, lambda: prepare(record, EVERYTHING, NO_ENCODER, max_seconds=MAX_SECONDS))
    checked = _timed(took, "checks", lambda: check_record(record))
    leads = _timed(took, "twelve leads", lambda: twelve_leads(checked))
    _timed(
        took,
        "quality",
        lambda: assess_leads(checked, leads, find_calibration_pulse(checked, leads)),
    )
    ready = _timed(took, "filter", lambda: condition(leads.signal, record.fs))
    r_peaks_s = _timed(took, "R peaks", lambda: r_peaks_of(ready))
    _timed(
        took, "pacing spikes", lambda: find_pacing(find_spikes(leads.signal, record.fs), r_peaks_s)
    )
    _timed(took, "intervals", lambda: measure_conditioned(ready, r_peaks_s))
    beats = _timed(took, "of these, beats", lambda: find_beats(ready, r_peaks_s))
    if beats.representative is None:
        return took | {"of these, network": np.nan, "of these, boundaries": np.nan}
    said = _timed(took, "of these, network", lambda: delineate(delineator_beat(beats)))
    _timed(took, "of these, boundaries", lambda: find_fiducials(said))
    return took


def _timed(took: dict[str, float], name: str, step: Callable[[], T]) -> T:
    began = time.process_time()
    result = step()
    took[name] = (time.process_time() - began) * 1000.0
    return result


def _median_of(rows: Sequence[dict[str, float]]) -> dict[str, float]:
    return {name: float(np.median([row[name] for row in rows])) for name in rows[0]}


def _line(name: str, took: Sequence[float]) -> str:
    there = [value for value in took if np.isfinite(value)]
    return (
        f"| {name} | {np.median(there):.2f} | {np.percentile(there, 90):.2f} |"
        if there
        else f"| {name} | | |"
    )


if __name__ == "__main__":
    main()
