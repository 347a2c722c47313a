"""Score NeuroKit2's delineation on LUDB by the formulas of the intervals, as a comparison.

    python -m benchmarks.neurokit --data /path/to/ludb [--methods dwt,prominence]
        [--page docs/accuracy.md]

Each lead is cleaned (`ecg_clean`), its R peaks are found (`ecg_peaks`) and delineated
(`ecg_delineate`), all with NeuroKit2's defaults. A lead's interval is the median over its beats;
the recording's is that of lead II, or the median over the leads that gave one. The table is printed
and written between its marks in the page.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from benchmarks.machine import machine
from signals.leads import LEADS
from training.datasets.ludb import LudbRecord, read_ludb, reference
from training.delineator.scores import MEASURES, Scores
from training.page import ACCURACY_PAGE, write_between

BEGIN: Final = "<!-- neurokit: written by python -m benchmarks.neurokit -->\n"
END: Final = "<!-- end of neurokit -->\n"
METHODS: Final = ("dwt", "prominence")  # of those that give both ends of P, QRS and T of each beat
# Measure -> the lists of NeuroKit2 with its start and its end in each beat.
BOUNDARIES: Final = {
    "pr_ms": ("ECG_P_Onsets", "ECG_R_Onsets"),
    "qrs_ms": ("ECG_R_Onsets", "ECG_R_Offsets"),
    "qt_ms": ("ECG_R_Onsets", "ECG_T_Offsets"),
    "p_duration_ms": ("ECG_P_Onsets", "ECG_P_Offsets"),
}
# Raised by NeuroKit2 on leads in which it finds too little.
NEUROKIT_ERRORS: Final = (ValueError, IndexError, KeyError, ZeroDivisionError)
HEADER: Final = (
    "| method | leads | measure | reference | measured | coverage | bias (median) | sd | median abs"
    " | 90th pct abs | given where none |\n"
    "|---|---|---|---|---|---|---|---|---|---|---|"
)

Values = dict[str, float]
"""Measure -> value; empty for a lead on which NeuroKit2 raised an error."""


def main(arguments: list[str] | None = None) -> None:
    """Delineate LUDB with NeuroKit2, print the table and write it to the page."""
    options = _parser().parse_args(arguments)
    records = read_ludb(options.data)[: options.records]
    with threadpool_limits(1):
        text = section(records, options.methods.split(","))
    print(text)
    if options.records is None:
        write_between(options.page, BEGIN, END, text)


def section(records: Sequence[LudbRecord], methods: Sequence[str]) -> str:
    """Return the section of docs/accuracy.md."""
    lines = [HEADER]
    times = []
    for method in methods:
        method_lines, method_time = _method_lines(records, method)
        lines += method_lines
        times.append(method_time)
    table = "\n".join(lines)
    return f"""### NeuroKit2's own methods

The same {len(records)} recordings and references; NeuroKit2 with its defaults: `ecg_clean`,
`ecg_peaks`, `ecg_delineate`. An interval is the median over beats, of lead II or of the leads
together. Written by

    python -m benchmarks.neurokit --data LUDB

{table}

