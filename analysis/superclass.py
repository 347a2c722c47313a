"""The part `superclass` of /analyze, from a head or from an encoder's own labels."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from analysis.answer_types import Superclass
from superclasses import SUPERCLASSES


def superclass_part(probabilities: Mapping[str, float], positive: Collection[str]) -> Superclass:
    """Return the part from the superclasses' probabilities and the names of the positive ones.

    Other names in either argument are ignored; of equal probabilities the first in PTB-XL's order
    is `top`.
    """
    return {
        "top": max(SUPERCLASSES, key=lambda name: probabilities[name]),
        "probabilities": {name: probabilities[name] for name in SUPERCLASSES},
        "positive": [name for name in SUPERCLASSES if name in positive],
    }
