"""`python -m station patients import`: counts on standard output, what is refused on the other."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import orjson
import pytest

from station.patients.command import run_patients_command
from tests.house.tree import ROOT


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, list[str]]:
    status = run_patients_command(["import", *arguments])
    captured = capsys.readouterr()
    return status, captured.out, captured.err.splitlines()


def test_a_table_is_imported(
    tmp_path: Path, database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "patients.csv"
    path.write_text("name,birth_year\np-1,1950\np-2,19\np-3,\n")
    database = ("--database", database_url)
    expected = ["3: birth_year: 19; allowed are 1850 to 20"]
    status, out, err = run(capsys, str(path), *database)
    assert status == 1 and [line[: len(expected[0])] for line in err] == expected
    assert out == "3 rows, 2 added, 0 changed, 0 unchanged, 1 refused\n"
    path.write_text("name,birth_year\np-1,1950\np-3,1951\n")
    assert run(capsys, str(path), *database) == (
        0,
        "2 rows, 0 added, 1 changed, 1 unchanged, 0 refused\n",
        [],
    )


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("ending", [".json", ".ndjson"])
def test_resources_are_imported(
    tmp_path: Path, database_url: str, ending: str, capsys: pytest.CaptureFixture[str]
) -> None:
    identifiers = [{"system": "a", "value": "p-1"}, {"system": "b", "value": "q-1"}]
    resource = {"resourceType": "Patient", "identifier": identifiers}
    bundle = {"resourceType": "Bundle", "entry": [{"resource": resource}]}
    path = tmp_path / f"patients{ending}"
    path.write_bytes(orjson.dumps(bundle if ending == ".json" else resource))
    status, out, _ = run(capsys, str(path), "--database", database_url, "--system", "b")
    assert status == 0 and out.startswith("1 rows, 1 added")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_cannot_be_imported_is_said(
    tmp_path: Path, database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "patients.csv"
    database = ("--database", database_url)
    assert run(capsys, str(path), *database)[0] == 2  # no such file
    path.write_text("mrn\n1\n")
    status, _, err = run(capsys, str(path), *database)
    assert status == 2 and err[0].startswith("Body cannot be read: columns: name and some of")
    status, _, err = run(capsys, str(path), "--database", "mysql://u@h/n")
    assert status == 2 and err[0].startswith("Database cannot be used: ")
    with pytest.raises(SystemExit):
        run(capsys, str(tmp_path / "patients.txt"), *database)
    assert "its name must end with one of .csv, .ndjson" in capsys.readouterr().err


def test_it_is_a_command_of_the_station() -> None:
    command = [sys.executable, "-m", "station", "patients", "import", "--help"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert "--database" in ended.stdout and "--port" not in ended.stdout
