"""The delineator's errors by the formulas of the project's evaluation; its bias and uncertainty.

Error is measured minus reference. Its bias is the median, sd is numpy's, followed by the median and
90th percentile of the absolute error. Figures are out of fold.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from intervals.beat_grid import CENTRE_SAMPLE, SAMPLE_MS
from intervals.beats import delineator_beat
from intervals.delineator import delineate
from intervals.fiducials import (
    NAMES,
    P_OFF,
    P_ON,
    QRS_OFF,
    T_OFF,
    Fiducials,
    Readings,
    join_readings,
    read_boundaries,
)
from intervals.measure import INTERVALS, interval_spread, measure_conditioned
from intervals.measurements import Measurements
from intervals.unet import Network, build_network
from training.datasets.ludb import Reference, reference
from training.delineator.beats import BeatSource, condition_unpaced, join_marks

Weights = dict[str, NDArray[np.float32]]
# Field of Reference -> field of Measurements.
MEASURES: Final = {
    "heart_rate": "heart_rate_bpm",
    "pr_ms": "pr_ms",
    "qrs_ms": "qrs_ms",
    "qt_ms": "qt_ms",
    "p_duration_ms": "p_duration_ms",
}
WITHIN_PERCENT: Final = 80.0  # of the references, within the uncertainty
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
    calibration  fitted on all records, for the network that ships
    """

    names: tuple[str, ...]
    references: dict[str, NDArray[np.float64]]
    measured: dict[str, NDArray[np.float64]]
    uncertainty: dict[str, NDArray[np.float64]]
    calibration: dict[str, Any]

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
    shipped_weights: Weights,
) -> tuple[Scores, Scores]:
    """Return the scores out of fold, and those of the network that ships, which are in sample.

    Each record is measured by the network of its fold, which was not trained on it. A network's
    bias is fitted on the records that it was trained on; the uncertainty's scale on the held-out
    records of the other folds. The network that ships has all records for both.

    fold  (records,) number of each record's fold
    """
    references = [reference(source.record) for source in sources]
    networks = {number: build_network(weights) for number, weights in fold_weights.items()}
    held_out: list[Fiducials] = [None] * len(sources)  # type: ignore[list-item]
    biases = {}
    for number, network in networks.items():
        readings = [_readings(source, network) for source in sources]
        biases[number] = _bias_ms(sources, readings, references, fold != number)
        for index in np.flatnonzero(fold == number):
            held_out[index] = join_readings(readings[index], biases[number])

    calibrations = {}
    for number in networks:
        scales = _uncertainty_scales(held_out, references, fold != number)
        calibrations[number] = _calibration(biases[number], scales)
    out_of_fold = []
    for source, number in zip(sources, fold.tolist(), strict=True):
        out_of_fold.append(measure_source(source, networks[number], calibrations[number]))

    shipped = build_network(shipped_weights)
    all_records = np.ones(len(sources), np.bool_)
    shipped_readings = [_readings(source, shipped) for source in sources]
    calibration = _calibration(
        _bias_ms(sources, shipped_readings, references, all_records),
        _uncertainty_scales(held_out, references, all_records),
    )
    in_sample = [measure_source(source, shipped, calibration) for source in sources]
    return (
        _scores(sources, references, out_of_fold, calibration),
        _scores(sources, references, in_sample, calibration),
    )


def measure_source(
    source: BeatSource, network: Network, calibration: dict[str, Any]
) -> Measurements:
    """Measure a record as the server does, with another network and calibration."""
    ready, r_peaks_s = condition_unpaced(source.record)
    return measure_conditioned(ready, r_peaks_s, network=network, calibration=calibration)


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


