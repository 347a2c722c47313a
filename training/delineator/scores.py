"""The delineator's errors by the formulas of the project's evaluation; its bias and uncertainty.

Error is measured minus reference. Its bias is the median, sd is numpy's, followed by the median and
90th percentile of the absolute error. Figures are out of fold.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from intervals.calibration import Calibration
from intervals.fiducials import INTERVALS
from intervals.measure import measure_conditioned
from intervals.measurements import Measurements
from intervals.unet import Network, build_network
from training.datasets.ludb import reference
from training.delineator.beats import BeatSource, condition_unpaced
from training.delineator.calibrate import Held, Weights, calibration_without

# Field of Reference -> field of Measurements.
MEASURES: Final = {
    "heart_rate": "heart_rate_bpm",
    "pr_ms": "pr_ms",
    "qrs_ms": "qrs_ms",
    "qt_ms": "qt_ms",
    "p_duration_ms": "p_duration_ms",
}
WORST: Final = ("qrs_ms", "pr_ms", "qt_ms")  # the measures whose largest errors are listed
HEADER: Final = (
    "| measure | reference | measured | coverage | bias (median) | sd | median abs | 90th pct abs "
    "| given where none | within uncertainty |\n"
    "|---|---|---|---|---|---|---|---|---|---|"
)


@dataclass(frozen=True, eq=False)
class Scores:
    """References and measurements of all records, and their errors.

    names        (records,)
    references, measured, uncertainty  (records,) by measure, NaN for none
    """

    names: tuple[str, ...]
    references: dict[str, NDArray[np.float64]]
    measured: dict[str, NDArray[np.float64]]
    uncertainty: dict[str, NDArray[np.float64]]

    def row(self, name: str) -> dict[str, float]:
        """Return the numbers of one line of the table."""
        references = self.references[name]
        measured = self.measured[name]
        has_reference = np.isfinite(references)
        is_measured = np.isfinite(measured)
        both = has_reference & is_measured
        error = (measured - references)[both]
        row: dict[str, float] = {
            "reference": int(has_reference.sum()),
            "measured": int(both.sum()),
            "given_where_none": int((~has_reference & is_measured).sum()),
        }
        if error.size == 0:
            return row

        absolute_error = abs(error)
        row["bias"] = round(float(np.median(error)), 2)
        row["sd"] = round(float(error.std()), 2)
        row["median_abs"] = round(float(np.median(absolute_error)), 2)
        row["p90_abs"] = round(float(np.percentile(absolute_error, 90)), 2)
        if name in self.uncertainty:
            uncertainty = self.uncertainty[name][both]
            within = absolute_error <= uncertainty
            row["within_uncertainty"] = round(float(within.mean()), 3)
        return row

    def of(self, records: slice) -> Scores:
        """Return the scores of some of the records."""
        return Scores(
            self.names[records],
            {name: values[records] for name, values in self.references.items()},
            {name: values[records] for name, values in self.measured.items()},
            {name: values[records] for name, values in self.uncertainty.items()},
        )

    def table(self) -> str:
        """Return all measures as a table in Markdown."""
        lines = [_line(name, self.row(name)) for name in MEASURES]
        return "\n".join([HEADER, *lines])

    def worst(self, count: int = 5) -> str:
        """Return a line for each measure of WORST with its largest errors."""
        lines = []
        for name in WORST:
            error = self.measured[name] - self.references[name]
            order = np.argsort(-np.nan_to_num(abs(error)))[:count]
            records = [f"record {self.names[index]} {error[index]:+.0f}" for index in order]
            lines.append(f"{name}: {', '.join(records)}")
        return "\n".join(lines)


def score(
    sources: list[BeatSource],
    fold_weights: dict[int, Weights],
    fold: NDArray[np.intp],
    held: Held,
) -> Scores:
    """Return the scores out of fold: neither network nor calibration has seen the recording."""
    measurements: list[Measurements | None] = [None] * len(sources)
    for number, weights in fold_weights.items():
        network = build_network(weights)
        calibration = calibration_without(held, fold, number)
        for index in np.flatnonzero(fold == number):
            measurements[index] = measure_source(sources[index], network, calibration)
    return scores_of(sources, [each for each in measurements if each is not None])


def measure_source(source: BeatSource, network: Network, calibration: Calibration) -> Measurements:
    """Measure a record as the server does, with another network and calibration."""
    unpaced = condition_unpaced(source.record)
    return measure_conditioned(
        unpaced.ready,
        unpaced.r_peaks_s,
        paced=unpaced.was_paced,
        network=network,
        calibration=calibration,
    )


def _line(name: str, row: dict[str, float]) -> str:
    """Return one line of the table; empty cells where nothing could be compared."""
    references = row["reference"]
    measured = row["measured"]
    share = 100 * measured / max(1, references)
    bias = sd = median_abs = p90_abs = within = ""
    if "bias" in row:
        bias = f"{row['bias']:+.1f}"
        sd = f"{row['sd']:.1f}"
        median_abs = f"{row['median_abs']:.1f}"
        p90_abs = f"{row['p90_abs']:.1f}"
    if "within_uncertainty" in row:
        within = f"{100 * row['within_uncertainty']:.0f} %"
    cells = [
        name,
        f"{references}",
        f"{measured}",
        f"{share:.0f} %",
        bias,
        sd,
        median_abs,
        p90_abs,
        f"{row['given_where_none']}",
        within,
    ]
    return f"| {' | '.join(cells)} |"


def scores_of(sources: list[BeatSource], measurements: list[Measurements]) -> Scores:
    """Arrange references and measurements, both one a source, in arrays by measure."""
    references = [reference(source.record) for source in sources]
    references_by_measure = {}
    measured = {}
    for name, field in MEASURES.items():
        references_by_measure[name] = np.array([getattr(each, name) for each in references])
        measured[name] = _array([getattr(each, field) for each in measurements])
    uncertainty = {}
    for name in INTERVALS:
        uncertainty[name] = _array([each.uncertainty_ms.get(name) for each in measurements])
    names = tuple(source.record.name for source in sources)
    return Scores(names, references_by_measure, measured, uncertainty)


def _array(values: Sequence[float | None]) -> NDArray[np.float64]:
    """Return an array with NaN for None."""
    return np.array([np.nan if value is None else value for value in values])
