"""How the atria are conducted to the ventricles: atrioventricular block by the P waves themselves.

Definitions of the ACC/AHA/HRS 2018 guideline on bradycardia (doi:10.1016/j.jacc.2018.10.044).
Second degree: some P waves are not conducted, type I with PR intervals that lengthen before the
P wave that is not conducted, type II with constant ones, 2:1 with one of two, advanced with more
than one in a row. Third degree: none is conducted. Everywhere P waves come at a constant rate (or
nearly), below 140 per minute here: faster ones are atrial tachycardia and flutter, of which the
node conducts only a part without being ill. In a tachycardia of the ventricles P waves may come at
their own, slower rate: dissociation without a block.

The limits are choices on PTB-XL; docs/accuracy.md has the figures.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from intervals.atrial.waves import AtrialWaves
from signals.order import median

Kind = Literal["complete", "fixed", "type_1", "type_2", "dissociated"]

# A series of atrial waves that is believed.
MIN_WAVES: Final = 6
MAX_MISSED_SHARE: Final = 0.2
MAX_MEAN_DEVIATION: Final = 0.05
RATES_PER_MIN: Final = (40.0, 140.0)
# Clear waves of the same form beside the series, for each wave in it.
MAX_OTHERS_COMPLETE: Final = 0.25
MAX_OTHERS: Final = 0.5

MIN_INTERVALS: Final = 3  # between normal beats, under which the atria are seen
REGULAR: Final = 0.1  # largest difference of an RR interval from their median, over it
# A P wave whose middle is nearer to a QRS onset belongs to the next QRS complex, if to any.
MIN_P_TO_QRS_S: Final = 0.02
MAX_CONDUCTED_S: Final = 0.48
# n:1 conduction: RR over PP is nearly n, and PR nearly constant.
FROM_WHOLE: Final = 0.13
CONSTANT_S: Final = 0.08
# In 2:1 conduction the middle of P precedes the QRS onset of the median beat by at least this (PR
# 160 ms): what is nearer may be a part of the QRS complex, and what is between two of them U.
MIN_2_TO_1_S: Final = 0.11
MIN_SEEN_SHARE: Final = 0.6  # of the RR intervals show a P wave that is not conducted
HEIGHT_RATIOS: Final = (0.5, 2.0)  # of those P waves to the conducted ones
# Complete block: more P waves than QRS complexes, whose distance takes any value.
MIN_RATIO: Final = 1.12
MIN_DRIFT_SHARE: Final = 0.18  # of PP
MIN_DRIFT_S: Final = 0.15
# Dissociation in a tachycardia: RR over PP is at most this. Little is seen between fast complexes,
# so that the series must be nearly perfect.
MAX_RATIO_OF_TACHYCARDIA: Final = 0.87
MAX_DEVIATION_OF_TACHYCARDIA: Final = 0.035
MAX_MISSED_OF_TACHYCARDIA: Final = 0.1
SAME_DISTANCE_S: Final = 0.05
MAX_SAME_SHARE: Final = 0.65  # of the beats with a wave at one and the same distance
# Dropped beats: the RR interval with the P wave that is not conducted is longer than the others.
MIN_PAUSE_RATIO: Final = 1.2
TYPE_2_S: Final = 0.05  # PR is constant
TYPE_1_S: Final = 0.03  # PR is longer before the pause than after it
MAX_PR_RANGE_S: Final = 0.22
MAX_MISSED_SHARE_DROPPED: Final = 0.1


@dataclass(frozen=True)
class AvConduction:
    """A block between atria and ventricles.

    kind        complete; fixed: n P waves for each QRS complex; type_1, type_2: single beats drop;
                dissociated: the ventricles are faster than the atria, which they do not follow
    ratio       P waves for each QRS complex, for a fixed one
    pauses_s    from which QRS onset to which a beat dropped, for type_1 and type_2
    p_waves     how many were seen
    not_conducted  of them, beside one for each QRS complex; in complete block all are not
    missed_share   of the expected P waves, those that were not seen where they should be
    p_to_qrs_s  shortest and longest distance of a P wave's middle to the QRS onset that follows it
    leads       rows of the recording on which the P waves are highest
    """

    kind: Kind
    atrial_per_min: float
    ventricular_per_min: float
    p_waves: int
    not_conducted: int
    missed_share: float
    p_to_qrs_s: tuple[float, float]
    from_s: float
    to_s: float
    leads: tuple[int, ...]
    ratio: int | None = None
    pauses_s: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True, eq=False)
class _Train:
    """QRS complexes and P waves of a window, one beside the other.

    rr_s      (intervals,) RR intervals
    judged    (intervals,) between normal beats, with the atria in view
    expected  (intervals,) P waves of the series from one QRS onset to the next
    seen      (intervals,) those that were found
    p_to_qrs_s  (beats,) distance of the last P wave before each QRS onset, NaN without one
    usable    (beats,) normal ones
    pp_s      the median PP interval
    """

    rr_s: NDArray[np.float64]
    judged: NDArray[np.bool_]
    expected: NDArray[np.intp]
    seen: NDArray[np.intp]
    p_to_qrs_s: NDArray[np.float64]
    usable: NDArray[np.bool_]
    pp_s: float

    @property
    def distances_s(self) -> NDArray[np.float64]:
        """Return the distances of P to QRS of the normal beats that have one."""
        return self.p_to_qrs_s[self.usable & np.isfinite(self.p_to_qrs_s)]

    @property
    def not_conducted(self) -> int:
        """Return how many P waves were seen beside one for each RR interval."""
        return int(np.maximum(self.seen[self.judged] - 1, 0).sum())


def judge_conduction(
    waves: AtrialWaves, onsets_s: NDArray[np.float64], normal: NDArray[np.bool_]
) -> AvConduction | None:
    """Return the block that a window shows, None without one.

    onsets_s  (beats,) QRS onsets of the recording
    normal    (beats,) whether each beat has the dominant morphology
    """
    inside = (onsets_s >= waves.from_s) & (onsets_s < waves.to_s)
    onsets_s, normal = onsets_s[inside], normal[inside]
    if not _is_believed(waves) or onsets_s.size <= MIN_INTERVALS:
        return None
    train = _train_of(waves, onsets_s, normal)
    if train.judged.sum() < MIN_INTERVALS or train.distances_s.size == 0:
        return None
    between_normal = train.rr_s[normal[1:] & normal[:-1]]
    rr_s = float(median(between_normal))
    if np.abs(between_normal - rr_s).max() <= REGULAR * rr_s:
        kind, ratio = _of_regular(train, waves, onsets_s, rr_s)
    else:
        kind, ratio = _of_dropped_beats(train, waves), None
    if kind is None:
        return None
    distances = train.distances_s
    found = int(waves.series.found.sum())
    return AvConduction(
        kind=kind,
        atrial_per_min=60.0 / train.pp_s,
        ventricular_per_min=60.0 / float(between_normal.mean()),
        p_waves=found,
        not_conducted=train.not_conducted,
        missed_share=waves.series.missed / (found + waves.series.missed),
        p_to_qrs_s=(float(distances.min()), float(distances.max())),
        from_s=waves.from_s,
        to_s=waves.to_s,
        leads=waves.leads,
        ratio=ratio,
        pauses_s=_pauses_s(train, onsets_s) if kind in ("type_1", "type_2") else (),
    )


def _pauses_s(train: _Train, onsets_s: NDArray[np.float64]) -> tuple[tuple[float, float], ...]:
    pauses = np.flatnonzero(train.judged & (train.expected >= 2))
    return tuple((float(onsets_s[pause]), float(onsets_s[pause + 1])) for pause in pauses)


def _is_believed(waves: AtrialWaves) -> bool:
    series = waves.series
    found = int(series.found.sum())
    if found < MIN_WAVES or series.missed > MAX_MISSED_SHARE * (found + series.missed):
        return False
    slowest, fastest = RATES_PER_MIN
    rate = 60.0 / series.period_s
    is_in_range = slowest <= rate <= fastest
    is_steady = series.deviation <= MAX_MEAN_DEVIATION
    return is_in_range and is_steady and waves.others <= MAX_OTHERS * found


def _train_of(
    waves: AtrialWaves, onsets_s: NDArray[np.float64], normal: NDArray[np.bool_]
) -> _Train:
    times_s, found = waves.series.times_s, waves.series.found
    pp_s = waves.series.period_s
    edges = onsets_s - MIN_P_TO_QRS_S
    expected = np.diff(np.searchsorted(times_s, edges, side="right"))
    seen = np.diff(np.searchsorted(times_s[found], edges, side="right"))
    last = np.searchsorted(times_s, edges, side="right") - 1
    p_to_qrs_s = np.where(last >= 0, onsets_s - times_s[np.maximum(last, 0)], np.nan)
    p_to_qrs_s[p_to_qrs_s > 1.15 * pp_s + MIN_P_TO_QRS_S] = np.nan
    in_view = (onsets_s[:-1] >= times_s[0] - 0.1) & (onsets_s[1:] <= times_s[-1] + pp_s)
    judged = in_view & normal[1:] & normal[:-1]
    return _Train(np.diff(onsets_s), judged, expected, seen, p_to_qrs_s, normal, pp_s)


def _of_regular(
    train: _Train, waves: AtrialWaves, onsets_s: NDArray[np.float64], rr_s: float
) -> tuple[Kind | None, int | None]:
    """Return the block in a regular rhythm of the ventricles, and the ratio of a fixed one."""
    ratio = rr_s / train.pp_s
    whole = round(ratio)
    distances = train.distances_s
    drift_s = float(np.ptp(distances))
    if whole >= 2 and abs(ratio - whole) < FROM_WHOLE and drift_s <= CONSTANT_S:
        return ("fixed", whole) if _is_fixed(train, waves, onsets_s, whole) else (None, None)
    found = int(waves.series.found.sum())
    is_fast = ratio <= MAX_RATIO_OF_TACHYCARDIA and _is_nearly_perfect(waves)
    is_dissociated = (
        (ratio >= MIN_RATIO or is_fast)
        and drift_s >= max(MIN_DRIFT_S, MIN_DRIFT_SHARE * train.pp_s)
        and waves.others <= MAX_OTHERS_COMPLETE * found
        and _share_at_one_distance(waves, onsets_s) <= MAX_SAME_SHARE
    )
    if not is_dissociated:
        return None, None
    return ("dissociated" if is_fast else "complete"), None


def _is_nearly_perfect(waves: AtrialWaves) -> bool:
    series = waves.series
    is_whole = series.missed <= MAX_MISSED_OF_TACHYCARDIA * series.times_s.size
    return is_whole and series.deviation <= MAX_DEVIATION_OF_TACHYCARDIA


def _is_fixed(train: _Train, waves: AtrialWaves, onsets_s: NDArray[np.float64], ratio: int) -> bool:
    """Return whether P waves are seen that are not conducted, as high as the conducted ones."""
    if train.not_conducted < MIN_SEEN_SHARE * train.judged.sum():
        return False
    if ratio == 2 and float(median(train.distances_s)) < MIN_2_TO_1_S:
        return False
    times_s, found = waves.series.times_s, waves.series.found
    following = np.searchsorted(onsets_s, times_s)
    next_onset_s = np.append(onsets_s, np.inf)[following]
    is_last = next_onset_s - times_s < 0.75 * train.pp_s
    conducted, dropped = waves.heights[found & is_last], waves.heights[found & ~is_last]
    if conducted.size == 0 or dropped.size == 0:
        return False
    low, high = HEIGHT_RATIOS
    return low <= float(median(dropped) / max(median(conducted), 1e-9)) <= high


def _share_at_one_distance(waves: AtrialWaves, onsets_s: NDArray[np.float64]) -> float:
    """Return the largest share of beats with a wave at one distance before: conducted P waves."""
    series = waves.series
    seen_s = np.concatenate([series.times_s[series.found], series.others_s])
    distances = onsets_s[:, None] - seen_s
    is_before = (distances > 0) & (distances <= MAX_CONDUCTED_S)
    of_beats = np.broadcast_to(np.arange(onsets_s.size)[:, None], distances.shape)[is_before]
    distances = distances[is_before]
    is_near = np.abs(distances[:, None] - distances) <= SAME_DISTANCE_S / 2
    counts = [np.unique(of_beats[near]).size for near in is_near]
    return max(counts, default=0) / onsets_s.size


def _of_dropped_beats(train: _Train, waves: AtrialWaves) -> Kind | None:
    """Return the type of block in which single QRS complexes drop, None if it is none."""
    judged = train.judged
    is_one = judged & (train.expected == 1)
    is_pause = judged & (train.expected >= 2)
    found = int(waves.series.found.sum())
    if waves.series.missed > MAX_MISSED_SHARE_DROPPED * (found + waves.series.missed):
        return None
    if not is_one.any() or not is_pause.any() or (train.expected[judged] < 1).any():
        return None
    usual_s = float(median(train.rr_s[is_one]))
    pauses = np.flatnonzero(is_pause)
    if (train.rr_s[pauses] < MIN_PAUSE_RATIO * usual_s).any() or (train.seen[pauses] < 2).any():
        return None
    before, after = train.p_to_qrs_s[pauses], train.p_to_qrs_s[pauses + 1]
    if not np.isfinite(before).all() or not np.isfinite(after).all():
        return None
    if float(train.distances_s.max()) > MAX_CONDUCTED_S:
        return None
    pr_range_s = float(np.ptp(train.distances_s))
    if pr_range_s <= TYPE_2_S:
        return "type_2"
    # After a pause, the next beat may drop again: its PR is then the one after the pause.
    follows_pause = is_pause[np.maximum(pauses - 1, 0)] & (pauses > 0)
    lengthening = (before - after)[~follows_pause]
    if not lengthening.size or (lengthening < TYPE_1_S).any() or pr_range_s > MAX_PR_RANGE_S:
        return None
    return "type_1"
