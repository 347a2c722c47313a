"""Recordings with known intervals far from the usual: LUDB's own, with one part changed.

For each recording without pacing, fibrillation, flutter and extrasystoles:

    qrs   each QRS complex resampled by a factor
    qt    from QRS offset to T offset resampled by a factor
    pr    the sample between P offset and QRS onset held for a time
    t     the T wave multiplied, above the line between its ends; the true rate stays

The true value is the reference's with the same change.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from training.datasets.annotated import (
    P_OFF,
    QRS_OFF,
    QRS_ON,
    T_OFF,
    AnnotatedRecord,
)
from training.datasets.ludb import reference

Array = NDArray[np.float64]
Kind = Literal["qrs", "qt", "pr", "t"]

QRS_FACTORS: Final = (0.6, 0.75, 1.0, 1.25, 1.5, 1.8)
QT_FACTORS: Final = (1.0, 1.2, 1.4, 1.6, 1.8)
PR_HELD_MS: Final = (0, 40, 80, 120, 160, 200)
T_GAINS: Final = (1.0, 1.5, 2.0, 3.0, 4.0)
MIN_BEATS: Final = 4
MIN_LEADS: Final = 3  # that have a boundary
MIN_HELD_BEATS: Final = 3
# What a variant keeps before its first and after its last changed beat.
BEFORE_S: Final = 0.4
AFTER_T_S: Final = 0.1
AFTER_QRS_S: Final = 0.3


@dataclass(frozen=True, eq=False)
class Variant:
    """A changed recording.

    value    the factor, the milliseconds or the gain
    measure  name of the field of Measurements whose truth is known
    signal   (12, samples) mV
    """

    kind: Kind
    value: float
    measure: str
    truth: float
    signal: Array


@dataclass(frozen=True)
class _Beat:
    """Global boundaries of a beat in samples, NaN for none; `r` is the annotated peak."""

    r: float
    p_off: float
    on: float
    off: float
    t_off: float


def variants(record: AnnotatedRecord) -> Iterator[Variant]:
    """Yield the variants of a recording.

    There are none if its beats differ from each other, or if too few of them are annotated.
    """
    beats = _beats(record)
    if not record.is_regular or len(beats) < MIN_BEATS:
        return
    truth = reference(record)
    for factor in QRS_FACTORS:
        signal = _stretched(record, beats, "on", "off", factor)
        yield Variant("qrs", factor, "qrs_ms", truth.qrs_ms * factor, signal)
    complete = [beat for beat in beats if np.isfinite(beat.t_off)]
    if _have_t(beats, complete):
        for factor in QT_FACTORS:
            qt_ms = truth.qrs_ms + (truth.qt_ms - truth.qrs_ms) * factor
            signal = _stretched(record, complete, "off", "t_off", factor)
            yield Variant("qt", factor, "qt_ms", qt_ms, signal)
        for gain in T_GAINS:
            signal = _with_tall_t(record, complete, gain)
            yield Variant("t", gain, "heart_rate_bpm", truth.heart_rate, signal)
    if np.isfinite(truth.pr_ms):
        for held_ms in PR_HELD_MS:
            held = _held(record, beats, held_ms)
            if held is not None:
                yield Variant("pr", held_ms, "pr_ms", truth.pr_ms + held_ms, held)


def _beats(record: AnnotatedRecord) -> list[_Beat]:
    marks = record.marks * record.fs
    beats = []
    for peak_s, of_beat in zip(record.peaks, marks, strict=True):
        beat = _Beat(
            r=float(peak_s * record.fs),
            p_off=percentile_of(of_beat[:, P_OFF], 75),
            on=percentile_of(of_beat[:, QRS_ON], 25),
            off=percentile_of(of_beat[:, QRS_OFF], 75),
            t_off=percentile_of(of_beat[:, T_OFF], 75),
        )
        if np.isfinite(beat.on) and np.isfinite(beat.off):
            beats.append(beat)
    return beats


def percentile_of(samples: Array, percent: float) -> float:
    finite = samples[np.isfinite(samples)]
    return float(np.percentile(finite, percent)) if finite.size >= MIN_LEADS else float("nan")


def _have_t(beats: list[_Beat], complete: list[_Beat]) -> bool:
    """Return whether nearly all beats have a T wave that ends before the next QRS complex."""
    if len(complete) < max(MIN_BEATS, len(beats) - 2):
        return False
    first_s, last_s = complete[0].r, complete[-1].r
    if any(first_s < beat.r < last_s and not np.isfinite(beat.t_off) for beat in beats):
        return False
    return all(beat.t_off < after.on for beat, after in pairwise(complete))


def _stretched(
    record: AnnotatedRecord, beats: list[_Beat], first: str, last: str, factor: float
) -> Array:
    signal, fs = record.signal, record.fs
    start = max(0, int(beats[0].on - BEFORE_S * fs))
    last_beat = beats[-1]
    end = last_beat.off + AFTER_QRS_S * fs
    if np.isfinite(last_beat.t_off):
        end = last_beat.t_off + AFTER_T_S * fs
    stop = min(signal.shape[1] - 1, int(end))
    parts = []
    for beat in beats:
        begin, finish = round(getattr(beat, first)), round(getattr(beat, last))
        parts += [signal[:, start:begin], resampled(signal, begin, finish, factor)]
        start = finish
    return np.concatenate([*parts, signal[:, start:stop]], axis=1)


def resampled(signal: Array, first: int, last: int, factor: float) -> Array:
    count = max(2, round((last - first) * factor))
    places = np.linspace(first, last, count, endpoint=False)
    samples = np.arange(first, last + 1)
    return np.stack([np.interp(places, samples, row[first : last + 1]) for row in signal])


def _held(record: AnnotatedRecord, beats: list[_Beat], held_ms: float) -> Array | None:
    """Hold the sample in the middle between P and QRS; None where too few beats have a P."""
    signal, fs = record.signal, record.fs
    cuts = []
    for beat in beats:
        if np.isfinite(beat.p_off):
            before_qrs = (beat.p_off + beat.on) / 2 if beat.p_off < beat.on else beat.on - 1
            cuts.append(round(before_qrs))
    if len(cuts) < MIN_HELD_BEATS:
        return None
    start = max(0, round(cuts[0] - fs / 2))
    stop = min(signal.shape[1], round(beats[-1].r + 0.6 * fs))
    held_samples = round(held_ms / 1000.0 * fs)
    parts = []
    for cut in cuts:
        parts += [signal[:, start:cut], np.repeat(signal[:, cut : cut + 1], held_samples, axis=1)]
        start = cut
    return np.concatenate([*parts, signal[:, start:stop]], axis=1)


def _with_tall_t(record: AnnotatedRecord, beats: list[_Beat], gain: float) -> Array:
    signal = record.signal.copy()
    for beat in beats:
        first, last = round(beat.off), min(round(beat.t_off), signal.shape[1] - 1)
        part = slice(first, last + 1)
        line = np.linspace(signal[:, first], signal[:, last], last - first + 1, axis=1)
        signal[:, part] = line + gain * (signal[:, part] - line)
    start = max(0, round(beats[0].on - BEFORE_S * record.fs))
    stop = round(beats[-1].t_off + AFTER_T_S * record.fs)
    return signal[:, start:stop]
