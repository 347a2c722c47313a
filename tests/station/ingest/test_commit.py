"""What becomes of frames in the database, on SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from sqlalchemy import Engine, func, select

from station.ingest.commit import ClockRules, Post, PostResult, store_posts
from station.ingest.frame import MAX_FRAME_BYTES
from station.ingest.outcomes import Outcome
from station.ingest.parse import parse_post
from station.store.dead_letters import DEAD_LETTERS, dead_letters, frame_of
from station.store.engine import writing
from station.store.patients import add_patients
from station.store.records import RECORDS
from station.store.sources import add_source, revoke_source
from tests.station.frames import NOW_MS, frame

CLOCK = ClockRules(max_ahead_ms=60_000, max_age_ms=3_600_000)


@pytest.fixture(autouse=True)
def known(engine: Engine) -> None:
    with writing(engine) as connection:
        add_source(connection, "strap-1", NOW_MS)
        add_source(connection, "strap-2", NOW_MS)
        add_patients(connection, ["p-1", "p-2"], NOW_MS)


def post(*frames: bytes, only_source: str | None = None) -> Post:
    return Post(parse_post(b"".join(frames), 100), "gateway", only_source, NOW_MS)


def store(engine: Engine, *posts: Post) -> list[PostResult]:
    with writing(engine) as connection:
        return store_posts(connection, posts, CLOCK)


def outcomes_of(result: PostResult) -> dict[str, int]:
    return {str(outcome): count for outcome, count in result.counts.items()}


def stored(engine: Engine) -> list[tuple[int, int]]:
    with engine.connect() as connection:
        rows = connection.execute(
            select(RECORDS.c.source_id, RECORDS.c.seq).order_by(RECORDS.c.source_id, RECORDS.c.seq)
        )
        return [tuple(row) for row in rows]  # type: ignore[misc]


def letters(engine: Engine) -> list[tuple[str, str, int | None, int | None]]:
    with engine.connect() as connection:
        rows = dead_letters(connection).rows
        return [(row.reason, row.source, row.seq, row.last_seq) for row in rows]


def test_frames_in_order_are_stored(engine: Engine) -> None:
    (result,) = store(engine, post(*map(frame, range(3))))
    assert outcomes_of(result) == {"stored": 3} and not result.notes
    assert stored(engine) == [(1, 0), (1, 1), (1, 2)] and not letters(engine)


def test_a_doubled_frame_is_acknowledged_and_stored_once(engine: Engine) -> None:
    store(engine, post(frame(0)))
    within, between = store(engine, post(frame(1), frame(1)), post(frame(0), frame(1)))
    assert outcomes_of(within) == {"stored": 1, "doubled": 1}
    assert outcomes_of(between) == {"doubled": 2}
    assert stored(engine) == [(1, 0), (1, 1)] and not letters(engine)


def test_another_frame_with_a_number_that_is_stored_is_a_conflict(engine: Engine) -> None:
    (result,) = store(engine, post(frame(0), frame(0, patient="p-2")))
    assert outcomes_of(result) == {"stored": 1, "conflicting": 1}
    assert letters(engine) == [("conflicting", "strap-1", 0, None)]


def test_a_late_frame_is_stored_and_the_skipped_number_was_noted(engine: Engine) -> None:
    first, second = store(engine, post(frame(0), frame(3)), post(frame(1)))
    assert [(gap.first_seq, gap.last_seq) for gap in first.missing] == [(1, 2)]
    assert outcomes_of(second) == {"late": 1} and second.notes == {0: Outcome.LATE}
    assert stored(engine) == [(1, 0), (1, 1), (1, 3)]
    assert letters(engine) == [("missing", "strap-1", 1, 2)]


def test_the_first_number_of_a_source_is_any(engine: Engine) -> None:
    (result,) = store(engine, post(frame(200)))
    assert not result.missing and outcomes_of(result) == {"stored": 1}


def test_a_changed_rate_is_stored_and_noted(engine: Engine) -> None:
    (result,) = store(engine, post(frame(0), frame(1, fs_hz=500.0), frame(2, fs_hz=500.0)))
    assert outcomes_of(result) == {"stored": 2, "rate_changed": 1}


@pytest.mark.parametrize(
    ("changes", "outcome", "only_source"),
    [
        ({"patient": "p-9"}, "unknown_patient", "strap-1"),
        ({"source": "strap-9"}, "unknown_source", None),
        ({"source": "strap-2"}, "foreign_source", "strap-1"),
        ({"device_ms": NOW_MS + 60_001}, "bad_clock", "strap-1"),
        ({"device_ms": NOW_MS - 3_600_001}, "bad_clock", "strap-1"),
    ],
)
def test_a_frame_that_is_not_stored_is_a_dead_letter(
    engine: Engine, changes: dict[str, object], outcome: str, only_source: str | None
) -> None:
    (result,) = store(engine, post(frame(0, **changes), frame(0), only_source=only_source))
    assert outcomes_of(result) == {outcome: 1, "stored": 1}
    assert [letter[0] for letter in letters(engine)] == [outcome]
    assert "p-9" not in result.rejections[0].detail


def test_the_edges_of_the_clock_are_allowed(engine: Engine) -> None:
    frames = [frame(0, device_ms=NOW_MS - 3_600_000), frame(1, device_ms=NOW_MS + 60_000)]
    assert outcomes_of(store(engine, post(*frames))[0]) == {"stored": 2}


def test_a_revoked_source_is_unknown(engine: Engine) -> None:
    with writing(engine) as connection:
        assert revoke_source(connection, "strap-1", NOW_MS)
    assert outcomes_of(store(engine, post(frame(0)))[0]) == {"unknown_source": 1}


def test_corrupt_frames_are_kept_as_they_came(engine: Engine) -> None:
    (result,) = store(engine, post(frame(0), b"nonsense"))
    assert outcomes_of(result) == {"stored": 1, "corrupt": 1}
    with engine.connect() as connection:
        assert connection.execute(select(DEAD_LETTERS.c.frame)).scalar_one() == b"nonsense"


def test_all_that_cannot_be_read_is_kept(engine: Engine) -> None:
    """A frame has up to 1 MiB, and what follows a fault may be more: then it is several letters."""
    rest = np.random.default_rng(0).bytes(2 * MAX_FRAME_BYTES + 5)
    (result,) = store(engine, post(frame(0), rest))
    assert outcomes_of(result) == {"stored": 1, "corrupt": 1}
    with engine.connect() as connection:
        rows = dead_letters(connection).rows
        pieces = [frame_of(connection, row.id) or b"" for row in rows]
    assert [row.frame_bytes for row in rows] == [MAX_FRAME_BYTES, MAX_FRAME_BYTES, 5]
    assert b"".join(pieces) == rest and rows[2].detail.endswith("; part 3 of 3")


@pytest.mark.parametrize("sizes", [(6,), (1, 1, 1, 1, 1, 1), (2, 4), (5, 1)])
def test_outcomes_do_not_depend_on_the_transactions(engine: Engine, sizes: Sequence[int]) -> None:
    frames = [frame(seq) for seq in (0, 2, 1, 2, 4, 3)]
    notes, start = {}, 0
    for size in sizes:
        (result,) = store(engine, post(*frames[start : start + size]))
        notes |= {start + index: str(outcome) for index, outcome in result.notes.items()}
        start += size
    assert notes == {2: "late", 3: "doubled", 5: "late"}
    assert [letter[2:] for letter in letters(engine)] == [(1, 1), (3, 3)]
    with engine.connect() as connection:
        assert connection.execute(select(func.count()).select_from(RECORDS)).scalar_one() == 5
