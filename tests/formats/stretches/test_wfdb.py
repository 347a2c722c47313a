"""A WFDB record read by stretches has the samples of the record read as a whole."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import wfdb

from errors import CorruptFile, EcgError, MissingPart, RecordingTooLong, UnknownFormat, UnknownLead
from formats.hints import Hints, hints_from_params
from formats.stretches.opening import open_long
from formats.stretches.recording import MAX_LONG_S
from tests.data import SHARED, requires_shared

SAMPLES = SHARED / "formats" / "wfdb"
HEADERS = (
    "mitbih/wfdb/201.hea",
    "formats/wfdb/041s/041s.hea",
    "formats/wfdb/00001_lr.hea",
    "formats/wfdb/E07500.hea",
    "formats/wfdb/100_3chan.hea",
)


def stretches_of(samples: int) -> list[tuple[int, int]]:
    """Return stretches that begin and end at odd places, and one that leaves the recording."""
    third = samples // 3
    return [(0, 7), (1, 4), (third, third + 101), (third + 1, 2 * third), (samples - 5, samples)]


@requires_shared
@pytest.mark.parametrize("name", HEADERS)
def test_stretches_are_those_of_the_whole(name: str) -> None:
    path = SHARED / name
    recording = open_long(path, Hints())
    whole = wfdb.rdrecord(str(path.with_suffix("")), smooth_frames=False)
    rows = [np.asarray(row, np.float32) for row in whole.e_p_signal or whole.p_signal.T]
    rows = [row for row in rows if row.size == recording.samples]
    assert len(rows) >= len(recording.lead_names)
    for first, stop in stretches_of(recording.samples):
        got = recording.read(first, stop)
        assert got.shape == (len(recording.lead_names), stop - first)
        expected = [row[first:stop] for row in rows]
        for lead in got:
            assert any(np.allclose(lead, row, atol=1e-5, equal_nan=True) for row in expected)


@requires_shared
def test_a_lead_without_a_standard_place_keeps_its_name() -> None:
    recording = open_long(SHARED / "mitbih" / "wfdb" / "201.hea", Hints())
    assert recording.lead_names == ("MLII", "V1")
    renamed = hints_from_params({"lead_names": ["MLII=II,V1=-"]})
    assert open_long(SHARED / "mitbih" / "wfdb" / "201.hea", renamed).lead_names == ("II",)


@requires_shared
def test_channels_without_names_need_them() -> None:
    with pytest.raises(UnknownLead, match="no ECG among the WFDB channels"):
        open_long(SAMPLES / "310derive.hea", Hints())
    named = hints_from_params({"lead_names": ["II,V1"]})
    assert open_long(SAMPLES / "310derive.hea", named).lead_names == ("II", "V1")


def written(folder: Path, header: str, data: bytes = b"", name: str = "a.dat") -> Path:
    (folder / "a.hea").write_text(header)
    if data:
        (folder / name).write_bytes(data)
    return folder / "a.hea"


HOSTILE = {
    "more samples than the file": ("a 1 250 100\na.dat 16 200/mV 16 0 0 0 0 II\n", CorruptFile),
    "no signal file": ("a 1 250 2\nb.dat 16 200/mV 16 0 0 0 0 II\n", MissingPart),
    "another folder": ("a 1 250 2\n../a.dat 16 200/mV 16 0 0 0 0 II\n", EcgError),
    "differences": ("a 1 250 2\na.dat 8 200/mV 16 0 0 0 0 II\n", UnknownFormat),
    "twice as many signals": ("a 1 250 2\na.dat 16 200/mV 16 0 0 0 0 II\n", CorruptFile),
    "an offset beyond the end": ("a 1 250\na.dat 16+999 200/mV 16 0 0 0 0 II\n", CorruptFile),
    "a rate of zero": ("a 1 0 4\na.dat 16 200/mV 16 0 0 0 0 II\n", EcgError),
    "a rate of a million": ("a 1 999999 4\na.dat 16 200/mV 16 0 0 0 0 II\n", EcgError),
    "a thousand samples a frame": (
        "a 1 250 2\na.dat 16x1000 200/mV 16 0 0 0 0 II\n",
        RecordingTooLong,
    ),
    "a skew of hours": ("a 1 250 4\na.dat 16:999999 200/mV 16 0 0 0 0 II\n", CorruptFile),
    "itself as a segment": ("a/1 1 250 4\na 4\n", CorruptFile),
    "a gap of years": ("a/2 1 250 999999999999\nb 4\n~ 999999999995\n", RecordingTooLong),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_headers_are_refused(name: str, tmp_path: Path) -> None:
    header, error = HOSTILE[name]
    (tmp_path / "b.hea").write_text("b 1 250 4\na.dat 16 200/mV 16 0 0 0 0 II\n")
    with pytest.raises(error):
        open_long(written(tmp_path, header, bytes(8)), Hints())


def test_a_recording_beyond_the_limit_is_refused_before_it_is_read(tmp_path: Path) -> None:
    samples = MAX_LONG_S * 50 + 50
    path = written(tmp_path, f"a 1 50 {samples}\na.dat 16 200/mV 16 0 0 0 0 II\n", b"\0")
    with (tmp_path / "a.dat").open("r+b") as file:
        file.truncate(2 * samples)  # sparse: it takes no space
    with pytest.raises(RecordingTooLong, match="the limit is 168 h"):
        open_long(path, Hints())


def test_a_stretch_has_the_segments_in_it(tmp_path: Path) -> None:
    lines = "b 4\n~ 2\nb 4\nb 4\n"
    (tmp_path / "b.hea").write_text("b 1 250 4\nb.dat 16 1000/mV 16 0 0 0 0 II\n")
    (tmp_path / "b.dat").write_bytes(np.arange(4, dtype="<i2").tobytes())
    recording = open_long(written(tmp_path, f"a/4 1 250 14\n{lines}"), Hints())
    whole = np.array([0, 1, 2, 3, np.nan, np.nan, 0, 1, 2, 3, 0, 1, 2, 3]) / 1000
    for first in range(14):
        for stop in range(first + 1, 15):
            got = recording.read(first, stop)[0]
            assert np.allclose(got, whole[first:stop], equal_nan=True)


def test_a_file_that_shrinks_is_refused(tmp_path: Path) -> None:
    recording = open_long(
        written(tmp_path, "a 1 250 500\na.dat 16 200/mV 16 0 0 0 0 II\n", bytes(1000)), Hints()
    )
    (tmp_path / "a.dat").write_bytes(bytes(100))
    with pytest.raises(CorruptFile, match="shorter"):
        recording.read(200, 400)


def test_defaults_of_wfdb_are_said(tmp_path: Path) -> None:
    recording = open_long(
        written(tmp_path, "a 1\na.dat 16 0 16 0 0 0 0 II\n", bytes(1000)), Hints()
    )
    assert recording.fs == 250
    assert [warning.partition(":")[0] for warning in recording.warnings] == ["fs", "units"]
