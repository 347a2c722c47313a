"""Fit a network's calibration: the bias of its readings, and what is left of it by length.

What is left is fitted on recordings that the network was not trained on, and on their variants
(`variants`), so that it holds for short and for long intervals too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from itertools import chain
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from intervals.beat_grid import CENTRE_SAMPLE, SAMPLE_MS
from intervals.beats import delineator_beat, find_beats
from intervals.calibration import ByLength, Calibration
from intervals.delineator import delineate
from intervals.fiducials import INTERVALS, NAMES, find_fiducials, read_boundaries
from intervals.unet import Network, build_network
from signals.conditioned import condition
from signals.r_peaks import r_peaks_of
from training.datasets.ludb import reference
from training.delineator.beats import BeatSource, join_marks
from training.delineator.p_presence import WITHIN_PERCENT, POutcome, fit_p_evidence
from training.delineator.variants import variants

Array = NDArray[np.float64]
Weights = dict[str, NDArray[np.float32]]

# Lengths are fitted in groups between these. A length beyond the outer ones is rarely usual.
EDGES_MS: Final = {
    "qrs_ms": (72.0, 92.0, 115.0, 140.0, 165.0),
    "qt_ms": (360.0, 420.0, 480.0, 540.0, 600.0),
    "pr_ms": (150.0, 190.0, 230.0, 270.0, 310.0, 350.0),
    "p_duration_ms": (),
}
MIN_IN_GROUP: Final = 15  # a smaller group joins the next one
# Of a group's bias. A network reads extreme lengths as more usual than they are; the whole
# correction would widen the errors of all other recordings, as it stretches them too.
CORRECTED_SHARE: Final = 0.5
FLOOR_PERCENT: Final = 25.0  # of the spreads: smaller ones count as this one


@dataclass(frozen=True, eq=False)
class Trial:
    """A beat with an interval whose length is known.

    beat      (leads, 360) mV, as `delineator_beat` returns it
    interval  of INTERVALS
    """

    beat: NDArray[np.float32]
    interval: str
    truth_ms: float


@dataclass(frozen=True)
class Outcome:
    """What a network makes of a trial: the length less the bias of its readings, its spread."""

    interval: str
    length_ms: float
    spread_ms: float
    truth_ms: float


def trials_of(source: BeatSource) -> list[Trial]:
    """Return the trials of a recording as it is, and of its variants."""
    truth = reference(source.record)
    beat = delineator_beat(source.beats).astype(np.float32)
    trials = [Trial(beat, name, getattr(truth, name)) for name in INTERVALS]
    for variant in variants(source.record):
        if variant.measure not in INTERVALS:
            continue
        ready = condition(variant.signal, source.record.fs)
        beats = find_beats(ready, r_peaks_of(ready))
        if beats.representative is not None:
            beat = delineator_beat(beats).astype(np.float32)
            trials.append(Trial(beat, variant.measure, variant.truth))
    return [trial for trial in trials if np.isfinite(trial.truth_ms)]


def reading_bias_ms(sources: Sequence[BeatSource], network: Network) -> Array:
    """Return by how much each reading of each boundary is late in the median, (5, 3)."""
    annotated_ms = np.array([_annotated_ms(source) for source in sources])
    read_ms = np.array([_readings_ms(source, network) for source in sources])
    late_ms = read_ms - annotated_ms[:, None]
    return np.asarray(np.nanmedian(late_ms, axis=0).T, np.float64)


def _annotated_ms(source: BeatSource) -> Array:
    """Return the annotated global boundaries (5,) in ms from the beat's centre."""
    marks = source.marks[source.normal] if source.normal.any() else source.marks
    _, global_times, _ = join_marks(marks)
    return np.asarray((global_times - CENTRE_SAMPLE) * SAMPLE_MS, np.float64)


def _readings_ms(source: BeatSource, network: Network) -> Array:
    """Return a network's readings of a recording's representative beat, (3, 5)."""
    return read_boundaries(delineate(delineator_beat(source.beats), network)).times


def _outcomes_of(trials: Sequence[Trial], network: Network, bias_ms: Array) -> list[Outcome]:
    """Return what the network makes of trials; those that it cannot measure are left out."""
    outcomes = []
    for trial in trials:
        fiducials = find_fiducials(delineate(trial.beat, network), bias_ms)
        length_ms = fiducials.length_ms(trial.interval)
        if np.isfinite(length_ms):
            spread_ms = fiducials.interval_spread(trial.interval)
            outcomes.append(Outcome(trial.interval, length_ms, spread_ms, trial.truth_ms))
    return outcomes


