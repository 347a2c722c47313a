"""How likely the beats are paced, from their morphology and rhythm: boosted trees.

The features are the shape of the representative beat, the sharpness of the signal at 100 Hz around
the beats (which pacing spikes leave behind), and the rhythm. `python -m training.pacemaker` fits
the trees to PTB-XL at 100 Hz. No feature depends on the recording's gain, and features of the
unfiltered signal are computed at 100 Hz, so recordings of any sampling rate are judged alike. No
feature comes from the delineator, so training the delineator again does not change this model.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from heads.trees import Forest
from intervals.beat_grid import CENTRE_SAMPLE
from intervals.measurements import Measurements
from signals.conditioned import RATE_HZ, resample_to_500_hz
from signals.ends import ramp
from signals.leads import INDEPENDENT_ROWS
from signals.order import mean, median

Array = NDArray[np.float64]
Signal = NDArray[np.floating]

CHEST: Final = slice(2, 8)  # V1-V6 among INDEPENDENT_ROWS
MAX_MISSING_CHEST: Final = 2  # chest leads; each missing one is interpolated from its neighbours

# Places in the representative beat, at 250 Hz.
CENTRE: Final = CENTRE_SAMPLE
SCALE_SAMPLES: Final = slice(CENTRE - 40, CENTRE + 40)  # 160 ms before the centre to 156 ms after
QRS_SAMPLES: Final = slice(CENTRE - 14, CENTRE + 36)  # 56 ms before the centre to 140 ms after it
T_SAMPLES: Final = slice(CENTRE + 41, CENTRE + 126)  # from 164 to 500 ms after the centre
BIN_SAMPLES: Final = 4  # 16 ms
BINS: Final = 44
BINS_BEFORE: Final = 16  # of BINS: from 256 ms before the centre on

# Sharpness is measured at the lowest sampling rate that is judged, on this many samples of each
# beat.
SHARPNESS_HZ: Final = 100.0
SHARPNESS_SAMPLES: Final = 41  # from 240 ms before the centre to 160 ms after it
SHARPNESS_BEFORE: Final = 24
SHARPNESS_OF_QRS: Final = slice(
    15, 37
)  # from 90 ms before the centre to 120 ms after it: reference
MIN_RELATIVE_SHARPNESS: Final = 1e-3  # floor before the logarithm

# What trees read in place of a value that could not be measured.
MISSING_VALUE: Final = -9.0

# The anti-aliasing filter from RATE_HZ to SHARPNESS_HZ, computed in blocks.
_DOWN: Final = round(RATE_HZ / SHARPNESS_HZ)
_FILTER_REACH: Final = 10  # samples at SHARPNESS_HZ on either side, as in scipy's resample_poly
_BLOCK: Final = 20  # samples at SHARPNESS_HZ; the filter reaches over two blocks


@dataclass(frozen=True, eq=False)
class PacedBeatModel:
    """Boosted trees and their calibration.

    trees        the sum of their values, added to `start`, is the uncalibrated log odds
    calibration  (slope, shift) of Platt's calibration
    """

    trees: Forest
    start: float
    calibration: tuple[float, float]

    def log_odds(self, rows: Signal) -> Array:
        """Return calibrated log odds of pacing: (recordings, features) -> (recordings,).

        They hold at the prevalence of pacing in the training recordings.
        """
        slope, shift = self.calibration
        return slope * self.uncalibrated_log_odds(rows) + shift

    def uncalibrated_log_odds(self, rows: Signal) -> Array:
        """Return the output of the trees: (recordings, features) -> (recordings,)."""
        values = self.trees.values(np.asarray(rows, np.float32))
        return np.asarray(self.start + values.sum(axis=1, dtype=np.float64), np.float64)

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Return the model as plain arrays."""
        return {
            **self.trees.to_arrays(),
            "start": np.asarray(self.start),
            "calibration": np.asarray(self.calibration),
        }

    @classmethod
    def from_arrays(cls, arrays: dict[str, NDArray[Any]]) -> PacedBeatModel:
        """Return the model that `to_arrays` stored."""
        slope, shift = arrays["calibration"].tolist()
        return cls(Forest.from_arrays(arrays), float(arrays["start"]), (slope, shift))


