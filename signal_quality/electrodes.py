"""The names of a lead's electrodes, for the staff at the bedside."""

from __future__ import annotations

from typing import Final

_LIMB_ELECTRODES: Final = {
    "I": "right arm and left arm electrodes",
    "II": "right arm and left leg electrodes",
    "III": "left arm and left leg electrodes",
}
# Each augmented lead is one of these electrodes against the mean of the other two.
_ALL_LIMBS: Final = "right arm, left arm and left leg electrodes"


def electrodes_of(lead: str) -> str:
    """Return "V3 electrode" or "right arm and left arm electrodes", to be used after "the"."""
    if lead.startswith("V"):
        return f"{lead} electrode"
    return _LIMB_ELECTRODES.get(lead, _ALL_LIMBS)
