"""How far the delineator is off, by the formulas of the project's evaluation; its bias and uncertainty, out of fold.

error = measured - reference; bias is the median, sd that of numpy, then the median and 90th percentile of the absolute error.
"""

from __future__ import annotations

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
from training.delineator.beats import BeatSource, targets, unpaced

Weights = dict[str, NDArray[np.float32]]
MEASURES: Final = {"heart_rate": "heart_rate_bpm"} | {
    name: name for name in ("pr_ms", "qrs_ms", "qt_ms", "p_duration_ms")
}
WITHIN_PERCENT: Final = 80.0  # of the references shall lie within the uncertainty
HEADER: Final = (
    "| measure | reference | measured | coverage | bias (median) | sd | median abs | 90th pct abs "
    "| given where none | within uncertainty |\n"
    "|---|---|---|---|---|---|---|---|---|---|"
)


@dataclass(frozen=True, eq=False)
class Scores:
    """Arrays over records, by measure; `calibration` is made of all of them, for what ships."""

    names: tuple[str, ...]
    references: dict[str, NDArray[np.float64]]
    found: dict[str, NDArray[np.float64]]
    uncertainty: dict[str, NDArray[np.float64]]
    calibration: dict[str, Any]

    def row(self, name: str) -> dict[str, float]:
        """One line of the table as numbers."""
        truth, found = self.references[name], self.found[name]
        both = np.isfinite(truth) & np.isfinite(found)
        error = (found - truth)[both]
        row: dict[str, float] = {
            "reference": int(np.isfinite(truth).sum()),
            "measured": int(both.sum()),
        }
        row["given_where_none"] = int((~np.isfinite(truth) & np.isfinite(found)).sum())
        if error.size == 0:
            return row
        spread = {"median_abs": np.median(abs(error)), "p90_abs": np.percentile(abs(error), 90)}
        row |= {
            key: round(float(value), 2)
            for key, value in ({"bias": np.median(error), "sd": error.std()} | spread).items()
        }
        if name in self.uncertainty:
            row["within_uncertainty"] = round(
                float((abs(error) <= self.uncertainty[name][both]).mean()), 3
            )
        return row

    def table(self) -> str:
        return "\n".join([HEADER, *(_line(name, self.row(name)) for name in MEASURES)])

    def worst(self, count: int = 5) -> str:
        said = []
        for name in ("qrs_ms", "pr_ms", "qt_ms"):
            error = self.found[name] - self.references[name]
            order = np.argsort(-np.nan_to_num(abs(error)))[:count]
            said.append(
                f"{name}: "
                + ", ".join(f"record {self.names[index]} {error[index]:+.0f}" for index in order)
            )
        return "\n".join(said)


def _line(name: str, row: dict[str, float]) -> str:
    share = 100 * row["measured"] / max(1, row["reference"])
    start = f"| {name} | {row['reference']} | {row['measured']} | {share:.0f} % |"
    if "bias" not in row:
        return f"{start} | | | | {row['given_where_none']} | |"
    within = f"{100 * row['within_uncertainty']:.0f} %" if "within_uncertainty" in row else ""
    error = f"{row['bias']:+.1f} | {row['sd']:.1f} | {row['median_abs']:.1f} | {row['p90_abs']:.1f}"
    return f"{start} {error} | {row['given_where_none']} | {within} |"


def score(
    sources: list[BeatSource], held: dict[int, Weights], fold: NDArray[np.intp], ships: Weights
) -> tuple[Scores, Scores]:
    """-> (out of fold, in sample of what ships).

    Each record is measured by the network of its fold, `held`, which never saw it. A network's bias is that on the records it
    was trained on; the uncertainty's scale comes from the other folds' held-out records. What ships has all records for both.
    """
    truth = [reference(source.record) for source in sources]
    unseen: list[Fiducials] = [None] * len(sources)  # type: ignore[list-item]
    biases = {}
    networks, shipping = (
        {k: build_network(weights) for k, weights in held.items()},
        build_network(ships),
    )
    for k, network in networks.items():
        said = [_said(source, network) for source in sources]
        biases[k] = bias_ms(sources, said, truth, fold != k)
        for index in np.flatnonzero(fold == k):
            unseen[index] = join_readings(said[index], biases[k])
    calibrations = {k: _calibration(biases[k], uncertainty(unseen, truth, fold != k)) for k in held}
    everything = np.ones(len(sources), np.bool_)
    final = _calibration(
        bias_ms(sources, [_said(source, shipping) for source in sources], truth, everything),
        uncertainty(unseen, truth, everything),
    )
    found = [
        measured(source, networks[k], calibrations[k])
        for source, k in zip(sources, fold.tolist(), strict=True)
    ]
    seen = [measured(source, shipping, final) for source in sources]
    return collect(sources, truth, found, final), collect(sources, truth, seen, final)


