"""Find the sampling rate and the gaps of samples by their times."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from errors import CorruptFile
from signals.order import median

# Of a stated rate from that of the times; docs/api.md has it for a duration.
RATE_TOLERANCE: Final = 0.01
# Times are usually written with three decimals.
RESOLUTION_S: Final = 0.001
# The relative error of a sampling rate that is computed from times in double precision.
_MIN_RATE_ERROR: Final = 1e-6
_FINE_RESOLUTION_S: Final = 1e-6  # of times with more than three decimals
# Of a rounded time in units of its last decimal, in double precision since 1970.
_MIN_ROUNDING: Final = 1e-3
_MAX_SPAN_S: Final = 1e9  # thirty years; keeps what is computed from times finite
_MAX_ROUNDED_FS_HZ: Final = 1e9  # beyond any recorder; steps of 1e-320 s give an infinite rate


@dataclass(frozen=True, eq=False)
class Timeline:
    """Samples in even steps, with gaps.

    fs       samples per second
    places   (samples,) where each sample is among the even steps, from 0
    gaps     (sample after the gap, number of missing samples)
    packet   how many samples share one time; 1 if each has its own
    """

    fs: float
    places: NDArray[np.intp]
    gaps: tuple[tuple[int, int], ...]
    packet: int

    @property
    def samples(self) -> int:
        """Return the number of samples with the missing ones."""
        return int(self.places[-1]) + 1

    def gap_warnings(self, place: Callable[[int], str]) -> tuple[str, ...]:
        """Return a warning with the number of missing samples if there are any.

        place  names a sample: "line 12"
        """
        if not self.gaps:
            return ()
        missing = sum(count for _, count in self.gaps)
        return (
            f"signal: the times leave out {missing} samples in {len(self.gaps)} places, the first "
            f"before {place(self.gaps[0][0])}; they are gaps",
        )

    def with_gaps(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return values (samples,) with NaN for the missing ones."""
        if not self.gaps:
            return values
        row = np.full(self.samples, np.nan)
        row[self.places] = values
        return row


@dataclass(frozen=True, eq=False)
class _Packets:
    """Samples that share one time.

    starts  (packets,) the first sample of each
    times   (packets,) in seconds
    size    the usual number of samples of one
    resolution_s  by how much a time may differ from the true one because it is rounded
    """

    starts: NDArray[np.intp]
    times: NDArray[np.float64]
    size: int
    resolution_s: float


def timeline(seconds: NDArray[np.float64], place: Callable[[int], str]) -> Timeline | None:
    """Return the rate of samples and their gaps by their times; None if all times are equal.

    A logger that receives packets gives all samples of one the same time, which is that of its
    arrival: such times are exact to one packet.

    seconds  (samples,)
    place    names a sample in messages: "line 12"
    Raises CorruptFile, which names the first sample whose time is not a number, falls, is repeated
    or not even, or follows a gap that is longer than everything recorded.
    """
    steps = np.diff(seconds)
    wrong = ~np.isfinite(steps) | (steps < 0)
    if wrong.any():
        row = int(np.argmax(wrong)) + 1
        raise CorruptFile(f"{place(row)}: the time is missing or earlier than the one before it")
    too_late = seconds - seconds[0] > _MAX_SPAN_S
    if too_late.any():
        row = int(np.argmax(too_late))
        raise CorruptFile(
            f"{place(row)}: the time is {seconds[row] - seconds[0]:.3g} s after the first; no "
            "recording lasts so long"
        )
    packets = _packets(seconds, steps)
    if len(packets.starts) < 2:
        return None
    usual_period = float(median(np.diff(packets.times) / np.diff(packets.starts)))
    if not _is_rounded(seconds - seconds[0], packets):
        _check_repeated(packets, steps, place)
        after_gap = _after_gaps(packets, usual_period)
        period = _period(packets, after_gap)
        after_gap = _after_gaps(packets, period)
        _check_even(packets, after_gap, (period, usual_period), place)
        rises = _rises(packets, period)[after_gap - 1]
        # Steps of 1e-300 s are above 0; what a gap of a second leaves out is not finite.
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            left_out = np.rint(rises / period)
    else:
        after_gap = np.zeros(0, np.intp)
        left_out = np.zeros(0)
    rows = packets.starts[after_gap]
    if not left_out.sum() <= len(seconds):
        raise CorruptFile(
            f"{place(int(rows[0]))}: the times leave out {left_out.sum():.0f} samples, which is "
            "more than half of the recording; send its parts one at a time"
        )
    missing = left_out.astype(np.intp)
    shift = np.zeros(len(seconds), np.intp)
    shift[rows] = missing
    places = np.arange(len(seconds)) + np.cumsum(shift)
    gaps = tuple((int(row), int(count)) for row, count in zip(rows, missing, strict=True))
    return Timeline(_rate(packets, places), places, gaps, packets.size)


