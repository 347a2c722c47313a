"""Whether the beats look paced: the form of the representative beat, what is left of spikes at 100 Hz, and how the rhythm goes.

Boosted trees, trained by `training/pacemaker/train.py` on PTB-XL at 100 Hz. Every number is free of the recording's gain, and what is
taken from the unfiltered signal is taken at 100 Hz, so that recordings of any rate are judged alike. What the delineator says is
left out: this head stays as it is when that one is trained anew.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from heads.trees import Forest
from intervals.measurements import Measurements
from signals.conditioned import RATE_HZ, resample_to_500_hz
from signals.ends import ramp
from signals.leads import INDEPENDENT_ROWS
from signals.order import mean, median

CHEST: Final = slice(2, 8)  # of INDEPENDENT_ROWS
MAX_FILLED: Final = (
    2  # chest leads that may be missing: each is taken as the mean of its neighbours
)
BLUNT_HZ: Final = 100.0  # the lowest rate that is judged; all are, at this rate
CENTRE: Final = 124  # of the representative beat's 288 samples at 250 Hz
BINS: Final = 44  # of 16 ms, from 256 ms before the centre
BEFORE_BINS: Final = 16
SHARP_SAMPLES: Final = 41  # at BLUNT_HZ, from 240 ms before the centre to 160 ms after it
BEFORE_SHARP: Final = 24
QRS_SHARP: Final = slice(
    15, 37
)  # of those: 90 ms before the centre to 120 ms after it, what sharpness is measured against
QRS_SAMPLES: Final = slice(
    110, 160
)  # of the representative beat: 56 ms before the centre to 140 ms after it
T_SAMPLES: Final = slice(165, 250)  # 164 to 500 ms after it
_FLOOR: Final = 1e-3
_DOWN: Final = round(RATE_HZ / BLUNT_HZ)
_FILTER_REACH: Final = 10  # samples at BLUNT_HZ on either side: resample_poly's
_BLOCK: Final = (
    20  # samples at BLUNT_HZ that are computed at once: the filter reaches over two such blocks
)
_NOTHING: Final = -9.0  # stands for a number that could not be measured: trees set it apart


@dataclass(frozen=True, eq=False)
class PacedBeatModel:
    """The model: trees whose values add up to log odds, from `start` on, and Platt's (slope, shift) to the calibrated ones."""

    trees: Forest
    start: float
    calibration: tuple[float, float]

    def log_odds(self, rows: NDArray[np.floating]) -> NDArray[np.float64]:
        """(recordings, features) -> (recordings,): log odds of a pacemaker at the prevalence of the training recordings."""
        slope, shift = self.calibration
        return slope * self.raw(rows) + shift

    def raw(self, rows: NDArray[np.floating]) -> NDArray[np.float64]:
        """The same before calibration."""
        return np.asarray(
            self.start
            + self.trees.values(np.asarray(rows, np.float32)).sum(axis=1, dtype=np.float64),
            np.float64,
        )


def why_unjudged(found: Measurements) -> str | None:
    """The reason why the form of the beats says nothing of pacing; None where it can be judged."""
    if found.representative is None:
        return "no beats are found whose form could be judged"
    alive = _alive(found.representative.data)
    if not alive[:2].all() or np.count_nonzero(~alive[CHEST]) > MAX_FILLED:
        missing = np.count_nonzero(~alive)
        return f"the form of the beats is judged on I, II and V1-V6, of which at most {MAX_FILLED} chest leads may be missing; {missing} are"
    return None


def features(found: Measurements, signal: NDArray[np.floating], fs: float) -> NDArray[np.float32]:
    """(features,) of a recording (12, samples), unfiltered, NaN for gaps, that `why_unjudged` finds nothing against."""
    beat = found.representative
    assert beat is not None, (
        "there is a beat where nothing speaks against judging it. This is a bug."
    )
    rows = _eight(beat.data)
    level = rows - median(rows)[:, None]
    level /= max(float(np.sqrt(np.square(level[:, 84:164]).mean(axis=0)).max()), 1e-9)
    starts = np.array(
        [
            each.r - (beat.r - CENTRE / beat.fs)
            for each in found.fiducials
            if each.beat_class == "normal"
        ]
    )
    parts = [
        _rhythm(found, beat.averaged),
        _areas(level),
        _form(level),
        _sharpness(signal, fs, starts),
    ]
    numbers = np.concatenate(parts)
    return np.where(np.isnan(numbers), _NOTHING, numbers).astype(np.float32)


def _alive(beat: NDArray[np.float64]) -> NDArray[np.bool_]:
    return np.asarray(np.ptp(beat[list(INDEPENDENT_ROWS)], axis=1) > 0)


def _eight(beat: NDArray[np.float64]) -> NDArray[np.float64]:
    """(12, samples) -> (8, samples), missing chest leads as the mean of the nearest on either side."""
    rows, alive = beat[list(INDEPENDENT_ROWS)].astype(np.float64), _alive(beat)
    there = np.flatnonzero(alive[CHEST]) + CHEST.start
    for lead in (np.flatnonzero(~alive[CHEST]) + CHEST.start).tolist():
        before, after = there[there < lead], there[there > lead]
        near = [*before[-1:].tolist(), *after[:1].tolist()]
        rows[lead] = rows[near].mean(axis=0)
    return rows


def _rhythm(found: Measurements, averaged: int) -> NDArray[np.float64]:
    """Rate, regularity, and how alike the beats are."""
    rr, beats = found.rr_ms, max(1, found.beats)
    spread = [
        np.nan if value is None or not rr else np.log(max(value / rr, 1e-4))
        for value in (found.rmssd_ms, found.sdnn_ms)
    ]
    return np.array(
        [np.nan if rr is None else rr, *spread, found.ectopic_beats / beats, averaged / beats],
        np.float64,
    )


