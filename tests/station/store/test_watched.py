"""Lists of what was found in the streams of a patient: by time, page by page, in both orders."""

from __future__ import annotations

import random

import pytest
from sqlalchemy import Engine

from station.store.engine import writing
from station.store.streams import StreamState, add_stream
from station.store.watched import BEATS, add_beats, listed
from station.watch.outputs import BeatFound
from tests.station.worker.wards import ZERO_MS, register

STREAMS = 3


@pytest.mark.parametrize("newest_first", [False, True])
def test_pages_of_several_streams_follow_each_other(engine: Engine, newest_first: bool) -> None:
    draw = random.Random(0)
    register(engine, STREAMS)
    with writing(engine) as connection:
        for source in range(1, STREAMS + 1):
            state = StreamState(0, source, 1, leads=1, newest_ms=0, received_ms=0)
            stream = add_stream(connection, state)
            times = sorted(draw.sample(range(40), 20))
            add_beats(connection, [BeatFound(stream, ZERO_MS + at, "N", 0.9, None) for at in times])
    found: list[tuple[int, int]] = []
    after = None
    stretch = {"from_ms": ZERO_MS + 2, "to_ms": ZERO_MS + 35}
    with engine.connect() as connection:
        whole = connection.execute(BEATS.select()).all()
        while True:
            page = listed(
                connection, BEATS, 1, **stretch, after=after, limit=4, newest_first=newest_first
            )
            found += [(row.at_ms, row.stream) for row in page.rows]
            assert all(row.source == f"strap-{row.stream - 1}" for row in page.rows)
            if page.cursor is None:
                break
            at_ms, stream = map(int, page.cursor.split("."))
            after = at_ms, stream
    wanted = sorted((row.at_ms, row.stream) for row in whole)
    inside = [each for each in wanted if ZERO_MS + 2 <= each[0] < ZERO_MS + 35]
    assert found == (inside[::-1] if newest_first else inside)
