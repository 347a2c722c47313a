"""Numbers of leads: SCP-ECG's, which ISO 11073-10101 (MDC), DICOM and MFER share.

Source: EN 1064 (SCP-ECG) table 5; ISO 11073-10101: the lead's MDC code is 131328 + the number; ISO 22077-1 (MFER) tag 09h
"""

from __future__ import annotations

from typing import Final

_LEADS: Final = {
    **dict(zip(range(1, 9), ("I", "II", "V1", "V2", "V3", "V4", "V5", "V6"), strict=True)),
    **dict(zip(range(61, 65), ("III", "aVR", "aVL", "aVF"), strict=True)),
}
# Named so that a message can say what was left out.
_OTHERS: Final = {
    9: "V7", 10: "V2R", 11: "V3R", 12: "V4R", 13: "V5R", 14: "V6R", 15: "V7R", 16: "X", 17: "Y", 18: "Z", 65: "-aVR", 66: "V8", 67: "V9",
    68: "V8R", 69: "V9R",
}  # fmt: skip
MDC_BASE: Final = 131_328


def lead_from_scp_number(number: int) -> str:
    """The lead's name; "lead 21" for a number that stands for no lead we name."""
    return _LEADS.get(number) or _OTHERS.get(number) or f"lead {number}"


def lead_from_mdc_code(code: str) -> str | None:
    """The lead of an MDC code such as "131389" or "2:61"; None where the code is no lead's."""
    block, _, rest = code.rpartition(":")
    if block not in ("", "2") or not (rest.isascii() and rest.isdigit() and len(rest) <= 6):
        return None
    number = int(rest) - (0 if block else MDC_BASE)
    return lead_from_scp_number(number) if number in _LEADS or number in _OTHERS else None
