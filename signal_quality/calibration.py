"""A recording without its calibration pulse, as it is judged and analysed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

import numpy as np

from signals.calibration import Pulse, find_pulse
from signals.filler import mark_filler
from signals.leads import TwelveLeads, twelve_leads
from signals.pages import Page, pages_of
from signals.record import EcgRecord

# How far a device's filters spread the pulse's edges.
SPREAD_S: Final = 0.1


@dataclass(frozen=True, eq=False)
class Uncalibrated:
    """A recording without its calibration pulse.

    record, leads  the recording up to a pulse in its second half, or with a gap in the place of a
                   pulse in its first half; as it was if there is no pulse
    pulse          where the pulse was
    """

    record: EcgRecord
    leads: TwelveLeads
    pulse: Pulse = None
    warnings: tuple[str, ...] = ()

    @cached_property
    def pages(self) -> Sequence[Page]:
        """The pages of the recording, found once for all that need them; none if it has none."""
        return pages_of(self.record)


def without_pulse(record: EcgRecord) -> Uncalibrated:
    """Return a recording and its twelve leads without a calibration pulse.

    The pulse is no beat, its height would distort the standardised scale, and as it is the same in
    every lead, limb leads seem to contradict each other there.
    """
    pulse = find_pulse(record)
    if pulse is None:
        return Uncalibrated(record, twelve_leads(record))
    start = max(round((pulse[0] - SPREAD_S) * record.fs), 0)
    stop = round((pulse[1] + SPREAD_S) * record.fs)
    if 2 * start >= record.samples:
        cut = replace(record, signal=np.ascontiguousarray(record.signal[:, :start]))
        # Devices write the pulse into a second without an ECG.
        signal = mark_filler(cut).signal
        consequence = "only the signal before it is analysed"
    else:
        # The times of what follows stay as they are.
        signal = record.signal.copy()
        signal[:, start:stop] = np.nan
        consequence = "it is left out of the analysis"
    remaining = replace(record, signal=signal)
    warning = f"signal: a calibration pulse at {pulse[0]:.1f} s; {consequence}"
    return Uncalibrated(remaining, twelve_leads(remaining), pulse, (warning,))
