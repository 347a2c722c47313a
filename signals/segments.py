"""From twelve leads to what an encoder reads: one rate, standardised leads, segments of equal length.

The steps and their order are ECG-FM's (bowang-lab/ECG-FM 9cc0d3f, `infer_quickstart`), in float64 up to the last: leads (float32) in
standard order, linear interpolation to 500 Hz, constant leads to 0, each lead minus its mean over (std + 1e-8) of the whole
recording, cut into 5 s from the start. The original fails on a NaN; here mean and std are of the samples that are there, and
zero, the mean, stands where none is: what pretraining's random lead masking showed the model.

A model may want it otherwise, and its bundle says so: leads in mV within a pass-band (signals/band.py), and a recording that is
shorter than a segment followed by zeros. Where the units are unknown all leads are scaled together until the QRS complexes have
the usual height, and a thirteenth row says so: 1 while the recording lasts, -1 where its units are unknown, 0 after its end.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from signals.band import Band, band_length, resample_in_band
from signals.gaps import MAX_FILLED_GAP_S, fill_short_gaps
from signals.leads import LEADS, TwelveLeads, is_constant
from signals.record import Units
from signals.resample import resample_linear, resample_mask
from signals.units import qrs_heights

STD_FLOOR: Final = (
    1e-8  # added to the std, as the notebook does; the pipeline scripts divide by the bare std
)
UNREAD_WORTH_SAYING_S: Final = (
    1.0  # a choice: about a beat. Less than that after the last segment hides no finding.
)


@dataclass(frozen=True)
class Millivolt:
    """Leads in mV: what passes the band, cut off at `clip_mv` either way. `usual_height_mv` is what a median lead's QRS is
    scaled to (signals/units.py, `qrs_heights`, of the filtered leads) where the units are unknown."""

    band: Band
    clip_mv: float
    usual_height_mv: float

    def __post_init__(self) -> None:
        if not (self.clip_mv > 0 and self.usual_height_mv > 0):
            raise ValueError("preprocessing: clip_mv and usual_height_mv must be positive")


@dataclass(frozen=True)
class Preprocessing:
    """How a model wants its input; the defaults are ECG-FM's.

    tail      add a last segment that ends with the recording where a remainder would be dropped
    millivolt how leads in mV are made instead of standardised ones; None standardises
    shortest_seconds  a recording of so much and less than a segment is followed by zeros; None takes whole segments only
    """

    fs: float = 500.0
    segment_seconds: float = 5.0
    resample: Literal["linear", "band"] = "linear"
    standardise: Literal["record", "millivolt"] = "record"
    tail: bool = False
    millivolt: Millivolt | None = None
    shortest_seconds: float | None = None

    def __post_init__(self) -> None:
        if (self.resample, self.standardise, self.millivolt is None) not in (
            ("linear", "record", True),
            ("band", "millivolt", False),
        ):
            raise ValueError(
                "preprocessing: resample 'linear' goes with standardise 'record', 'band' with 'millivolt' and its limits"
            )
        if not (self.fs > 0 and self.segment_samples > 0):
            raise ValueError("preprocessing: fs and segment_seconds must be positive")
        if (
            self.shortest_seconds is not None
            and not 0 < self.shortest_seconds <= self.segment_seconds
        ):
            raise ValueError(
                "preprocessing: shortest_seconds must be positive and no longer than a segment"
            )

    @property
    def segment_samples(self) -> int:
        return round(self.segment_seconds * self.fs)

    @property
    def needed_seconds(self) -> float:
        """The shortest recording that gives a segment."""
        return self.segment_seconds if self.shortest_seconds is None else self.shortest_seconds


ECG_FM: Final = Preprocessing()


@dataclass(frozen=True, eq=False)
class Segments:
    """What an encoder reads of one recording.

    data      (segments, 12, samples) float32, C order, leads as LEADS, standardised (in mV: 13 rows); no segments where it is too short
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


def make_segments(
    leads: TwelveLeads, fs: float, preprocessing: Preprocessing = ECG_FM, units: Units = "mV"
) -> Segments:
    """The segments of a recording at `fs`; none, and no error, where it is too short for one."""
    filled, missing = fill_short_gaps(leads.signal.astype(np.float64), fs)
    signal: NDArray[np.floating]
    if preprocessing.millivolt is None:
        signal, flat_rows = _standardised(leads, filled, missing, fs, preprocessing)
    else:
        signal, flat_rows = _in_millivolt(
            leads, missing, fs, preprocessing.fs, preprocessing.millivolt, units
        )
    data, starts = _cut(signal, preprocessing)
    per_sample_s = leads.signal.shape[1] / (signal.shape[1] * fs) if signal.shape[1] else 0.0
    starts_s = tuple(_seconds(start, per_sample_s) for start in starts)
    ends_s = tuple(
        _seconds(min(start + preprocessing.segment_samples, signal.shape[1]), per_sample_s)
        for start in starts
    )
    seconds = leads.signal.shape[1] / fs
    flat = tuple(LEADS[row] for row in flat_rows)
    warnings = (
        *_lead_warnings(leads.missing, flat),
        *_gap_warnings(missing, leads.present, fs),
        *_unread_warning(ends_s, seconds),
    )
    zeroed = tuple(lead for lead in LEADS if lead in leads.missing or lead in flat)
    return Segments(data, starts_s, ends_s, seconds, warnings, flat, zeroed)


