"""The judgement of sound, flat, broken and missing leads, and of whole recordings."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from signal_quality import Quality, assess
from signal_quality.assess import NO_PROBABILITY, UNITS_UNKNOWN
from signals.lead_lists import parse_lead_names
from signals.leads import LEADS
from signals.record import EcgRecord
from tests.data import SHARED, requires_shared
from tests.signals.recordings import beating, of_leads, record

SIGNAL = beating()
CLEAN = ("Good", "Excellent")


def codes(quality: Quality) -> list[tuple[str, str | None]]:
    return [(finding.code, finding.lead) for finding in quality.findings]


def test_a_clean_recording_is_excellent_without_findings_or_warnings() -> None:
    quality = assess(record(SIGNAL))
    assert quality.signal_quality == "Excellent"
    assert quality.readable
    assert quality.findings == ()
    assert quality.warnings == ()
    assert quality.recommendation == "Can be read."
    assert quality.probability_readable is not None
    assert quality.probability_readable > 0.8
    assert list(quality.leads) == list(LEADS)
    assert {lead.word for lead in quality.leads.values()} == {"Excellent"}


def test_with_unknown_units_limits_in_mv_are_off_and_a_warning_says_so() -> None:
    quality = assess(record(700 * SIGNAL, units="unknown"))
    assert quality.signal_quality == "Good"
    assert quality.findings == ()
    assert quality.warnings == (UNITS_UNKNOWN,)
    assert {lead.word for lead in quality.leads.values()} == {"Good"}
    # The gain does not matter.
    small = assess(record(0.01 * SIGNAL, units="unknown"))
    assert quality.probability_readable == pytest.approx(small.probability_readable, abs=0.02)


def test_the_warnings_say_what_is_not_judged() -> None:
    quality = assess(record(np.full((12, 5000), np.nan), units="unknown"))
    assert quality.probability_readable is None
    assert quality.warnings == (UNITS_UNKNOWN, NO_PROBABILITY)
    assert UNITS_UNKNOWN == (
        "signal_quality: the units are unknown; limits in mV are not applied, Good is the best"
        " possible word, and probability_readable assumes QRS complexes of the usual height"
    )
    assert NO_PROBABILITY == "probability_readable: null, because no lead has enough samples"


def test_a_flat_chest_lead_is_found_and_only_that() -> None:
    signal = SIGNAL.copy()
    signal[8] = 0.0
    quality = assess(record(signal))
    assert codes(quality) == [("flat_line", "V3")]
    (finding,) = quality.leads["V3"].findings
    assert finding.value == 10.0
    assert finding.advice == "Reattach the V3 electrode and check the cable."
    assert quality.leads["V3"].word == "Unreadable"
    assert {quality.leads[lead].word for lead in LEADS if lead != "V3"} == {"Excellent"}
    # The leads are Acceptable. The model's probability is that of a recording with a flat lead.
    assert quality.probability_readable is not None
    assert quality.probability_readable < 0.6
    assert quality.signal_quality == "Poor"
    assert quality.recommendation == (
        "Record again after fixing V3; until then, read only what is clear, with caution."
    )


@pytest.mark.parametrize("level", [0.0, 0.3, -5.0])
@pytest.mark.parametrize("live", [LEADS[:6], ("II",), ("I", "II", "V2", "V5")])
def test_flat_leads_do_not_make_the_live_ones_unreadable(
    live: tuple[str, ...], level: float
) -> None:
    signal = SIGNAL.copy()
    flat = [lead for lead in LEADS if lead not in live]
    signal[[LEADS.index(lead) for lead in flat]] = level
    quality = assess(record(signal))
    assert {quality.leads[lead].word for lead in live} == {"Excellent"}
    assert (
        {lead for code, lead in codes(quality) if code == "flat_line"}
        == {lead for lead, one in quality.leads.items() if one.word == "Unreadable"}
        == set(flat)
    )
    assert quality.signal_quality == "Poor"
    assert not quality.readable
    assert ", ".join(flat[:-1]) + f" and {flat[-1]}" in quality.recommendation
    assert assess(of_leads(signal, *live)).signal_quality == "Excellent"


def test_flat_leads_and_noise_in_the_others_are_unreadable() -> None:
    signal = np.random.default_rng(0).normal(0, 0.5, SIGNAL.shape).astype(np.float32)
    signal[6:] = 0.0
    assert assess(record(signal)).signal_quality == "Unreadable"


def test_a_lead_that_is_flat_for_three_seconds_is_poor_and_its_noise_is_not_mentioned() -> None:
    signal = SIGNAL.copy()
    signal[8] += 0.1 * np.sin(2 * np.pi * 50 * np.arange(5000) / 500)
    signal[8, :1500] = 0.1
    quality = assess(record(signal))
    assert codes(quality) == [("flat_line", "V3")]
    assert quality.leads["V3"].word == "Poor"
    assert quality.findings[0].value == 3.0


def test_a_lead_with_a_gap_keeps_its_noise() -> None:
    signal = SIGNAL.copy()
    signal[8] += 0.1 * np.sin(2 * np.pi * 50 * np.arange(5000) / 500)
    signal[8, 1000:1500] = np.nan
    quality = assess(record(signal))
    assert codes(quality) == [("gaps", "V3"), ("mains_hum", "V3")]
    assert quality.leads["V3"].word == "Acceptable"
    assert quality.recommendation == "Can be read; note the noise or gaps in V3."


def test_a_lead_mostly_missing_is_unreadable() -> None:
    signal = SIGNAL.copy()
    signal[6, 2000:] = np.nan
    quality = assess(record(signal))
    assert codes(quality) == [("mostly_missing", "V1")]
    assert quality.findings[0].value == 0.6
    assert quality.leads["V1"].word == "Unreadable"
    assert quality.probability_readable is not None


def test_missing_leads_are_named_and_do_not_lower_the_word() -> None:
    quality = assess(of_leads(SIGNAL, "II", "I", *LEADS[6:11]))
    assert codes(quality) == [("missing_lead", "V6")]
    assert list(quality.leads) == ["I", "II", *LEADS[6:11]]
    assert quality.signal_quality in CLEAN
    assert quality.recommendation == "Can be read."


def test_findings_are_those_of_the_leads_then_of_missing_leads() -> None:
    signal = SIGNAL.copy()
    signal[8] = 0.0
    signal[6, 100:600] = np.nan
    quality = assess(of_leads(signal, "II", "I", "V3", "V1", "V2"))
    assert codes(quality) == [
        ("gaps", "V1"),
        ("flat_line", "V3"),
        ("missing_lead", "V4"),
        ("missing_lead", "V5"),
        ("missing_lead", "V6"),
    ]


def test_a_limb_lead_that_contradicts_is_poor() -> None:
    signal = SIGNAL.copy()
    signal[1] *= -1
    quality = assess(record(signal))
    assert [pair for pair in codes(quality) if pair[1]] == [("limb_lead_contradiction", "II")]
    assert quality.leads["II"].word == "Poor"


@pytest.mark.parametrize("level", [0.0, 0.3, np.nan])
@pytest.mark.parametrize("leads", [LEADS, ("II",)])
def test_flat_leads_or_gaps_throughout_are_unreadable(level: float, leads: tuple[str, ...]) -> None:
    quality = assess(record(np.full((len(leads), 5000), level), leads))
    assert quality.signal_quality == "Unreadable"
    assert not quality.readable
    assert (quality.probability_readable is None) == np.isnan(level)
    assert quality.warnings == ((NO_PROBABILITY,) if np.isnan(level) else ())
    assert quality.recommendation == (
        "Do not read this recording. Check all electrodes and cables, and record again."
    )
    code = "mostly_missing" if np.isnan(level) else "flat_line"
    assert [pair for pair in codes(quality) if pair[0] != "missing_lead"] == [
        (code, lead) for lead in leads
    ]


@pytest.mark.parametrize("lead", LEADS)
def test_one_lead_alone_can_be_judged(lead: str) -> None:
    quality = assess(of_leads(SIGNAL, lead))
    assert quality.signal_quality not in ("Poor", "Unreadable")
    assert quality.readable
    assert list(quality.leads) == [lead]


@pytest.mark.parametrize("size_mv", [0.02, 1.0])
@pytest.mark.parametrize("fs", [100.0, 500.0])
def test_noise_cannot_be_read(fs: float, size_mv: float) -> None:
    noise = size_mv * np.random.default_rng(0).normal(size=(12, round(10 * fs)))
    quality = assess(record(noise, fs=fs))
    assert not quality.readable
    assert quality.signal_quality in ("Poor", "Unreadable")
    assert quality.probability_readable is not None
    assert quality.probability_readable < 0.5


@pytest.mark.parametrize(("at_s", "seconds"), [(10.3, 11.0), (0.05, 11.0)])
def test_a_calibration_pulse_is_found_and_not_judged(at_s: float, seconds: float) -> None:
    signal = beating(seconds)
    pulse = slice(round(at_s * 500), round((at_s + 0.2) * 500))
    with_pulse = signal.copy()
    with_pulse[:, pulse] = 0.0
    with_pulse[[0, 1, *range(6, 12)], pulse] = 1.0
    quality = assess(record(with_pulse))
    (finding,) = [one for one in quality.findings if one.code == "calibration_pulse"]
    assert finding.value == pytest.approx(at_s, abs=0.03)
    assert (finding.lead, finding.limit) == (None, None)
    assert finding.advice == (
        f"The recording contains a calibration pulse at {finding.value:.1f} s;"
        " it is not judged and does not count as a beat."
    )
    assert quality.signal_quality in CLEAN
    assert codes(assess(record(signal))) == []


def test_ten_minutes_with_one_bad_window_can_be_read() -> None:
    """The probability is the mean over 60 windows."""
    signal = np.tile(SIGNAL, 60)
    bad = signal.copy()
    bad[:, :5000] = np.random.default_rng(4).normal(size=(12, 5000))
    good = assess(record(signal)).probability_readable
    worse = assess(record(bad))
    assert worse.readable
    assert good is not None and worse.probability_readable is not None
    noise = assess(record(bad[:, :5000])).probability_readable
    assert noise is not None
    expected = (59 * good + noise) / 60
    assert worse.probability_readable == pytest.approx(expected, abs=0.01)


@requires_shared
def test_rules_rarely_blame_recordings_that_annotators_accept() -> None:
    """The first 100 packed recordings of PhysioNet/CinC 2011.

    A rule that fires on accepted recordings is too eager.
    """
    sys.path.insert(0, str(SHARED / "cinc2011"))
    try:
        import load
    finally:
        sys.path.pop(0)
    is_bad: dict[str, list[bool]] = {}
    for _, (_, fs, leads, signal, label) in zip(range(100), load.records(), strict=False):
        names = parse_lead_names(list(leads))
        quality = assess(EcgRecord(np.ascontiguousarray(signal, np.float32), float(fs), names))
        is_bad.setdefault(label, []).append(quality.signal_quality in ("Poor", "Unreadable"))
    assert np.mean(is_bad["acceptable"]) < 0.05
    # In-sample: the model was trained on these recordings.
    assert np.mean(is_bad["unacceptable"]) > 0.7
