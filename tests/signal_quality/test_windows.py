"""Windows of about 10 s, and the scaling of unknown units."""

from __future__ import annotations

import numpy as np
import pytest

from signal_quality.windows import measure_windows, scale_to_usual_height
from signals.leads import LEADS
from tests.signals.recordings import beating


@pytest.mark.parametrize(
    ("seconds", "starts_s"),
    [
        (2.0, [0.0]),
        (10.0, [0.0]),
        (14.9, [0.0]),
        (15.1, [0.0, 7.55]),
        (24.0, [0.0, 12.0]),
        (31.0, [0.0, 10.33, 20.67]),
    ],
)
def test_windows_have_equal_lengths_of_about_10_s(seconds: float, starts_s: list[float]) -> None:
    fs = 100.0
    signal = beating(seconds, fs)[:3]
    windows = measure_windows(signal, fs, LEADS[:3])
    assert [window.start_s for window in windows] == starts_s
    raw = np.concatenate([window.bands.raw for window in windows], axis=1)
    np.testing.assert_array_equal(raw, signal)
    lengths = [window.bands.raw.shape[1] for window in windows]
    assert max(lengths) - min(lengths) <= 1


def test_every_window_is_measured_with_the_leads_names() -> None:
    signal = beating(20.0, 250.0)
    windows = measure_windows(signal, 250.0, LEADS)
    assert len(windows) == 2
    for window in windows:
        assert window.bands.fs == 250.0
        assert window.beats.peaks_s.size == 10
        assert window.record_features is window.features.record_features
    # Limb and chest leads differ, so other names give other features.
    others = measure_windows(signal, 250.0, LEADS[::-1])
    assert (windows[0].record_features != others[0].record_features).any()


def test_the_median_lead_gets_the_usual_height() -> None:
    """Heights of 2, 4 and 10, so the factor is 3 / 4."""
    signal = np.zeros((4, 500), np.float32)
    signal[:3, 50::100] = [[2.0], [4.0], [10.0]]
    signal[3] = 7.0
    scaled = scale_to_usual_height(signal, 100.0, 3.0)
    assert scaled.dtype == np.float32
    np.testing.assert_array_equal(scaled, 0.75 * signal)


@pytest.mark.parametrize("level", [0.0, 7.0, np.nan])
def test_a_signal_without_a_lead_that_varies_is_not_scaled(level: float) -> None:
    signal = np.full((2, 500), level, np.float32)
    assert scale_to_usual_height(signal, 100.0, 3.0) is signal
