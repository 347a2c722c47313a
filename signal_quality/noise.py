"""Findings about noise, lead by lead, each on what the windows measured; a recording's value is its windows' median.

Limits in mV are choices where no source is named, told by what they are on paper (10 mm/mV); with units unknown those rules
are off. Limits without a unit hold for any recording.
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

WANDER_MV: Final = (
    1.0  # peak to peak under 0.67 Hz: 10 mm, where ST segments can't be compared from beat to beat
)
STEP_MV: Final = 1.0
STEP_S: Final = 0.3  # a step makes 0.39 of its height in this, seen under 0.67 Hz
STEP_SHARE: Final = 0.39
STEP_OF_RANGE: Final = 0.75  # a step is most of the baseline's range; a wave of any frequency under 0.67 Hz is not that quick
HUM_MV: Final = 0.05  # peak to peak: half a millimetre, seen as a thick line
MUSCLE_MV: Final = (
    0.025  # rms of 40-100 Hz between beats: about a millimetre peak to peak, as tall as a P wave
)
SPIKES_PER_10_S: Final = 3.0
SPIKE_MV: Final = 0.3  # over the line between the samples 8 ms before and after it
SPIKE_REACH_S: Final = 0.008
AROUND_R_S: Final = (
    0.35,
    0.12,
)  # before and after R, where a pacing spike or a QRS complex is at home
UNLIKE: Final = 0.3  # correlation of a beat with the lead's other beats
AGREEMENT: Final = 0.6  # share of beats at which the lead moves with the others
PROMINENCE: Final = 3.0  # steepness of the QRS over the usual one: noise alone reaches 2
MIN_BEATS: Final = 3  # of fewer, nothing is said about likeness
EXCELLENT_SHARE: Final = 0.4  # of every limit, for a lead to be called Excellent

MILLIVOLT_CODES: Final = ("baseline_wander", "step", "mains_hum", "muscle_noise", "spikes")


@dataclass(frozen=True)
class Noise:
    """Each kind's value in each lead (leads,), NaN where it can't be measured; `mains_hz` is the louder of 50 and 60."""

    values: dict[Code, NDArray[np.float64]]
    likeness: NDArray[np.float64]
    mains_hz: NDArray[np.float64]


def measure_noise(windows: Sequence[Window]) -> Noise:
    """The median over windows, so that one bad stretch of ten minutes isn't the recording's word; spikes are counted in all."""
    each = [_of_window(window) for window in windows]
    if len(each) == 1:
        return each[0]
    values = {
        code: np.median([one.values[code] for one in each], axis=0) for code in each[0].values
    }
    values["spikes"] = np.mean([one.values["spikes"] for one in each], axis=0)
    likeness = np.median([one.likeness for one in each], axis=0)
    return Noise(values, likeness, np.median([one.mains_hz for one in each], axis=0))


def noise_findings(noise: Noise, leads: Sequence[str], millivolt: bool) -> dict[str, list[Finding]]:
    """Every lead's findings; a lead that shows nothing of the heart is `lead_off`, and its noise needs no words of its own."""
    found: dict[str, list[Finding]] = {lead: [] for lead in leads}
    for index, lead in enumerate(leads):
        off = _lead_off(noise, index, lead)
        if off is not None:
            found[lead].append(off)
    off_already = [lead for lead in leads if found[lead]]
    for code, (limit, above, advice) in _RULES.items():
        if code in MILLIVOLT_CODES and not millivolt:
            continue
        values = noise.values[code]
        for index in np.flatnonzero(values > limit if above else values < limit).tolist():
            if (lead := leads[index]) not in off_already:
                sentence = _sentence(advice, lead, float(noise.mains_hz[index]))
                found[lead].append(Finding(code, lead, float(values[index]), limit, sentence))
    return found


def are_excellent(noise: Noise) -> NDArray[np.bool_]:
    """(leads,) which are far within every limit in mV, and have beats that are alike."""
    worst = np.max([noise.values[code] / _RULES[code][0] for code in MILLIVOLT_CODES], axis=0)
    return np.asarray((worst <= EXCELLENT_SHARE) & (noise.values["r_peak_disagreement"] >= 0.9))


def steps(bands: Bands) -> NDArray[np.float64]:
    """(leads,) height in mV of a step in the baseline, 0 where it moves more slowly than that."""
    lag = round(STEP_S * SLOW_RATE_HZ)
    range_mv = bands.baseline.max(axis=1) - bands.baseline.min(axis=1)
    height = np.minimum(
        np.abs(bands.baseline[:, lag:] - bands.baseline[:, :-lag]).max(axis=1) / STEP_SHARE,
        range_mv,
    )
    return np.where(height >= STEP_OF_RANGE * range_mv, height, 0.0).astype(np.float64)


def hum(bands: Bands) -> NDArray[np.float64]:
    """(leads, 50 and 60 Hz) peak to peak in mV of what stands out of the spectrum there."""
    found = np.zeros((len(bands.raw), len(MAINS_HZ)))
    for column, mains in enumerate(MAINS_HZ):
        first, last, line, beside = _beside_mains(float(bands.hz[1]), bands.hz.size, mains)
        if mains + MAINS_WIDTH_HZ < bands.fs / 2 and beside is not None:
            power = bands.power[:, first:last]
            own, ground = power @ line, power @ beside
            found[:, column] = 2 * np.sqrt(2 * np.maximum(own - ground, 0.0))
    return found


