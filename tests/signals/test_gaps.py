"""Gaps: up to 0.2 s they are filled, longer ones stay."""

from __future__ import annotations

from itertools import groupby

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from signals.gaps import fill_short_gaps, find_gaps, longest_runs, max_gap_samples

MASKS = st.integers(1, 4).flatmap(
    lambda leads: st.integers(1, 30).flatmap(
        lambda samples: st.lists(
            st.lists(st.booleans(), min_size=samples, max_size=samples),
            min_size=leads,
            max_size=leads,
        )
    )
)


def test_gaps_are_found_by_lead_and_time() -> None:
    missing = np.array([[1, 1, 0, 0, 1], [0, 0, 0, 0, 0], [1, 1, 1, 1, 1]], np.bool_)
    gaps = find_gaps(missing)
    assert list(zip(gaps.lead, gaps.start, gaps.stop, strict=True)) == [
        (0, 0, 2),
        (0, 4, 5),
        (2, 0, 5),
    ]
    assert gaps.samples.tolist() == [2, 1, 5]


def runs_of_true(row: list[bool]) -> list[tuple[int, int]]:
    """(start, stop) of each run, by going through the samples one by one."""
    runs = []
    place = 0
    for value, group in groupby(row):
        length = len(list(group))
        if value:
            runs.append((place, place + length))
        place += length
    return runs


@given(MASKS)
def test_runs_are_those_of_each_lead_alone(mask: list[list[bool]]) -> None:
    gaps = find_gaps(np.array(mask, np.bool_))
    expected = [(lead, *run) for lead, row in enumerate(mask) for run in runs_of_true(row)]
    assert list(zip(gaps.lead, gaps.start, gaps.stop, strict=True)) == expected
    longest = [max((stop - start for start, stop in runs_of_true(row)), default=0) for row in mask]
    assert longest_runs(np.array(mask, np.bool_)).tolist() == longest


@pytest.mark.parametrize(
    ("fs", "samples"), [(500, 100), (100, 20), (360, 72), (257, 51), (35, 7), (50, 10)]
)
def test_a_gap_of_0_2_s_in_samples(fs: float, samples: int) -> None:
    assert max_gap_samples(fs) == samples


def test_a_product_just_under_a_whole_number_of_samples_counts_as_it() -> None:
    assert 0.29 * 100 < 29
    assert max_gap_samples(100, 0.29) == 29
    assert max_gap_samples(100, 0.2899) == 28


def test_a_gap_of_0_2_s_is_filled_with_a_straight_line_and_a_longer_one_stays() -> None:
    line = np.arange(1000.0)
    signal = np.stack([line, line, -3 * line])
    signal[0, 300:400] = np.nan
    signal[1, 300:401] = np.nan
    signal[2, 10:30] = np.nan
    signal[2, 600:701] = np.nan
    before = signal.copy()
    filled, missing = fill_short_gaps(signal, 500)
    np.testing.assert_allclose(filled[0], line, rtol=1e-12)
    assert [np.flatnonzero(lead).tolist() for lead in missing] == [
        [],
        list(range(300, 401)),
        list(range(600, 701)),
    ]
    assert np.isnan(filled[1, 300:401]).all()
    np.testing.assert_allclose(filled[2, :600], -3 * line[:600], rtol=1e-12)
    np.testing.assert_array_equal(signal, before)


def test_the_longest_gap_to_fill_can_be_set() -> None:
    signal = np.array([[0.0, np.nan, np.nan, 3.0, np.nan, 5.0]])
    filled, missing = fill_short_gaps(signal, 10, max_gap_s=0.1)
    assert filled[0, 4] == 4.0
    assert missing.tolist() == [[False, True, True, False, False, False]]
    assert fill_short_gaps(signal, 10, max_gap_s=0.2)[0].tolist() == [[0, 1, 2, 3, 4, 5]]


def test_at_the_ends_the_nearest_sample_is_repeated() -> None:
    signal = np.array([[np.nan, np.nan, 3.0, 4.0, np.nan]])
    filled, missing = fill_short_gaps(signal, 50)
    assert filled.tolist() == [[3.0, 3.0, 3.0, 4.0, 4.0]]
    assert not missing.any()


def test_without_gaps_the_signal_itself_is_returned() -> None:
    signal = np.ones((2, 5))
    filled, missing = fill_short_gaps(signal, 50)
    assert filled is signal
    assert missing.tolist() == [[False] * 5] * 2


def test_a_lead_without_samples_stays_missing_however_short() -> None:
    signal = np.array([[np.nan] * 5, [1.0, np.nan, 3.0, 4.0, 5.0], [np.nan] * 5])
    filled, missing = fill_short_gaps(signal, 500)
    assert missing.all(axis=1).tolist() == [True, False, True]
    assert np.isnan(filled[[0, 2]]).all()
    assert filled[1].tolist() == [1, 2, 3, 4, 5]


@given(st.lists(st.booleans(), min_size=1, max_size=80), st.sampled_from([10.0, 20.0, 50.0]))
def test_a_sample_stays_missing_only_in_a_long_gap(is_known: list[bool], fs: float) -> None:
    signal = np.where(is_known, np.arange(len(is_known), dtype=float), np.nan)[np.newaxis]
    filled, missing = fill_short_gaps(signal, fs)
    assert (np.isnan(filled) == missing).all()
    for start, stop in runs_of_true([not known for known in is_known]):
        stays = (stop - start) / fs > 0.2 + 1e-9 or not any(is_known)
        assert missing[0, start:stop].all() == stays == missing[0, start:stop].any()
    known = np.flatnonzero(is_known)
    if known.size:
        assert filled[0, known].tolist() == known.tolist()


def test_many_gaps_take_one_interpolation_for_each_lead(monkeypatch: pytest.MonkeyPatch) -> None:
    """The work must not grow with the number of gaps: a hostile recording has one every 4 ms."""
    calls = []
    interp = np.interp

    def counting(*arguments: np.ndarray) -> np.ndarray:
        calls.append(len(arguments[0]))
        return interp(*arguments)

    monkeypatch.setattr(np, "interp", counting)
    signal = np.random.default_rng(0).normal(size=(3, 30_000))
    signal[:, ::2] = np.nan
    _, missing = fill_short_gaps(signal, 500)
    assert not missing.any()
    assert calls == [15_000] * 3
