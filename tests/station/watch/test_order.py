"""The samples of a stream come in their order, once, with their gaps."""

import numpy as np
import pytest

from station.watch.order import Order, StreamRecord
from tests.station.watch.streams import SECOND_MS, ZERO_MS

FS = 250.0


def record(seq: int, at_s: float, *, seconds: float = 1.0, value: float = 0.0) -> StreamRecord:
    samples = round(seconds * FS)
    signal = np.full((1, samples), value, np.float32)
    return StreamRecord(1, seq, seq, ZERO_MS + round(at_s * SECOND_MS), FS, ("II",), signal)


def order_of(*records: StreamRecord) -> tuple[Order, list[float]]:
    """Return the order after some records, and the mean of each second that is complete."""
    order = Order.beginning_with(records[0])
    means = []
    for each in records:
        order.add(each)
        order.place()
        while (taken := order.take_second()) is not None:
            second, _ = taken
            means.append(float(np.nanmean(second)) if np.isfinite(second).any() else np.nan)
    return order, means


def test_a_record_that_follows_is_placed_at_once() -> None:
    order, means = order_of(*(record(seq, seq) for seq in range(5)))
    assert order.next == 7 * FS, "the grid begins two seconds before the first record"
    assert len(means) == 7
    assert np.isnan(means[:2]).all()


def test_a_record_waits_for_those_before_it() -> None:
    _, means = order_of(record(0, 0), record(1, 1), record(2, 2), record(4, 4), record(3, 3))
    assert len(means) == 7


def test_a_hole_is_a_gap_when_the_stream_is_two_seconds_further() -> None:
    order = Order.beginning_with(record(0, 0))
    holes = []
    for each in (record(0, 0), record(2, 2), record(3, 3), record(4, 4)):
        order.add(each)
        holes += order.place()
    assert [(hole.start_ms - ZERO_MS, hole.stop_ms - ZERO_MS) for hole in holes] == [(1000, 2000)]


@pytest.mark.parametrize("drift_ms", [-30, 30])
def test_a_clock_that_drifts_leaves_no_hole(drift_ms: int) -> None:
    order = Order.beginning_with(record(0, 0))
    holes = []
    for seq in range(6):
        order.add(record(seq, seq + drift_ms / SECOND_MS * (seq > 3)))
        holes += order.place()
    assert not holes
    assert order.next == 8 * FS


def test_a_short_hole_is_bridged_by_a_line() -> None:
    order = Order.beginning_with(record(0, 0))
    for each in (record(0, 0), record(1, 1.08, value=1.0), record(2, 2.08, value=1.0)):
        order.add(each)
        order.place(is_last=True)
    seconds = []
    while (taken := order.take_second()) is not None:
        seconds.append(taken[0][0])
    bridged = np.concatenate(seconds)[2 * 125 + 4 :]
    assert np.isfinite(bridged).all()
    assert (np.diff(bridged) > -1e-6).all(), "it rises from 0 to 1"


def test_a_long_hole_is_leapt_over() -> None:
    hour = 3600
    order, means = order_of(record(0, 0), record(1, 1), *(record(s, hour + s) for s in range(2, 8)))
    assert len(means) < 60
    assert order.ms(order.second) == pytest.approx(ZERO_MS + (hour + 8) * SECOND_MS, abs=1001)


def test_a_clock_that_was_set_back_is_noticed() -> None:
    order, _ = order_of(record(0, 100), record(1, 101), record(2, 102), record(3, 103))
    assert order.is_set_back(record(4, 50))
    assert not order.is_set_back(record(4, 102))
    assert not order.is_set_back(record(1, 50)), "an old record is late, whatever its time"


def test_what_is_late_is_said() -> None:
    order, _ = order_of(*(record(seq, seq) for seq in (0, 1, 2, 4, 5, 6, 7)))
    assert not order.add(record(3, 3))
