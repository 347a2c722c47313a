"""From twelve leads to what an encoder reads: one rate, standardised leads, segments of equal length.

The steps and their order are ECG-FM's (bowang-lab/ECG-FM 9cc0d3f, `infer_quickstart`), in float64 up to the last: leads in
standard order, linear interpolation to 500 Hz, constant leads to 0, each lead minus its mean over (std + 1e-8) of the whole
recording, cut into 5 s from the start. The original fails on a NaN; here mean and std are of the samples that are there, and
zero, the mean, stands where none is: what pretraining's random lead masking showed the model.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from signals.gaps import MAX_FILLED_GAP_S, fill_short_gaps
from signals.leads import LEADS, TwelveLeads, is_constant
from signals.resample import resample_linear, resample_mask

STD_FLOOR: Final = 1e-8  # added to the std, as the notebook does; the pipeline scripts divide by the bare std
UNREAD_WORTH_SAYING_S: Final = 1.0  # a choice: about a beat. Less than that after the last segment hides no finding.


@dataclass(frozen=True)
class Preprocessing:
    """How a model wants its input; the defaults are ECG-FM's.

    tail  add a last segment that ends with the recording where a remainder would be dropped
    """

    fs: float = 500.0
    segment_seconds: float = 5.0
    resample: Literal["linear"] = "linear"
    standardise: Literal["record"] = "record"
    tail: bool = False

    def __post_init__(self) -> None:
        if self.resample != "linear" or self.standardise != "record":
            raise ValueError("preprocessing: only resample 'linear' and standardise 'record' are known")
        if not (self.fs > 0 and self.segment_samples > 0):
            raise ValueError("preprocessing: fs and segment_seconds must be positive")

    @property
    def segment_samples(self) -> int:
        return round(self.segment_seconds * self.fs)


ECG_FM: Final = Preprocessing()


@dataclass(frozen=True, eq=False)
class Segments:
    """What an encoder reads of one recording.

    data      (segments, 12, samples) float32, C order, leads as LEADS, standardised; no segments where it is too short
    starts_s, ends_s  each segment's place in the recording, seconds from its start
    seconds   the recording's length
    flat      leads that are there but constant
    zeroed    leads that the encoder reads as zeros throughout: the missing and the flat
    """

    data: NDArray[np.float32]
    starts_s: tuple[float, ...]
    ends_s: tuple[float, ...]
    seconds: float
    warnings: tuple[str, ...] = ()
    flat: tuple[str, ...] = ()
    zeroed: tuple[str, ...] = ()

    @property
    def usable_leads(self) -> int:
        """Leads with a signal in them, sent or derived."""
        return len(LEADS) - len(self.zeroed)


def make_segments(leads: TwelveLeads, fs: float, preprocessing: Preprocessing = ECG_FM) -> Segments:
    """The segments of a recording at `fs`; none, and no error, where it is shorter than one."""
    filled, missing = fill_short_gaps(leads.signal, fs)
    gappy = bool(missing.any())
    if gappy:
        filled = np.where(missing, 0.0, filled)
    signal = _own(resample_linear(filled, fs, preprocessing.fs), leads.signal)
    there = ~resample_mask(missing, fs, preprocessing.fs) if gappy else None
    flat_rows = _standardise(signal, there, leads.present)
    data, starts = _cut(signal, preprocessing)
    per_sample_s = leads.signal.shape[1] / (signal.shape[1] * fs) if signal.shape[1] else 0.0
    starts_s = tuple(_seconds(start, per_sample_s) for start in starts)
    ends_s = tuple(_seconds(start + preprocessing.segment_samples, per_sample_s) for start in starts)
    seconds = leads.signal.shape[1] / fs
    flat = tuple(LEADS[row] for row in flat_rows)
    warnings = (*_lead_warnings(leads.missing, flat), *_gap_warnings(missing, leads.present, fs), *_unread_warning(ends_s, seconds))
    zeroed = tuple(lead for lead in LEADS if lead in leads.missing or lead in flat)
    return Segments(data, starts_s, ends_s, seconds, warnings, flat, zeroed)


def _own(signal: NDArray[np.float64], source: NDArray[np.float64]) -> NDArray[np.float64]:
    """An array that may be written to: a copy, unless the steps before made one."""
    return signal.copy() if signal is source else signal


def _standardise(signal: NDArray[np.float64], there: NDArray[np.bool_] | None, present: NDArray[np.bool_]) -> list[int]:
    """Standardise (12, samples) in place, zero where nothing is there; -> rows of the constant leads."""
    flat = []
    for row, lead in enumerate(signal):
        samples = lead if there is None else lead[there[row]]
        if not present[row] or samples.size == 0:
            lead[:] = 0.0
        elif is_constant(samples):
            lead[:] = 0.0
            flat.append(row)
        else:
            mean, std = samples.mean(), samples.std()
            lead -= mean
            lead /= std + STD_FLOOR
            if there is not None:
                lead[~there[row]] = 0.0
    return flat


def _cut(signal: NDArray[np.float64], preprocessing: Preprocessing) -> tuple[NDArray[np.float32], list[int]]:
    """(12, n) -> (segments, 12, samples) float32 in C order, and the sample at which each starts."""
    length, samples = preprocessing.segment_samples, signal.shape[1]
    starts = list(range(0, samples - length + 1, length))
    if preprocessing.tail and starts and starts[-1] + length < samples:
        starts.append(samples - length)
    data = np.empty((len(starts), len(LEADS), length), np.float32)
    for segment, start in zip(data, starts, strict=True):
        segment[:] = signal[:, start : start + length]
    return data, starts


def _seconds(sample: int, per_sample_s: float) -> float:
    # Rounded to a microsecond, far under any sample's length, so that 5 s is 5.0 at every rate.
    return round(sample * per_sample_s, 6)


def _lead_warnings(missing: tuple[str, ...], flat: tuple[str, ...]) -> list[str]:
    said = []
    if missing:
        said.append(f"lead_names: without {', '.join(missing)}; the encoder reads zeros there")
    if flat:
        said.append(f"signal: {', '.join(flat)} constant throughout; the encoder reads zeros there")
    return said


def _gap_warnings(missing: NDArray[np.bool_], present: NDArray[np.bool_], fs: float) -> list[str]:
    """One sentence on the gaps that were not bridged, in leads that count."""
    lost_s = {lead: np.count_nonzero(row) / fs for lead, row, there in zip(LEADS, missing, present, strict=True) if there and row.any()}
    if not lost_s:
        return []
    leads = ", ".join(f"{lead} {seconds:.2f} s" for lead, seconds in lost_s.items())
    return [f"signal: gaps longer than {MAX_FILLED_GAP_S} s ({leads}); the encoder reads zeros there"]


def _unread_warning(ends_s: tuple[float, ...], seconds: float) -> list[str]:
    unread_s = seconds - ends_s[-1] if ends_s else 0.0
    if unread_s < UNREAD_WORTH_SAYING_S:
        return []
    return [f"signal: the last {unread_s:.1f} s fill no segment; the encoder does not read them"]
