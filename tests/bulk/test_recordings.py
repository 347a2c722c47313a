"""The list of the recordings in the input of `bulk`, and reading one of them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from ecgfm_client.errors import UnusableInput
from ecgfm_client.folders import Recording

from analysis.options import FeatureOptions
from bulk import recordings
from bulk.outcomes import FailedRecording, PreparedRecording
from bulk.recordings import list_recordings, read_recording
from formats.registry import DEFAULT_MAX_BYTES
from tests.analysis.deployments import ONLY_FEATURES, record

FEATURES = FeatureOptions("features")


def write_json(folder: Path, name: str, seconds: float = 10.0) -> Path:
    ecg = record(seconds)
    signal = [[round(float(value), 4) for value in row] for row in ecg.signal]
    path = folder / name
    path.write_text(json.dumps({"signal": signal, "fs": 500, "lead_names": ecg.lead_names}))
    return path


def read_file(path: Path) -> PreparedRecording | FailedRecording:
    return read_recording(Recording("name", (path,)), FEATURES, ONLY_FEATURES)


def test_all_recordings_below_a_folder_are_listed(tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    for name in ("b.json", "below/a.json", ".hidden.json"):
        (tmp_path / name).touch()
    assert [recording.name for recording in list_recordings(tmp_path)] == ["b.json", "below/a.json"]


@pytest.mark.parametrize("suffix", [".parquet", ".csv"])
def test_a_table_names_each_file_once_relative_to_its_folder(tmp_path: Path, suffix: str) -> None:
    names = ["in/b.json", "in/a.hea", "in/b.json", "gone.json"]
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.hea").write_text("a 1 500 3\na.dat 16\n")
    (tmp_path / "in" / "a.dat").touch()
    table = tmp_path / f"list{suffix}"
    if suffix == ".csv":
        table.write_text("\n".join(["age,path", *(f"5,{name}" for name in names)]))
    else:
        pq.write_table(pa.table({"age": [5] * 4, "path": names}), table)
    listed = list_recordings(table)
    assert [recording.name for recording in listed] == ["in/b.json", "in/a.hea", "gone.json"]
    assert listed[0].files == (tmp_path / "in" / "b.json",)
    assert [path.name for path in listed[1].files] == ["a.hea", "a.dat"]


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("list.csv", "name\na\n", "KeyError"),
        ("list.parquet", "path\na\n", "ArrowInvalid"),
        ("gone.csv", None, "FileNotFoundError"),
    ],
)
def test_a_path_that_is_neither_a_folder_nor_a_table_of_paths_is_refused(
    tmp_path: Path, name: str, content: str | None, reason: str
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_text(content)
    with pytest.raises(UnusableInput) as caught:
        list_recordings(path)
    assert str(caught.value) == (
        f"{path}: neither a folder nor a table with a column `path` ({reason})"
    )


def test_a_recording_is_cut_into_segments(tmp_path: Path) -> None:
    outcome = read_file(write_json(tmp_path, "a.json"))
    assert isinstance(outcome, PreparedRecording)
    assert outcome.name == "name"
    # Two segments of 5 s.
    assert outcome.prepared.segments.shape == (2, 12, 2500)
    assert np.isfinite(outcome.prepared.segments).all()


def test_the_error_of_an_unreadable_recording_is_returned(tmp_path: Path) -> None:
    short = read_file(write_json(tmp_path, "short.json", seconds=1.0))
    assert isinstance(short, FailedRecording)
    assert (short.name, short.code) == ("name", "too_short")
    assert read_file(tmp_path / "gone.json") == FailedRecording(
        "name", "unusable_file", "No such file or directory"
    )


def test_the_limit_of_bytes_is_on_the_sum_of_a_recordings_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_json(tmp_path, "a.json")
    size = path.stat().st_size
    monkeypatch.setattr(recordings, "DEFAULT_MAX_BYTES", size)
    assert isinstance(read_file(path), PreparedRecording)
    other = tmp_path / "other.txt"
    other.write_text("x")
    both = read_recording(Recording("name", (path, other)), FEATURES, ONLY_FEATURES)
    assert both == FailedRecording(
        "name", "body_too_large", f"{size + 1} bytes; at most {size} are read"
    )
    assert DEFAULT_MAX_BYTES == 64 << 20


def test_a_recording_may_be_a_day_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert recordings.MAX_SECONDS == 24 * 3600
    path = write_json(tmp_path, "a.json")
    monkeypatch.setattr(recordings, "MAX_SECONDS", 10.0)
    assert isinstance(read_file(path), PreparedRecording)
    monkeypatch.setattr(recordings, "MAX_SECONDS", 9.9)
    outcome = read_file(path)
    assert isinstance(outcome, FailedRecording) and outcome.code == "recording_too_long"
