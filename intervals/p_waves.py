"""Whether a PR interval may be given: a P wave that is there, belongs to its QRS, and isn't a fibrillating baseline."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from intervals.beats import BEAT_HZ, BEFORE_S, FAST_RR_S, Beats
from intervals.fiducials import P_OFF, P_ON, QRS_ON
from signals.order import median

P_PRESENT: Final = 0.5
# In PTB-XL's folds 1-8 at 100 Hz 3 of 282 irregular recordings with fibrillation have more, and 54 of 64 with sinus arrhythmia; 0.9
# would leave 5 and 57.
CLEAR_P: Final = 0.95
MIN_ALIKE: Final = 0.35  # median correlation of each beat's P with the mean of the others'
IRREGULAR: Final = 0.10  # median |difference of successive RR| over median RR; sinus arrhythmia is slower than from beat to beat
MIN_PR_MS: Final = 60.0
MAX_PR_MS: Final = 460.0
FAST_PR_SHARE: Final = 0.42  # of RR: 180 ms at 140 /min
AROUND_S: Final = 0.02


def why_no_pr(
    beats: Beats, times: NDArray[np.float64], p_present: float, *, paced: bool = False
) -> str | None:
    """The reason why there is no PR, None where there is one. `times` (5,) ms from the centre."""
    if not np.isfinite(times[[P_ON, P_OFF, QRS_ON]]).all():
        return "the beat's beginning is not recorded, or no QRS is found"
    if paced:
        return "pacing spikes; a PR interval has no meaning"
    if p_present < P_PRESENT:
        return "no P waves are found"
    if (
        not MIN_PR_MS <= times[QRS_ON] - times[P_ON] <= MAX_PR_MS
        or times[P_OFF] > times[QRS_ON] + 20.0
    ):
        return "no P wave stands before the QRS complex"
    if hidden_in_t(beats, times):
        return "the rate is so fast that P cannot be told from T"
    alike = p_likeness(beats, times)
    if alike is not None and alike < MIN_ALIKE:
        return "no P wave recurs from beat to beat; none belongs to the QRS complexes"
    if irregularity(beats) > IRREGULAR and p_present < CLEAR_P:
        return "the rhythm is irregular, and P waves are not clear"
    return None


def hidden_in_t(beats: Beats, times: NDArray[np.float64]) -> bool:
    """Whether what looks like P may be the last beat's T: at fast rates, farther before the QRS than PR shortens to."""
    rr_ms = float(median(np.diff(beats.centre_s))) * 1000.0 if beats.centre_s.size > 1 else np.inf
    return bool(rr_ms < FAST_RR_S * 1000.0 and times[QRS_ON] - times[P_ON] > FAST_PR_SHARE * rr_ms)


def irregularity(beats: Beats) -> float:
    """Median change from one RR to the next over the median RR, of normal beats in a row; 0 where there are too few."""
    rr, normal = np.diff(beats.centre_s), beats.normal
    pair = normal[1:] & normal[:-1]
    both = pair[1:] & pair[:-1]
    return float(median(np.abs(np.diff(rr))[both]) / median(rr)) if both.sum() >= 3 else 0.0


def p_likeness(beats: Beats, times: NDArray[np.float64]) -> float | None:
    """Median over beats of the correlation of its P, on all leads, with the mean of the others'; None under three beats."""
    chosen = beats.normal & beats.whole
    if chosen.sum() < 3:
        return None
    start, stop = (
        round((times[index] / 1000.0 + BEFORE_S + side * AROUND_S) * BEAT_HZ)
        for index, side in ((P_ON, -1), (P_OFF, 1))
    )
    start, stop = max(0, start), min(stop, beats.windows.shape[2])
    if stop - start < 5:
        return None
    waves = beats.windows[chosen, :, start:stop].astype(np.float64)
    waves = _without_line(waves).reshape(len(waves), -1)
    others = (waves.sum(axis=0) - waves) / (len(waves) - 1)
    norms = np.linalg.norm(waves, axis=1) * np.linalg.norm(others, axis=1)
    return float(median((waves * others).sum(axis=1) / np.maximum(norms, 1e-12)))


def _without_line(waves: NDArray[np.float64]) -> NDArray[np.float64]:
    """Each (..., samples) minus its straight line: drift under the wave is no likeness."""
    at = np.arange(waves.shape[-1]) - (waves.shape[-1] - 1) / 2
    slope = (waves @ at) / (at @ at)
    return np.asarray(
        waves - waves.mean(axis=-1, keepdims=True) - slope[..., None] * at, np.float64
    )
