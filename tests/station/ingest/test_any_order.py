"""Whatever the order, the posts and the transactions: each frame has its outcome by the rule."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, select

from station.ingest.commit import ClockRules, Post, store_posts
from station.ingest.parse import parse_post
from station.store.engine import open_engine, writing
from station.store.migrate import migrate
from station.store.patients import add_patients
from station.store.records import RECORDS
from station.store.sources import SOURCES, add_source
from tests.station.frames import NOW_MS, frame

ALWAYS = ClockRules(max_ahead_ms=10**12, max_age_ms=10**12)
# A frame's number and whether it is another frame with this number.
SENT = st.tuples(st.integers(0, 12), st.booleans())
# Transactions of posts of frames.
TRANSACTIONS = st.lists(st.lists(st.lists(SENT, max_size=6), min_size=1, max_size=3), max_size=4)
source_numbers = count()


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    folder: Path = tmp_path_factory.mktemp("any-order")
    engine = open_engine(f"sqlite:///{folder}/station.db")
    migrate(engine)
    with writing(engine) as connection:
        add_patients(connection, ["p-1"], NOW_MS)
    return engine


def expected(frames: Sequence[tuple[int, bool]]) -> tuple[list[str], list[tuple[int, int]]]:
    """Return each frame's outcome and the ranges that are missing, by the rule of the docs."""
    stored: dict[int, bool] = {}
    outcomes, missing = [], []
    for seq, is_other in frames:
        highest = max(stored, default=seq - 1)
        if seq in stored:
            outcomes.append("doubled" if stored[seq] == is_other else "conflicting")
            continue
        outcomes.append("late" if seq < highest else "stored")
        if seq > highest + 1:
            missing.append((highest + 1, seq - 1))
        stored[seq] = is_other
    return outcomes, missing


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(TRANSACTIONS)
def test_outcomes_follow_the_rule(
    database: Engine, transactions: list[list[list[tuple[int, bool]]]]
) -> None:
    source = f"strap-{next(source_numbers)}"
    with writing(database) as connection:
        add_source(connection, source, NOW_MS)
    outcomes, missing = [], []
    for posts in transactions:
        with writing(database) as connection:
            results = store_posts(connection, [_post(source, frames) for frames in posts], ALWAYS)
        for frames, result in zip(posts, results, strict=True):
            outcomes += [str(result.notes.get(index, "stored")) for index in range(len(frames))]
            missing += [(gap.first_seq, gap.last_seq) for gap in result.missing]
    sent = [one for posts in transactions for frames in posts for one in frames]
    assert (outcomes, missing) == expected(sent)
    with database.connect() as connection:
        query = select(RECORDS.c.seq).join(SOURCES).where(SOURCES.c.name == source)
        stored = connection.execute(query).scalars().all()
    assert sorted(stored) == sorted({seq for seq, _ in sent})


def _post(source: str, frames: list[tuple[int, bool]]) -> Post:
    body = b"".join(
        frame(seq, source=source, gain=2000.0 if is_other else 1000.0) for seq, is_other in frames
    )
    return Post(parse_post(body, 100), "gateway", None, NOW_MS)
