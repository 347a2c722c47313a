"""Numbers about a window of one lead that tell fibrillation from beats, noise and silence.

None needs a QRS complex. They are known from published detectors of ventricular fibrillation, which
Amann, Tratnig and Unterkofler compare (BioMedical Engineering OnLine 2005;4:60), or vary them:
shares of the spectrum; the signal against itself half a period later (the filter of Kuo and
Dillman, Computers in Cardiology 1978), here by the autocorrelation; how many samples and slopes are
far from the largest (the threshold crossing sample count of Arafat et al., Signal, Image and Video
Processing 2011;5:1); and how much of the phase space is visited (Amann et al., IEEE Transactions on
Biomedical Engineering 2007;54:174).
"""

from __future__ import annotations

from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from heads.fibrillation.signal_input import (
    BIN_HZ,
    WATCH_HZ,
    WINDOW_S,
    WINDOW_SAMPLES,
    Filtered,
    Rows,
)

Column = NDArray[np.float32]  # (rows,)

NUMBERS: Final = 53
EDGES_HZ: Final = (0.5, 1.5, 2.5, 3.5, 4.5, 5.5, 6.5, 7.5, 9.0, 11.0, 14.0, 18.0, 24.0, 32.0)
WANDER_HZ: Final = (0.25, 1.0)
NOISE_HZ: Final = (35.0, 58.0)
# Where the dominant frequency is searched: 90 to 720 a minute.
DOMINANT_HZ: Final = (1.5, 12.0)
# The surroundings of the spectrum's peak, as shares of its frequency.
AROUND_PEAK: Final = (0.7, 1.35)
# Lags of the autocorrelation: of half a period, of a period, and the longest.
HALF_PERIOD_S: Final = (0.04, 0.3)
PERIOD_S: Final = (0.1, 0.5)
LONGEST_LAG_S: Final = 0.8
# Ranks among the ordered sizes: nearly the largest, so that no single sample decides.
LARGEST_RANK: Final = 0.99
STEEPEST_RANK: Final = 0.98
SIZE_RANKS: Final = (0.1, 0.25, 0.5, 0.75, 0.9)
SLOPE_RANKS: Final = (0.25, 0.5, 0.75, 0.9)
PARTS: Final = 8  # of half a second
PART_SAMPLES: Final = WINDOW_SAMPLES // PARTS
CELLS: Final = 20  # of each axis of the phase space
DELAYS_S: Final = (0.08, 0.5)
_SMALL: Final = np.float32(1e-9)  # of sizes and powers, before a division
_FLOOR: Final = np.float32(1e-3)  # of sizes in mV and of moments, before a logarithm
_SHARE_FLOOR: Final = np.float32(1e-4)


def features(windows: Filtered) -> Rows:
    """Return (rows, NUMBERS) of each window, computed from that window alone."""
    numbers = {
        **_spectrum(windows),
        **_autocorrelation(windows.passed),
        **_sizes(windows),
        **_slopes(windows.signal),
    }
    assert len(numbers) == NUMBERS, f"{len(numbers)} numbers instead of {NUMBERS}. This is a bug."
    return np.stack(list(numbers.values()), axis=1)


def _bins(edges_hz: tuple[float, float]) -> slice:
    return slice(round(edges_hz[0] * WINDOW_S), round(edges_hz[1] * WINDOW_S))


def _lags(edges_s: tuple[float, float]) -> slice:
    return slice(round(edges_s[0] * WATCH_HZ), round(edges_s[1] * WATCH_HZ))


def _spectrum(windows: Filtered) -> dict[str, Column]:
    """Return where the power is, how concentrated, and how much the filter took away."""
    passed = windows.passed
    total = passed.sum(axis=1) + _SMALL
    share = passed / total[:, np.newaxis]
    bands = np.add.reduceat(share, _EDGES, axis=1)[:, :-1]
    mean_hz = (share * _HZ).sum(axis=1)
    distance = _HZ - mean_hz[:, np.newaxis]
    # Three bins together: fibrillation wanders by more than the resolution of the window.
    searched = _bins(DOMINANT_HZ)
    around = share[:, searched.start - 1 : searched.stop + 1]
    joined = around[:, :-2] + around[:, 1:-1] + around[:, 2:]
    peak = joined.argmax(axis=1)
    up_to = np.cumsum(share, axis=1)
    dominant = peak + searched.start
    below = (dominant * AROUND_PEAK[0]).astype(np.intp)
    above = (dominant * AROUND_PEAK[1]).astype(np.intp)
    rows = np.arange(len(share))
    wander = windows.power[:, _bins(WANDER_HZ)].sum(axis=1)
    noise = windows.power[:, _bins(NOISE_HZ)].sum(axis=1)
    return {
        **{
            f"log share of {low:g} to {high:g} Hz": np.log(bands[:, number] + _SHARE_FLOOR)
            for number, (low, high) in enumerate(pairwise(EDGES_HZ))
        },
        "log wander": np.log((wander + _SMALL) / total),
        "log noise": np.log((noise + _SMALL) / total),
        "entropy": -(share * np.log(share + _SMALL)).sum(axis=1),
        "mean frequency": mean_hz,
        "bandwidth": np.sqrt((share * distance * distance).sum(axis=1)),
        "dominant frequency": _HZ[dominant],
        "share of the peak": joined[rows, peak],
        "share around the peak": up_to[rows, above] - up_to[rows, below],
    }