@lru_cache(maxsize=32)  # two for each rate and length
def _beside_mains(
    step_hz: float, bins: int, mains: float
) -> tuple[int, int, NDArray[np.float32], NDArray[np.float32] | None]:
    """First and last bin about the mains, and weights of those between: 1 on the line itself, and on the ground beside it what makes
    of its mean as many bins; None where there is no ground.
    """
    hz = np.arange(bins) * step_hz
    first, last = np.searchsorted(
        hz, (mains - 5 * MAINS_WIDTH_HZ, mains + 5 * MAINS_WIDTH_HZ)
    ).tolist()
    apart = np.abs(hz[first:last] - mains)
    line, beside = apart <= MAINS_WIDTH_HZ, (apart > MAINS_WIDTH_HZ) & (apart <= 4 * MAINS_WIDTH_HZ)
    ground = (
        beside.astype(np.float32) * np.float32(line.sum() / beside.sum()) if beside.any() else None
    )
    return first, last, line.astype(np.float32), ground


def muscle(bands: Bands) -> NDArray[np.float64]:
    """(leads,) rms of 40-100 Hz in the median tenth of a second, which holds no QRS complex."""
    width = round(0.1 * MUSCLE_RATE_HZ)
    count = bands.muscle.shape[1] // width
    tenths = bands.muscle[:, : count * width].reshape(len(bands.muscle), count, width)
    power = median(np.vecdot(tenths, tenths)) / width
    rms: NDArray[np.float64] = np.sqrt(power).astype(np.float64)
    return rms


def spikes(bands: Bands, peaks_s: NDArray[np.float64]) -> NDArray[np.float64]:
    """(leads,) spikes in 10 s away from beats; under 250 Hz a spike can't be told from a QRS complex, and none is counted."""
    reach = round(SPIKE_REACH_S * bands.fs)
    if reach < 2 or bands.raw.shape[1] <= 2 * reach:
        return np.zeros(len(bands.raw))
    above = (
        np.abs(
            bands.raw[:, reach:-reach]
            - (bands.raw[:, 2 * reach :] + bands.raw[:, : -2 * reach]) / 2
        )
        > SPIKE_MV
    )
    away = np.ones(above.shape[1], np.bool_)
    before, after = (round(seconds * bands.fs) for seconds in AROUND_R_S)
    for peak in np.rint(peaks_s * bands.fs).astype(int) - reach:
        away[max(peak - before, 0) : max(peak + after, 0)] = False
    above &= away
    if not above.any():
        return np.zeros(len(bands.raw))
    apart = round(0.05 * bands.fs)  # what comes within 50 ms is one spike
    count = above.shape[1] // apart
    return np.asarray(
        above[:, : count * apart].reshape(len(above), count, apart).any(axis=2).sum(axis=1)
        * (10.0 / bands.seconds)
    )


def _of_window(window: Window) -> Noise:
    hums = hum(window.bands)
    enough = window.beats.peaks_s.size >= MIN_BEATS
    unknown = np.full(len(hums), np.nan)
    values: dict[Code, NDArray[np.float64]] = {
        "baseline_wander": 10.0 ** window.features.lead("baseline_range"),
        "step": steps(window.bands),
        "mains_hum": hums.max(axis=1),
        "muscle_noise": muscle(window.bands),
        "spikes": spikes(window.bands, window.beats.peaks_s),
        "qrs_not_visible": window.beats.prominence if enough else unknown,
        "r_peak_disagreement": window.beats.agreement if enough else unknown,
    }
    likeness = window.features.lead("likeness") if enough else unknown
    return Noise(values, likeness, np.asarray(MAINS_HZ)[hums.argmax(axis=1)])


def _lead_off(noise: Noise, index: int, lead: str) -> Finding | None:
    likeness, agreement = (
        float(noise.likeness[index]),
        float(noise.values["r_peak_disagreement"][index]),
    )
    if likeness < UNLIKE and agreement < AGREEMENT:
        advice = f"Reattach the {electrodes_of(lead)}: nothing in {lead} follows the heart."
        return Finding("lead_off", lead, likeness, UNLIKE, advice)
    return None


def _sentence(advice: str, lead: str, mains_hz: float) -> str:
    return advice.format(lead=lead, electrodes=electrodes_of(lead), mains=f"{mains_hz:.0f}")


# Of each kind its limit, whether above it is a fault, and what to do.
_RULES: Final[dict[Code, tuple[float, bool, str]]] = {
    "baseline_wander": (
        WANDER_MV,
        True,
        "The baseline of {lead} wanders: clean the skin under the {electrodes}, and let the patient breathe calmly.",
    ),
    "step": (
        STEP_MV,
        True,
        "The line of {lead} jumps: secure the {electrodes} and the cable, and keep the patient still.",
    ),
    "mains_hum": (
        HUM_MV,
        True,
        "{mains} Hz hum in {lead}: unplug devices nearby, keep cables off mains cables, clean the skin under the {electrodes}.",
    ),
    "muscle_noise": (
        MUSCLE_MV,
        True,
        "Muscle noise in {lead}: let the patient lie warm and relaxed, and move limb electrodes off the muscles.",
    ),
    "spikes": (
        SPIKES_PER_10_S,
        True,
        "Spikes between the beats in {lead}: check the plug and the {electrodes}.",
    ),
    "qrs_not_visible": (
        PROMINENCE,
        False,
        "No QRS complex stands out in {lead}: press on or replace the {electrodes}.",
    ),
    "r_peak_disagreement": (
        AGREEMENT,
        False,
        "The beats of {lead} are not where the other leads have them: press on or replace the {electrodes}.",
    ),
}
