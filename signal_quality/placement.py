"""Detection of interchanged electrodes: two limbs, two chest neighbours, or the chest row reversed.

The representative beat shows how the leads usually relate. For P, QRS and T separately, the
products of all pairs of the eight independent leads, and their means, are the input of a
multinomial logistic regression. It was trained on recordings of PTB-XL as they are and with leads
exchanged (`python -m training.placement`). The method follows Kors and van Herpen, *Accurate
automatic detection of electrode interchange in the electrocardiogram*, Am J Cardiol 2001, who
predict each lead from the others.
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
from signal_quality.electrodes import CHEST_ELECTRODES
from signal_quality.quality import Code, Electrode, Finding
from signal_quality.windows import Window
from signals.leads import INDEPENDENT_LEADS
from signals.order import mean, median

FILE: Final = Path(__file__).with_name("placement.json")
# P, QRS and T of a usual beat, in seconds about R.
PARTS_S: Final = ((-BEFORE_S, -0.06), (-0.06, 0.06), (0.10, AFTER_S))
# Likeness of the beats in the median lead. A template of noise shows nothing about electrodes.
MIN_LIKENESS: Final = 0.7

_UPPER_TRIANGLE: Final = np.triu_indices(len(INDEPENDENT_LEADS))


def _chest(*order: int) -> NDArray[np.float64]:
    """Return the matrix of an exchange after which V1..V6 are the leads V`order`."""
    exchange = np.eye(len(INDEPENDENT_LEADS))
    rows = [1 + number for number in order]
    exchange[2:] = exchange[rows]
    return exchange


def _limbs(one: tuple[float, float], two: tuple[float, float]) -> NDArray[np.float64]:
    """Return the matrix of an exchange after which I is `one` and II is `two`, of (I, II)."""
    exchange = np.eye(len(INDEPENDENT_LEADS))
    exchange[:2, :2] = one, two
    return exchange


# The eight independent leads after an exchange are its matrix times the leads before it.
EXCHANGES: Final[dict[str, NDArray[np.float64]]] = {
    "": np.eye(len(INDEPENDENT_LEADS)),
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
# The electrodes by their names in EXCHANGES.
_ELECTRODES: Final[dict[str, Electrode]] = {
    "right arm": "RA",
    "left arm": "LA",
    "left leg": "LL",
    **{electrode: electrode for electrode in CHEST_ELECTRODES},
}


@dataclass(frozen=True, eq=False)
class PlacementModel:
    """A multinomial logistic regression over EXCHANGES.

    weights  (exchanges, features)
    shifts   (exchanges,)
    limit    electrodes are suspected if the probability of any exchange is above it
    """

    weights: NDArray[np.float64]
    shifts: NDArray[np.float64]
    limit: float

    def probabilities(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return (recordings, exchanges) for (recordings, features).

        They are those of a world in which all exchanges are equally frequent.
        """
        logits = rows @ self.weights.T + self.shifts
        # Without the largest logit, so that no exponential overflows.
        shares = np.exp(logits - logits.max(axis=1, keepdims=True))
        probabilities: NDArray[np.float64] = shares / shares.sum(axis=1, keepdims=True)
        return probabilities


def placement_findings(windows: Sequence[Window], lead_names: Sequence[str]) -> list[Finding]:
    """Return the likeliest exchange, or nothing if the leads are plausible as they are named.

    Its value is the probability that any electrodes are exchanged.
    """
    rows = placement_rows(windows, lead_names)
    if rows is None:
        return []
    model = shipped_placement()
    probabilities = mean(model.probabilities(rows), axis=0)
    suspicion = float(1.0 - probabilities[0])
    if suspicion <= model.limit:
        return []
    names = list(EXCHANGES)
    likeliest = names[1 + int(np.argmax(probabilities[1:]))]
    is_chest = likeliest.startswith("V")
    code: Code = "chest_electrode_reversal" if is_chest else "limb_electrode_reversal"
    fault = "may be in reverse order" if likeliest == "V1 to V6" else "may be interchanged"
    advice = (
        f"The {likeliest} electrodes {fault}: check each against its label and record again before"
        " interpreting the recording."
    )
    return [Finding(code, None, suspicion, model.limit, advice, _electrodes_of(likeliest))]


def _electrodes_of(exchange: str) -> tuple[Electrode, ...]:
    """Return the electrodes of one of EXCHANGES, by their names in it."""
    if exchange == "V1 to V6":
        return CHEST_ELECTRODES
    return tuple(_ELECTRODES[name] for name in exchange.split(" and "))


def placement_rows(
    windows: Sequence[Window], lead_names: Sequence[str]
) -> NDArray[np.float64] | None:
    """Return (windows, features) of the windows whose beats are alike.

    None if one of the eight independent leads is missing, or if there is no such window.
    """
    if not set(INDEPENDENT_LEADS) <= set(lead_names):
        return None
    order = [list(lead_names).index(lead) for lead in INDEPENDENT_LEADS]
    rows = []
    for window in windows:
        beats = window.beats
        is_alike = median(window.features.by_lead("likeness")) >= MIN_LIKENESS
        if is_alike and beats.height[order].min() > 0:
            rows.append(placement_features(beats.templates[order].astype(np.float64)))
    return np.array(rows) if rows else None


def placement_features(template: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return (features,) the products and means of P, QRS and T, free of scale.

    template  (8 leads, samples from -0.24 to 0.40 s about R)
    """
    rate = template.shape[1] / (BEFORE_S + AFTER_S)
    features = []
    for start_s, stop_s in PARTS_S:
        start = round((start_s + BEFORE_S) * rate)
        stop = round((stop_s + BEFORE_S) * rate)
        part = template[:, start:stop]
        samples = part.shape[1]
        rms = np.sqrt(np.square(part).sum() / samples)
        part = part / (rms + 1e-9)
        products = part @ part.T / samples
        features += [products[_UPPER_TRIANGLE], mean(part)]
    return np.concatenate(features)


@cache
def shipped_placement() -> PlacementModel:
    """Return the model in this folder. Raises ValueError if it knows other exchanges."""
    stored = json.loads(FILE.read_text(encoding="utf-8"))
    if stored["exchanges"] != list(EXCHANGES):
        raise ValueError(
            f"signal_quality: {FILE.name} was trained on other exchanges;"
            " train it again with python -m training.placement"
        )
    weights = np.array(stored["weights"])
    shifts = np.array(stored["shifts"])
    return PlacementModel(weights, shifts, float(stored["limit"]))