def _packets(seconds: NDArray[np.float64], steps: NDArray[np.float64]) -> _Packets:
    starts = np.concatenate([[0], np.flatnonzero(steps > 0) + 1])
    sizes = np.diff(starts)
    size = round(float(median(sizes.astype(np.float64)))) if len(sizes) else len(seconds)
    times = seconds[starts] - seconds[0]
    resolution_s = RESOLUTION_S if _are_multiples(times, RESOLUTION_S) else _FINE_RESOLUTION_S
    return _Packets(starts, times, size, resolution_s)


def _are_multiples(times: NDArray[np.float64], resolution_s: float) -> bool:
    units = times / resolution_s
    return bool(np.abs(units - np.rint(units)).max() < _MIN_ROUNDING)


def _is_rounded(times: NDArray[np.float64], packets: _Packets) -> bool:
    """Return whether equal times are those of an even rate, rounded to a decimal.

    times  (samples,) from 0
    """
    if len(packets.starts) == len(times):
        return False
    rows = np.arange(len(times), dtype=np.float64)
    period, start = _line(rows, times)
    spread = np.ptp(times - start - period * rows)
    for resolution_s in (0.1, 0.01, RESOLUTION_S):
        if _are_multiples(times, resolution_s):
            return bool(spread <= resolution_s)
    return False


def _line(at: NDArray[np.float64], times: NDArray[np.float64]) -> tuple[float, float]:
    """Return slope and intercept of the least-squares line of times at distinct places."""
    middle = at.mean()
    deviations = at - middle
    slope = float(deviations @ (times - times.mean()) / (deviations @ deviations))
    return slope, float(times.mean() - slope * middle)


def _check_repeated(
    packets: _Packets, steps: NDArray[np.float64], place: Callable[[int], str]
) -> None:
    """Raise CorruptFile for the first repeated time, unless most times are shared by a packet."""
    if packets.size == 1 and (steps == 0).any():
        row = int(np.argmax(steps == 0)) + 1
        raise CorruptFile(f"{place(row)}: the time is repeated")


def _lateness(packets: _Packets, period: float) -> NDArray[np.float64]:
    """Return (packets,) the seconds by which each packet is later than even steps give."""
    return packets.times - packets.starts * period


def _rises(packets: _Packets, period: float) -> NDArray[np.float64]:
    """Return (packets - 1,) by how much the least lateness of all that follows rises.

    A packet that only arrives late does not delay those after it; missing samples delay all.
    """
    late = _lateness(packets, period)
    return np.diff(np.minimum.accumulate(late[::-1])[::-1])


def _limit(packets: _Packets, period: float) -> float:
    """Return the seconds of a rise from which samples are missing: half a sample, or packet."""
    if packets.size > 1:
        return period / 2 * packets.size
    return period / 2 + packets.resolution_s


def _after_gaps(packets: _Packets, period: float) -> NDArray[np.intp]:
    """Return the packets before which samples are missing."""
    return np.flatnonzero(_rises(packets, period) > _limit(packets, period)) + 1


def _period(packets: _Packets, after_gap: NDArray[np.intp]) -> float:
    """Return the mean seconds between two samples, without the steps over gaps."""
    keep = np.ones(len(packets.starts) - 1, np.bool_)
    keep[after_gap - 1] = False
    samples = int(np.diff(packets.starts)[keep].sum())
    if not samples:
        return float(packets.times[-1] / packets.starts[-1])
    return float(np.diff(packets.times)[keep].sum() / samples)


def _check_even(
    packets: _Packets,
    after_gap: NDArray[np.intp],
    periods: tuple[float, float],
    place: Callable[[int], str],
) -> None:
    """Raise CorruptFile for the first packet whose time differs too much from even steps.

    periods  the mean seconds between two samples, and the usual ones
    """
    mean_period, usual_period = periods
    # The time of a packet is exact to one packet.
    tolerance = max(mean_period / 2 + RESOLUTION_S, mean_period * packets.size)
    late = _lateness(packets, mean_period)
    for start, end in pairwise([0, *after_gap.tolist(), len(late)]):
        stretch = late[start:end]
        uneven = np.abs(stretch - median(stretch)) > tolerance
        if not uneven.any():
            continue
        # With the usual period, lateness begins where the steps change.
        usual = _lateness(packets, usual_period)[start:end]
        changed = np.abs(usual - usual[0]) > tolerance
        packet = start + int(np.argmax(changed if changed.any() else uneven))
        raise CorruptFile(
            f"{place(int(packets.starts[packet]))}: the times do not continue evenly; samples are "
            "missing or repeated"
        )


def _rate(packets: _Packets, places: NDArray[np.intp]) -> float:
    """Return samples per second, or the whole number that is within the error of the rate."""
    at = places[packets.starts].astype(np.float64)
    period, _ = _line(at, packets.times)
    fs = 1.0 / period
    if fs > _MAX_ROUNDED_FS_HZ:
        return fs
    # The arrival of a packet is exact to one packet.
    error_s = max(RESOLUTION_S, period * packets.size if packets.size > 1 else 0.0)
    relative_error = max(error_s / packets.times[-1], _MIN_RATE_ERROR)
    return float(round(fs)) if abs(fs - round(fs)) <= fs * relative_error else fs
