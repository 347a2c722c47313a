"""Which electrodes a lead hangs on, in words that somebody at the bedside can act on."""

from __future__ import annotations

from typing import Final

_LIMB_ELECTRODES: Final = {
    "I": "right arm and left arm electrodes",
    "II": "right arm and left leg electrodes",
    "III": "left arm and left leg electrodes",
}
_ALL_LIMBS: Final = "right arm, left arm and left leg electrodes"  # each augmented lead is one of them against the other two


def electrodes_of(lead: str) -> str:
    """ "V3 electrode", "right arm and left arm electrodes"; for sentences with "the" before it."""
    return f"{lead} electrode" if lead.startswith("V") else _LIMB_ELECTRODES.get(lead, _ALL_LIMBS)
