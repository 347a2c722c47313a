"""Samples as lines: nothing is lost, gaps stay open, and few points are left."""

from __future__ import annotations

import numpy as np
import pytest

from report.trace import COLUMN_MM, PASSES, STRAIGHT_MM, piece_of, strokes, thinned

SPEED = 25.0


def random_row(samples: int) -> np.ndarray:
    return np.random.default_rng(1).normal(0, 1, samples).astype(np.float32)


@pytest.mark.parametrize(
    ("start_s", "end_s", "first", "count"),
    [(0.0, 1.0, 0.0, 501), (2.5, 5.0, 2.5, 1251), (9.5, 12.0, 9.5, 250), (20.0, 30.0, 20.0, 0)],
)
def test_a_piece_has_both_of_its_ends(
    start_s: float, end_s: float, first: float, count: int
) -> None:
    piece = piece_of(random_row(5000), 500.0, start_s, end_s)
    assert piece.from_s == first
    assert piece.samples.size == count


def test_samples_are_at_their_time_and_unchanged_at_500_hz() -> None:
    row = random_row(1000)
    (line,) = strokes(piece_of(row, 500.0, 0.0, 2.0), SPEED)
    np.testing.assert_allclose(line[:, 0], np.arange(1000) / 500 * SPEED)
    np.testing.assert_array_equal(line[:, 1], row)


@pytest.mark.parametrize("fs", [1000.0, 2000.0])
def test_dense_samples_keep_their_extremes(fs: float) -> None:
    row = random_row(int(10 * fs))
    (line,) = strokes(piece_of(row, fs, 0.0, 10.0), SPEED)
    assert len(line) <= 2 * 10 * SPEED / COLUMN_MM + 4
    assert (np.diff(line[:, 0]) > 0).all()
    column = np.floor(np.arange(row.size) / fs * SPEED / COLUMN_MM + 1e-6).astype(int)
    drawn = np.floor(line[:, 0] / COLUMN_MM + 1e-6).astype(int)
    for number in (0, 17, 2500, 4999):
        expected, found = row[column == number], line[drawn == number, 1]
        assert found.max() == expected.max()
        assert found.min() == expected.min()


def test_gaps_are_left_open() -> None:
    row = random_row(1000)
    row[200:300] = np.nan
    row[700] = np.nan
    piece = piece_of(row, 500.0, 0.0, 2.0)
    lines = strokes(piece, SPEED)
    assert [len(line) for line in lines] == [200, 400, 299]
    assert lines[1][0, 0] == pytest.approx(300 / 500 * SPEED)
    assert piece.gaps_s() == [(0.4, 0.6)], "one sample is narrower than a line"


def test_the_level_is_the_median_of_what_is_known() -> None:
    row = np.array([np.nan, 1.0, 2.0, 9.0], np.float32)
    assert piece_of(row, 500.0, 0.0, 1.0).level == 2.0
    assert piece_of(np.full(5, np.nan, np.float32), 500.0, 0.0, 1.0).level == 0.0


def test_thinning_stays_near_every_point() -> None:
    xs = np.arange(0, 100, 0.05)
    ys = np.sin(xs) + np.where(np.abs(xs - 50) < 1, 8.0, 0.0)
    points = np.column_stack((xs, ys))
    left = thinned(points)
    assert len(left) < len(points) / 2
    np.testing.assert_array_equal(left[[0, -1]], points[[0, -1]])
    error = np.abs(np.interp(xs, left[:, 0], left[:, 1]) - ys)
    # Across the line the distance is at most the vertical one.
    flat = np.abs(np.gradient(ys, xs)) < 2
    assert error[flat].max() < PASSES * STRAIGHT_MM * np.sqrt(5)


def test_a_straight_line_needs_few_points() -> None:
    points = np.column_stack((np.arange(1000.0), np.zeros(1000)))
    assert len(thinned(points)) <= 1000 / 2**PASSES + 2


@pytest.mark.parametrize("count", [1, 2])
def test_short_lines_stay(count: int) -> None:
    points = np.column_stack((np.arange(float(count)), np.ones(count)))
    np.testing.assert_array_equal(thinned(points), points)
