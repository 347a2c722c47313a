"""Conversion to millivolt, and the check whether values in millivolt are plausible."""

from __future__ import annotations

import numpy as np
import pytest

from errors import BadOption
from signals.units import (
    check_millivolt,
    millivolt_per_unit,
    qrs_heights,
    to_millivolt,
    voltage_unit,
)
from tests.signals.recordings import beating, record

SIGNAL = beating()
LIMIT_MV = {"high": np.float32(20.0), "low": np.float32(0.02)}
THREE_LEADS = ("II", "V1", "V5")


def implausible(height: str) -> str:
    """Return the whole warning for QRS complexes of this height."""
    return (
        f"units: QRS complexes of {height} peak to peak are implausible; the units are treated as"
        " unknown, and everything that needs volts is null"
    )


TOO_HIGH = implausible("more than 20 mV")
TOO_LOW = implausible("less than 0.02 mV")


def signal_of_heights(*heights_mv: float, seconds: int = 5, fs: int = 100) -> np.ndarray:
    """Return one lead for each height: zero, and in every second one sample of that height."""
    signal = np.zeros((len(heights_mv), seconds * fs), np.float32)
    signal[:, fs // 3 :: fs] = np.array(heights_mv, np.float32)[:, np.newaxis]
    return signal


@pytest.mark.parametrize(
    ("units", "per_mv"),
    [
        ("mV", 1),
        ("MV", 1),
        ("uV", 1000),
        ("µV", 1000),
        ("μV", 1000),
        (" UV ", 1000),
        ("V", 0.001),
        ("v", 0.001),
        ("nV", 1e6),
        ("mcV", 1000),
        ("mkV", 1000),
        ("Mikrovolt", 1000),
        ("microvolts", 1000),
        ("uVolt", 1000),
        ("microvoltios", 1000),
        ("мкВ", 1000),
        ("Millivolt", 1),
        ("milivolts", 1),
        ("мВ", 1),
        ("Volt", 0.001),
        ("nanovolts", 1e6),
    ],
)
def test_every_unit_becomes_millivolt(units: str, per_mv: float) -> None:
    millivolt, new_units = to_millivolt(SIGNAL.astype(np.float64) * per_mv, units)
    assert new_units == "mV"
    assert millivolt.dtype == np.float32
    assert millivolt.flags.c_contiguous
    np.testing.assert_allclose(millivolt, SIGNAL, rtol=1e-6)


@pytest.mark.parametrize("unit", ["", "ADC", "counts", "mm", "mmHg", "1", "{ADC}", "kV", "mA"])
def test_a_unit_that_is_no_voltage_has_no_size(unit: str) -> None:
    assert voltage_unit(unit) is None
    assert millivolt_per_unit(unit) is None


@pytest.mark.parametrize(("unit", "size"), [("V", 1e3), ("mV", 1.0), ("µV", 1e-3), ("nV", 1e-6)])
def test_a_voltage_has_a_size_in_millivolt(unit: str, size: float) -> None:
    assert millivolt_per_unit(unit) == pytest.approx(size)


def test_values_in_unknown_units_keep_their_values() -> None:
    signal, units = to_millivolt(np.asfortranarray([[1, 200], [3, -4]], np.int16), "Unknown")
    assert units == "unknown"
    assert signal.dtype == np.float32
    assert signal.flags.c_contiguous
    assert signal.tolist() == [[1.0, 200.0], [3.0, -4.0]]


@pytest.mark.parametrize("dtype", ["<f2", ">f4", ">f8", ">i2", "<i2"])
def test_any_type_and_layout_is_read(dtype: str) -> None:
    counts = np.asfortranarray(np.round(SIGNAL * 1000)).astype(dtype)
    millivolt, units = to_millivolt(counts, "mV", gain=1000.0)
    assert units == "mV"
    assert millivolt.dtype == np.float32
    assert millivolt.flags.c_contiguous
    np.testing.assert_allclose(millivolt, SIGNAL, atol=1.1e-3)


@pytest.mark.parametrize("units", ["unknown", "mV"])
def test_a_gain_converts_adc_units_to_millivolt(units: str) -> None:
    millivolt, new_units = to_millivolt(np.array([[400, -50]], np.int16), units, 200.0)
    assert new_units == "mV"
    assert millivolt.tolist() == [[2.0, -0.25]]


@pytest.mark.parametrize(
    ("units", "shown"),
    [
        ("", "''"),
        ("mA", "'mA'"),
        ("kV", "'kV'"),
        ("x" * 500, f"'{16 * 'x'}'"),
        ("ΩV", "'\\u03a9V'"),
    ],
)
def test_any_other_unit_is_refused_with_the_list_of_allowed_ones(units: str, shown: str) -> None:
    with pytest.raises(BadOption) as caught:
        to_millivolt(SIGNAL, units)
    assert caught.value.detail == f"units: {shown}; allowed are mV, uV, V or unknown"
    assert caught.value.errors[0].loc == ("units",)


def test_a_gain_may_be_below_1() -> None:
    signal, _ = to_millivolt(SIGNAL, "mV", 0.5)
    np.testing.assert_allclose(signal, 2 * np.asarray(SIGNAL), rtol=1e-6)


@pytest.mark.parametrize(
    ("gain", "shown"), [(0.0, "0"), (-1.0, "-1"), (float("nan"), "nan"), (float("inf"), "inf")]
)
def test_a_gain_that_is_not_positive_is_refused(gain: float, shown: str) -> None:
    with pytest.raises(BadOption) as caught:
        to_millivolt(SIGNAL, "mV", gain)
    assert caught.value.detail == (
        f"gain: {shown}; a positive number of ADC units per mV is required"
    )
    assert caught.value.errors[0].loc == ("gain",)


@pytest.mark.parametrize("units", ["uV", "V"])
def test_a_gain_contradicts_uv_and_v(units: str) -> None:
    with pytest.raises(BadOption) as caught:
        to_millivolt(SIGNAL, units, 200.0)
    assert caught.value.detail == (
        f"units: {units} contradicts gain, which turns ADC units into mV; send only one of the two"
    )
    assert caught.value.errors[0].loc == ("units",)


def test_values_too_large_for_float32_become_infinite() -> None:
    millivolt, _ = to_millivolt(np.array([[1e300, -1e300, 1e-3]]), "V")
    assert millivolt.tolist() == [[np.inf, -np.inf, 1.0]]


@pytest.mark.parametrize(("factor", "warning"), [(1000, TOO_HIGH), (0.001, TOO_LOW)])
def test_microvolts_or_volts_sent_as_millivolts_become_unknown_units(
    factor: float, warning: str
) -> None:
    checked = check_millivolt(record(SIGNAL * factor).with_warnings("fs: replaced"))
    assert checked.units == "unknown"
    assert checked.warnings == ("fs: replaced", warning)


@pytest.mark.parametrize("factor", [0.05, 1.0, 5.0])
def test_low_and_high_qrs_complexes_are_plausible(factor: float) -> None:
    sent = record(SIGNAL * factor)
    assert check_millivolt(sent) is sent


@pytest.mark.parametrize(
    ("heights_mv", "warnings"),
    [
        ((20.0, 20.0, 20.0), ()),
        ((1.0, np.nextafter(LIMIT_MV["high"], 30), 40.0), (TOO_HIGH,)),
        # The median over leads counts for the upper limit ...
        ((19.0, 20.0, 500.0), ()),
        # ... and every lead for the lower one.
        ((0.001, 0.0001, 0.02), ()),
        ((0.001, 0.0001, np.nextafter(LIMIT_MV["low"], 0)), (TOO_LOW,)),
    ],
)
def test_the_limits_are_20_mv_and_0_02_mv(
    heights_mv: tuple[float, ...], warnings: tuple[str, ...]
) -> None:
    checked = check_millivolt(record(signal_of_heights(*heights_mv), THREE_LEADS, 100.0))
    assert checked.warnings == warnings
    assert checked.units == ("unknown" if warnings else "mV")


@pytest.mark.parametrize(
    ("heights_mv", "warnings"),
    [((19.0, 21.0, 22.0), (TOO_HIGH,)), ((1.0, 2.0, 3.0), ()), ((0.01, 0.01, 0.01), (TOO_LOW,))],
)
def test_a_gap_in_every_lead_does_not_switch_the_check_off(
    heights_mv: tuple[float, ...], warnings: tuple[str, ...]
) -> None:
    signal = signal_of_heights(*heights_mv, seconds=7)
    for lead, start in zip(signal, (0, 250, 390), strict=True):
        lead[start : start + 210] = np.nan
    checked = check_millivolt(record(signal, THREE_LEADS, 100.0))
    assert checked.warnings == warnings
    assert checked.units == ("unknown" if warnings else "mV")


def test_units_that_are_unknown_already_are_not_checked() -> None:
    counts = record(1000 * SIGNAL, units="unknown")
    assert check_millivolt(counts) is counts


def test_broken_electrodes_do_not_make_the_units_implausible() -> None:
    signal = SIGNAL.copy()
    signal[6:9] = 100 * np.random.default_rng(0).normal(size=(3, signal.shape[1]))
    signal[9:] = 0.001 * np.random.default_rng(1).normal(size=(3, signal.shape[1]))
    sent = record(signal)
    assert check_millivolt(sent) is sent


@pytest.mark.parametrize("level", [0.0, 100.0, np.nan])
def test_constant_or_missing_leads_do_not_count(level: float) -> None:
    constant = record(np.full((12, 5000), level))
    assert check_millivolt(constant) is constant
    signal = np.full((3, 500), level, np.float32)
    signal[1] = signal_of_heights(25.0)
    assert check_millivolt(record(signal, THREE_LEADS, 100.0)).warnings == (TOO_HIGH,)


def test_a_height_is_the_median_of_the_peak_to_peak_values_of_whole_seconds() -> None:
    signal = np.zeros((3, 530), np.float32)
    signal[0, [50, 150, 250, 350, 450]] = [5.0, 1.0, 4.0, -2.0, 3.0]
    signal[0, 510] = 99.0  # after the last whole second
    signal[1] = 7.0
    signal[2, [50, 150, 250, 350, 450]] = [5.0, 1.0, 4.0, -2.0, 3.0]
    signal[2, 0:100] = np.nan  # the whole window whose height would be 5
    assert qrs_heights(signal[:2], 100).tolist() == [3.0]
    assert qrs_heights(signal, 100).tolist() == [3.0, 2.5]
    assert qrs_heights(signal, 100).dtype == np.float32


def test_samples_next_to_a_gap_in_the_same_window_count() -> None:
    signal = signal_of_heights(2.0)
    signal[0, 0:20] = np.nan
    signal[0, 60:100] = np.nan
    assert qrs_heights(signal, 100).tolist() == [2.0]


def test_a_recording_shorter_than_a_second_is_one_window() -> None:
    assert qrs_heights(np.array([[0.5, 3.0, 1.0]], np.float32), 100).tolist() == [2.5]
    assert qrs_heights(np.zeros((2, 0), np.float32), 100).shape == (0,)
    # A rate under 1 Hz has windows of one sample, which have no height.
    assert qrs_heights(np.array([[0.5, 3.0, 1.0]], np.float32), 0.4).tolist() == []


def test_gaps_and_an_artefact_hardly_change_heights() -> None:
    signal = SIGNAL.copy()
    signal[:, 200:260] = np.nan
    signal[:, 3000] = 50.0
    np.testing.assert_allclose(qrs_heights(signal, 500), np.ptp(SIGNAL, axis=1), rtol=0.15)
