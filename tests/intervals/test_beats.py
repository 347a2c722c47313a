"""Beats are aligned, classed by morphology, and averaged without those that differ."""

from __future__ import annotations

import numpy as np
import pytest

from intervals.beats import (
    BeatClass,
    Beats,
    delineator_beat,
    find_beats,
    interquartile_mean,
    own_span_ms,
)
from signals.conditioned import Conditioned, condition
from signals.r_peaks import r_peaks_of
from tests.intervals.made_beats import beats_at
from tests.intervals.synthetic import Made, synthetic, synthetic_at


def beats_of(signal: np.ndarray, fs: float = 500.0) -> Beats:
    ready = condition(signal, fs)
    return find_beats(ready, r_peaks_of(ready))


def with_ectopic(signal: np.ndarray, at_s: float = 4.6) -> np.ndarray:
    """Replace 900 ms of the signal (500 Hz) by a wide beat of another morphology."""
    signal = signal.copy()
    start = round(at_s * 500)
    signal[:, start - 150 : start + 300] = 0.0
    heights = np.linspace(2.0, -2.0, 12)[:, None]
    signal[:, start : start + 90] += heights * np.sin(np.linspace(0, 2 * np.pi, 90))
    return signal


def conditioned(signal: np.ndarray, missing: np.ndarray | None = None) -> Conditioned:
    """Return a recording of (leads, samples) at 500 Hz that counts as filtered already."""
    if missing is None:
        missing = np.zeros(signal.shape[1], np.bool_)
    varying = np.asarray(np.ptp(signal, axis=1) > 0)
    single = signal.astype(np.float32)
    return Conditioned(single, varying, missing, single)


def complexes_at(samples: list[int], heights: list[float], length: int = 5000) -> np.ndarray:
    """(12, samples): a QRS complex of 60 ms at each sample, of another size in each lead."""
    signal = np.zeros((12, length))
    at = np.arange(length)
    proportions = np.linspace(0.4, 1.6, 12)[:, None]
    for centre, height in zip(samples, heights, strict=True):
        near = abs(at - centre) < 60
        bump = np.exp(-0.5 * ((at - centre) / 6.0) ** 2) * np.sin((at - centre) / 7.0 + 1.0)
        signal += proportions * height * np.where(near, bump, 0.0)
    return signal


PLACES = [500, 900, 1310, 1700, 2120, 2500, 2930, 3300, 3720, 4100]


def classes_of(heights: list[float]) -> tuple[BeatClass, ...]:
    ready = conditioned(complexes_at(PLACES, heights))
    return find_beats(ready, np.array(PLACES) / 500.0).classes


def test_beats_of_one_morphology_are_normal_and_aligned() -> None:
    beats = beats_of(synthetic() + np.random.default_rng(0).normal(0, 0.02, (12, 5000)))
    assert set(beats.classes) == {"normal"}
    assert beats.averaged_count == 11
    # To a fifth of the samples of 4 ms at which beats are compared.
    assert np.abs(np.diff(beats.centre_s) - 0.85).max() < 0.0008


@pytest.mark.parametrize("error_samples", [-20, -7, 0, 1, 13, 20])
def test_a_misplaced_beat_is_aligned_with_the_others_within_40_ms(error_samples: int) -> None:
    """The distance from the beat before it is that of the complexes, whatever was detected."""
    detected = np.array(PLACES)
    detected[4] += error_samples
    beats = find_beats(conditioned(complexes_at(PLACES, [1.0] * 10)), detected / 500.0)
    assert set(beats.classes) == {"normal"}
    np.testing.assert_allclose(np.diff(beats.centre_s), np.diff(PLACES) / 500.0, atol=0.0003)


@pytest.mark.parametrize(
    ("height", "beat_class"),
    [(0.45, "ectopic"), (0.55, "normal"), (1.9, "normal"), (2.1, "ectopic"), (-1.0, "ectopic")],
)
def test_a_beat_of_another_size_or_polarity_is_not_normal(
    height: float, beat_class: BeatClass
) -> None:
    classes = classes_of([1.0] * 6 + [height] + [1.0] * 3)
    assert classes == ("normal",) * 6 + (beat_class,) + ("normal",) * 3


def test_a_beat_of_another_morphology_is_ectopic_and_not_averaged() -> None:
    clean, disturbed = beats_of(synthetic()), beats_of(with_ectopic(synthetic()))
    assert clean.classes == ("normal",) * 11
    assert disturbed.classes.count("ectopic") == 1 and disturbed.classes.count("normal") == 10
    assert disturbed.classes[5] == "ectopic"
    assert disturbed.averaged_count < clean.averaged_count
    assert clean.representative is not None and disturbed.representative is not None
    qrs = slice(90, 160)
    np.testing.assert_allclose(
        disturbed.representative[:, qrs], clean.representative[:, qrs], atol=0.12
    )


