"""Findings about noise, lead by lead. A recording's value is the median of its windows.

Limits in mV are choices unless a source is named, with their size on paper (10 mm/mV). If the units
are unknown, they are not applied. Limits without a unit apply to any recording.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from signal_quality.bands import MAINS_HZ, MAINS_WIDTH_HZ, MUSCLE_RATE_HZ, SLOW_RATE_HZ, Bands
from signal_quality.electrodes import electrodes_of
from signal_quality.quality import Code, Finding
from signal_quality.windows import Window
from signals.order import median

# Peak to peak below 0.67 Hz: 10 mm, where ST segments cannot be compared from beat to beat.
WANDER_MV: Final = 1.0
STEP_MV: Final = 1.0
# Seen below 0.67 Hz, a step rises by 0.39 of its height in 0.3 s.
STEP_S: Final = 0.3
STEP_SHARE: Final = 0.39
# A step is most of the baseline's range. A wave of any frequency below 0.67 Hz is not that quick.
STEP_OF_RANGE: Final = 0.75
# Peak to peak: half a millimetre, which looks like a thick line.
HUM_MV: Final = 0.05
# Rms of 40-100 Hz between beats: about a millimetre peak to peak, as high as a P wave.
MUSCLE_MV: Final = 0.025
SPIKES_PER_10_S: Final = 3.0
# Height over the line between the samples 8 ms before and 8 ms after.
SPIKE_MV: Final = 0.3
SPIKE_REACH_S: Final = 0.008
# Spikes are counted as stretches of 50 ms that contain one.
SPIKE_STRETCH_S: Final = 0.05
# Before and after R, where pacing spikes and QRS complexes belong.
AROUND_R_S: Final = (0.35, 0.12)
# Correlation of a beat with the lead's other beats.
UNLIKE: Final = 0.3
# Share of the beats at which the lead moves with the others.
AGREEMENT: Final = 0.6
# Steepness of the QRS complex over the usual steepness. Noise alone reaches 2.
PROMINENCE: Final = 3.0
# With fewer beats, likeness is not judged.
MIN_BEATS: Final = 3
# An Excellent lead stays below this share of every limit, and agrees in this share of its beats.
EXCELLENT_SHARE: Final = 0.4
EXCELLENT_AGREEMENT: Final = 0.9

MILLIVOLT_CODES: Final = ("baseline_wander", "step", "mains_hum", "muscle_noise", "spikes")


@dataclass(frozen=True)
class Noise:
    """The noise of each lead.

    values    for each kind (leads,) its value, NaN if it cannot be measured
    likeness  (leads,) of the median beat, NaN if there are too few beats
    mains_hz  (leads,) the louder of 50 and 60 Hz
    """

    values: dict[Code, NDArray[np.float64]]
    likeness: NDArray[np.float64]
    mains_hz: NDArray[np.float64]


@dataclass(frozen=True)
class _Rule:
    """A kind of noise: its limit, on which side of it the fault is, and what to do about it."""

    limit: float
    fault_is_above: bool
    advice: str

    def is_broken(self, values: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Return (leads,) which values are beyond the limit; NaN is not."""
        if self.fault_is_above:
            return values > self.limit
        return values < self.limit


def measure_noise(windows: Sequence[Window]) -> Noise:
    """Return the noise of a recording: the median over its windows, at least one.

    One bad stretch of ten minutes then does not decide. Spikes are rare, so their mean counts.
    """
    noises = [_measure_window(window) for window in windows]
    if len(noises) == 1:
        return noises[0]
    values = {}
    for code in noises[0].values:
        in_windows = [noise.values[code] for noise in noises]
        average = np.mean if code == "spikes" else np.median
        values[code] = average(in_windows, axis=0)
    likeness = np.median([noise.likeness for noise in noises], axis=0)
    mains_hz = np.median([noise.mains_hz for noise in noises], axis=0)
    return Noise(values, likeness, mains_hz)


def noise_findings(noise: Noise, leads: Sequence[str], millivolt: bool) -> dict[str, list[Finding]]:
    """Return the findings of every lead.

    A lead without a heartbeat is `lead_off`, and its noise is not mentioned.

    leads      the names of the leads in `noise`
    millivolt  whether the units are known, so that limits in mV apply
    """
    findings: dict[str, list[Finding]] = {lead: [] for lead in leads}
    leads_off = set()
    for index, lead in enumerate(leads):
        lead_off = _lead_off(noise, index, lead)
        if lead_off is not None:
            findings[lead].append(lead_off)
            leads_off.add(lead)
    for code, rule in _RULES.items():
        if code in MILLIVOLT_CODES and not millivolt:
            continue
        values = noise.values[code]
        for index in np.flatnonzero(rule.is_broken(values)).tolist():
            lead = leads[index]
            if lead not in leads_off:
                advice = _fill_advice(rule.advice, lead, float(noise.mains_hz[index]))
                finding = Finding(code, lead, float(values[index]), rule.limit, advice)
                findings[lead].append(finding)
    return findings


