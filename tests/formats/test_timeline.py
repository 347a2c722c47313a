"""Times of samples give the rate and the gaps; an uneven time is named by its sample."""

from __future__ import annotations

import numpy as np
import pytest

from errors import CorruptFile
from formats.timeline import Timeline, timeline

COUNT = 2500
ROWS = np.arange(COUNT)


def line_of(row: int) -> str:
    return f"line {row + 2}"


def found(seconds: np.ndarray) -> Timeline:
    line = timeline(np.asarray(seconds, np.float64), line_of)
    assert line is not None
    return line


@pytest.mark.parametrize(
    ("fs", "decimals"),
    [(250, 6), (360, 3), (512, 3), (700, 3), (1500, 3), (250, 2), (125, 2), (130, 2), (250, 1)],
)
@pytest.mark.parametrize("start", [0.0, 36_000.0, 1_714_552_052.0])
def test_rounded_times_give_the_rate_without_gaps(fs: int, decimals: int, start: float) -> None:
    line = found(np.round(ROWS / fs + start, decimals))
    assert (line.fs, line.gaps, line.samples) == (fs, (), COUNT)


def test_a_rate_that_is_no_whole_number_is_kept() -> None:
    assert found(ROWS / 511.562).fs == pytest.approx(511.562, rel=1e-6)


@pytest.mark.parametrize("fs", [100, 130, 250, 512])
def test_missing_samples_are_gaps_where_they_are_missing(fs: int) -> None:
    kept = np.delete(ROWS, [10, 11, *range(500, 600), 2000])
    line = found(kept / fs)
    assert line.fs == pytest.approx(fs)
    assert line.gaps == ((10, 2), (498, 100), (1898, 1))
    assert line.samples == COUNT
    np.testing.assert_array_equal(line.places, kept)
    values = line.with_gaps(kept.astype(np.float64))
    np.testing.assert_array_equal(np.flatnonzero(np.isnan(values)), np.delete(ROWS, kept))
    np.testing.assert_array_equal(values[kept], kept)


def test_a_gap_as_long_as_the_recording_is_refused_with_the_line_after_it() -> None:
    seconds = np.where(ROWS < 1250, ROWS / 250, ROWS / 250 + 3600)
    with pytest.raises(CorruptFile) as caught:
        found(seconds)
    assert caught.value.detail == (
        "line 1252: the times leave out 900000 samples, which is more than half of the recording; "
        "send its parts one at a time"
    )


@pytest.mark.parametrize("later_s", [1e5, 1e9, 1e12])
def test_a_gap_of_any_length_is_refused(later_s: float) -> None:
    with pytest.raises(CorruptFile, match="line 1252: the time"):
        found(np.where(ROWS < 1250, ROWS / 250, ROWS / 250 + later_s))


@pytest.mark.parametrize("packet", [2, 20, 73])
def test_packets_that_share_one_time_give_the_rate(packet: int) -> None:
    numbers = ROWS // packet
    line = found(np.round(numbers * packet / 130, 3))
    assert (line.fs, line.gaps, line.packet) == (130.0, (), packet)


def test_a_packet_that_arrives_late_is_no_gap_and_a_lost_one_is() -> None:
    numbers = ROWS // 73
    arrival = (
        numbers * 73 / 130 + np.random.default_rng(0).uniform(0, 0.15, numbers.max() + 1)[numbers]
    )
    assert found(arrival).gaps == ()
    lost = np.where(numbers > 15, arrival + 73 / 130, arrival)
    assert found(lost).gaps == ((16 * 73, 73),)
    assert found(lost).fs == 130.0


@pytest.mark.parametrize("row", [100, 1250, 2000])
def test_a_repeated_time_among_single_ones_is_named(row: int) -> None:
    with pytest.raises(CorruptFile) as caught:
        found(np.where(row <= ROWS, ROWS - 1, ROWS) / 250)
    assert caught.value.detail == f"{line_of(row)}: the time is repeated"


@pytest.mark.parametrize("row", [1, 100, 2499])
@pytest.mark.parametrize("value", [-1.0, np.nan])
def test_a_time_that_falls_or_is_missing_is_named(row: int, value: float) -> None:
    seconds = ROWS / 250
    seconds[row] = value
    with pytest.raises(CorruptFile) as caught:
        found(seconds)
    assert caught.value.detail == (
        f"{line_of(row)}: the time is missing or earlier than the one before it"
    )


@pytest.mark.parametrize("row", [1300, 2000, 2300])
def test_a_rate_that_changes_is_named_where_it_changes(row: int) -> None:
    seconds = np.where(row > ROWS, ROWS / 250, row / 250 + (ROWS - row) / 200)
    with pytest.raises(CorruptFile) as caught:
        found(seconds)
    named = int(caught.value.detail.split(":")[0].removeprefix("line ")) - 2
    # A step is longer by 1 ms, and a time may differ by 4 ms.
    assert row < named <= row + 6
    assert "the times do not continue evenly" in caught.value.detail


def test_equal_times_say_nothing() -> None:
    assert timeline(np.full(10, 3.0), line_of) is None
    assert timeline(np.zeros(1), line_of) is None


@pytest.mark.parametrize("late", [1e9 + 1, 1e15, 1e300])
def test_a_time_that_no_recording_reaches_is_refused_with_its_line(late: float) -> None:
    seconds = ROWS / 250
    seconds[2000:] += late
    with pytest.raises(CorruptFile) as caught:
        found(seconds)
    assert caught.value.detail == (
        f"line 2002: the time is {seconds[2000]:.3g} s after the first; no recording lasts so long"
    )


@pytest.mark.parametrize("step", [1e-12, 1e-300, 1e-320])
def test_steps_that_no_recorder_makes_give_a_rate_that_is_refused_later(step: float) -> None:
    assert found(np.arange(50) * step).fs > 1e9


@pytest.mark.parametrize("steps", [(1e-320, 1.0), (1e-300, 1e8), (1e-12, 1e3)])
def test_a_gap_among_steps_that_no_recorder_makes_is_refused(steps: tuple[float, float]) -> None:
    seconds = np.arange(50) * steps[0]
    seconds[25:] += steps[1]
    with pytest.raises(CorruptFile, match="the time"):
        found(seconds)
