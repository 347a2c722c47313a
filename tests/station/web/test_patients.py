"""Patients on a socket: registered, listed, changed and imported."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from typing import Any

import httpx
import orjson
import pytest

from tests.station.running import Station, running_station

PATIENTS = "/station/v1/patients"
IMPORT = f"{PATIENTS}/import"
CSV = {"Content-Type": "text/csv; charset=utf-8"}


@pytest.fixture(scope="module")
def station(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Station]:
    folder = tmp_path_factory.mktemp("station")
    settings = {"max_body_kb": "4", "body_timeout": "1"}
    with running_station(folder, f"sqlite:///{folder}/station.db", **settings) as station:
        yield station


@pytest.fixture
def client(station: Station) -> Iterator[httpx.Client]:
    with station.client() as client:
        yield client


def details(client: httpx.Client, name: str) -> dict[str, Any]:
    answer = client.get(f"{PATIENTS}/{name}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_a_new_patient_has_no_details(client: httpx.Client) -> None:
    assert client.post(PATIENTS, json={"names": ["new-1"]}).status_code == 201
    found = details(client, "new-1")
    assert found.pop("created_ms") == found.pop("changed_ms")
    assert found == {
        "name": "new-1",
        "sex": "unknown",
        "birth_year": None,
        "notes": "",
        "rate_low": None,
        "rate_high": None,
    }
    assert client.get(f"{PATIENTS}/new-2").status_code == 404


def test_only_what_is_sent_is_changed(client: httpx.Client) -> None:
    client.post(PATIENTS, json={"names": ["change-1"]})
    url = f"{PATIENTS}/change-1"
    first = client.patch(url, json={"sex": "female", "rate_low": 45, "rate_high": 120})
    assert first.status_code == 200 and first.json()["rate_low"] == 45
    second = client.patch(url, json={"rate_low": None, "notes": "walks\nat night"}).json()
    expected = ("female", None, 120, "walks\nat night")
    assert tuple(second[name] for name in ("sex", "rate_low", "rate_high", "notes")) == expected
    assert details(client, "change-1") == second
    assert client.patch(url, json={}).json() == second
    assert client.patch(f"{PATIENTS}/change-2", json={"sex": "male"}).status_code == 404


@pytest.mark.parametrize(
    ("sent", "code", "detail"),
    [
        ({"sex": "f"}, "bad_option", "sex: allowed are"),
        ({"sex": None}, "bad_type", "sex: "),
        ({"birth_year": 1492}, "bad_option", "birth_year: 1492; allowed are 1850 to"),
        ({"birth_year": "1950"}, "bad_type", "birth_year: "),
        ({"birth_year": 1950.5}, "bad_type", "birth_year: "),
        ({"notes": "\u0000"}, "bad_option", "notes: has control characters"),
        ({"rate_low": 120, "rate_high": 50}, "bad_option", "rate_low: 120; it must be below"),
        ({"rate_low": 100}, "bad_option", "rate_low: 100; it must be below rate_high, which is 90"),
        ({"rate_high": 10**9}, "bad_option", "rate_high: "),
        ({"name": "p-2"}, "bad_type", "body: "),
        ([], "bad_type", "body: "),
    ],
)
def test_a_value_that_is_not_allowed_is_refused(
    client: httpx.Client, sent: object, code: str, detail: str
) -> None:
    client.post(PATIENTS, json={"names": ["wrong-1"]})
    client.patch(f"{PATIENTS}/wrong-1", json={"rate_high": 90})
    before = details(client, "wrong-1")
    answer = client.patch(f"{PATIENTS}/wrong-1", json=sent)
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert answer.json()["detail"].startswith(detail)
    assert details(client, "wrong-1") == before


def test_the_list_has_pages(client: httpx.Client) -> None:
    names = [f"list-{number}" for number in range(5)]
    client.post(PATIENTS, json={"names": names})
    found: list[str] = []
    parameters: dict[str, Any] = {"limit": 2}
    while True:
        page = client.get(PATIENTS, params=parameters).json()
        assert len(page["patients"]) <= 2
        found += [patient["name"] for patient in page["patients"]]
        if page["cursor"] is None:
            break
        parameters["cursor"] = page["cursor"]
    assert len(found) == len(set(found)) and set(names) <= set(found)


def test_a_table_is_imported_and_each_wrong_line_is_named(client: httpx.Client) -> None:
    table = b"name,sex,rate_high\nimport-1,male,120\nimport-2,m,\nimport-3,,0\nimport-4,,\n"
    answer = client.post(IMPORT, content=table, headers=CSV)
    assert answer.status_code == 200
    assert answer.json() == {
        "rows": 4,
        "added": 2,
        "changed": 0,
        "unchanged": 0,
        "refused": 2,
        "faults": [
            {"line": 3, "reason": "sex: allowed are female, male, other, unknown"},
            {"line": 4, "reason": "rate_high: 0; allowed are 1 to 400 a minute"},
        ],
    }
    again = client.post(IMPORT, content=table, headers=CSV).json()
    assert (again["added"], again["unchanged"], again["refused"]) == (0, 2, 2)
    assert details(client, "import-1")["rate_high"] == 120


def test_a_table_may_be_larger_than_a_post(client: httpx.Client) -> None:
    lines = (b"large-%d\n" % number for number in range(3000))
    answer = client.post(IMPORT, content=(b"name\n", *lines), headers=CSV)
    assert answer.json()["added"] == 3000


def test_resources_are_imported(client: httpx.Client) -> None:
    resources = [
        {"resourceType": "Patient", "identifier": [{"system": "a", "value": f"fhir-{number}"}]}
        for number in range(2)
    ]
    bundle = {"resourceType": "Bundle", "entry": [{"resource": one} for one in resources]}
    sent = client.post(
        IMPORT, content=orjson.dumps(bundle), headers={"Content-Type": "application/fhir+json"}
    )
    assert sent.json()["added"] == 2 and details(client, "fhir-1")["sex"] == "unknown"
    lines = b"\n".join(map(orjson.dumps, resources))
    headers = {"Content-Type": "application/fhir+ndjson"}
    sent = client.post(IMPORT, content=lines, headers=headers, params={"system": "b"})
    assert sent.json()["faults"][1] == {
        "line": 2,
        "reason": "identifier: 0 of this system; exactly one is required",
    }


@pytest.mark.parametrize(
    ("content", "media_type", "status", "code"),
    [
        (b"mrn\n", "text/csv", 400, "malformed_body"),
        (b"", "text/csv", 400, "malformed_body"),
        (b"[]", "application/fhir+json", 400, "malformed_body"),
        (b" " * 5000, "application/fhir+json", 413, "body_too_large"),
        (b"{}", "application/json", 415, "unsupported_media_type"),
    ],
)
def test_what_cannot_be_imported_is_refused(
    client: httpx.Client, content: bytes, media_type: str, status: int, code: str
) -> None:
    answer = client.post(IMPORT, content=content, headers={"Content-Type": media_type})
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_one_import_runs_at_once_and_what_was_stored_stays(
    station: Station, client: httpx.Client
) -> None:
    """The client sends a part, and then no more."""
    head = (
        f"POST {IMPORT} HTTP/1.1\r\nHost: station\r\nX-API-Key: {station.key}\r\n"
        "Content-Type: text/csv\r\nContent-Length: 1000000\r\n\r\n"
    )
    lines = b"".join(b"slow-%d\n" % number for number in range(1500))
    with socket.create_connection(("127.0.0.1", station.port), timeout=60) as sender:
        sender.sendall(head.encode() + b"name\n" + lines)
        until_s = time.monotonic() + 60
        while client.get(f"{PATIENTS}/slow-0").status_code == 404:  # the first transaction
            assert time.monotonic() < until_s
        refused = client.post(IMPORT, content=b"name\n", headers=CSV)
        answer = sender.recv(65_536)
    assert answer.startswith(b"HTTP/1.1 408 ") and b"upload_too_slow" in answer
    assert (refused.status_code, refused.json()["code"]) == (429, "overloaded")
    assert client.post(IMPORT, content=b"name\n", headers=CSV).status_code == 200
    assert client.get(f"{PATIENTS}/slow-999").status_code == 200


def test_a_client_that_leaves_frees_the_place(station: Station, client: httpx.Client) -> None:
    head = f"POST {IMPORT} HTTP/1.1\r\nHost: station\r\nX-API-Key: {station.key}\r\n"
    with socket.create_connection(("127.0.0.1", station.port), timeout=60) as sender:
        sender.sendall(
            head.encode() + b"Content-Type: text/csv\r\nContent-Length: 99\r\n\r\nname\n"
        )
    until_s = time.monotonic() + 60
    while client.post(IMPORT, content=b"name\n", headers=CSV).status_code == 429:
        assert time.monotonic() < until_s
    assert "Traceback" not in station.log()


def test_nothing_of_a_patient_is_logged(station: Station) -> None:
    log = station.log()
    assert not [name for name in ("slow-", "walks", "import-1", "fhir-1") if name in log]