def are_excellent(noise: Noise) -> NDArray[np.bool_]:
    """Return (leads,) which leads are far within every limit in mV and agree on the beats."""
    ratios = []
    for code in MILLIVOLT_CODES:
        ratios.append(noise.values[code] / _RULES[code].limit)
    is_quiet = np.max(ratios, axis=0) <= EXCELLENT_SHARE
    agrees = noise.values["r_peak_disagreement"] >= EXCELLENT_AGREEMENT
    return np.asarray(is_quiet & agrees)


def _measure_window(window: Window) -> Noise:
    bands = window.bands
    hums = _hum(bands)
    prominence = window.beats.prominence
    agreement = window.beats.agreement
    likeness = window.features.by_lead("likeness")
    if window.beats.peaks_s.size < MIN_BEATS:
        prominence = agreement = likeness = np.full(len(hums), np.nan)
    values: dict[Code, NDArray[np.float64]] = {
        "baseline_wander": 10.0 ** window.features.by_lead("baseline_range"),
        "step": _step_heights(bands),
        "mains_hum": hums.max(axis=1),
        "muscle_noise": _muscle(bands),
        "spikes": _spikes_per_10_s(bands, window.beats.peaks_s),
        "qrs_not_visible": prominence,
        "r_peak_disagreement": agreement,
    }
    return Noise(values, likeness, np.asarray(MAINS_HZ)[hums.argmax(axis=1)])


def _step_heights(bands: Bands) -> NDArray[np.float64]:
    """Return (leads,) the height of a step in the baseline; 0 if it only moves slowly."""
    baseline = bands.baseline
    lag = round(STEP_S * SLOW_RATE_HZ)
    changes = np.abs(baseline[:, lag:] - baseline[:, :-lag])
    steepest = changes.max(axis=1)
    highest = baseline.max(axis=1)
    lowest = baseline.min(axis=1)
    ranges = highest - lowest
    # A step is not higher than the range of the baseline.
    heights = np.minimum(steepest / STEP_SHARE, ranges)
    is_step = heights >= STEP_OF_RANGE * ranges
    return np.where(is_step, heights, 0.0).astype(np.float64)


def _hum(bands: Bands) -> NDArray[np.float64]:
    """Return (leads, 50 and 60 Hz) the peak-to-peak value of the hum that exceeds the spectrum."""
    leads, bins = bands.power.shape
    step_hz = float(bands.hz[1])
    hums = np.zeros((leads, len(MAINS_HZ)))
    for column, mains in enumerate(MAINS_HZ):
        is_visible = mains + MAINS_WIDTH_HZ < bands.fs / 2
        first, stop, on_line, on_ground = _mains_bins(step_hz, bins, mains)
        if not is_visible or on_ground is None:
            continue
        power = bands.power[:, first:stop]
        line_power = power @ on_line
        ground_power = power @ on_ground
        excess = np.maximum(line_power - ground_power, 0.0)
        # A sine of power p has the amplitude sqrt(2 p), and twice that peak to peak.
        hums[:, column] = 2 * np.sqrt(2 * excess)
    return hums


# Two for each rate and length.
@lru_cache(maxsize=32)
def _mains_bins(
    step_hz: float, bins: int, mains: float
) -> tuple[int, int, NDArray[np.float32], NDArray[np.float32] | None]:
    """Return the bins around a mains frequency, and their weights for the line and the ground.

    Returns (first, stop, on_line, on_ground): `on_line` sums the power of the line, `on_ground` the
    power that the spectrum next to it has in as many bins; None if there is no such bin.
    """
    hz = np.arange(bins) * step_hz
    reach = 5 * MAINS_WIDTH_HZ
    first, stop = np.searchsorted(hz, (mains - reach, mains + reach)).tolist()
    distance = np.abs(hz[first:stop] - mains)
    is_line = distance <= MAINS_WIDTH_HZ
    is_ground = (distance > MAINS_WIDTH_HZ) & (distance <= 4 * MAINS_WIDTH_HZ)
    on_line = is_line.astype(np.float32)
    if not is_ground.any():
        return first, stop, on_line, None
    bins_ratio = np.float32(is_line.sum() / is_ground.sum())
    on_ground = is_ground.astype(np.float32) * bins_ratio
    return first, stop, on_line, on_ground


