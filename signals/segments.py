"""Turn twelve leads into the input of an encoder: prepared leads in segments of equal length.

The steps and their order are ECG-FM's (bowang-lab/ECG-FM 9cc0d3f, `infer_quickstart`), in float64
up to the last one:
1. Leads (float32) in standard order; linear interpolation to 500 Hz.
2. Constant leads become 0. From each other lead, its mean over the recording is subtracted; the
   result is divided by (standard deviation + 1e-8).
3. The recording is cut into segments of 5 s from its start.
The original code fails on NaN. Here, mean and standard deviation are those of the samples that are
not missing. Missing samples become zero, which is the mean; in pretraining, random lead masking
showed the model zeros too.

A model's bundle may specify other steps: leads in mV within a pass-band (signals/band.py), and
zeros after a recording that is shorter than a segment. If the units are then unknown, one factor
for all leads gives the QRS complexes the usual height. A thirteenth row states which samples belong
to the recording: it is 1 during the recording (-1 if the units are unknown) and 0 after its end.
"""

from __future__ import annotations

import math
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

# Added to the standard deviation, as the notebook does. The pipeline scripts divide by the bare
# standard deviation.
STD_FLOOR: Final = 1e-8
# Above what rounding leaves of a constant lead less its mean: values are up to 1e6 (signals.checks)
# and float64 has 16 digits. Only below it is a lead compared sample by sample.
LARGEST_ROUNDING_ERROR: Final = 1e-6
# The shortest remainder after the last segment that gives a warning. A choice: it is about a beat,
# and a shorter remainder hides no finding.
MIN_WARNED_REMAINDER_S: Final = 1.0


@dataclass(frozen=True)
class MillivoltSteps:
    """How leads in mV are prepared for a model.

    band             the pass-band of the filter
    clip_mv          values are clipped to -clip_mv ... clip_mv
    usual_height_mv  if the units are unknown, the leads are scaled so that their median QRS height
                     (signals/units.py, `qrs_heights`) is this
    Raises ValueError unless clip_mv and usual_height_mv are positive.
    """

    band: Band
    clip_mv: float
    usual_height_mv: float

    def __post_init__(self) -> None:
        if not (self.clip_mv > 0 and self.usual_height_mv > 0):
            raise ValueError("preprocessing: clip_mv and usual_height_mv must be positive")


@dataclass(frozen=True)
class Preprocessing:
    """How a model's input is prepared; the defaults are ECG-FM's.

    fs                samples per second of the segments
    resample          linear interpolation, or the band-pass filter of `millivolt`
    standardise       each lead over the whole recording ("record"), or not: the leads stay in mV
    tail              if a remainder follows the last whole segment, add a segment that ends with
                      the recording and overlaps the one before
    millivolt         how leads in mV are prepared; None for standardised leads
    shortest_seconds  a recording of at least this length that is shorter than a segment is padded
                      with zeros; None if such recordings give no segment
    Raises ValueError if the fields contradict each other or are not positive.
    """

    fs: float = 500.0
    segment_seconds: float = 5.0
    resample: Literal["linear", "band"] = "linear"
    standardise: Literal["record", "millivolt"] = "record"
    tail: bool = False
    millivolt: MillivoltSteps | None = None
    shortest_seconds: float | None = None

    def __post_init__(self) -> None:
        steps = (self.resample, self.standardise, self.millivolt is None)
        if steps not in (("linear", "record", True), ("band", "millivolt", False)):
            raise ValueError(
                "preprocessing: resample 'linear' requires standardise 'record' and no millivolt;"
                " 'band' requires standardise 'millivolt' and millivolt"
            )
        if not (self.fs > 0 and self.segment_samples > 0):
            raise ValueError("preprocessing: fs and segment_seconds must be positive")
        shortest = self.shortest_seconds
        if shortest is not None and not 0 < shortest <= self.segment_seconds:
            raise ValueError(
                f"preprocessing: shortest_seconds {shortest:g}; it must be above 0 and at most"
                f" segment_seconds, {self.segment_seconds:g}"
            )

    @property
    def segment_samples(self) -> int:
        return round(self.segment_seconds * self.fs)

    @property
    def needed_seconds(self) -> float:
        """The length of the shortest recording that gives a segment."""
        if self.shortest_seconds is None:
            return self.segment_seconds
        return self.shortest_seconds