CPU of one lead, median: {", ".join(times)}; on {machine("neurokit2", "numpy", "scipy")}.
"""


def delineate_lead(signal: NDArray[np.float64], fs: float, method: str) -> tuple[Values, float]:
    """Return NeuroKit2's measures of one lead (samples,), and the CPU time in ms."""
    import neurokit2

    rate = int(fs)
    began = time.process_time()
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")  # NeuroKit2 warns where it does not find a wave
            cleaned = neurokit2.ecg_clean(signal, sampling_rate=rate)
            peaks = neurokit2.ecg_peaks(cleaned, sampling_rate=rate)[1]["ECG_R_Peaks"]
            _, waves = neurokit2.ecg_delineate(cleaned, peaks, sampling_rate=rate, method=method)
    except NEUROKIT_ERRORS:
        return {}, (time.process_time() - began) * 1000.0
    cpu_ms = (time.process_time() - began) * 1000.0

    values = {}
    for name, (start, stop) in BOUNDARIES.items():
        values[name] = _interval_ms(waves, start, stop, fs)
    rr_s = np.diff(np.asarray(peaks, np.float64)) / fs
    values["heart_rate"] = 60.0 / float(np.median(rr_s)) if rr_s.size else np.nan
    return values, cpu_ms


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--data", type=Path, required=True, help="LUDB: a folder with ludb.csv and data/"
    )
    parser.add_argument("--methods", default=",".join(METHODS))
    parser.add_argument(
        "--records", type=int, help="only the first n recordings; the page is not written then"
    )
    parser.add_argument(
        "--page", type=Path, default=ACCURACY_PAGE, help="the document whose section is written"
    )
    return parser


def _method_lines(records: Sequence[LudbRecord], method: str) -> tuple[list[str], str]:
    """Return a method's lines of the table, and a phrase on its CPU time."""
    values_by_record = []
    cpu_ms = []
    failed = 0
    for record in records:
        lead_values = []
        for lead in record.signal:
            values, lead_cpu_ms = delineate_lead(lead, record.fs, method)
            lead_values.append(values)
            cpu_ms.append(lead_cpu_ms)
            failed += not values
        values_by_record.append(lead_values)

    lead_two = _scores(records, [leads[LEADS.index("II")] for leads in values_by_record])
    all_leads = _scores(records, [_median_over_leads(leads) for leads in values_by_record])
    lines = _lines(method, "II", lead_two) + _lines(method, "12, median", all_leads)
    total = len(records) * len(LEADS)
    cpu_time = f"{method} {np.median(cpu_ms):.1f} ms ({failed} of {total} leads raised an error)"
    return lines, cpu_time


def _interval_ms(waves: dict[str, Any], start: str, stop: str, fs: float) -> float:
    """Return the median over beats; NaN without a beat that has both ends."""
    starts = np.asarray(waves.get(start, []), np.float64)
    stops = np.asarray(waves.get(stop, []), np.float64)
    if starts.size != stops.size:
        return float("nan")
    lengths = stops - starts
    lengths = lengths[np.isfinite(lengths)]
    return float(np.median(lengths)) * 1000.0 / fs if lengths.size else float("nan")


def _median_over_leads(leads: Sequence[Values]) -> Values:
    """Return each measure's median over the leads that gave it."""
    medians = {}
    for name in MEASURES:
        given = [values[name] for values in leads if np.isfinite(values.get(name, np.nan))]
        medians[name] = float(np.median(given)) if given else float("nan")
    return medians


def _scores(records: Sequence[LudbRecord], values: Sequence[Values]) -> Scores:
    references = [reference(record) for record in records]
    references_by_measure = {}
    measured = {}
    for name in MEASURES:
        references_by_measure[name] = np.array([getattr(each, name) for each in references])
        measured[name] = np.array([of_record.get(name, np.nan) for of_record in values])
    names = tuple(record.name for record in records)
    return Scores(names, references_by_measure, measured, uncertainty={}, calibration={})


def _lines(method: str, leads: str, scores: Scores) -> list[str]:
    lines = []
    for name in MEASURES:
        row = scores.row(name)
        share = 100 * row["measured"] / max(1, row["reference"])
        counts = f"{row['reference']} | {row['measured']} | {share:.0f} %"
        error = "| | | "
        if "bias" in row:
            absolute = f"{row['median_abs']:.1f} | {row['p90_abs']:.1f}"
            error = f"{row['bias']:+.1f} | {row['sd']:.1f} | {absolute}"
        start = f"| {method} | {leads} | {name} | {counts} |"
        lines.append(f"{start} {error} | {row['given_where_none']} |")
    return lines


if __name__ == "__main__":
    main()
