"""Numeric codes of leads: the SCP-ECG numbers, which ISO 11073-10101 (MDC), DICOM and MFER share.

Sources: EN 1064 (SCP-ECG) table 5; ISO 11073-10101, where the MDC code of a lead is 131328 plus its
number; ISO 22077-1 (MFER), tag 09h
"""

from __future__ import annotations

from typing import Final

_STANDARD_LEADS: Final = {
    **dict(zip(range(1, 9), ("I", "II", "V1", "V2", "V3", "V4", "V5", "V6"), strict=True)),
    **dict(zip(range(61, 65), ("III", "aVR", "aVL", "aVF"), strict=True)),
}
# Not analysed; the names appear in the warning about channels that are left out.
_OTHER_LEADS: Final = {
    9: "V7", 10: "V2R", 11: "V3R", 12: "V4R", 13: "V5R", 14: "V6R", 15: "V7R", 16: "X", 17: "Y",
    18: "Z", 65: "-aVR", 66: "V8", 67: "V9", 68: "V8R", 69: "V9R",
}  # fmt: skip
_NAMES: Final = {**_STANDARD_LEADS, **_OTHER_LEADS}
_MDC_BASE: Final = 131_328
_MDC_BLOCK: Final = "2"  # the block of "2:61": leads


def lead_from_scp_number(number: int) -> str:
    """Return the lead's name, or "lead 21" for a number without a name in this table."""
    return _NAMES.get(number) or f"lead {number}"


def lead_from_mdc_code(code: str) -> str | None:
    """Return the lead of an MDC code such as "131389" or "2:61"; None if it is no lead's code."""
    block, _, digits = code.rpartition(":")
    if block not in ("", _MDC_BLOCK):
        return None
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 6):
        return None
    number = int(digits)
    if not block:
        number -= _MDC_BASE
    return _NAMES.get(number)
