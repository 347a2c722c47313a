"""Heart rate variability by NeuroKit2, from intervals between normal beats.

Which intervals count, how they are corrected, and which indices a recording is long enough for, is
decided here; NeuroKit2 computes the indices.

Sources of the lengths: Task Force 1996 (Circulation 1996;93:1043-65); Shaffer and Ginsberg 2017,
doi:10.3389/fpubh.2017.00258; NeuroKit2's documentation of `hrv_time` and `hrv_frequency`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from intervals.neurokit.loading import NEUROKIT_ERRORS, load, quiet

Indices = dict[str, float | None]
Mask = NDArray[np.bool_]

MIN_SECONDS: Final = 60.0  # of a recording; the least that the power in the band HF needs
# Share of the RR intervals that are normal-to-normal, below which the indices are unreliable
# (PhysioNet, HRV Toolkit, https://physionet.org/tutorials/hrv-toolkit/).
RELIABLE_SHARE: Final = 0.8
# An artefact of NeuroKit2's algorithm is one only if an interval at the beat differs by more than
# this share from the median of the intervals around it, REACH on each side (the filter of the same
# toolkit). By itself the algorithm also marks the largest differences of plain random variation.
ARTEFACT_SHARE: Final = 0.2
REACH: Final = 20
# `hrv_nonlinear` compares each interval with each other one: 1,000 take about 2 s of CPU time.
MAX_NONLINEAR: Final = 1000
DAY_S: Final = 86_400.0
# Index -> seconds of recording that it needs.
NEEDED_SECONDS: Final = {
    "ULF": DAY_S,
    "VLF": 300.0,
    "LF": 120.0,
    "TP": 300.0,
    "LFHF": 300.0,
    "LFn": 300.0,
    "HFn": 300.0,
    "SDANN1": 180.0,
    "SDNNI1": 180.0,
    "SDANN2": 360.0,
    "SDNNI2": 360.0,
    "SDANN5": 900.0,
    "SDNNI5": 900.0,
    "HTI": 1200.0,
    "TINN": 1200.0,
}
# Entropies of patterns of m = 2 need 10^m intervals (Richman and Moorman 2000,
# doi:10.1152/ajpheart.2000.278.6.H2039).
NEEDED_INTERVALS: Final = {"ApEn": 100, "SampEn": 100, "FuzzyEn": 100}
# Never given: NeuroKit2 averages up to a twelfth of the intervals for the coarsest scale. This
# leaves twelve values for an entropy that needs a hundred.
NEVER_GIVEN: Final = ("MSEn", "CMSEn", "RCMSEn")
# NeuroKit2 leaves these out of its table where there are fewer than 129 intervals.
LONG_TERM: Final = (
    "DFA_alpha2", "MFDFA_alpha2_Width", "MFDFA_alpha2_Peak", "MFDFA_alpha2_Mean",
    "MFDFA_alpha2_Max", "MFDFA_alpha2_Delta", "MFDFA_alpha2_Asymmetry",
    "MFDFA_alpha2_Fluctuation", "MFDFA_alpha2_Increment",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class NormalIntervals:
    """The intervals between successive normal beats, and the number of those that are left out.

    rr_ms, end_s  (intervals,) length, and the time of the beat at the end
    beside_other  intervals that begin or end with a beat that is not normal
    across_gap    other intervals with a gap in them
    artefact      other intervals at a beat that is too early, too late, missed or no beat
    """

    rr_ms: NDArray[np.float64]
    end_s: NDArray[np.float64]
    beside_other: int
    across_gap: int
    artefact: int

    @property
    def left_out(self) -> int:
        return self.beside_other + self.across_gap + self.artefact

    @property
    def share(self) -> float:
        """Return the share of all intervals that are used, 0 without any."""
        return self.rr_ms.size / max(1, self.rr_ms.size + self.left_out)

    @property
    def seconds(self) -> float:
        return float(self.rr_ms.sum()) / 1000.0


@dataclass(frozen=True)
class Variability:
    """The indices by NeuroKit2's names without HRV_; None for a group that it could not compute.

    warnings  sentences: why which index is None
    """

    time: Indices | None
    frequency: Indices | None
    nonlinear: Indices | None
    warnings: tuple[str, ...]


def normal_intervals(beats_s: NDArray[np.float64], normal: Mask, gaps_s: Mask) -> NormalIntervals:
    """Return the intervals that heart rate variability is computed from.

    beats_s  (beats,) times of all beats in seconds
    normal   (beats,) whether a beat has the dominant morphology
    gaps_s   (beats - 1,) whether the interval after a beat has a gap in it
    """
    rr_ms = np.diff(beats_s) * 1000.0
    beside_other = ~(normal[1:] & normal[:-1])
    across_gap = gaps_s & ~beside_other
    artefact = _artefacts(beats_s, rr_ms) & ~beside_other & ~across_gap
    used = ~(beside_other | across_gap | artefact)
    return NormalIntervals(
        rr_ms=rr_ms[used],
        end_s=beats_s[1:][used],
        beside_other=int(beside_other.sum()),
        across_gap=int(across_gap.sum()),
        artefact=int(artefact.sum()),
    )


def variability(intervals: NormalIntervals, seconds: float) -> Variability:
    """Return the indices that a recording of that length is long enough for.

    Where intervals were left out, what is left counts: `RELIABLE_SHARE` of the needed length.
    """
    neurokit2 = load()
    usable_s = min(seconds, intervals.seconds / RELIABLE_SHARE)
    warnings: list[str] = []

    def group(name: str, compute: Callable[..., Any], count: int, **options: Any) -> Indices | None:
        rri = {"RRI": intervals.rr_ms[:count], "RRI_Time": intervals.end_s[:count]}
        try:
            with quiet():
                table = compute(rri, **options)
        except NEUROKIT_ERRORS as error:
            warnings.append(f"{name}: NeuroKit2 raises {type(error).__name__} on these intervals")
            return None
        return _without_prefix(table.iloc[0].to_dict())

    count = intervals.rr_ms.size
    time = group("time", neurokit2.hrv_time, count)
    # Powers in ms^2. By default NeuroKit2 divides them by the highest density.
    frequency = group("frequency", neurokit2.hrv_frequency, count, normalize=False)
    nonlinear = group("nonlinear", neurokit2.hrv_nonlinear, MAX_NONLINEAR)
    if nonlinear is not None:
        nonlinear = {**nonlinear, **{name: nonlinear.get(name) for name in LONG_TERM}}
        if count > MAX_NONLINEAR:
            warnings.append(f"nonlinear: of the first {MAX_NONLINEAR} of {count} intervals")
    groups = (time, frequency, nonlinear)
    for indices in groups:
        if indices is not None:
            warnings += _remove_unfounded(indices, usable_s, count)
    return Variability(*groups, tuple(warnings))


def _artefacts(beats_s: NDArray[np.float64], rr_ms: NDArray[np.float64]) -> Mask:
    """Return which intervals (beats - 1,) begin or end at a beat that is an artefact.

    By `signal_fixpeaks` (Lipponen and Tarvainen 2019, doi:10.1080/03091902.2019.1640306). It would
    move, add and remove beats; here their intervals are left out, and no beat is invented.
    """
    artefact = np.zeros(rr_ms.size, np.bool_)
    if rr_ms.size < 3:
        return artefact
    neurokit2 = load()
    with quiet():
        found, _ = neurokit2.signal_fixpeaks(
            beats_s * 1000.0, sampling_rate=1000, method="Kubios", iterative=False
        )
    deviates = abs(rr_ms / _local_median(rr_ms) - 1.0) > ARTEFACT_SHARE
    for kind in ("ectopic", "extra", "longshort", "missed"):
        for beat in found[kind]:
            # Interval k begins at beat k. Before a missed beat, only the interval itself is wrong.
            at_beat = slice(max(0, beat - 1), beat if kind == "missed" else beat + 1)
            artefact[at_beat] |= deviates[at_beat].any()
    return artefact


def _local_median(rr_ms: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the median of the intervals up to REACH before and after each one, itself included."""
    padded = np.pad(rr_ms, REACH, constant_values=np.nan)
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * REACH + 1)
    return np.asarray(np.nanmedian(windows, axis=1))