ECG_FM: Final = Preprocessing()


@dataclass(frozen=True, eq=False)
class Segments:
    """The input of an encoder from one recording.

    data      (segments, 12, samples) float32 in C order, standardised leads in the order of LEADS;
              (segments, 13, samples) in mV. No segments if the recording is too short
    starts_s  (segments,) seconds from the start of the recording
    ends_s    (segments,) likewise; the zeros after a short recording do not count
    seconds   the recording's length
    zeroed    leads that are all zeros, because the recording lacks them
    """

    data: NDArray[np.float32]
    starts_s: tuple[float, ...]
    ends_s: tuple[float, ...]
    seconds: float
    warnings: tuple[str, ...] = ()
    zeroed: tuple[str, ...] = ()

    @property
    def usable_leads(self) -> int:
        """The number of leads with a signal, whether they were sent or derived from others."""
        return len(LEADS) - len(self.zeroed)


def make_segments(
    leads: TwelveLeads, fs: float, preprocessing: Preprocessing = ECG_FM, units: Units = "mV"
) -> Segments:
    """Return the segments of a recording at `fs` Hz; there are none if it is too short for one."""
    filled, missing = fill_short_gaps(leads.signal.astype(np.float64), fs)
    signal: NDArray[np.floating]
    if preprocessing.millivolt is None:
        signal = _standardised(leads, filled, missing, fs, preprocessing)
    else:
        signal = _in_millivolt(leads, missing, fs, preprocessing.fs, preprocessing.millivolt, units)
    data, starts = _cut(signal, preprocessing)
    starts_s, ends_s = _segment_times(leads.signal, fs, signal, starts, preprocessing)
    seconds = leads.signal.shape[1] / fs
    warnings = (
        *_lead_warnings(leads.missing),
        *_gap_warnings(missing, leads.present, fs),
        *_unread_warnings(ends_s, seconds),
    )
    return Segments(data, starts_s, ends_s, seconds, warnings, leads.missing)


