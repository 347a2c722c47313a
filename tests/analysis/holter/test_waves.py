"""Exact peaks, variability and ST of signals whose values are known."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import expit

from analysis.holter.rhythm import Episode, Rhythm
from analysis.holter.st import trends_of
from analysis.holter.variability import MIN_LONG_S, variability_of
from analysis.holter.waves import Waves, measure_segment

FS_HZ = 250.0


def ecg(peaks_s: NDArray[np.float64], seconds: float, st_mv: float = 0.0) -> NDArray[np.float32]:
    """Return (2, samples): P, QRS, a level ST, and T; the second lead is upside down and lower."""
    times = np.arange(round(seconds * FS_HZ)) / FS_HZ
    signal = np.zeros(times.size)
    for peak_s in peaks_s:
        since = times - peak_s
        for height, at_s, width_s in (
            (0.12, -0.17, 0.02),
            (-0.15, -0.03, 0.009),
            (1.2, 0.0, 0.012),
            (-0.25, 0.03, 0.009),
            (0.3, 0.30, 0.045),
        ):
            signal += height * np.exp(-0.5 * ((since - at_s) / width_s) ** 2)
        signal += st_mv * expit((since - 0.045) / 0.004) * expit((0.25 - since) / 0.02)
    signal += np.random.default_rng(0).normal(0, 0.01, times.size)
    return np.stack([signal, -0.6 * signal]).astype(np.float32)


def beats(seconds: float, spread_s: float = 0.0) -> NDArray[np.float64]:
    random = np.random.default_rng(1)
    count = int(seconds / 0.8)
    return np.cumsum(0.8 + random.normal(0, spread_s, count))


def measured(peaks_s: NDArray[np.float64], seconds: float, st_mv: float = 0.0) -> Waves:
    seen_s = np.round(peaks_s * 125) / 125  # as the watch sees them
    normal = np.ones(peaks_s.size, np.bool_)
    return measure_segment(ecg(peaks_s, seconds, st_mv), FS_HZ, 0.0, 0.0, seen_s, normal)


def test_peaks_are_found_between_the_samples() -> None:
    peaks_s = beats(60, 0.02)
    peaks_s = peaks_s[(peaks_s > 1) & (peaks_s < 59)]
    waves = measured(peaks_s, 60)
    error_ms = 1000 * (waves.peak_s - peaks_s)
    assert np.std(error_ms) < 0.5
    seen_ms = 1000 * (np.round(peaks_s * 125) / 125 - peaks_s)
    assert np.std(seen_ms) > 2, "what the watch sees is less exact"


@pytest.mark.parametrize("st_mv", [-0.2, -0.05, 0.0, 0.1, 0.3])
def test_the_level_of_st_is_measured(st_mv: float) -> None:
    peaks_s = beats(60, 0.02)
    waves = measured(peaks_s, 62, st_mv)
    assert waves.reason is None
    # The T wave begins before J + 60 ms ends: an offset that is common to all levels.
    offset_mv = measured(peaks_s, 62).st_mv[0]
    assert abs(offset_mv) < 0.03
    assert waves.st_mv[0] - offset_mv == pytest.approx(st_mv, abs=0.03)
    assert waves.st_mv[1] == pytest.approx(-0.6 * waves.st_mv[0], abs=0.01)


def test_few_beats_and_gaps_are_no_level() -> None:
    waves = measured(beats(20), 20)
    assert waves.reason == "few_normal_beats"
    assert np.isnan(waves.st_mv).all()
    signal = ecg(beats(60), 60)
    signal[1] = np.nan
    normal = np.ones(75, np.bool_)
    gap = measure_segment(signal, FS_HZ, 0.0, 0.0, beats(60), normal)
    assert np.isfinite(gap.st_mv[0]) and np.isnan(gap.st_mv[1])
    signal[:] = np.nan
    none = measure_segment(signal, FS_HZ, 0.0, 0.0, beats(60), normal)
    assert none.reason == "few_normal_beats"
    assert np.array_equal(none.peak_s, beats(60)), "the watch's times are kept"


def test_the_trend_of_a_lead_has_its_extremes() -> None:
    levels = [0.0, -0.1, np.nan, 0.05]
    waves = [
        Waves(300.0 * place, np.zeros(0), np.array([level, np.nan]), 100, None)
        for place, level in enumerate(levels)
    ]
    first, second = trends_of(waves, ("II", "V5"), ())
    assert first.levels_mv == (0.0, -0.1, None, 0.05)
    assert first.lowest is not None and (first.lowest.mv, first.lowest.at_s) == (-0.1, 300.0)
    assert first.highest is not None and first.highest.at_s == 900.0
    assert (second.reason, second.median_mv) == ("no_signal", None)


def test_the_reason_of_a_lead_is_that_of_most_segments() -> None:
    def waves(level: float, reason: str | None, count: int) -> list[Waves]:
        levels = np.array([level, np.nan])
        return [Waves(0.0, np.zeros(0), levels, 0, reason) for _ in range(count)]

    few = waves(np.nan, "few_normal_beats", 2)
    assert trends_of([*few, *waves(0.1, None, 5)], ("II", "V5"), ())[1].reason == "no_signal"
    assert trends_of([*few, *waves(0.1, None, 1)], ("II", "V5"), ())[1].reason == "few_normal_beats"


def test_a_high_pass_that_distorts_st_leaves_it_out() -> None:
    waves = [Waves(0.0, np.zeros(0), np.array([0.1, 0.1]), 100, None)]
    first, second = trends_of(waves, ("II", "V5"), (0.5, 0.05))
    assert (first.reason, first.levels_mv) == ("high_pass", (None,))
    assert (second.reason, second.median_mv) == (None, 0.1)


def rhythm_of(peaks_s: NDArray[np.float64], *episodes: Episode) -> Rhythm:
    intervals = np.diff(peaks_s, prepend=np.nan)
    label = np.zeros(peaks_s.size, np.int8)
    duration_s = float(np.ceil(peaks_s[-1]))
    known = np.ones(int(np.ceil(duration_s / 5)))
    return Rhythm(duration_s, peaks_s, label, intervals, episodes, known)


def modulated(seconds: float) -> NDArray[np.float64]:
    """Return beats whose intervals swing by 50 ms at 0.25 Hz and by 30 ms at 0.1 Hz."""
    at_s, found = 0.0, []
    while at_s < seconds:
        swing = 0.05 * np.sin(2 * np.pi * 0.25 * at_s) + 0.03 * np.sin(2 * np.pi * 0.1 * at_s)
        at_s += 0.8 + swing
        found.append(at_s)
    return np.array(found)


def test_the_variability_of_a_known_swing() -> None:
    peaks_s = modulated(299)
    (segment,) = variability_of(rhythm_of(peaks_s), peaks_s).segments
    intervals_ms = 1000 * np.diff(peaks_s)
    assert segment.sdnn_ms == pytest.approx(np.std(intervals_ms, ddof=1), rel=0.02)
    assert segment.rmssd_ms == pytest.approx(np.sqrt(np.mean(np.diff(intervals_ms) ** 2)), rel=0.02)
    # A swing's power is half of its amplitude's square.
    assert segment.hf_ms2 == pytest.approx(50**2 / 2, rel=0.1)
    assert segment.lf_ms2 == pytest.approx(30**2 / 2, rel=0.1)


def test_segments_with_fibrillation_or_ectopy_have_no_variability() -> None:
    peaks_s = modulated(899)
    rhythm = rhythm_of(peaks_s, Episode("atrial_fibrillation", 100.0, 200.0))
    ectopic = np.flatnonzero((peaks_s > 300) & (peaks_s < 600))[::3]
    rhythm.label[ectopic] = 2
    variability = variability_of(rhythm, peaks_s)
    assert [each.reason for each in variability.segments] == [
        "atrial_fibrillation",
        "few_normal_beats",
        None,
    ]
    assert (variability.sdnn_ms, variability.reason) == (None, "short")


def test_the_whole_is_measured_from_18_hours_on() -> None:
    peaks_s = np.arange(0.5, MIN_LONG_S + 600, 0.8)
    peaks_s[::2] += 0.01
    variability = variability_of(rhythm_of(peaks_s), peaks_s)
    # Intervals of 790 and 810 ms by turns.
    assert variability.reason is None
    assert variability.sdnn_ms == pytest.approx(10.0, rel=0.01)
    assert variability.sdnn_index_ms == pytest.approx(10.0, rel=0.01)
    assert variability.sdann_ms == pytest.approx(0.0, abs=0.05)
