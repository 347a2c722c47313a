"""Score NeuroKit2's delineation on LUDB by the formulas of the intervals, as a comparison.

    python -m benchmarks.neurokit --data /path/to/ludb [--methods dwt,prominence]
        [--page docs/accuracy.md]

Each lead is cleaned (`ecg_clean`), its R peaks are found (`ecg_peaks`) and delineated
(`ecg_delineate`), all with NeuroKit2's defaults, by the code that the server serves them with
(`intervals.neurokit.leads`). A lead's interval is the median over its beats;
the recording's is that of lead II, or the median over the leads that gave one. The table is printed
and written between its marks in the page.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from benchmarks.machine import machine
from intervals.neurokit.leads import lead_values
from intervals.neurokit.loading import NEUROKIT_ERRORS, load
from signals.leads import LEADS
from training.datasets.annotated import AnnotatedRecord
from training.datasets.ludb import read_ludb, reference
from training.delineator.scores import MEASURES, Scores
from training.page import ACCURACY_PAGE, write_between

BEGIN: Final = "<!-- neurokit: written by python -m benchmarks.neurokit -->\n"
END: Final = "<!-- end of neurokit -->\n"
METHODS: Final = ("dwt", "prominence")  # of those that give both ends of P, QRS and T of each beat
OWN_TABLE: Final = ("**Out of fold**", "**In sample**")  # what encloses it in the page
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
    load()
    with threadpool_limits(1):
        text = section(records, options.methods.split(","), options.page.read_text())
    print(text)
    if options.records is None:
        write_between(options.page, BEGIN, END, text)


def section(records: Sequence[AnnotatedRecord], methods: Sequence[str], page: str) -> str:
    """Return the section of docs/accuracy.md; `page` has the table of the server's own method."""
    lines = [HEADER]
    times = []
    for method in methods:
        method_lines, method_time = _method_lines(records, method)
        lines += method_lines
        times.append(method_time)
    table = "\n".join([*lines, *_own_lines(page)])
    return f"""### NeuroKit2's own methods

The same {len(records)} recordings and references; NeuroKit2 with its defaults: `ecg_clean`,
`ecg_peaks`, `ecg_delineate`. An interval is the median over beats, of lead II or of the leads
together. `dwt` over 12 leads is what `measurements_method=neurokit2` answers
([api](api.md#analyze)). The last lines are those of the server's own method, out of fold, from the
table above. Written by

    python -m benchmarks.neurokit --data LUDB

{table}

CPU of one lead, median: {", ".join(times)}; on {machine("neurokit2", "numpy", "scipy")}.
"""


def delineate_lead(signal: NDArray[np.float64], method: str) -> tuple[Values, float]:
    """Return NeuroKit2's measures of one lead (samples,) at 500 Hz, and the CPU time in ms."""
    began = time.process_time()
    try:
        values = lead_values(signal, method)
    except NEUROKIT_ERRORS:
        return {}, (time.process_time() - began) * 1000.0
    cpu_ms = (time.process_time() - began) * 1000.0
    return {name: values[field] for name, field in MEASURES.items()}, cpu_ms


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


def _method_lines(records: Sequence[AnnotatedRecord], method: str) -> tuple[list[str], str]:
    """Return a method's lines of the table, and a phrase on its CPU time."""
    values_by_record = []
    cpu_ms = []
    failed = 0
    for record in records:
        lead_values = []
        for lead in record.signal:
            values, lead_cpu_ms = delineate_lead(lead, method)
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


def _own_lines(page: str) -> list[str]:
    """Return the lines of the server's own method, from its table in the page."""
    begin, end = OWN_TABLE
    table = page.partition(begin)[2].partition(end)[0]
    rows = [line.split("|")[1:10] for line in table.splitlines()]
    own = [row for row in rows if row and row[0].strip() in MEASURES]
    return [f"| the server's own | 12 together |{'|'.join(row)}|" for row in own]


def _median_over_leads(leads: Sequence[Values]) -> Values:
    """Return each measure's median over the leads that gave it."""
    medians = {}
    for name in MEASURES:
        given = [values[name] for values in leads if np.isfinite(values.get(name, np.nan))]
        medians[name] = float(np.median(given)) if given else float("nan")
    return medians


def _scores(records: Sequence[AnnotatedRecord], values: Sequence[Values]) -> Scores:
    references = [reference(record) for record in records]
    references_by_measure = {}
    measured = {}
    for name in MEASURES:
        references_by_measure[name] = np.array([getattr(each, name) for each in references])
        measured[name] = np.array([of_record.get(name, np.nan) for of_record in values])
    names = tuple(record.name for record in records)
    return Scores(names, references_by_measure, measured, uncertainty={})


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
