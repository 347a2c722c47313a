"""Stretched beats: the marks stay on their waves, and only what is drawn changes."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from intervals.beat_grid import CENTRE_SAMPLE, SAMPLE_MS
from training.delineator.stretch import (
    QRS_SHARE,
    QT_SHARE,
    MarkedBeat,
    random_time_map,
    with_other_heights,
    without_p,
)

NAN = float("nan")
# Samples of the window: P onset, P offset, QRS onset, QRS offset, T offset.
TIMES = (CENTRE_SAMPLE - 55.0, CENTRE_SAMPLE - 30.0, CENTRE_SAMPLE - 12.0, CENTRE_SAMPLE + 13.0)
T_END = CENTRE_SAMPLE + 88.0
DRAWS = 400


def beat(times: tuple[float, ...] = (*TIMES, T_END), leads: int = 2) -> MarkedBeat:
    lead_marks = np.array([*times[:4], times[4] - 45.0, times[4]])
    wave = np.zeros((leads, 720))
    return MarkedBeat(wave, np.tile(lead_marks[:, None], leads), np.array(times), np.array(times))


def lengths_ms(of: MarkedBeat) -> np.ndarray:
    """Return QRS, QT and PR (DRAWS, 3) after that many draws."""
    rng = np.random.default_rng(0)
    found = []
    for _ in range(DRAWS):
        old, new = random_time_map(of, rng)
        p_on, _, qrs_on, qrs_off, t_off = np.interp(of.part_times, old, new)
        found.append(SAMPLE_MS * np.array([qrs_off - qrs_on, t_off - qrs_on, qrs_on - p_on]))
    return np.array(found)


def test_time_rises_and_the_centre_stays() -> None:
    rng = np.random.default_rng(1)
    for _ in range(DRAWS):
        old, new = random_time_map(beat(), rng)
        # A PQ segment of no length is as short as it gets.
        assert (np.diff(old) > 0).all() and (np.diff(new) >= 0).all()
        assert np.interp(CENTRE_SAMPLE, old, new) == pytest.approx(CENTRE_SAMPLE)


def test_intervals_reach_the_extremes_and_most_beats_keep_theirs() -> None:
    drawn = lengths_ms(beat())
    usual = np.array([100.0, 400.0, 172.0])
    kept = np.abs(drawn - usual) < 0.5
    assert kept[:, 0].mean() == pytest.approx(1.0 - QRS_SHARE, abs=0.07)
    # QT changes with its QRS complex too, and PR with the length of its P wave.
    assert (kept[:, 1:].mean(axis=0) > (1.0 - QRS_SHARE) * (1.0 - QT_SHARE) - 0.1).all()
    assert (drawn.min(axis=0) < [60.0, 300.0, 120.0]).all()
    assert (drawn.max(axis=0) > [190.0, 700.0, 400.0]).all()
    # Each part changes independently: where QRS changed, PR mostly did not.
    assert kept[~kept[:, 0], 2].mean() > 0.5


def test_a_pq_segment_is_held_without_a_slope() -> None:
    """A held segment is one value of the source: nearly no time passes there."""
    rng = np.random.default_rng(2)
    held = 0
    for _ in range(DRAWS):
        old, new = random_time_map(beat(), rng)
        held += bool((np.diff(old) < 0.01 * np.diff(new)).any())
    assert held > 10


@pytest.mark.parametrize(
    "times",
    [
        (NAN, NAN, *TIMES[2:], T_END),
        (*TIMES, NAN),
        (NAN, NAN, *TIMES[2:], NAN),
        (TIMES[0], TIMES[2] + 2.0, *TIMES[2:], T_END),  # P runs into the complex
    ],
)
def test_a_missing_wave_stretches_nothing(times: tuple[float, ...]) -> None:
    rng = np.random.default_rng(3)
    for _ in range(50):
        old, new = random_time_map(beat(times), rng)
        assert np.isfinite(old).all() and np.isfinite(new).all()
        assert all(before <= after for before, after in pairwise(new))


def test_heights_change_within_the_marks_alone() -> None:
    """On a rising line with a P of 0.2 and a T of 0.4 mV, in 2 samples a sample of the window."""
    samples = np.arange(720) / 2.0
    line = np.tile(0.001 * np.arange(720), (2, 1))
    of = beat()
    shape = np.zeros(720)
    for start, stop, height in ((of.lead_marks[0, 0], of.lead_marks[1, 0], 0.2),
                                (of.lead_marks[4, 0], of.lead_marks[5, 0], 0.4)):  # fmt: skip
        inside = (samples > start) & (samples < stop)
        shape[inside] += height * np.sin(np.pi * (samples[inside] - start) / (stop - start))
    of = MarkedBeat(line + shape, of.lead_marks, of.global_times, of.part_times)
    gains = set()
    for seed in range(60):
        changed = with_other_heights(of, 0, np.random.default_rng(seed)).wave - line
        qrs = (samples > of.lead_marks[2, 0]) & (samples < of.lead_marks[3, 0])
        assert np.abs(changed[:, qrs]).max() < 1e-9
        assert np.abs(changed[:, samples < of.lead_marks[0, 0] - 1]).max() < 1e-9
        assert np.abs(changed[:, samples > of.lead_marks[5, 0] + 1]).max() < 1e-9
        gains.add(round(float(changed[0, samples > CENTRE_SAMPLE].max() / 0.4), 1))
    assert 1.0 in gains and min(gains) < 0.5 and max(gains) > 3.0


def test_a_removed_p_leaves_the_line_between_its_ends_and_no_mark() -> None:
    samples = np.arange(720) / 2.0
    of = beat()
    shape = np.exp(-0.5 * ((samples - (TIMES[0] + TIMES[1]) / 2) / 4.0) ** 2)
    line = np.tile(0.001 * np.arange(720), (2, 1))
    of = MarkedBeat(line + 0.2 * shape, of.lead_marks, of.global_times, of.part_times)
    removed = without_p(of, 0)
    np.testing.assert_allclose(removed.wave, line, atol=0.003)
    for marks in (removed.lead_marks, removed.global_times, removed.part_times):
        assert np.isnan(marks[:2]).all() and np.isfinite(marks[2:]).all()
    assert np.isfinite(of.lead_marks).all() and np.isfinite(of.global_times).all()
    assert np.abs(of.wave - line).max() > 0.19
