"""The time grid of a beat's window: 360 samples at 250 Hz, the beat's centre at 600 ms.

The delineator's network is trained on this grid; boundaries are ms from the centre.
"""

from __future__ import annotations

from typing import Final

from signals.conditioned import RATE_HZ

BEAT_HZ: Final = 250.0
# After the centre there are 840 ms: a QT interval of 800 ms fits. Divisible by 8, for the network.
BEAT_SAMPLES: Final = 360
BEFORE_S: Final = 0.6  # from the window's start to the centre: a PR interval of 450 ms fits
SAMPLE_MS: Final = 1000.0 / BEAT_HZ

# The same window in samples of the conditioned recording.
STRIDE: Final = round(RATE_HZ / BEAT_HZ)
BEFORE_SAMPLES: Final = round(BEFORE_S * RATE_HZ)
SPAN_SAMPLES: Final = BEAT_SAMPLES * STRIDE

CENTRE_SAMPLE: Final = BEFORE_SAMPLES // STRIDE  # of the 360


def sample_at(time_ms: float) -> int:
    """Return the window's sample nearest to a time in ms from the centre; it may lie outside."""
    return round((time_ms / 1000.0 + BEFORE_S) * BEAT_HZ)


def time_ms_of(sample: int) -> float:
    """Return the time of a sample of the window in ms from the centre."""
    return sample * SAMPLE_MS - BEFORE_S * 1000.0
