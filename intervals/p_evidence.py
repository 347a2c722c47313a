"""Whether the wave that the network reads as P is a P wave although its own probability is low.

The network judges the presence of P on the mean beat as a whole. Its probability is low where P
lies on the end of T, as in fast rhythms and with long PR intervals, and before wide QRS complexes.
Its reading is a P wave still if the wave recurs from beat to beat and the readings of its onset
agree; the more so the nearer it is to T and the wider the QRS complex is, as elsewhere the network
seldom overlooks one. A logistic regression joins these signs. It is fitted on recordings that the
network was not trained on, their P waves moved onto T, or removed
(`training.delineator.p_presence`); at equal signs, the network's own probability tells no more
there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Final

import numpy as np

from intervals.beats import Beats
from intervals.fiducials import P_ON, QRS_OFF, QRS_ON, T_OFF, Fiducials
from intervals.p_waves import P_PRESENT, p_likeness
from signals.logistic import sigmoid
from signals.order import median

MIN_SPREAD_MS: Final = 4.0  # a sample of the network: readings cannot agree better
T_TO_P_S: Final = (0.0, 0.3)  # beyond these, a distance counts as the nearer one
QRS_S: Final = (0.08, 0.16)  # the same for the duration of the QRS complex


@dataclass(frozen=True)
class PSigns:
    """The signs of a P wave.

    likeness    median correlation of each beat's P with the mean of the others
    log_spread  natural logarithm of the spread of the readings of the onset in ms
    t_to_p_s    from the end of T to the onset of P, within T_TO_P_S
    qrs_s       duration of the QRS complex, within QRS_S
    """

    likeness: float
    log_spread: float
    t_to_p_s: float
    qrs_s: float


@dataclass(frozen=True)
class PEvidence:
    """The regression: the log odds are the intercept plus each sign times its weight.

    widening  factor for the uncertainty of an interval that begins with such a P wave
    """

    intercept: float
    likeness: float
    log_spread: float
    t_to_p_s: float
    qrs_s: float
    widening: float

    def probability(self, signs: PSigns) -> float:
        """Return the probability that what the network reads is a P wave."""
        log_odds = self.intercept + sum(
            getattr(self, sign) * value for sign, value in asdict(signs).items()
        )
        return float(sigmoid(np.array(log_odds)))


def with_p_evidence(beats: Beats, fiducials: Fiducials, evidence: PEvidence | None) -> Fiducials:
    """Return the boundaries with the probability of P by its signs where the network's is low.

    Signs never make P less probable than the network does. Without a regression, or without the
    beats to judge a recurrence, the network alone decides.
    """
    if evidence is None or fiducials.p_present >= P_PRESENT:
        return fiducials
    signs = p_signs(beats, fiducials)
    if signs is None:
        return fiducials
    return replace(fiducials, p_present=max(fiducials.p_present, evidence.probability(signs)))


def p_signs(beats: Beats, fiducials: Fiducials) -> PSigns | None:
    """Return the signs; None where a boundary is missing or too few beats show a likeness."""
    times = fiducials.times
    if not np.isfinite(times).all():
        return None
    likeness = p_likeness(beats, times)
    if likeness is None:
        return None
    rr_s = float(median(np.diff(beats.centre_s)))
    spread_ms = max(float(fiducials.spread[P_ON]), MIN_SPREAD_MS)
    t_to_p_s = rr_s - float(times[T_OFF] - times[P_ON]) / 1000.0
    qrs_s = float(times[QRS_OFF] - times[QRS_ON]) / 1000.0
    return PSigns(
        likeness=likeness,
        log_spread=float(np.log(spread_ms)),
        t_to_p_s=float(np.clip(t_to_p_s, *T_TO_P_S)),
        qrs_s=float(np.clip(qrs_s, *QRS_S)),
    )


def evidence_from_card(card: Mapping[str, float] | None) -> PEvidence | None:
    """Return the regression that a model card states by name; None where it states none."""
    return None if card is None else PEvidence(**card)
