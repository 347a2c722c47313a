"""From the heart vector and the electrodes' noise to the twelve leads."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

import numpy as np
from numpy.typing import NDArray

from signals.leads import LEADS

# I, II and V1 to V6 from the heart vector: Dower, Machado and Osborne, On deriving the
# electrocardiogram from vectorcardiographic leads, Clin Cardiol 1980;3:87-95
# (doi:10.1002/clc.1980.3.2.87). The numbers are those that independent public implementations list
# alike; the paper itself was not at hand. Columns: Frank's X to the left, Y to the feet, Z to the
# back.
DOWER: Final = np.array(
    [
        [0.632, -0.235, 0.059],  # I
        [0.235, 1.066, -0.132],  # II
        [-0.515, 0.157, -0.917],  # V1
        [0.044, 0.164, -1.387],  # V2
        [0.882, 0.098, -1.277],  # V3
        [1.213, 0.127, -0.601],  # V4
        [1.125, 0.127, -0.086],  # V5
        [0.831, 0.076, 0.230],  # V6
    ]
)
ELECTRODES: Final = ("RA", "LA", "LL", "V1", "V2", "V3", "V4", "V5", "V6")
# I, II and V1 to V6 from the potentials of the electrodes. The chest leads are measured against the
# mean of the three limb electrodes (Wilson's central terminal).
_FROM_ELECTRODES: Final = np.zeros((8, 9))
_FROM_ELECTRODES[0, [1, 0]] = 1.0, -1.0
_FROM_ELECTRODES[1, [2, 0]] = 1.0, -1.0
_FROM_ELECTRODES[2:, :3] = -1.0 / 3.0
_FROM_ELECTRODES[2:, 3:] = np.eye(6)
# The electrodes that a lead needs.
_NEEDED: Final[dict[str, tuple[str, ...]]] = {
    "I": ("RA", "LA"),
    "II": ("RA", "LL"),
    "III": ("LA", "LL"),
    **dict.fromkeys(("aVR", "aVL", "aVF"), ("RA", "LA", "LL")),
    **{lead: ("RA", "LA", "LL", lead) for lead in LEADS[6:]},
}


def independent_leads(
    vector_mv: NDArray[np.float64], electrodes_mv: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return I, II and V1 to V6, (8, samples) mV.

    vector_mv      (3, samples) the heart vector
    electrodes_mv  (9, samples) noise of each of the ELECTRODES
    """
    leads: NDArray[np.float64] = DOWER @ vector_mv + _FROM_ELECTRODES @ electrodes_mv
    return leads


def recorded_leads(independent_mv: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return the leads as a device with a resolution of 1 uV records them, (12, samples) mV.

    III, aVR, aVL and aVF follow exactly from I and II. These are multiples of 2 uV, so that the
    half of each is recorded exactly too.
    """
    limb_uv = 2.0 * np.round(500.0 * independent_mv[:2])
    lead_i, lead_ii = limb_uv
    augmented_uv = [-(lead_i + lead_ii) / 2.0, lead_i - lead_ii / 2.0, lead_ii - lead_i / 2.0]
    chest_uv = np.round(1000.0 * independent_mv[2:])
    leads_uv = np.vstack([lead_i, lead_ii, lead_ii - lead_i, *augmented_uv, chest_uv])
    return (leads_uv / 1000.0).astype(np.float32)


def leads_without(electrode: str) -> Collection[str]:
    """Return the leads that an electrode that is off leaves without a signal."""
    return [lead for lead, needed in _NEEDED.items() if electrode in needed]
