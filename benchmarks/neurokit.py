"""NeuroKit2's own delineation on LUDB, scored by the formulas of the intervals: what a user would have without this server.

    python -m benchmarks.neurokit --data /path/to/ludb [--methods dwt,prominence] [--page docs/accuracy.md]

Each lead is cleaned (`ecg_clean`), its R peaks are found (`ecg_peaks`) and delineated (`ecg_delineate`), all with NeuroKit2's
defaults. A lead's interval is the median over its beats; the recording's is lead II's, or the median over the leads that gave
one. The table is printed and written between its marks in the page.
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
METHODS: Final = ("dwt", "prominence")  # of those that give both ends of P, QRS and T, beat by beat
# Measure -> where NeuroKit2 lists its beginning and its end, a beat each.
BOUNDARIES: Final = {
    "pr_ms": ("ECG_P_Onsets", "ECG_R_Onsets"),
    "qrs_ms": ("ECG_R_Onsets", "ECG_R_Offsets"),
    "qt_ms": ("ECG_R_Onsets", "ECG_T_Offsets"),
    "p_duration_ms": ("ECG_P_Onsets", "ECG_P_Offsets"),
}
FAILS: Final = (
    ValueError,
    IndexError,
    KeyError,
    ZeroDivisionError,
)  # raised by NeuroKit2 on leads in which it finds too little
HEADER: Final = (
    "| method | leads | measure | reference | measured | coverage | bias (median) | sd | median abs | 90th pct abs | given where none |\n"
    "|---|---|---|---|---|---|---|---|---|---|---|"
)

Values = dict[str, float]


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--data", type=Path, required=True, help="LUDB: a folder with ludb.csv and data/"
    )
    parser.add_argument("--methods", default=",".join(METHODS))
    parser.add_argument(
        "--records", type=int, help="so many recordings only; nothing is written then"
    )
    parser.add_argument(
        "--page", type=Path, default=ACCURACY_PAGE, help="the document whose section is written"
    )
    options = parser.parse_args(arguments)
    records = read_ludb(options.data)[: options.records]
    with threadpool_limits(1):
        text = section(records, options.methods.split(","))
    print(text)
    if options.records is None:
        write_between(options.page, BEGIN, END, text)


def section(records: Sequence[LudbRecord], methods: Sequence[str]) -> str:
    lines, spent = [HEADER], []
    for method in methods:
        found = [[of_lead(lead, record.fs, method) for lead in record.signal] for record in records]
        for name, of_record in (("II", _lead_two), ("12, median", _median_lead)):
            lines += _lines(
                method,
                name,
                scores(records, [of_record([values for values, _ in leads]) for leads in found]),
            )
        cpu_ms = np.median([cpu for leads in found for _, cpu in leads])
        failed = sum(not values for leads in found for values, _ in leads)
        spent.append(
            f"{method} {cpu_ms:.1f} ms ({failed} of {len(records) * len(LEADS)} leads raised an error)"
        )
    return f"""### NeuroKit2's own methods

The same {len(records)} recordings and references; NeuroKit2 as it comes: `ecg_clean`, `ecg_peaks`, `ecg_delineate`. An interval is
the median over beats, of lead II or of the leads together. Written by

    python -m benchmarks.neurokit --data LUDB

{chr(10).join(lines)}

CPU of one lead, median: {", ".join(spent)}; on {machine("neurokit2", "numpy", "scipy")}.
"""


def of_lead(signal: NDArray[np.float64], fs: float, method: str) -> tuple[Values, float]:
    """What NeuroKit2 says of one lead, by measure (nothing where it raises), and the CPU time in ms."""
    import neurokit2

    rate = int(fs)
    began = time.process_time()
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")  # NeuroKit2's own, where a wave is not found
            cleaned = neurokit2.ecg_clean(signal, sampling_rate=rate)
            peaks = neurokit2.ecg_peaks(cleaned, sampling_rate=rate)[1]["ECG_R_Peaks"]
            _, waves = neurokit2.ecg_delineate(cleaned, peaks, sampling_rate=rate, method=method)
    except FAILS:
        return {}, (time.process_time() - began) * 1000.0
    cpu_ms = (time.process_time() - began) * 1000.0
    rr = np.diff(np.asarray(peaks, np.float64)) / fs
    values = {name: _interval_ms(waves, *ends, fs) for name, ends in BOUNDARIES.items()}
    return values | {"heart_rate": 60.0 / float(np.median(rr)) if rr.size else np.nan}, cpu_ms


def _interval_ms(waves: dict[str, Any], start: str, stop: str, fs: float) -> float:
    """Median over beats; NaN without a beat that has both ends."""
    begins, ends = (np.asarray(waves.get(name, []), np.float64) for name in (start, stop))
    if begins.size != ends.size:
        return float("nan")
    lengths = (ends - begins)[np.isfinite(ends - begins)]
    return float(np.median(lengths)) * 1000.0 / fs if lengths.size else float("nan")


def _lead_two(leads: Sequence[Values]) -> Values:
    return leads[LEADS.index("II")]


def _median_lead(leads: Sequence[Values]) -> Values:
    """The median over the leads that gave the measure."""
    found = {}
    for name in MEASURES:
        there = [values[name] for values in leads if np.isfinite(values.get(name, np.nan))]
        found[name] = float(np.median(there)) if there else float("nan")
    return found


def scores(records: Sequence[LudbRecord], found: Sequence[Values]) -> Scores:
    truth = [reference(record) for record in records]
    references = {name: np.array([getattr(each, name) for each in truth]) for name in MEASURES}
    values = {name: np.array([each.get(name, np.nan) for each in found]) for name in MEASURES}
    return Scores(tuple(record.name for record in records), references, values, {}, {})


def _lines(method: str, leads: str, scored: Scores) -> list[str]:
    lines = []
    for name in MEASURES:
        row = scored.row(name)
        share = 100 * row["measured"] / max(1, row["reference"])
        start = f"| {method} | {leads} | {name} | {row['reference']} | {row['measured']} | {share:.0f} % |"
        error = (
            "| | | "
            if "bias" not in row
            else f"{row['bias']:+.1f} | {row['sd']:.1f} | {row['median_abs']:.1f} | {row['p90_abs']:.1f}"
        )
        lines.append(f"{start} {error} | {row['given_where_none']} |")
    return lines


if __name__ == "__main__":
    main()
