"""One lead as the model reads it: the unit, the direction and the sampling rate do not count."""

from __future__ import annotations

import numpy as np
import pytest

from heads.one_lead.signal_input import INPUT_HZ, LARGEST, lead_input
from tests.intervals.synthetic import synthetic

SECONDS = 12.0


def lead(row: int = 1, fs: float = 500.0) -> np.ndarray:
    return synthetic(fs=fs, seconds=SECONDS)[row].astype(np.float32)


def ready(signal: np.ndarray, fs: float = 500.0) -> np.ndarray:
    found = lead_input(signal, fs)
    assert found is not None
    return found


@pytest.mark.parametrize("row", range(12))
def test_an_inverted_lead_is_the_same(row: int) -> None:
    assert np.array_equal(ready(lead(row)), ready(-lead(row)))


@pytest.mark.parametrize("unit", [1e-3, 200.0, 1e6])
def test_the_unit_does_not_count(unit: float) -> None:
    assert np.allclose(ready(lead()), ready(lead() * np.float32(unit)), atol=1e-4)


@pytest.mark.parametrize("fs", [100.0, 250.0, 300.0, 360.0, 1000.0])
def test_the_sampling_rate_changes_little(fs: float) -> None:
    other = ready(lead(fs=fs), fs)
    assert other.size == SECONDS * INPUT_HZ
    assert np.corrcoef(other, ready(lead()))[0, 1] > 0.99


@pytest.mark.parametrize("row", [1, 3, 6, 10])
def test_its_largest_deflections_point_upwards(row: int) -> None:
    turned = ready(lead(row))
    assert turned.max() > -turned.min()
    assert np.abs(turned).max() <= LARGEST


@pytest.mark.parametrize("value", [0.0, 1.0, np.nan])
def test_a_lead_without_a_signal_is_none(value: float) -> None:
    assert lead_input(np.full(5000, value, np.float32), 500.0) is None


def test_a_long_gap_is_zero_and_a_short_one_is_filled() -> None:
    signal = lead()
    signal[2000:2500] = np.nan  # 4 to 5 s
    signal[4000:4040] = np.nan  # 80 ms
    with_gaps = ready(signal)
    assert np.isfinite(with_gaps).all()
    assert not with_gaps[402:498].any()
    assert with_gaps[800:808].any()
