"""Recordings whose P waves lie where they are hard to see, or nowhere: LUDB's own, changed.

Each P wave is taken out: in each lead the line between its ends stays. The stretch between T and
the next QRS complex is cut to a length, as in faster rhythms. The P waves are then added again,
earlier by some milliseconds, to whatever is there, which may be the end of T; or they are not.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from training.datasets.annotated import P_OFF, P_ON, QRS_ON, T_OFF, AnnotatedRecord
from training.datasets.ludb import reference

Array = NDArray[np.float64]

T_TO_QRS_MS: Final = (None, 240.0, 160.0, 100.0)  # None: as it was recorded
EARLIER_MS: Final = (0.0, 40.0, 80.0, 120.0)
MAX_PR_MS: Final = 440.0
MAX_PR_SHARE: Final = 0.75  # of RR: a P wave does not precede the last beat's T
MIN_BEATS: Final = 5
MIN_T_TO_QRS: Final = 2  # samples
MIN_LEADS: Final = 3  # that have a boundary
# What a variant keeps before its first QRS complex and after its last T wave.
BEFORE_S: Final = 0.45
AFTER_T_S: Final = 0.1


@dataclass(frozen=True, eq=False)
class PVariant:
    """A changed recording.

    t_to_qrs_ms  from the end of T to the next QRS complex at most; None as it was recorded
    earlier_ms   by how much P is earlier; None without P waves
    truth_ms     PR; NaN without P waves
    signal       (12, samples) mV
    """

    t_to_qrs_ms: float | None
    earlier_ms: float | None
    truth_ms: float
    signal: Array


@dataclass(frozen=True)
class _Beat:
    """Global boundaries of a beat in samples, and its marks, (12, 7) samples."""

    p_on: float
    p_off: float
    on: int
    t_off: int
    marks: Array


@dataclass(frozen=True, eq=False)
class _Wave:
    """A P wave: (12, samples) mV above the lines, and its first sample from the QRS onset."""

    start: int
    level: Array


def p_variants(record: AnnotatedRecord) -> Iterator[PVariant]:
    """Yield the variants of a recording; none if its beats differ or too few are annotated."""
    pr_ms = reference(record).pr_ms
    beats = _complete_beats(record) if record.is_regular else []
    is_usable = len(beats) >= MIN_BEATS and np.isfinite(pr_ms)
    apart = [after.on - beat.t_off for beat, after in pairwise(beats)]
    if not is_usable or min(apart) < MIN_T_TO_QRS:
        return
    bare, waves = _without_p(record, beats)
    for t_to_qrs_ms in T_TO_QRS_MS:
        signal, onsets = _cut(bare, beats, record.fs, t_to_qrs_ms)
        yield PVariant(t_to_qrs_ms, None, float("nan"), signal)
        rr_ms = float(np.median(np.diff(onsets))) / record.fs * 1000.0
        for earlier_ms in EARLIER_MS:
            truth_ms = pr_ms + earlier_ms
            if truth_ms <= min(MAX_PR_MS, MAX_PR_SHARE * rr_ms):
                moved = round(earlier_ms / 1000.0 * record.fs)
                with_p = _with_waves(signal, onsets, waves, moved)
                yield PVariant(t_to_qrs_ms, earlier_ms, truth_ms, with_p)


def _complete_beats(record: AnnotatedRecord) -> list[_Beat]:
    """Return the longest run of beats whose P, QRS and T are all annotated."""
    longest: list[_Beat] = []
    run: list[_Beat] = []
    for marks in record.marks * record.fs:
        beat = _beat(marks)
        run = [] if beat is None else [*run, beat]
        if len(run) > len(longest):
            longest = run
    return longest


def _beat(marks: Array) -> _Beat | None:
    ends = ((P_ON, 25), (P_OFF, 75), (QRS_ON, 25), (T_OFF, 75))
    p_on, p_off, on, t_off = (_percentile(marks[:, row], percent) for row, percent in ends)
    if not np.isfinite([p_on, p_off, on, t_off]).all():
        return None
    return _Beat(p_on, p_off, round(on), round(t_off), marks)


def _percentile(samples: Array, percent: float) -> float:
    finite = samples[np.isfinite(samples)]
    return float(np.percentile(finite, percent)) if finite.size >= MIN_LEADS else float("nan")


def _without_p(record: AnnotatedRecord, beats: list[_Beat]) -> tuple[Array, list[_Wave]]:
    """Return the recording with lines instead of P waves, and the waves.

    A lead in which a P wave is not annotated has the line between its global boundaries.
    """
    bare = record.signal.copy()
    last = bare.shape[1] - 1
    waves = []
    for beat in beats:
        ends = beat.marks[:, [P_ON, P_OFF]]
        is_marked = np.isfinite(ends).all(axis=1, keepdims=True)
        ends = np.where(is_marked, ends, [beat.p_on, beat.p_off])
        ends = np.clip(np.rint(ends), 0, last).astype(np.intp)
        for lead, (start, stop) in enumerate(ends.tolist()):
            samples = stop - start + 1
            line = np.linspace(record.signal[lead, start], record.signal[lead, stop], samples)
            bare[lead, start : stop + 1] = line
        whole = slice(int(ends[:, 0].min()), int(ends[:, 1].max()) + 1)
        level = record.signal[:, whole] - bare[:, whole]
        waves.append(_Wave(whole.start - beat.on, level))
    return bare, waves


def _cut(
    bare: Array, beats: list[_Beat], fs: float, t_to_qrs_ms: float | None
) -> tuple[Array, list[int]]:
    """Return a recording with at most this time from each T to the next QRS, and its QRS onsets.

    The middle of the stretch is left out; both halves are tilted so that they meet.
    """
    start = max(0, beats[0].on - round(BEFORE_S * fs))
    parts = [bare[:, start : beats[0].on]]
    onsets = [beats[0].on - start]
    for beat, after in pairwise(beats):
        length = after.on - beat.t_off
        kept = length if t_to_qrs_ms is None else min(length, round(t_to_qrs_ms / 1000.0 * fs))
        first = bare[:, beat.t_off : beat.t_off + kept // 2]
        second = bare[:, after.on - (kept - kept // 2) : after.on]
        half_step = (second[:, :1] - first[:, -1:]) / 2.0
        first = first + half_step * np.linspace(0.0, 1.0, first.shape[1])
        second = second - half_step * np.linspace(1.0, 0.0, second.shape[1])
        parts += [bare[:, beat.on : beat.t_off], first, second]
        onsets.append(onsets[-1] + beat.t_off - beat.on + kept)
    last = beats[-1]
    parts.append(bare[:, last.on : last.t_off + round(AFTER_T_S * fs)])
    return np.concatenate(parts, axis=1), onsets


def _with_waves(signal: Array, onsets: list[int], waves: list[_Wave], earlier: int) -> Array:
    """Return the recording with a P wave before each QRS onset, earlier by so many samples."""
    added = signal.copy()
    for onset, wave in zip(onsets, waves, strict=True):
        start = onset + wave.start - earlier
        stop = min(start + wave.level.shape[1], added.shape[1])
        first = max(0, start)
        added[:, first:stop] += wave.level[:, first - start : stop - start]
    return added