def test_a_beat_in_noise_is_noisy() -> None:
    signal = synthetic() + np.random.default_rng(0).normal(0, 0.005, (12, 5000))
    signal[:, 2200:2500] += np.random.default_rng(1).normal(0, 3.0, (12, 300))
    classes = beats_of(signal).classes
    assert "noisy" in classes and "ectopic" not in classes


@pytest.mark.parametrize(("noise", "beat_class"), [(2.8, "ectopic"), (3.2, "noisy")])
def test_noise_is_three_times_the_usual_jitter(noise: float, beat_class: BeatClass) -> None:
    """Jitter is the mean second difference of a window: white noise of a size has its own.

    The other beat has the same noise in its QRS complex, which is of no morphology, and this many
    times as much in its window as the normal ones.
    """
    rng = np.random.default_rng(0)
    signal = rng.normal(0.0, 0.01, (12, 5000))
    signal += complexes_at(PLACES, [0.0] * 5 + [0.0] + [0.0] * 4)
    slow = np.exp(-0.5 * ((np.arange(5000)[:, None] - np.array(PLACES)) / 25.0) ** 2)
    for index in range(10):
        lead_heights = np.linspace(-1.0, 1.0, 12) if index == 5 else np.linspace(1.5, 0.5, 12)
        signal += lead_heights[:, None] * slow[:, index]
    window = slice(PLACES[5] - 300, PLACES[5] + 420)
    signal[:, window] += rng.normal(0.0, 0.01 * np.sqrt(noise**2 - 1), (12, 720))
    beats = find_beats(conditioned(signal), np.array(PLACES) / 500.0)
    assert beats.classes[5] == beat_class
    # The windows of its neighbours overlap with the noise, which their morphology outweighs.
    assert set(np.delete(beats.classes, 5)) == {"normal"}


def test_windows_are_the_signal_about_the_centres() -> None:
    """From 600 ms before the centre on, each second sample of 2 ms."""
    signal = complexes_at(PLACES, [1.0] * 10)
    beats = find_beats(conditioned(signal), np.array(PLACES) / 500.0)
    assert beats.windows.shape == (10, 12, 360) and beats.windows.dtype == np.float32
    assert beats.whole.all()
    for centre_s, window in zip(beats.centre_s, beats.windows, strict=True):
        places = round(centre_s * 500) - 300 + 2 * np.arange(360)
        np.testing.assert_array_equal(window, signal[:, places].astype(np.float32))


def test_windows_are_held_beyond_the_ends() -> None:
    """The first window begins 148 samples before the recording, the last ends 178 after it."""
    signal = complexes_at([100, 500, 900], [1.0] * 3, 1050) + np.arange(1050) / 1000.0
    beats = find_beats(conditioned(signal), np.array([0.2, 1.0, 1.8]))
    np.testing.assert_array_equal(beats.whole, [False, True, False])
    for window, centre_s in zip(beats.windows, beats.centre_s, strict=True):
        places = round(centre_s * 500) - 300 + 2 * np.arange(360)
        inside = np.clip(places, 0, 1049)
        np.testing.assert_array_equal(window, signal[:, inside].astype(np.float32))


@pytest.mark.parametrize(
    ("start", "stop", "whole"),
    [(0, 1, True), (200, 201, True), (200, 202, False), (920, 921, False), (921, 940, True)],
)
def test_a_window_with_a_missing_sample_is_not_whole(start: int, stop: int, whole: bool) -> None:
    """The window of a beat at sample 501 has the samples 201 to 920."""
    signal = complexes_at([501, 1501], [1.0, 1.0], 2500)
    missing = np.zeros(2500, np.bool_)
    missing[start:stop] = True
    beats = find_beats(conditioned(signal, missing), np.array([501, 1501]) / 500.0)
    assert np.rint(beats.centre_s * 500).tolist() == [501, 1501]
    assert beats.whole.tolist() == [whole, True]
    assert beats.averaged_count == 1 + whole


def test_beats_next_to_a_gap_are_not_whole() -> None:
    """The gap from 4.48 to 4.72 s is in the windows of the beats at 4.05 and 4.9 s alone."""
    signal = synthetic()
    signal[:, 2240:2360] = np.nan
    beats = beats_of(signal)
    assert beats.centre_s.size == 11
    np.testing.assert_allclose(beats.centre_s[~beats.whole], [4.05, 4.9], atol=0.02)
    assert beats.averaged_count == 9


def test_the_interquartile_mean_leaves_out_the_extremes() -> None:
    """Of nine values two on either side are left out, which leaves 1, 2, 2, 3, 7."""
    values = np.array([[3.0], [-50.0], [2.0], [900.0], [1.0], [-1.0], [7.0], [2.0], [1000.0]])
    assert interquartile_mean(values)[0] == pytest.approx(3.0)
    assert interquartile_mean(values[:3])[0] == pytest.approx((3.0 - 50.0 + 2.0) / 3)
    assert interquartile_mean(values[:4])[0] == pytest.approx(2.5)
    both = interquartile_mean(np.concatenate([values, -2 * values], axis=1))
    np.testing.assert_allclose(both, [3.0, -6.0])


