"""QRS complexes aligned over all leads together, and the commonest morphology among them.

A beat's complex is the signal within 120 ms of its centre, each lead about its mean, the leads
weighted and laid end to end: `(beats, leads x samples)` float32 at BEAT_HZ.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from intervals.beat_grid import BEAT_HZ, STRIDE
from signals.order import mean, median
from signals.r_peaks import lead_weights

HALF_WIDTH_S: Final = 0.12  # on either side of the centre: the QRS complex, and little else
MAX_SHIFT_S: Final = 0.04
_HALF_WIDTH: Final = round(HALF_WIDTH_S * BEAT_HZ)
_MAX_SHIFT: Final = round(MAX_SHIFT_S * BEAT_HZ)

SAME_MORPHOLOGY: Final = 0.85  # correlation with the template
ROUGHLY_SAME: Final = 0.75  # the same before alignment
AMPLITUDE_RATIO: Final = (0.5, 2.0)  # a beat's size over the usual one of its morphology

# A second morphology with at least this share of the commonest one's beats is a rival: the
# narrower of the two is measured.
RIVAL_SHARE: Final = 0.6
# Enough beats to find the commonest morphology; the comparison grows with their square.
MAX_TEMPLATE_BEATS: Final = 120


def align(
    signal: NDArray[np.float32], centres: NDArray[np.intp]
) -> tuple[NDArray[np.float64], NDArray[np.float32], int]:
    """Align QRS complexes by two passes of cross-correlation over all leads, within 40 ms.

    signal   (leads, samples) at RATE_HZ
    centres  (beats,) samples, at least one

    Returns the aligned centres (beats,) in fractions of a sample, the aligned complexes
    (beats, leads x samples), and the index of a beat of the commonest morphology.
    """
    leads = len(signal)
    surroundings = _surroundings(signal, centres)
    unaligned = _complexes(surroundings, np.zeros_like(centres))
    every_beat = np.ones(len(unaligned), np.bool_)
    first_template = unaligned[_template_beat(unaligned, leads, ROUGHLY_SAME, every_beat)]

    # Morphologies that differ little (aberrant conduction in fibrillation) can be told apart only
    # once the beats are aligned. Before that, a sample more or less decides which one is found.
    shifts, _ = _best_shifts(surroundings, first_template)
    aligned = _complexes(surroundings, shifts)
    candidates = _correlation(aligned, first_template) > ROUGHLY_SAME
    central_beat = _template_beat(aligned, leads, SAME_MORPHOLOGY, candidates)

    template = aligned[central_beat]
    same = _correlation(aligned, template) > SAME_MORPHOLOGY
    if same.any():
        template = aligned[same].mean(axis=0)
    shifts, fractions = _best_shifts(surroundings, template)
    aligned_centres = centres + STRIDE * (shifts + fractions)
    return aligned_centres, _complexes(surroundings, shifts), central_beat


def dominant_morphology(
    complexes: NDArray[np.float32], template_beat: int
) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
    """Return which beats have the morphology of `template_beat`, and each beat's correlation.

    The correlation (beats,) is with the mean complex of that morphology. A beat counts where its
    size is the usual one too, within AMPLITUDE_RATIO. At least one beat counts.
    """
    template = complexes[template_beat]
    alike = _correlation(complexes, template) > SAME_MORPHOLOGY
    typical_complex = complexes[alike].mean(axis=0) if alike.any() else template

    correlation = _correlation(complexes, typical_complex)
    same = correlation > SAME_MORPHOLOGY
    sizes = _norms(complexes)
    typical_size = median(sizes[same] if same.any() else sizes)
    ratio = sizes / max(float(typical_size), 1e-12)

    smallest, largest = AMPLITUDE_RATIO
    dominant = same & (ratio > smallest) & (ratio < largest)
    if not dominant.any():
        dominant[template_beat] = True
    return dominant, correlation


def _surroundings(signal: NDArray[np.float32], centres: NDArray[np.intp]) -> NDArray[np.float32]:
    """Cut out as much around each beat as a shifted complex can reach.

    Returns (beats, leads, samples) at BEAT_HZ, the leads weighted. Beyond the recording's ends the
    first or last sample is repeated.
    """
    reach = _HALF_WIDTH + _MAX_SHIFT
    places = centres[:, None] + STRIDE * np.arange(-reach, reach + 1)
    around = signal[:, np.clip(places, 0, signal.shape[1] - 1)]
    around *= _lead_weights(signal)[:, None, None]
    return np.ascontiguousarray(around.transpose(1, 0, 2))


def _lead_weights(signal: NDArray[np.float32]) -> NDArray[np.float32]:
    """(leads, samples) -> (leads,) weights from each lead's root mean square."""
    size = np.sqrt(np.vecdot(signal, signal) / max(1, signal.shape[1]))
    return lead_weights(size.astype(np.float64)).astype(np.float32)


def _complexes(surroundings: NDArray[np.float32], shifts: NDArray[np.intp]) -> NDArray[np.float32]:
    """(beats, leads, samples) and shifts in samples -> complexes (beats, leads x samples)."""
    width = 2 * _HALF_WIDTH + 1
    starts = (shifts + _MAX_SHIFT).tolist()
    cut_out = [
        beat[:, start : start + width] for beat, start in zip(surroundings, starts, strict=True)
    ]
    complexes = np.stack(cut_out)
    complexes -= mean(complexes)[:, :, None]
    return complexes.reshape(len(complexes), -1)