def _segment_times(
    recording: NDArray[np.float32],
    fs: float,
    signal: NDArray[np.floating],
    starts: list[int],
    preprocessing: Preprocessing,
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return the segments' starts and ends in seconds of the recording.

    recording  (12, samples) at `fs`
    signal     (rows, samples) the resampled signal, from which the segments were cut
    starts     the first sample of each segment
    The resampled signal is taken to last as long as the recording, although its number of samples
    is rounded down.
    """
    samples = signal.shape[1]
    if samples == 0:
        return (), ()
    sample_s = recording.shape[1] / (samples * fs)
    ends = [min(start + preprocessing.segment_samples, samples) for start in starts]
    # Rounded to a microsecond, far less than a sample, so that 5 s is 5.0 at every rate.
    starts_s = tuple(round(start * sample_s, 6) for start in starts)
    ends_s = tuple(round(end * sample_s, 6) for end in ends)
    return starts_s, ends_s


def _standardised(
    leads: TwelveLeads,
    filled: NDArray[np.float64],
    missing: NDArray[np.bool_],
    fs: float,
    preprocessing: Preprocessing,
) -> NDArray[np.float64]:
    """Return resampled, standardised leads (12, n).

    filled   (12, samples) the leads with short gaps filled; may be overwritten
    missing  (12, samples) bool, True in the longer gaps
    """
    is_known = None
    if missing.any():
        filled = np.where(missing, 0.0, filled)
        is_known = ~resample_mask(missing, fs, preprocessing.fs)
    signal = resample_linear(filled, fs, preprocessing.fs)
    _standardise(signal, is_known, leads.present)
    return signal


def _in_millivolt(
    leads: TwelveLeads,
    missing: NDArray[np.bool_],
    fs: float,
    target_fs: float,
    millivolt: MillivoltSteps,
    units: Units,
) -> NDArray[np.float32]:
    """Return (13, n), filtered leads and the thirteenth row.

    missing  (12, samples) bool, True in the long gaps. They are filled before the filter, so that
             they cause no step, and become zero after it
    """
    recorded_samples = leads.signal.shape[1]
    samples = band_length(recorded_samples, fs, target_fs)
    varying = np.flatnonzero(leads.present)
    signal = np.zeros((len(LEADS), samples), np.float32)
    if varying.size and samples:
        # A limit of the recording's own length, so that gaps of any length are filled.
        max_gap_s = recorded_samples / fs
        complete, _ = fill_short_gaps(leads.signal.astype(np.float64), fs, max_gap_s)
        signal[varying] = resample_in_band(complete[varying], fs, target_fs, millivolt.band)
    if units == "unknown":
        heights = qrs_heights(signal, target_fs)
        if heights.size:
            signal *= np.float32(millivolt.usual_height_mv / np.median(heights))
    np.clip(signal, -millivolt.clip_mv, millivolt.clip_mv, out=signal)
    if missing[varying].any():
        signal[_nearest_mask(missing, fs, target_fs, samples)] = 0.0
    units_row = np.full((1, samples), 1.0 if units == "mV" else -1.0, np.float32)
    return np.concatenate([signal, units_row])


def _nearest_mask(
    missing: NDArray[np.bool_], fs: float, target_fs: float, samples: int
) -> NDArray[np.bool_]:
    """Return the mask (12, n) resampled to (12, samples), by nearest neighbours."""
    rounded = np.rint(np.arange(samples) * (fs / target_fs)).astype(np.intp)
    nearest = np.minimum(rounded, missing.shape[1] - 1)
    resampled: NDArray[np.bool_] = missing[:, nearest]
    return resampled


def _standardise(
    signal: NDArray[np.float64], is_known: NDArray[np.bool_] | None, present: NDArray[np.bool_]
) -> None:
    """Standardise (12, samples) in place.

    is_known  (12, samples) marks the samples that are not missing; None if none is missing
    Missing samples, missing leads and constant leads become zero.
    """
    for row, lead in enumerate(signal):
        known = slice(None) if is_known is None else is_known[row]
        if not present[row] or lead[known].size == 0:
            lead[:] = 0.0
            continue
        lead -= lead[known].mean()
        samples = lead[known]
        std = math.sqrt(samples @ samples / samples.size)
        if std < LARGEST_ROUNDING_ERROR and is_constant(samples):
            lead[:] = 0.0
            continue
        lead /= std + STD_FLOOR
        if is_known is not None:
            lead[~is_known[row]] = 0.0


def _cut(
    signal: NDArray[np.floating], preprocessing: Preprocessing
) -> tuple[NDArray[np.float32], list[int]]:
    """Return the segments of (rows, n), and the index of each segment's first sample.

    The segments are (segments, rows, samples), float32 in C order.
    """
    rows, samples = signal.shape
    length = preprocessing.segment_samples
    if preprocessing.shortest_seconds is not None:
        shortest = round(preprocessing.shortest_seconds * preprocessing.fs)
        if shortest <= samples < length:
            padded = np.pad(signal.astype(np.float32), ((0, 0), (0, length - samples)))
            return padded[np.newaxis], [0]
    starts = list(range(0, samples - length + 1, length))
    if preprocessing.tail and starts and starts[-1] + length < samples:
        starts.append(samples - length)
    data = np.empty((len(starts), rows, length), np.float32)
    for segment, start in zip(data, starts, strict=True):
        segment[:] = signal[:, start : start + length]
    return data, starts


def _lead_warnings(missing: tuple[str, ...]) -> list[str]:
    if not missing:
        return []
    return [f"lead_names: no {', '.join(missing)}; the encoder reads zeros instead"]


def _gap_warnings(missing: NDArray[np.bool_], present: NDArray[np.bool_], fs: float) -> list[str]:
    """Return a warning about the long gaps (12, samples) of present leads, if there are any."""
    if not missing.any():
        return []
    gap_durations = []
    for lead, gaps, is_present in zip(LEADS, missing, present, strict=True):
        if is_present and gaps.any():
            gap_durations.append(f"{lead} {np.count_nonzero(gaps) / fs:.2f} s")
    if not gap_durations:
        return []
    return [
        f"signal: gaps longer than {MAX_FILLED_GAP_S} s ({', '.join(gap_durations)});"
        " the encoder reads zeros instead"
    ]


def _unread_warnings(ends_s: tuple[float, ...], seconds: float) -> list[str]:
    unread_s = seconds - ends_s[-1] if ends_s else 0.0
    if unread_s < MIN_WARNED_REMAINDER_S:
        return []
    return [
        f"signal: the last {unread_s:.1f} s are shorter than a segment;"
        " the encoder does not read them"
    ]
