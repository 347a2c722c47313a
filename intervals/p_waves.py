"""Whether a PR interval may be given: for that, P waves must exist and belong to their QRS.

Neither the baseline of fibrillation nor the T wave of the beat before is one.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from intervals.beat_grid import BEAT_HZ, BEFORE_S
from intervals.beats import FAST_RR_S, Beats, own_span_ms
from intervals.fiducials import P_OFF, P_ON, QRS_ON
from signals.order import median

P_PRESENT: Final = 0.5  # probability of P
# Probability of P in irregular rhythms. In PTB-XL's folds 1-8 at 100 Hz, 3 of 282 irregular
# recordings with fibrillation have more, and 54 of 64 with sinus arrhythmia; with 0.9 it would be
# 5 and 57.
CLEAR_P: Final = 0.95
# Median correlation of each beat's P with the mean of the others.
MIN_LIKENESS: Final = 0.35
# Median |difference of successive RR| over median RR; sinus arrhythmia changes more slowly than
# from beat to beat.
IRREGULAR: Final = 0.10
MIN_PR_MS: Final = 60.0
MAX_PR_MS: Final = 460.0
MAX_P_OVERLAP_MS: Final = 20.0  # of the end of P with the QRS complex
FAST_PR_SHARE: Final = 0.42  # of RR: 180 ms at 140 per minute
# At fast rates the neighbouring beats are cut off. A boundary this near to a cut may belong to a
# wave that is cut, too: it is the standard deviation around annotated times in the training.
CUT_MS: Final = 8.0
AROUND_S: Final = 0.02  # on either side of P
MIN_BEATS: Final = 3  # for a likeness of P
MIN_P_SAMPLES: Final = 5  # of P and what is around it
MIN_CHANGES: Final = 3  # from one RR interval to the next, for their median


def why_no_pr(
    beats: Beats, times: NDArray[np.float64], p_present: float, *, paced: bool = False
) -> str | None:
    """Return the reason why there is no PR interval, None where there is one.

    times  (5,) boundaries in ms from the centre
    """
    if not np.isfinite(times[[P_ON, P_OFF, QRS_ON]]).all():
        return "the start of the beat is not recorded, or no QRS complex is found"
    if paced:
        return "pacing spikes; a PR interval has no meaning"
    if p_present < P_PRESENT:
        return "no P waves are found"

    pr_ms = times[QRS_ON] - times[P_ON]
    if not MIN_PR_MS <= pr_ms <= MAX_PR_MS or times[P_OFF] > times[QRS_ON] + MAX_P_OVERLAP_MS:
        return "no P wave precedes the QRS complex"
    first_own_ms, _ = own_span_ms(beats)
    if _may_be_last_t(beats, pr_ms) or times[P_ON] < first_own_ms + CUT_MS:
        return "the rate is so fast that P cannot be distinguished from T"

    likeness = p_likeness(beats, times)
    if likeness is not None and likeness < MIN_LIKENESS:
        return "no P wave recurs from beat to beat; none belongs to the QRS complexes"
    if beat_to_beat_change(beats) > IRREGULAR and p_present < CLEAR_P:
        return "the rhythm is irregular, and P waves are not clear"
    return None


def beat_to_beat_change(beats: Beats) -> float:
    """Return the median change from one RR to the next over the median RR.

    Changes count between normal beats in a row; 0 under three of them.
    """
    rr = np.diff(beats.centre_s)
    normal = beats.normal
    between_normal = normal[1:] & normal[:-1]
    successive = between_normal[1:] & between_normal[:-1]
    if successive.sum() < MIN_CHANGES:
        return 0.0
    changes = np.abs(np.diff(rr))[successive]
    return float(median(changes) / median(rr))


def _may_be_last_t(beats: Beats, pr_ms: float) -> bool:
    """Return whether the apparent P may be the last beat's T.

    At fast rates PR shortens; a longer one than that is suspect.
    """
    if beats.centre_s.size < 2:
        return False
    rr_ms = float(median(np.diff(beats.centre_s))) * 1000.0
    return bool(rr_ms < FAST_RR_S * 1000.0 and pr_ms > FAST_PR_SHARE * rr_ms)


def p_likeness(beats: Beats, times: NDArray[np.float64]) -> float | None:
    """Return the median correlation over beats of its P with the mean of the others' P.

    All leads together; None under three beats, or where hardly any of P is in the window.
    """
    chosen = beats.normal & beats.whole
    if chosen.sum() < MIN_BEATS:
        return None
    start_s = times[P_ON] / 1000.0 + BEFORE_S - AROUND_S
    stop_s = times[P_OFF] / 1000.0 + BEFORE_S + AROUND_S
    start = max(0, round(start_s * BEAT_HZ))
    stop = min(round(stop_s * BEAT_HZ), beats.windows.shape[2])
    if stop - start < MIN_P_SAMPLES:
        return None

    by_lead = beats.windows[chosen, :, start:stop].astype(np.float64)
    waves = _detrended(by_lead).reshape(len(by_lead), -1)
    mean_of_others = (waves.sum(axis=0) - waves) / (len(waves) - 1)
    product = (waves * mean_of_others).sum(axis=1)
    norms = np.linalg.norm(waves, axis=1) * np.linalg.norm(mean_of_others, axis=1)
    correlation = product / np.maximum(norms, 1e-12)
    return float(median(correlation))


def _detrended(waves: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return each (..., samples) minus its straight line: shared drift is no likeness of P."""
    samples = waves.shape[-1]
    from_middle = np.arange(samples) - (samples - 1) / 2
    slope = (waves @ from_middle) / (from_middle @ from_middle)
    level = waves.mean(axis=-1, keepdims=True)
    line = slope[..., None] * from_middle
    return np.asarray(waves - level - line, np.float64)
