"""LUDB's annotations become marks of beats by rules that are tested on annotations made by hand."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from training.datasets.annotated import AnnotatedRecord
from training.datasets.ludb import _beat_peaks, _marks_of_lead, _waves, has_no_pr, reference

NAN = float("nan")


@dataclass
class Annotation:
    """As wfdb returns one: samples and symbols of one lead."""

    sample: list[int]
    symbol: list[str]


def test_brackets_around_a_peak_are_its_onset_and_offset() -> None:
    """At 500 Hz; the second QRS has no closing bracket, the T wave no opening one."""
    annotation = Annotation(
        [100, 120, 150, 190, 200, 230, 300, 350, 600, 610],
        ["(", "p", ")", "(", "N", ")", "t", ")", "(", "N"],
    )
    waves = _waves(annotation, 500.0)
    np.testing.assert_allclose(waves["p"], [[0.2, 0.24, 0.3]])
    np.testing.assert_allclose(waves["N"], [[0.38, 0.4, 0.46], [1.2, 1.22, NAN]])
    np.testing.assert_allclose(waves["t"], [[NAN, 0.6, 0.7]])
    empty = _waves(Annotation([], []), 500.0)
    assert {name: lead.shape for name, lead in empty.items()} == {
        "p": (0, 3),
        "N": (0, 3),
        "t": (0, 3),
    }


def test_a_beat_is_what_six_leads_agree_on() -> None:
    """Peaks within 75 ms of the next belong together; the second group has five leads only."""
    offsets = [0.0, 0.01, -0.02, 0.03, 0.05, 0.0]
    by_lead = [np.array([1.0 + offset, 2.0]) for offset in offsets[:5]]
    by_lead.append(np.array([1.0 + offsets[5], 2.08]))
    np.testing.assert_allclose(_beat_peaks(by_lead), [np.median(1.0 + np.array(offsets))])
    assert _beat_peaks([np.zeros(0)] * 12).size == 0


def waves(**by_symbol: list[list[float]]) -> dict[str, np.ndarray]:
    return {name: np.array(by_symbol.get(name, []), np.float64).reshape(-1, 3) for name in "pNt"}


def test_a_beat_has_its_qrs_the_last_p_before_it_and_the_first_t_after_it() -> None:
    lead = waves(
        p=[[0.60, 0.65, 0.70], [0.80, 0.85, 0.90], [1.60, 1.65, 1.70]],
        N=[[0.96, 1.00, 1.05], [1.85, 1.90, 1.95]],
        t=[[1.20, 1.30, 1.40], [1.42, 1.45, 1.50], [2.10, 2.20, 2.30]],
    )
    marks = _marks_of_lead(lead, np.array([1.01, 1.9]))
    expected = [
        [0.80, 0.90, 0.96, 1.05, 1.20, 1.40, 0.85],
        [1.60, 1.70, 1.85, 1.95, 2.10, 2.30, 1.65],
    ]
    np.testing.assert_allclose(marks, expected)


@pytest.mark.parametrize(
    ("lead", "column", "belongs"),
    [
        (waves(N=[[0.8, 0.86, 0.9]]), 2, True),  # 140 ms before the peak of the beat
        (waves(N=[[0.8, 0.84, 0.9]]), 2, False),  # 160 ms
        (waves(p=[[0.4, 0.51, 0.6]]), 0, True),
        (waves(p=[[0.4, 0.49, 0.6]]), 0, False),  # more than half a second before it
        (waves(t=[[1.5, 1.74, 1.8]]), 4, True),
        (waves(t=[[1.5, 1.76, 1.8]]), 4, False),  # more than 0.75 s after it
        (waves(t=[[0.8, 0.9, 0.95]]), 4, False),
        (waves(p=[[1.0, 1.1, 1.2]]), 0, False),
    ],
)
def test_waves_that_are_too_far_away_belong_to_no_beat(
    lead: dict[str, np.ndarray], column: int, belongs: bool
) -> None:
    marks = _marks_of_lead(lead, np.array([1.0]))
    assert np.isfinite(marks[0, column]) == belongs


def test_waves_of_the_neighbouring_beats_do_not_count() -> None:
    """P must peak 50 ms after the last beat's peak, and T before the next one."""
    lead = waves(
        p=[[1.00, 1.04, 1.06]],
        N=[[0.96, 1.0, 1.04], [1.36, 1.4, 1.44], [1.76, 1.8, 1.84]],
        t=[[1.80, 1.81, 1.9]],
    )
    marks = _marks_of_lead(lead, np.array([1.0, 1.4, 1.8]))
    assert np.isnan(marks[1, [0, 4]]).all()
    later = waves(p=[[1.02, 1.06, 1.1]], N=lead["N"].tolist(), t=[[1.7, 1.79, 1.9]])
    marks = _marks_of_lead(later, np.array([1.0, 1.4, 1.8]))
    np.testing.assert_allclose(marks[1, [0, 4]], [1.02, 1.7])


