"""Flutter waves are found between the beats where they are, and nowhere else."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest

from intervals.flutter import atrial_wave, flutter_per_min
from intervals.measure import measure
from intervals.rhythm import name_rhythm
from signals.conditioned import Conditioned
from signals.spikes import Pacing
from tests.data import SHARED, requires_shared
from tests.intervals.made_beats import beats_at, fiducials_of
from tests.intervals.synthetic import Made, synthetic, twelve
from training.datasets.ludb import read_ludb

AT_S = np.arange(5000) / 500.0
# Heights in typical flutter: the inferior leads and V1.
FLUTTER_HEIGHTS = np.array([0.0, 1.0, 1.0, -0.5, -0.5, 1.0, 0.6, 0.1, 0.0, 0.0, 0.0, 0.0])
INFERIOR_AND_V1 = [1, 2, 5, 6]
NO_P = 0.02
# QRS onset and T offset, ms from the centre: with 20 ms before the QRS, a stretch is RR - 420 ms.
TIMES = (np.nan, np.nan, -40.0, 50.0, 360.0)


def saw_tooth(per_min: float) -> np.ndarray:
    """(12, samples) of 0.15 mV; slow down, fast up."""
    phase = (AT_S * per_min / 60.0) % 1.0
    wave = np.where(phase < 0.7, -phase / 0.7, (phase - 0.7) / 0.3 - 1.0)
    return FLUTTER_HEIGHTS[:, None] * 0.15 * wave


def conditioned(signal: np.ndarray) -> Conditioned:
    return Conditioned(
        signal.astype(np.float32),
        np.asarray(signal.any(axis=1)),
        np.zeros(5000, np.bool_),
        signal.astype(np.float32),
    )


def sinusoid(per_min: float = 282.0, octave: float = 0.0) -> np.ndarray:
    """(12, samples) in the inferior leads and V1, with a share of the octave."""
    phase = 2 * np.pi * AT_S * per_min / 60.0
    signal = np.zeros((12, 5000))
    signal[INFERIOR_AND_V1] = np.sin(phase) + octave * np.sin(2 * phase + 1.0)
    return signal


def centres(rr_s: float, beats: int) -> list[float]:
    return (0.6 + rr_s * np.arange(beats)).tolist()


def rate(signal: np.ndarray, centres_s: Sequence[float], p_present: float = NO_P) -> float | None:
    fiducials = fiducials_of(TIMES, p_present=p_present)
    return flutter_per_min(conditioned(signal), beats_at(centres_s), fiducials)


def fit(
    signal: np.ndarray, centres_s: Sequence[float], times: Sequence[float] = TIMES
) -> tuple[float, float]:
    return atrial_wave(conditioned(signal), beats_at(centres_s), np.array(times))


@pytest.mark.parametrize("per_min", [240.0, 280.0, 320.0])
def test_flutter_waves_are_found_with_their_rate(per_min: float) -> None:
    signal = synthetic(Made(rr_ms=930.0, p=False)) + saw_tooth(per_min)
    measurements = measure(twelve(signal), 500.0)
    # The rates that are tried are 2.4 per minute apart.
    assert measurements.flutter_per_min == pytest.approx(per_min, abs=2.4)
    assert measurements.pr_ms is None and measurements.p_duration_ms is None
    assert measurements.p_axis_deg is None
    rate = f"{measurements.flutter_per_min:.0f} per minute"
    assert measurements.warnings == (f"pr_ms: flutter waves, {rate}; a PR interval has no meaning",)
    assert name_rhythm(measurements, Pacing(0, 0, 0)).name == "Atrial flutter"


@pytest.mark.parametrize("per_min", [222.4, 282.4, 347.2])
def test_a_sinusoid_with_its_octave_is_explained_whole(per_min: float) -> None:
    """These rates are among those that are tried, from 220 on in steps of 2.4."""
    per_min_of_fit, explained = fit(sinusoid(per_min, octave=0.5), centres(0.9, 10))
    assert per_min_of_fit == pytest.approx(per_min)
    assert explained == pytest.approx(1.0, abs=0.001)


@pytest.mark.parametrize("per_min", [200.0, 380.0])
def test_rates_beyond_220_to_350_per_minute_are_not_flutter(per_min: float) -> None:
    assert fit(sinusoid(per_min), centres(0.9, 10))[1] < 0.5
    assert rate(sinusoid(per_min), centres(0.9, 10)) is None


def with_noise(share: float) -> np.ndarray:
    """A sinusoid that is this share of the variance; the noise in each lead is independent."""
    noise = np.random.default_rng(0).normal(size=(12, 5000))
    noise[[0, 3, 4, 7, 8, 9, 10, 11]] = 0.0
    return sinusoid() + np.sqrt(0.5 * (1 / share - 1)) * noise


def test_a_part_of_the_variance_is_explained() -> None:
    for share in (0.4, 0.6, 0.8):
        assert fit(with_noise(share), centres(0.9, 10))[1] == pytest.approx(share, abs=0.04)


def test_seven_tenths_of_the_variance_must_be_explained() -> None:
    below, above = with_noise(0.68), with_noise(0.73)
    assert 0.64 < fit(below, centres(0.9, 10))[1] < 0.7
    assert 0.7 < fit(above, centres(0.9, 10))[1] < 0.76
    assert rate(below, centres(0.9, 10)) is None
    assert rate(above, centres(0.9, 10)) == pytest.approx(282.0, abs=1.3)


def test_where_p_waves_are_seen_flutter_is_not_looked_for() -> None:
    assert rate(sinusoid(), centres(0.9, 10), p_present=0.5) is None
    assert rate(sinusoid(), centres(0.9, 10), p_present=0.49) is not None


@pytest.mark.parametrize(("beats", "enough"), [(5, False), (6, True)])
def test_two_seconds_between_t_and_qrs_are_needed(beats: int, enough: bool) -> None:
    """A stretch is 0.48 s long at RR 0.9 s: four are 1.92 s, five 2.4 s."""
    rate_and_fit = fit(sinusoid(), centres(0.9, beats))
    assert rate_and_fit == (
        (pytest.approx(282.0, abs=1.3), pytest.approx(1.0, abs=0.02)) if enough else (0.0, 0.0)
    )


@pytest.mark.parametrize(("rr_s", "enough"), [(0.614, False), (0.626, True)])
def test_a_stretch_has_at_least_a_fifth_of_a_second(rr_s: float, enough: bool) -> None:
    """RR - 0.42 s is 0.194 and 0.206 s; eleven of the latter are more than 2 s."""
    explained = fit(sinusoid(), centres(rr_s, 12))[1]
    assert explained == (pytest.approx(1.0, abs=0.02) if enough else 0.0)


@pytest.mark.parametrize("t_offset", [360.0, np.nan])
def test_only_what_is_between_t_and_qrs_counts(t_offset: float) -> None:
    """Noise of ten times the height is everywhere else.

    Without an end of T, QT is 0.38 s at a rate of 60 per minute.
    """
    times = (np.nan, np.nan, -40.0, 50.0, t_offset)
    t_end_s = -0.04 + 0.38 if np.isnan(t_offset) else 0.36
    signal = 10.0 * np.random.default_rng(0).normal(size=(12, 5000))
    centres_s = centres(1.0, 9)
    for centre_s, next_s in pairwise(centres_s):
        start, stop = round((centre_s + t_end_s) * 500), round((next_s - 0.06) * 500)
        signal[:, start:stop] = sinusoid()[:, start:stop]
    assert fit(signal, centres_s, times)[1] == pytest.approx(1.0, abs=0.02)


def test_a_sinusoid_in_other_leads_is_not_looked_at() -> None:
    signal = sinusoid()
    elsewhere = np.zeros((12, 5000))
    elsewhere[[0, 3, 4, 7, 8, 9, 10, 11]] = signal[1]
    assert fit(elsewhere, centres(0.9, 10)) == (0.0, 0.0)
    for lead in INFERIOR_AND_V1:
        alone = np.zeros((12, 5000))
        alone[lead] = signal[lead]
        assert fit(alone, centres(0.9, 10))[1] == pytest.approx(1.0, abs=0.02)


def test_one_beat_or_no_qrs_gives_no_stretch() -> None:
    assert fit(sinusoid(), [1.0]) == (0.0, 0.0)
    times = (np.nan, np.nan, np.nan, 50.0, 360.0)
    assert fit(sinusoid(), centres(0.9, 10), times) == (0.0, 0.0)


@pytest.mark.parametrize(
    ("rr_s", "change_s", "is_flutter"),
    [(0.72, 0.0, False), (0.72, 0.019, False), (0.72, 0.024, True), (0.75, 0.0, True)],
)
def test_of_a_regular_rhythm_more_than_one_wave_must_be_in_a_stretch(
    rr_s: float, change_s: float, is_flutter: bool
) -> None:
    """Stretches of 0.30 and 0.33 s hold 1.41 and 1.55 waves of 282 per minute; the limit is 1.5.

    A change of 24 ms from one interval to the next is 3.3 % of it, one of 19 ms 2.6 %.
    """
    rr = rr_s + change_s / 2 * np.where(np.arange(11) % 2, 1.0, -1.0)
    centres_s = (0.6 + np.concatenate([[0.0], np.cumsum(rr)])).tolist()
    per_min = rate(sinusoid(), centres_s)
    assert per_min == (pytest.approx(282.0, abs=1.3) if is_flutter else None)


def test_a_beat_that_extends_over_the_end_ends_nothing() -> None:
    """Its QRS complex may begin after the last sample."""
    centres_s = [*centres(0.9, 10), 10.01]
    assert fit(sinusoid(), centres_s)[1] == pytest.approx(1.0, abs=0.02)
    assert fit(sinusoid(), [*centres(0.9, 10), 10.5])[1] == pytest.approx(1.0, abs=0.02)


def test_waves_that_lose_their_phase_are_no_flutter() -> None:
    """Fibrillation: as tall and about as fast, but the distance between waves varies."""
    rng = np.random.default_rng(0)
    phase = np.cumsum(rng.normal(6.0, 25.0, AT_S.size)) / 500.0
    waves = FLUTTER_HEIGHTS[:, None] * 0.1 * np.sin(2 * np.pi * phase)
    signal = synthetic(Made(rr_ms=930.0, p=False)) + waves
    assert measure(twelve(signal), 500.0).flutter_per_min is None


@pytest.mark.parametrize(
    "made", [Made(), Made(rr_ms=600.0, pr_ms=240.0, qt_ms=330.0), Made(p=False)]
)
def test_p_waves_and_their_absence_are_no_flutter(made: Made) -> None:
    assert measure(twelve(synthetic(made)), 500.0).flutter_per_min is None


@requires_shared
def test_ludb_has_flutter_where_cardiologists_say_so() -> None:
    """Records 52 and 103 are flutter; the others are fibrillation or sinus rhythm."""
    names = {"52", "103", "83", "88", "109", "129", "65", "116", "106", "108", "2", "14"}
    flutter = set()
    for record in read_ludb(SHARED / "ludb"):
        if record.name in names and measure(twelve(record.signal), record.fs).flutter_per_min:
            flutter.add(record.name)
    assert flutter == {"52", "103"}
