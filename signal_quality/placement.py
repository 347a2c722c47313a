"""Whether electrodes may have changed places: two of the limbs, two neighbours of the chest, or the chest row reversed.

The representative beat says how the leads usually go together. For P, QRS and T apart, the products of all pairs of the eight
independent leads, and their means, are given to a multinomial logistic regression that was shown recordings of PTB-XL as they
are and with leads exchanged (`python -m training.placement`). In the manner of Kors and van Herpen, *Accurate automatic
detection of electrode interchange in the electrocardiogram*, Am J Cardiol 2001, who predict each lead from the others.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from signal_quality.beats import AFTER_S, BEFORE_S
from signal_quality.quality import Code, Finding
from signal_quality.windows import Window
from signals.leads import INDEPENDENT
from signals.order import mean, median

FILE: Final = Path(__file__).with_name("placement.json")
PARTS_S: Final = (
    (-BEFORE_S, -0.06),
    (-0.06, 0.06),
    (0.10, AFTER_S),
)  # P, QRS, T of a usual beat, about R
MIN_LIKENESS: Final = (
    0.7  # of its beats in the median lead; a template of noise says nothing of electrodes
)

_TRIANGLE: Final = np.triu_indices(len(INDEPENDENT))


def _chest(*order: int) -> NDArray[np.float64]:
    """What is called V1..V6 is V`order`."""
    exchange = np.eye(len(INDEPENDENT))
    exchange[2:] = exchange[[1 + number for number in order]]
    return exchange


def _limbs(one: tuple[float, float], two: tuple[float, float]) -> NDArray[np.float64]:
    """What is called I and II, each as (of I, of II)."""
    exchange = np.eye(len(INDEPENDENT))
    exchange[:2, :2] = one, two
    return exchange


EXCHANGES: Final[dict[str, NDArray[np.float64]]] = {
    "": np.eye(len(INDEPENDENT)),
    "right arm and left arm": _limbs((-1, 0), (-1, 1)),  # I is -I, II is III
    "right arm and left leg": _limbs((1, -1), (0, -1)),  # I is -III, II is -II
    "left arm and left leg": _limbs((0, 1), (1, 0)),  # I is II, II is I
    "V1 and V2": _chest(2, 1, 3, 4, 5, 6),
    "V2 and V3": _chest(1, 3, 2, 4, 5, 6),
    "V3 and V4": _chest(1, 2, 4, 3, 5, 6),
    "V4 and V5": _chest(1, 2, 3, 5, 4, 6),
    "V5 and V6": _chest(1, 2, 3, 4, 6, 5),
    "V1 and V3": _chest(3, 2, 1, 4, 5, 6),
    "V1 to V6": _chest(6, 5, 4, 3, 2, 1),
}


@dataclass(frozen=True, eq=False)
class PlacementModel:
    """weights (exchanges, features), shifts (exchanges,); suspected where all but the first together are above `limit`."""

    weights: NDArray[np.float64]
    shifts: NDArray[np.float64]
    limit: float

    def probabilities(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        """(recordings, features) -> (recordings, exchanges), were all of them equally frequent."""
        logits = rows @ self.weights.T + self.shifts
        shares = np.exp(logits - logits.max(axis=1, keepdims=True))
        probabilities: NDArray[np.float64] = shares / shares.sum(axis=1, keepdims=True)
        return probabilities


def placement_findings(windows: Sequence[Window], lead_names: Sequence[str]) -> list[Finding]:
    """At most one: the likeliest exchange, where the leads together are unlikely as they are named."""
    rows = placement_rows(windows, lead_names)
    if rows is None:
        return []
    model = shipped()
    likely = mean(model.probabilities(rows), axis=0)
    suspicion = float(1.0 - likely[0])
    if suspicion <= model.limit:
        return []
    which = list(EXCHANGES)[1 + int(np.argmax(likely[1:]))]
    code: Code = "chest_electrode_reversal" if which.startswith("V") else "limb_electrode_reversal"
    order = "may be in reverse order" if which == "V1 to V6" else "may have changed places"
    advice = f"The {which} electrodes {order}: check each against its label and record again, before anything is read from it."
    return [Finding(code, None, suspicion, model.limit, advice)]


def placement_rows(
    windows: Sequence[Window], lead_names: Sequence[str]
) -> NDArray[np.float64] | None:
    """(windows with beats worth it, features); None without all eight leads or such a window."""
    if not set(INDEPENDENT) <= set(lead_names):
        return None
    order = [list(lead_names).index(lead) for lead in INDEPENDENT]
    worth = [
        window.beats
        for window in windows
        if median(window.features.lead("likeness")) >= MIN_LIKENESS
    ]
    found = [
        features_of(beats.templates[order].astype(np.float64))
        for beats in worth
        if beats.height[order].min() > 0
    ]
    return np.array(found) if found else None


def features_of(template: NDArray[np.float64]) -> NDArray[np.float64]:
    """(8 leads, samples from -0.24 to 0.40 s about R) -> products and means of P, QRS and T, free of scale."""
    rate = template.shape[1] / (BEFORE_S + AFTER_S)
    found = []
    for start_s, stop_s in PARTS_S:
        part = template[:, round((start_s + BEFORE_S) * rate) : round((stop_s + BEFORE_S) * rate)]
        part = part / (np.sqrt(np.square(part).sum() / part.shape[1]) + 1e-9)
        found += [(part @ part.T / part.shape[1])[_TRIANGLE], mean(part)]
    return np.concatenate(found)


@cache
def shipped() -> PlacementModel:
    """The model in this folder."""
    stored = json.loads(FILE.read_text(encoding="utf-8"))
    if stored["exchanges"] != list(EXCHANGES):
        raise ValueError(
            "signal_quality: the shipped placement model knows other exchanges; run python -m training.placement"
        )
    return PlacementModel(
        np.array(stored["weights"]), np.array(stored["shifts"]), float(stored["limit"])
    )
