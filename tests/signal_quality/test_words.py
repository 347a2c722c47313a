"""The words for leads and recordings, from findings and the probability."""

from __future__ import annotations

import pytest

from signal_quality.quality import Code, Finding, LeadQuality, QualityWord
from signal_quality.words import joint_word, lead_word, recommendation, record_word

POOR: tuple[Code, ...] = (
    "saturated",
    "limb_lead_contradiction",
    "qrs_not_visible",
    "r_peak_disagreement",
)
ACCEPTABLE: tuple[Code, ...] = (
    "gaps",
    "baseline_wander",
    "step",
    "mains_hum",
    "muscle_noise",
    "spikes",
)


def finding(code: Code, value: float | None = 9.9) -> Finding:
    return Finding(code, "V3", value, 1.0, "advice")


@pytest.mark.parametrize(
    ("codes", "word"),
    [
        *((("mostly_missing",), "Unreadable"), (("lead_off",), "Unreadable")),
        *(((code,), "Poor") for code in POOR),
        *(((code,), "Acceptable") for code in ACCEPTABLE),
        (("gaps", "saturated", "step"), "Poor"),
        (("saturated", "lead_off"), "Unreadable"),
    ],
)
def test_a_lead_has_the_word_of_its_worst_finding(
    codes: tuple[Code, ...], word: QualityWord
) -> None:
    for excellent in (False, True):
        assert lead_word(tuple(finding(code) for code in codes), 10.0, excellent) == word


def test_a_lead_without_a_finding_is_good_or_excellent() -> None:
    assert lead_word((), 10.0, False) == "Good"
    assert lead_word((), 10.0, True) == "Excellent"
    assert lead_word((), 1.0, False) == "Good"


@pytest.mark.parametrize(("flat_s", "word"), [(2.0, "Poor"), (5.0, "Poor"), (5.01, "Unreadable")])
def test_a_lead_that_is_flat_for_over_half_of_the_recording_is_unreadable(
    flat_s: float, word: QualityWord
) -> None:
    assert lead_word((finding("gaps"), finding("flat_line", flat_s)), 10.0, False) == word
    assert lead_word((finding("gaps", 9.0),), 10.0, False) == "Acceptable"


def test_a_flat_line_of_unknown_length_does_not_make_a_short_lead_unreadable() -> None:
    assert lead_word((finding("flat_line", None),), 1.0, False) == "Poor"


@pytest.mark.parametrize(
    ("words", "word"),
    [
        (["Good"] * 12, "Good"),
        (["Good"], "Good"),
        (["Good"] * 7 + ["Acceptable"] * 5, "Good"),
        (["Good"] * 6 + ["Acceptable"] * 6, "Acceptable"),
        (["Good"] * 11 + ["Poor"], "Acceptable"),
        (["Good"] * 11 + ["Unreadable"], "Acceptable"),
        (["Good"] * 7 + ["Poor"] * 3 + ["Unreadable"] * 2, "Acceptable"),
        (["Good"] * 6 + ["Poor"] * 3 + ["Unreadable"] * 3, "Poor"),
        (["Good"] * 6 + ["Unreadable"] * 6, "Poor"),
        (["Poor"] + ["Unreadable"] * 11, "Poor"),
        (["Unreadable"] * 12, "Unreadable"),
        (["Unreadable"], "Unreadable"),
        (["Excellent"] * 6 + ["Good"] * 6, "Excellent"),
        (["Excellent"] * 5 + ["Good"] * 7, "Good"),
        (["Excellent"] * 11 + ["Acceptable"], "Good"),
    ],
)
def test_the_leads_words_give_the_recordings(words: list[QualityWord], word: QualityWord) -> None:
    assert record_word(words) == word
    assert record_word(words[::-1]) == word


@pytest.mark.parametrize(
    ("leads_word", "probability", "word"),
    [
        ("Excellent", 0.39, "Poor"),
        ("Acceptable", 0.39, "Poor"),
        ("Poor", 0.39, "Unreadable"),
        ("Unreadable", 0.39, "Unreadable"),
        ("Unreadable", 0.4, "Unreadable"),
        ("Poor", 0.4, "Poor"),
        ("Excellent", 0.4, "Poor"),
        ("Excellent", 0.59, "Poor"),
        ("Excellent", 0.6, "Acceptable"),
        ("Excellent", 0.79, "Acceptable"),
        ("Excellent", 0.8, "Good"),
        ("Excellent", 0.89, "Good"),
        ("Excellent", 0.9, "Excellent"),
        ("Good", 0.7, "Acceptable"),
        ("Acceptable", 0.85, "Acceptable"),
        ("Poor", 0.99, "Poor"),
        ("Good", 1.0, "Good"),
    ],
)
def test_the_recording_has_the_worse_of_two_words(
    leads_word: QualityWord, probability: float, word: QualityWord
) -> None:
    assert joint_word(leads_word, probability, threshold=0.4) == word


REVERSAL = Finding("limb_electrode_reversal", None, 0.9, 0.5, "Check the electrodes.")


@pytest.mark.parametrize(
    ("word", "by_lead", "sentence"),
    [
        (
            "Unreadable",
            {"I": "Unreadable"},
            "Do not read this recording. Check all electrodes and cables, and record again.",
        ),
        (
            "Poor",
            {"I": "Poor", "II": "Good", "V1": "Unreadable", "V2": "Poor", "V3": "Acceptable"},
            "Record again after fixing I, V1 and V2; until then, read only what is clear, with"
            " caution.",
        ),
        (
            "Poor",
            {"I": "Acceptable", "II": "Good", "V3": "Acceptable"},
            "Record again after fixing I and V3; until then, read only what is clear, with"
            " caution.",
        ),
        (
            "Poor",
            {"I": "Good"},
            "Record again after checking all electrodes; until then, read only what is clear, with"
            " caution.",
        ),
        (
            "Acceptable",
            {"I": "Poor", "II": "Good", "III": "Acceptable"},
            "Read without I; record again if the question depends on it.",
        ),
        (
            "Good",
            {"I": "Good", "II": "Acceptable", "V1": "Acceptable", "V2": "Acceptable"},
            "Can be read; note the noise or gaps in II, V1 and V2.",
        ),
        ("Acceptable", {"I": "Good"}, "Can be read, with some caution."),
        ("Good", {"I": "Good"}, "Can be read."),
        ("Excellent", {"I": "Excellent"}, "Can be read."),
    ],
)
def test_the_recommendation_says_what_to_fix(
    word: QualityWord, by_lead: dict[str, QualityWord], sentence: str
) -> None:
    leads = {lead: LeadQuality(lead_word) for lead, lead_word in by_lead.items()}
    assert recommendation(word, leads, []) == sentence
    others = [finding("missing_lead"), finding("calibration_pulse")]
    assert recommendation(word, leads, others) == sentence
    assert recommendation(word, leads, [*others, REVERSAL]) == f"{sentence} Check the electrodes."
