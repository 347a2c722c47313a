"""When a patient counts as fibrillating: the probabilities of all leads, second by second.

Pure: each step takes the state of all patients and returns the next one. The first axis of every
array is the patient, so that a caller can select, append and remove patients.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from heads.fibrillation.model import shipped_description

Flags = NDArray[np.bool_]

# Each window covers 4 s, so three windows above the threshold have 5 to 6 s of the waveform. One
# window below it, because of a shock or a movement, does not reset the count.
HITS: Final = 3
OF_SECONDS: Final = 4
# An episode ends after as many seconds without a hit: one that is interrupted by artefacts stays
# one alarm.
QUIET_S: Final = 8
# One lead's certainty does not outweigh what all others say.
LARGEST_LOG_ODDS: Final = 6.0


@dataclass(frozen=True, eq=False)
class RuleState:
    """What the rule remembers.

    hits           (patients, QUIET_S) whether each of the last seconds was above the threshold, the
                   latest last
    is_firing      (patients,)
    """

    hits: Flags
    is_firing: Flags


def start(patients: int) -> RuleState:
    """Return the state of patients of whom nothing is known."""
    return RuleState(np.zeros((patients, QUIET_S), np.bool_), np.zeros(patients, np.bool_))


def step(
    state: RuleState, probabilities: NDArray[np.floating]
) -> tuple[RuleState, NDArray[np.bool_]]:
    """Return the state one second later, and (patients,) whether each patient is fibrillating.

    probabilities  (patients, leads) of windows that end now; NaN for leads that cannot be judged
    A second in which no lead can be judged is no hit.
    """
    return advance(state, patient_probability(probabilities) >= shipped_description().threshold)


def advance(state: RuleState, is_hit: Flags) -> tuple[RuleState, Flags]:
    """Return what `step` does.

    is_hit  (patients,) whether the patient's probability is at or above the threshold
    """
    hits = np.concatenate([state.hits[:, 1:], is_hit[:, np.newaxis]], axis=1)
    begins = hits[:, -OF_SECONDS:].sum(axis=1) >= HITS
    is_firing = begins | (state.is_firing & hits.any(axis=1))
    return RuleState(hits, is_firing), is_firing


def patient_probability(probabilities: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return (patients,) the mean over the leads that can be judged, in log odds; NaN without any.

    probabilities  (patients, leads), NaN for a lead that cannot be judged
    """
    with np.errstate(divide="ignore"):  # of a probability that was rounded to 0 or 1
        log_odds = np.log(probabilities) - np.log1p(-probabilities)
    limited = np.clip(log_odds.astype(np.float64), -LARGEST_LOG_ODDS, LARGEST_LOG_ODDS)
    known = ~np.isnan(limited)
    total = np.where(known, limited, 0.0).sum(axis=1)
    leads = known.sum(axis=1)
    mean = np.where(leads > 0, total / np.maximum(leads, 1), np.nan)
    probability: NDArray[np.float64] = 1.0 / (1.0 + np.exp(-mean))
    return probability
