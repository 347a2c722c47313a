"""Whether a recording is worth the search for P waves that are not conducted, and what it finds.

The search costs a quarter of the other measurements, so that only rhythms that could be a block
are searched: slow ones, those with a pause, and regular ones whose P waves the mean beat does not
show, tachycardias only with wide QRS complexes.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from intervals.atrial.conduction import AvConduction, Kind, judge_conduction
from intervals.atrial.remainder import atrial_remainder
from intervals.atrial.waves import find_atrial_waves
from intervals.beats import Beats
from intervals.fiducials import QRS_OFF, QRS_ON
from intervals.missed_beats import Steepness
from intervals.reference_ranges import WIDE_QRS_MS
from signals.conditioned import Conditioned
from signals.order import median

MIN_BEATS: Final = 4
# A rhythm with a P wave before each QRS complex is searched below 55 per minute: every other P wave
# is then not conducted at an atrial rate below 110.
SLOW_PER_MIN: Final = 55.0
SLOW_WITHOUT_PR_PER_MIN: Final = 60.0
# An RR interval is a pause from this ratio to the median on. The others are alike, as they are not
# in fibrillation.
PAUSE_RATIO: Final = 1.35
ALIKE_RATIO: Final = 1.3
SLOWER_THAN_PER_MIN: Final = 110.0  # a block with more beats than that would be none
TACHYCARDIA_PER_MIN: Final = 100.0
# The most urgent first.
KINDS: Final[tuple[Kind, ...]] = ("complete", "dissociated", "type_2", "fixed", "type_1")


def av_conduction(
    ready: Conditioned, beats: Beats, times: NDArray[np.float64], *, has_pr: bool
) -> AvConduction | None:
    """Return the most urgent block between atria and ventricles, None where none is found.

    times   (5,) boundaries in ms from each beat's centre
    has_pr  whether the mean beat has a P wave that belongs to its QRS complex
    """
    is_wide = bool(times[QRS_OFF] - times[QRS_ON] >= WIDE_QRS_MS)
    if not _could_be_blocked(beats, has_pr=has_pr, is_wide=is_wide):
        return None
    usual_s = float(median(np.diff(beats.centre_s)))
    remainder = atrial_remainder(ready, beats, times)
    if remainder is None:
        return None
    normal = beats.normal
    blocks = []
    for waves in find_atrial_waves(remainder):
        block = judge_conduction(waves, remainder.onsets_s, normal)
        if block is not None and _fits(block, usual_s):
            blocks.append(block)
    if any(block.pauses_s for block in blocks):
        steepness = Steepness(ready, beats.centre_s)
        blocks = [block for block in blocks if not _may_hide_a_beat(block, steepness)]
    return min(blocks, key=lambda block: KINDS.index(block.kind), default=None)


def _fits(block: AvConduction, rr_s: float) -> bool:
    """Return whether a tachycardia is dissociated, and only a tachycardia."""
    is_fast = rr_s < 60.0 / TACHYCARDIA_PER_MIN
    return is_fast == (block.kind == "dissociated")


def _may_hide_a_beat(block: AvConduction, steepness: Steepness) -> bool:
    """Return whether a beat that seems to drop may only have been missed."""
    return any(steepness.may_hold_a_beat(*pause) for pause in block.pauses_s)


def _could_be_blocked(beats: Beats, *, has_pr: bool, is_wide: bool) -> bool:
    if beats.centre_s.size < MIN_BEATS:
        return False
    rr_s = np.diff(beats.centre_s)
    normal = beats.normal
    between_normal = rr_s[normal[1:] & normal[:-1]]
    if between_normal.size < MIN_BEATS - 1:
        return False
    usual_s, mean_s = float(median(between_normal)), float(rr_s.mean())
    slow_s = 60.0 / (SLOW_PER_MIN if has_pr else SLOW_WITHOUT_PR_PER_MIN)
    if max(usual_s, mean_s) > slow_s:
        return True
    is_pause = between_normal >= PAUSE_RATIO * usual_s
    others = between_normal[~is_pause]
    is_alike = float(others.max()) <= ALIKE_RATIO * float(others.min())
    if is_pause.any():
        return is_alike
    is_slow_enough = is_wide or usual_s >= 60.0 / SLOWER_THAN_PER_MIN
    return not has_pr and is_alike and is_slow_enough
