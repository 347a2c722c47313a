"""The start: what ends it with a message, and what is answered until the database is up to date."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from station.store.engine import open_engine, writing
from tests.house.tree import ROOT
from tests.station.running import Station


def refused(*flags: str) -> str:
    """Start the station; return what it writes before it ends with the status 2."""
    command = [sys.executable, "-m", "station", *flags]
    ended = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    assert ended.returncode == 2, ended.stderr
    assert "Traceback" not in ended.stderr
    return ended.stderr


def test_posts_that_could_never_be_received_are_refused() -> None:
    message = refused("--max-body-kb", "2048", "--max-bodies-mb", "1")
    assert "STATION_MAX_BODY_KB is 2048, which is more than STATION_MAX_BODIES_MB (1)" in message


def test_a_value_that_is_not_allowed_is_named() -> None:
    assert "STATION_PORT is '80': " in refused("--port", "80")


def test_a_database_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    assert "Database cannot be used: STATION_DATABASE is of the kind mysql" in refused(
        "--database", "mysql://u@h/n"
    )
    (tmp_path / "notes").write_text("not a database" * 100)
    message = refused("--port", "8199", "--database", f"sqlite:///{tmp_path}/notes")
    assert "notes: SQLITE_NOTADB" in message


def test_a_bridge_that_cannot_be_used_is_named_without_its_password(tmp_path: Path) -> None:
    database = ("--database", f"sqlite:///{tmp_path}/station.db")
    message = refused(*database, "--mqtt", "http://u:secret@h")
    assert message.startswith("Bridge cannot be used: STATION_MQTT: a URL of another kind")
    assert "secret" not in message
    broker = ("--mqtt", "mqtts://h", "--mqtt-ca-file", f"{tmp_path}/absent.pem")
    assert refused(*database, *broker) == (
        "Bridge cannot be used: STATION_MQTT_CA_FILE: FileNotFoundError\n"
    )


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_until_the_database_is_up_to_date_only_the_probes_answer(
    tmp_path: Path, database_url: str
) -> None:
    station = Station(tmp_path, database_url)
    engine = open_engine(database_url)
    try:
        with writing(engine):  # the migration waits for the end of this transaction
            station.launch()
            station.wait_for("/livez")
            with station.client() as client:
                assert client.get("/readyz").status_code == 503
                assert client.get("/readyz").json() == {"status": "starting"}
                answer = client.get("/station/v1/dead-letters")
                assert (answer.status_code, answer.json()["code"]) == (503, "starting")
                assert answer.headers["retry-after"] == "1"
        station.wait_for("/readyz")
        with station.client() as client:
            assert client.get("/station/v1/dead-letters").status_code == 200
        assert station.stop() == 0
    finally:
        engine.dispose()
        station.kill()
