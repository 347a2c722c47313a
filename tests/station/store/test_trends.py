"""Trends over hours: windows in bins, each beat once, gaps left out."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine

from station.store.engine import writing
from station.store.patients import add_patients
from station.store.sources import add_source
from station.store.streams import StreamState, add_stream
from station.store.trends import trend
from station.store.watched import add_windows
from station.watch.outputs import Window
from tests.station.frames import NOW_MS

HOP_MS, WINDOW_MS, BIN_MS = 5_000, 10_000, 60_000
# Not a multiple of the hop: a stream begins when it likes.
BEGIN_MS = NOW_MS - NOW_MS % WINDOW_MS + 1_234


def window(place: int, rate: float | None, *, known: float = 1.0, af: bool | None = None) -> Window:
    start_ms = BEGIN_MS + place * HOP_MS
    return Window(1, start_ms, start_ms + WINDOW_MS, known, rate, (10, 0, 2, 0, 0), af)


@pytest.fixture
def ward(engine: Engine) -> Engine:
    with writing(engine) as connection:
        add_source(connection, "strap-1", NOW_MS)
        add_patients(connection, ["p-1", "p-2"], NOW_MS)
        for patient in (1, 2):
            state = StreamState(0, 1, patient, 1, BEGIN_MS, BEGIN_MS)
            add_stream(connection, state)
        # Two minutes, a gap of two, a minute without a rate, of which half can be read.
        steady = [window(place, 60 + place, af=place >= 12) for place in range(24)]
        poor = [window(place, None, known=0.5) for place in range(48, 60)]
        add_windows(connection, [*steady, *poor])
    return engine


def test_bins_have_rates_counts_and_gaps(ward: Engine) -> None:
    with ward.connect() as connection:
        stretch = {"from_ms": BEGIN_MS, "to_ms": BEGIN_MS + 10 * BIN_MS, "bin_ms": BIN_MS}
        found = trend(connection, 1, **stretch)
        assert trend(connection, 2, **stretch) == []
    assert {source for source, _ in found} == {"strap-1"}
    rows = [row for _, row in found]
    assert [row.place for row in rows] == [0, 1, 4]
    first, second, poor = rows
    # Of twelve windows that overlap, six: 60, 62, ... or 61, 63, ...
    assert first.rate_high - first.rate_low == 10
    assert first.rate_mean == (first.rate_low + first.rate_high) / 2
    assert (first.beats_n, first.beats_v, first.known_ms) == (60, 12, 60_000)
    assert (first.irregular, first.judged) == (0, 6) and (second.irregular, second.judged) == (6, 6)
    assert (poor.rate_low, poor.rate_mean, poor.rate_high) == (None, None, None)
    assert (poor.known_ms, poor.judged) == (30_000, 0)
