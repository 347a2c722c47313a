"""Beats: aligned on all leads together, classed by their form, and averaged to one representative beat.

Electrocardiographs measure on such a beat too (GE 12SL, Philips DXL): averaging takes the noise away, and leaving out what
looks different keeps ectopic and noisy beats from blurring it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from signals.conditioned import RATE_HZ, Conditioned
from signals.ends import pad_edges
from signals.leads import informative_rows
from signals.order import mean, median, sort_elementwise
from signals.r_peaks import lead_weights

BeatClass = Literal["normal", "ectopic", "noisy"]

BEAT_HZ: Final = 250.0
BEAT_SAMPLES: Final = 288
BEFORE_S: Final = 0.496  # before the beat's centre: a PR of 400 ms fits
STRIDE: Final = round(RATE_HZ / BEAT_HZ)
BEFORE_SAMPLES: Final = round(BEFORE_S * RATE_HZ)
SPAN_SAMPLES: Final = BEAT_SAMPLES * STRIDE

FORM_S: Final = 0.12  # before and after the centre: the QRS complex, and little else
SHIFT_S: Final = 0.04
_HALF: Final = round(FORM_S * BEAT_HZ)
_REACH: Final = round(SHIFT_S * BEAT_HZ)
SAME_FORM: Final = 0.85  # correlation with the template
ROUGHLY_SAME: Final = 0.75  # the same before alignment
RIVAL_SHARE: Final = 0.6  # so many beats of another form, against the commonest, and the narrower of both is measured
AMPLITUDE_RATIO: Final = (0.5, 2.0)
NOISE_RATIO: Final = (
    3.0  # a beat with so many times the usual jitter around its QRS is noise, no ectopic beat
)
FAST_RR_S: Final = (
    0.5  # the delineator's training held few beats faster; three in one window mislead it
)
OWN_BEFORE, OWN_AFTER = (
    0.8,
    0.85,
)  # of the RR interval, on either side of the centre, are the beat's own
MAX_TEMPLATE_BEATS: Final = (
    120  # enough to find the commonest form; the comparison grows with the square
)


@dataclass(frozen=True, eq=False)
class Beats:
    """The beats of a recording.

    centre_s  (beats,) seconds from the start, each aligned with the template to a fraction of a sample
    classes   (beats,) "normal" are the dominant form
    windows   (beats, leads, 288) float32 at 250 Hz from 496 ms before the centre
    whole     (beats,) bool: the window lies within the recording and holds no gap
    representative  (leads, 288): interquartile mean of the normal, whole beats; None without beats
    averaged  how many beats went into it
    covered   first and last sample of the 288 at which at least one of them was recorded
    """

    centre_s: NDArray[np.float64]
    classes: tuple[BeatClass, ...]
    windows: NDArray[np.float32]
    whole: NDArray[np.bool_]
    representative: NDArray[np.float64] | None
    averaged: int
    covered: tuple[int, int] = (0, BEAT_SAMPLES)

    @property
    def normal(self) -> NDArray[np.bool_]:
        return np.array([each == "normal" for each in self.classes], np.bool_)


def find_beats(ready: Conditioned, r_peaks_s: NDArray[np.float64]) -> Beats:
    """Align, class and average the beats at `r_peaks_s`."""
    signal = ready.signal
    if r_peaks_s.size == 0 or signal.shape[1] == 0:
        return Beats(
            np.zeros(0),
            (),
            np.zeros((0, len(signal), BEAT_SAMPLES), np.float32),
            np.zeros(0, np.bool_),
            None,
            0,
        )
    centres = np.rint(r_peaks_s * RATE_HZ).astype(np.intp)
    shifted, forms, template = _align(signal[informative_rows(ready.varying)], centres)
    normal, likeness = _dominant(forms, template)
    # Beats of another form are left where the envelope put them: correlation with a template that is not theirs says nothing.
    placed = np.where(likeness > SAME_FORM, shifted, centres.astype(np.float64))
    windows = _windows(signal, np.rint(placed).astype(np.intp))
    whole = _whole(np.rint(placed).astype(np.intp), ready.missing)
    classes = _classes(normal, windows)
    chosen, covered = _chosen(normal, whole, np.rint(placed).astype(np.intp), signal.shape[1])
    representative = interquartile_mean(windows[chosen])
    return Beats(
        placed / RATE_HZ, classes, windows, whole, representative, int(chosen.sum()), covered
    )


def _chosen(
    normal: NDArray[np.bool_], whole: NDArray[np.bool_], centres: NDArray[np.intp], samples: int
) -> tuple[NDArray[np.bool_], tuple[int, int]]:
    """The beats to average, and which of the 288 samples they cover: all that are whole, else the one that is so the most."""
    if (normal & whole).any():
        return normal & whole, (0, BEAT_SAMPLES)
    start = np.maximum(0, BEFORE_SAMPLES - centres)
    stop = np.minimum(SPAN_SAMPLES, samples - centres + BEFORE_SAMPLES)
    best = int(np.where(normal, stop - start, -1).argmax())
    chosen = np.zeros(normal.size, np.bool_)
    chosen[best] = True
    return chosen, (int(start[best]) // STRIDE, int(stop[best]) // STRIDE)


def as_read(beats: Beats) -> NDArray[np.float64]:
    """The representative beat as the delineator reads it, (leads, 288): without the leads that follow from others, and at fast
    rates with the beats before and after held still at the edge.
    """
    assert beats.representative is not None
    beat = beats.representative[informative_rows(np.asarray(beats.representative.any(axis=1)))]
    rr_s = float(median(np.diff(beats.centre_s))) if beats.centre_s.size > 1 else np.inf
    if rr_s >= FAST_RR_S:
        return beat
    centre = BEFORE_SAMPLES // STRIDE
    first = max(0, centre - round(OWN_BEFORE * rr_s * BEAT_HZ))
    last = min(BEAT_SAMPLES - 1, centre + round(OWN_AFTER * rr_s * BEAT_HZ))
    return np.asarray(beat[:, np.clip(np.arange(BEAT_SAMPLES), first, last)], np.float64)


def interquartile_mean(windows: NDArray[np.floating]) -> NDArray[np.float64]:
    """(beats, ...) -> (...): the mean of the middle half at each sample; of all where there are fewer than four."""
    cut = len(windows) // 4
    if cut == 0:
        return np.asarray(windows.mean(axis=0, dtype=np.float64))
    ordered = sort_elementwise(windows)
    middle = ordered[cut].astype(np.float64)
    for beat in ordered[cut + 1 : len(windows) - cut]:
        middle += beat
    return middle / (len(windows) - 2 * cut)


def _weights(signal: NDArray[np.float32]) -> NDArray[np.float32]:
    size = np.sqrt(np.vecdot(signal, signal) / max(1, signal.shape[1]))
    return lead_weights(size.astype(np.float64)).astype(np.float32)


def _align(
    signal: NDArray[np.float32], centres: NDArray[np.intp]
) -> tuple[NDArray[np.float64], NDArray[np.float32], int]:
    """Two passes of cross-correlation over all leads within +-40 ms: on one beat, then on the mean of the commonest form.

    Forms that differ little (aberrant conduction in fibrillation) are told apart once the first pass has laid them on each
    other; before it, which of them came out would hang on a sample more or less.

    -> (centres with fractions, forms (beats, leads x samples), the beat that stands for the commonest form)
    """
    around = _around(signal, centres)
    leads = len(signal)
    forms = _forms(around, np.zeros_like(centres))
    first = _template(forms, leads, ROUGHLY_SAME, np.ones(len(forms), np.bool_))
    shift, _ = _best_shift(around, forms[first])
    aligned = _forms(around, shift)
    central = _template(
        aligned, leads, SAME_FORM, _correlation(aligned, forms[first]) > ROUGHLY_SAME
    )
    same = _correlation(aligned, aligned[central]) > SAME_FORM
    template = aligned[same].mean(axis=0) if same.any() else aligned[central]
    shift, fraction = _best_shift(around, template)
    return centres + STRIDE * (shift + fraction), _forms(around, shift), central


def _around(signal: NDArray[np.float32], centres: NDArray[np.intp]) -> NDArray[np.float32]:
    """(beats, leads, samples at BEAT_HZ) as far as a form reaches when it is shifted; leads weighted, held beyond the recording's ends."""
    at = centres[:, None] + STRIDE * np.arange(-_HALF - _REACH, _HALF + _REACH + 1)
    around = signal[:, np.clip(at, 0, signal.shape[1] - 1)]
    around *= _weights(signal)[:, None, None]
    return np.ascontiguousarray(around.transpose(1, 0, 2))


