"""Stretches in which all leads are held at one value: filler that a device or program wrote.

Recorders fill the last data record, a pause of the connection, or the time before the electrodes
are attached with zeros, with the last value, or with the lowest one. No electrode gives the same
value again and again in all leads: even in asystole there is noise. Taken for a signal, the steps
at the ends of a stretch would count as beats, and the stretch as a pause.

Constant leads are not handled here: `leads.twelve_leads` counts them as missing.

`extreme_stretches` finds shorter filler where the codes of a file are known: at the lowest or the
highest code that it can hold.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from signals.calibration import find_pulse
from signals.gaps import MAX_FILLED_GAP_S, find_gaps
from signals.record import EcgRecord

# The shortest stretch that is filler in three leads and more. In 7,500 recordings of PTB-XL, LUDB,
# CinC 2011 (those that annotators accepted), CPSC 2018, Georgia and Chapman, the longest stretch in
# which all leads of a signal have one value lasts 0.11 s (PTB-XL; LUDB: 0.10 s). Two are longer:
# the last 0.18 s of one recording, the first 0.43 s of another. Of 157 recordings that annotators
# refused, 8 have stretches from here on. A shorter gap is filled by a line, as if it were held.
SHORTEST_S: Final = MAX_FILLED_GAP_S
# The same in one or two leads, which stay at one step of the converter for longer: 0.03 s in the
# half hours of MIT-BIH, 0.09 s in QTDB and SVDB, 0.42 s in 5,117 hand-held recordings of one lead
# (CinC 2017). In the bedside monitors' recordings of CinC 2015, 12 of 443 have stretches from here
# on, 1.1 to 48 s long, in four of five cases where the alarm was false.
SHORTEST_OF_TWO_S: Final = 1.0
_FEW_LEADS: Final = 2
# A signal without any noise, of a simulator, is held between its beats. It then has the same values
# at least this often; slower heart rates than 20 per minute are no rhythm that simulators have.
_BASELINE_EVERY_S: Final = 3.0
# Devices write a calibration pulse into a second without an ECG (Philips).
_SECOND_OF_PULSE_S: Final = 1.0
_MAX_STRETCHES_NAMED: Final = 5

# The lowest and the highest code of most files, and of text that was written from such a file.
INT16_LIMITS: Final = (-32768.0, 32767.0)
# The shortest stretch at the lowest or highest code that is filler in fewer than six leads. A
# choice: half of a narrow QRS complex. Writers that scale each lead to the whole range reach the
# codes at the tip of one wave; in six leads, of which some point downwards, not at one time.
SHORTEST_EXTREME_S: Final = 0.04
_MANY_LEADS: Final = 6

Stretches = tuple[NDArray[np.intp], NDArray[np.intp]]
"""(runs,) first samples, and (runs,) the samples after the last ones."""


def mark_filler(record: EcgRecord, min_seconds: float = 0.0) -> EcgRecord:
    """Return the record with gaps where all leads are held at one value, and a warning.

    A stretch at the end is cut off, unless less than `min_seconds` would remain.
    """
    signal = record.signal
    if not _may_be_held(signal, record.fs):
        return record
    # fmin and fmax ignore NaN.
    rows = np.flatnonzero(np.fmax.reduce(signal, axis=1) > np.fmin.reduce(signal, axis=1))
    if rows.size == 0:
        return record
    starts, stops = _held_stretches(signal[rows], record.fs)
    if starts.size:
        starts, stops = _without_those_of_a_pulse(starts, stops, record)
    if starts.size == 0:
        return record
    marked = signal.copy()
    for start, stop in zip(starts, stops, strict=True):
        marked[rows, start:stop] = np.nan
    warning = (
        f"signal: held at one value in all leads {_named_stretches(starts, stops, record.fs)};"
        " that is no signal"
    )
    if stops[-1] == record.samples and starts[-1] >= max(min_seconds * record.fs, 1):
        marked = np.ascontiguousarray(marked[:, : starts[-1]])
        warning += ", and the end is cut off"
    return replace(record, signal=marked).with_warnings(warning)


def extreme_stretches(
    codes: Sequence[NDArray[Any]], limits: Sequence[tuple[float, float]], fs: float
) -> Stretches:
    """Return where all leads that vary are at their lowest code, or all at their highest.

    A lead may be clipped there. All leads at once are not: it is what devices and programs write
    where there is no signal. A second and more of it at the end is left to `mark_filler`.

    codes   (samples,) of each lead as the file has them, NaN for gaps
    limits  the lowest and the highest code of each lead
    """
    none = np.zeros(0, np.intp)
    # A recording without samples is refused later, with its length.
    if any(len(lead) == 0 for lead in codes):
        return none, none
    ranges: list[tuple[float, float]] = []
    for lead, limits_of_lead in zip(codes, limits, strict=True):
        # fmin and fmax ignore NaN.
        lowest, highest = np.fmin.reduce(lead), np.fmax.reduce(lead)
        reaches_limit = lowest == limits_of_lead[0] or highest == limits_of_lead[1]
        if lowest < highest and not reaches_limit:
            # One lead that varies within its limits is enough: not all leads are at theirs.
            return none, none
        ranges.append((lowest, highest))
    live = [row for row, (lowest, highest) in enumerate(ranges) if lowest < highest]
    # The range that a header states may be the one at which a single lead is clipped.
    if not live or (len(live) == 1 and limits[live[0]] != INT16_LIMITS):
        return none, none
    shortest = 1.0 if len(live) >= _MANY_LEADS else max(SHORTEST_EXTREME_S * fs, 2.0)
    starts, stops = [none], [none]
    for side in (0, 1):
        if any(ranges[row][side] != limits[row][side] for row in live):
            continue
        known = np.zeros(len(codes[live[0]]), np.bool_)
        at_limit = np.ones(len(known), np.bool_)
        for row in live:
            at_lead_limit = codes[row] == limits[row][side]
            known |= at_lead_limit
            at_limit &= at_lead_limit | np.isnan(codes[row])
        runs = find_gaps((at_limit & known)[np.newaxis])
        is_last = (runs.stop == len(known)) & (runs.samples >= SHORTEST_OF_TWO_S * fs)
        is_filler = (runs.samples > shortest - 1e-6) & ~is_last
        starts.append(runs.start[is_filler])
        stops.append(runs.stop[is_filler])
    return np.sort(np.concatenate(starts)), np.sort(np.concatenate(stops))


def without_extremes(
    signal: NDArray[np.float32],
    codes: Sequence[NDArray[Any]],
    limits: Sequence[tuple[float, float]],
    fs: float,
) -> tuple[NDArray[np.float32], tuple[str, ...]]:
    """Return the signal (leads, samples) with gaps at the `extreme_stretches`, and a warning."""
    starts, stops = extreme_stretches(codes, limits, fs)
    if starts.size == 0:
        return signal, ()
    marked = signal.copy()
    for start, stop in zip(starts, stops, strict=True):
        marked[:, start:stop] = np.nan
    named = _named_stretches(starts, stops, fs)
    return marked, (
        f"signal: all leads at the lowest or highest value that the file can hold {named};"
        " that is no signal",
    )


def _named_stretches(
    starts: Sequence[int] | NDArray[np.intp], stops: Sequence[int] | NDArray[np.intp], fs: float
) -> str:
    """Return "from 1.00 to 2.50 s, from 4.00 to 4.50 s", at most five stretches."""
    named = [
        f"from {start / fs:.2f} to {stop / fs:.2f} s"
        for start, stop in zip(starts[:_MAX_STRETCHES_NAMED], stops, strict=False)
    ]
    if len(starts) > _MAX_STRETCHES_NAMED:
        named.append(f"and {len(starts) - _MAX_STRETCHES_NAMED} more")
    return ", ".join(named)


def _may_be_held(signal: NDArray[np.float32], fs: float) -> bool:
    """Return whether a stretch of the shortest length may be in (leads, samples).

    It would contain two neighbours among samples that are half as far apart. These few samples
    show that nearly all recordings have no such stretch.
    """
    sparse = signal[:, :: max(int(SHORTEST_S * fs) // 2, 1)]
    return bool(_are_held(sparse).any())


def _are_held(signal: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Return (samples - 1,) whether each sample's value is that of the next, in all known leads."""
    known = ~np.isnan(signal)
    both_known = known[:, 1:] & known[:, :-1]
    held = (signal[:, 1:] == signal[:, :-1]) | ~both_known
    return np.asarray(held.all(axis=0) & both_known.any(axis=0), np.bool_)


