"""`python -m station stream` and a real station: files and folders are replayed as records."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import fsspec
import numpy as np
import pytest
from ecgfm_client.device import replay as replay_module
from sqlalchemy import select

from station.ingest.frame import BEAT_CLASSES
from station.replay.command import run_stream_command
from station.store.engine import open_engine
from station.store.patients import PATIENTS
from station.store.records import RECORDS
from station.store.tables import AnyRow
from station.store.waveforms import millivolts
from tests.data import SHARED, requires_shared
from tests.house.tree import ROOT
from tests.station.running import Station, running_station

LEADS = ("I", "II", "V1")
FS_HZ = 250


@pytest.fixture(scope="module")
def station(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Station]:
    folder = tmp_path_factory.mktemp("station")
    with running_station(folder, f"sqlite:///{folder}/station.db") as station:
        yield station


@pytest.fixture(autouse=True)
def _addresses(station: Station, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ECGFM_STATION_URL", station.url)
    monkeypatch.setenv("ECGFM_STATION_KEY", station.key)


def rows_of(station: Station, patient: str) -> list[AnyRow]:
    engine = open_engine(station.database_url)
    with engine.connect() as connection:
        query = select(RECORDS).join(PATIENTS).where(PATIENTS.c.name == patient)
        rows = connection.execute(query.order_by(RECORDS.c.seq)).all()
    engine.dispose()
    return list(rows)


def write_csv(path: Path, seconds: int) -> np.ndarray:
    """Write a table of three leads in mV. Return (leads, samples)."""
    times = np.arange(seconds * FS_HZ) / FS_HZ
    signal = np.round(np.stack([np.sin(times * (1 + row)) for row in range(3)]), 3)
    lines = [",".join(LEADS), *(",".join(map(str, values)) for values in signal.T)]
    path.write_text("\n".join(lines) + "\n")
    return signal.astype(np.float32)


FLAGS = ("--speed", "0", "--register", "--fs", str(FS_HZ), "--units", "mV")


def test_a_file_is_stored_as_it_is_read(
    station: Station, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    signal = write_csv(tmp_path / "a.csv", 10)
    assert run_stream_command([str(tmp_path / "a.csv"), "--patient", "p-1", *FLAGS]) == 0
    assert capsys.readouterr().err == "1 of 1 recordings; records: 10 stored\n"
    rows = rows_of(station, "p-1")
    assert np.array_equal(np.concatenate([millivolts(row) for row in rows], axis=1), signal)
    assert {(row.leads, row.fs_hz) for row in rows} == {("I,II,V1", 250.0)}
    assert np.diff([row.device_ms for row in rows]).tolist() == [1000] * 9


@pytest.mark.parametrize("place", ["file", "memory"])
def test_a_folder_of_any_file_system_is_replayed(
    station: Station, tmp_path: Path, place: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "day").mkdir()
    write_csv(tmp_path / f"{place}-1.csv", 3)
    write_csv(tmp_path / "day" / f"{place}-2.csv", 4)
    (tmp_path / "README.md").write_text("about")
    (tmp_path / "notes.csv").write_text("no signal")
    url = f"file://{tmp_path}"
    if place == "memory":
        url = "memory://ecgs"
        fsspec.filesystem("memory").put(f"{tmp_path}/", "/ecgs", recursive=True)
    assert run_stream_command([url, "--patient", "{file}", *FLAGS]) == 1
    said = capsys.readouterr().err
    assert "notes.csv: " in said and "2 of 3 recordings; records: 7 stored" in said
    assert len(rows_of(station, f"{place}-1")) == 3
    assert len(rows_of(station, f"{place}-2")) == 4


@requires_shared
def test_a_record_of_wfdb_is_found_by_its_header(station: Station, tmp_path: Path) -> None:
    header = SHARED / "mitbih" / "wfdb" / "203.hea"
    flags = ("--speed", "0", "--register", "--lead-names", "MLII=II")
    assert run_stream_command([str(header), "--patient", "mit-203", *flags]) == 0
    rows = rows_of(station, "mit-203")
    assert len(rows) == 600 and {row.leads for row in rows} == {"II,V1"}


@requires_shared
def test_beats_are_stored_with_their_classes(station: Station, tmp_path: Path) -> None:
    sample = SHARED / "mitbih" / "kaggle_layout_sample.csv"
    assert (
        run_stream_command(
            [str(sample), "--beats", "--patient", "b-1", "--speed", "0", "--register"]
        )
        == 0
    )
    rows = rows_of(station, "b-1")
    expected = np.loadtxt(sample, delimiter=",")
    assert [BEAT_CLASSES[row.beat_class] for row in rows] == [
        "NSVFQ"[int(value)] for value in expected[:, -1]
    ]
    stored = np.concatenate([millivolts(row) for row in rows])
    assert np.array_equal(stored, expected[:, :-1].astype(np.float32))


def test_numbers_of_a_replay_go_on_where_the_buffer_is_given(
    station: Station, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_csv(tmp_path / "a.csv", 3)
    flags = (*FLAGS, "--source", "kept", "--buffer", str(tmp_path / "buffer"))
    for _ in range(2):
        assert run_stream_command([str(tmp_path / "a.csv"), "--patient", "p-5", *flags]) == 0
    assert capsys.readouterr().err.splitlines() == ["1 of 1 recordings; records: 3 stored"] * 2
    assert np.diff([row.seq for row in rows_of(station, "p-5")]).tolist() == [1] * 5


def test_what_is_not_stored_has_its_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_csv(tmp_path / "a.csv", 3)
    flags = [flag for flag in FLAGS if flag != "--register"]
    assert run_stream_command([str(tmp_path / "a.csv"), "--patient", "nobody", *flags]) == 1
    assert capsys.readouterr().err == (
        "1 of 1 recordings; records: 3 unknown_patient\n"
        "not stored, for example: patient: not registered\n"
    )


def test_a_refused_key_ends_the_replay_at_once(
    station: Station, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_csv(tmp_path / "a.csv", 3)
    arguments = [str(tmp_path / "a.csv"), "--patient", "p-1", "--station-key", station.keys["ward"]]
    flags = [flag for flag in FLAGS if flag != "--register"]
    assert run_stream_command([*arguments, *flags]) == 3
    assert capsys.readouterr().err == "HTTP 403 forbidden this route needs the scope ingest\n"
    assert run_stream_command([*arguments, *FLAGS]) == 2
    assert "forbidden (403): this route needs the scope operator" in capsys.readouterr().err


def test_without_a_station_the_replay_ends(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replay_module, "GIVE_UP_S", 0.5)
    write_csv(tmp_path / "a.csv", 3)
    flags = [flag for flag in FLAGS if flag != "--register"]
    arguments = [str(tmp_path / "a.csv"), "--patient", "p-1", "--to", "http://127.0.0.1:9", *flags]
    assert run_stream_command(arguments) == 3
    assert capsys.readouterr().err.startswith("no answer (")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["{folder}", "--patient", "p-1"], "--patient: p-1 for 2 recordings"),
        (["{folder}/none", "--patient", "p-1"], "no recordings"),
        (["nowhere://x", "--patient", "p-1"], "nowhere://x: Protocol not known"),
        (["{folder}/a.csv", "--patient", "p-1", "--fs", "x"], "fs: found 'x'"),
        (["{folder}/a.csv", "--patient", "p-1", "--to", "ftp://x"], "url: 'ftp://x'"),
        (["{folder}/a.csv", "--patient", "p-1", "--source", "a b"], "source: 'a b'"),
    ],
)
def test_wrong_arguments(
    tmp_path: Path, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "none").mkdir()
    write_csv(tmp_path / "a.csv", 3)
    write_csv(tmp_path / "b.csv", 3)
    filled = [argument.replace("{folder}", str(tmp_path)) for argument in arguments]
    assert run_stream_command(filled) == 2
    assert message in capsys.readouterr().err


def test_the_command_runs_by_itself(station: Station, tmp_path: Path) -> None:
    write_csv(tmp_path / "a.csv", 3)
    command = [sys.executable, "-m", "station", "stream", str(tmp_path / "a.csv")]
    for path, status in ((f"{ROOT}/client", 0), ("", 2)):
        done = subprocess.run(
            [*command, "--patient", "p-9", *FLAGS],
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": path},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == status, done.stderr
    assert "the client is missing: pip install ./client" in done.stderr
