"""Millivolt, and the doubt about it."""

from __future__ import annotations

import numpy as np
import pytest

from errors import BadOption
from signals.units import check_millivolt, qrs_heights, to_millivolt
from tests.signals.recordings import beating, record

SIGNAL = beating()


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
    ],
)
def test_every_unit_becomes_millivolt(units: str, per_mv: float) -> None:
    millivolt, became = to_millivolt(SIGNAL.astype(np.float64) * per_mv, units)
    assert became == "mV" and millivolt.dtype == np.float32 and millivolt.flags.c_contiguous
    np.testing.assert_allclose(millivolt, SIGNAL, rtol=1e-6)


def test_unknown_units_are_left_as_they_are() -> None:
    signal, units = to_millivolt(np.array([[1, 200]], np.int16), "Unknown")
    assert units == "unknown" and signal.tolist() == [[1.0, 200.0]]


@pytest.mark.parametrize("kind", ["<f2", ">f4", ">f8", ">i2", "<i2"])
def test_any_type_and_layout_is_read(kind: str) -> None:
    counts = np.asfortranarray(np.round(SIGNAL * 1000)).astype(kind)
    millivolt, units = to_millivolt(counts, "mV", gain=1000.0)
    assert units == "mV" and millivolt.dtype == np.float32 and millivolt.flags.c_contiguous
    np.testing.assert_allclose(millivolt, SIGNAL, atol=1.1e-3)


def test_a_gain_gives_millivolt_where_the_units_were_unknown() -> None:
    assert to_millivolt(np.array([[400]], np.int16), "unknown", 200.0)[1] == "mV"


@pytest.mark.parametrize("units", ["", "mA", "kV", "millivolt", "x" * 500])
def test_another_unit_is_refused_with_those_allowed(units: str) -> None:
    with pytest.raises(BadOption, match="mV, uV, V or unknown") as caught:
        to_millivolt(SIGNAL, units)
    assert len(caught.value.detail) < 80


@pytest.mark.parametrize(
    ("units", "gain"),
    [
        ("mV", 0.0),
        ("mV", -1.0),
        ("mV", float("nan")),
        ("mV", float("inf")),
        ("uV", 200.0),
        ("V", 200.0),
    ],
)
def test_a_gain_that_cannot_be_is_refused(units: str, gain: float) -> None:
    with pytest.raises(BadOption):
        to_millivolt(SIGNAL, units, gain)


def test_what_is_too_large_for_a_float_becomes_infinite_not_an_error() -> None:
    assert np.isinf(to_millivolt(np.array([[1e300]]), "V")[0]).all()


@pytest.mark.parametrize(("factor", "found"), [(1000, "over 20 mV"), (0.001, "under 0.02 mV")])
def test_microvolts_or_volts_sent_as_millivolts_are_doubted(factor: float, found: str) -> None:
    doubted = check_millivolt(record(SIGNAL * factor))
    assert doubted.units == "unknown"
    assert found in doubted.warnings[0] and doubted.warnings[0].startswith("units: ")


@pytest.mark.parametrize("factor", [0.05, 1.0, 5.0])
def test_small_and_large_hearts_are_believed(factor: float) -> None:
    one = record(SIGNAL * factor)
    assert check_millivolt(one) is one


def test_a_broken_electrode_casts_no_doubt_on_the_units() -> None:
    signal = SIGNAL.copy()
    signal[6:9] = 100 * np.random.default_rng(0).normal(size=(3, signal.shape[1]))
    signal[9:] = 0.001 * np.random.default_rng(1).normal(size=(3, signal.shape[1]))
    assert check_millivolt(record(signal)).units == "mV"


@pytest.mark.parametrize("level", [0.0, 100.0, np.nan])
def test_constant_or_absent_leads_say_nothing_of_the_units(level: float) -> None:
    assert check_millivolt(record(np.full((12, 5000), level))).units == "mV"


def test_the_height_of_the_qrs_needs_no_peaks_and_bears_gaps_and_an_artefact() -> None:
    signal = SIGNAL.copy()
    signal[:, 200:260] = np.nan
    signal[:, 3000] = 50.0
    np.testing.assert_allclose(qrs_heights(signal, 500), np.ptp(SIGNAL, axis=1), rtol=0.15)
