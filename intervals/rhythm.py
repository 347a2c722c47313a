"""Name the rhythm by rules on the measurements, for use without an encoder and to check labels.

A rhythm that has a label has the label's name. Flutter is named if its waves are clear between the
beats. If no P wave is conducted, the rhythm is third-degree block, or ventricular tachycardia if
the ventricles are the faster ones; if some are, it is a sinus rhythm. Tachycardias without visible
P waves are distinguished by the width of their QRS complexes, their rate and their regularity. A
rhythm that the rules cannot name is Undetermined.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from intervals.ectopic_runs import ectopic_runs
from intervals.irregularity import IRREGULARITY_LIMIT, Irregularity, irregularity_of
from intervals.measurements import Measurements
from intervals.p_waves import P_PRESENT
from intervals.reference_ranges import WIDE_QRS_MS, is_child
from signals.spikes import Pacing

UNDETERMINED: Final = "Undetermined"
COMPLETE_BLOCK: Final = "3rd degree atrioventricular block"
VENTRICULAR_TACHYCARDIA: Final = "Ventricular tachycardia"
WIDE_COMPLEX_TACHYCARDIA: Final = "Wide-complex tachycardia"
# The rhythms in which P waves and QRS complexes have their own rates, by `AvConduction.kind`.
DISSOCIATED: Final = {"complete": COMPLETE_BLOCK, "dissociated": VENTRICULAR_TACHYCARDIA}
# The limit if P waves are surely absent (a choice). Less irregularity is enough then: the other
# rhythms without P waves, junctional and paced ones, vary by a few hundredths only.
IRREGULARITY_LIMIT_WITHOUT_P: Final = 0.05
P_SURELY_ABSENT: Final = 0.1  # below this probability of P waves
SLOW_PER_MIN, FAST_PER_MIN = 60.0, 100.0  # the usual limits of sinus rhythm
# From this rate on, a regular narrow tachycardia without visible P waves is not a sinus tachycardia
# (a choice: of 27 in PTB-XL and recordings of other hospitals 25 are flutter or another
# supraventricular tachycardia; below, half of them are sinus tachycardias).
SUPRAVENTRICULAR_PER_MIN: Final = 150.0
# A fast rhythm without P waves whose complexes change their form for at least so many beats in a
# row, and for this share of all beats, counts as one of wide complexes, whatever the width of the
# others (a choice: it may be ventricular, or supraventricular with aberrancy).
CHANGING_BEATS: Final = 5
CHANGING_SHARE: Final = 0.25
# The rates of escape rhythms: of the junction 40 to 60, of the ventricles 20 to 40 per minute
# (Dorland's Medical Dictionary, escape rhythm).
JUNCTIONAL_PER_MIN: Final = (40.0, 60.0)
VENTRICULAR_ESCAPE_PER_MIN: Final = 40.0


@dataclass(frozen=True)
class Rhythm:
    """A rhythm's name.

    confidence  0..1: of a sinus rhythm the probability of P waves, of flutter the probability that
                there are none, of dissociated rhythms the share of the P waves that were seen where
                they should be, of changing complexes the share of beats that changed, of a paced
                rhythm the share of beats with a spike; of any other rhythm 0 where the measure that
                decided is at its limit, and 1 where it is twice the limit or more. None for
                Undetermined, or if the probability of P is unknown
    """

    name: str
    confidence: float | None = None


def name_rhythm(
    measurements: Measurements, pacing: Pacing, age_years: float | None = None
) -> Rhythm:
    """Return the rhythm of a measured recording: the first rule that applies names it.

    age_years  None for an adult
    """
    rate = measurements.heart_rate_bpm
    if rate is None:
        return Rhythm(UNDETERMINED)
    p_present = measurements.p_present

    if pacing.chamber is not None:
        paced_beats = max(pacing.atrial_beats, pacing.ventricular_beats)
        return Rhythm("Electronic pacemaker", paced_beats / max(1, pacing.beats))
    if measurements.flutter_per_min is not None:
        confidence = None if p_present is None else 1.0 - p_present
        return Rhythm("Atrial flutter", confidence)
    block = measurements.av_conduction
    if block is not None and block.kind in DISSOCIATED:
        return Rhythm(DISSOCIATED[block.kind], 1.0 - block.missed_share)
    if measurements.without_rest:
        return Rhythm(WIDE_COMPLEX_TACHYCARDIA, _excess_over(rate, FAST_PER_MIN))
    if measurements.pr_ms is not None or block is not None:
        return Rhythm(sinus_rhythm_name(rate_word(measurements, age_years)), p_present)

    if rate > FAST_PER_MIN and (share := _share_of_changed_beats(measurements)) is not None:
        return Rhythm(WIDE_COMPLEX_TACHYCARDIA, share)
    irregularity = irregularity_of(measurements)
    limit = IRREGULARITY_LIMIT
    if p_present is not None and p_present < P_SURELY_ABSENT:
        limit = IRREGULARITY_LIMIT_WITHOUT_P
    if (
        irregularity is not None
        and irregularity.rmssd > limit
        and irregularity.changes_as_in_fibrillation
    ):
        return Rhythm("Atrial fibrillation", _excess_over(irregularity.rmssd, limit))
    if rate > FAST_PER_MIN and measurements.qrs_ms is not None:
        name = _tachycardia_name(rate, measurements.qrs_ms, irregularity)
        return Rhythm(name, _excess_over(rate, FAST_PER_MIN))
    escape = _escape_name(measurements, irregularity)
    return Rhythm(UNDETERMINED) if escape is None else Rhythm(escape)


def rate_word(measurements: Measurements, age_years: float | None) -> str | None:
    """Return "Bradycardia" or "Tachycardia"; None for a usual or unknown rate.

    The rate of the mean interval counts beside that of the median one: the median hides pauses and
    groups of premature beats. The limits are those of adults: no word is given for a child.

    age_years  None for an adult
    """
    rate, mean_rate = measurements.heart_rate_bpm, measurements.mean_rate_bpm
    if rate is None or is_child(age_years):
        return None
    # The median as the answer shows it, and the mean in whole beats: a rate at the limit is not
    # outside it.
    rates = [round(rate, 1)] if mean_rate is None else [round(rate, 1), float(round(mean_rate))]
    if min(rates) < SLOW_PER_MIN and max(rates) <= FAST_PER_MIN:
        return "Bradycardia"
    if max(rates) > FAST_PER_MIN and min(rates) >= SLOW_PER_MIN:
        return "Tachycardia"
    return None


def sinus_rhythm_name(word: str | None) -> str:
    """Return the name of a sinus rhythm of this `rate_word`."""
    return "Sinus rhythm" if word is None else f"Sinus {word.lower()}"


def _tachycardia_name(rate: float, qrs_ms: float, irregularity: Irregularity | None) -> str:
    """Return the name of a tachycardia without visible P waves."""
    if qrs_ms >= WIDE_QRS_MS:
        return WIDE_COMPLEX_TACHYCARDIA
    if rate >= SUPRAVENTRICULAR_PER_MIN and irregularity is not None and irregularity.is_regular:
        return "Supraventricular tachycardia"
    return "Narrow-complex tachycardia"


def _share_of_changed_beats(measurements: Measurements) -> float | None:
    """Return the share of the beats in the longest run of another form; None if it is short."""
    longest = max(map(len, ectopic_runs(measurements)), default=0)
    share = longest / max(1, len(measurements.fiducials))
    return share if longest >= CHANGING_BEATS and share >= CHANGING_SHARE else None


def _escape_name(measurements: Measurements, irregularity: Irregularity | None) -> str | None:
    """Return the name of a slow regular rhythm without P waves; None if it is none.

    P waves that are not conducted are not seen here: the rhythm of the ventricles is the same.
    """
    rate, qrs_ms = measurements.heart_rate_bpm, measurements.qrs_ms
    p_present = measurements.p_present
    if rate is None or qrs_ms is None or p_present is None or p_present >= P_PRESENT:
        return None
    if irregularity is None or not irregularity.is_regular:
        return None
    slowest, fastest = JUNCTIONAL_PER_MIN
    if qrs_ms < WIDE_QRS_MS and slowest <= rate < fastest:
        return "Junctional escape rhythm"
    if qrs_ms >= WIDE_QRS_MS and rate <= VENTRICULAR_ESCAPE_PER_MIN:
        return "Ventricular escape rhythm"
    return None


def _excess_over(value: float, limit: float) -> float:
    """Return the excess over `limit` as a share of it: 0 at the limit or below, at most 1."""
    return float(np.clip((value - limit) / limit, 0.0, 1.0))
