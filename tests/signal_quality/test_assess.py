"""Can a recording be read: what the rules say of living, dead, broken and missing leads."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from signal_quality import Quality, assess
from signal_quality.words import record_word
from signals.leads import LEADS, parse_lead_names
from signals.record import EcgRecord
from tests.data import SHARED, requires_shared
from tests.signals.recordings import beating, of_leads, record

SIGNAL = beating()


def codes(quality: Quality) -> set[tuple[str, str | None]]:
    return {(finding.code, finding.lead) for finding in quality.findings}


CLEAN = ("Good", "Excellent")


def test_a_clean_recording_has_no_finding_and_needs_no_warning() -> None:
    quality = assess(record(SIGNAL))
    assert quality.signal_quality in CLEAN and quality.readable
    assert quality.findings == () and quality.warnings == ()
    assert quality.probability_readable is not None and quality.probability_readable > 0.8


def test_without_volts_rules_in_volts_are_off_and_it_is_said() -> None:
    quality = assess(record(700 * SIGNAL, units="unknown"))
    assert quality.signal_quality == "Good" and quality.findings == ()
    assert quality.probability_readable == pytest.approx(
        assess(record(0.01 * SIGNAL, units="unknown")).probability_readable, abs=0.02
    )
    assert any("units" in warning for warning in quality.warnings)


def test_a_flat_chest_lead_is_found_and_its_electrode_named() -> None:
    signal = SIGNAL.copy()
    signal[8] = 0.0
    quality = assess(record(signal))
    assert codes(quality) == {("flat_line", "V3")}
    assert quality.leads["V3"].word == "Unreadable" and quality.leads["V2"].word in CLEAN
    assert "V3 electrode" in quality.findings[0].advice
    assert quality.signal_quality in ("Acceptable", "Poor") and "V3" in quality.recommendation


def test_a_lead_that_goes_flat_for_three_seconds_is_poor() -> None:
    signal = SIGNAL.copy()
    signal[8, :1500] = 0.1
    quality = assess(record(signal))
    assert quality.leads["V3"].word == "Poor"
    assert quality.findings[0].value == pytest.approx(3.0)


def test_a_clipped_lead_is_saturated_where_volts_are_known() -> None:
    signal = SIGNAL.copy()
    signal[6] = np.clip(20 * np.sin(np.arange(5000) / 200), -6, 6)
    assert ("saturated", "V1") in codes(assess(record(signal)))
    assert ("saturated", "V1") not in codes(assess(record(signal, units="unknown")))


def test_a_tall_r_wave_is_not_saturated() -> None:
    assert not {code for code, _ in codes(assess(record(8 * SIGNAL)))} & {"saturated", "flat_line"}


def test_a_long_gap_is_found_and_a_short_one_not() -> None:
    signal = SIGNAL.copy()
    signal[6, 100:600] = np.nan
    signal[7, 100:150] = np.nan
    quality = assess(record(signal))
    assert codes(quality) == {("gaps", "V1")}
    assert quality.findings[0].value == pytest.approx(1.0)
    assert quality.leads["V1"].word == "Acceptable" and quality.leads["V2"].word in CLEAN


def test_a_lead_mostly_missing_is_unreadable() -> None:
    signal = SIGNAL.copy()
    signal[6, 2000:] = np.nan
    quality = assess(record(signal))
    assert codes(quality) == {("mostly_missing", "V1")}
    assert quality.leads["V1"].word == "Unreadable"


def test_leads_that_did_not_come_are_named_and_lower_no_word() -> None:
    quality = assess(of_leads(SIGNAL, "II", "I", *LEADS[6:11]))
    assert codes(quality) == {("missing_lead", "V6")}
    assert list(quality.leads) == ["I", "II", *LEADS[6:11]]
    assert quality.signal_quality in CLEAN


def test_a_limb_lead_that_contradicts_is_found() -> None:
    signal = SIGNAL.copy()
    signal[1] *= -1
    assert {(code, lead) for code, lead in codes(assess(record(signal))) if lead} == {
        ("limb_lead_contradiction", "II")
    }


@pytest.mark.parametrize("level", [0.0, 0.3, np.nan])
@pytest.mark.parametrize("leads", [LEADS, ("II",)])
def test_flat_or_gaps_throughout_are_unreadable(level: float, leads: tuple[str, ...]) -> None:
    quality = assess(record(np.full((len(leads), 5000), level), leads))
    assert (quality.signal_quality, quality.readable) == ("Unreadable", False)
    assert "Do not read" in quality.recommendation


@pytest.mark.parametrize("lead", LEADS)
def test_one_lead_alone_can_be_judged(lead: str) -> None:
    quality = assess(of_leads(SIGNAL, lead))
    assert quality.signal_quality not in ("Poor", "Unreadable") and list(quality.leads) == [lead]


@pytest.mark.parametrize("size_mv", [0.02, 1.0])
@pytest.mark.parametrize("fs", [100.0, 500.0])
def test_noise_cannot_be_read(fs: float, size_mv: float) -> None:
    noise = size_mv * np.random.default_rng(0).normal(size=(12, round(10 * fs)))
    assert not assess(record(noise, fs=fs)).readable


@pytest.mark.parametrize(
    ("words", "word"),
    [
        (["Good"] * 12, "Good"),
        (["Good"] * 7 + ["Acceptable"] * 5, "Good"),
        (["Good"] * 6 + ["Acceptable"] * 6, "Acceptable"),
        (["Good"] * 11 + ["Poor"], "Acceptable"),
        (["Good"] * 6 + ["Unreadable"] * 6, "Poor"),
        (["Poor"] + ["Unreadable"] * 11, "Poor"),
        (["Unreadable"] * 12, "Unreadable"),
        (["Good"], "Good"),
        (["Excellent"] * 6 + ["Good"] * 6, "Excellent"),
        (["Excellent"] * 11 + ["Acceptable"], "Good"),
    ],
)
def test_the_recording_s_word_follows_from_its_leads(words: list, word: str) -> None:
    assert record_word(words) == word


@requires_shared
def test_rules_rarely_blame_recordings_that_clinicians_accept() -> None:
    """PhysioNet/CinC 2011, its first 100 packed records: a rule that fires on what annotators accepted is too eager."""
    sys.path.insert(0, str(SHARED / "cinc2011"))
    try:
        import load
    finally:
        sys.path.pop(0)
    words: dict[str, list[str]] = {"acceptable": [], "unacceptable": []}
    for _, (_, fs, leads, signal, label) in zip(range(100), load.records(), strict=False):
        quality = assess(
            EcgRecord(
                np.ascontiguousarray(signal, np.float32), float(fs), parse_lead_names(list(leads))
            )
        )
        words.setdefault(label, []).append(quality.signal_quality)
    blamed = {
        label: np.mean([word in ("Poor", "Unreadable") for word in some])
        for label, some in words.items()
        if some
    }
    assert blamed["acceptable"] < 0.05
    assert blamed["unacceptable"] > 0.7  # in sample: the model learned on these recordings