def fit_calibration(
    bias_ms: Array, outcomes: Sequence[Outcome], p_outcomes: Sequence[POutcome] = ()
) -> Calibration:
    """Return the calibration that fits the outcomes, which are held out of the training.

    Without outcomes of P waves, the network alone decides on their presence.
    """
    intervals = {}
    for name in INTERVALS:
        rows = [
            (outcome.length_ms, outcome.spread_ms, outcome.truth_ms)
            for outcome in outcomes
            if outcome.interval == name
        ]
        length, spread, truth = np.array(rows).T
        intervals[name] = _fit_by_length(length, spread, truth, EDGES_MS[name])
    p_evidence = fit_p_evidence(p_outcomes, intervals["pr_ms"]) if p_outcomes else None
    return Calibration(bias_ms, intervals, p_evidence)


def _fit_by_length(
    length: Array, spread: Array, truth: Array, edges: tuple[float, ...]
) -> ByLength:
    """Fit median and 80th percentile of the errors in groups of length; arrays are (outcomes,)."""
    groups = _groups(length, edges)
    at_ms = [float(np.median(length[group])) for group in groups]
    bias = [float(np.median((length - truth)[group])) for group in groups]
    correction = [CORRECTED_SHARE * value for value in bias]
    error = np.abs(length - np.interp(length, at_ms, correction) - truth)
    floor_ms = float(np.percentile(spread, FLOOR_PERCENT))
    ratio = error / np.maximum(spread, floor_ms)
    scale = [float(np.percentile(ratio[group], WITHIN_PERCENT)) for group in groups]
    return ByLength(_rounded(at_ms), _rounded(correction), _rounded(scale), round(floor_ms, 3))


def _groups(length: Array, edges: tuple[float, ...]) -> list[NDArray[np.intp]]:
    """Return the indices of each group of lengths, ascending; small groups join the next one."""
    number = np.searchsorted(np.array(edges), length)
    groups: list[NDArray[np.intp]] = []
    pending = np.zeros(0, np.intp)
    for group in range(len(edges) + 1):
        pending = np.concatenate([pending, np.flatnonzero(number == group)])
        if pending.size >= MIN_IN_GROUP:
            groups.append(pending)
            pending = np.zeros(0, np.intp)
    if pending.size and groups:
        groups[-1] = np.concatenate([groups[-1], pending])
    return groups or [np.arange(length.size)]


def _rounded(values: list[float]) -> tuple[float, ...]:
    return tuple(round(value, 3) for value in values)


@dataclass(frozen=True, eq=False)
class Held:
    """What networks make of recordings that they were not trained on.

    outcomes    of each recording's trials
    biases      of each fold's network
    p_outcomes  of each recording and its variants with P waves elsewhere; none for recordings of
                two leads
    """

    outcomes: list[list[Outcome]]
    biases: dict[int, NDArray[np.float64]]
    p_outcomes: list[list[POutcome]] = field(default_factory=list)

    def all_outcomes(self) -> list[Outcome]:
        """Return the outcomes of all recordings."""
        return list(chain.from_iterable(self.outcomes))

    def all_p_outcomes(self) -> list[POutcome]:
        """Return the outcomes of P waves of all recordings."""
        return list(chain.from_iterable(self.p_outcomes))

    def of(self, records: NDArray[np.intp]) -> Held:
        """Return what is held of some of the recordings."""
        p_outcomes = [self.p_outcomes[index] for index in records] if self.p_outcomes else []
        return Held([self.outcomes[index] for index in records], self.biases, p_outcomes)


def hold_out(
    sources: list[BeatSource],
    trials: list[list[Trial]],
    fold_weights: dict[int, Weights],
    fold: NDArray[np.intp],
) -> Held:
    """Measure each recording's trials by the network of its fold.

    A network's bias is fitted on the recordings that it was trained on.

    trials  of each source
    fold    (sources,) number of each source's fold
    """
    outcomes: list[list[Outcome]] = [[] for _ in sources]
    biases = {}
    for number, weights in fold_weights.items():
        network = build_network(weights)
        trained_on = [sources[index] for index in np.flatnonzero(fold != number)]
        biases[number] = reading_bias_ms(trained_on, network)
        for index in np.flatnonzero(fold == number):
            outcomes[index] = _outcomes_of(trials[index], network, biases[number])
    return Held(outcomes, biases)


def calibration_without(held: Held, fold: NDArray[np.intp], number: int) -> Calibration:
    """Return the calibration of a fold's network, fitted on the outcomes of the other folds."""
    others = held.of(np.flatnonzero(fold != number))
    return fit_calibration(held.biases[number], others.all_outcomes(), others.all_p_outcomes())


def card_of(calibration: Calibration) -> dict[str, Any]:
    """Return the calibration in the format of the model card."""
    bias_ms = calibration.bias_ms.round(3).tolist()
    intervals = {}
    for name, by_length in calibration.intervals.items():
        intervals[name] = {
            "at_ms": list(by_length.at_ms),
            "correction_ms": list(by_length.correction_ms),
            "scale": list(by_length.scale),
            "floor_ms": by_length.floor_ms,
        }
    card = {"bias_ms": dict(zip(NAMES, bias_ms, strict=True)), "intervals": intervals}
    if calibration.p_evidence is not None:
        card["p_evidence"] = asdict(calibration.p_evidence)
    return card