def _autocorrelation(passed: Rows) -> dict[str, Column]:
    """Return how like itself the signal is half a period and a period later.

    A wave that goes on and on is its own opposite half a period later; beats are not.
    """
    from scipy.fft import irfft

    raw = irfft(passed, WINDOW_SAMPLES, axis=1)[:, : round(LONGEST_LAG_S * WATCH_HZ)]
    correlation = raw / (raw[:, :1] + _SMALL)
    half = correlation[:, _lags(HALF_PERIOD_S)]
    opposite = half.argmin(axis=1) + _lags(HALF_PERIOD_S).start
    lags = np.arange(correlation.shape[1])
    later = np.where(lags > opposite[:, np.newaxis], correlation, np.float32(-1.0))
    again = later.argmax(axis=1)
    return {
        "lowest correlation": half.min(axis=1),
        "its lag": opposite.astype(np.float32) / np.float32(WATCH_HZ),
        "highest correlation": correlation[:, _lags(PERIOD_S)].max(axis=1),
        "highest correlation later": later.max(axis=1),
        "its lag later": again.astype(np.float32) / np.float32(WATCH_HZ),
    }


def _sizes(windows: Filtered) -> dict[str, Column]:
    """Return how large the signal is, how often it is far from 0, and how steadily."""
    signal = windows.signal
    size = np.abs(signal)
    ordered = np.sort(size, axis=1)
    largest = ordered[:, int(LARGEST_RANK * WINDOW_SAMPLES)] + _SMALL
    square = signal * signal
    rms = np.sqrt(square.mean(axis=1)) + _SMALL
    by_part = size[:, : PARTS * PART_SAMPLES].reshape(-1, PARTS, PART_SAMPLES)
    heights = by_part.max(axis=2)
    means = by_part.mean(axis=2)
    ordered_heights = np.sort(heights, axis=1)
    fullness = means / (heights + _SMALL)
    mean = means.mean(axis=1) + _SMALL
    return {
        "log largest": np.log(largest + _FLOOR),
        "log rms": np.log(rms + _FLOOR),
        "log largest before the filter": np.log(np.abs(windows.level).max(axis=1) + _FLOOR),
        **{
            f"size of rank {rank:g}": ordered[:, int(rank * WINDOW_SAMPLES)] / largest
            for rank in SIZE_RANKS
        },
        "log kurtosis": np.log((square * square).mean(axis=1) / rms**4 + _FLOOR),
        "skewness": np.abs((square * signal).mean(axis=1) / rms**3),
        "lowest part": ordered_heights[:, 0] / largest,
        "usual part": ordered_heights[:, PARTS // 2] / largest,
        "quietest part": means.min(axis=1) / mean,
        "loudest part": means.max(axis=1) / mean,
        "fullness": fullness.mean(axis=1),
        "least fullness": fullness.min(axis=1),
        **_phase_space(signal / largest[:, np.newaxis]),
    }


def _phase_space(relative: Rows) -> dict[str, Column]:
    """Return how many cells the points (sample, sample a delay later) are in.

    relative  (rows, samples); from -1 to 1 but for the few largest samples
    """
    place = np.clip((relative * np.float32(0.45) + np.float32(0.5)) * CELLS, 0, CELLS - 1)
    cell = place.astype(np.intp)
    first_cell = np.arange(len(cell))[:, np.newaxis] * CELLS**2
    numbers = {}
    for delay_s in DELAYS_S:
        delay = round(delay_s * WATCH_HZ)
        visited = np.zeros(len(cell) * CELLS**2, np.bool_)
        visited[(first_cell + cell[:, :-delay] * CELLS + cell[:, delay:]).ravel()] = True
        counts = visited.reshape(len(cell), -1).sum(axis=1)
        numbers[f"cells at {delay_s:g} s"] = counts.astype(np.float32)
    return numbers


def _slopes(signal: Rows) -> dict[str, Column]:
    """Return how steep the signal is, how often it is nearly level, and how often it crosses 0."""
    slope = signal[:, 1:] - signal[:, :-1]
    ordered = np.sort(np.abs(slope), axis=1)
    steepest = ordered[:, int(STEEPEST_RANK * WINDOW_SAMPLES)] + _SMALL
    square = slope * slope
    mean_square = square.mean(axis=1) + _SMALL
    turn = slope[:, 1:] - slope[:, :-1]
    size = np.sqrt((signal * signal).mean(axis=1)) + _SMALL
    is_positive = signal > 0
    crossings = (is_positive[:, 1:] != is_positive[:, :-1]).sum(axis=1)
    return {
        "log steepest": np.log(steepest * np.float32(WATCH_HZ) + _FLOOR),
        **{
            f"slope of rank {rank:g}": ordered[:, int(rank * WINDOW_SAMPLES)] / steepest
            for rank in SLOPE_RANKS
        },
        "log kurtosis of slopes": np.log(
            (square * square).mean(axis=1) / (mean_square * mean_square) + _FLOOR
        ),
        "mobility": np.sqrt(mean_square) / size,
        "complexity": np.sqrt((turn * turn).mean(axis=1) / mean_square),
        "crossings": crossings.astype(np.float32) / np.float32(WINDOW_S),
    }


_HZ: Final = BIN_HZ.astype(np.float32)
_EDGES: Final = np.rint(np.array(EDGES_HZ) * WINDOW_S).astype(np.intp)
