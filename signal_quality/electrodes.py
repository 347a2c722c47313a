"""The names of a lead's electrodes, for advice to the staff at the bedside."""

from __future__ import annotations

from typing import Final

_BIPOLAR_LEAD_ELECTRODES: Final = {
    "I": "right arm and left arm electrodes",
    "II": "right arm and left leg electrodes",
    "III": "left arm and left leg electrodes",
}
# An augmented lead is measured between one of these electrodes and the mean of the other two.
_AUGMENTED_LEAD_ELECTRODES: Final = "right arm, left arm and left leg electrodes"


def electrodes_of(lead: str) -> str:
    """Return the names of the electrodes of one of the twelve leads, without an article.

    For example "V3 electrode" or "right arm and left arm electrodes".
    """
    if lead.startswith("V"):
        return f"{lead} electrode"
    return _BIPOLAR_LEAD_ELECTRODES.get(lead, _AUGMENTED_LEAD_ELECTRODES)
