"""Gaps: up to 0.2 s they are bridged, longer ones stay."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from signals.gaps import fill_short_gaps, find_gaps, max_gap_samples


def test_gaps_are_found_by_lead_and_time() -> None:
    missing = np.array([[1, 1, 0, 0, 1], [0, 0, 0, 0, 0], [1, 1, 1, 1, 1]], np.bool_)
    gaps = find_gaps(missing)
    assert list(zip(gaps.lead, gaps.start, gaps.stop, strict=True)) == [
        (0, 0, 2),
        (0, 4, 5),
        (2, 0, 5),
    ]


@pytest.mark.parametrize(
    ("fs", "samples"), [(500, 100), (100, 20), (360, 72), (257, 51), (35, 7), (50, 10)]
)
def test_a_gap_of_0_2_s_in_samples(fs: float, samples: int) -> None:
    assert max_gap_samples(fs) == samples


def test_a_gap_of_0_2_s_is_bridged_in_a_straight_line_and_a_longer_one_stays() -> None:
    signal = np.tile(np.arange(1000.0), (2, 1))
    signal[0, 300:400] = np.nan
    signal[1, 300:401] = np.nan
    filled, missing = fill_short_gaps(signal, 500)
    np.testing.assert_allclose(filled[0], np.arange(1000.0), rtol=1e-12)
    assert not missing[0].any()
    assert np.flatnonzero(missing[1]).tolist() == list(range(300, 401))
    assert np.isnan(filled[1, 300:401]).all()
    assert np.isnan(signal[0, 300:400]).all()  # what came is left as it was


def test_at_the_ends_the_nearest_sample_is_held() -> None:
    signal = np.array([[np.nan, np.nan, 3.0, 4.0, np.nan]])
    filled, missing = fill_short_gaps(signal, 50)
    assert filled.tolist() == [[3.0, 3.0, 3.0, 4.0, 4.0]]
    assert not missing.any()


def test_a_lead_of_gaps_stays_one_however_short() -> None:
    filled, missing = fill_short_gaps(np.full((1, 5), np.nan), 500)
    assert missing.all() and np.isnan(filled).all()


@given(st.lists(st.booleans(), min_size=1, max_size=80), st.sampled_from([10.0, 20.0, 50.0]))
def test_a_sample_stays_missing_only_in_a_long_gap(there: list[bool], fs: float) -> None:
    signal = np.where(there, np.arange(len(there), dtype=float), np.nan)[np.newaxis]
    filled, missing = fill_short_gaps(signal, fs)
    assert (np.isnan(filled) == missing).all()
    for start, stop in zip(
        *(lambda gaps: (gaps.start, gaps.stop))(find_gaps(np.isnan(signal))), strict=True
    ):
        stays = (stop - start) / fs > 0.2 + 1e-9 or not any(there)
        assert missing[0, start:stop].all() == stays == missing[0, start:stop].any()
    known = np.flatnonzero(there)
    if known.size:
        assert filled[0, known].tolist() == known.tolist()


def test_ten_minutes_with_a_gap_at_every_other_sample_take_no_time() -> None:
    signal = np.random.default_rng(0).normal(size=(12, 300_000))
    signal[:, ::2] = np.nan
    started = time.perf_counter()
    _, missing = fill_short_gaps(signal, 500)
    assert not missing.any()
    assert time.perf_counter() - started < 5
