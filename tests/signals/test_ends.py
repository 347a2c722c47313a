"""Padding beyond the ends of a signal, and the line between them."""

from __future__ import annotations

import numpy as np
import pytest

from signals.ends import pad_edges, ramp


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("before", "after"), [(0, 0), (5, 4), (0, 3), (2, 0)])
def test_the_first_and_last_samples_are_repeated(before: int, after: int, dtype: type) -> None:
    signal = np.random.default_rng(0).normal(size=(3, 8)).astype(dtype)
    padded = pad_edges(signal, before, after)
    assert padded.dtype == dtype
    expected = np.pad(signal, ((0, 0), (before, after)), mode="edge")
    np.testing.assert_array_equal(padded, expected)


def test_a_ramp_goes_from_0_to_1_and_is_read_only() -> None:
    assert ramp(5).tolist() == [0.0, 0.25, 0.5, 0.75, 1.0]
    assert ramp(5).dtype == np.float32
    with pytest.raises(ValueError, match="read-only"):
        ramp(5)[0] = 1.0
