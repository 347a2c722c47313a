"""The station on a socket: records in, outcomes out, and what is refused."""

from __future__ import annotations

import time
from collections.abc import Iterator

import httpx
import numpy as np
import pytest

from station.web.access import ROUTE_SCOPES, SCOPES
from tests.station.frames import frame, record
from tests.station.running import Station, running_station

RECORDS = "/station/v1/records"
# More lists within each other than a writer of JSON allows, and fewer than its reader does.
DEEP = b'{"records": [{"leads": ' + b"[" * 500 + b"]" * 500 + b"}]}"
FRAMES = {"Content-Type": "application/vnd.ecg-station.records"}


@pytest.fixture(scope="module")
def station(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Station]:
    folder = tmp_path_factory.mktemp("station")
    settings = {"max_body_kb": "64", "max_records": "50", "clock_behind": "3000000000"}
    with running_station(folder, f"sqlite:///{folder}/station.db", **settings) as station:
        yield station


@pytest.fixture(scope="module")
def device_key(station: Station) -> str:
    with station.client() as client:
        assert client.post("/station/v1/patients", json={"names": ["p-1"]}).status_code == 201
        made = client.post("/station/v1/sources", json={"name": "strap-1"})
        assert made.status_code == 201
        key: str = made.json()["key"]
        return key


@pytest.fixture
def now_ms() -> int:
    return time.time_ns() // 1_000_000


def post(client: httpx.Client, body: bytes) -> dict[str, object]:
    answer = client.post(RECORDS, content=body, headers=FRAMES)
    assert answer.status_code == 200, answer.text
    content: dict[str, object] = answer.json()
    return content


def test_records_come_back_as_signal(station: Station, device_key: str, now_ms: int) -> None:
    frames = [frame(seq, device_ms=now_ms + 200 * seq) for seq in range(3)]
    with station.client(device_key) as client:
        answer = post(client, b"".join(frames))
        assert answer == {"records": 3, "outcomes": {"stored": 3}, "notes": [], "missing": []}
        again = post(client, frames[1] + b"?")
        assert again["outcomes"] == {"corrupt": 1, "doubled": 1}
    stretch = {"from_ms": now_ms, "to_ms": now_ms + 600}
    with station.client() as client:
        listed = client.get("/station/v1/patients/p-1/records", params=stretch | {"limit": 2})
        assert [row["seq"] for row in listed.json()["records"]] == [0, 1]
        (part,) = client.get("/station/v1/patients/p-1/waveform", params=stretch).json()[
            "waveforms"
        ]
        letters = client.get("/station/v1/dead-letters").json()["dead_letters"]
        frame_url = f"/station/v1/dead-letters/{letters[0]['id']}/frame"
        assert client.get(frame_url).content == b"?"
    assert part["leads"] == ["II", "V1"] and np.allclose(part["signal"][0], np.arange(150) / 1000)
    assert [(row["reason"], row["sender"]) for row in letters] == [("corrupt", "strap-1")]
    assert part["source"] == "strap-1" == listed.json()["records"][0]["source"]


def test_json_says_the_same_as_a_frame(station: Station, device_key: str, now_ms: int) -> None:
    sent = record(10, device_ms=now_ms)
    row = {
        "source": "strap-1",
        "seq": 10,
        "patient": "p-1",
        "time_ms": now_ms,
        "fs": 250,
        "leads": ["II", "V1"],
        "gain": 1000,
        "samples": sent.samples.tolist(),
    }
    beat = {"source": "strap-1", "seq": 11, "patient": "p-1", "time_ms": now_ms, "kind": "beat"}
    beat |= {"samples": [0.5] * 187, "class": "V"}
    wrong = [{**row, "seq": "12"}, {**row, "leads": ["II", "X"]}, 5]
    with station.client(device_key) as client:
        answer = client.post(RECORDS, json={"records": [row, *wrong, beat]})
        assert answer.status_code == 200
        assert answer.json()["outcomes"] == {"invalid": 3, "stored": 2}
        assert [note["index"] for note in answer.json()["notes"]] == [1, 2, 3]
        assert post(client, frame(10, device_ms=now_ms))["outcomes"] == {"doubled": 1}


def test_a_device_sends_only_its_own_records(
    station: Station, device_key: str, now_ms: int
) -> None:
    with station.client(device_key) as client:
        answer = post(client, frame(0, source="strap-9", device_ms=now_ms))
    assert answer["outcomes"] == {"foreign_source": 1}


