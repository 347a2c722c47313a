"""The command moves old rows and reads a patient's stretch back, from both places and each once."""

from __future__ import annotations

import json
from pathlib import Path

import fsspec
import numpy as np
import pyarrow.parquet as pq
import pytest
from sqlalchemy import Engine

from station.archive import moving, reading
from station.archive.command import run_archive_command
from station.archive.moving import Mover
from station.archive.place import Place
from station.store.engine import writing
from station.store.patients import patient_ids
from station.store.waveforms import waveforms
from station.times import DAY_MS
from tests.station.archive.ward import (
    BEATS,
    KEEP_MS,
    LATER_MS,
    joined,
    make_ward,
    stored,
)
from tests.station.worker.wards import ZERO_MS

MEMORY = "memory://archive"
STRETCH = ("--from", str(ZERO_MS + 5_500), "--to", str(ZERO_MS + 30_000))


@pytest.fixture(autouse=True)
def small_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moving, "now_ms", lambda: LATER_MS)
    monkeypatch.setattr(moving, "MAX_ROWS", 37)


@pytest.fixture
def flags(engine: Engine, database_url: str, tmp_path: Path) -> list[str]:
    make_ward(engine)
    return ["--database", database_url, "--archive", str(tmp_path / "archive")]


def read(flags: list[str], out: Path, *more: str) -> Path:
    assert run_archive_command(["read", "p-0", *flags, *STRETCH, "--out", str(out), *more]) == 0
    return out


def test_a_stretch_is_the_same_before_and_after(
    flags: list[str], tmp_path: Path, engine: Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    with engine.connect() as connection:
        patient = patient_ids(connection, ["p-0"])["p-0"]
        (whole,) = waveforms(connection, patient, from_ms=ZERO_MS + 5_500, to_ms=ZERO_MS + 30_000)
    before = {
        what: pq.read_table(read(flags, tmp_path / f"{what}.parquet", "--what", what))
        for what in ("records", "beats", "windows", "labels", "problems")
    }
    assert before["records"].num_rows > BEATS / 3 and before["beats"].num_rows > 10
    assert set(before["records"]["patient"].to_pylist()) == {"p-0"}
    ages = ["--keep-records", "30", "--keep-findings", "30", "--keep-events", "30"]
    assert run_archive_command([*flags, *ages]) == 0
    assert "records: 1" in capsys.readouterr().out
    assert len(stored(engine)["records"]) == 1
    for what, table in before.items():
        again = pq.read_table(read(flags, tmp_path / f"{what}.parquet", "--what", what))
        assert again.sort_by(list(map(order, table.column_names))).equals(
            table.sort_by(list(map(order, table.column_names)))
        )
    (part,) = json.loads(read(flags, tmp_path / "signal.json").read_bytes())["waveforms"]
    assert (part["source"], part["start_ms"], part["fs"]) == ("strap-0", whole.start_ms, 125)
    found = np.array(part["signal"], float)
    assert np.allclose(found, whole.signal, equal_nan=True)


def order(name: str) -> tuple[str, str]:
    return name, "ascending"


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_rows_in_both_places_are_read_once(
    flags: list[str], tmp_path: Path, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The move ends between the verification of a file and the deletion of its rows."""

    class Killed(Exception):
        pass

    def kill(*_: object) -> None:
        raise Killed

    place = Place(flags[-1])
    before = stored(engine)
    with monkeypatch.context() as patched:
        patched.setattr(moving, "delete_rows", kill)
        with pytest.raises(Killed):
            Mover(engine, place, KEEP_MS, 7 * DAY_MS).run()
    assert place.names("records") and stored(engine) == before
    table = pq.read_table(read(flags, tmp_path / "out.parquet", "--what", "records"))
    numbers = table["number"].to_pylist()
    assert len(numbers) == len(set(numbers)) > BEATS / 3


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_stretch_that_is_too_large_is_refused(
    flags: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Also where nothing was moved yet."""
    monkeypatch.setattr(reading, "MAX_BYTES", 10_000)
    out = ["--out", str(tmp_path / "out.parquet")]
    command = ["read", "p-0", *flags, *STRETCH, *out, "--what", "records"]
    assert run_archive_command(command) == 2
    assert "ask for a shorter stretch" in capsys.readouterr().err


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_archive_may_be_anywhere(flags: list[str], engine: Engine) -> None:
    before = stored(engine)
    Mover(engine, Place(MEMORY), KEEP_MS, 7 * DAY_MS).run()
    system = fsspec.filesystem("memory")
    found: dict[str, set[tuple[object, ...]]] = {name: set() for name in before}
    for name in before:
        for path in Place(MEMORY).names(name):
            with system.open(f"/archive/{path}") as file:
                found[name] |= {tuple(row.values()) for row in pq.read_table(file).to_pylist()}
    assert joined(stored(engine), found) == before
    system.rm("/archive", recursive=True)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_cannot_run_says_why(
    flags: list[str], tmp_path: Path, engine: Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_archive_command(flags) == 2
    assert "STATION_KEEP_RECORDS" in capsys.readouterr().err
    assert run_archive_command([*flags[:2], "--keep-events", "1"]) == 2
    assert "STATION_ARCHIVE" in capsys.readouterr().err
    assert run_archive_command([*flags[:2], "--archive", "nowhere://x", "--keep-events", "1"]) == 2
    with pytest.raises(SystemExit):
        run_archive_command([*flags, "--keep-records", "6"])
    assert "STATION_CLOCK_BEHIND" in capsys.readouterr().err
    with writing(engine) as connection:
        moving.lease.take(connection, moving.LEASE, "other", now_ms=0, until_ms=2 * LATER_MS)
    assert run_archive_command([*flags, "--keep-events", "1"]) == 3
    with pytest.raises(SystemExit):
        run_archive_command(["read", "p-0", "--from", "yesterday", "--to", "now", "--out", "x"])


def test_a_folder_without_files_is_read_as_empty(tmp_path: Path) -> None:
    assert Place(str(tmp_path / "none")).names("records") == []