def _areas(level: NDArray[np.float64]) -> NDArray[np.float64]:
    """Net areas of QRS and T in each lead, and the cosine between both over all leads: paced beats are discordant."""
    qrs, t = level[:, QRS_SAMPLES].mean(axis=1), level[:, T_SAMPLES].mean(axis=1)
    size = float(np.linalg.norm(qrs) * np.linalg.norm(t))
    return np.array([*qrs, *t, float(qrs @ t) / max(size, 1e-9)], np.float64)


def _form(level: NDArray[np.float64]) -> NDArray[np.float64]:
    """Spatial magnitude and velocity of the beat in steps of 16 ms."""
    first = CENTRE - 4 * BEFORE_BINS
    coarse = level[:, first : first + 4 * BINS].reshape(len(level), BINS, 4).mean(axis=2)
    steps = coarse[:, 1:] - coarse[:, :-1]
    return np.concatenate(
        [np.sqrt(mean(np.square(coarse), axis=0)), np.sqrt(mean(np.square(steps), axis=0))]
    )


def _sharpness(
    signal: NDArray[np.floating], fs: float, starts_s: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Logarithm of the second difference at 100 Hz about the beat, over that of the QRS: mean over leads, and the sharpest one.

    A pulse of a millisecond is spread by the anti-aliasing filter of a 100 Hz recording over two or three samples, which are
    sharper than the beginning of a paced QRS. The median over beats leaves the noise of single ones out.
    """
    rows = signal[list(INDEPENDENT_ROWS)]
    rows = rows if np.isfinite(rows).all() else np.nan_to_num(rows)
    blunt = _at_100_hz(
        (rows - rows[:, :1]).astype(np.float32, copy=False), fs
    )  # no offset, that single precision lose nothing
    slope = blunt[:, 1:] - blunt[:, :-1]
    bend = np.abs(slope[:, 1:] - slope[:, :-1])
    at = (
        np.rint(starts_s * BLUNT_HZ).astype(np.intp)[:, None]
        - BEFORE_SHARP
        - 1
        + np.arange(SHARP_SAMPLES)
    )
    at = at[(at[:, 0] >= 0) & (at[:, -1] < bend.shape[1])] if at.size else at
    if len(at) == 0:
        return np.full(2 * SHARP_SAMPLES, np.nan)
    usual = median(bend[:, at], axis=1)
    joint, most = np.sqrt(mean(np.square(usual), axis=0)), usual.max(axis=0)
    return np.concatenate(
        [
            np.log(np.maximum(each / max(float(each[QRS_SHARP].max()), 1e-9), _FLOOR))
            for each in (joint, most)
        ]
    )


def _at_100_hz(signal: NDArray[np.float32], fs: float) -> NDArray[np.float32]:
    """Through the anti-aliasing filter that scipy's resample_poly takes, with a line through the ends taken out meanwhile.

    One product of matrices for all leads: a tenth of resample_poly's time.
    """
    if fs == BLUNT_HZ or signal.shape[1] < 2:
        return signal
    at_rate = resample_to_500_hz(signal, fs)
    leads, samples = at_rate.shape
    count = -(-samples // _DOWN)
    blocks = -(-count // _BLOCK) + 1
    line = at_rate[:, :1] + (at_rate[:, -1:] - at_rate[:, :1]) * ramp(samples)
    reach = _FILTER_REACH * _DOWN
    wide = np.zeros((leads, blocks * _BLOCK * _DOWN), np.float32)
    np.subtract(at_rate, line, out=wide[:, reach : reach + samples])
    both = (wide.reshape(-1, _BLOCK * _DOWN) @ _blunting()).reshape(leads, blocks, 2 * _BLOCK)
    blunt = (both[:, :-1, :_BLOCK] + both[:, 1:, _BLOCK:]).reshape(leads, -1)[:, :count]
    return np.asarray(blunt + line[:, ::_DOWN], np.float32)


@cache
def _blunting() -> NDArray[np.float32]:
    """(samples of a block at RATE_HZ, 2 x _BLOCK samples at BLUNT_HZ): what they give to their own block, and to the one before."""
    from scipy.signal import firwin  # takes long to import, and only signal workers filter

    taps = firwin(2 * _FILTER_REACH * _DOWN + 1, 1 / _DOWN, window=("kaiser", 5.0))
    filters = np.zeros((2 * _BLOCK * _DOWN, _BLOCK), np.float32)
    for sample in range(_BLOCK):
        filters[sample * _DOWN : sample * _DOWN + taps.size, sample] = taps
    return np.concatenate(np.split(filters, 2), axis=1)


def stored(model: PacedBeatModel) -> dict[str, NDArray[Any]]:
    """The model as plain arrays; `right` as the way from the node, which is short."""
    trees = model.trees
    return {
        "feature": trees.feature.astype(np.uint16), "split": trees.threshold.astype(np.float32), "value": trees.value.astype(np.float32),
        "right": (trees.right - np.arange(trees.right.size)).astype(np.uint16), "roots": trees.roots.astype(np.uint32),
        "depth": np.asarray(trees.depth), "start": np.asarray(model.start), "calibration": np.asarray(model.calibration),
    }  # fmt: skip


def restored(arrays: dict[str, NDArray[Any]]) -> PacedBeatModel:
    """What `stored` made."""
    right = arrays["right"].astype(np.intp) + np.arange(arrays["right"].size)
    feature, roots = arrays["feature"].astype(np.intp), arrays["roots"].astype(np.intp)
    trees = Forest(feature, arrays["split"], right, arrays["value"], roots, int(arrays["depth"]))
    slope, shift = arrays["calibration"].tolist()
    return PacedBeatModel(trees, float(arrays["start"]), (slope, shift))
