"""What a device states as measured, without the numbers that mean "not measured"."""

from __future__ import annotations

import numpy as np
import pytest

from formats.channels import record_from_channels
from formats.decoded import Channel, DecodedFile
from formats.hints import Hints
from formats.reported.measurements import in_usual_unit, of_recording, parse_measurements
from signals.record import Reported

NAMES = (
    "heart_rate_bpm", "rr_ms", "p_duration_ms", "pr_ms", "qrs_ms", "qt_ms", "qtc_ms",
    "qtc_bazett_ms", "qtc_fridericia_ms", "qtc_hodges_ms", "p_axis_deg", "qrs_axis_deg",
    "t_axis_deg",
)  # fmt: skip
CODES = (29999, 29998, 19999, 32767, 65535, -32768, -9999, 9999, -1, 29998 - 180, 29999 - 500)
USUAL = {
    "heart_rate_bpm": 60.0, "rr_ms": 1000.0, "p_duration_ms": 100.0, "pr_ms": 160.0,
    "qrs_ms": 96.0, "qt_ms": 400.0, "qtc_ms": 400.0, "qtc_bazett_ms": 400.0,
    "qtc_fridericia_ms": 400.0, "qtc_hodges_ms": 400.0, "p_axis_deg": 0.0, "qrs_axis_deg": -30.0,
    "t_axis_deg": 180.0,
}  # fmt: skip


def reported_in(seconds: float, measurements: dict[str, float]) -> dict[str, float]:
    """The measurements of a file of this length, as a record has them."""
    channels = [Channel("I", np.arange(round(100 * seconds)) % 90, "uV")]
    reported = Reported(measurements=measurements)
    decoded = DecodedFile("test", 100.0, channels, reported=reported)
    record = record_from_channels(decoded, Hints())
    assert record.reported is not None
    return record.reported.measurements


def test_usual_measurements_pass() -> None:
    assert parse_measurements(USUAL.items()) == USUAL
    assert reported_in(10.0, USUAL) == USUAL


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("code", CODES)
def test_a_code_is_no_measurement_whatever_the_length_of_the_recording(
    name: str, code: float
) -> None:
    is_axis = name.endswith("_deg") and abs(code) <= 360
    is_interval = name == "rr_ms" and code > 0
    if not is_axis and not is_interval:
        assert parse_measurements([(name, code), (name, str(code))]) == {}
        assert reported_in(600.0, {name: code}) == {}
    if not is_axis:
        # The readers' own results pass the same place: no reader can leave it out.
        assert reported_in(9.0, {name: code}) == {}


def test_0_is_an_axis_and_nothing_else() -> None:
    assert parse_measurements((name, 0) for name in NAMES) == {
        "p_axis_deg": 0.0, "qrs_axis_deg": 0.0, "t_axis_deg": 0.0,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("stated", "axis"),
    [(-180, -180), (180, 180), (181, -179), (270, -90), (264, -96), (-200, 160), (360, 0)],
)
def test_axes_are_from_minus_180_to_180_degrees(stated: float, axis: float) -> None:
    assert parse_measurements([("qrs_axis_deg", stated)]) == {"qrs_axis_deg": axis}


@pytest.mark.parametrize("stated", [361, 999, -999, 29999])
def test_other_axes_are_none(stated: float) -> None:
    assert parse_measurements([("t_axis_deg", stated)]) == {}


def test_the_first_that_was_measured_counts() -> None:
    stated = [("qt_ms", 29999), ("qt_ms", ""), ("qt_ms", None), ("qt_ms", "402"), ("qt_ms", 388)]
    assert parse_measurements(stated) == {"qt_ms": 402.0}


@pytest.mark.parametrize(
    ("name", "number", "seconds", "is_left"),
    [
        ("rr_ms", 2000.0, 2.0, True),
        ("rr_ms", 2001.0, 2.0, False),
        ("qt_ms", 2500.0, 2.4, False),
        ("heart_rate_bpm", 30.0, 2.0, True),
        ("heart_rate_bpm", 29.0, 2.0, False),
        ("qrs_axis_deg", 90.0, 2.0, True),
    ],
)
def test_nothing_is_longer_than_the_recording(
    name: str, number: float, seconds: float, is_left: bool
) -> None:
    assert reported_in(seconds, {name: number}) == ({name: number} if is_left else {})


def test_without_measurements_the_report_stays_as_it_is() -> None:
    report = Reported("2024-05-01", "Maker / Model")
    assert of_recording(report, 10.0) is report
    assert of_recording(None, 10.0) is None


@pytest.mark.parametrize(
    ("name", "value", "unit", "number"),
    [
        ("qt_ms", "0.42", "s", 420.0),
        ("qt_ms", 420_000, "us", 420.0),
        ("qt_ms", "420", "ms", 420.0),
        ("qt_ms", "420", None, 420.0),
        ("heart_rate_bpm", "1.25", "Hz", 75.0),
        ("heart_rate_bpm", "75", "bmp", 75.0),
        ("qrs_axis_deg", "60", "ms", 60.0),
        ("qrs_axis_deg", "1", "rad", 57.29577951308232),
        ("qt_ms", "failed", "ms", None),
    ],
)
def test_a_stated_unit_is_converted(
    name: str, value: object, unit: str | None, number: float | None
) -> None:
    assert in_usual_unit(name, value, unit) == (
        None if number is None else pytest.approx(number, rel=1e-12)
    )