def why_unjudged(measured: Measurements) -> str | None:
    """Return why the beats' morphology cannot be judged, None if it can."""
    if measured.representative is None:
        return "no beats were found whose morphology could be judged"
    has_signal = _has_signal(measured.representative.data)
    missing_chest = np.count_nonzero(~has_signal[CHEST])
    if not has_signal[:2].all() or missing_chest > MAX_MISSING_CHEST:
        missing = np.count_nonzero(~has_signal)
        return (
            f"the morphology of the beats is judged on I, II and V1-V6; {missing} of these are "
            f"missing, at most {MAX_MISSING_CHEST} chest leads may be"
        )
    return None


def features(measured: Measurements, signal: Signal, fs: float) -> NDArray[np.float32]:
    """Return the features of a recording, (features,), for which `why_unjudged` returned None.

    signal  (12, samples), unfiltered, NaN for gaps, at `fs` Hz
    """
    beat = measured.representative
    assert beat is not None, "features need a representative beat. This is a bug."
    rows = _independent_rows(beat.data)
    level = rows - median(rows)[:, None]
    peak = float(np.sqrt(np.square(level[:, SCALE_SAMPLES]).mean(axis=0)).max())
    level /= max(peak, 1e-9)
    r_after_centre_s = beat.r - CENTRE / beat.fs
    centres_s = np.array(
        [
            fiducial.r - r_after_centre_s
            for fiducial in measured.fiducials
            if fiducial.beat_class == "normal"
        ]
    )
    parts = [
        _rhythm(measured, beat.averaged),
        _areas(level),
        _shape(level),
        _sharpness(signal, fs, centres_s),
    ]
    values = np.concatenate(parts)
    return np.where(np.isnan(values), MISSING_VALUE, values).astype(np.float32)


def _has_signal(beat: Array) -> NDArray[np.bool_]:
    """Return which of the independent leads carry a signal: (12, samples) -> (8,)."""
    return np.asarray(np.ptp(beat[list(INDEPENDENT_ROWS)], axis=1) > 0)


def _independent_rows(beat: Array) -> Array:
    """Return I, II and V1-V6: (12, samples) -> (8, samples).

    A missing chest lead becomes the mean of the nearest present chest lead on either side.
    """
    rows = beat[list(INDEPENDENT_ROWS)].astype(np.float64)
    has_signal = _has_signal(beat)
    present = np.flatnonzero(has_signal[CHEST]) + CHEST.start
    missing = np.flatnonzero(~has_signal[CHEST]) + CHEST.start
    for lead in missing.tolist():
        before = present[present < lead]
        after = present[present > lead]
        nearest = [*before[-1:].tolist(), *after[:1].tolist()]
        rows[lead] = rows[nearest].mean(axis=0)
    return rows


def _rhythm(measured: Measurements, averaged: int) -> Array:
    """Return RR interval, its relative variability, and the shares of ectopic and averaged beats.

    averaged  beats that the representative beat was averaged from
    """
    rr_ms = measured.rr_ms
    beats = max(1, measured.beats)
    variability: list[float] = []
    for value_ms in (measured.rmssd_ms, measured.sdnn_ms):
        if value_ms is None or not rr_ms:
            variability.append(np.nan)
        else:
            variability.append(np.log(max(value_ms / rr_ms, 1e-4)))
    rr = np.nan if rr_ms is None else rr_ms
    shares = (measured.ectopic_beats / beats, averaged / beats)
    return np.array([rr, *variability, *shares], np.float64)


def _areas(level: Array) -> Array:
    """Return the net areas of QRS and T in each lead, and the cosine between both over all leads.

    QRS and T of paced beats are discordant: the cosine is negative.
    """
    qrs = level[:, QRS_SAMPLES].mean(axis=1)
    t = level[:, T_SAMPLES].mean(axis=1)
    norms = float(np.linalg.norm(qrs) * np.linalg.norm(t))
    cosine = float(qrs @ t) / max(norms, 1e-9)
    return np.array([*qrs, *t, cosine], np.float64)


def _shape(level: Array) -> Array:
    """Return spatial magnitude and spatial velocity of the beat in bins of 16 ms."""
    first = CENTRE - BIN_SAMPLES * BINS_BEFORE
    binned = level[:, first : first + BIN_SAMPLES * BINS]
    coarse = binned.reshape(len(level), BINS, BIN_SAMPLES).mean(axis=2)
    steps = coarse[:, 1:] - coarse[:, :-1]
    magnitude = np.sqrt(mean(np.square(coarse), axis=0))
    velocity = np.sqrt(mean(np.square(steps), axis=0))
    return np.concatenate([magnitude, velocity])


