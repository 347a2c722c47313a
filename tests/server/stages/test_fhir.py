"""FHIR answers: valid R4 by an independent library, and saying what the JSON answer says."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from fhir.resources.R4B.bundle import Bundle

from server.stages.fhir import bundle
from tests.data import requires_shared
from tests.server.ecgs import LEADS, Ecg, carried, post, ptbxl, ptbxl_names, twelve_seconds
from tests.server.harness import RunningServer

FHIR = {"Accept": "application/fhir+json"}
LOINC, MDC = "http://loinc.org", "urn:oid:2.16.840.1.113883.6.24"
# In R4B (or R5) and not in R4: a client of R4 would refuse them.
NEWER_THAN_R4 = {
    "interval",
    "intervalUnit",
    "codeMap",
    "offsets",
    "instantiatesCanonical",
    "bodyStructure",
    "triggeredBy",
    "organizer",
}


def fhir_of(server: RunningServer, ecg: Ecg, **more: Any) -> dict[str, Any]:
    response = post(server, "/analyze", json=ecg.json(**more), headers=FHIR)
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "application/fhir+json"
    bundle: dict[str, Any] = response.json()
    assert_is_valid(bundle)
    return bundle


def assert_is_valid(bundle: dict[str, Any]) -> None:
    Bundle.model_validate(bundle)
    assert not NEWER_THAN_R4 & names(bundle)
    urls = {entry["fullUrl"] for entry in bundle["entry"]}
    report = bundle["entry"][0]["resource"]
    assert {each["reference"] for each in report.get("result", [])} == urls - {
        bundle["entry"][0]["fullUrl"]
    }


def names(value: Any) -> set[str]:
    if isinstance(value, dict):
        return set(value) | {name for each in value.values() for name in names(each)}
    return {name for each in value for name in names(each)} if isinstance(value, list) else set()


def observation(bundle: dict[str, Any], text: str) -> dict[str, Any]:
    (found,) = (
        each["resource"]
        for each in bundle["entry"]
        if each["resource"].get("code", {}).get("text") == text
    )
    return dict(found)


def components(resource: dict[str, Any], system: str) -> dict[str, dict[str, Any]]:
    return {
        coding["code"]: each
        for each in resource["component"]
        for coding in each["code"].get("coding", [])
        if coding["system"] == system
    }


def test_the_leads_come_back_in_microvolts(server: RunningServer) -> None:
    ecg = twelve_seconds()
    leads = components(observation(fhir_of(server, ecg, units="mV"), "Electrocardiogram"), MDC)
    assert [
        leads[code]["code"]["text"]
        for code in ("131329", "131389", "131390", "131392", "131331", "131336")
    ] == [f"Lead {name}" for name in ("I", "III", "aVR", "aVF", "V1", "V6")]
    sampled = leads["131330"]["valueSampledData"]
    assert (
        sampled["period"] == 2.0
        and sampled["factor"] == 0.001
        and sampled["origin"]["code"] == "mV"
    )
    microvolts = np.array(sampled["data"].split(), float)
    assert np.abs(microvolts / 1000 - ecg.signal[1]).max() <= 0.0005 + 1e-6


def test_the_measurements_are_those_of_the_json_answer(server: RunningServer) -> None:
    ecg = twelve_seconds()
    measured = post(server, "/analyze", json=ecg.json(units="mV")).json()["measurements"]
    by_loinc = components(observation(fhir_of(server, ecg, units="mV"), "ECG measurements"), LOINC)
    for code, name in {
        "8867-4": "heart_rate_bpm",
        "8633-0": "qrs_ms",
        "8634-8": "qt_ms",
        "8632-2": "qrs_axis_deg",
    }.items():
        assert by_loinc[code].get("valueQuantity", {}).get("value") == measured[name]
    assert by_loinc["8867-4"]["valueQuantity"]["code"] == "/min"


def test_what_could_not_be_measured_is_absent_with_a_reason(server: RunningServer) -> None:
    noise = Ecg(np.random.default_rng(0).normal(0, 0.3, (12, 5000)).astype(np.float32), 500.0)
    bundle = fhir_of(server, noise, units="mV")
    report = bundle["entry"][0]["resource"]
    assert "not a medical device" in report["conclusion"]
    for each in bundle["entry"][1:]:
        for component in each["resource"]["component"]:
            assert ("valueQuantity" in component) + ("valueSampledData" in component) + (
                "dataAbsentReason" in component
            ) == 1


def test_gaps_are_said_as_fhir_says_them(server: RunningServer) -> None:
    ecg = twelve_seconds()
    samples = ecg.signal[6].copy()
    samples[100:110] = np.nan
    leads = components(
        observation(fhir_of(server, ecg.having("V1", samples), units="mV"), "Electrocardiogram"),
        MDC,
    )
    assert leads["131331"]["valueSampledData"]["data"].split()[98:112].count("E") == 10


def test_without_a_unit_the_signal_is_left_out(server: RunningServer) -> None:
    texts = [
        each["resource"]["code"]["text"]
        for each in fhir_of(server, carried(), units="unknown")["entry"]
    ]
    assert "Electrocardiogram" not in texts


def test_the_labels_come_with_their_probabilities(server: RunningServer) -> None:
    found = observation(
        fhir_of(server, twelve_seconds(), units="mV"), "Probabilities of ECG findings"
    )
    probabilities = {
        each["code"]["text"]: each["valueQuantity"]["value"] for each in found["component"]
    }
    assert 0 <= probabilities["Sinus rhythm"] <= 1 and "Atrial fibrillation" in probabilities


def test_many_records_are_bundles_in_a_bundle(server: RunningServer) -> None:
    ecg = twelve_seconds()
    records = [ecg.json(units="mV"), ecg.seconds(0, 1).json(units="mV")]
    response = post(server, "/analyze", json={"records": records}, headers=FHIR)
    whole = response.json()
    Bundle.model_validate(whole)
    first, second = (entry["resource"] for entry in whole["entry"])
    assert_is_valid(first)
    assert (
        second["resourceType"] == "OperationOutcome"
        and second["issue"][0]["details"]["text"] == "too_short"
    )


def test_errors_stay_problems_and_other_routes_stay_json(server: RunningServer) -> None:
    refused = post(server, "/analyze", json={"fs": 500}, headers=FHIR)
    assert (
        refused.status_code == 422 and refused.headers["content-type"] == "application/problem+json"
    )
    quality = post(server, "/assess_quality", json=twelve_seconds().json(), headers=FHIR)
    assert quality.headers["content-type"] == "application/json"


@requires_shared
@pytest.mark.parametrize("name", ptbxl_names(3))
def test_real_recordings(server: RunningServer, name: str) -> None:
    bundle = fhir_of(server, ptbxl(name), units="mV")
    assert len(components(observation(bundle, "Electrocardiogram"), MDC)) == len(LEADS)


def test_dates_are_told_as_far_as_they_are_known() -> None:
    from server.stages.fhir import bundle

    def dated(date: str | None) -> str | None:
        answer = {"request_id": "a", "reported": {"recording_date": date, "device": None}}
        return bundle(answer)["entry"][0]["resource"].get("effectiveDateTime")  # type: ignore[no-any-return]

    assert dated("2020-02-03T04:05:06+01:00") == "2020-02-03T04:05:06+01:00"
    assert dated("2020-02-03T04:05:06") == "2020-02-03", "a time of day needs a zone"
    assert dated("03/02/2020") is None
    assert dated(None) is None


@pytest.mark.parametrize(
    ("clinical", "sentence"),
    [
        (
            {
                "rhythm": "Sinus rhythm",
                "rhythm_source": "labels",
                "confidence": 0.984,
                "abnormalities": ["Infarction"],
            },
            "Sinus rhythm 0.98, Infarction 0.52 (by labels). ",
        ),
        (
            {
                "rhythm": "Sinus bradycardia",
                "rhythm_source": "rules",
                "confidence": 0.7,
                "abnormalities": ["Bigeminy"],
            },
            "Sinus bradycardia, Bigeminy (by rules). ",
        ),
        (
            {
                "rhythm": "Undetermined",
                "rhythm_source": "labels",
                "confidence": None,
                "abnormalities": [],
            },
            "Undetermined (by labels). ",
        ),
    ],
)
def test_every_label_of_the_conclusion_has_its_probability(
    clinical: dict[str, Any], sentence: str
) -> None:
    answer = {
        "request_id": "one",
        "clinical_analysis": clinical,
        "labels": [{"name": "Infarction", "probability": 0.516}],
    }
    report = bundle(answer)["entry"][0]["resource"]
    assert report["conclusion"].startswith(sentence)


def test_the_statements_of_the_report_have_their_evidence_and_source() -> None:
    from server.stages.fhir import bundle

    pause = {
        "statement": "Pause of 6.3 s",
        "severity": "critical",
        "evidence": {"pause_s": 6.3, "leads": ["I", "II"]},
        "source": "a book",
    }
    sinus = {"statement": "Sinus rhythm", "severity": "normal", "evidence": {}, "source": "a list"}
    answer = {"request_id": "a", "findings": [sinus, pause]}
    statements = observation(bundle(answer), "ECG findings")
    assert [
        (component["code"]["text"], component["valueString"])
        for component in statements["component"]
    ] == [
        ("Sinus rhythm", "normal; source: a list"),
        ("Pause of 6.3 s", "critical; pause_s 6.3, leads I II; source: a book"),
    ]
    unjudged = bundle({"request_id": "a", "findings": None})
    assert [entry["resource"]["resourceType"] for entry in unjudged["entry"]] == [
        "DiagnosticReport"
    ]
