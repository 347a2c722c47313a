"""Align QRS complexes over all leads together, and find the beats of the commonest morphology.

In this module, a complex is the signal within 120 ms of a beat's centre. Each lead is weighted, its
mean over the complex is subtracted, and the leads are concatenated. Complexes are arrays
`(beats, leads x samples)` of float32 at BEAT_HZ.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from intervals.beat_grid import BEAT_HZ, STRIDE
from signals.order import mean, median
from signals.r_peaks import lead_weights

HALF_WIDTH_S: Final = 0.12  # on either side of the centre: contains the QRS complex and little else
MAX_SHIFT_S: Final = 0.04  # by which alignment moves a centre at most, in either direction
# The same in samples at BEAT_HZ.
_HALF_WIDTH: Final = round(HALF_WIDTH_S * BEAT_HZ)
_MAX_SHIFT: Final = round(MAX_SHIFT_S * BEAT_HZ)

# Two complexes have one morphology if their correlation is above the first limit before alignment,
# and above the second after it.
SAME_BEFORE_ALIGNMENT: Final = 0.75
SAME_MORPHOLOGY: Final = 0.85
# Limits of a complex's size (Euclidean norm) over the median size of its morphology.
SIZE_RATIO_LIMITS: Final = (0.5, 2.0)

# A second morphology with at least this share of the commonest one's beats is a rival: the
# narrower of the two is measured.
RIVAL_SHARE: Final = 0.6
# Of more than 239 beats, every n-th is compared, so that 120 to 239 are. These are enough to find
# the commonest morphology. The time of the comparison grows with the square of their number.
MIN_COMPARED_BEATS: Final = 120
_MIN_DIVISOR: Final = 1e-12  # instead of 0, the size of a complex that is constant in every lead


def align(
    signal: NDArray[np.float32], centres: NDArray[np.intp]
) -> tuple[NDArray[np.float64], NDArray[np.float32], int]:
    """Align QRS complexes by two passes of cross-correlation over all leads.

    A centre moves by at most 40 ms.

    signal   (leads, samples) at signals.conditioned.RATE_HZ, in any unit
    centres  (beats,) positions in samples of `signal`; at least one

    Returns the aligned centres (beats,) in samples of `signal`, with fractions; the aligned
    complexes (beats, leads x samples); and the index of a beat of the commonest morphology.
    """
    leads = len(signal)
    surroundings = _surroundings(signal, centres)
    unaligned = _complexes(surroundings, np.zeros_like(centres))
    every_beat = np.ones(len(unaligned), np.bool_)
    first_template = unaligned[_template_beat(unaligned, leads, SAME_BEFORE_ALIGNMENT, every_beat)]

    # Morphologies that differ little (aberrant conduction in fibrillation) can be distinguished
    # only after alignment. Before it, a shift of one sample decides which of them is found.
    shifts, _ = _best_shifts(surroundings, first_template)
    aligned = _complexes(surroundings, shifts)
    candidates = _correlation(aligned, first_template) > SAME_BEFORE_ALIGNMENT
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

    Both are (beats,). The correlation is with the mean complex of that morphology. A beat has the
    morphology if its correlation is above SAME_MORPHOLOGY and its size is within SIZE_RATIO_LIMITS.
    If no beat meets both conditions, `template_beat` alone is marked.

    complexes      (beats, leads x samples), aligned
    template_beat  the index of a beat, as `align` returns it
    """
    template = complexes[template_beat]
    alike = _correlation(complexes, template) > SAME_MORPHOLOGY
    typical_complex = complexes[alike].mean(axis=0) if alike.any() else template

    correlation = _correlation(complexes, typical_complex)
    same = correlation > SAME_MORPHOLOGY
    sizes = _norms(complexes)
    typical_size = median(sizes[same] if same.any() else sizes)
    ratio = sizes / max(float(typical_size), _MIN_DIVISOR)

    smallest, largest = SIZE_RATIO_LIMITS
    dominant = same & (ratio > smallest) & (ratio < largest)
    if not dominant.any():
        dominant[template_beat] = True
    return dominant, correlation


def _surroundings(signal: NDArray[np.float32], centres: NDArray[np.intp]) -> NDArray[np.float32]:
    """Return the signal around each beat, as far as a shifted complex can reach.

    The result is (beats, leads, samples) at BEAT_HZ, with weighted leads. Beyond the recording's
    ends, its first or last sample is repeated.
    """
    reach = _HALF_WIDTH + _MAX_SHIFT
    places = centres[:, None] + STRIDE * np.arange(-reach, reach + 1)
    around = signal[:, np.clip(places, 0, signal.shape[1] - 1)]
    around *= _lead_weights(signal)[:, None, None]
    return np.ascontiguousarray(around.transpose(1, 0, 2))


