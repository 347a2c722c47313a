"""The part `quality` names the electrodes to look at."""

from __future__ import annotations

from analysis.quality_part import quality_part
from signal_quality.quality import Code, Electrode, Finding, LeadQuality, Quality


def electrodes_to_look_at(
    lead: str | None, code: Code, exchanged: tuple[Electrode, ...] = ()
) -> list[Electrode]:
    """The electrodes of the only finding of a recording."""
    finding = Finding(code, lead, None, None, "advice", exchanged)
    part = quality_part(Quality("Good", True, 0.9, {"I": LeadQuality("Good")}, (finding,), ""))
    return part["findings"][0]["electrodes"]


def test_a_lead_is_named_by_its_electrodes() -> None:
    assert electrodes_to_look_at("V3", "lead_off") == ["V3"]
    assert electrodes_to_look_at("II", "lead_off") == ["RA", "LL"]
    assert electrodes_to_look_at("aVL", "lead_off") == ["RA", "LA", "LL"]


def test_interchanged_electrodes_are_named_and_a_pulse_has_none() -> None:
    exchanged: tuple[Electrode, ...] = ("RA", "LA")
    assert electrodes_to_look_at(None, "limb_electrode_reversal", exchanged) == ["RA", "LA"]
    assert electrodes_to_look_at(None, "calibration_pulse") == []
