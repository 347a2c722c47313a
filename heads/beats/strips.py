"""The last seconds of many streams, and how steep they are: what beats are looked for in.

Each second is filtered once, when it arrives. Every value depends on the samples around it and on
the ten seconds before it, so that the beats of a stream do not depend on the other streams.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Final

import numpy as np
from numpy.typing import NDArray

from signals.streams.watch_rate import WATCH_HZ

SECONDS: Final = 12
SAMPLES: Final = SECONDS * WATCH_HZ
# Half the width of the second difference: a QRS complex is about twice as long.
CURVE_SAMPLES: Final = 4
# Half the width of the mean that makes one hump of a QRS complex: 88 ms in all.
MEAN_SAMPLES: Final = 5
# What is this close to the newest sample cannot be filtered yet: in the slopes, in the envelope.
SLOPE_DELAY: Final = 8
ENVELOPE_DELAY: Final = SLOPE_DELAY + MEAN_SAMPLES
# Seconds over which a lead's height and noise are known.
LEVEL_SECONDS: Final = 10
# Quantile of the seconds that is a lead's height: at 30 /min only half of them have a beat.
HEIGHT_SHARE: Final = 0.8
# Rank, from above, of the sample of a second that stands for its QRS complex.
NEAR_MAX_RANK: Final = 4
# Height over the median slope from which on a lead counts in full; noise has about 3.5.
PEAKED: Final = 6.0
MIN_HEIGHT_MV: Final = 1e-3


@dataclass(frozen=True, eq=False)
class Strips:
    """The last SECONDS of some streams, one a row, all with the same number of leads.

    signal    (rows, leads, SAMPLES) float32, mV at WATCH_HZ; NaN where nothing is known
    curve     (rows, SAMPLES) size of the second difference over all leads, mV
    slope     (rows, SAMPLES) size of the difference over 16 ms over all leads, mV
    velocity  (rows, SAMPLES) the second difference of all leads, each relative to its own height
    envelope  (rows, SAMPLES) mean of the velocity over 88 ms
    height    (rows, leads, LEVEL_SECONDS) the second difference near its maximum in each second
    noise     (rows, leads, LEVEL_SECONDS) its median

    The last four and the first two are delayed: their newest values are 0 until they are known.
    """

    signal: NDArray[np.float32]
    curve: NDArray[np.float32]
    slope: NDArray[np.float32]
    velocity: NDArray[np.float32]
    envelope: NDArray[np.float32]
    height: NDArray[np.float32]
    noise: NDArray[np.float32]

    def take(self, rows: NDArray[np.intp]) -> Strips:
        """Return copies of some rows."""
        return Strips(*(getattr(self, each.name)[rows] for each in fields(self)))

    def put(self, rows: NDArray[np.intp], strips: Strips) -> None:
        """Replace some rows."""
        for each in fields(self):
            getattr(self, each.name)[rows] = getattr(strips, each.name)


def empty_strips(rows: int, leads: int) -> Strips:
    """Return strips of streams of which nothing is known yet."""
    zeros = [np.zeros((rows, SAMPLES), np.float32) for _ in range(4)]
    signal = np.full((rows, leads, SAMPLES), np.nan, np.float32)
    levels = [np.zeros((rows, leads, LEVEL_SECONDS), np.float32) for _ in range(2)]
    return Strips(signal, *zeros, *levels)


def extend(strips: Strips, second: NDArray[np.float32]) -> Strips:
    """Return the strips one second later.

    second  (rows, leads, WATCH_HZ) float32, mV; NaN for gaps
    """
    signal = _appended(strips.signal, second)
    curve, slope = _differences(signal)
    by_rank = np.sort(curve, axis=2)
    height = _appended(strips.height, by_rank[:, :, -NEAR_MAX_RANK, None])
    noise = _appended(strips.noise, by_rank[:, :, WATCH_HZ // 2, None])
    relative = curve * _weights(height, noise)[:, :, None]
    velocity = _delayed(strips.velocity, _size(relative), SLOPE_DELAY)
    return Strips(
        signal,
        _delayed(strips.curve, _size(curve), SLOPE_DELAY),
        _delayed(strips.slope, _size(slope), SLOPE_DELAY),
        velocity,
        _delayed(strips.envelope, _means(velocity), ENVELOPE_DELAY),
        height,
        noise,
    )


def lead_heights(strips: Strips) -> NDArray[np.float32]:
    """Return (rows, leads) the second difference of a usual QRS complex; 0 without a signal."""
    return _usual_known(strips.height, HEIGHT_SHARE)


def lead_shares(strips: Strips) -> NDArray[np.float32]:
    """Return (rows, leads) how much each lead counts: its squares sum to 1; 0 without a signal."""
    heights = np.maximum(lead_heights(strips), np.float32(MIN_HEIGHT_MV))
    return _weights(strips.height, strips.noise) * heights


def lead_noises(strips: Strips) -> NDArray[np.float32]:
    """Return (rows, leads) the median size of the second difference; 0 without a signal."""
    return _usual_known(strips.noise, 0.5)


def _appended(ring: NDArray[np.float32], newest: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.concatenate([ring[..., newest.shape[-1] :], newest], axis=-1)


def _delayed(
    ring: NDArray[np.float32], newest: NDArray[np.float32], delay: int
) -> NDArray[np.float32]:
    """Return the ring one second later, with the newest second `delay` samples before its end."""
    later = np.zeros_like(ring)
    later[:, : -WATCH_HZ - delay] = ring[:, WATCH_HZ:-delay]
    later[:, -WATCH_HZ - delay : -delay] = newest
    return later


def _differences(signal: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the second difference and the 16 ms difference, each (rows, leads, WATCH_HZ).

    They are 0 where one of their samples is missing.
    """
    end = SAMPLES - SLOPE_DELAY
    start = end - WATCH_HZ

    def at(offset: int) -> NDArray[np.float32]:
        return signal[:, :, start + offset : end + offset]

    curve = np.abs(2 * at(0) - at(-CURVE_SAMPLES) - at(CURVE_SAMPLES))
    slope = np.abs(at(1) - at(-1))
    is_known = np.isfinite(curve) & np.isfinite(slope)
    return np.where(is_known, curve, np.float32(0)), np.where(is_known, slope, np.float32(0))