def _lead_weights(signal: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the weight of each lead, from its root mean square: (leads, samples) -> (leads,)."""
    size = np.sqrt(np.vecdot(signal, signal) / max(1, signal.shape[1]))
    return lead_weights(size.astype(np.float64)).astype(np.float32)


def _complexes(surroundings: NDArray[np.float32], shifts: NDArray[np.intp]) -> NDArray[np.float32]:
    """Return the complexes (beats, leads x samples), each shifted by its number of samples."""
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
    """Return the shift that best aligns each beat with the template.

    It is the sum of two arrays (beats,): whole samples at BEAT_HZ, and a fraction of a sample.
    """
    match = _match_by_shift(surroundings, template)
    best = match.argmax(axis=1)
    return best - _MAX_SHIFT, _vertex_offset(match, best)


def _match_by_shift(
    surroundings: NDArray[np.float32], template: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Return the cross-correlation of each beat with the template, (beats, shifts).

    The shifts are all whole samples from -_MAX_SHIFT to _MAX_SHIFT, ascending.
    """
    beats, leads, width = surroundings.shape
    last_shift = 2 * _MAX_SHIFT
    by_lead = template.reshape(leads, -1)
    template_width = by_lead.shape[1]
    padded = np.zeros((leads, template_width + 2 * last_shift), np.float32)
    padded[:, last_shift:-last_shift] = by_lead - mean(by_lead)[:, None]

    # One row is the template at one shift, so that a single matrix product correlates every beat
    # with the template at every shift.
    shifted = []
    for start in range(last_shift, -1, -1):
        shifted.append(padded[:, start : start + width])
    templates = np.stack(shifted).reshape(len(shifted), -1)
    match: NDArray[np.float32] = surroundings.reshape(beats, -1) @ templates.T
    return match


def _vertex_offset(match: NDArray[np.float32], best: NDArray[np.intp]) -> NDArray[np.float64]:
    """Return the vertex of the parabola through the best match and its two neighbours.

    match  (beats, shifts)
    best   (beats,) index of the shift with the best match

    The vertex is (beats,), in fractions of a sample from `best`. It is 0 where `best` is the first
    or the last shift.
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
    complexes: NDArray[np.float32],
    leads: int,
    min_correlation: float,
    candidates: NDArray[np.bool_],
) -> int:
    """Return the index of the most typical beat of the commonest morphology.

    Of two morphologies that are about equally frequent (bigeminy, pacing on demand), the narrower
    one is chosen.

    min_correlation  two beats have one morphology if their correlation is above it
    candidates       (beats,) bool: the beats to compare; if none is marked, all are compared
    """
    index = np.flatnonzero(candidates) if candidates.any() else np.arange(len(complexes))
    index = index[:: max(1, index.size // MIN_COMPARED_BEATS)]
    compared = complexes[index]
    norms = np.maximum(_norms(compared), _MIN_DIVISOR)
    similarity = (compared @ compared.T / (norms[:, None] * norms)).astype(np.float64)

    every_beat = np.ones(len(compared), np.bool_)
    commonest, group = _commonest(similarity, min_correlation, every_beat)
    count = np.count_nonzero(group)
    rival_count = max(2, RIVAL_SHARE * count)
    # Not enough other beats for a rival.
    if len(compared) - count < rival_count:
        return int(index[commonest])

    second, rivals = _commonest(similarity, min_correlation, ~group)
    if np.count_nonzero(rivals) < rival_count:
        return int(index[commonest])
    rivals_narrower = _steepness(compared[rivals], leads) > _steepness(compared[group], leads)
    return int(index[second if rivals_narrower else commonest])


def _commonest(
    similarity: NDArray[np.float64], min_correlation: float, candidates: NDArray[np.bool_]
) -> tuple[int, NDArray[np.bool_]]:
    """Return the index of the candidate to which the most candidates are similar, and their mask.

    If several have equally many, the one with the highest mean similarity is returned, then the
    first. The mask is (beats,) bool.

    similarity  (beats, beats) correlations
    candidates  (beats,) bool
    """
    alike = (similarity > min_correlation) & candidates
    similarity_sum = np.where(alike, similarity, 0.0).sum(axis=1)
    # The second term is below 1, so it only decides between beats with equal counts.
    rank = alike.sum(axis=1) + similarity_sum / (len(similarity) + 1)
    rank = np.where(candidates, rank, -1.0)
    # Two beats that are similar only to each other differ in the last bits of their ranks. Rounding
    # makes the ranks equal, so that the first beat is chosen.
    best = int(rank.round(5).argmax())
    return best, alike[best]


def _steepness(complexes: NDArray[np.float32], leads: int) -> float:
    """Return the median over beats of squared slope / squared size.

    It is higher for narrower complexes.
    """
    by_lead = complexes.reshape(len(complexes), leads, -1)
    slope = np.square(np.diff(by_lead, axis=2)).sum(axis=(1, 2))
    size = np.square(by_lead).sum(axis=(1, 2))
    return float(median(slope / np.maximum(size, _MIN_DIVISOR)))


def _correlation(
    complexes: NDArray[np.float32], template: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Return the correlation of each complex with the template: (beats,)."""
    product = complexes @ template
    norms = _norms(complexes) * _norms(template)
    return np.asarray(product / np.maximum(norms, _MIN_DIVISOR))


def _norms(complexes: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return Euclidean norms: (..., samples) -> (...)."""
    # numpy.linalg.norm along an axis takes twice as long.
    return np.asarray(np.sqrt(np.vecdot(complexes, complexes)))