def _best_shift(
    around: NDArray[np.float32], template: NDArray[np.float32]
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Whole samples at BEAT_HZ, and the parabola's fraction, that lay each beat on the template."""
    beats, leads, width = around.shape
    shape = template.reshape(leads, -1)
    kernel = np.zeros((leads, shape.shape[1] + 4 * _REACH), np.float32)
    kernel[:, 2 * _REACH : -2 * _REACH] = shape - mean(shape)[:, None]
    # The template at each shift, one below the other: all products are one of matrices.
    laid = np.stack(
        [kernel[:, start : start + width] for start in range(2 * _REACH, -1, -1)]
    ).reshape(2 * _REACH + 1, -1)
    match = around.reshape(beats, -1) @ laid.T
    best, each = match.argmax(axis=1), np.arange(beats)
    inner = np.minimum(np.maximum(best, 1), 2 * _REACH - 1)
    before, at, after = (match[each, inner + step].astype(np.float64) for step in (-1, 0, 1))
    bend = before - 2 * at + after
    bent = (inner == best) & (bend < 0)
    return best - _REACH, np.where(bent, 0.5 * (before - after) / np.where(bent, bend, 1.0), 0.0)


def _forms(around: NDArray[np.float32], shifts: NDArray[np.intp]) -> NDArray[np.float32]:
    """(beats, leads x samples) about the shifted centres, each lead about its mean."""
    starts = (shifts + _REACH).tolist()
    forms = np.stack(
        [beat[:, start : start + 2 * _HALF + 1] for beat, start in zip(around, starts, strict=True)]
    )
    forms -= mean(forms)[:, :, None]
    return forms.reshape(len(forms), -1)


def _template(forms: NDArray[np.float32], leads: int, same: float, among: NDArray[np.bool_]) -> int:
    """The beat most like the others; of two forms nearly as frequent (bigeminy, pacing on demand) one of the narrower.

    same   correlation from which on two beats are of one form
    among  (beats,) bool: those that may be chosen, and count
    """
    index = np.flatnonzero(among) if among.any() else np.arange(len(forms))
    index = index[:: max(1, index.size // MAX_TEMPLATE_BEATS)]
    some = forms[index]
    norms = np.maximum(_sizes(some), 1e-12)
    alike = (some @ some.T / (norms[:, None] * norms)).astype(np.float64)
    first, group = _commonest(alike, same, np.ones(len(some), np.bool_))
    count = np.count_nonzero(group)
    needed = max(2, RIVAL_SHARE * count)
    if len(some) - count >= needed:
        second, rival = _commonest(alike, same, ~group)
        if np.count_nonzero(rival) >= needed and _sharpness(some[rival], leads) > _sharpness(
            some[group], leads
        ):
            return int(index[second])
    return int(index[first])


def _commonest(
    alike: NDArray[np.float64], limit: float, among: NDArray[np.bool_]
) -> tuple[int, NDArray[np.bool_]]:
    """The beat with the most others like it, ties by the mean likeness, then the first, and that group."""
    same = (alike > limit) & among
    rank = np.where(
        among, same.sum(axis=1) + np.where(same, alike, 0.0).sum(axis=1) / (len(alike) + 1), -1.0
    )
    best = int(
        rank.round(5).argmax()
    )  # two beats are alike each other equally: rounding shall not choose
    return best, same[best]


def _sharpness(forms: NDArray[np.float32], leads: int) -> float:
    """How steep for its size: higher for a narrow complex than for a wide one."""
    shapes = forms.reshape(len(forms), leads, -1)
    slope = np.square(np.diff(shapes, axis=2)).sum(axis=(1, 2))
    return float(median(slope / np.maximum(np.square(shapes).sum(axis=(1, 2)), 1e-12)))


def _correlation(forms: NDArray[np.float32], template: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray((forms @ template) / np.maximum(_sizes(forms) * _sizes(template), 1e-12))


def _sizes(forms: NDArray[np.float32]) -> NDArray[np.float32]:
    """(..., samples) -> (...) root of the sum of squares; numpy's norm of one axis takes twice as long."""
    return np.asarray(np.sqrt(np.vecdot(forms, forms)))


def _dominant(
    forms: NDArray[np.float32], first: int
) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
    """Which beats are of the form of beat `first`, and how like their mean each one is."""
    template = forms[first]
    alike = _correlation(forms, template) > SAME_FORM
    typical_form = forms[alike].mean(axis=0) if alike.any() else template
    likeness, size = _correlation(forms, typical_form), _sizes(forms)
    like = likeness > SAME_FORM
    typical = median(size[like] if like.any() else size)
    ratio = size / max(float(typical), 1e-12)
    normal = like & (ratio > AMPLITUDE_RATIO[0]) & (ratio < AMPLITUDE_RATIO[1])
    if not normal.any():
        normal[first] = True
    return normal, likeness


def _windows(signal: NDArray[np.float32], centres: NDArray[np.intp]) -> NDArray[np.float32]:
    """Held beyond the recording's ends."""
    before = max(0, BEFORE_SAMPLES - int(centres.min()))
    after = max(0, int(centres.max()) + SPAN_SAMPLES - BEFORE_SAMPLES - signal.shape[1])
    wide = pad_edges(signal, before, after) if before or after else signal
    windows = np.empty((centres.size, len(signal), BEAT_SAMPLES), np.float32)
    for window, start in zip(windows, (centres - BEFORE_SAMPLES + before).tolist(), strict=True):
        window[:] = wide[:, start : start + SPAN_SAMPLES : STRIDE]
    return windows


def _whole(centres: NDArray[np.intp], missing: NDArray[np.bool_]) -> NDArray[np.bool_]:
    start, stop = centres - BEFORE_SAMPLES, centres - BEFORE_SAMPLES + SPAN_SAMPLES
    inside = (start >= 0) & (stop <= missing.size)
    if not missing.any():
        return inside
    gone = np.concatenate([[0], np.cumsum(missing)])
    return np.asarray(
        inside & (gone[np.clip(stop, 0, missing.size)] == gone[np.clip(start, 0, missing.size)])
    )


def _classes(normal: NDArray[np.bool_], windows: NDArray[np.float32]) -> tuple[BeatClass, ...]:
    """What is not of the dominant form is noise where it jitters as no heart does, else an ectopic beat."""
    slope = windows[:, :, 1:] - windows[:, :, :-1]
    bend = slope[:, :, 1:] - slope[:, :, :-1]
    jitter = mean(np.abs(bend, out=bend).reshape(len(bend), -1))
    usual = float(median(jitter[normal]))
    return tuple(
        "normal" if same else "noisy" if shaky > NOISE_RATIO * usual else "ectopic"
        for same, shaky in zip(normal, jitter, strict=True)
    )