def _standardised(
    leads: TwelveLeads,
    filled: NDArray[np.float64],
    missing: NDArray[np.bool_],
    fs: float,
    preprocessing: Preprocessing,
) -> tuple[NDArray[np.float64], list[int]]:
    """`filled` is written to."""
    gappy = bool(missing.any())
    if gappy:
        filled = np.where(missing, 0.0, filled)
    signal = resample_linear(filled, fs, preprocessing.fs)
    there = ~resample_mask(missing, fs, preprocessing.fs) if gappy else None
    return signal, _standardise(signal, there, leads.present)


def _in_millivolt(
    leads: TwelveLeads,
    missing: NDArray[np.bool_],
    fs: float,
    target_fs: float,
    wanted: Millivolt,
    units: Units,
) -> tuple[NDArray[np.float32], list[int]]:
    """(13, n) and the rows of the constant leads. Long gaps are bridged for the filter, so that they make no step; zero after it."""
    bridged, _ = fill_short_gaps(leads.signal.astype(np.float64), fs, leads.signal.shape[1] / fs)
    alive = [
        row
        for row in range(len(LEADS))
        if leads.present[row] and not is_constant(leads.signal[row])
    ]
    signal = np.zeros((len(LEADS), band_length(leads.signal.shape[1], fs, target_fs)), np.float32)
    if alive and signal.shape[1]:
        signal[alive] = resample_in_band(bridged[alive], fs, target_fs, wanted.band)
    if units == "unknown" and (heights := qrs_heights(signal, target_fs)).size:
        signal *= np.float32(wanted.usual_height_mv / np.median(heights))
    np.clip(signal, -wanted.clip_mv, wanted.clip_mv, out=signal)
    if missing[alive].any():
        signal[_missing_at(missing, fs, target_fs, signal.shape[1])] = 0.0
    known = np.full((1, signal.shape[1]), 1.0 if units == "mV" else -1.0, np.float32)
    return np.concatenate([signal, known]), [
        row for row in range(len(LEADS)) if leads.present[row] and row not in alive
    ]


def _missing_at(
    missing: NDArray[np.bool_], fs: float, target_fs: float, length: int
) -> NDArray[np.bool_]:
    """The mask (12, n) at another rate: of each sample its nearest one."""
    nearest = np.minimum(
        np.rint(np.arange(length) * (fs / target_fs)).astype(np.intp), missing.shape[1] - 1
    )
    at: NDArray[np.bool_] = missing[:, nearest]
    return at


def _standardise(
    signal: NDArray[np.float64], there: NDArray[np.bool_] | None, present: NDArray[np.bool_]
) -> list[int]:
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


def _cut(
    signal: NDArray[np.floating], preprocessing: Preprocessing
) -> tuple[NDArray[np.float32], list[int]]:
    """(rows, n) -> (segments, rows, samples) float32 in C order, and the sample at which each starts."""
    length, samples = preprocessing.segment_samples, signal.shape[1]
    if (
        preprocessing.shortest_seconds is not None
        and round(preprocessing.shortest_seconds * preprocessing.fs) <= samples < length
    ):
        return np.pad(signal.astype(np.float32), ((0, 0), (0, length - samples)))[np.newaxis], [0]
    starts = list(range(0, samples - length + 1, length))
    if preprocessing.tail and starts and starts[-1] + length < samples:
        starts.append(samples - length)
    data = np.empty((len(starts), len(signal), length), np.float32)
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
    lost_s = {
        lead: np.count_nonzero(row) / fs
        for lead, row, there in zip(LEADS, missing, present, strict=True)
        if there and row.any()
    }
    if not lost_s:
        return []
    leads = ", ".join(f"{lead} {seconds:.2f} s" for lead, seconds in lost_s.items())
    return [
        f"signal: gaps longer than {MAX_FILLED_GAP_S} s ({leads}); the encoder reads zeros there"
    ]


def _unread_warning(ends_s: tuple[float, ...], seconds: float) -> list[str]:
    unread_s = seconds - ends_s[-1] if ends_s else 0.0
    if unread_s < UNREAD_WORTH_SAYING_S:
        return []
    return [f"signal: the last {unread_s:.1f} s fill no segment; the encoder does not read them"]
