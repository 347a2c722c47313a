"""A recording of a day is never in memory as a whole."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import pytest

from benchmarks.station.holter import run_import, write_recording
from formats.hints import Hints
from formats.stretches.opening import open_long

MIB = 1 << 20
LIMIT_MB = 600


def test_a_stretch_takes_the_memory_of_a_stretch(tmp_path: Path) -> None:
    samples = 48 * 3600 * 250
    lines = [f"a 3 250 {samples}", *(f"a.dat 212 200 11 0 0 0 0 V{lead}" for lead in (1, 2, 3))]
    (tmp_path / "a.hea").write_text("\n".join(lines) + "\n")
    with (tmp_path / "a.dat").open("wb") as file:
        file.truncate(samples * 3 * 3 // 2)  # sparse: it takes no space
    tracemalloc.start()
    try:
        recording = open_long(tmp_path / "a.hea", Hints())
        for hour in range(0, 48, 6):
            first = hour * 3600 * 250
            assert recording.read(first, first + 60 * 250).shape == (3, 15_000)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (tmp_path / "a.dat").stat().st_size > 180 * MIB
    assert peak < 8 * MIB


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_a_day_is_imported_in_less_than_600_megabytes(tmp_path: Path) -> None:
    header = write_recording(tmp_path, hours=24, fs=250)
    _, memory_mb = run_import(header, 2, tmp_path)
    assert memory_mb < LIMIT_MB
    assert (tmp_path / "day.holter.json").stat().st_size > 10_000