def record_of(relative_ms: np.ndarray, *, no_pr: bool = False) -> AnnotatedRecord:
    """Return a record of one-second beats: (beats, 12, 7) ms from each beat's QRS onset."""
    onsets_s = 1.0 + np.arange(len(relative_ms)) * 1.0
    marks = onsets_s[:, None, None] + relative_ms / 1000.0
    peaks = onsets_s + 0.04
    return AnnotatedRecord("made", np.zeros((12, 10)), 500.0, marks, peaks, peaks, no_pr)


def sound_ms(beats: int = 5) -> np.ndarray:
    """P -160 to -60 with its peak at -110, QRS 0 to 90, T 230 to 400, in every lead."""
    one = np.array([-160.0, -60.0, 0.0, 90.0, 230.0, 400.0, -110.0])
    return np.tile(one, (beats, 12, 1))


def test_the_reference_is_the_quartile_of_the_leads() -> None:
    """Four of twelve leads begin 20 ms later and end 30 ms later than the others.

    The 25th percentile of the onsets is among the eight others, the 75th of the offsets is, at
    rank 8.25 of 0 to 11, among the four.
    """
    relative = sound_ms()
    relative[:, 8:, 2] += 20.0
    relative[:, 8:, 3] += 30.0
    intervals = reference(record_of(relative))
    assert intervals.heart_rate == pytest.approx(60.0)
    assert intervals.qrs_ms == pytest.approx(120.0)
    assert intervals.pr_ms == pytest.approx(160.0)
    assert intervals.p_duration_ms == pytest.approx(100.0)
    assert intervals.qt_ms == pytest.approx(400.0)


@pytest.mark.parametrize(("width_ms", "counts"), [(112.0, True), (113.0, False), (67.0, False)])
def test_beats_of_another_width_are_not_dominant(width_ms: float, counts: bool) -> None:
    """A quarter of 90 ms is 22.5 ms. Two of five beats differ, and their T ends 100 ms later."""
    relative = sound_ms()
    relative[3:, :, 3] = width_ms
    relative[3:, :, 5] = 500.0
    relative[2, :, 5] = 500.0
    intervals = reference(record_of(relative))
    # Of five beats three end at 500 ms; of the three dominant ones one.
    assert intervals.qt_ms == pytest.approx(500.0 if counts else 400.0)


def test_p_is_placed_at_the_median_distance_of_its_peak() -> None:
    """P comes at another distance in each beat; about its peak its ends are the same."""
    relative = sound_ms()
    relative[:, :, [0, 1, 6]] += np.array([-30.0, -10.0, 0.0, 5.0, 50.0])[:, None, None]
    intervals = reference(record_of(relative))
    assert intervals.pr_ms == pytest.approx(160.0)
    assert intervals.p_duration_ms == pytest.approx(100.0)


@pytest.mark.parametrize(("beats_with_p", "has_pr"), [(2, False), (3, True)])
def test_pr_needs_p_in_half_of_the_beats(beats_with_p: int, has_pr: bool) -> None:
    relative = sound_ms()
    relative[beats_with_p:, :, [0, 1, 6]] = NAN
    assert np.isfinite(reference(record_of(relative)).pr_ms) == has_pr
    assert np.isnan(reference(record_of(relative, no_pr=True)).pr_ms)


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({}, False),
        ({"Rhythms": "Sinus rhythm"}, False),
        ({"Rhythms": "Atrial fibrillation"}, True),
        ({"Rhythms": "Atrial flutter, typical"}, True),
        ({"Rhythms": "Sinus rhythm", "Conduction abnormalities": "Iii degree av-block"}, True),
        ({"Rhythms": "Sinus rhythm", "Conduction abnormalities": "I degree AV block"}, False),
        ({"Rhythms": "Sinus rhythm", "Cardiac pacing": "Unipolar ventricular pacing"}, True),
        ({"Rhythms": "Sinus rhythm", "Cardiac pacing": "  "}, False),
    ],
)
def test_in_which_diagnoses_pr_has_no_meaning(row: dict[str, str], expected: bool) -> None:
    assert has_no_pr(row) is expected
