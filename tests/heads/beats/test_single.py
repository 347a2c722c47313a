"""Single beats in E-Monitor's and Kaggle's layout get classes."""

from __future__ import annotations

import csv

import numpy as np
import pytest
from numpy.typing import NDArray

from heads.beats.classes import CLASSES
from heads.beats.single import BEAT_SAMPLES, single_beat_probabilities
from tests.data import SHARED, requires_shared

Q = CLASSES.index("Q")


def kaggle_beats() -> tuple[NDArray[np.float32], NDArray[np.intp]]:
    """Return beats between 0 and 1, and their classes."""
    path = SHARED / "mitbih" / "kaggle_layout_sample.csv"
    rows = np.array(list(csv.reader(path.read_text().splitlines())), np.float64)
    return rows[:, :-1].astype(np.float32), rows[:, -1].astype(np.intp)


@requires_shared
def test_classes_are_those_of_the_experts() -> None:
    with np.load(SHARED / "mitbih" / "beats.npz") as file:
        beats, truth = file["x"].astype(np.float32), file["y"]
    found = single_beat_probabilities(beats).argmax(axis=1)
    normal, ventricular = CLASSES.index("N"), CLASSES.index("V")
    # These patients are among those of the training; docs/models/beats.md has figures for others.
    assert np.mean(found[truth == normal] == normal) > 0.9
    assert np.mean(found[truth == ventricular] == ventricular) > 0.7


@requires_shared
def test_the_unit_does_not_matter() -> None:
    beats, _ = kaggle_beats()
    lengths = BEAT_SAMPLES - (beats[:, ::-1] != 0).argmax(axis=1)
    is_beat = np.arange(BEAT_SAMPLES) < lengths[:, None]
    in_mv = np.where(is_beat, 3 * beats - 1, 0).astype(np.float32)
    expected = single_beat_probabilities(beats)
    assert np.allclose(single_beat_probabilities(in_mv), expected, atol=0.01)
    assert np.allclose(expected.sum(axis=1), 1)
    # Nanovolts, codes of 24 bits, and what no unit makes of an ECG.
    for factor in (1e6, 2.0**24, 1e29):
        made = single_beat_probabilities(np.float32(factor) * beats)
        assert np.allclose(made, expected, atol=0.01)


@requires_shared
def test_a_beat_does_not_depend_on_its_neighbours() -> None:
    beats, _ = kaggle_beats()
    many = np.tile(beats, (20, 1))
    together = single_beat_probabilities(many)
    for number in (0, 7, len(many) - 1):
        assert np.array_equal(single_beat_probabilities(many[[number]])[0], together[number])


@pytest.mark.parametrize("value", [0.0, 1.0, np.nan, np.inf, 3e38])
def test_what_shows_no_beat_is_not_classified(value: float) -> None:
    beats = np.full((2, BEAT_SAMPLES), value, np.float32)
    beats[1] = np.sin(np.arange(BEAT_SAMPLES))
    if not np.isfinite(value) or value > 1:
        beats[1, 30] = value
        assert single_beat_probabilities(beats)[1, Q] == 1
    assert single_beat_probabilities(beats)[0, Q] == 1


def test_any_length_is_classified() -> None:
    beats = np.tril(np.ones((BEAT_SAMPLES, BEAT_SAMPLES), np.float32))
    beats[:, 0] = 0.5
    shares = single_beat_probabilities(beats)
    assert np.isfinite(shares).all() and np.allclose(shares.sum(axis=1), 1)
    assert single_beat_probabilities(beats[:0]).shape == (0, len(CLASSES))
