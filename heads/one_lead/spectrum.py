"""Numbers about the signal of one lead without its beats: its spectrum, and how its size varies."""

from __future__ import annotations

from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from heads.one_lead.signal_input import INPUT_HZ, LARGEST

# In Hz; the first and the last are those of the filter. Fibrillatory waves have 4 to 9 Hz.
EDGES_HZ: Final = (0.5, 2.0, 4.0, 7.0, 10.0, 15.0, 20.0, 28.0, 45.0)
BANDS: Final = tuple(pairwise(EDGES_HZ))
NUMBERS: Final = 8 + len(BANDS)
# Samples of the transform: of 30 s, and of 61 s with some more.
SHORT: Final = 3000
LONG: Final = 6144
HIGH: Final = 1.8  # peak to peak of a second; 1 is usual
LOW: Final = 0.4


def signal_features(ready: NDArray[np.float32]) -> list[float]:
    """Return NUMBERS numbers of (samples,) from `lead_input`."""
    powers = band_powers(ready)
    shares = powers / (powers.sum() + 1e-9)
    second = round(INPUT_HZ)
    whole = ready[: ready.size // second * second].reshape(-1, second)
    heights = np.sort(np.ptp(whole, axis=1))
    squares = ready * ready
    power = max(float(squares.mean()), 1e-6)
    return [
        *np.log(shares + 1e-5).tolist(),
        float(np.mean(heights > HIGH)),
        float(np.mean(heights < LOW)),
        float(heights[heights.size // 20]),
        float(heights[heights.size - 1 - heights.size // 20]),
        float(heights.std()),
        float(np.mean(np.abs(ready) >= LARGEST)),
        float((squares * ready).mean()) / power**1.5,
        float(np.log(float((squares * squares).mean()) / power**2 + 1e-6)),
    ]


def band_powers(signal: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return the power of (samples,), at most LONG of them, in each of BANDS."""
    transform = np.fft.rfft(signal, SHORT if signal.size <= SHORT else LONG)
    power = transform.real**2 + transform.imag**2
    hz_a_bin = INPUT_HZ / (2 * (power.size - 1))
    places = np.rint(np.array(EDGES_HZ) / hz_a_bin).astype(np.intp)
    return np.asarray(np.add.reduceat(power, places)[:-1], np.float64)
