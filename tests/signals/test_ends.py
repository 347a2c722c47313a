"""Beyond its ends a signal is held; between them goes a line."""

from __future__ import annotations

import numpy as np
import pytest

from signals.ends import pad_edges, ramp


@pytest.mark.parametrize(("before", "after"), [(0, 0), (5, 4), (0, 3)])
def test_the_first_and_last_samples_are_held(before: int, after: int) -> None:
    signal = np.random.default_rng(0).normal(size=(3, 8)).astype(np.float32)
    wide = pad_edges(signal, before, after)
    assert wide.dtype == np.float32
    assert (wide == np.pad(signal, ((0, 0), (before, after)), mode="edge")).all()


def test_a_ramp_goes_from_0_to_1_and_is_nobodys_to_change() -> None:
    assert (ramp(5) == [0.0, 0.25, 0.5, 0.75, 1.0]).all() and ramp(5).dtype == np.float32
    with pytest.raises(ValueError, match="read-only"):
        ramp(5)[0] = 1.0
