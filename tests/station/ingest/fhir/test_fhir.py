"""POST /station/v1/fhir: Observations with SampledData become records, with FHIR's own answers."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import numpy as np
import orjson
import pytest
from fhir.resources.R4B.bundle import Bundle
from fhir.resources.R4B.operationoutcome import OperationOutcome
from sqlalchemy import select

from station.store.engine import open_engine
from station.store.records import RECORDS
from station.store.tables import AnyRow
from station.store.waveforms import millivolts
from tests.station.ingest.fhir.observed import moment, observation, sampled
from tests.station.running import Station, running_station


@pytest.fixture(scope="module")
def station(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Station]:
    folder = tmp_path_factory.mktemp("station")
    with running_station(folder, f"sqlite:///{folder}/station.db") as station:
        with station.client() as client:
            client.post("/station/v1/patients", json={"names": ["p-1"]}).raise_for_status()
            client.post("/station/v1/sources", json={"name": "watch-1"}).raise_for_status()
        yield station


@pytest.fixture(scope="module")
def device(station: Station) -> Iterator[httpx.Client]:
    """A client with the key of a device."""
    with station.client() as client:
        key = client.post("/station/v1/sources", json={"name": "watch-2"}).json()["key"]
    with station.client(key) as client:
        yield client


def posted(client: httpx.Client, content: Any) -> httpx.Response:
    headers = {"Content-Type": "application/fhir+json"}
    return client.post("/station/v1/fhir", content=orjson.dumps(content), headers=headers)


def issues(outcome: Any) -> list[tuple[str, str, str]]:
    OperationOutcome.model_validate_json(orjson.dumps(outcome))
    return [(each["severity"], each["code"], each["diagnostics"]) for each in outcome["issue"]]


def newest(station: Station) -> AnyRow:
    engine = open_engine(station.database_url)
    with engine.connect() as connection:
        row = connection.execute(select(RECORDS).order_by(RECORDS.c.number.desc())).first()
    engine.dispose()
    assert row is not None
    return row


def test_origin_factor_period_and_letters(station: Station) -> None:
    start = "2026-01-02T03:04:05.678+01:00"
    recent = datetime.fromtimestamp(round(time.time() - 5), UTC)
    with station.client() as client:
        answer = posted(client, observation(effectiveDateTime=recent.isoformat()))
        assert (answer.status_code, answer.headers["content-type"]) == (
            201,
            "application/fhir+json",
        )
        assert issues(answer.json()) == [("information", "informational", "stored")]
        old = posted(client, observation(effectiveDateTime=start))
    row = newest(station)
    assert (row.leads, row.fs_hz, row.device_ms) == ("I,II", 250.0, 1000 * recent.timestamp())
    expected = np.array([10, 260, np.nan, np.nan, np.nan, -240]) / 1000
    for lead in millivolts(row):
        assert np.allclose(lead, expected, equal_nan=True)
    assert old.status_code == 422
    ((severity, code, text),) = issues(old.json())
    assert (severity, code) == ("error", "invalid") and text.startswith("bad_clock: time: ")


def test_an_observation_that_is_sent_again_is_doubled(station: Station) -> None:
    content = observation()
    with station.client() as client:
        assert posted(client, content).status_code == 201
        again = posted(client, content)
        assert again.status_code == 200
        assert issues(again.json()) == [("information", "informational", "doubled")]
        content["component"][0]["valueSampledData"]["data"] = "1 2 3 4 5 6"
        other = posted(client, content)
        assert other.status_code == 422
        assert issues(other.json())[0][1:] == (
            "conflict",
            "conflicting: seq: another frame with this number is stored",
        )


def test_a_long_signal_is_several_records_without_missing_numbers(station: Station) -> None:
    data = " ".join(str(number % 500) for number in range(25 * 250))
    one = sampled(data, factor=1, origin={"value": 0, "unit": "uV"})
    content = observation(component=None, valueSampledData=one, effectiveDateTime=moment(30))
    with station.client() as client:
        assert posted(client, content).status_code == 201
        letters = client.get("/station/v1/dead-letters").json()["dead_letters"]
        when = {"from_ms": 0, "to_ms": 2 * time.time_ns() // 1_000_000}
        parts = client.get("/station/v1/patients/p-1/waveform", params=when).json()["waveforms"]
    assert not [letter for letter in letters if letter["reason"] == "missing"]
    (signal,) = (part["signal"][0] for part in parts if part["leads"] == ["ECG1"])
    assert np.allclose(signal, np.arange(25 * 250) % 500 / 1000)


def test_a_device_needs_no_reference_to_itself_and_speaks_for_no_other(
    device: httpx.Client,
) -> None:
    assert posted(device, observation(device=None)).status_code == 201
    refused = posted(device, observation())
    assert refused.status_code == 422
    assert issues(refused.json())[0][1:] == (
        "forbidden",
        "foreign_source: source: the key is that of watch-2",
    )


def test_each_entry_of_a_bundle_has_its_own_outcome(station: Station) -> None:
    entries = [
        {"resource": observation(effectiveDateTime=moment(7))},
        {"resource": observation(subject={"identifier": {"value": "p-9"}})},
        {"resource": {"resourceType": "Patient", "id": "p-1"}},
        {"request": {"method": "POST", "url": "Observation"}},
    ]
    with station.client() as client:
        answer = posted(client, {"resourceType": "Bundle", "type": "batch", "entry": entries})
    assert answer.status_code == 200
    Bundle.model_validate_json(answer.content)
    responses = [entry["response"] for entry in answer.json()["entry"]]
    assert [each["status"] for each in responses] == [
        "201 Created",
        *["422 Unprocessable Entity"] * 3,
    ]
    texts = [issues(each["outcome"])[0][1:] for each in responses]
    assert texts == [
        ("informational", "late"),
        ("not-found", "unknown_patient: patient: not registered"),
        *[("invalid", "invalid: resourceType: Observation is required")] * 2,
    ]


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"status": "entered-in-error"}, "status: entered-in-error; such an observation"),
        ({"subject": None}, "subject: a reference or identifier of the patient is required"),
        ({"subject": {"reference": "Group/p-1"}}, "subject: a reference to a Patient is required"),
        ({"subject": {"reference": "Patient/a b"}}, "subject: 1 to 32 letters"),
        ({"device": None}, "device: a reference or identifier of the source is required"),
        ({"effectiveDateTime": None}, "effective[x]: a date and time with a time zone"),
        ({"effectiveDateTime": "2026-01-02"}, "effective[x]: a date and time with a time zone"),
        ({"component": None}, "the Observation has no SampledData"),
    ],
)
def test_what_an_observation_lacks_is_named(
    station: Station, changes: dict[str, Any], fault: str
) -> None:
    with station.client() as client:
        answer = posted(client, observation(**changes))
    assert answer.status_code == 422
    assert issues(answer.json())[0][2].startswith(f"invalid: {fault}")


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (sampled(period=100), "ECG1: 10 Hz; 50 to 2000 Hz are allowed"),
        (sampled(origin={"value": 0}), "ECG1: origin has no unit of voltage, such as mV"),
        (sampled("1 x 3"), "11524-6: a sample is not a number"),
        (sampled(dimensions=4), "11524-6: 6 samples of the FHIR SampledData; not a multiple"),
    ],
)
def test_what_is_wrong_with_sampled_data_is_named(
    station: Station, data: dict[str, Any], fault: str
) -> None:
    with station.client() as client:
        answer = posted(client, observation(component=None, valueSampledData=data))
    assert issues(answer.json())[0][2].startswith(f"invalid: {fault}")


def test_dimensions_are_leads(station: Station) -> None:
    with station.client() as client:
        data = sampled("1 2 3 4 5 6", dimensions=2, factor=1, origin={"value": 0, "unit": "mV"})
        content = observation(component=None, valueSampledData=data, effectiveDateTime=moment(9))
        assert posted(client, content).status_code == 201
    row = newest(station)
    assert row.leads == "ECG1,ECG2"
    assert millivolts(row).tolist() == [[1, 3, 5], [2, 4, 6]]


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (b"{", 400, "malformed_body"),
        (b"[]", 422, "missing_field"),
        (b'{"resourceType": "Patient"}', 422, "missing_field"),
        (b'{"resourceType": "Bundle", "type": "transaction", "entry": []}', 422, "bad_option"),
        (b'{"resourceType": "Bundle", "type": "batch"}', 422, "missing_field"),
        (
            b'{"resourceType": "Observation", "a": ' + b"[" * 300 + b"]" * 300 + b"}",
            400,
            "malformed_body",
        ),
    ],
)
def test_a_body_that_is_no_observation_is_a_problem(
    station: Station, content: bytes, status: int, code: str
) -> None:
    with station.client() as client:
        answer = client.post(
            "/station/v1/fhir", content=content, headers={"Content-Type": "application/json"}
        )
        text = client.post("/station/v1/fhir", content=b"", headers={"Content-Type": "text/plain"})
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert text.status_code == 415
