"""A patient's records by time, page by page, and the signal of any stretch."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from sqlalchemy import Engine

from errors import RecordingTooLong
from station.ingest.commit import ClockRules, Post, store_posts
from station.ingest.parse import parse_post
from station.store import waveforms as waveforms_module
from station.store.engine import writing
from station.store.patients import add_patients, patient_ids
from station.store.records import records_of
from station.store.sources import add_source
from station.store.tables import AnyRow
from station.store.waveforms import Waveform, waveforms
from tests.station.frames import FS_HZ, NOW_MS, RECORD_MS, SAMPLES, frame

ALWAYS = ClockRules(max_ahead_ms=10**12, max_age_ms=10**12)


@pytest.fixture
def patient(engine: Engine) -> int:
    with writing(engine) as connection:
        add_source(connection, "strap-1", NOW_MS)
        add_patients(connection, ["p-1"], NOW_MS)
        return patient_ids(connection, ["p-1"])["p-1"]


def store(engine: Engine, *frames: bytes) -> None:
    with writing(engine) as connection:
        post = Post(parse_post(b"".join(frames), 1000), "gateway", None, NOW_MS)
        (result,) = store_posts(connection, [post], ALWAYS)
        assert not result.rejections


def signal(engine: Engine, patient: int, from_ms: int, to_ms: int) -> list[Waveform]:
    with engine.connect() as connection:
        return waveforms(connection, patient, from_ms=from_ms, to_ms=to_ms)


@pytest.mark.parametrize("newest_first", [False, True])
def test_pages_follow_each_other_without_gap_or_double(
    engine: Engine, patient: int, newest_first: bool
) -> None:
    store(engine, *map(frame, (0, 3, 1, 2, 4, 5, 6)))
    found: list[int] = []
    after: tuple[int, int] | None = None
    stretch = {"from_ms": NOW_MS + 1, "to_ms": NOW_MS + 6 * RECORD_MS}
    with engine.connect() as connection:
        while True:
            page = records_of(
                connection, patient, **stretch, after=after, limit=2, newest_first=newest_first
            )
            found += [row.seq for row in page.rows]
            if page.cursor is None:
                break
            device_ms, number = page.cursor.split(".")
            after = int(device_ms), int(number)
    assert found == ([5, 4, 3, 2, 1] if newest_first else [1, 2, 3, 4, 5])


def test_a_list_names_the_source_and_leaves_the_samples(engine: Engine, patient: int) -> None:
    store(engine, frame(0))
    with engine.connect() as connection:
        (row,) = records_of(connection, patient, from_ms=0, to_ms=NOW_MS + 1).rows
    assert row.source == "strap-1" and not {"samples", "source_id"} & set(row._fields)


def test_the_signal_of_a_stretch_has_gaps_where_nothing_was_sent(
    engine: Engine, patient: int
) -> None:
    gap = np.full((2, SAMPLES), 1, np.int16)
    gap[0, 3] = -32768
    store(engine, frame(0), frame(1, samples=gap), frame(3))
    (part,) = signal(engine, patient, NOW_MS, NOW_MS + 4 * RECORD_MS)
    assert (part.start_ms, part.fs_hz, part.leads) == (NOW_MS, FS_HZ, ("II", "V1"))
    assert part.signal.shape == (2, 4 * SAMPLES) and part.signal.dtype == np.float32
    assert np.allclose(part.signal[0, :SAMPLES], np.arange(SAMPLES) / 1000)
    missing = np.isnan(part.signal[0])
    assert missing[SAMPLES + 3] and missing[2 * SAMPLES : 3 * SAMPLES].all()
    assert missing.sum() == SAMPLES + 1


def test_a_stretch_within_a_record_begins_at_its_own_sample(engine: Engine, patient: int) -> None:
    store(engine, *map(frame, range(3)))
    (part,) = signal(engine, patient, NOW_MS + 10, NOW_MS + RECORD_MS + 10)
    # 10 ms are 2.5 samples: the first sample in the stretch is the third one.
    assert part.start_ms == NOW_MS + 12
    assert np.allclose(part.signal[0] * 1000, np.arange(3, SAMPLES + 3))


def test_times_in_whole_milliseconds_leave_no_gap(engine: Engine, patient: int) -> None:
    """At 360 Hz a record of 50 samples takes 138.9 ms."""
    starts = [NOW_MS + int(seq * SAMPLES / 360 * 1000) for seq in range(20)]
    store(engine, *[frame(seq, fs_hz=360.0, device_ms=ms) for seq, ms in enumerate(starts)])
    (part,) = signal(engine, patient, NOW_MS, NOW_MS + 60_000)
    assert np.allclose(part.signal[0, : 20 * SAMPLES] * 1000, np.arange(20 * SAMPLES))


def test_each_rate_has_a_signal_of_its_own(engine: Engine, patient: int) -> None:
    store(engine, frame(0), frame(1, fs_hz=500.0))
    parts = signal(engine, patient, NOW_MS, NOW_MS + 1000)
    assert [(part.fs_hz, part.signal.shape[1]) for part in parts] == [(250.0, 50), (500.0, 50)]


def test_a_stretch_that_is_too_long_is_refused(engine: Engine, patient: int) -> None:
    store(engine, frame(0), frame(1, device_ms=NOW_MS + 10**9))
    with pytest.raises(RecordingTooLong):
        signal(engine, patient, NOW_MS, NOW_MS + 2 * 10**9)


def test_the_samples_of_all_parts_are_bounded_together(
    engine: Engine, patient: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    store(engine, frame(0), frame(1, fs_hz=500.0))
    monkeypatch.setattr(waveforms_module, "MAX_SAMPLES", 4 * SAMPLES)
    assert len(signal(engine, patient, NOW_MS, NOW_MS + 1000)) == 2
    monkeypatch.setattr(waveforms_module, "MAX_SAMPLES", 4 * SAMPLES - 1)
    with pytest.raises(RecordingTooLong):
        signal(engine, patient, NOW_MS, NOW_MS + 1000)


def test_records_are_read_no_further_than_the_bound(
    engine: Engine, patient: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Records on top of each other need a short grid, and as much memory as others."""
    store(engine, *(frame(seq, device_ms=NOW_MS) for seq in range(10)))
    monkeypatch.setattr(waveforms_module, "MAX_SAMPLES", 6 * SAMPLES)
    monkeypatch.setattr(waveforms_module, "ROWS_AT_ONCE", 1)
    read: list[object] = []
    whole = waveforms_module.millivolts

    def counted(row: AnyRow) -> NDArray[np.float32]:
        read.append(row)
        return whole(row)

    monkeypatch.setattr(waveforms_module, "millivolts", counted)
    with pytest.raises(RecordingTooLong):
        signal(engine, patient, NOW_MS, NOW_MS + 1000)
    assert len(read) == 4


def test_a_record_that_ends_before_the_stretch_is_no_part_of_it(
    engine: Engine, patient: int
) -> None:
    """Its end is rounded up to a whole millisecond, in which it has no sample."""
    store(engine, frame(0, fs_hz=360.0))
    assert signal(engine, patient, NOW_MS + 138, NOW_MS + 1000) == []
