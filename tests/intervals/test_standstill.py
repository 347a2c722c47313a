"""Waves without QRS complexes give no measurement, and tall T waves change none."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from intervals.measure import measure
from intervals.sampling_rate import fitting_rate
from tests.intervals.synthetic import Made, synthetic, twelve

SHALLOW = "the recurring wave is as smooth and shallow as a P wave; no QRS complex is found"
ALL_LEADS = list(range(12))


def only(leads: list[int], signal: np.ndarray) -> np.ndarray:
    """Return the signal with all other leads missing."""
    sent = np.full_like(signal, np.nan)
    sent[leads] = signal[leads]
    return sent


def noise(signal: np.ndarray, seed: int = 0) -> np.ndarray:
    return np.asarray(signal + np.random.default_rng(seed).normal(0.0, 0.004, signal.shape))


@pytest.mark.parametrize("leads", [[1], [1, 7], ALL_LEADS])
@pytest.mark.parametrize(("rate", "fs"), [(40, 500.0), (70, 250.0), (70, 1000.0), (110, 100.0)])
def test_p_waves_without_complexes_are_not_measured(rate: int, fs: float, leads: list[int]) -> None:
    made = Made(rr_ms=60000 / rate, qrs=False, t=False)
    recording = twelve(only(leads, noise(synthetic(made, fs))))
    measurements = measure(recording, fs)
    assert measurements.heart_rate_bpm is None and measurements.qrs_ms is None
    assert measurements.unmeasured is not None
    assert measurements.warnings == (
        f"measurements: {measurements.unmeasured}; nothing is measured",
    )
    # At a higher sampling rate they would be narrow enough for QRS complexes, not steep enough.
    assert fitting_rate(recording, fs) is None


def test_the_reason_names_p_waves() -> None:
    for rate in (50, 70, 90):
        signal = noise(synthetic(Made(rr_ms=60000 / rate, qrs=False, t=False)))
        assert measure(twelve(signal), 500.0).unmeasured == SHALLOW


def test_in_unknown_units_no_wave_is_too_shallow() -> None:
    signal = noise(synthetic(Made(rr_ms=900.0, qrs=False, t=False)))
    recording = replace(twelve(signal), millivolts=False)
    assert measure(recording, 500.0).unmeasured != SHALLOW
    # An ECG in another unit is measured as it is in mV.
    in_volts = replace(twelve(1e-3 * noise(synthetic())), millivolts=False)
    assert measure(in_volts, 500.0).heart_rate_bpm == pytest.approx(60000 / 850, abs=0.5)


@pytest.mark.parametrize("rate", [40, 70, 100])
def test_t_waves_without_complexes_are_not_measured(rate: int) -> None:
    made = Made(rr_ms=60000 / rate, p=False, qrs=False)
    assert measure(twelve(noise(synthetic(made))), 500.0).heart_rate_bpm is None


@pytest.mark.parametrize("seconds", [5.0, 6.5, 8.0])
def test_p_waves_after_the_last_beat_are_no_beats(seconds: float) -> None:
    """The ventricles stand still after some beats; P waves go on."""
    signal = synthetic(Made(rr_ms=800.0))
    only_p = synthetic(Made(rr_ms=800.0, qrs=False, t=False))
    stop = round(seconds * 500)
    signal[:, stop:] = only_p[:, stop:]
    measurements = measure(twelve(noise(signal)), 500.0)
    assert measurements.heart_rate_bpm == pytest.approx(75, abs=0.5)
    assert measurements.fiducials[-1].r < seconds
    assert measurements.beats == np.count_nonzero(np.arange(0.6, 10.0, 0.8) + 0.1 < seconds)


@pytest.mark.parametrize("t_scale", [1.0, 3.0, 5.0])
@pytest.mark.parametrize(("rate", "qt_ms"), [(45, 420), (60, 400), (75, 480), (100, 340)])
def test_tall_t_waves_change_no_rate(rate: int, qt_ms: float, t_scale: float) -> None:
    """T is 0.3 to 1.5 times as high as R in lead II; QRS lasts 92 ms.

    In one lead alone, the highest may hide the complex: then nothing is measured, with the reason.
    """
    made = Made(rr_ms=60000 / rate, qt_ms=qt_ms, t_scale=t_scale)
    for leads in ([1], [1, 7], ALL_LEADS):
        measurements = measure(twelve(only(leads, noise(synthetic(made)))), 500.0)
        if leads == [1] and t_scale == 5.0 and measurements.unmeasured is not None:
            assert measurements.heart_rate_bpm is None
            continue
        assert measurements.heart_rate_bpm == pytest.approx(rate, rel=0.01)
        assert measurements.ectopic_beats == 0
        assert measurements.qrs_ms == pytest.approx(92, abs=25)


@pytest.mark.parametrize(("rate", "qt_ms"), [(45, 420), (60, 400), (75, 480), (100, 340)])
def test_a_t_wave_of_three_times_r_doubles_no_rate(rate: int, qt_ms: float) -> None:
    """A complex that is hardly seen beside such a T wave is not measured, with a reason."""
    made = Made(rr_ms=60000 / rate, qt_ms=qt_ms, t_scale=10.0)
    for leads in ([1], [1, 7], ALL_LEADS):
        measurements = measure(twelve(only(leads, noise(synthetic(made)))), 500.0)
        if measurements.unmeasured is None:
            assert measurements.heart_rate_bpm == pytest.approx(rate, rel=0.01)
        else:
            assert measurements.heart_rate_bpm is None
            assert measurements.warnings == (
                f"measurements: {measurements.unmeasured}; nothing is measured",
            )
