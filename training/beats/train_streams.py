"""Train the detector and the classes of streams, and score both on new patients."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Final

import numpy as np
from numpy.typing import NDArray

from heads.beats.candidates import Candidates
from heads.beats.classes import CLASSES, BeatModel
from heads.trees import Forest
from signals.streams.watch_rate import WATCH_HZ
from training.beats.class_scores import Tables, macro_f1
from training.beats.classes import Examples, fit_beat_model, joined, thinned
from training.beats.detector import NOISE, Humps, fit_detector, judge_all_by, judge_by
from training.beats.noise import noise_streams
from training.beats.recordings import Recording
from training.beats.stream_scores import MISSED, stream_tables
from training.beats.streams import (
    NOT_MARKED,
    UNSCORED,
    Found,
    Indices,
    side_by_side,
    truth_of,
    watch,
)

FOLDS: Final = 6
# Of the beats mixed at random, one part is held out: this figure is only for comparison.
RANDOM_PARTS: Final = 4
# Weights of S and of V.
TRIED: Final = (0.35, 0.5, 0.7, 1.0, 1.4, 2.0)
# Shares of normal and other beats that trees are fitted to: of two leads, and of one.
TWO_LEADS: Final = (0.25, 1.0)
ONE_LEAD: Final = (0.06, 0.7)

Probability = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Watched:
    """Recordings watched with the same number of leads.

    rows       (streams, leads, samples)
    patient    (streams,) index of the recording
    """

    rows: NDArray[np.float32]
    patient: Indices
    recordings: list[Recording]


@dataclass(frozen=True, eq=False)
class Beats:
    """The beats that detectors found that were not fitted to the patient."""

    watched: Watched
    found: Found
    truth: Indices

    @property
    def patient(self) -> Indices:
        """Return (beats,) index of the patient."""
        return self.watched.patient[self.found.row]

    def examples(self, shares: tuple[float, float], seed: int) -> Examples:
        """Return those that trees are fitted to; a false detection is a Q."""
        label = np.where(self.truth == NOT_MARKED, CLASSES.index("Q"), self.truth)
        stands_for = np.ones(label.size)
        every = Examples(self.found.numbers, label, self.patient, stands_for)
        return thinned(every.of(self.truth != UNSCORED), *shares, seed)


def layouts(recordings: Sequence[Recording]) -> tuple[Watched, Watched]:
    """Return the recordings with both leads, and with each lead alone."""
    numbers = np.arange(len(recordings))
    both = side_by_side([each.leads for each in recordings])
    alone = side_by_side([lead[np.newaxis] for each in recordings for lead in each.leads])
    twice = np.repeat(numbers, 2)
    return (
        Watched(both, numbers, list(recordings)),
        Watched(alone, twice, [recordings[number] for number in twice.tolist()]),
    )


def fit_detectors(watched: Sequence[Watched], fold: Indices, seed: int) -> list[Forest]:
    """Return the detector of each fold, which was not fitted to it, and one fitted to all."""
    humps = _humps(watched, seed)
    fold_of = np.where(humps.patient == NOISE, NOISE, fold[humps.patient])
    return [
        fit_detector(
            Humps(humps.numbers[rows], humps.is_beat[rows], humps.patient[rows]), seed + number
        )
        for number, rows in enumerate(fold_of != number for number in range(FOLDS + 1))
    ]


def _humps(watched: Sequence[Watched], seed: int) -> Humps:
    numbers, is_beat, patient = [], [], []
    for each in watched:
        found, _ = watch(each.rows, _nothing)
        truth = truth_of(found, each.recordings)
        scored = truth != UNSCORED
        numbers.append(found.numbers[scored])
        is_beat.append(truth[scored] >= 0)
        patient.append(each.patient[found.row[scored]])
        noise, _ = watch(noise_streams(each.rows.shape[1], seed), _nothing)
        numbers.append(noise.numbers)
        is_beat.append(np.zeros(noise.row.size, np.bool_))
        patient.append(np.full(noise.row.size, NOISE))
    return Humps(np.concatenate(numbers), np.concatenate(is_beat), np.concatenate(patient))


def _nothing(found: Candidates) -> NDArray[np.float64]:
    return np.zeros(found.row.size)


def find_beats(watched: Watched, detectors: list[Forest], fold: Indices) -> Beats:
    _, beats = watch(watched.rows, judge_by(detectors, fold[watched.patient]))
    return Beats(watched, beats, truth_of(beats, watched.recordings))


def fit_all(two: Beats, one: Beats, usual: Examples, weights: Probability, seed: int) -> BeatModel:
    """Return the trees fitted to all patients."""
    marked = joined([two.examples(TWO_LEADS, seed), one.examples(ONE_LEAD, seed)])
    return replace(fit_beat_model(marked, usual, seed), weights=weights)


@dataclass(frozen=True, eq=False)
class Validated:
    """What is found in patients that nothing was fitted to.

    two, one  tables of the streams of two leads, and of those of one
    weights   (CLASSES,) of the classes, chosen on all patients
    """

    two: Tables
    one: Tables
    weights: Probability


def cross_validate(two: Beats, one: Beats, usual: Examples, fold: Indices, seed: int) -> Validated:
    layouts_of = (two, one)
    shares = [np.zeros((each.found.row.size, len(CLASSES))) for each in layouts_of]
    fitted = joined([two.examples(TWO_LEADS, seed), one.examples(ONE_LEAD, seed)])
    for number in range(FOLDS):
        model = fit_beat_model(fitted.of(fold[fitted.patient] != number), usual, seed)
        for beats, share in zip(layouts_of, shares, strict=True):
            held = fold[beats.patient] == number
            share[held] = model.probabilities(beats.found.numbers[held])
        print(f"classes: fold {number + 1} of {FOLDS}", flush=True)
    labels = [np.zeros(len(share), np.intp) for share in shares]
    for number in range(FOLDS):
        others = fold[two.patient] != number
        weights = _best_weights(shares[0][others], two.truth[others])
        for beats, share, label in zip(layouts_of, shares, labels, strict=True):
            held = fold[beats.patient] == number
            label[held] = (share[held] * weights).argmax(axis=1)
    tables = [
        stream_tables(beats.found, beats.truth, label, beats.watched.recordings)
        for beats, label in zip(layouts_of, labels, strict=True)
    ]
    return Validated(tables[0], tables[1], _best_weights(shares[0], two.truth))


def _best_weights(probability: Probability, truth: Indices) -> Probability:
    """Return (CLASSES,) the weights of TRIED with the largest macro-F1."""
    scored = truth != UNSCORED
    best, best_score = np.ones(len(CLASSES)), -1.0
    for of_s, of_v in product(TRIED, TRIED):
        weights = np.ones(len(CLASSES))
        weights[CLASSES.index("S")], weights[CLASSES.index("V")] = of_s, of_v
        found = (probability[scored] * weights).argmax(axis=1)
        marked = np.where(truth[scored] == NOT_MARKED, len(CLASSES), truth[scored])
        score = macro_f1(_one_table(marked, found))
        if score > best_score:
            best, best_score = weights, score
    return best


def _one_table(marked: Indices, found: Indices) -> Tables:
    size = len(CLASSES) + 1
    counts = np.bincount(marked * size + found, minlength=size * size)
    return counts.reshape(1, size, size).astype(np.float64)


def validate_mixed(two: Beats, usual: Examples, weights: Probability, seed: int) -> Tables:
    """Return the tables of a part of the beats of two leads, mixed at random.

    The trees were fitted to the other parts, and so to the same patients.
    """
    part = np.random.default_rng(seed).permutation(two.found.row.size) % RANDOM_PARTS
    held = part == 0
    fitted = Beats(two.watched, two.found, np.where(held, UNSCORED, two.truth))
    model = replace(fit_beat_model(fitted.examples(TWO_LEADS, seed), usual, seed), weights=weights)
    label = model.labels(model.probabilities(two.found.numbers))
    truth = np.where(held, two.truth, UNSCORED)
    tables = stream_tables(two.found, truth, label, two.watched.recordings)
    tables[:, :, MISSED] = 0  # those of all parts
    return tables


def false_beats_a_minute(detector: Forest, leads: int, seed: int) -> float:
    """Return how many beats are found in a minute of noise."""
    rows = noise_streams(leads, seed)
    _, beats = watch(rows, judge_all_by(detector))
    minutes = len(rows) * rows.shape[2] / WATCH_HZ / 60
    return float(beats.row.size / minutes)
