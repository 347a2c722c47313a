"""Each rule on the PR interval, from both sides of its limit."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import detrend

from intervals.beats import BeatClass, Beats
from intervals.p_waves import beat_to_beat_change, why_no_pr
from tests.intervals.made_beats import TIMES, beats_at

REGULAR_S = np.arange(10) * 0.9 + 0.5


def wave_windows(beats: int) -> np.ndarray:
    """(beats, 12, 360): the same bump in every beat, where TIMES has P."""
    at = np.arange(360)
    return np.tile(np.exp(-0.5 * ((at - 87) / 6.0) ** 2), (beats, 12, 1))


def regular(**changes: object) -> Beats:
    return beats_at(REGULAR_S.tolist(), windows=wave_windows(REGULAR_S.size), **changes)  # type: ignore[arg-type]


def times_with(**boundaries: float) -> np.ndarray:
    names = ("p_on", "p_off", "qrs_on", "qrs_off", "t_off")
    return np.array([boundaries.get(name, TIMES[index]) for index, name in enumerate(names)])


def test_a_sound_p_wave_gives_no_reason() -> None:
    assert why_no_pr(regular(), times_with(), 0.99) is None


@pytest.mark.parametrize("missing", ["p_on", "p_off", "qrs_on"])
def test_without_p_or_qrs_onset_there_is_no_pr(missing: str) -> None:
    reason = why_no_pr(regular(), times_with(**{missing: np.nan}), 0.99)
    assert reason == "the start of the beat is not recorded, or no QRS complex is found"


def test_without_the_ends_of_qrs_and_t_there_is_a_pr() -> None:
    assert why_no_pr(regular(), times_with(qrs_off=np.nan, t_off=np.nan), 0.99) is None


def test_pacing_leaves_pr_without_a_meaning() -> None:
    reason = why_no_pr(regular(), times_with(), 0.99, paced=True)
    assert reason == "pacing spikes; a PR interval has no meaning"


def test_p_must_be_probable() -> None:
    assert why_no_pr(regular(), times_with(), 0.5) is None
    assert why_no_pr(regular(), times_with(), 0.49) == "no P waves are found"


@pytest.mark.parametrize(
    ("pr_ms", "plausible"), [(59.0, False), (60.0, True), (460.0, True), (461.0, False)]
)
def test_pr_must_be_plausible(pr_ms: float, plausible: bool) -> None:
    times = times_with(p_on=-40.0 - pr_ms, p_off=-40.0 - pr_ms + 40.0)
    reason = why_no_pr(beats_at([0.5, 1.5]), times, 0.99)
    assert reason == (None if plausible else "no P wave precedes the QRS complex")


@pytest.mark.parametrize(("p_off", "plausible"), [(-20.0, True), (-19.0, False)])
def test_p_may_end_20_ms_after_the_qrs_onset(p_off: float, plausible: bool) -> None:
    reason = why_no_pr(regular(), times_with(p_off=p_off), 0.99)
    assert reason == (None if plausible else "no P wave precedes the QRS complex")


@pytest.mark.parametrize(
    ("rr_s", "pr_ms", "is_p"),
    [(0.498, 209.0, True), (0.498, 210.0, False), (0.4, 167.0, True), (0.4, 169.0, False),
     (0.5, 260.0, True), (0.52, 260.0, True)],
)  # fmt: skip
def test_at_fast_rates_a_long_pr_may_be_the_last_t(rr_s: float, pr_ms: float, is_p: bool) -> None:
    """42 % of 498 ms are 209.2 ms, of 400 ms 168 ms; from 500 ms on any PR passes."""
    times = times_with(p_on=-40.0 - pr_ms, p_off=-110.0)
    centres_s = (np.arange(5) * rr_s + 1.0).tolist()
    whole = [False] * 5  # no likeness of P is judged
    reason = why_no_pr(beats_at(centres_s, whole=whole), times, 0.99)
    fast = "the rate is so fast that P cannot be distinguished from T"
    assert reason == (None if is_p else fast)


def test_42_percent_of_rr_still_pass() -> None:
    """RR 400 ms to the last bit: 168 ms. Two beats are enough for a rate."""
    fast = beats_at([0.0, 0.4])
    assert why_no_pr(fast, times_with(p_on=-208.0, p_off=-110.0), 0.99) is None
    reason = why_no_pr(fast, times_with(p_on=-209.0, p_off=-110.0), 0.99)
    assert reason == "the rate is so fast that P cannot be distinguished from T"


@pytest.mark.parametrize(("p_on_ms", "is_p"), [(-212.0, True), (-213.0, False)])
def test_a_p_wave_at_the_cut_before_a_fast_beat_may_begin_before_it(
    p_on_ms: float, is_p: bool
) -> None:
    """RR 400 ms: the beat is cut off 220 ms before its centre. PR is 132 ms."""
    times = times_with(p_on=p_on_ms, p_off=-150.0, qrs_on=-80.0)
    reason = why_no_pr(beats_at([0.0, 0.4]), times, 0.99)
    fast = "the rate is so fast that P cannot be distinguished from T"
    assert reason == (None if is_p else fast)


def test_one_beat_has_no_rate_that_could_be_fast() -> None:
    assert why_no_pr(beats_at([0.5]), times_with(), 0.99) is None


def likeness(windows: np.ndarray) -> float:
    """The median correlation of each beat's P with the mean of the others.

    By scipy's detrend on each lead and numpy's product, over P and 20 ms on either side: samples
    round((-0.220 + 0.600) x 250) = 95 to round((-0.076 + 0.600) x 250) = 131.
    """
    waves = detrend(windows[:, :, 95:131].astype(np.float64), axis=-1).reshape(len(windows), -1)
    correlations = []
    for index, wave in enumerate(waves):
        others = np.delete(waves, index, axis=0).mean(axis=0)
        product = np.linalg.norm(wave) * np.linalg.norm(others)
        correlations.append(float(wave @ others / product))
    return float(np.median(correlations))


def windows_with_likeness(target: float) -> np.ndarray:
    """A common P of the amplitude that gives this likeness, in noise and on drift."""
    rng = np.random.default_rng(0)
    noise = rng.normal(0.0, 0.2, (7, 12, 360)) + rng.normal(0.0, 0.02, (7, 12, 1)) * np.arange(360)
    low, high = 0.0, 2.0
    for _ in range(40):
        amplitude = (low + high) / 2
        windows = (noise + amplitude * wave_windows(7)).astype(np.float32)
        if likeness(windows) < target:
            low = amplitude
        else:
            high = amplitude
    return windows


NO_RECURRENCE = "no P wave recurs from beat to beat; none belongs to the QRS complexes"


@pytest.mark.parametrize(("target", "reason"), [(0.349, NO_RECURRENCE), (0.351, None)])
def test_p_must_recur_from_beat_to_beat(target: float, reason: str | None) -> None:
    beats = beats_at((np.arange(7) * 0.9).tolist(), windows=windows_with_likeness(target))
    assert why_no_pr(beats, times_with(), 0.99) == reason


@pytest.mark.parametrize(("beats", "reason"), [(2, None), (3, NO_RECURRENCE)])
def test_recurrence_is_judged_from_three_normal_whole_beats_on(
    beats: int, reason: str | None
) -> None:
    windows = np.random.default_rng(1).normal(size=(7, 12, 360))
    classes: list[BeatClass] = ["normal"] * beats + ["ectopic"] * (7 - beats)
    centres_s = (np.arange(7) * 0.9).tolist()
    by_class = beats_at(centres_s, windows=windows, classes=classes)
    assert why_no_pr(by_class, times_with(), 0.99) == reason
    whole = [True] * beats + [False] * (7 - beats)
    by_window = beats_at(centres_s, windows=windows, whole=whole)
    assert why_no_pr(by_window, times_with(), 0.99) == reason


@pytest.mark.parametrize(("p_off", "reason"), [(-604.0, None), (-600.0, NO_RECURRENCE)])
def test_recurrence_needs_five_samples_of_p_in_the_window(p_off: float, reason: str | None) -> None:
    """The window begins at -600 ms; with 20 ms after P it holds 4 and 5 samples of it."""
    windows = np.random.default_rng(1).normal(size=(7, 12, 360))
    times = times_with(p_on=-620.0, p_off=p_off, qrs_on=-200.0)
    beats = beats_at((np.arange(7) * 0.9).tolist(), windows=windows)
    assert why_no_pr(beats, times, 0.99) == reason


def test_recurrence_is_not_judged_where_p_ends_before_it_begins() -> None:
    """Of -100 to -130 ms, with 20 ms on either side, 2 samples are left."""
    windows = np.random.default_rng(1).normal(size=(7, 12, 360))
    beats = beats_at((np.arange(7) * 0.9).tolist(), windows=windows)
    assert why_no_pr(beats, times_with(p_on=-100.0, p_off=-130.0), 0.99) is None


def alternating(change_s: float, beats: int = 8) -> list[float]:
    """Centres whose RR intervals are 1 s and 1 s plus the change, one after the other."""
    rr_s = np.where(np.arange(beats - 1) % 2, 1.0 + change_s, 1.0)
    return np.concatenate([[0.5], 0.5 + np.cumsum(rr_s)]).tolist()


@pytest.mark.parametrize(("change_s", "irregular"), [(0.099, False), (0.101, True)])
def test_in_irregular_rhythms_p_must_be_clear(change_s: float, irregular: bool) -> None:
    """Of seven intervals four are 1 s, the median: the change over it is the change itself."""
    beats = beats_at(alternating(change_s), windows=wave_windows(8))
    assert why_no_pr(beats, times_with(), 0.95) is None
    reason = why_no_pr(beats, times_with(), 0.94)
    assert reason == ("the rhythm is irregular, and P waves are not clear" if irregular else None)


def test_a_change_of_a_tenth_is_regular_still() -> None:
    """Exact in binary: changes of 1/16 s, and a median of 10/16 s."""
    centres_s = np.concatenate([[0.5], 0.5 + np.cumsum([0.59375, 0.65625] * 4)])
    beats = beats_at(centres_s.tolist(), windows=wave_windows(9))
    assert why_no_pr(beats, times_with(), 0.94) is None


def test_the_change_from_beat_to_beat_is_over_the_median_interval() -> None:
    """RR 1.0, 1.3, 0.9, 1.2, 1.0: changes 0.3, 0.4, 0.3, 0.2, their median 0.3; median RR 1.0."""
    centres_s = [0.0, 1.0, 2.3, 3.2, 4.4, 5.4]
    assert beat_to_beat_change(beats_at(centres_s)) == pytest.approx(0.3)
    # The first and last beat ectopic: changes 0.4 and 0.3 remain, too few.
    ends: list[BeatClass] = ["ectopic", *["normal"] * 4, "ectopic"]
    assert beat_to_beat_change(beats_at(centres_s, classes=ends)) == 0.0
    # The first ectopic: 0.4, 0.3 and 0.2 remain, over the median of all intervals.
    first: list[BeatClass] = ["ectopic", *["normal"] * 5]
    assert beat_to_beat_change(beats_at(centres_s, classes=first)) == pytest.approx(0.3)


def test_the_change_needs_three_of_them() -> None:
    assert beat_to_beat_change(beats_at([0.0, 1.0, 2.3, 3.2])) == 0.0
    assert beat_to_beat_change(beats_at([0.0, 1.0, 2.3, 3.2, 4.4])) == pytest.approx(0.3 / 1.1)
    assert beat_to_beat_change(beats_at([0.5])) == 0.0
