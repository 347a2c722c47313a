"""A long recording that is imported for a patient is listed and served in each form."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import create_engine, text

from analysis.holter.report import HolterReport
from signals.leads import LEADS
from signals.synthetic.catalogue import EXAMPLES
from signals.synthetic.generator import SyntheticEcg
from station.holter.command import run_import_command
from station.holter.work import Source, import_recording
from tests.station.running import Station, running_station

FS_HZ = 250
SECONDS = 60


@pytest.fixture
def station(tmp_path: Path, database_url: str) -> Iterator[Station]:
    with running_station(tmp_path, database_url) as station:
        with station.client() as client:
            body = {"names": ["p-1", "p-2"]}
            client.post("/station/v1/patients", json=body).raise_for_status()
        yield station


def recording(folder: Path) -> Path:
    signal = SyntheticEcg(EXAMPLES[0].heart, 1, FS_HZ).samples(0, SECONDS * FS_HZ)
    codes = np.rint(signal[[LEADS.index("II")]] * 200).astype("<i2")
    (folder / "a.dat").write_bytes(codes.T.tobytes())
    (folder / "a.hea").write_text(
        f"a 1 {FS_HZ} {SECONDS * FS_HZ} 17:25:40 03/05/2026\na.dat 16 200/mV 16 0 0 0 0 II\n"
    )
    return folder / "a.hea"


def test_a_patients_report_is_served(
    station: Station, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = str(recording(tmp_path))
    database = ["--database", station.database_url]
    assert run_import_command([file, "--patient", "p-1", *database]) == 0
    assert capsys.readouterr().out == "report 1 of p-1\n"
    assert not list(tmp_path.glob("*.holter.*"))
    with station.client(station.keys["ward"]) as client:
        listed = client.get("/station/v1/patients/p-1/holters")
        assert listed.status_code == 200, listed.text
        (row,) = listed.json()["holters"]
        assert (row["id"], row["started"], row["duration_s"]) == (1, "2026-05-03T17:25:40", 60.0)
        path = "/station/v1/patients/p-1/holters/1"
        report = client.get(path).json()
        assert 60 < report["rates"]["mean_per_min"] < 80
        pdf = client.get(path, params={"format": "pdf"})
        assert pdf.headers["content-type"] == "application/pdf"
        assert pdf.content.startswith(b"%PDF")
        page = client.get(path, params={"format": "html"})
        assert page.text.startswith("<!doctype html>")
        policy = page.headers["content-security-policy"]
        assert "default-src 'none'" in policy and policy.endswith("sandbox")
        # Another patient does not have it, and other numbers and forms do not exist.
        assert client.get("/station/v1/patients/p-2/holters").json()["holters"] == []
        assert client.get("/station/v1/patients/p-2/holters/1").status_code == 404
        assert client.get("/station/v1/patients/p-1/holters/2").status_code == 404
        assert client.get(path, params={"format": "id"}).status_code == 422
    with station.client(station.keys["ingest"]) as client:
        assert client.get(path).status_code == 403


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_files_outlive_a_database_that_fails_after_the_work(
    station: Station,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def import_and_lose_the_table(source: Source, processes: int) -> HolterReport:
        report = import_recording(source, processes)
        engine = create_engine(station.database_url)
        with engine.begin() as connection:
            connection.execute(text("DROP TABLE holters"))
        engine.dispose()
        return report

    monkeypatch.setattr("station.holter.command.import_recording", import_and_lose_the_table)
    arguments = [str(recording(tmp_path)), "--patient", "p-1", "--out", str(tmp_path / "out")]
    arguments += ["--format", "json", "--database", station.database_url]
    assert run_import_command(arguments) == 2
    out, err = capsys.readouterr()
    assert out == f"{tmp_path / 'out' / 'a.holter.json'}\n"
    assert "Database does not answer" in err
    assert (tmp_path / "out" / "a.holter.json").stat().st_size > 0


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_patient_who_is_not_registered_is_refused_before_the_work(
    station: Station, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["absent.hea", "--patient", "p-9", "--database", station.database_url]
    assert run_import_command(arguments) == 2
    assert "no patient with this name" in capsys.readouterr().err
