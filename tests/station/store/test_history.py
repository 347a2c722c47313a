"""A patient's records by time, page by page, and the signal of any stretch."""

from __future__ import annotations

import numpy as np
import pytest
from sqlalchemy import Engine

from errors import RecordingTooLong
from station.ingest.commit import ClockRules, Post, store_posts
from station.ingest.parse import parse_post
from station.store.engine import writing
from station.store.offsets import PartitionLost, advance, next_offset
from station.store.patients import add_patients, patient_ids
from station.store.records import records_of
from station.store.sources import add_source
from station.store.waveforms import waveforms
from tests.station.frames import FS_HZ, NOW_MS, RECORD_MS, SAMPLES, frame

ALWAYS = ClockRules(10**12, 10**12)


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


def test_pages_follow_each_other_without_gap_or_double(engine: Engine, patient: int) -> None:
    store(engine, *map(frame, (0, 3, 1, 2, 4, 5, 6)))
    found, cursor = [], None
    with engine.connect() as connection:
        while True:
            page = records_of(
                connection, patient, NOW_MS + 1, NOW_MS + 6 * RECORD_MS, cursor=cursor, limit=2
            )
            found += [row.seq for row in page.rows]
            cursor = page.cursor
            if cursor is None:
                break
    assert found == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("cursor", ["", "1", "1.2.3", "a.b", "-1.2", "9" * 30 + ".1"])
def test_a_strange_cursor_is_refused(engine: Engine, patient: int, cursor: str) -> None:
    with engine.connect() as connection, pytest.raises(ValueError, match="cursor"):
        records_of(connection, patient, 0, 1, cursor=cursor)


def test_the_signal_of_a_stretch_has_gaps_where_nothing_was_sent(
    engine: Engine, patient: int
) -> None:
    gap = np.full((2, SAMPLES), 1, np.int16)
    gap[0, 3] = -32768
    store(engine, frame(0), frame(1, samples=gap), frame(3))
    with engine.connect() as connection:
        (part,) = waveforms(connection, patient, NOW_MS, NOW_MS + 4 * RECORD_MS)
    assert (part.start_ms, part.fs_hz, part.leads) == (NOW_MS, FS_HZ, ("II", "V1"))
    assert part.signal.shape == (2, 4 * SAMPLES) and part.signal.dtype == np.float32
    assert np.allclose(part.signal[0, :SAMPLES], np.arange(SAMPLES) / 1000)
    missing = np.isnan(part.signal[0])
    assert missing[SAMPLES + 3] and missing[2 * SAMPLES : 3 * SAMPLES].all()
    assert missing.sum() == SAMPLES + 1


def test_a_stretch_within_a_record_begins_at_its_own_sample(engine: Engine, patient: int) -> None:
    store(engine, *map(frame, range(3)))
    with engine.connect() as connection:
        (part,) = waveforms(connection, patient, NOW_MS + 10, NOW_MS + RECORD_MS + 10)
    # 10 ms are 2.5 samples: the first sample in the stretch is the third one.
    assert part.start_ms == NOW_MS + 12
    assert np.allclose(part.signal[0] * 1000, np.arange(3, SAMPLES + 3))


def test_times_in_whole_milliseconds_leave_no_gap(engine: Engine, patient: int) -> None:
    """At 360 Hz a record of 50 samples takes 138.9 ms."""
    starts = [NOW_MS + int(seq * SAMPLES / 360 * 1000) for seq in range(20)]
    store(engine, *[frame(seq, fs_hz=360.0, device_ms=ms) for seq, ms in enumerate(starts)])
    with engine.connect() as connection:
        (part,) = waveforms(connection, patient, NOW_MS, NOW_MS + 60_000)
    assert np.allclose(part.signal[0, : 20 * SAMPLES] * 1000, np.arange(20 * SAMPLES))


def test_each_rate_has_a_signal_of_its_own(engine: Engine, patient: int) -> None:
    store(engine, frame(0), frame(1, fs_hz=500.0))
    with engine.connect() as connection:
        parts = waveforms(connection, patient, NOW_MS, NOW_MS + 1000)
    assert [(part.fs_hz, part.signal.shape[1]) for part in parts] == [(250.0, 50), (500.0, 50)]


def test_a_stretch_that_is_too_long_is_refused(engine: Engine, patient: int) -> None:
    store(engine, frame(0), frame(1, device_ms=NOW_MS + 10**9))
    with engine.connect() as connection, pytest.raises(RecordingTooLong):
        waveforms(connection, patient, NOW_MS, NOW_MS + 2 * 10**9)


def test_an_offset_moves_once(engine: Engine) -> None:
    with writing(engine) as connection:
        assert next_offset(connection, "watch", "0") == 0
        advance(connection, "watch", "0", expected=0, following=10)
    with writing(engine) as connection:
        assert next_offset(connection, "watch", "0") == 10
        with pytest.raises(PartitionLost):
            advance(connection, "watch", "0", expected=0, following=20)
