"""The part `superclass` of /analyze, from a head or from an encoder's own labels."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from analysis.answer_types import Superclass
from superclasses import SUPERCLASSES


def superclass_part(probabilities: Mapping[str, float], positive: Collection[str]) -> Superclass:
    """Return the part from the superclasses' probabilities and the names of the positive ones.

    Other names in either argument are ignored. `top` is the most probable of the positive ones, the
    first in PTB-XL's order of equal ones: a superclass that the model rejects is never named, even
    if no other is more probable.
    """
    named = [name for name in SUPERCLASSES if name in positive]
    return {
        "top": max(named, key=lambda name: probabilities[name], default=None),
        "probabilities": {name: probabilities[name] for name in SUPERCLASSES},
        "positive": named,
    }