def _muscle(bands: Bands) -> NDArray[np.float64]:
    """Return (leads,) the rms of 40-100 Hz in the median tenth of a second, without QRS complex."""
    muscle = bands.muscle
    leads, samples = muscle.shape
    width = round(0.1 * MUSCLE_RATE_HZ)
    count = samples // width
    tenths = muscle[:, : count * width].reshape(leads, count, width)
    squares = np.vecdot(tenths, tenths)
    power = median(squares) / width
    rms: NDArray[np.float64] = np.sqrt(power).astype(np.float64)
    return rms


def _spikes_per_10_s(bands: Bands, peaks_s: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return (leads,) the number of spikes in 10 s, away from beats.

    Below 250 Hz a spike cannot be distinguished from a QRS complex, and none is counted.
    """
    raw = bands.raw
    leads, samples = raw.shape
    reach = round(SPIKE_REACH_S * bands.fs)
    if reach < 2 or samples <= 2 * reach:
        return np.zeros(leads)
    before = raw[:, : -2 * reach]
    after = raw[:, 2 * reach :]
    line = (after + before) / 2
    is_spike = np.abs(raw[:, reach:-reach] - line) > SPIKE_MV
    peaks = np.rint(peaks_s * bands.fs) - reach
    is_spike &= _away_from_beats(is_spike.shape[1], peaks, bands.fs)
    # Most recordings have none.
    if not is_spike.any():
        return np.zeros(leads)
    width = round(SPIKE_STRETCH_S * bands.fs)
    count = is_spike.shape[1] // width
    whole_stretches = is_spike[:, : count * width]
    has_spike = whole_stretches.reshape(leads, count, width).any(axis=2)
    spikes = has_spike.sum(axis=1)
    return np.asarray(spikes * (10.0 / bands.seconds))


def _away_from_beats(samples: int, peaks: NDArray[np.float64], fs: float) -> NDArray[np.bool_]:
    """Return (samples,) False around R peaks, where spikes and QRS complexes belong."""
    before_s, after_s = AROUND_R_S
    before = round(before_s * fs)
    after = round(after_s * fs)
    is_away = np.ones(samples, np.bool_)
    for peak in peaks.astype(int):
        start = max(peak - before, 0)
        stop = max(peak + after, 0)
        is_away[start:stop] = False
    return is_away


def _lead_off(noise: Noise, index: int, lead: str) -> Finding | None:
    """Return the finding of a lead whose beats are neither alike nor at the others' times."""
    likeness = float(noise.likeness[index])
    agreement = float(noise.values["r_peak_disagreement"][index])
    # NaN (too few beats) is not below a limit.
    is_off = likeness < UNLIKE and agreement < AGREEMENT
    if not is_off:
        return None
    advice = f"{lead} shows no heartbeat: reattach the {electrodes_of(lead)}."
    return Finding("lead_off", lead, likeness, UNLIKE, advice)


def _fill_advice(advice: str, lead: str, mains_hz: float) -> str:
    return advice.format(
        lead=lead,
        electrodes=electrodes_of(lead),
        mains=f"{mains_hz:.0f}",
    )


_RULES: Final[dict[Code, _Rule]] = {
    "baseline_wander": _Rule(
        WANDER_MV,
        True,
        "The baseline of {lead} wanders: clean the skin under the {electrodes}, and let the patient"
        " breathe calmly.",
    ),
    "step": _Rule(
        STEP_MV,
        True,
        "The baseline of {lead} jumps: secure the {electrodes} and the cable, and keep the patient"
        " still.",
    ),
    "mains_hum": _Rule(
        HUM_MV,
        True,
        "{mains} Hz hum in {lead}: unplug devices nearby, keep cables away from mains cables, and"
        " clean the skin under the {electrodes}.",
    ),
    "muscle_noise": _Rule(
        MUSCLE_MV,
        True,
        "Muscle noise in {lead}: keep the patient warm and relaxed, and move limb electrodes away"
        " from muscles.",
    ),
    "spikes": _Rule(
        SPIKES_PER_10_S,
        True,
        "Spikes between the beats in {lead}: check the plug and the {electrodes}.",
    ),
    "qrs_not_visible": _Rule(
        PROMINENCE,
        False,
        "No QRS complex is visible in {lead}: press on or replace the {electrodes}.",
    ),
    "r_peak_disagreement": _Rule(
        AGREEMENT,
        False,
        "The beats in {lead} are not at the times of those in the other leads: press on or replace"
        " the {electrodes}.",
    ),
}