def test_of_two_morphologies_nearly_as_frequent_the_narrower_is_measured() -> None:
    signal = synthetic()
    for onset_s in np.arange(0.6 + 0.85, 9.2, 1.7):
        signal = with_ectopic(signal, onset_s - 0.05)
    beats = beats_of(signal)
    assert beats.classes.count("ectopic") >= 4 and beats.classes.count("normal") >= 5
    assert np.abs((beats.centre_s[beats.normal] - 0.6) % 1.7 - 0.05).max() < 0.05


def test_a_wide_morphology_that_is_clearly_commoner_is_measured() -> None:
    """Three narrow beats among eight wide ones are under six tenths of them."""
    signal = synthetic()
    wide_s = [onset_s for index, onset_s in enumerate(0.6 + 0.85 * np.arange(11)) if index % 4 != 2]
    for onset_s in wide_s:
        signal = with_ectopic(signal, onset_s - 0.05)
    beats = beats_of(signal)
    normal_s = beats.centre_s[beats.normal]
    narrow_s = 0.6 + 0.85 * np.array([2, 6, 10])
    assert normal_s.size >= 6
    assert np.abs(normal_s[:, None] - narrow_s).min() > 0.5


def test_no_beats_give_nothing() -> None:
    beats = beats_of(np.zeros((12, 5000)))
    assert beats.representative is None
    assert (beats.classes, beats.averaged_count) == ((), 0)
    assert beats.windows.shape == (0, 12, 360)
    assert beats.centre_s.size == beats.whole.size == 0


def test_a_short_recording_states_which_part_of_the_beat_it_holds() -> None:
    """500 samples about a beat at sample 175: 125 of 300 are missing before it, 95 of 420 after."""
    signal = complexes_at([175], [1.0], 500)
    beats = find_beats(conditioned(signal), np.array([0.35]))
    assert np.rint(beats.centre_s * 500).tolist() == [175]
    assert beats.recorded_span == (125 // 2, (500 - 175 + 300) // 2)
    assert (beats.whole.tolist(), beats.averaged_count) == ([False], 1)


def test_of_beats_that_are_cut_off_the_longest_represents_all() -> None:
    """Windows of 494, 500 and 403 samples are recorded of beats at 74, 250 and 397 of 500."""
    signal = complexes_at([74, 250, 397], [1.0] * 3, 500)
    beats = find_beats(conditioned(signal), np.array([74, 250, 397]) / 500.0)
    assert beats.classes == ("normal",) * 3 and not beats.whole.any()
    assert (beats.recorded_span, beats.averaged_count) == ((50 // 2, (500 - 250 + 300) // 2), 1)


def test_a_whole_beat_covers_the_window() -> None:
    beats = beats_of(synthetic_at([1.0, 2.0, 3.0], seconds=4.0))
    assert beats.recorded_span == (0, 360)


def ramp(rr_s: float, beats: int = 4) -> Beats:
    """Beats whose representative is 1, 2, ..., 360 in I, twice that in II, ..."""
    representative = np.arange(1.0, 13.0)[:, None] * np.arange(1, 289)
    return beats_at((1.0 + rr_s * np.arange(beats)).tolist(), representative=representative)


def test_the_delineator_reads_the_whole_window_at_ordinary_rates() -> None:
    for beats in (ramp(0.5), ramp(0.4, beats=1)):
        np.testing.assert_array_equal(delineator_beat(beats)[0], np.arange(1, 289))


def test_at_fast_rates_the_delineator_reads_the_beat_alone() -> None:
    """RR 0.4 s: 55 % of it before and 85 % after the centre are 55 and 85 samples of 4 ms."""
    beat = delineator_beat(ramp(0.4))
    own = np.clip(np.arange(360), 150 - 55, 150 + 85)
    np.testing.assert_array_equal(beat[0], own + 1)
    assert beat.dtype == np.float64


def test_the_beat_alone_lasts_from_its_cut_to_its_cut_or_has_none() -> None:
    assert own_span_ms(ramp(0.4)) == pytest.approx((-220.0, 340.0))
    for beats in (ramp(0.5), ramp(0.4, beats=1)):
        assert own_span_ms(beats) == (-np.inf, np.inf)


def test_the_delineator_reads_no_leads_that_follow_from_others() -> None:
    """With all twelve: I, II and V1 to V6."""
    representative = np.arange(1.0, 13.0)[:, None] * np.ones(360)
    beat = delineator_beat(beats_at([1.0], representative=representative))
    assert beat[:, 0].tolist() == [1.0, 2.0, 7.0, 8.0, 9.0, 10.0, 11.0, 12.0]


def test_a_slow_recording_of_one_second_has_a_beat() -> None:
    beats = beats_of(synthetic(Made(rr_ms=1500.0), seconds=1.0, first_s=0.3))
    assert beats.classes == ("normal",)
    assert beats.recorded_span[0] > 0 and beats.recorded_span[1] < 360
