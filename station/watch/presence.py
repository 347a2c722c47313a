"""Whether there is a signal that can be read: lost samples, leads that are off, noise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from heads.beats.candidates import JUDGED_AFTER
from heads.beats.strips import MIN_HEIGHT_MV, SAMPLES, Strips, lead_heights, lead_noises
from signals.streams.watch_rate import WATCH_HZ

Array = NDArray[np.float64]
Signal = NDArray[np.float32]
Mask = NDArray[np.bool_]

# A lead whose samples are all equal for this long gives no signal: an electrode is off, or an
# amplifier saturates. In asystole, a recorder with steps of 5 uV gives equal samples for up to
# 0.6 s in one lead and 0.4 s in two (record a185l of the PhysioNet challenge of 2015).
CONSTANT_SAMPLES: Final = WATCH_HZ
CONSTANT_MV: Final = 1e-5
# Lost samples that were replaced by zeros are zero in all of several leads: 0.2 s.
ZERO_SAMPLES: Final = 25
# Of a second: a lead, or the whole stream, is known.
MIN_KNOWN: Final = 0.9
MIN_LEAD_KNOWN: Final = 0.1
# Height over noise of the second difference: Gaussian noise has 3.2, a sine 1.4, an ECG 6 and more.
NOISE_RATIOS: Final = (2.0, 4.0)


@dataclass(frozen=True, eq=False)
class Presence:
    """One row a stream.

    known_from_s  (rows,) since when there is a signal without a break, NaN if there is none
    off_s         (rows, leads) for how long each lead has given no signal
    """

    known_from_s: Array
    off_s: Array


def empty_presence(rows: int, leads: int) -> Presence:
    """Return the presence of streams that have not begun."""
    return Presence(np.full(rows, np.nan), np.zeros((rows, leads)))


def without_constant_runs(ring: Signal, second: Signal) -> tuple[Signal, Signal]:
    """Return the ring and the newest second with NaN where the signal was lost.

    ring    (rows, leads, SAMPLES) until now
    second  (rows, leads, WATCH_HZ) the next one
    A run may begin in the ring: its end is replaced, too.
    """
    both = np.concatenate([ring[:, :, -CONSTANT_SAMPLES:], second], axis=2)
    is_same = np.abs(np.diff(both, axis=2, prepend=np.float32(np.nan))) < CONSTANT_MV
    is_lost = _in_runs(is_same, CONSTANT_SAMPLES - 1)
    if both.shape[1] > 1:
        is_zero = (np.abs(both) < CONSTANT_MV).all(axis=1, keepdims=True)
        is_lost |= _in_runs(is_zero, ZERO_SAMPLES)
    if not is_lost.any():
        return ring, second
    cleaned = np.where(is_lost, np.float32(np.nan), both)
    ring = np.concatenate([ring[:, :, :-CONSTANT_SAMPLES], cleaned[:, :, :-WATCH_HZ]], axis=2)
    return ring, cleaned[:, :, -WATCH_HZ:]


def _in_runs(is_so: Mask, length: int) -> Mask:
    """Return which samples are in runs of at least `length`."""
    if not is_so.any():
        return is_so
    counts = np.cumsum(is_so, axis=2, dtype=np.int32)
    padded = np.concatenate([np.zeros_like(counts[:, :, :1]), counts], axis=2)
    begins = padded[:, :, length:] - padded[:, :, :-length] == length
    started = np.cumsum(begins, axis=2, dtype=np.int32)
    last = np.pad(started, ((0, 0), (0, 0), (0, length - 1)), mode="edge")
    before = np.pad(started, ((0, 0), (0, 0), (length, 0)))[:, :, : last.shape[2]]
    in_run: Mask = last > before
    return in_run


def watch_presence(presence: Presence, strips: Strips, now_s: Array, is_hole: Mask) -> Presence:
    """Return the presence one second later.

    now_s    (rows,) stream seconds up to which beats are judged
    is_hole  (rows,) whether no record has the newest second: then no lead is off
    """
    stop = SAMPLES - JUDGED_AFTER
    known = ~np.isnan(strips.signal[:, :, stop - WATCH_HZ : stop])
    is_known = known.any(axis=1).mean(axis=1) >= MIN_KNOWN
    begins = is_known & np.isnan(presence.known_from_s)
    known_from_s = np.where(begins, now_s - 1.0, presence.known_from_s)
    newest = ~np.isnan(strips.signal[:, :, -WATCH_HZ:])
    is_off = newest.mean(axis=2) < MIN_LEAD_KNOWN
    off_s = np.where(is_off, presence.off_s + 1.0, 0.0)
    return Presence(
        np.where(is_known, known_from_s, np.nan),
        np.where(is_hole[:, None], presence.off_s, off_s),
    )


def is_noise(strips: Strips) -> Mask:
    """Return (rows,) whether every lead with a signal is noise rather than an ECG.

    The height is that of the last ten seconds: in silence after beats it is still the beats'.
    """
    height_mv, noise_mv = lead_heights(strips), lead_noises(strips)
    ratio = height_mv / np.maximum(noise_mv, MIN_HEIGHT_MV)
    low, high = NOISE_RATIOS
    noisy = (ratio > low) & (ratio < high)
    has_signal = height_mv > MIN_HEIGHT_MV
    return np.asarray((noisy | ~has_signal).all(axis=1) & has_signal.any(axis=1))
