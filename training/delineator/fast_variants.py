"""Tachycardias with known intervals: LUDB's beats, brought closer to each other.

Each beat is cut out from P onset to T offset. PR is shortened to at most a third of the new RR
interval, as at fast rates, QRS is multiplied by a factor, and ST-T is shortened to what is left.
The beats follow each other, so that T ends where the next P begins.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from training.datasets.annotated import P_ON, QRS_OFF, QRS_ON, T_OFF, AnnotatedRecord
from training.datasets.ludb import reference
from training.delineator.variants import percentile_of, resampled

Array = NDArray[np.float64]

RATES_PER_MIN: Final = (125, 150, 180, 210)
QRS_FACTORS: Final = (1.0, 1.5, 1.8)
MAX_PR_SHARE: Final = 0.35  # of RR; 0.42 is the longest that counts as PR (`intervals.p_waves`)
# Of RR: where less is left for ST-T, as with wide complexes at the fastest rates, no beat is like
# the original one.
MIN_ST_T_SHARE: Final = 0.2
MIN_BEATS: Final = 3
SECONDS: Final = 10.0


@dataclass(frozen=True, eq=False)
class FastVariant:
    """A recording at another rate: (12, samples) mV at the original's fs, and its intervals."""

    signal: Array
    qrs_ms: float
    pr_ms: float
    qt_ms: float


@dataclass(frozen=True)
class _Part:
    """A part of a beat: its first and last sample, and how many samples it has at the fast rate."""

    first: int
    last: int
    samples: float


def fast_variant(
    record: AnnotatedRecord, rate_per_min: float, qrs_factor: float
) -> FastVariant | None:
    """Return the recording at a fast rate.

    None if its beats differ from each other, if too few are annotated from P to T, or if QRS and PR
    leave too little of the cycle.
    """
    beats = _beats(record)
    if not record.is_regular or beats is None:
        return None
    rr = 60.0 / rate_per_min * record.fs
    parts_of_beats = [_parts(beat, rr, qrs_factor) for beat in beats]
    if any(st_t.samples < MIN_ST_T_SHARE * rr for _, _, st_t in parts_of_beats):
        return None
    pr, _, st_t = np.median(
        [[part.samples for part in parts] for parts in parts_of_beats], axis=0
    ) * (1000.0 / record.fs)
    qrs_ms = reference(record).qrs_ms * qrs_factor
    signal = _joined(record.signal, parts_of_beats, rr, round(SECONDS * record.fs))
    return FastVariant(signal, qrs_ms, float(pr), qrs_ms + float(st_t))


def _beats(record: AnnotatedRecord) -> list[tuple[float, ...]] | None:
    """Return P onset, QRS onset, QRS offset and T offset of each inner beat, in samples.

    None if there are too few, or if one of them is not annotated whole.
    """
    marks = record.marks[1:-1] * record.fs
    sides = ((P_ON, 25), (QRS_ON, 25), (QRS_OFF, 75), (T_OFF, 75))
    beats = [tuple(percentile_of(beat[:, row], side) for row, side in sides) for beat in marks]
    if len(beats) < MIN_BEATS or not np.isfinite(beats).all():
        return None
    return beats if (np.diff(beats, axis=1) > 0).all() else None


def _parts(beat: tuple[float, ...], rr: float, qrs_factor: float) -> tuple[_Part, _Part, _Part]:
    """Return PR, QRS and ST-T of a beat, with their lengths at an RR interval of `rr` samples."""
    p_on, qrs_on, qrs_off, t_off = beat
    pr = min(qrs_on - p_on, MAX_PR_SHARE * rr)
    qrs = qrs_factor * (qrs_off - qrs_on)
    st_t = min(t_off - qrs_off, rr - pr - qrs)
    return (
        _Part(round(p_on), round(qrs_on), pr),
        _Part(round(qrs_on), round(qrs_off), qrs),
        _Part(round(qrs_off), round(t_off), st_t),
    )


def _joined(
    signal: Array, parts_of_beats: list[tuple[_Part, _Part, _Part]], rr: float, samples: int
) -> Array:
    """Return so many samples of the beats one after the other, from the first on again."""
    pieces: list[Array] = []
    length, level = 0, np.zeros((len(signal), 1))
    while length < samples:
        for parts in parts_of_beats:
            beat = np.concatenate([_piece(signal, part) for part in parts], axis=1)
            # From T to the next P, if they do not touch.
            rest = max(0, round(rr) - beat.shape[1])
            beat = np.concatenate([beat, np.repeat(beat[:, -1:], rest, axis=1)], axis=1)
            beat += level - beat[:, :1]
            level = beat[:, -1:]
            pieces.append(beat)
            length += beat.shape[1]
    joined = np.concatenate(pieces, axis=1)[:, :samples]
    # Each beat begins where the last one ended: a line takes their drift away.
    drift = joined[:, -1:] - joined[:, :1]
    return np.asarray(joined - drift * np.linspace(0.0, 1.0, samples))


def _piece(signal: Array, part: _Part) -> Array:
    return resampled(signal, part.first, part.last, part.samples / (part.last - part.first))