@pytest.mark.parametrize(
    ("content", "headers", "status", "code"),
    [
        (frame(0), {"Content-Type": "text/csv"}, 415, "unsupported_media_type"),
        (bytes(65 * 1024), FRAMES, 413, "body_too_large"),
        (b"".join(map(frame, range(51))), FRAMES, 413, "too_many_records"),
        (b"{", {"Content-Type": "application/json"}, 400, "malformed_body"),
        (b"[]", {"Content-Type": "application/json"}, 422, "missing_field"),
        (DEEP, {"Content-Type": "application/json"}, 400, "malformed_body"),
        (b"[" * 2000, {"Content-Type": "application/json"}, 400, "malformed_body"),
    ],
)
def test_a_post_that_cannot_be_read_is_refused(
    station: Station,
    device_key: str,
    content: bytes,
    headers: dict[str, str],
    status: int,
    code: str,
) -> None:
    with station.client(device_key) as client:
        answer = client.post(RECORDS, content=content, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_body_without_a_length_is_bounded_too(station: Station, device_key: str) -> None:
    with station.client(device_key) as client:
        parts = (bytes(16 * 1024) for _ in range(8))
        answer = client.post(RECORDS, content=parts, headers=FRAMES)
    assert answer.status_code == 413


def test_a_revoked_key_is_not_valid(station: Station, now_ms: int) -> None:
    with station.client() as client:
        key = client.post("/station/v1/sources", json={"name": "strap-3"}).json()["key"]
        taken = client.post("/station/v1/sources", json={"name": "strap-3"})
        assert (taken.status_code, taken.json()["code"]) == (422, "bad_option")
        with station.client(key) as device:
            post(device, frame(0, source="strap-3", device_ms=now_ms))
            assert client.post("/station/v1/sources/strap-3/revoke").status_code == 200
            time.sleep(1.1)  # as long as a key is remembered
            assert device.post(RECORDS, content=b"", headers=FRAMES).status_code == 401
        assert client.post("/station/v1/sources/strap-3/revoke").status_code == 404


def test_an_unknown_patient_is_not_found(station: Station) -> None:
    with station.client() as client:
        answer = client.get("/station/v1/patients/p-9/records", params={"from_ms": 0, "to_ms": 1})
        assert answer.status_code == 404
        answer = client.get("/station/v1/patients/p-9/records", params={"from_ms": "x"})
        assert (answer.status_code, answer.json()["code"]) == (422, "bad_option")


@pytest.mark.parametrize("name", ["%00", "p%00", "-p", "p%20q", "%C3%A4", "p" * 33])
def test_what_no_patient_is_called_is_not_found(station: Station, name: str) -> None:
    with station.client() as client:
        stretch = {"from_ms": 0, "to_ms": 1}
        for route in ("records", "waveform"):
            answer = client.get(f"/station/v1/patients/{name}/{route}", params=stretch)
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
        assert client.post(f"/station/v1/sources/{name}/revoke").status_code == 404


@pytest.mark.parametrize("cursor", ["", "1", "1.2.3", "a.b", "-1.2", "9" * 30 + ".1"])
def test_a_strange_cursor_is_refused(station: Station, cursor: str) -> None:
    stretch = {"from_ms": 0, "to_ms": 1, "cursor": cursor}
    with station.client() as client:
        answer = client.get("/station/v1/patients/p-1/records", params=stretch)
        assert (answer.status_code, answer.json()["code"]) == (422, "bad_option")
        answer = client.get("/station/v1/dead-letters", params={"cursor": f"{cursor}."})
        assert (answer.status_code, answer.json()["code"]) == (422, "bad_option")


@pytest.mark.parametrize("number", ["0", "99", "x", "-1", "9" * 30])
def test_a_dead_letter_that_is_not_there_is_not_found(station: Station, number: str) -> None:
    with station.client() as client:
        assert client.get(f"/station/v1/dead-letters/{number}/frame").status_code == 404


@pytest.mark.parametrize(
    ("content", "status", "code", "detail"),
    [
        (b"{", 400, "malformed_body", "body: no JSON at line 1, column 2"),
        (b"[" * 2000, 400, "malformed_body", ""),
        (b'{"names": ["a b"]}', 422, "bad_type", "names: 1 to 32 letters, digits and ._@-"),
        (b'{"names": []}', 422, "bad_type", "names: "),
        (b'{"p-1": 1}', 422, "bad_type", "names: "),
        (b'{"names": ["p-1"], "Erika": 1}', 422, "bad_type", "body: "),
    ],
)
def test_a_body_of_the_operator_that_cannot_be_read_is_refused(
    station: Station, content: bytes, status: int, code: str, detail: str
) -> None:
    with station.client() as client:
        answer = client.post("/station/v1/patients", content=content)
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (status, code)
    assert problem["detail"].startswith(detail) and "Erika" not in answer.text


def test_nothing_of_a_patient_is_logged(station: Station) -> None:
    with station.client() as client:
        client.get("/station/v1/patients/Erika-Muster/records", params={"from_ms": 0, "to_ms": 1})
    assert "Erika" not in station.log() and "p-1" not in station.log()


@pytest.mark.parametrize(("method", "path"), sorted(ROUTE_SCOPES))
def test_each_route_needs_exactly_its_scope(
    station: Station, tmp_path_factory: pytest.TempPathFactory, method: str, path: str
) -> None:
    needed = ROUTE_SCOPES[method, path]
    url = path.format(name="p-9", number=99)
    with httpx.Client(base_url=station.url, timeout=60) as client:
        anonymous = client.request(method, url)
        assert (anonymous.status_code == 401) == (needed is not None)
        for scope in SCOPES:
            if needed is not None:
                # The answer is not read: events have no end.
                key = {"X-API-Key": station.keys[scope]}
                with client.stream(method, url, headers=key) as answer:
                    assert (answer.status_code == 403) == (scope != needed)
                    assert answer.status_code != 401


@pytest.mark.parametrize("path", ["/station/v1", "/station/v1/records/", "/docs", "/health"])
def test_other_paths_are_refused(station: Station, path: str) -> None:
    with station.client() as client:
        assert client.get(path).status_code == 404


def test_another_method_is_named(station: Station) -> None:
    with station.client() as client:
        answer = client.get(RECORDS)
        assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
        answer = client.put("/station/v1/patients")
        assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD, POST")
        assert client.head("/station/v1/patients").status_code == 200
