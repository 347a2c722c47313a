"""Whether the beats of a recording fit another sampling rate than the one stated.

A recording of 100 Hz that is sent as 500 Hz has "QRS complexes" of 20 ms at 370 per minute, and
nothing is measured; at 100 Hz it is an ECG like any other. So the recording is measured again as if
it had been sampled at one of the common rates.

Where no beats are found, beats at another rate are enough (`fitting_rate`). Of 160 recordings of
PTB-XL (100 Hz) sent as 500 or 1000 Hz, 157 have no beats at the stated rate, and every one of them
has beats at another. Of 216 signals that are no ECG (tests/intervals/no_ecg.py), 8 have.

Where beats are found at an unusual rate, the other sampling rate must give usual ones, with a usual
PR and QRS (`usual_rate`). A true tachycardia would have too wide a QRS complex at half of its
sampling rate, and a true bradycardia too short a PR at twice of it: of 222 measured at unusual
rates in PTB-XL (74 at 100, 250 and 500 Hz, resampled) none is doubted; of 192 that were sent as
half, twice or 2.5 times their sampling rate, 106 are.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log
from typing import Final

from intervals.measure import measure
from intervals.measurements import Measurements
from intervals.qrs_shape import is_shallow
from intervals.reference_ranges import ADULT_YEARS, reference_range
from signals.checks import MIN_SECONDS
from signals.leads import TwelveLeads
from signals.record import Patient

# The rates of PTB-XL (100 and 500 Hz), of patches and older recorders (250 Hz) and of the PTB
# database and of high-resolution recorders (1000 Hz). A rate in between is found too: the limits of
# a QRS complex are wider than half of the steps.
COMMON_RATES_HZ: Final = (100.0, 250.0, 500.0, 1000.0)
# A nearer rate changes a duration by less than beats differ (a choice).
MIN_RATIO: Final = 1.3
TRIED_SECONDS: Final = 10.0  # a standard recording; bounds the cost of a long one
ADULT: Final = Patient(age_years=ADULT_YEARS + 1)
USUAL: Final = ("heart_rate_bpm", "pr_ms", "qrs_ms")


@dataclass(frozen=True)
class FittingRate:
    """A sampling rate at which beats are found, and what is measured at this rate."""

    fs: float
    qrs_ms: float
    heart_rate_bpm: float


def fitting_rate(leads: TwelveLeads, fs: float) -> FittingRate | None:
    """Return the common rate at which beats are found; of several the one with the usual beats.

    None if there is no such rate, or if beats are found at `fs` Hz. For recordings that were not
    measured: they may have beats all the same, under noise or beside it.
    """
    if _measured_at(leads, fs, _tried_samples(fs)).unmeasured is None:
        return None
    fitting = []
    for rate in _other_rates(leads, fs):
        measured = _measured_at(leads, rate, _tried_samples(rate))
        beat = measured.representative
        if beat is None or (leads.millivolts and is_shallow(beat.data)):
            # P waves that are read at a higher rate are as narrow as QRS complexes, not as steep.
            continue
        if measured.heart_rate_bpm is None or measured.qrs_ms is None:
            continue
        # A higher rate tries more samples: they may have beats at the stated rate too.
        if _measured_at(leads, fs, _tried_samples(rate)).unmeasured is not None:
            fitting.append(FittingRate(rate, measured.qrs_ms, measured.heart_rate_bpm))
    return min(
        fitting,
        key=lambda found: (not _is_usual("qrs_ms", found.qrs_ms), _distance_from_usual(found)),
        default=None,
    )


def usual_rate(leads: TwelveLeads, fs: float, heart_rate_bpm: float) -> FittingRate | None:
    """Return the common rate at which heart rate, PR and QRS are within an adult's ranges.

    None if there is none, or if the heart rate is usual at `fs` Hz. For adults' recordings with
    beats.
    """
    if _is_usual("heart_rate_bpm", heart_rate_bpm):
        return None
    for rate in _other_rates(leads, fs):
        # At most of the rates it follows from the heart rate alone that it would not be usual.
        if not _is_usual("heart_rate_bpm", heart_rate_bpm * rate / fs):
            continue
        measured = _measured_at(leads, rate, _tried_samples(rate))
        if all(_is_usual(name, getattr(measured, name)) for name in USUAL):
            assert measured.qrs_ms is not None and measured.heart_rate_bpm is not None
            return FittingRate(rate, measured.qrs_ms, measured.heart_rate_bpm)
    return None


def _other_rates(leads: TwelveLeads, fs: float) -> list[float]:
    """Return the common rates that differ enough and leave the recording long enough."""
    return [
        rate
        for rate in COMMON_RATES_HZ
        if abs(log(rate / fs)) > log(MIN_RATIO) and leads.signal.shape[1] >= MIN_SECONDS * rate
    ]


def _tried_samples(fs: float) -> int:
    return round(TRIED_SECONDS * fs)


def _measured_at(leads: TwelveLeads, fs: float, samples: int) -> Measurements:
    signal = leads.signal[:, :samples]
    return measure(TwelveLeads(signal, leads.present, millivolts=leads.millivolts), fs)


def _is_usual(name: str, value: float | None) -> bool:
    """Return whether a value is measured and within an adult's reference range."""
    usual = reference_range(name, ADULT)
    return value is not None and usual is not None and usual.holds(value)


def _distance_from_usual(found: FittingRate) -> float:
    """Return how far the heart rate is from the middle of the adults' range, on a log scale."""
    usual = reference_range("heart_rate_bpm", ADULT)
    assert usual is not None and usual.low is not None and usual.high is not None, (
        "the heart rate has both limits"
    )
    return abs(2 * log(found.heart_rate_bpm) - log(usual.low) - log(usual.high))