def _without_prefix(table: Mapping[str, Any]) -> Indices:
    """Return the indices by name without HRV_; None for what is not finite."""
    indices: Indices = {}
    for name, value in table.items():
        number = float(value)
        indices[name.removeprefix("HRV_")] = number if math.isfinite(number) else None
    return indices


def _remove_unfounded(indices: Indices, usable_s: float, count: int) -> list[str]:
    """Set to None the indices that need more than there is. Return a sentence for each reason.

    Every other index that is None gets a sentence too.
    """
    reasons: dict[str, list[str]] = {}
    for name, value in indices.items():
        reason = _unfounded(name, usable_s, count)
        if reason is None and value is None:
            reason = "NeuroKit2 gives no value"
        if reason is not None:
            indices[name] = None
            reasons.setdefault(reason, []).append(name)
    return [f"{', '.join(names)}: {reason}" for reason, names in reasons.items()]


def _unfounded(name: str, usable_s: float, count: int) -> str | None:
    """Return why an index has no meaning here, None if it has one."""
    if name in NEVER_GIVEN:
        return "NeuroKit2 computes them on scales that leave too few values"
    needed_s = NEEDED_SECONDS.get(name, 0.0)
    if usable_s < needed_s:
        length = "24 h" if needed_s == DAY_S else f"{needed_s / 60:g} min"
        return f"a recording of {length} is needed"
    needed = NEEDED_INTERVALS.get(name, 0)
    if count < needed:
        return f"{needed} intervals are needed, {count} are used"
    if name in LONG_TERM and count < 129:
        return f"129 intervals are needed, {count} are used"
    return None
