"""While the database is down, every route says so, and the process lives on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import orjson
import pytest

from station.web.access import ROUTE_SCOPES
from tests.station.frames import frame
from tests.station.ingest.fhir.observed import observation
from tests.station.postgres import PostgreSQL
from tests.station.running import Station, running_station

OCTETS = "application/octet-stream"
BODIES = {
    ("POST", "/station/v1/records"): (frame(0), OCTETS),
    ("POST", "/station/v1/fhir"): (orjson.dumps(observation()), "application/fhir+json"),
    ("POST", "/station/v1/sources"): (b'{"name": "strap-2"}', OCTETS),
    ("POST", "/station/v1/patients"): (b'{"names": ["p-2"]}', OCTETS),
    ("POST", "/station/v1/patients/import"): (b"name\np-2\n", "text/csv"),
    ("PATCH", "/station/v1/patients/{name}"): (b"{}", OCTETS),
    ("POST", "/station/v1/patients/{name}/silence"): (b'{"seconds": 60}', OCTETS),
    ("POST", "/station/v1/patients/{name}/acknowledge"): (b"{}", OCTETS),
    ("POST", "/station/v1/alarms/{number}/acknowledge"): (b"{}", OCTETS),
    ("POST", "/station/v1/alarms/{number}/note"): (b'{"note": "seen"}', OCTETS),
}

# Pages and their files come from the disk; there is no file p-1.
# Metrics say that there is no database.
OPEN_ROUTES = {
    "/livez": 200,
    "/readyz": 503,
    "/metrics": 200,
    "/": 200,
    "/patients/{name}": 200,
    "/assets/{name}": 404,
}


@pytest.fixture
def stopped(tmp_path: Path, database_url: str, postgres: PostgreSQL) -> Iterator[Station]:
    with running_station(tmp_path, database_url) as station:
        postgres.stop("fast")
        try:
            yield station
        finally:
            postgres.start()
        station.wait_for("/readyz")


def ask(client: httpx.Client, method: str, path: str) -> httpx.Response:
    url = path.format(name="p-1", number=1)
    content, media_type = BODIES.get((method, path), (b"", OCTETS))
    return client.request(
        method,
        url,
        params={"from_ms": "0", "to_ms": "1", "bin_ms": "10000"},
        content=content,
        headers={"Content-Type": media_type},
    )


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_every_route_answers_503_with_a_problem(stopped: Station) -> None:
    with stopped.client() as client:
        for method, path in ROUTE_SCOPES:
            answer = ask(client, method, path)
            if path in OPEN_ROUTES:
                assert answer.status_code == OPEN_ROUTES[path]
                continue
            found = (answer.status_code, answer.json()["code"], answer.headers.get("retry-after"))
            assert found == (503, "no_database", "1"), (method, path)
            assert answer.headers["content-type"] == "application/problem+json"
        assert client.get("/readyz").json() == {"status": "no database"}
    # A key that has a device's form is looked up before the route runs.
    with stopped.client("ecg_" + "0" * 12 + "_" + "a" * 43) as client:
        assert ask(client, "POST", "/station/v1/records").json()["code"] == "no_database"
    assert "Traceback" not in stopped.log()
