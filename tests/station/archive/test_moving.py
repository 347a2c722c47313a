"""Old rows are moved to the archive, each once, whatever ends the move; younger ones stay."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, func, select, update

from station.archive import moving
from station.archive.moving import Busy
from station.archive.place import BadArchive, Place
from station.store.archive.datasets import EVENTS_SET
from station.store.archive.files import ARCHIVE_FILES, DONE, is_archived, last_archived
from station.store.beat_records import BEAT_LABELS
from station.store.engine import writing
from station.store.lease import LEASES, LeaseLost
from station.store.progress import CURSORS, SNAPSHOTS
from station.store.records import RECORDS
from tests.house.tree import ROOT
from tests.station.archive.ward import (
    BEATS,
    LATER_MS,
    archived,
    beats,
    joined,
    make_ward,
    mover,
    stored,
    watch,
)
from tests.station.worker.wards import ZERO_MS, store


@pytest.fixture(autouse=True)
def later(monkeypatch: pytest.MonkeyPatch) -> None:
    """The ward was silent for two months; files and transactions are small."""
    monkeypatch.setattr(moving, "now_ms", lambda: LATER_MS)
    monkeypatch.setattr(moving, "MAX_ROWS", 37)
    monkeypatch.setattr(moving, "DELETED_AT_ONCE", 20)


def test_all_that_is_old_is_moved_once(engine: Engine, tmp_path: Path) -> None:
    make_ward(engine)
    before = stored(engine)
    assert all(before.values()), {name: len(rows) for name, rows in before.items()}
    moved = mover(engine, tmp_path).run()
    left, found = stored(engine), archived(engine, tmp_path)
    assert joined(left, found) == before
    assert not any(left[name] & found[name] for name in before)
    # Of numbered rows the newest one stays: SQLite would give its number again.
    numbered = {"records", "dead_letters", "problems", "events"}
    assert {name: len(rows) for name, rows in left.items()} == {
        name: int(name in numbered) for name in before
    }
    assert {name: each.rows for name, each in moved.items()} == {
        name: len(rows) for name, rows in found.items()
    }
    assert not any(each.is_held for each in moved.values())
    assert [each.rows for each in mover(engine, tmp_path).run().values()] == [0] * len(before)
    with engine.connect() as connection:
        # The class of a beat goes with its record.
        assert connection.execute(select(func.count()).select_from(BEAT_LABELS)).scalar() == 1
        assert is_archived(connection, "records", from_ms=ZERO_MS, to_ms=ZERO_MS + 1)
        assert not is_archived(connection, "records", from_ms=0, to_ms=ZERO_MS)
        assert last_archived(connection, "events") == len(found["events"])


def test_what_the_watch_may_read_again_stays(engine: Engine, tmp_path: Path) -> None:
    make_ward(engine)
    store(engine, beats(BEATS, 5))
    with writing(engine) as connection:
        connection.execute(update(SNAPSHOTS).where(SNAPSHOTS.c.stream == 1).values(replay_from=30))
    moved = mover(engine, tmp_path).run()
    with engine.connect() as connection:
        assert connection.execute(select(func.min(RECORDS.c.number))).scalar() == 30
    assert moved["records"].is_held and moved["records"].rows == 29
    # So do findings that a replay would find again: they would be stored once more.
    assert moved["beats"].is_held and not moved["beats"].rows
    assert not moved["problems"].is_held
    watch(engine)
    mover(engine, tmp_path).run()
    assert len(stored(engine)["records"]) == 1 and not stored(engine)["beats"]


def test_a_station_that_has_never_watched_keeps_its_records(engine: Engine, tmp_path: Path) -> None:
    make_ward(engine)
    with writing(engine) as connection:
        connection.execute(CURSORS.delete())
    moved = mover(engine, tmp_path).run()
    assert moved["records"].is_held and not moved["records"].rows


def test_younger_rows_stay(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_ward(engine)
    before = stored(engine)
    # Events have the time of the station's clock, which the test does not change there.
    monkeypatch.setattr(moving, "now_ms", lambda: ZERO_MS)
    moved = mover(engine, tmp_path).run()
    assert not any(each.rows for name, each in moved.items() if name != "events")
    store(engine, beats(BEATS, 5), LATER_MS)
    watch(engine)
    monkeypatch.setattr(moving, "now_ms", lambda: LATER_MS)
    mover(engine, tmp_path).run()
    assert len(stored(engine)["records"]) == 5
    assert before["records"] <= joined(stored(engine), archived(engine, tmp_path))["records"]


class Killed(Exception):
    """Stands for the end of the process."""


def killed_at(point: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the process end at a point: before or after it writes, reads, or commits."""
    passed = 0

    def count() -> None:
        nonlocal passed
        passed += 1
        if passed == point:
            raise Killed

    def counted(whole: Callable[..., Any]) -> Callable[..., Any]:
        def run(*arguments: Any, **options: Any) -> Any:
            count()
            result = whole(*arguments, **options)
            count()
            return result

        return run

    for module, names in (
        (moving.files, ("add_file", "set_state", "forget_file")),
        (Place, ("write", "read", "remove")),
        (moving, ("delete_rows",)),
    ):
        for name in names:
            monkeypatch.setattr(module, name, counted(getattr(module, name)))


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_an_end_at_any_point_loses_nothing(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_ward(engine)
    before = stored(engine)
    ends = 0
    for point in range(1, 1000, 3):
        with monkeypatch.context() as patched:
            patched.setattr(moving, "LEASE_MS", -1)  # it ends with the process
            killed_at(point, patched)
            try:
                mover(engine, tmp_path).run()
            except Killed:
                ends += 1
            else:
                break
        assert joined(stored(engine), archived(engine, tmp_path)) == before
    assert ends > 5
    left, found = stored(engine), archived(engine, tmp_path)
    assert joined(left, found) == before
    assert not any(left[name] & found[name] for name in before)
    files = [path for path in tmp_path.rglob("*") if path.suffix == ".parquet"]
    with engine.connect() as connection:
        states = connection.execute(select(ARCHIVE_FILES.c.state)).scalars().all()
    assert set(states) == {DONE} and len(states) == len(files)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_nothing_is_deleted_for_a_file_that_differs(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_ward(engine)
    before = stored(engine)
    whole = Place.read

    def damaged(place: Place, path: str) -> bytes:
        content = whole(place, path)
        return content[:100] + b"x" + content[101:]

    with monkeypatch.context() as patched:
        patched.setattr(Place, "read", damaged)
        with pytest.raises(BadArchive, match="not what was written"):
            mover(engine, tmp_path).run()
    assert stored(engine) == before
    mover(engine, tmp_path).run()
    assert joined(stored(engine), archived(engine, tmp_path)) == before


def test_one_moves_at_a_time(engine: Engine, tmp_path: Path) -> None:
    make_ward(engine)
    first, second = mover(engine, tmp_path), mover(engine, tmp_path)
    first._begin()
    with pytest.raises(Busy):
        second.run()
    with writing(engine) as connection:
        connection.execute(update(LEASES).values(until_ms=LATER_MS - 1))
    second._begin()
    before = stored(engine)
    with pytest.raises(LeaseLost):
        first._move(EVENTS_SET, 0)
    assert stored(engine) == before


@pytest.mark.long
def test_kills_at_random_points_lose_nothing(
    engine: Engine, database_url: str, tmp_path: Path
) -> None:
    """The process is killed again and again, until a run comes to its end."""
    draw = random.Random(0)
    folder = tmp_path / "archive"
    make_ward(engine)
    before = stored(engine)
    command = [sys.executable, "-m", "tests.station.archive.killed", database_url, str(folder)]
    kills, in_both = 0, 0
    for limit_s in (draw.uniform(0, 0.5) for _ in range(30)):
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None and process.stdout.readline() == b"begins\n"
            try:
                assert process.wait(limit_s) == 0
            except subprocess.TimeoutExpired:
                process.kill()
                kills += 1
        left, found = stored(engine), archived(engine, folder)
        assert joined(left, found) == before
        in_both += any(left[name] & found[name] for name in before)
    assert kills > 5 and in_both
    mover(engine, folder).run()
    left, found = stored(engine), archived(engine, folder)
    assert joined(left, found) == before
    assert not any(left[name] & found[name] for name in before)
    assert {len(rows) for rows in left.values()} == {0, 1}
