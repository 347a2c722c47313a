"""Which moments of a recording the report shows: the longest and the fastest of each kind."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from analysis.holter.ectopy import Ectopy
from analysis.holter.fibrillation import Fibrillation
from analysis.holter.rates import RATE_INTERVALS, Rates
from analysis.holter.rhythm import MINUTE_S

STRIP_S: Final = 10.0
# Of an event that is longer than a strip, its beginning is shown after this time.
LEAD_S: Final = 2.5


@dataclass(frozen=True, slots=True)
class Moment:
    """What a strip shows. `kind` is a key of docs/holter.md: "ventricular_longest_run"."""

    kind: str
    start_s: float
    end_s: float

    def strip_start_s(self, duration_s: float) -> float:
        """Return where a strip begins that shows it."""
        length_s = self.end_s - self.start_s
        before_s = LEAD_S if length_s > STRIP_S - 2 * LEAD_S else (STRIP_S - length_s) / 2
        return max(0.0, min(self.start_s - before_s, duration_s - STRIP_S))


@dataclass(frozen=True, eq=False)
class Strip:
    """A strip of all leads.

    signal  (leads, samples) mV, NaN for gaps
    labels  class of each beat of the strip, with its time in seconds from the recording's start
    """

    moment: Moment
    start_s: float
    fs: float
    signal: NDArray[np.float32]
    labels: tuple[tuple[float, str], ...]


def moments_of(
    rates: Rates, ventricular: Ectopy, supraventricular: Ectopy, fibrillation: Fibrillation
) -> tuple[Moment, ...]:
    """Return the moments, the most urgent kinds first."""
    return (
        *_of_silence(rates),
        *_of_ectopy("ventricular", ventricular),
        *_of_fibrillation(fibrillation),
        *_of_ectopy("supraventricular", supraventricular),
        *_of_rates(rates),
    )


def _of_silence(rates: Rates) -> Iterator[Moment]:
    longest = max(rates.pauses, key=lambda pause: pause.duration_s, default=None)
    kind = "longest_pause"
    if longest is None:
        longest, kind = rates.longest_interval, "longest_interval"
    if longest is not None:
        yield Moment(kind, longest.start_s, longest.start_s + longest.duration_s)


def _of_ectopy(name: str, ectopy: Ectopy) -> Iterator[Moment]:
    longest, fastest = ectopy.longest_run, ectopy.fastest_run
    if longest is not None:
        yield Moment(f"{name}_longest_run", longest.start_s, longest.end_s)
    if fastest is not None and fastest is not longest:
        yield Moment(f"{name}_fastest_run", fastest.start_s, fastest.end_s)
    if longest is None and ectopy.couplets:
        yield Moment(f"{name}_couplet", ectopy.couplets[0], ectopy.couplets[0])
    bigeminy = max(ectopy.bigeminy, key=lambda each: each.beats, default=None)
    if bigeminy is not None:
        yield Moment(f"{name}_bigeminy", bigeminy.start_s, bigeminy.end_s)


def _of_fibrillation(fibrillation: Fibrillation) -> Iterator[Moment]:
    longest = fibrillation.longest
    if longest is not None:
        yield Moment("atrial_fibrillation_longest", longest.start_s, longest.end_s)


def _of_rates(rates: Rates) -> Iterator[Moment]:
    for kind, rate in (("fastest", rates.whole.fastest), ("slowest", rates.whole.slowest)):
        if rate is not None:
            length_s = RATE_INTERVALS * MINUTE_S / rate.per_min
            yield Moment(f"{kind}_rate", rate.at_s, rate.at_s + length_s)
