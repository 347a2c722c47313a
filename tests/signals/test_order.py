"""Medians, quantiles and ranks are numpy's own."""

from __future__ import annotations

import numpy as np
import pytest

from signals.order import median, near_top, quantile


@pytest.mark.parametrize("count", [1, 2, 7, 10])
@pytest.mark.parametrize("axis", [0, -1])
def test_the_median_is_numpys_to_the_last_bit(count: int, axis: int) -> None:
    values = np.random.default_rng(count).normal(size=(count, count + 3)).astype(np.float32)
    assert median(values, axis).dtype == np.float32
    assert (median(values, axis) == np.median(values, axis=axis)).all()


@pytest.mark.parametrize("share", [0.0, 0.2, 0.75, 1.0])
def test_a_quantile_lies_linearly_between_its_neighbours(share: float) -> None:
    values = np.random.default_rng(0).normal(size=24)
    assert quantile(values, share) == pytest.approx(np.quantile(values, share), abs=1e-12)
    assert quantile(values[:1], share) == values[0]


def test_a_rank_near_the_top_is_found_where_few_values_are_high_and_where_all_are() -> None:
    slopes = np.abs(np.random.default_rng(0).normal(size=(3, 500)))
    slopes[1] = np.where(np.arange(500) == 100, 1000.0, slopes[1])  # one artefact, and all the rest under a tenth of it
    slopes[2] = 0.0
    assert (near_top(slopes, 489) == np.sort(slopes, axis=1)[:, 489]).all()