def _scores(
    sources: list[BeatSource],
    references: list[Reference],
    measurements: list[Measurements],
    calibration: dict[str, Any],
) -> Scores:
    """Arrange references and measurements, both one a source, in arrays by measure."""
    references_by_measure = {}
    measured = {}
    for name, field in MEASURES.items():
        references_by_measure[name] = np.array([getattr(each, name) for each in references])
        measured[name] = _array([getattr(each, field) for each in measurements])
    uncertainty = {}
    for name in INTERVALS:
        uncertainty[name] = _array([each.uncertainty_ms.get(name) for each in measurements])
    names = tuple(source.record.name for source in sources)
    return Scores(names, references_by_measure, measured, uncertainty, calibration)


def _array(values: Sequence[float | None]) -> NDArray[np.float64]:
    """Return an array with NaN for None."""
    return np.array([np.nan if value is None else value for value in values])


def _bias_ms(
    sources: list[BeatSource],
    readings: list[Readings],
    references: list[Reference],
    chosen: NDArray[np.bool_],
) -> NDArray[np.float64]:
    """Return the bias (5, 3) of each boundary's readings over the chosen records.

    Without it, each reading of a boundary is right in the median, and so is each interval that the
    joined readings give.
    """
    index = np.flatnonzero(chosen)
    annotated_ms = np.array([_annotated_ms(sources[i]) for i in index])
    read_ms = np.array([readings[i].times for i in index])
    bias = np.asarray(np.nanmedian(read_ms - annotated_ms[:, None], axis=0).T, np.float64)

    fiducials = [join_readings(readings[i], bias) for i in index]
    interval_bias = {}
    for name in INTERVALS:
        errors = [
            _interval_ms(name, joined) - getattr(references[i], name)
            for joined, i in zip(fiducials, index, strict=True)
        ]
        interval_bias[name] = float(np.nanmedian(errors))
    # Each interval is corrected at its end away from the QRS onset.
    bias[QRS_OFF] += interval_bias["qrs_ms"]
    bias[T_OFF] += interval_bias["qt_ms"]
    bias[P_ON] -= interval_bias["pr_ms"]
    bias[P_OFF] += interval_bias["p_duration_ms"] - interval_bias["pr_ms"]
    return bias


def _uncertainty_scales(
    fiducials: list[Fiducials], references: list[Reference], chosen: NDArray[np.bool_]
) -> dict[str, dict[str, float]]:
    """Return scale and floor of each interval's uncertainty, fitted on the chosen records.

    fiducials  of networks that were not trained on the records, their bias removed
    """
    index = np.flatnonzero(chosen)
    scales = {}
    for name in INTERVALS:
        errors = [_interval_ms(name, fiducials[i]) - getattr(references[i], name) for i in index]
        error = np.array(errors)
        spread = np.array([interval_spread(name, fiducials[i]) for i in index])
        floor = float(np.percentile(spread[np.isfinite(error)], 25))
        ratio = np.abs(error) / np.maximum(spread, floor)
        scale = float(np.nanpercentile(ratio, WITHIN_PERCENT))
        scales[name] = {"scale": round(scale, 3), "floor_ms": round(floor, 3)}
    return scales


def _calibration(bias: NDArray[np.float64], scales: dict[str, dict[str, float]]) -> dict[str, Any]:
    """Return the calibration in the format of the model card."""
    rounded = bias.round(3).tolist()
    bias_ms = dict(zip(NAMES, rounded, strict=True))
    return {"bias_ms": bias_ms, "uncertainty": scales}


def _readings(source: BeatSource, network: Network) -> Readings:
    """Return a network's readings of a record's representative beat."""
    beat = delineator_beat(source.beats)
    return read_boundaries(delineate(beat, network))


def _annotated_ms(source: BeatSource) -> NDArray[np.float64]:
    """Return the annotated global boundaries (5,) in ms from the beat's centre."""
    marks = source.marks[source.normal] if source.normal.any() else source.marks
    _, global_times, _ = join_marks(marks)
    return np.asarray((global_times - CENTRE_SAMPLE) * SAMPLE_MS, np.float64)


def _interval_ms(name: str, fiducials: Fiducials) -> float:
    """Return the length of an interval; NaN where an end is missing."""
    start, stop = INTERVALS[name]
    times = fiducials.times
    return float(times[stop] - times[start])
