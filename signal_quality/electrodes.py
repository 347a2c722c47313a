"""The electrodes of a lead, and their names in advice to the staff at the bedside."""

from __future__ import annotations

from typing import Final

from signal_quality.quality import Electrode

CHEST_ELECTRODES: Final[tuple[Electrode, ...]] = ("V1", "V2", "V3", "V4", "V5", "V6")
_OF_BIPOLAR_LEAD: Final[dict[str, tuple[Electrode, ...]]] = {
    "I": ("RA", "LA"),
    "II": ("RA", "LL"),
    "III": ("LA", "LL"),
}
_OF_AUGMENTED_LEAD: Final[tuple[Electrode, ...]] = ("RA", "LA", "LL")
_BIPOLAR_LEAD_ELECTRODES: Final = {
    "I": "right arm and left arm electrodes",
    "II": "right arm and left leg electrodes",
    "III": "left arm and left leg electrodes",
}
# An augmented lead is measured between one of these electrodes and the mean of the other two.
_AUGMENTED_LEAD_ELECTRODES: Final = "right arm, left arm and left leg electrodes"


def lead_electrodes(lead: str) -> tuple[Electrode, ...]:
    """Return the electrodes of one of the twelve leads, but the neutral and the reference ones."""
    for electrode in CHEST_ELECTRODES:
        if lead == electrode:
            return (electrode,)
    return _OF_BIPOLAR_LEAD.get(lead, _OF_AUGMENTED_LEAD)


def electrodes_of(lead: str) -> str:
    """Return the names of the electrodes of one of the twelve leads, without an article.

    For example "V3 electrode" or "right arm and left arm electrodes".
    """
    if lead.startswith("V"):
        return f"{lead} electrode"
    return _BIPOLAR_LEAD_ELECTRODES.get(lead, _AUGMENTED_LEAD_ELECTRODES)
