"""The rules for faults that are certain: each limit from both sides, and what the finding says."""

from __future__ import annotations

import numpy as np
import pytest

from signal_quality.electrodes import electrodes_of
from signal_quality.findings import (
    contradiction_findings,
    findings_by_lead,
    flat_line_findings,
    gap_findings,
    missing_lead_findings,
    saturation_findings,
)
from signal_quality.quality import Finding
from signals.leads import LEADS, twelve_leads
from tests.signals.recordings import beating, of_leads, record

SIGNAL = beating()
V3 = LEADS.index("V3")


@pytest.mark.parametrize(
    ("lead", "electrodes"),
    [
        ("V3", "V3 electrode"),
        ("I", "right arm and left arm electrodes"),
        ("II", "right arm and left leg electrodes"),
        ("III", "left arm and left leg electrodes"),
        ("aVF", "right arm, left arm and left leg electrodes"),
    ],
)
def test_the_electrodes_of_a_lead_are_named(lead: str, electrodes: str) -> None:
    assert electrodes_of(lead) == electrodes


def test_a_sound_recording_has_no_finding() -> None:
    sound = record(SIGNAL)
    leads = twelve_leads(sound)
    assert findings_by_lead(sound, leads) == dict.fromkeys(LEADS, ())
    assert missing_lead_findings(sound, leads) == []


@pytest.mark.parametrize(("samples", "flat"), [(999, False), (1000, True), (1500, True)])
@pytest.mark.parametrize("start", [0, 333, 3500])
def test_a_lead_at_one_value_for_two_seconds_is_flat(start: int, samples: int, flat: bool) -> None:
    signal = SIGNAL.copy()
    signal[V3, start : start + samples] = 0.1
    expected = {}
    if flat:
        advice = "Reattach the V3 electrode and check the cable."
        expected = {"V3": Finding("flat_line", "V3", samples / 500, 2.0, advice)}
    assert flat_line_findings(record(signal)) == expected


def test_a_gap_ends_a_flat_run_and_the_longest_run_counts() -> None:
    signal = SIGNAL.copy()
    signal[V3, :1900] = 0.1
    signal[V3, 950] = np.nan
    signal[0] = 0.0
    findings = flat_line_findings(record(signal))
    assert {lead: finding.value for lead, finding in findings.items()} == {"I": 10.0}
    signal[V3, 2500:4000] = -0.2
    assert flat_line_findings(record(signal))["V3"].value == 3.0


def test_flat_lines_are_found_in_the_order_and_at_the_rate_of_the_record() -> None:
    signal = beating(10.0, 100.0)
    signal[10, 200:450] = 1.0
    findings = flat_line_findings(of_leads(signal, "V5", "I", fs=100.0))
    assert {lead: finding.value for lead, finding in findings.items()} == {"V5": 2.5}


SATURATED = "Clean the skin, replace the V3 electrode, and wait until the trace has settled."


@pytest.mark.parametrize("level", [5.0, -5.0, 7.3])
@pytest.mark.parametrize(("samples", "saturated"), [(19, False), (20, True), (21, True)])
def test_a_lead_at_its_extreme_for_40_ms_is_saturated(
    samples: int, saturated: bool, level: float
) -> None:
    signal = SIGNAL.copy()
    signal[V3, 300 : 300 + samples] = level
    expected = {}
    if saturated:
        expected = {"V3": Finding("saturated", "V3", samples / 500, 0.04, SATURATED)}
    assert saturation_findings(record(signal)) == expected


@pytest.mark.parametrize("level", [np.nextafter(np.float32(5.0), 0), -4.9])
def test_below_5_mv_nothing_is_saturated(level: float) -> None:
    signal = SIGNAL.copy()
    signal[V3, 300:400] = level
    assert saturation_findings(record(signal)) == {}


def test_only_the_highest_and_the_lowest_value_are_saturation() -> None:
    signal = SIGNAL.copy()
    signal[V3, 300:400] = 6.0
    signal[V3, 1000] = 6.5
    signal[V3, 2000:2030] = -8.0
    signal[V3, 2030] = np.nan
    findings = saturation_findings(record(signal))
    assert findings["V3"].value == 30 / 500


