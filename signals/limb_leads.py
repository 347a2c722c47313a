"""The algebra of the six limb leads.

With electrode potentials RA, LA, LL: I = LA - RA, II = LL - RA, III = LL - LA, and each of aVR,
aVL, aVF is the potential of one electrode minus the mean of the other two (Einthoven 1913;
Goldberger 1942). All six are therefore a*I + b*II, and any two of them give the other four.
"""

from __future__ import annotations

from math import sqrt
from typing import Final

import numpy as np
from numpy.typing import NDArray

LIMB_LEADS: Final = ("I", "II", "III", "aVR", "aVL", "aVF")

# lead -> (a, b) with lead = a*I + b*II
_COEFFICIENTS: Final = {
    "I": (1.0, 0.0),
    "II": (0.0, 1.0),
    "III": (-1.0, 1.0),
    "aVR": (-0.5, -0.5),
    "aVL": (1.0, -0.5),
    "aVF": (-0.5, 1.0),
}
# The frontal vector is (x, y) with I = x and aVF = y * sqrt(3) / 2, so that II = x/2 + that.
_OF_VECTOR: Final = np.array([[1.0, 0.0], [0.5, sqrt(3.0) / 2.0]])


def limb_coefficients(lead: str, first: str, second: str) -> tuple[float, float]:
    """Return (c, d) with lead = c * first + d * second, for three limb leads.

    `first` and `second` must differ.
    """
    a, b = _COEFFICIENTS[lead]
    a1, b1 = _COEFFICIENTS[first]
    a2, b2 = _COEFFICIENTS[second]
    determinant = a1 * b2 - a2 * b1
    c = (a * b2 - a2 * b) / determinant
    d = (a1 * b - a * b1) / determinant
    return c, d


def lead_vectors(leads: tuple[str, ...]) -> NDArray[np.float64]:
    """Return (leads, 2): a limb lead is the product of its row with the frontal vector."""
    return np.asarray(np.array([_COEFFICIENTS[lead] for lead in leads]) @ _OF_VECTOR)