def _sharpness(signal: Signal, fs: float, centres_s: Array) -> Array:
    """Return the log of the second difference around the beat over that of the QRS, at 100 Hz.

    Twice SHARPNESS_SAMPLES values: root mean square over the leads, then the sharpest lead. NaN if
    no beat lies within the signal.

    The anti-aliasing filter of a 100 Hz recording spreads a pulse of one millisecond over two or
    three samples. These are still sharper than the onset of a paced QRS. The median over the beats
    removes the noise of single beats.
    """
    rows = signal[list(INDEPENDENT_ROWS)]
    if not np.isfinite(rows).all():
        rows = np.nan_to_num(rows)
    # Without the offset, single precision resolves small differences of the signal.
    centred = (rows - rows[:, :1]).astype(np.float32, copy=False)
    blunt = _at_100_hz(centred, fs)
    slope = blunt[:, 1:] - blunt[:, :-1]
    bend = np.abs(slope[:, 1:] - slope[:, :-1])
    first = np.rint(centres_s * SHARPNESS_HZ).astype(np.intp) - SHARPNESS_BEFORE - 1
    samples = first[:, None] + np.arange(SHARPNESS_SAMPLES)
    if samples.size:
        inside = (samples[:, 0] >= 0) & (samples[:, -1] < bend.shape[1])
        samples = samples[inside]
    if len(samples) == 0:
        return np.full(2 * SHARPNESS_SAMPLES, np.nan)
    typical = median(bend[:, samples], axis=1)
    joint = np.sqrt(mean(np.square(typical), axis=0))
    sharpest = typical.max(axis=0)
    return np.concatenate([_log_over_qrs(joint), _log_over_qrs(sharpest)])


def _log_over_qrs(bend: Signal) -> Signal:
    """Return the log of (SHARPNESS_SAMPLES,) second differences over their maximum in the QRS."""
    reference = max(float(bend[SHARPNESS_OF_QRS].max()), 1e-9)
    logarithm: Signal = np.log(np.maximum(bend / reference, MIN_RELATIVE_SHARPNESS))
    return logarithm


def _at_100_hz(signal: NDArray[np.float32], fs: float) -> NDArray[np.float32]:
    """Resample (leads, samples) to 100 Hz as scipy's resample_poly does.

    The line between the signal's ends is subtracted before filtering and added afterwards. One
    matrix product filters all leads: it takes a tenth of resample_poly's time.
    """
    if fs == SHARPNESS_HZ or signal.shape[1] < 2:
        return signal
    at_rate = resample_to_500_hz(signal, fs)
    leads, samples = at_rate.shape
    count = -(-samples // _DOWN)
    blocks = -(-count // _BLOCK) + 1
    line = at_rate[:, :1] + (at_rate[:, -1:] - at_rate[:, :1]) * ramp(samples)
    reach = _FILTER_REACH * _DOWN
    padded = np.zeros((leads, blocks * _BLOCK * _DOWN), np.float32)
    np.subtract(at_rate, line, out=padded[:, reach : reach + samples])
    product = padded.reshape(-1, _BLOCK * _DOWN) @ _block_filter()
    halves = product.reshape(leads, blocks, 2 * _BLOCK)
    filtered = halves[:, :-1, :_BLOCK] + halves[:, 1:, _BLOCK:]
    blunt = filtered.reshape(leads, -1)[:, :count]
    return np.asarray(blunt + line[:, ::_DOWN], np.float32)


@cache
def _block_filter() -> NDArray[np.float32]:
    """Return the filter as a matrix, (samples of a block at RATE_HZ, 2 * _BLOCK).

    The first half of the columns is a block's contribution to the output of the same block, the
    second half its contribution to the block before.
    """
    # Imported here: scipy.signal is slow to import, and only signal workers filter.
    from scipy.signal import firwin

    taps = firwin(2 * _FILTER_REACH * _DOWN + 1, 1 / _DOWN, window=("kaiser", 5.0))
    filters = np.zeros((2 * _BLOCK * _DOWN, _BLOCK), np.float32)
    for sample in range(_BLOCK):
        filters[sample * _DOWN : sample * _DOWN + taps.size, sample] = taps
    return np.concatenate(np.split(filters, 2), axis=1)
