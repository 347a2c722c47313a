"""Rate and variability of ECGs whose beats were placed at known times."""

from __future__ import annotations

import numpy as np
import pytest

from intervals.measure import measure
from intervals.measurements import Measurements
from tests.intervals.synthetic import synthetic_at, twelve
from tests.intervals.test_beats import with_ectopic

RR_MS = np.array([850.0, 910.0, 800.0, 880.0, 960.0, 830.0, 900.0, 870.0, 790.0])
ONSETS_S = 0.6 + np.concatenate([[0.0], np.cumsum(RR_MS)]) / 1000.0
# Beats are placed to a fraction of a sample of 2 ms.
WITHIN_MS = 0.5


def measured(signal: np.ndarray) -> Measurements:
    return measure(twelve(signal), 500.0)


def sdnn(rr_ms: np.ndarray) -> float:
    return float(np.std(rr_ms, ddof=1))


def rms(differences_ms: np.ndarray) -> float:
    return float(np.sqrt(np.mean(differences_ms**2)))


def test_rate_sdnn_and_rmssd_are_those_of_the_beats() -> None:
    """By numpy from the intervals that were put in; their median is 870 ms."""
    measurements = measured(synthetic_at(ONSETS_S))
    assert measurements.warnings == ()
    assert measurements.beats == 10 and measurements.ectopic_beats == 0
    assert measurements.rr_ms == pytest.approx(870.0, abs=WITHIN_MS)
    assert measurements.heart_rate_bpm == pytest.approx(60000.0 / 870.0, abs=0.05)
    assert measurements.sdnn_ms == pytest.approx(sdnn(RR_MS), abs=WITHIN_MS)
    assert measurements.rmssd_ms == pytest.approx(rms(np.diff(RR_MS)), abs=WITHIN_MS)


def test_variability_is_of_intervals_between_normal_beats() -> None:
    """The fifth beat is ectopic: the fourth and fifth interval do not count for SDNN.

    For RMSSD differences count within the first three intervals and the last four alone.
    """
    measurements = measured(with_ectopic(synthetic_at(ONSETS_S), ONSETS_S[4] - 0.05))
    assert measurements.beats == 10 and measurements.ectopic_beats == 1
    assert measurements.fiducials[4].beat_class == "ectopic"
    assert measurements.fiducials[4].r == pytest.approx(ONSETS_S[4] + 0.045, abs=0.1)
    assert measurements.sdnn_ms == pytest.approx(sdnn(np.delete(RR_MS, [3, 4])), abs=WITHIN_MS)
    differences_ms = np.concatenate([np.diff(RR_MS[:3]), np.diff(RR_MS[5:])])
    assert measurements.rmssd_ms == pytest.approx(rms(differences_ms), abs=WITHIN_MS)


def test_an_interval_across_a_gap_does_not_count() -> None:
    """The gap hides the sixth beat: of the interval from the fifth to the seventh nothing is known.

    Without it, the intervals have the median 865 ms; with it, it would be 870 ms.
    """
    signal = synthetic_at(ONSETS_S)
    start = round(500 * (ONSETS_S[5] - 0.25))
    signal[:, start : start + 350] = np.nan
    measurements = measured(signal)
    assert measurements.beats == 9
    intervals_ms = np.delete(RR_MS, [4, 5])
    assert measurements.rr_ms == pytest.approx(np.median(intervals_ms), abs=WITHIN_MS)
    assert measurements.sdnn_ms == pytest.approx(sdnn(intervals_ms), abs=WITHIN_MS)
    differences_ms = np.concatenate([np.diff(RR_MS[:4]), np.diff(RR_MS[6:])])
    assert measurements.rmssd_ms == pytest.approx(rms(differences_ms), abs=WITHIN_MS)


def test_three_beats_have_an_rmssd_of_none_and_a_warning_for_sdnn() -> None:
    onsets_s = [0.6, 1.45, 2.35]
    measurements = measured(synthetic_at(onsets_s, seconds=3.2))
    assert measurements.beats == 3
    assert measurements.rr_ms == pytest.approx(875.0, abs=WITHIN_MS)
    assert (measurements.sdnn_ms, measurements.rmssd_ms) == (None, None)
    assert "sdnn_ms: fewer than three intervals between normal beats" in measurements.warnings


def test_four_beats_have_both() -> None:
    rr_ms = np.array([850.0, 900.0, 830.0])
    onsets_s = 0.6 + np.concatenate([[0.0], np.cumsum(rr_ms)]) / 1000.0
    measurements = measured(synthetic_at(onsets_s, seconds=4.0))
    assert measurements.sdnn_ms == pytest.approx(sdnn(rr_ms), abs=WITHIN_MS)
    assert measurements.rmssd_ms == pytest.approx(rms(np.diff(rr_ms)), abs=WITHIN_MS)
    assert not any(warning.startswith("sdnn_ms") for warning in measurements.warnings)


def test_one_beat_has_no_rate_and_no_corrected_qt() -> None:
    measurements = measured(synthetic_at([1.5], seconds=4.0))
    assert measurements.beats == 1
    assert (
        measurements.heart_rate_bpm,
        measurements.rr_ms,
        measurements.sdnn_ms,
        measurements.rmssd_ms,
    ) == (None,) * 4
    assert measurements.qrs_ms is not None and measurements.qt_ms is not None
    assert (measurements.qtc_bazett_ms, measurements.qtc_hodges_ms) == (None, None)
    assert measurements.warnings == (
        "heart_rate_bpm: fewer than two consecutive beats; no rate is given",
        "qtc_bazett_ms: no heart rate is known to correct QT for",
    )
