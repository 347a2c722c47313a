"""Numbers and MDC codes of leads, after EN 1064 table 5 and ISO 11073-10101."""

from __future__ import annotations

import pytest

from formats.lead_codes import lead_from_mdc_code, lead_from_scp_number

# As the standard's table lists them.
NUMBERS = {
    1: "I", 2: "II", 3: "V1", 4: "V2", 5: "V3", 6: "V4", 7: "V5", 8: "V6", 9: "V7", 10: "V2R",
    11: "V3R", 12: "V4R", 13: "V5R", 14: "V6R", 15: "V7R", 16: "X", 17: "Y", 18: "Z", 61: "III",
    62: "aVR", 63: "aVL", 64: "aVF", 65: "-aVR", 66: "V8", 67: "V9", 68: "V8R", 69: "V9R",
}  # fmt: skip


@pytest.mark.parametrize("number", NUMBERS)
def test_a_number_and_its_mdc_codes_are_one_lead(number: int) -> None:
    name = NUMBERS[number]
    assert lead_from_scp_number(number) == name
    assert lead_from_mdc_code(f"2:{number}") == name
    assert lead_from_mdc_code(str(131328 + number)) == name


@pytest.mark.parametrize("number", [0, 19, 21, 60, 70, 131329])
def test_another_number_has_no_name(number: int) -> None:
    assert lead_from_scp_number(number) == f"lead {number}"
    assert lead_from_mdc_code(f"2:{number}") is None


@pytest.mark.parametrize(
    "code", ["", "1", "2:", "3:61", "2:131329", "131328", "131327", "0131329", "١٣١٣٢٩", "2:x", "x"]
)
def test_another_code_is_no_lead(code: str) -> None:
    assert lead_from_mdc_code(code) is None
