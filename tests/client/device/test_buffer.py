"""The buffer on disk: numbers, limits, and other programs' files."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from ecgfm_client.device import buffer as buffer_module
from ecgfm_client.device.buffer import Buffer, Note, Waiting
from ecgfm_client.device.frames import checked
from ecgfm_client.errors import BadBuffer, BufferFull

from tests.client.device.records import SOURCE, stretch

RECORDS = [checked(stretch(number)) for number in range(5)]
FRAME_BYTES = RECORDS[0].frame_bytes


def opened(path: Path, max_frames: int = 100, source: str = SOURCE) -> Buffer:
    return Buffer(path, source, max_frames * FRAME_BYTES)


@pytest.fixture
def buffer(tmp_path: Path) -> Iterator[Buffer]:
    buffer = opened(tmp_path / "b")
    yield buffer
    buffer.close()


def seqs(batch: list[Waiting]) -> list[int]:
    return [each.seq for each in batch]


def test_numbers_go_on_after_the_buffer_is_opened_again(tmp_path: Path) -> None:
    first = opened(tmp_path / "b")
    given = list(first.add(RECORDS))
    first.forget(first.batch(100, 10**6), {"stored": 5}, [])
    first.close()
    again = opened(tmp_path / "b")
    assert (again.records, again.bytes) == (0, 0)
    assert list(again.add(RECORDS[:1])) == [given[-1] + 1]
    assert (again.records, again.bytes) == (1, FRAME_BYTES)
    again.close()


def test_a_new_buffer_begins_above_the_numbers_of_a_lost_one(tmp_path: Path) -> None:
    lost, new = opened(tmp_path / "a"), opened(tmp_path / "b")
    assert lost.add(RECORDS).stop <= new.add(RECORDS).start
    lost.close()
    new.close()


def test_batches_keep_the_order_and_the_limits(buffer: Buffer) -> None:
    given = list(buffer.add(RECORDS))
    assert seqs(buffer.batch(3, 10**6)) == given[:3]
    assert seqs(buffer.batch(100, 2 * FRAME_BYTES)) == given[:2]
    assert seqs(buffer.batch(100, 1)) == given[:1], "one, however small the limit is"
    buffer.forget(buffer.batch(2, 10**6), {"stored": 2}, [])
    assert seqs(buffer.batch(100, 10**6)) == given[2:]


def test_a_full_buffer_takes_all_of_a_call_or_nothing(tmp_path: Path) -> None:
    buffer = opened(tmp_path / "b", max_frames=7)
    buffer.add(RECORDS)
    with pytest.raises(BufferFull) as full:
        buffer.add(RECORDS)
    assert str(full.value).endswith(
        f"{5 * FRAME_BYTES} bytes wait for the station, {5 * FRAME_BYTES} are new; "
        f"the limit is {7 * FRAME_BYTES}"
    )
    assert buffer.records == 5
    buffer.add(RECORDS[:2])
    buffer.close()


def test_it_knows_what_became_of_each_record(
    buffer: Buffer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(buffer_module, "MAX_NOTES", 2)
    given = list(buffer.add(RECORDS))
    notes = [Note(given[0], "late", ""), Note(given[1], "bad_clock", "time: too old")]
    batch = buffer.batch(3, 10**6)
    buffer.forget(batch, {"stored": 1, "late": 1, "bad_clock": 1}, notes)
    outcomes = [buffer.outcome(seq) for seq in given]
    assert outcomes == ["late", "bad_clock", "stored", "waiting", "waiting"]
    assert buffer.outcome(given[0] - 1) is None and buffer.outcome(given[-1] + 1) is None
    buffer.forget(buffer.batch(1, 10**6), {"late": 1}, [Note(given[3], "late", "")])
    assert buffer.notes() == [
        Note(given[1], "bad_clock", "time: too old"),
        Note(given[3], "late", ""),
    ]
    assert buffer.outcome(given[0]) is None, "its note is gone"
    assert buffer.outcome(given[2]) == "stored"
    assert buffer.counts() == {"bad_clock": 1, "late": 2, "stored": 1}


def test_one_process_has_it_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(buffer_module, "_BUSY_TIMEOUT_S", 0.05)
    buffer = opened(tmp_path / "b")
    with pytest.raises(BadBuffer, match="SQLITE_BUSY"):
        opened(tmp_path / "b")
    buffer.close()
    opened(tmp_path / "b").close()


def test_files_that_are_no_buffer_of_this_source_are_refused_and_kept(tmp_path: Path) -> None:
    opened(tmp_path / "b").close()
    with pytest.raises(BadBuffer, match=f"the buffer of {SOURCE}, not of strap-2"):
        opened(tmp_path / "b", source="strap-2")
    (tmp_path / "text").write_text("notes " * 1000)
    with pytest.raises(BadBuffer, match="SQLITE_NOTADB"):
        opened(tmp_path / "text")
    assert (tmp_path / "text").read_text() == "notes " * 1000
    other = sqlite3.connect(tmp_path / "other")
    other.execute("CREATE TABLE device (source TEXT)")
    other.close()
    with pytest.raises(BadBuffer, match="a file of another program"):
        opened(tmp_path / "other")
    later = sqlite3.connect(tmp_path / "b")
    later.execute("PRAGMA user_version = 2")
    later.close()
    with pytest.raises(BadBuffer, match="of version 2; this is version 1"):
        opened(tmp_path / "b")
    with pytest.raises(BadBuffer, match="SQLITE_CANTOPEN"):
        opened(tmp_path / "absent" / "b")


def test_a_damaged_file_is_an_error_of_its_own(tmp_path: Path) -> None:
    buffer = opened(tmp_path / "b")
    buffer.add(RECORDS)
    buffer.close()
    content = bytearray((tmp_path / "b").read_bytes())
    content[4096:] = bytes(len(content) - 4096)
    (tmp_path / "b").write_bytes(content)
    with pytest.raises(BadBuffer, match="SQLITE_CORRUPT"):
        opened(tmp_path / "b")
