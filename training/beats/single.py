"""Single beats in E-Monitor's and Kaggle's layout: cut out, fitted, and scored on new patients."""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

from heads.beats.classes import CLASSES
from heads.beats.single import BEAT_SAMPLES, Beats, SingleBeatModel, numbers_of
from signals.streams.watch_rate import WATCH_HZ
from training.beats.class_scores import Labels, Tables, tables_of
from training.beats.folds import folds_of
from training.beats.recordings import Recording

# Kachuee's cut: so many median intervals of the 10 s around the beat.
LENGTH_IN_INTERVALS: Final = 1.2
AROUND_S: Final = 5.0
# R peaks of devices are not those of the annotators: each beat is fitted to at these shifts too.
SHIFTS: Final = (-2, 0, 2)
SPARE_SAMPLES: Final = max(SHIFTS)
FOLDS: Final = 5
UNITS: Final = 32
EPOCHS: Final = 4  # more of them fit to the patients
L2: Final = 0.01
BATCH: Final = 512
NEVER: Final = -50.0  # log odds of a class without examples
TIMED_BEATS: Final = 20_000


@dataclass(frozen=True, eq=False)
class SingleBeats:
    """Beats of all leads of some recordings.

    beats    (beats, BEAT_SAMPLES + 2 SPARE_SAMPLES) mV, from SPARE_SAMPLES before the R peak on
    length   (beats,) samples from the R peak on that are not padded
    label    (beats,) index into CLASSES
    patient  (beats,) index of the recording
    lead     (beats,)
    """

    beats: Beats
    length: Labels
    label: Labels
    patient: Labels
    lead: Labels

    def shifted(self, rows: NDArray[np.intp], shift: int = 0) -> Beats:
        """Return (rows, BEAT_SAMPLES) of beats whose R peak is found `shift` samples late."""
        first = SPARE_SAMPLES + shift
        beats = self.beats[rows, first : first + BEAT_SAMPLES]
        is_beat = np.arange(BEAT_SAMPLES) < self.length[rows, None]
        return np.where(is_beat, beats, np.float32(0))


def cut_single_beats(recordings: Iterable[Recording]) -> SingleBeats:
    """Return the beats of recordings, each lead on its own, but those at their ends."""
    beats, length, label, patient, leads = [], [], [], [], []
    for index, recording in enumerate(recordings):
        at = np.rint(recording.time_s * WATCH_HZ).astype(np.intp)
        samples = recording.leads.shape[1]
        lengths = _lengths(recording.time_s)
        stop = at + np.maximum(lengths, BEAT_SAMPLES) + SPARE_SAMPLES
        whole = np.flatnonzero((at >= SPARE_SAMPLES) & (stop <= samples) & (lengths > 0))
        places = at[whole, None] + np.arange(-SPARE_SAMPLES, BEAT_SAMPLES + SPARE_SAMPLES)
        for lead, signal in enumerate(recording.leads):
            beats.append(np.nan_to_num(signal)[places])
            length.append(lengths[whole])
            label.append(recording.label[whole])
            patient.append(np.full(whole.size, index))
            leads.append(np.full(whole.size, lead))
    return SingleBeats(
        np.concatenate(beats),
        np.concatenate(length),
        np.concatenate(label),
        np.concatenate(patient),
        np.concatenate(leads),
    )


def _lengths(time_s: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return (beats,) how many samples a beat has from its R peak on; 0 without neighbours."""
    first = np.searchsorted(time_s, time_s - AROUND_S)
    last = np.searchsorted(time_s, time_s + AROUND_S) - 1
    intervals = np.diff(time_s)
    usual_s = [
        np.median(intervals[start:stop]) if stop > start else 0.0
        for start, stop in zip(first.tolist(), last.tolist(), strict=True)
    ]
    lengths = (LENGTH_IN_INTERVALS * WATCH_HZ * np.array(usual_s)).astype(np.intp)
    return np.minimum(lengths, BEAT_SAMPLES)


def fit_single(beats: SingleBeats, rows: NDArray[np.intp], seed: int) -> SingleBeatModel:
    """Return the network fitted to some of the beats."""
    numbers = np.concatenate([numbers_of(beats.shifted(rows, shift)) for shift in SHIFTS])
    label = np.tile(beats.label[rows], len(SHIFTS))
    mean, scale = numbers.mean(axis=0), numbers.std(axis=0) + np.float32(1e-3)
    network = MLPClassifier(
        (UNITS,), alpha=L2, batch_size=BATCH, max_iter=EPOCHS, random_state=seed
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        network.fit((numbers - mean) / scale, label)
    out = np.zeros((UNITS, len(CLASSES)), np.float32)
    bias = np.full(len(CLASSES), NEVER, np.float32)
    out[:, network.classes_], bias[network.classes_] = network.coefs_[1], network.intercepts_[1]
    hidden, offset = network.coefs_[0], network.intercepts_[0]
    return SingleBeatModel(
        mean, scale, hidden.astype(np.float32), offset.astype(np.float32), out, bias
    )


def validate_single(beats: SingleBeats, fold: NDArray[np.intp], seed: int) -> Labels:
    """Return (beats,) the class of each by a network that was not fitted to its fold."""
    found = np.zeros(fold.size, np.intp)
    for number in np.unique(fold):
        model = fit_single(beats, np.flatnonzero(fold != number), seed)
        held = np.flatnonzero(fold == number)
        found[held] = model.probabilities(beats.shifted(held)).argmax(axis=1)
    return found


def folds_by_patient(patient: Labels, seed: int) -> NDArray[np.intp]:
    """Return (beats,) the fold of each: a patient's beats are in one fold."""
    return folds_of(int(patient.max()) + 1, FOLDS, seed)[patient]


def folds_at_random(patient: Labels, seed: int) -> NDArray[np.intp]:
    """Return (beats,) the fold of each: a patient's beats are in all folds."""
    return np.random.default_rng(seed).permutation(patient.size) % FOLDS


def tables_by_lead(beats: SingleBeats, found: Labels) -> list[Tables]:
    """Return the patients' tables for each lead."""
    return [
        tables_of(beats.label[chosen], found[chosen], beats.patient[chosen])
        for chosen in (beats.lead == lead for lead in range(int(beats.lead.max()) + 1))
    ]


def beat_us(model: SingleBeatModel, beats: SingleBeats) -> float:
    """Return the CPU time of a beat in microseconds, the least of some tries."""
    rows = np.resize(np.arange(beats.label.size), TIMED_BEATS)
    chosen = beats.shifted(rows)
    taken = []
    for _ in range(3):
        began = time.process_time()
        model.probabilities(chosen)
        taken.append(time.process_time() - began)
    return 1e6 * min(taken) / TIMED_BEATS
