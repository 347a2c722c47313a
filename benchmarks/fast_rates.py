"""How accurate the intervals are at fast rates: LUDB's beats, brought closer to each other.

    OMP_NUM_THREADS=1 python -m benchmarks.fast_rates --data LUDB [--every 1]

The true values follow from the change (`training.delineator.fast_variants`). The network was
trained on LUDB's beats, but not on beats that follow each other so fast. The table is written
between its marks in docs/accuracy.md.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from intervals.measure import measure
from intervals.measurements import Measurements
from signals.leads import TwelveLeads
from training.datasets.annotated import AnnotatedRecord
from training.datasets.ludb import read_ludb
from training.delineator.fast_variants import (
    QRS_FACTORS,
    RATES_PER_MIN,
    FastVariant,
    fast_variant,
)
from training.page import ACCURACY_PAGE, write_between

Array = NDArray[np.float64]

FIELDS: Final = ("qrs_ms", "pr_ms", "qt_ms")
MIN_RECORDS: Final = 20  # for a line of the table
BEGIN: Final = "<!-- fast rates: written by python -m benchmarks.fast_rates -->\n"
END: Final = "<!-- end of fast rates -->\n"


def main(arguments: list[str] | None = None) -> None:
    """Measure LUDB at fast rates, print the table and write it to the page."""
    options = _parser().parse_args(arguments)
    text = section(read_ludb(options.data)[:: options.every])
    print(text)
    if options.every == 1:
        write_between(options.page, BEGIN, END, text)


def section(records: Sequence[AnnotatedRecord]) -> str:
    """Return the section of docs/accuracy.md with its table."""
    lines = [_line(records, rate, factor) for rate in RATES_PER_MIN for factor in QRS_FACTORS]
    rows = "\n".join(line for line in lines if line is not None)
    return f"""### Intervals at fast rates

LUDB's recordings without pacing, fibrillation, flutter and extrasystoles, their beats brought
closer to each other: PR and ST-T shortened, QRS by a factor, and T ends where the next P begins, if
it reaches it (`training/delineator/fast_variants.py`). In how many the interval is given; bias and
90th percentile of the absolute error in ms; and the share within the stated uncertainty. The
network was trained on these recordings, but not at these rates. Above 120 per minute it sees a beat
without its neighbours. Written by

    python -m benchmarks.fast_rates --data LUDB

| per minute | QRS by | recordings | QRS | PR | QT |
|---|---|---|---|---|---|
{rows}
"""


def _line(records: Sequence[AnnotatedRecord], rate: int, factor: float) -> str | None:
    """Return one line of the table; None with fewer than MIN_RECORDS recordings."""
    made = [(record.fs, fast_variant(record, rate, factor)) for record in records]
    variants = [(fs, variant) for fs, variant in made if variant is not None]
    if len(variants) < MIN_RECORDS:
        return None
    measured = [_measured(variant, fs) for fs, variant in variants]
    truths = [variant for _, variant in variants]
    cells = [_cell(field, truths, measured) for field in FIELDS]
    return f"| {rate} | {factor:g} | {len(variants)} | {' | '.join(cells)} |"


def _measured(variant: FastVariant, fs: float) -> Measurements:
    signal = variant.signal.astype(np.float32)
    return measure(TwelveLeads(signal, np.ones(len(signal), np.bool_)), fs)


def _cell(field: str, truths: Sequence[FastVariant], measured: Sequence[Measurements]) -> str:
    """Return how often an interval is given, its bias, 90th percentile and share within."""
    errors, within = [], []
    for truth, measurements in zip(truths, measured, strict=True):
        value = getattr(measurements, field)
        if value is not None:
            errors.append(value - getattr(truth, field))
            within.append(abs(errors[-1]) <= measurements.uncertainty_ms[field])
    given = f"{100 * len(errors) / len(truths):.0f} %"
    if not errors:
        return given
    bias, p90 = np.median(errors), np.percentile(np.abs(errors), 90)
    return f"{given}: {bias:+.1f}, {p90:.0f}, {100 * np.mean(within):.0f} %"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--data", type=Path, required=True, help="LUDB: a folder with ludb.csv and data/"
    )
    parser.add_argument(
        "--every",
        type=int,
        default=1,
        help="measure every n-th recording only; the page is not written then",
    )
    parser.add_argument(
        "--page", type=Path, default=ACCURACY_PAGE, help="the document whose section is written"
    )
    return parser


if __name__ == "__main__":
    main()
