"""FHIR Observations that the shared files do not cover, written here after hl7.org/fhir."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from errors import (
    BadSamplingRate,
    CorruptFile,
    DuplicateLead,
    EcgError,
    NoSamples,
    SeveralRecordings,
    UnknownLead,
)
from formats.hints import Hints
from formats.lead_names import HOW_TO_NAME, LeadNames
from formats.parts import Part
from formats.registry import read
from signals.record import EcgRecord

RAMP = np.arange(-50, 50)
SPECIAL_WARNING = (
    "signal: samples that the FHIR resource marks as errors or beyond the detection limits are gaps"
)


def opened(data: bytes) -> EcgRecord:
    return read([Part("upload", data)])


def sampled(data: str | None = None, **more: Any) -> dict[str, Any]:
    return {
        "origin": {"value": 10, "unit": "uV"},
        "period": 2,
        "factor": 5,
        "dimensions": 1,
        "data": data or " ".join(map(str, RAMP)),
    } | more


def component(
    code: str, data: dict[str, Any] | None = None, system: str = "code"
) -> dict[str, Any]:
    return {
        "code": {"coding": [{system: code}]},
        "valueSampledData": sampled() if data is None else data,
    }


def observation(*components: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "effectiveDateTime": "2024-05-01T08:27:32Z",
        "component": list(components),
    } | more


def bundle(*resources: dict[str, Any]) -> dict[str, Any]:
    return {"resourceType": "Bundle", "entry": [{"resource": resource} for resource in resources]}


def fhir(resource: dict[str, Any]) -> EcgRecord:
    return opened(json.dumps(resource).encode())


def test_origin_factor_and_unit_are_applied_and_leads_found_by_code_or_name() -> None:
    record = fhir(
        observation(
            component("131329"),
            component("2:62"),
            component("MDC_ECG_ELEC_POTL_V1", system="display"),
            component("Lead V2", system="display"),
        )
    )
    assert (record.lead_names, record.fs, record.units) == (("I", "aVR", "V1", "V2"), 500.0, "mV")
    # (code x 5 + 10) uV
    np.testing.assert_allclose(record.signal, [(RAMP * 5 + 10) / 1000] * 4, rtol=1e-5)
    assert record.recording_date == "2024-05-01T08:27:32"
    assert record.warnings == ()


def test_a_lead_is_named_by_its_mdc_code_else_by_the_first_text_that_names_one() -> None:
    several = component("") | {
        "code": {"coding": [{"code": "xyz", "display": "ECG"}, {"code": "131330"}], "text": "V1"}
    }
    by_text = component("") | {"code": {"coding": [{"code": "xyz"}], "text": "Lead V3"}}
    record = fhir(observation(several, by_text))
    assert record.lead_names == ("II", "V3")
    with pytest.raises(UnknownLead) as caught:
        fhir(observation(component("") | {"code": {"coding": [{"code": "x", "display": "y"}]}}))
    assert caught.value.detail.startswith("no standard lead in volts among the FHIR channels (x);")


def test_factor_origin_and_dimensions_have_defaults() -> None:
    bare = {"origin": {"unit": "mV"}, "period": 4, "data": "1 2 3"}
    record = fhir(observation(component("131329", bare)))
    assert record.signal.tolist() == [[1.0, 2.0, 3.0]]
    assert record.fs == 250.0


def test_the_code_of_the_origin_is_its_unit_before_the_text() -> None:
    data = sampled(origin={"value": 0, "unit": "microvolts?", "code": "uV"})
    np.testing.assert_allclose(fhir(observation(component("131329", data))).signal, [RAMP * 5e-3])


def test_dimensions_are_interleaved_and_numbered() -> None:
    data = sampled("1 2 3 4 5 6", dimensions=3)
    with pytest.raises(UnknownLead) as caught:
        fhir(observation(component("x", data)))
    assert caught.value.detail == (
        f"no standard lead in volts among the FHIR channels (x 1, x 2, x 3); {HOW_TO_NAME}"
    )
    upload = Part("upload", json.dumps(observation(component("x", data))).encode())
    record = read([upload], Hints(lead_names=LeadNames(("I", "II", "V1"))))
    # Three dimensions of two samples each, (code x 5 + 10) uV.
    expected = (np.array([[1, 4], [2, 5], [3, 6]]) * 5 + 10) / 1000
    np.testing.assert_allclose(record.signal, expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("more", "fs"),
    [
        ({"period": 4}, 250.0),
        ({"interval": 4, "intervalUnit": "ms"}, 250.0),
        ({"interval": 4}, 250.0),
        ({"interval": 250, "intervalUnit": "/s"}, 250.0),
        ({"interval": 360, "intervalUnit": "Hz"}, 360.0),
        ({"interval": "0.004", "intervalUnit": "s"}, 250.0),
        ({"interval": 2500, "intervalUnit": "us"}, 400.0),
        ({"interval": 5e6, "intervalUnit": "ns"}, 200.0),
        # R5's interval replaces R4's period.
        ({"interval": 8, "period": 4}, 125.0),
    ],
)
def test_the_rate_is_of_the_period_of_r4_or_the_interval_of_r5(
    more: dict[str, Any], fs: float
) -> None:
    assert fhir(observation(component("131329", sampled(**more)))).fs == fs


def test_a_bundle_with_an_observation_for_each_lead_is_one_recording() -> None:
    first, second, third = (
        observation(component(code, sampled(f"{code[-1]} 2 3")))
        for code in ("131329", "131330", "131331")
    )
    record = fhir(bundle(first, second, third))
    assert record.lead_names == ("I", "II", "V1")
    np.testing.assert_allclose(record.signal[:, 0], [0.055, 0.010, 0.015], rtol=1e-6)
    assert record.warnings == ()


@pytest.mark.parametrize(
    "other",
    [
        observation(component("131329")),
        observation(component("131330"), effectiveDateTime="2024-05-02"),
        observation(component("131330", sampled(period=4))),
        observation(component("131330", sampled("1 2 3"))),
        observation(component("unknown")),
    ],
    ids=["the same lead", "another time", "another rate", "another length", "no lead"],
)
def test_a_bundle_of_observations_that_do_not_fit_together_is_refused(
    other: dict[str, Any],
) -> None:
    with pytest.raises(SeveralRecordings) as caught:
        fhir(bundle(observation(component("131329")), other))
    assert caught.value.detail.startswith("2 Observations with SampledData in the FHIR bundle;")


def test_a_contained_observation_is_found() -> None:
    outer = {
        "resourceType": "Observation",
        "contained": [observation(component("131329"))],
    }
    assert fhir(outer).lead_names == ("I",)


def test_the_start_of_a_period_is_the_date() -> None:
    resource = observation(
        component("131329"), effectivePeriod={"start": "2023-01-02", "end": "2024-01-01"}
    )
    del resource["effectiveDateTime"]
    assert fhir(resource).recording_date == "2023-01-02"


def test_errors_and_values_beyond_the_limits_are_gaps_with_a_warning() -> None:
    record = fhir(observation(component("131329", sampled("1 E 2 L U 3"))))
    expected = [0.015, np.nan, 0.020, np.nan, np.nan, 0.025]
    np.testing.assert_allclose(record.signal, [expected], rtol=1e-6)
    assert record.warnings == (SPECIAL_WARNING,)


def measurement(code: str, value: float, unit: str = "ms") -> dict[str, Any]:
    return {
        "code": {"coding": [{"system": "http://loinc.org", "code": code}]},
        "valueQuantity": {"value": value, "unit": unit},
    }


def test_a_bundle_gives_age_sex_device_and_intervals_and_no_name() -> None:
    patient = {
        "resourceType": "Patient",
        "name": [{"family": "Mustermann"}],
        "birthDate": "1960-05-02",
        "gender": "female",
    }
    components = [
        component("131329"),
        measurement("8633-0", 92),
        measurement("8633-0", 93),
        measurement("8625-6", 0),
        measurement("8867-4", 71.5),
        measurement("8634-8", 380),
        measurement("8636-3", 410),
        measurement("0000-0", 5),
    ]
    record = fhir(bundle(patient, observation(*components, device={"display": "Maker  M1"})))
    assert record.reported is not None
    assert record.reported.device == "Maker M1"
    assert (record.patient.age_years, record.patient.sex) == (63.0, "female")
    # The first of two counts; 0 means "not measured".
    assert record.reported.measurements == {
        "qrs_ms": 92.0,
        "heart_rate_bpm": 71.5,
        "qt_ms": 380.0,
        "qtc_ms": 410.0,
    }
    assert "Mustermann" not in repr(record)


def test_the_first_patient_of_a_bundle_counts() -> None:
    woman = {"resourceType": "Patient", "birthDate": "1960-05-02", "gender": "female"}
    man = {"resourceType": "Patient", "birthDate": "1980-05-02", "gender": "male"}
    record = fhir(bundle(woman, man, observation(component("131329"))))
    assert (record.patient.age_years, record.patient.sex) == (63.0, "female")


def test_the_first_known_code_of_a_component_counts() -> None:
    two_codes = measurement("0000-0", 92)
    two_codes["code"]["coding"] += [{"code": "8633-0"}, {"code": "8634-8"}]
    record = fhir(observation(component("131329"), two_codes))
    assert record.reported is not None
    assert record.reported.measurements == {"qrs_ms": 92.0}


def test_xml_is_read_like_json() -> None:
    values = " ".join(map(str, RAMP))
    data = (
        "<origin><value value='10'/><unit value='uV'/></origin><period value='2'/>"
        f"<factor value='5'/><dimensions value='1'/><data value='{values}'/>"
    )
    components = "".join(
        f"<component><code><coding><code value='{code}'/></coding></code>"
        f"<valueSampledData>{data}</valueSampledData></component>"
        for code in ("131329", "131390", "131331")
    )
    namespace = "xmlns='http://hl7.org/fhir'"
    start = "<effectiveDateTime value='2024-05-01T08:27:32Z'/>"
    alone = f"<Observation {namespace}>{start}{components}</Observation>"
    in_bundle = f"<Bundle {namespace}><entry><resource>{alone}</resource></entry></Bundle>"
    expected = fhir(observation(component("131329"), component("131390"), component("131331")))
    assert expected.lead_names == ("I", "aVR", "V1")
    for text in (alone, in_bundle):
        record = opened(text.encode())
        assert record.lead_names == expected.lead_names
        assert (record.recording_date, record.fs) == ("2024-05-01T08:27:32", 500.0)
        np.testing.assert_array_equal(record.signal, expected.signal)


BAD_RATE = (
    "fs: period (or interval) of the FHIR SampledData is missing, not positive or in an unknown "
    "unit"
)
BAD_SCALE = "I: factor of the FHIR SampledData is 0 or not a number"
BAD_ORIGIN = "I: origin of the FHIR SampledData is not a number"
BAD_DIMENSIONS = "I: dimensions of the FHIR SampledData is not a whole number from 1 to 64"


@pytest.mark.parametrize(
    ("resource", "kind", "detail"),
    [
        (observation(), NoSamples, "the FHIR resource holds no SampledData"),
        ({"resourceType": "Patient"}, NoSamples, "the FHIR resource holds no SampledData"),
        (observation(component("131329", sampled(period=0))), BadSamplingRate, BAD_RATE),
        (observation(component("131329", sampled(period=-2))), BadSamplingRate, BAD_RATE),
        (observation(component("131329", sampled(period="x"))), BadSamplingRate, BAD_RATE),
        (
            observation(component("131329", sampled(interval=1, intervalUnit="fortnight"))),
            BadSamplingRate,
            BAD_RATE,
        ),
        (observation(component("131329", sampled(factor=0))), CorruptFile, BAD_SCALE),
        (observation(component("131329", sampled(factor="x"))), CorruptFile, BAD_SCALE),
        (observation(component("131329", sampled(dimensions=0))), CorruptFile, BAD_DIMENSIONS),
        (observation(component("131329", sampled(dimensions=1.5))), CorruptFile, BAD_DIMENSIONS),
        (observation(component("131329", sampled(dimensions=65))), CorruptFile, BAD_DIMENSIONS),
        (
            observation(component("131329", sampled(origin={"value": "x"}))),
            CorruptFile,
            BAD_ORIGIN,
        ),
        (
            observation(component("131329", sampled(dimensions=3))),
            CorruptFile,
            "I: 100 samples of the FHIR SampledData; not a multiple of its 3 dimensions",
        ),
        (
            observation(component("131329", sampled(data=7))),
            CorruptFile,
            "I: the FHIR SampledData holds no data",
        ),
        (observation(component("131329", sampled("1 two 3"))), CorruptFile, None),
        (observation(component("131329"), component("131329")), DuplicateLead, None),
        (
            observation(component("8867-4")),
            UnknownLead,
            f"no standard lead in volts among the FHIR channels (8867-4); {HOW_TO_NAME}",
        ),
    ],
)
def test_an_invalid_resource_is_refused(
    resource: dict[str, Any], kind: type[EcgError], detail: str | None
) -> None:
    with pytest.raises(kind) as caught:
        fhir(resource)
    assert detail is None or caught.value.detail == detail


def test_sixty_four_dimensions_are_allowed() -> None:
    data = sampled(" ".join(map(str, range(128))), dimensions=64)
    with pytest.raises(UnknownLead, match=r"\(x 1, .*, x 20 and 44 more\);"):
        fhir(observation(component("x", data)))


def test_conclusions_and_impressions_are_statements_without_names() -> None:
    impression = {
        "code": {"coding": [{"code": "8601-7"}]},
        "valueString": "Left axis deviation",
    }
    report = {
        "resourceType": "DiagnosticReport",
        "conclusion": "Sinus rhythm\nMax Mustermann, seen\nConfirmed by Dr. House\nNormal ECG",
    }
    person = {
        "resourceType": "Patient",
        "name": [{"use": "usual", "family": "Mustermann", "given": ["Max"]}],
        "identifier": [{"system": "urn:normal", "value": "0815-4711"}],
    }
    reported = fhir(bundle(observation(component("I"), impression), report, person)).reported
    assert reported is not None
    assert reported.statements == ("Left axis deviation", "Sinus rhythm", "Normal ECG")
