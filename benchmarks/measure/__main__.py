"""CPU time of quality, intervals and pacing on one recording, step by step and all together.

    python -m benchmarks.measure --data /path/to/ludb [--repeats 5] [--records 100] [--neurokit 10]

The time is process_time on one core, with BLAS held to one thread and freed memory kept, as in a
signal worker, which calls the same functions in the same order. "all" is `analysis.prepare.prepare`
itself with every measured part, so that it includes what happens between the steps.
Each recording's figure is its median over the repeats; the table has the median and the 90th
percentile over recordings. NeuroKit2's usual steps on one lead are timed in the same run.
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
from intervals.matrix.lead_matrix import lead_matrix
from intervals.measure import measure_conditioned
from signal_quality import assess_leads, without_pulse
from signals.checks import MAX_SECONDS, check_record
from signals.conditioned import condition
from signals.leads import LEADS, twelve_leads
from signals.r_peaks import r_peaks_of
from signals.record import EcgRecord
from signals.spikes import find_pacing, find_spikes
from training.datasets.ludb import read_ludb

T = TypeVar("T")  # Python 3.11 has no syntax for generic functions
StepTimes = dict[str, float]
"""Step -> CPU time in ms."""

EVERYTHING = AnalyzeOptions(include=MEASURED_PARTS | {"quality"})
NO_ENCODER = Deployment("none", "none", "not needed here", {})
ALL, NEUROKIT = "all", "NeuroKit2, one lead"


def main(arguments: list[str] | None = None) -> None:
    """Time the steps on LUDB and print the table."""
    options = _parser().parse_args(arguments)
    records = []
    for ludb in read_ludb(options.data)[: options.records]:
        records.append(EcgRecord(ludb.signal.astype(np.float32), ludb.fs, LEADS))

    keep_freed_memory(SIGNAL_KEPT_BYTES)
    with threadpool_limits(1):
        time_steps(records[0])  # reads weights and maps pages, which is not measured
        ours = [_median_times(time_steps, record, options.repeats) for record in records]
        theirs = []
        for record in records[: options.neurokit]:
            theirs.append(_median_times(time_neurokit, record, options.repeats))

    print(f"{machine('numpy', 'scipy', 'neurokit2')}\n")
    shapes = sorted({f"{len(record.signal)} x {record.samples}" for record in records})
    print(f"{len(records)} recordings of {', '.join(shapes)}; {options.repeats} repeats\n")
    print(table(ours, theirs))


def table(ours: Sequence[StepTimes], theirs: Sequence[StepTimes]) -> str:
    """Return the times by step; the last lines compare NeuroKit2 on all leads with all steps."""
    lines = ["| step | median ms | 90th percentile |", "|---|---|---|"]
    lines += [_line(name, [times[name] for times in ours]) for name in ours[0]]
    if theirs:
        lead_ms = [times[NEUROKIT] for times in theirs]
        all_ms = [times[ALL] for times in ours]
        ratio = len(LEADS) * np.median(lead_ms) / np.median(all_ms)
        lines.append(_line(NEUROKIT, lead_ms))
        lines.append("")
        lines.append(
            f"NeuroKit2 on {len(LEADS)} leads takes {ratio:.0f} times as long as all of this."
        )
    return "\n".join(lines)


def time_neurokit(record: EcgRecord) -> StepTimes:
    """Time NeuroKit2's usual steps on lead II: cleaning, R peaks, delineation by wavelets."""
    import neurokit2

    lead_two = record.signal[LEADS.index("II")].astype(np.float64)
    rate = int(record.fs)

    def delineate_lead_two() -> None:
        with warnings.catch_warnings():
            # NeuroKit2 warns of pandas, and of waves that it does not find.
            warnings.simplefilter("ignore")
            cleaned = neurokit2.ecg_clean(lead_two, sampling_rate=rate)
            peaks = neurokit2.ecg_peaks(cleaned, sampling_rate=rate)[1]["ECG_R_Peaks"]
            neurokit2.ecg_delineate(cleaned, peaks, sampling_rate=rate, method="dwt")

    times: StepTimes = {}
    _timed(times, NEUROKIT, delineate_lead_two)
    return times


def time_steps(record: EcgRecord) -> StepTimes:
    """Time each step on one recording, in the order of the signal worker, and all together."""
    times: StepTimes = {}
    _timed(times, ALL, lambda: prepare(record, EVERYTHING, NO_ENCODER, max_seconds=MAX_SECONDS))
    checked = _timed(times, "checks", lambda: check_record(record))
    leads = _timed(times, "twelve leads", lambda: twelve_leads(checked))

    def assess() -> None:
        assess_leads(checked, without_pulse(checked))

    def find_spikes_and_pacing() -> None:
        find_pacing(find_spikes(leads.signal, record.fs), r_peaks_s)

    _timed(times, "quality", assess)
    ready = _timed(times, "filter", lambda: condition(leads.signal, record.fs))
    r_peaks_s = _timed(times, "R peaks", lambda: r_peaks_of(ready))
    _timed(times, "pacing spikes", find_spikes_and_pacing)
    measurements = _timed(times, "intervals", lambda: measure_conditioned(ready, r_peaks_s))
    _timed(times, "matrix", lambda: lead_matrix(ready, measurements, leads.present))

    beats = _timed(times, "of these, beats", lambda: find_beats(ready, r_peaks_s))
    if beats.representative is None:
        return times | {"of these, network": np.nan, "of these, boundaries": np.nan}
    delineation = _timed(times, "of these, network", lambda: delineate(delineator_beat(beats)))
    _timed(times, "of these, boundaries", lambda: find_fiducials(delineation))
    return times


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--data", type=Path, required=True, help="LUDB: a folder with ludb.csv and data/"
    )
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--records", type=int, help="only the first n recordings")
    parser.add_argument(
        "--neurokit", type=int, default=10, help="recordings whose lead II NeuroKit2 is timed on"
    )
    return parser


def _timed(times: StepTimes, name: str, step: Callable[[], T]) -> T:
    """Run a step, add its CPU time to `times`, and return its result."""
    began = time.process_time()
    result = step()
    times[name] = (time.process_time() - began) * 1000.0
    return result


def _median_times(
    time_record: Callable[[EcgRecord], StepTimes], record: EcgRecord, repeats: int
) -> StepTimes:
    """Time a recording `repeats` times and return each step's median."""
    runs = [time_record(record) for _ in range(repeats)]
    return {name: float(np.median([run[name] for run in runs])) for name in runs[0]}


def _line(name: str, times_ms: Sequence[float]) -> str:
    """Return one line of the table; empty cells where no recording has the step."""
    finite = [time_ms for time_ms in times_ms if np.isfinite(time_ms)]
    if not finite:
        return f"| {name} | | |"
    return f"| {name} | {np.median(finite):.2f} | {np.percentile(finite, 90):.2f} |"


if __name__ == "__main__":
    main()
