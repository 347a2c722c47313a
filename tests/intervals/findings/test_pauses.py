"""Pauses: named with their length where the signal is there and shows no beat."""

from __future__ import annotations

import numpy as np
import pytest

from intervals.findings.pauses import (
    Pause,
    find_pauses,
    pause_findings,
    pause_warnings,
)
from signals.conditioned import condition
from signals.r_peaks import r_peaks_of
from tests.intervals.synthetic import synthetic_at

BEFORE_S = [0.5, 1.3, 2.1, 2.9]


def pauses_of(onsets_s: list[float], signal: np.ndarray | None = None) -> tuple[Pause, ...]:
    """Return the pauses of 12 s of an ECG with a little noise, by its own R peaks."""
    if signal is None:
        signal = ecg(onsets_s)
    ready = condition(signal, 500.0)
    return find_pauses(ready, r_peaks_of(ready))


def ecg(onsets_s: list[float]) -> np.ndarray:
    noise = np.random.default_rng(1).normal(0.0, 0.004, (12, 6000))
    return synthetic_at(onsets_s, seconds=12.0) + noise


@pytest.mark.parametrize("until_s", [5.2, 6.4, 8.1, 11.0])
def test_a_pause_between_beats_has_its_length_and_place(until_s: float) -> None:
    later = np.arange(until_s, 11.9, 0.8).tolist()
    (pause,) = pauses_of([*BEFORE_S, *later])
    # The R peak of the synthetic beats is 40 ms after the onset.
    assert pause.from_s == pytest.approx(2.94, abs=0.03)
    assert pause.to_s == pytest.approx(until_s + 0.04, abs=0.03)
    assert pause.between_beats


@pytest.mark.parametrize("rr_s", [0.5, 0.8, 1.2, 1.9])
def test_a_slow_or_fast_regular_rhythm_has_no_pause(rr_s: float) -> None:
    onsets = np.arange(0.4, 11.9, rr_s).tolist()
    assert pauses_of(onsets) == ()


def test_a_compensatory_interval_is_no_pause() -> None:
    assert pauses_of([0.5, 1.3, 2.1, 2.5, 4.3, 5.1, 5.9, 6.7, 7.5, 8.3, 9.1, 9.9, 10.7, 11.5]) == ()


def test_every_interval_of_a_very_slow_rhythm_counts() -> None:
    pauses = pauses_of([0.5, 2.9, 5.3, 7.7, 10.1])
    assert len(pauses) == 4
    (finding,) = pause_findings(pauses)
    assert (finding.statement, finding.severity) == ("Pause of 2.4 s", "abnormal")
    assert finding.evidence["pauses"] == 4.0


@pytest.mark.parametrize("last", [6.5, 7.3, 8.9])
def test_the_end_without_a_beat_is_a_pause_of_at_least_its_length(last: float) -> None:
    (pause,) = pauses_of(np.arange(0.5, last + 0.01, 0.8).tolist())
    assert (pause.between_beats, pause.to_s) == (False, 12.0)
    (finding,) = pause_findings((pause,))
    assert f"ause of at least {pause.seconds:.1f} s" in finding.statement


@pytest.mark.parametrize("first", [2.3, 3.6, 6.0])
def test_the_start_without_a_beat_is_a_pause_too(first: float) -> None:
    (pause,) = pauses_of(np.arange(first, 11.9, 0.8).tolist())
    assert (pause.between_beats, pause.from_s) == (False, 0.0)
    assert pause.seconds == pytest.approx(first + 0.04, abs=0.03)


@pytest.mark.parametrize("gap", [(3.5, 5.0), (4.0, 4.6), (6.0, 8.0)])
def test_a_gap_of_the_signal_is_no_pause(gap: tuple[float, float]) -> None:
    onsets = [*BEFORE_S, 9.2, 10.0, 10.8]
    signal = ecg(onsets)
    signal[:, round(gap[0] * 500) : round(gap[1] * 500)] = np.nan
    assert pauses_of(onsets, signal) == ()


@pytest.mark.parametrize("height", [0.32, 0.3, 0.27])
def test_a_small_beat_within_is_no_pause(height: float) -> None:
    """The detector misses a beat of less than about a third of the others' height."""
    onsets = [*BEFORE_S, 5.9, 6.7, 7.5, 8.3, 9.1, 9.9, 10.7]
    signal = ecg(onsets)
    signal += height * synthetic_at([4.4], seconds=12.0)
    assert pauses_of(onsets, signal) == ()


@pytest.mark.parametrize("height", [1.0, 1.5])
def test_p_waves_in_a_pause_are_no_beats(height: float) -> None:
    """P waves that are not conducted: the pause of a complete block."""
    onsets = [*BEFORE_S, 7.2, 8.0, 8.8, 9.6, 10.4, 11.2]
    times_s = np.arange(6000) / 500.0
    p_waves = np.zeros(6000)
    for centre_s in (4.0, 5.0, 6.0):
        p_waves += 0.12 * height * np.exp(-0.5 * ((times_s - centre_s) / 0.025) ** 2)
    (pause,) = pauses_of(onsets, ecg(onsets) + p_waves)
    assert pause.seconds == pytest.approx(4.3, abs=0.05)


@pytest.mark.parametrize(
    ("seconds", "code", "statement", "severity"),
    [
        (2.1, "pause", "Pause of 2.1 s", "abnormal"),
        (3.0, "pause", "Pause of 3.0 s", "abnormal"),
        (3.1, "pause", "Pause of 3.1 s", "critical"),
        (3.9, "pause", "Pause of 3.9 s", "critical"),
        (4.0, "asystole", "Asystole: pause of 4.0 s", "critical"),
        (6.3, "asystole", "Asystole: pause of 6.3 s", "critical"),
    ],
)
def test_the_longest_pause_is_the_finding(
    seconds: float, code: str, statement: str, severity: str
) -> None:
    pauses = (Pause(0.0, 2.05), Pause(3.0, 3.0 + seconds))
    (finding,) = pause_findings(pauses)
    assert (finding.code, finding.statement, finding.severity) == (code, statement, severity)
    assert finding.evidence == {
        "pause_s": pytest.approx(seconds),
        "from_s": 3.0,
        "to_s": pytest.approx(3.0 + seconds),
        "pauses": 2.0,
        "beats_at_its_ends": 2.0,
    }


def test_a_warning_says_that_the_rate_does_not_show_the_pause() -> None:
    pauses = (Pause(2.9, 9.2),)
    assert pause_warnings(pauses, 75.0, 5, 10.0) == (
        "heart_rate_bpm: 75 per minute is the rate of the median interval and does not show the "
        "pause: no beat from 2.9 to 9.2 s (6.3 s), 5 beats in 10.0 s",
    )
    assert pause_warnings(pauses, None, 2, 10.0) == (
        "heart_rate_bpm: no beat from 2.9 to 9.2 s (6.3 s), 2 beats in 10.0 s",
    )
    assert pause_warnings((), 75.0, 12, 10.0) == ()


def test_without_beats_there_are_no_pauses() -> None:
    assert find_pauses(condition(np.zeros((12, 5000)), 500.0), np.zeros(0)) == ()
    assert pause_findings(()) == ()