def test_without_known_units_nothing_is_saturated() -> None:
    signal = SIGNAL.copy()
    signal[V3, 300:400] = 6.0
    assert saturation_findings(record(signal, units="unknown")) == {}


@pytest.mark.parametrize(("samples", "saturated"), [(1, False), (2, True)])
def test_at_a_low_rate_two_samples_are_needed(samples: int, saturated: bool) -> None:
    """At 25 Hz 40 ms are one sample, and every maximum has one."""
    signal = beating(10.0, 25.0)
    signal[V3, 30 : 30 + samples] = 6.0
    assert ("V3" in saturation_findings(record(signal, fs=25.0))) is saturated


GAPS = "Check the cable and the V3 electrode: the signal is interrupted."


def test_a_gap_longer_than_0_2_s_is_a_finding() -> None:
    signal = SIGNAL.copy()
    signal[0, 700:800] = np.nan
    signal[V3, 100:200] = np.nan
    assert gap_findings(record(signal)) == {}
    signal[V3, 1000:1101] = np.nan
    signal[V3, 4900:] = np.nan
    signal[V3, 2000:2200] = np.nan
    # 101 and 200 samples count, two gaps of 100 do not.
    expected = Finding("gaps", "V3", 301 / 500, 0.2, GAPS)
    assert gap_findings(record(signal)) == {"V3": expected}


@pytest.mark.parametrize(("missing", "code"), [(2500, "gaps"), (2501, "mostly_missing")])
def test_over_half_of_the_samples_missing_is_another_finding(missing: int, code: str) -> None:
    signal = SIGNAL.copy()
    signal[V3, :missing] = np.nan
    finding = gap_findings(record(signal))["V3"]
    assert finding.code == code
    assert finding.advice == GAPS
    assert finding.value == (5.0 if code == "gaps" else 0.5002)
    assert finding.limit == (0.2 if code == "gaps" else 0.5)


def test_short_gaps_may_make_up_most_of_a_lead() -> None:
    signal = SIGNAL.copy()
    signal[V3, ::3] = np.nan
    signal[V3, 1::3] = np.nan
    finding = gap_findings(record(signal))["V3"]
    assert finding.code == "mostly_missing"
    assert finding.value == pytest.approx(2 / 3, abs=1e-3)


def test_a_contradicting_limb_lead_is_named_with_its_rms() -> None:
    signal = SIGNAL.copy()
    signal[1] *= -1
    leads = twelve_leads(record(signal))
    ((lead, rms, limit),) = leads.limb_agreement.contradictions
    assert lead == "II"
    advice = (
        "II contradicts the other limb leads. Check that the arm and leg electrodes are where their"
        " labels say, that the leads are named correctly, and that their gains are right."
    )
    assert contradiction_findings(leads) == {
        "II": Finding("limb_lead_contradiction", "II", rms, limit, advice)
    }


def test_leads_that_were_neither_sent_nor_derived_are_missing() -> None:
    signal = SIGNAL.copy()
    signal[7, 100:] = np.nan
    sent = of_leads(signal, "I", "II", "V1", "V2", "V4", "V5", "V6")
    findings = missing_lead_findings(sent, twelve_leads(sent))
    # V2 was sent, although most of it is missing: that is another finding.
    advice = "Attach the V3 electrode for a full 12-lead recording."
    assert findings == [Finding("missing_lead", "V3", None, None, advice)]


def test_the_findings_of_the_sent_leads_are_in_standard_order() -> None:
    signal = SIGNAL.copy()
    signal[6, :1500] = 6.0
    signal[6, 2000:2300] = np.nan
    sent = of_leads(signal, "V6", "V1", "II")
    findings = findings_by_lead(sent, twelve_leads(sent))
    assert list(findings) == ["II", "V1", "V6"]
    codes = [finding.code for finding in findings["V1"]]
    assert codes == ["flat_line", "saturated", "gaps"]
    assert findings["II"] == findings["V6"] == ()
