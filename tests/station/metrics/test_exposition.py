"""The metrics count what the station does, and promtool reads them."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from station.metrics.exposition import FAMILIES
from station.store.engine import open_engine, writing
from station.store.external.outbox import add_outlet
from station.times import now_ms
from tests.house.tree import ROOT
from tests.station.frames import frame
from tests.station.running import Station, running_station

PROMTOOL = shutil.which("promtool")
needs_promtool = pytest.mark.skipif(
    PROMTOOL is None, reason="PROMTOOL NOT FOUND: install Debian's prometheus"
)


@pytest.fixture(scope="module")
def station(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Station]:
    folder = tmp_path_factory.mktemp("station")
    with running_station(folder, f"sqlite:///{folder}/station.db", roles="front,web") as station:
        engine = open_engine(station.database_url)
        with writing(engine) as connection:
            add_outlet(connection, "webhook")
        engine.dispose()
        yield station


def text(station: Station) -> str:
    with station.client(station.keys["operator"]) as client:
        answer = client.get("/metrics")
    assert answer.status_code == 200 and answer.headers["content-type"].startswith("text/plain")
    return answer.text


def series(station: Station) -> dict[tuple[str, ...], float]:
    """Return (name, values of labels) -> value."""
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text(station))
        for sample in family.samples
    }


def test_records_and_answers_are_counted(station: Station) -> None:
    with station.client() as client:
        client.post("/station/v1/patients", json={"names": ["p-1"]}).raise_for_status()
        client.post("/station/v1/sources", json={"name": "strap-1"}).raise_for_status()
        good, bad = (frame(seq, device_ms=now_ms()) for seq in range(2))
        headers = {"Content-Type": "application/octet-stream"}
        for _ in range(2):
            client.post("/station/v1/records", content=good + bad[:-1] + b"?", headers=headers)
        client.get("/no/such/path/of/a/client")
        client.get("/station/v1/alarms/abc/steps")
    with station.client("invalid") as client:
        client.post("/station/v1/records")
    found = series(station)
    outcomes = {name: found["station_records_total", name] for name in ("stored", "doubled")}
    assert outcomes == {"stored": 1, "doubled": 1}
    assert found["station_records_total", "corrupt"] == 2
    assert found["station_requests_total", "/station/v1/records", "200"] == 2
    assert found["station_requests_total", "/station/v1/records", "401"] == 1
    assert found["station_requests_total", "other", "404"] == 1
    assert found["station_requests_total", "/station/v1/alarms/{number}/steps", "404"] == 1
    assert found["station_outlet_waiting", "webhook"] == 0
    assert found["station_watch_behind_records",] == 1, "nothing watches here"
    assert found["station_database_up",] == 1


def test_every_family_is_there_and_none_names_a_patient(station: Station) -> None:
    names = {key[0] for key in series(station)}
    not_here = {"station_watch_age_seconds", "station_labels_up"}
    assert {family.name for family in FAMILIES} - names == not_here
    assert "p-1" not in text(station) and "strap-1" not in text(station)


@needs_promtool
def test_promtool_reads_the_metrics(station: Station) -> None:
    command = [PROMTOOL or "", "check", "metrics"]
    subprocess.run(command, input=text(station), text=True, check=True, timeout=60)


@needs_promtool
def test_every_alert_is_raised_on_one_side_of_its_threshold_only() -> None:
    rules = "tests/observability/station-alerts.test.yaml"
    subprocess.run([PROMTOOL or "", "test", "rules", rules], cwd=ROOT, check=True, timeout=60)


def test_every_process_has_probes_and_metrics(tmp_path: Path) -> None:
    with running_station(tmp_path, f"sqlite:///{tmp_path}/station.db", roles="watch") as station:
        assert ("station_event_clients",) in series(station)
        with station.client() as client:
            assert client.get("/station/v1/ward").status_code == 404
            assert client.post("/station/v1/records").status_code == 404
        assert station.stop() == 0