def _best_shifts(
    surroundings: NDArray[np.float32], template: NDArray[np.float32]
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Return the shift (beats,) that best aligns each beat with the template.

    Whole samples at BEAT_HZ and, apart from these, a fraction of a sample.
    """
    match = _match_by_shift(surroundings, template)
    best = match.argmax(axis=1)
    return best - _MAX_SHIFT, _vertex_offset(match, best)


def _match_by_shift(
    surroundings: NDArray[np.float32], template: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Return the cross-correlation of each beat with the template, (beats, shifts)."""
    beats, leads, width = surroundings.shape
    last_shift = 2 * _MAX_SHIFT
    by_lead = template.reshape(leads, -1)
    template_width = by_lead.shape[1]
    padded = np.zeros((leads, template_width + 2 * last_shift), np.float32)
    padded[:, last_shift:-last_shift] = by_lead - mean(by_lead)[:, None]

    # The template at each shift is one row: a single matrix product correlates every beat with it.
    shifted = []
    for start in range(last_shift, -1, -1):
        shifted.append(padded[:, start : start + width])
    templates = np.stack(shifted).reshape(len(shifted), -1)
    match: NDArray[np.float32] = surroundings.reshape(beats, -1) @ templates.T
    return match


def _vertex_offset(match: NDArray[np.float32], best: NDArray[np.intp]) -> NDArray[np.float64]:
    """Return where the parabola through the best match and its two neighbours has its vertex.

    match  (beats, shifts)
    best   (beats,) the shift with the best match

    Returns (beats,) fractions of a sample from `best`; 0 where `best` is the first or last shift.
    """
    last_shift = match.shape[1] - 1
    inner = np.minimum(np.maximum(best, 1), last_shift - 1)
    beat_index = np.arange(len(match))
    before = match[beat_index, inner - 1].astype(np.float64)
    at = match[beat_index, inner].astype(np.float64)
    after = match[beat_index, inner + 1].astype(np.float64)

    curvature = before - 2 * at + after
    has_vertex = (inner == best) & (curvature < 0)
    divisor = np.where(has_vertex, curvature, 1.0)
    offset = 0.5 * (before - after) / divisor
    return np.where(has_vertex, offset, 0.0)


def _template_beat(
    complexes: NDArray[np.float32], leads: int, same: float, candidates: NDArray[np.bool_]
) -> int:
    """Return the index of the beat that is most like the others.

    Of two morphologies nearly as frequent (bigeminy, pacing on demand) it is one of the narrower.

    same        correlation from which on two beats have one morphology
    candidates  (beats,) bool: the beats that are compared; all of them where none is marked
    """
    index = np.flatnonzero(candidates) if candidates.any() else np.arange(len(complexes))
    index = index[:: max(1, index.size // MAX_TEMPLATE_BEATS)]
    compared = complexes[index]
    norms = np.maximum(_norms(compared), 1e-12)
    similarity = (compared @ compared.T / (norms[:, None] * norms)).astype(np.float64)

    commonest, group = _commonest(similarity, same, np.ones(len(compared), np.bool_))
    count = np.count_nonzero(group)
    rival_count = max(2, RIVAL_SHARE * count)
    if len(compared) - count < rival_count:
        return int(index[commonest])

    second, rivals = _commonest(similarity, same, ~group)
    if np.count_nonzero(rivals) < rival_count:
        return int(index[commonest])
    rivals_narrower = _steepness(compared[rivals], leads) > _steepness(compared[group], leads)
    return int(index[second if rivals_narrower else commonest])


def _commonest(
    similarity: NDArray[np.float64], same: float, candidates: NDArray[np.bool_]
) -> tuple[int, NDArray[np.bool_]]:
    """Return the beat with the most others like it, and which beats are like it.

    Ties go to the highest mean similarity, then to the first beat.

    similarity  (beats, beats) correlations
    """
    alike = (similarity > same) & candidates
    similarity_sum = np.where(alike, similarity, 0.0).sum(axis=1)
    # The sum over a number larger than any count: it ranks beats with equal counts, no others.
    rank = alike.sum(axis=1) + similarity_sum / (len(similarity) + 1)
    rank = np.where(candidates, rank, -1.0)
    # Two beats are equally like each other: rounded, so that their last bits do not choose.
    best = int(rank.round(5).argmax())
    return best, alike[best]


def _steepness(complexes: NDArray[np.float32], leads: int) -> float:
    """Return the median squared slope over squared size: higher for narrower complexes."""
    by_lead = complexes.reshape(len(complexes), leads, -1)
    slope = np.square(np.diff(by_lead, axis=2)).sum(axis=(1, 2))
    size = np.square(by_lead).sum(axis=(1, 2))
    return float(median(slope / np.maximum(size, 1e-12)))


def _correlation(
    complexes: NDArray[np.float32], template: NDArray[np.float32]
) -> NDArray[np.float32]:
    """(beats, samples) and (samples,) -> (beats,) correlation coefficients."""
    product = complexes @ template
    norms = _norms(complexes) * _norms(template)
    return np.asarray(product / np.maximum(norms, 1e-12))


def _norms(complexes: NDArray[np.float32]) -> NDArray[np.float32]:
    """(..., samples) -> (...) Euclidean norms."""
    # numpy.linalg.norm along an axis takes twice as long.
    return np.asarray(np.sqrt(np.vecdot(complexes, complexes)))
