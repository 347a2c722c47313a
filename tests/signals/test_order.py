"""Medians, means, quantiles and order statistics are equal to those of numpy."""

from __future__ import annotations

import numpy as np
import pytest

from signals import order
from signals.order import (
    mean,
    median,
    order_statistic,
    order_statistics,
    quantile,
    sort_elementwise,
)


@pytest.mark.parametrize("count", [1, 2, 7, 10, 512, 513, 600])
@pytest.mark.parametrize("axis", [0, -1])
def test_the_median_is_numpys_to_the_last_bit(count: int, axis: int) -> None:
    values = np.random.default_rng(count).normal(size=(count, count + 3)).astype(np.float32)
    assert median(values, axis).dtype == np.float32
    assert (median(values, axis) == np.median(values, axis=axis)).all()


@pytest.mark.parametrize("axis", [0, 1, -1])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_mean_is_numpys_to_the_last_bit(axis: int, dtype: type) -> None:
    values = np.random.default_rng(0).normal(3.0, 1.0, size=(5, 700)).astype(dtype)
    assert mean(values, axis).dtype == dtype
    assert (mean(values, axis) == values.mean(axis=axis)).all()


@pytest.mark.parametrize("count", range(1, 13))
def test_any_few_numbers_are_put_in_order(count: int) -> None:
    """A network that sorts all patterns of 0 and 1 sorts any numbers (Knuth, TAOCP 3, 5.3.4)."""
    patterns = ((np.arange(2**count) >> np.arange(count)[:, None]) & 1).astype(np.float32)
    given = patterns.copy()
    assert (np.array(sort_elementwise(patterns)) == np.sort(given, axis=0)).all()
    assert (patterns == given).all()


@pytest.mark.parametrize("count", [13, 16, 17, 40])
def test_more_numbers_are_put_in_order_too(count: int) -> None:
    values = np.random.default_rng(count).normal(size=(count, 3, 50))
    assert (np.array(sort_elementwise(values)) == np.sort(values, axis=0)).all()


@pytest.mark.parametrize("share", [0.0, 0.2, 0.75, 1.0])
def test_a_quantile_is_interpolated_between_its_neighbours(share: float) -> None:
    values = np.random.default_rng(0).normal(size=24)
    assert quantile(values, share) == pytest.approx(np.quantile(values, share), abs=1e-12)
    assert quantile(values[:1], share) == values[0]


@pytest.fixture(params=[True, False], ids=["vectors", "no vectors"])
def _processor(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(order, "_vectors_are_fast", lambda: request.param)


@pytest.mark.usefixtures("_processor")
@pytest.mark.parametrize("rank", [0, 1, 250, 489, 499])
def test_an_order_statistic_is_the_value_that_sorting_puts_at_its_rank(rank: int) -> None:
    slopes = np.abs(np.random.default_rng(0).normal(size=(3, 500)))
    slopes[1] = np.where(np.arange(500) == 100, 1000.0, slopes[1])
    slopes[2] = 0.0
    assert (order_statistic(slopes, rank) == np.sort(slopes, axis=1)[:, rank]).all()


@pytest.mark.usefixtures("_processor")
@pytest.mark.parametrize("ranks", [[0], [4, 250, 495], [499, 0, 498]])
def test_order_statistics_are_those_of_each_rank(ranks: list[int]) -> None:
    values = np.random.default_rng(1).normal(size=(3, 500)).astype(np.float32)
    for rank, found in zip(ranks, order_statistics(values, ranks), strict=True):
        assert (found == order_statistic(values, rank)).all()


@pytest.mark.usefixtures("_processor")
def test_of_one_value_the_order_statistic_is_it() -> None:
    assert order_statistic(np.array([[3.0], [4.0]]), 0).tolist() == [3.0, 4.0]
