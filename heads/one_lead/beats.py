"""Numbers about the beats of one lead: the usual beat, how alike all are, and what lies between."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from heads.one_lead.intervals import MIN_BEATS, PREMATURE
from heads.one_lead.signal_input import INPUT_HZ
from heads.one_lead.spectrum import BANDS, band_powers
from signals.order import median

Array = NDArray[np.float64]

# A beat's window: 400 ms before the R peak, 400 ms after it.
BEFORE: Final = 40
AFTER: Final = 40
P_PART: Final = slice(8, 33)  # of the window: 320 to 70 ms before the R peak
QRS_PART: Final = slice(32, 49)  # 80 ms before to 90 ms after
T_PART: Final = slice(52, 80)
BINS: Final = 20  # of the window, 40 ms each
NUMBERS: Final = 2 * BINS + len(BANDS) + 32
# From here to the window's end the usual beat is subtracted from each; the QRS is set to 0.
SUBTRACTED_BEFORE: Final = 25
QRS_SAMPLES: Final = np.arange(-8, 10)
# Correlations: of beats of one shape, and below which a beat has another shape.
SAME_SHAPE: Final = 0.9
OTHER_SHAPE: Final = 0.75
UNLIKE: Final = 0.8
_FLOOR: Final = 1e-3  # of heights, before a division or a logarithm
_SMALL: Final = 1e-9  # of energies


def beat_features(ready: NDArray[np.float32], r_peaks_s: Array) -> list[float]:
    """Return NUMBERS numbers; 0 for all without enough beats that are whole.

    ready      (samples,) from `lead_input`
    r_peaks_s  (beats,) ascending, seconds from the first sample
    """
    peaks = np.rint(r_peaks_s * INPUT_HZ).astype(np.intp)
    whole = (peaks >= BEFORE) & (peaks + AFTER <= ready.size)
    peaks = peaks[whole]
    if r_peaks_s.size < MIN_BEATS or peaks.size < MIN_BEATS - 1:
        return [0.0] * NUMBERS
    beats = ready[peaks[:, None] + np.arange(-BEFORE, AFTER)].astype(np.float64)
    usual = np.asarray(median(beats, axis=0), np.float64)
    height = max(float(np.ptp(usual[QRS_PART])), _FLOOR)
    relative = (usual - float(median(usual))) / height
    deviation = np.abs(beats - usual)
    rr = np.diff(r_peaks_s)
    usual_rr = float(median(rr))
    before = np.concatenate([[1.0], rr / usual_rr])[whole]
    after = np.concatenate([rr / usual_rr, [1.0]])[whole]
    return [
        *_by_bin(relative).tolist(),
        *np.log(_by_bin(median(deviation, axis=0)) / height + _FLOOR).tolist(),
        float(median(deviation.ravel())) / height,
        *_qrs_numbers(beats, before, usual),
        *_shapes(beats, before, after),
        *_usual_qrs(usual, relative, height),
        *_repeated_waves(beats, usual, relative, height),
        *_between(ready, peaks, usual),
    ]


def _by_bin(window: Array) -> Array:
    return np.asarray(window.reshape(BINS, -1).mean(axis=1), np.float64)


def _correlations(beats: Array, usual: Array) -> Array:
    """Return (beats,) the correlation of each row (beats, samples) with the usual beat."""
    centred = beats - beats.mean(axis=1, keepdims=True)
    template = usual - usual.mean()
    energy = np.sqrt((centred**2).sum(axis=1) * float(template @ template))
    correlations: Array = (centred @ template) / np.maximum(energy, _SMALL)
    return correlations


def _qrs_numbers(beats: Array, before: Array, usual: Array) -> list[float]:
    """Return how alike the QRS complexes are.

    before  (beats,) the interval before each beat, over the usual one
    """
    alike = _correlations(beats[:, QRS_PART], usual[QRS_PART])
    ordered = np.sort(alike)
    heights = np.ptp(beats[:, QRS_PART], axis=1)
    is_unlike = alike < UNLIKE
    return [
        float(ordered[ordered.size // 4]),
        float(ordered[ordered.size // 20]),
        float(is_unlike.mean()),
        float(heights.std() / max(float(heights.mean()), _FLOOR)),
        float(np.mean((before < PREMATURE) & is_unlike)),
    ]


def _shapes(beats: Array, before: Array, after: Array) -> list[float]:
    """Return how many QRS complexes have another shape than the most frequent one, and when."""
    complexes = beats[:, QRS_PART] - beats[:, QRS_PART].mean(axis=1, keepdims=True)
    sizes = np.sqrt((complexes**2).sum(axis=1, keepdims=True))
    complexes /= np.maximum(sizes, _SMALL)
    correlation = complexes @ complexes.T
    shares = (correlation > SAME_SHAPE).mean(axis=1)
    other = correlation[int(shares.argmax())] < OTHER_SHAPE
    ordered = np.sort(correlation.ravel())
    return [
        float(shares.max()),
        float(ordered.mean()),
        float(ordered[ordered.size // 10]),
        float(other.mean()),
        float(before[other].mean()) if other.any() else 1.0,
        float(after[other].mean()) if other.any() else 1.0,
        float(np.mean(other[1:] & other[:-1])),
    ]


def _usual_qrs(usual: Array, relative: Array, height: float) -> list[float]:
    """Return how wide and how steep the usual QRS complex is, and how deep."""
    steepness = np.abs(np.diff(usual[QRS_PART]))
    size = np.abs(relative[QRS_PART])
    return [
        float(np.count_nonzero(steepness > 0.25 * steepness.max())),
        float(steepness.max()) / height,
        float(np.count_nonzero(size > 0.25)),
        float(np.count_nonzero(size > 0.5)),
        float(relative[QRS_PART].min()),
    ]


def _repeated_waves(beats: Array, usual: Array, relative: Array, height: float) -> list[float]:
    """Return how high P and T are, where, and how far they recur from beat to beat."""
    numbers = []
    for part in (P_PART, T_PART):
        waves = beats[:, part] - beats[:, part].mean(axis=1, keepdims=True)
        average = waves.mean(axis=0)
        energy = float((waves**2).sum()) / len(waves)
        numbers += [
            float(median(_correlations(beats[:, part], usual[part]))),
            float(np.log(float(average @ average) / (energy + _SMALL) + _FLOOR)),
            float(np.argmax(usual[part])),
            float(relative[part].max()),
            float(relative[part].min()),
            float(np.ptp(average)) / height,
        ]
    return numbers


def _between(ready: NDArray[np.float32], peaks: NDArray[np.intp], usual: Array) -> list[float]:
    """Return the power of what is left without the usual beats, in each band; then all of it."""
    rest = ready.astype(np.float64)
    start = BEFORE - SUBTRACTED_BEFORE
    for peak in peaks.tolist():
        rest[peak - SUBTRACTED_BEFORE : peak + AFTER] -= usual[start:]
    rest[(peaks[:, None] + QRS_SAMPLES).ravel()] = 0.0
    powers = band_powers(np.clip(rest, -1.0, 1.0))
    total = powers.sum() + _SMALL
    of_lead = float(band_powers(ready).sum()) + _SMALL
    shares = np.log(powers / total + 1e-5).tolist()
    return [*shares, float(np.log(total / of_lead + 1e-5)), float(np.log(total / ready.size))]