def _weights(height: NDArray[np.float32], noise: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return (rows, leads) weights: 1 over a lead's height, and less in noisy leads."""
    height_mv = _usual_known(height, HEIGHT_SHARE)
    noise_mv = _usual_known(noise, 0.5)
    peaked = height_mv / np.maximum(PEAKED * noise_mv, 1e-6)
    share = np.where(height_mv > MIN_HEIGHT_MV, np.minimum(peaked, 1.0) ** 2, 0.0)
    total = np.sqrt((share**2).sum(axis=1, keepdims=True))
    weights: NDArray[np.float32] = (
        share / np.maximum(height_mv, MIN_HEIGHT_MV) / np.maximum(total, 1e-6)
    ).astype(np.float32)
    return weights


def _usual_known(levels: NDArray[np.float32], share: float) -> NDArray[np.float32]:
    """Return (rows, leads) a quantile of the seconds with a signal; 0 where there is none."""
    known = np.sort(np.where(levels > 0, levels, np.float32(np.inf)), axis=2)
    count = (levels > 0).sum(axis=2)
    rank = (np.maximum(count - 1, 0) * share).astype(np.intp)
    usual = np.take_along_axis(known, rank[:, :, None], axis=2)[:, :, 0]
    return np.where(count > 0, usual, np.float32(0))


def _size(leads: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return (rows, samples) the root of the sum of squares over leads.

    Lead by lead, so that a row's sum has one order, however many rows there are.
    """
    total = np.zeros((leads.shape[0], leads.shape[2]), np.float32)
    for lead in range(leads.shape[1]):
        total += leads[:, lead] ** 2
    return np.sqrt(total)


def _means(velocity: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the newest second of the envelope, (rows, WATCH_HZ)."""
    end = SAMPLES - ENVELOPE_DELAY
    total = np.zeros((len(velocity), WATCH_HZ), np.float32)
    for offset in range(-MEAN_SAMPLES, MEAN_SAMPLES + 1):
        total += velocity[:, end - WATCH_HZ + offset : end + offset]
    return total / np.float32(2 * MEAN_SAMPLES + 1)
