"""What the page says: languages, by hand, recordings of every kind, and texts from outside."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import numpy as np
import pytest

from analysis.answer_types import Analysis
from report.options import ByHand, Layout
from signals.record import Patient, Reported
from tests.report.pages import VERSION, analysed, boxes, ecg, good, only, pdf_of, text_of, texts

PERSON = {
    "id": "A-17",
    "patient": Patient(67, "female"),
    "recording_date": "1987-02-22T08:37:00",
    "reported": Reported(device="AT-6"),
}
RESEARCH = {
    "en": "For research use only. Not a medical device.",
    "de": "Nur für Forschungszwecke. Kein Medizinprodukt.",
}


def with_answer(**parts: Any) -> Analysis:
    return cast(Analysis, {**good(), **parts})


def test_english() -> None:
    text = text_of(ecg(**PERSON))
    for expected in (
        "12-lead ECG", "A-17", "67 y, female", "22 Feb 1987, 08:37", "AT-6, 500 Hz, 10 s",
        "Heart rate", "QRS duration", "120–200", "up to 110", "−30 to 90",
        "Unconfirmed", "25 mm/s", "10 mm/mV", "Filter: none",
        "Columns are consecutive, 2.5 s each; lead II runs through",
        f"no model · rules {VERSION}", RESEARCH["en"], "1/1", "rule",
    ):  # fmt: skip
        assert expected in text, expected


def test_german() -> None:
    text = text_of(ecg(**PERSON), lang="de")
    for expected in (
        "12-Kanal-EKG", "67 J., weiblich", "22.02.1987, 08:37", "Gerät", "Qualität",
        "Herzfrequenz", "PQ-Zeit", "QRS-Dauer", "bis 110", "−30 bis 90", "Unbestätigt",
        "nicht ärztlich befundet", "Spalten folgen aufeinander, je 2,5 s",
        "Ableitung II läuft durch", RESEARCH["de"], "Regeln",
    ):  # fmt: skip
        assert expected in text, expected


@pytest.mark.parametrize("lang", ["en", "de"])
def test_values_by_hand_are_marked(lang: Any) -> None:
    by_hand = ByHand({"qt_ms": 512.0, "qrs_axis_deg": -70.0}, "ÄÖ")
    text = text_of(ecg(), lang=lang, by_hand=by_hand)
    mark = {"en": "by hand (ÄÖ)", "de": "manuell (ÄÖ)"}[lang]
    # QT, its two corrections, and the axis.
    assert text.count(mark) == 4
    assert "512" in text
    assert "−70" in text


@pytest.mark.parametrize("layout", ["3x4", "6x2", "12x1", "cabrera"])
def test_every_layout_names_all_leads(layout: Layout) -> None:
    lines = text_of(ecg(), layout=layout).split()
    expected = {"I", "II", "III", "aVL", "aVF", "V1", "V6", "aVR"}
    if layout == "cabrera":
        expected = expected - {"aVR"} | {"−aVR"}
    assert expected <= set(lines)


def test_an_unreadable_recording_is_not_judged() -> None:
    record = ecg()
    noise = np.random.default_rng(5).normal(0, 0.01, record.signal.shape).astype(np.float32)
    text = text_of(replace(record, signal=noise))
    assert "Not judged: the recording is unreadable" in text
    assert "– not measured: the recording is unreadable" in text
    assert "Sinus" not in text
    assert "Nicht beurteilt: die Aufnahme ist nicht lesbar" in text_of(
        replace(record, signal=noise), lang="de"
    )


def test_without_an_encoder_the_rules_speak_alone() -> None:
    text = text_of(ecg())
    assert "Model: not available, rules only" in text
    assert "no model" in text


def test_a_probability_says_whose_it_is() -> None:
    labels = [
        {
            "name": "Anterior infarction",
            "probability": 0.87,
            "probability_prior_corrected": None,
            "threshold": 0.3,
            "positive": True,
        }
    ]
    clinical = {**(good().get("clinical_analysis") or {}), "abnormalities": ["Anterior infarction"]}
    answer = with_answer(labels=labels, clinical_analysis=clinical)
    assert "Anterior infarction 0.87, model only" in text_of(ecg(), answer)
    assert "Vorderwandinfarkt 0,87, nur Modell" in text_of(ecg(), answer, lang="de")


def test_a_poor_lead_is_named_with_its_reason() -> None:
    record = ecg()
    record.signal[8] = np.random.default_rng(1).normal(0, 1.5, 5000)
    answer = analysed(record)
    quality = answer["quality"]
    assert quality is not None
    assert quality["leads"]["V3"]["word"] in ("Poor", "Unreadable")
    assert "V3 poor" in text_of(record, answer)
    assert "V3 schlecht" in text_of(record, answer, lang="de")


def test_a_gap_has_its_length() -> None:
    record = ecg()
    record.signal[1, 1600:1760] = np.nan
    assert "320 ms" in text_of(record)


def test_a_lead_that_was_not_recorded_says_so() -> None:
    record = only(ecg(), "I", "II", "V1", "V2", "V3", "V4", "V5")
    text = text_of(record)
    assert "not recorded" in text
    assert "III*" in text
    assert "* derived from other limb leads" in text


def test_another_lead_runs_through_where_the_asked_one_is_missing() -> None:
    record = only(ecg(), "I", "V1", "V2", "V3", "V4", "V5", "V6")
    text = text_of(record)
    assert "Lead II was not recorded, I runs through instead" in text


def test_one_lead_has_rows_one_after_another() -> None:
    text = text_of(only(ecg(30.0), "I"))
    assert "1-lead ECG" in text
    assert "Rows are consecutive, 10 s each" in text
    assert "Shown" not in text


def test_few_leads_are_below_each_other() -> None:
    text = text_of(only(ecg(), "I", "V2", "V5"))
    assert "Rows are simultaneous, 10 s" in text


def test_a_short_recording_has_simultaneous_columns() -> None:
    text = text_of(ecg(4.0))
    assert "Columns are simultaneous, 2.5 s each" in text


@pytest.mark.parametrize(
    ("options", "shown"),
    [
        ({}, "0–10 s of 60 s"),
        ({"start_s": 12.5}, "12.5–22.5 s of 60 s"),
        ({"start_s": 58.0}, "58–60 s of 60 s"),
        ({"speed": 50}, "0–5 s of 60 s"),
        ({"start_s": 12.5, "lang": "de"}, "12,5–22,5 s von 60 s"),
    ],
)
def test_a_long_recording_says_what_is_shown(options: dict[str, Any], shown: str) -> None:
    assert shown in text_of(ecg(60.0), **options)


def test_unknown_units_have_no_scale() -> None:
    text = text_of(replace(ecg(), units="unknown"))
    assert "Unit unknown, not to scale in mV" in text
    assert "mm/mV" not in text


def test_traces_beyond_the_paper_are_named() -> None:
    record = ecg()
    record.signal[6, 1500:1520] = 40.0
    assert "Beyond the paper: V1" in text_of(record, good(), layout="12x1")


def test_spikes_are_drawn_and_explained_where_a_pacemaker_is_present() -> None:
    pacemaker = {
        "present": True,
        "probability": 0.99,
        "evidence": {
            "spikes": 2,
            "spike_times_s": [1.0, 2.0],
            "chamber": None,
            "morphology": None,
            "label": None,
        },
        "visible": True,
    }
    paced = with_answer(pacemaker=pacemaker)
    assert "pacemaker spikes" in text_of(ecg(), paced)
    assert "pacemaker spikes" not in text_of(ecg(), with_answer(pacemaker=None))


@pytest.mark.parametrize(
    "name",
    [
        "x" * 10_000,
        "W" * 128,
        "Ünal, Øyvind – Łukasz Ñandú",
        "患者 \u202eevil\u202c \u0000\u0007 \ud83d\ude00",
        "👩‍⚕️" * 50,
        "a\nb\tc\r\nd",
        "(unbalanced \\ ) BT ET Q q",
        " " * 500,
        "é́́́́" * 60,
    ],
)
def test_texts_from_outside_stay_in_their_place(name: str) -> None:
    fields = {
        "id": name,
        "recording_date": name,
        "reported": Reported(recording_date=name, device=name),
    }
    record = ecg(**fields)
    pdf = pdf_of(record, good(), by_hand=ByHand({"qt_ms": 400.0}, name[:4]))
    assert "12-lead ECG" in texts(pdf)
    found = boxes(pdf)
    assert found[:, 0].min() >= 13.0
    assert found[:, 2].max() <= 284.0
    assert found[:, 1].min() >= 7.0
    assert found[:, 3].max() <= 208.0
    # Nothing of the first block reaches into the measurements.
    head = found[found[:, 3] < 48]
    first = head[head[:, 0] < 77.0]
    assert first[:, 2].max() < 77.5


def test_many_statements_stay_above_the_grid() -> None:
    names = [f"Finding number {number} with a long name of its own" for number in range(40)]
    clinical = {**(good().get("clinical_analysis") or {}), "abnormalities": names}
    pdf = pdf_of(ecg(), with_answer(clinical_analysis=clinical))
    assert "more" in texts(pdf)
    found = boxes(pdf)
    statements = found[(found[:, 0] > 159) & (found[:, 1] < 50)]
    assert statements[:, 3].max() < 49


def test_equal_input_gives_equal_bytes() -> None:
    assert pdf_of(ecg(), good()) == pdf_of(ecg(), good())
