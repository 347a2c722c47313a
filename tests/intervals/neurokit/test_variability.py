"""Heart rate variability: which intervals count, and the indices of known intervals."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from intervals.neurokit.variability import (
    LONG_TERM,
    MAX_NONLINEAR,
    NormalIntervals,
    Variability,
    normal_intervals,
    variability,
)


def beats_of(rr_ms: np.ndarray | list[float]) -> np.ndarray:
    """Times of beats in seconds with these intervals."""
    return 0.4 + np.concatenate([[0.0], np.cumsum(rr_ms)]) / 1000.0


def intervals_of(
    rr_ms: np.ndarray | list[float], *, other: tuple[int, ...] = (), gaps: tuple[int, ...] = ()
) -> NormalIntervals:
    """other: beats that are not normal; gaps: intervals with a gap."""
    beats_s = beats_of(rr_ms)
    normal = np.ones(beats_s.size, np.bool_)
    normal[list(other)] = False
    has_gap = np.zeros(beats_s.size - 1, np.bool_)
    has_gap[list(gaps)] = True
    return normal_intervals(beats_s, normal, has_gap)


def of(rr_ms: np.ndarray, seconds: float | None = None) -> Variability:
    return variability(intervals_of(rr_ms), seconds or float(np.sum(rr_ms)) / 1000.0 + 1.0)


def modulated(frequency_hz: float, amplitude_ms: float, seconds: float = 320.0) -> np.ndarray:
    """Intervals around 850 ms that follow a sinusoid in time."""
    rr_ms, at_s = [], 0.0
    while at_s < seconds:
        rr_ms.append(850.0 + amplitude_ms * np.sin(2 * np.pi * frequency_hz * at_s))
        at_s += rr_ms[-1] / 1000.0
    return np.array(rr_ms)


@pytest.mark.parametrize("spread_ms", [5.0, 15.0, 30.0])
@pytest.mark.parametrize("count", [75, 400])
def test_sdnn_and_rmssd_are_those_computed_by_hand(spread_ms: float, count: int) -> None:
    """Random intervals have the largest differences from beat to beat; none is an artefact."""
    rr_ms = 850.0 + np.random.default_rng(count).normal(0.0, spread_ms, count)
    used = intervals_of(rr_ms)
    assert (used.left_out, used.share) == (0, 1.0)
    time = of(rr_ms).time
    assert time is not None
    differences = [later - earlier for earlier, later in pairwise(rr_ms)]
    mean = sum(rr_ms) / count
    sdnn = (sum((each - mean) ** 2 for each in rr_ms) / (count - 1)) ** 0.5
    rmssd = (sum(each**2 for each in differences) / (count - 1)) ** 0.5
    assert time["MeanNN"] == pytest.approx(mean)
    assert time["SDNN"] == pytest.approx(sdnn)
    assert time["RMSSD"] == pytest.approx(rmssd)
    over_50 = sum(abs(each) > 50 for each in differences)
    assert time["pNN50"] == pytest.approx(100 * over_50 / count)


@pytest.mark.parametrize(
    ("frequency_hz", "band", "others"),
    [(0.1, "LF", ("HF", "VLF")), (0.25, "HF", ("LF", "VLF")), (0.02, "VLF", ("LF", "HF"))],
)
def test_the_power_of_a_sinusoid_is_in_its_band(
    frequency_hz: float, band: str, others: tuple[str, ...]
) -> None:
    """Its power is half the amplitude squared."""
    frequency = of(modulated(frequency_hz, 30.0)).frequency
    assert frequency is not None
    assert frequency[band] == pytest.approx(450.0, rel=0.1)
    for other in others:
        assert (frequency[other] or 0.0) < 0.02 * 450.0
    assert frequency["TP"] == pytest.approx(frequency[band], rel=0.05)


def test_two_sinusoids_have_the_ratio_of_their_powers() -> None:
    at_s = np.arange(400) * 0.85
    slow = 30.0 * np.sin(2 * np.pi * 0.1 * at_s)
    fast = 20.0 * np.sin(2 * np.pi * 0.25 * at_s)
    frequency = of(850.0 + slow + fast).frequency
    assert frequency is not None
    assert frequency["LFHF"] == pytest.approx(30.0**2 / 20.0**2, rel=0.15)


def test_intervals_beside_other_beats_and_across_gaps_are_left_out() -> None:
    rr_ms = modulated(0.1, 20.0, seconds=70.0)
    whole = intervals_of(rr_ms)
    used = intervals_of(rr_ms, other=(10, 11, 40), gaps=(60, 40))
    # Beats 10 and 11 have three intervals, beat 40 has two; one gap is in one of them.
    assert (used.beside_other, used.across_gap, used.artefact) == (5, 1, 0)
    assert used.rr_ms.size == whole.rr_ms.size - 6
    kept = np.delete(whole.rr_ms, [9, 10, 11, 39, 40, 60])
    assert used.rr_ms == pytest.approx(kept)
    time = variability(used, 70.0).time
    assert time is not None
    # Only differences of intervals that follow one another count.
    differences = np.diff(whole.rr_ms)
    next_to_left_out = [8, 9, 10, 11, 38, 39, 40, 59, 60]
    rmssd = np.sqrt(np.mean(np.delete(differences, next_to_left_out) ** 2))
    assert time["RMSSD"] == pytest.approx(rmssd)


@pytest.mark.parametrize("at", [20, 45, 60])
@pytest.mark.parametrize("kind", ["premature", "missed", "extra"])
def test_a_beat_out_of_rhythm_is_corrected(kind: str, at: int) -> None:
    """A premature beat of normal form, a beat that was missed, a T wave taken for a beat."""
    rr_ms = modulated(0.1, 20.0, seconds=80.0)
    plain = of(rr_ms).time
    changed = rr_ms.copy()
    if kind == "premature":
        changed[at], changed[at + 1] = 0.6 * rr_ms[at], rr_ms[at + 1] + 0.4 * rr_ms[at]
    elif kind == "missed":
        changed = np.delete(rr_ms, at)
        changed[at] += rr_ms[at]
    else:
        changed = np.insert(rr_ms, at, 300.0)
        changed[at + 1] -= 300.0
    used = intervals_of(changed)
    assert 1 <= used.artefact <= 3
    time = variability(used, 80.0).time
    assert time is not None and plain is not None
    assert time["RMSSD"] == pytest.approx(plain["RMSSD"], rel=0.05)
    assert time["SDNN"] == pytest.approx(plain["SDNN"], rel=0.05)
    # Without a correction the beat would dominate.
    assert np.sqrt(np.mean(np.diff(changed) ** 2)) > 3 * plain["RMSSD"]


def test_a_minute_has_no_indices_that_need_more() -> None:
    found = of(modulated(0.25, 30.0, seconds=61.0), 61.0)
    assert found.time is not None and found.frequency is not None and found.nonlinear is not None
    given = {name for name, value in found.time.items() if value is not None}
    assert given.isdisjoint({"SDANN1", "SDNNI1", "SDANN5", "SDNNI5", "HTI", "TINN"})
    assert {"SDNN", "RMSSD", "MeanNN", "pNN50", "MadNN"} <= given
    powers = {name for name, value in found.frequency.items() if value is not None}
    assert powers == {"HF", "VHF", "LnHF"}
    assert found.frequency["HF"] == pytest.approx(450.0, rel=0.15)
    for name in ("SampEn", "ApEn", "MSEn", "CMSEn", "RCMSEn", *LONG_TERM):
        assert found.nonlinear[name] is None
    assert found.nonlinear["SD1"] is not None
    for sentence in (
        "ULF: a recording of 24 h is needed",
        "VLF, TP, LFHF, LFn, HFn: a recording of 5 min is needed",
        "LF: a recording of 2 min is needed",
        "HTI, TINN: a recording of 20 min is needed",
        "SDANN1, SDNNI1: a recording of 3 min is needed",
    ):
        assert sentence in found.warnings


@pytest.mark.parametrize(
    ("seconds", "given"),
    [(119.0, set()), (121.0, {"LF"}), (301.0, {"LF", "VLF", "TP", "LFHF", "LFn", "HFn"})],
)
def test_each_index_is_given_from_its_length_on(seconds: float, given: set[str]) -> None:
    # Some power in every band.
    rng = np.random.default_rng(3)
    rr_ms = 850.0 + rng.normal(0.0, 20.0, round(seconds / 0.85))
    frequency = of(rr_ms, seconds).frequency
    assert frequency is not None
    long = {"LF", "VLF", "TP", "LFHF", "LFn", "HFn", "ULF"}
    assert {name for name in long if frequency[name] is not None} == given


def test_what_is_left_out_shortens_the_recording() -> None:
    """Of 130 s, 90 s are left: less than 0.8 of the two minutes that LF needs."""
    rr_ms = 850.0 + np.random.default_rng(4).normal(0.0, 20.0, 152)
    used = intervals_of(rr_ms, gaps=tuple(range(40, 86)))
    assert used.seconds == pytest.approx(90.0, abs=2.0)
    frequency = variability(used, 130.0).frequency
    assert frequency is not None
    assert (frequency["LF"], frequency["HF"] is None) == (None, False)


def test_the_nonlinear_indices_of_long_recordings_are_of_the_first_intervals() -> None:
    rr_ms = 850.0 + np.random.default_rng(5).normal(0.0, 20.0, MAX_NONLINEAR + 50)
    found = of(rr_ms)
    expected = of(rr_ms[:MAX_NONLINEAR]).nonlinear
    assert found.nonlinear == expected
    assert f"nonlinear: of the first {MAX_NONLINEAR} of {MAX_NONLINEAR + 50} intervals" in (
        found.warnings
    )


def test_a_failure_of_neurokit_is_a_warning() -> None:
    """Intervals without any variation have no entropy."""
    found = of(np.full(100, 800.0))
    assert found.time is not None
    assert found.time["SDNN"] == pytest.approx(0.0, abs=1e-9)
    assert found.nonlinear is None
    assert "nonlinear: NeuroKit2 raises ValueError on these intervals" in found.warnings