def _held_stretches(signal: NDArray[np.float32], fs: float) -> Stretches:
    """Return the stretches of filler in a signal (leads, samples) whose leads all vary."""
    runs = find_gaps(_are_held(signal)[np.newaxis])
    starts, stops = runs.start, runs.stop + 1
    known_leads = np.count_nonzero(~np.isnan(signal[:, starts]), axis=0)
    shortest_s = np.where(known_leads > _FEW_LEADS, SHORTEST_S, SHORTEST_OF_TWO_S)
    # The margin is for products such as 0.29 * 100, which is 28.999999999999996.
    is_long = stops - starts > shortest_s * fs - 1e-6
    if is_long.any():
        is_long &= ~_are_baseline(signal[:, starts], signal.shape[1] / fs)
    return starts[is_long], stops[is_long]


def _without_those_of_a_pulse(
    starts: NDArray[np.intp], stops: NDArray[np.intp], record: EcgRecord
) -> Stretches:
    """Leave out what a calibration pulse explains: the pulse itself, and the second it is in."""
    pulse = find_pulse(record)
    if pulse is None:
        return starts, stops
    first = (pulse[0] - _SECOND_OF_PULSE_S) * record.fs
    last = (pulse[1] + _SECOND_OF_PULSE_S) * record.fs
    others = (starts < first) | (stops > last)
    return starts[others], stops[others]


def _are_baseline(values: NDArray[np.float32], seconds: float) -> NDArray[np.bool_]:
    """Return (runs,) whether the recording is held at the values of each run again and again.

    values  (leads, runs)
    """
    _, inverse, counts = np.unique(
        np.nan_to_num(values), axis=1, return_inverse=True, return_counts=True
    )
    often = counts[inverse.ravel()] >= max(seconds / _BASELINE_EVERY_S, 2)
    return np.asarray(often, np.bool_)