def collect(
    sources: list[BeatSource],
    truth: list[Reference],
    found: list[Measurements],
    calibration: dict[str, Any],
) -> Scores:
    references = {name: np.array([getattr(each, name) for each in truth]) for name in MEASURES}
    values = {
        name: np.array([_number(getattr(each, field)) for each in found])
        for name, field in MEASURES.items()
    }
    uncertainty = {
        name: np.array([each.uncertainty_ms.get(name, np.nan) for each in found])
        for name in INTERVALS
    }
    return Scores(
        tuple(source.record.name for source in sources),
        references,
        values,
        uncertainty,
        calibration,
    )


def measured(source: BeatSource, network: Network, calibration: dict[str, Any]) -> Measurements:
    """The whole of what the server would say of the record."""
    return measure_conditioned(*unpaced(source.record), network=network, calibration=calibration)


def bias_ms(
    sources: list[BeatSource],
    said: list[Readings],
    truth: list[Reference],
    chosen: NDArray[np.bool_],
) -> NDArray[np.float64]:
    """(5, 3) of each boundary's readings over the chosen records: none is off in the median, and no interval that they give."""
    index = np.flatnonzero(chosen)
    drawn = np.array([_drawn_ms(sources[i]) for i in index])
    bias = np.asarray(
        np.nanmedian(np.array([said[i].times for i in index]) - drawn[:, None], axis=0).T,
        np.float64,
    )
    found = [join_readings(said[i], bias) for i in index]
    off = {
        name: float(
            np.nanmedian(
                [
                    _length(name, each) - getattr(truth[i], name)
                    for each, i in zip(found, index, strict=True)
                ]
            )
        )
        for name in INTERVALS
    }
    bias[QRS_OFF] += off["qrs_ms"]
    bias[T_OFF] += off["qt_ms"]
    bias[P_ON] -= off["pr_ms"]
    bias[P_OFF] += off["p_duration_ms"] - off["pr_ms"]
    return bias


def uncertainty(
    said: list[Fiducials], truth: list[Reference], chosen: NDArray[np.bool_]
) -> dict[str, dict[str, float]]:
    """Scale and floor of each interval's uncertainty, from readings of records that were not trained on, their bias removed."""
    found = {}
    for name in INTERVALS:
        error = np.array(
            [_length(name, said[i]) - getattr(truth[i], name) for i in np.flatnonzero(chosen)]
        )
        spread = np.array([interval_spread(name, said[i]) for i in np.flatnonzero(chosen)])
        floor = float(np.percentile(spread[np.isfinite(error)], 25))
        scale = float(np.nanpercentile(np.abs(error) / np.maximum(spread, floor), WITHIN_PERCENT))
        found[name] = {"scale": round(scale, 3), "floor_ms": round(floor, 3)}
    return found


def _calibration(bias: NDArray[np.float64], scales: dict[str, dict[str, float]]) -> dict[str, Any]:
    return {"bias_ms": dict(zip(NAMES, bias.round(3).tolist(), strict=True)), "uncertainty": scales}


def _said(source: BeatSource, network: Network) -> Readings:
    return read_boundaries(delineate(delineator_beat(source.beats), network))


def _drawn_ms(source: BeatSource) -> NDArray[np.float64]:
    """(5,) the global boundaries as they were drawn, in ms from the beat's centre."""
    marks = source.marks[source.normal] if source.normal.any() else source.marks
    return np.asarray((targets(marks)[1] - CENTRE_SAMPLE) * SAMPLE_MS, np.float64)


def _length(name: str, said: Fiducials) -> float:
    start, stop = INTERVALS[name]
    return float(said.times[stop] - said.times[start])


def _number(value: float | None) -> float:
    return float("nan") if value is None else value
