"""Columns of times in the spellings of devices and languages; gaps are placed and named."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from errors import BadSamplingRate, CorruptFile
from formats.hints import Hints
from formats.lead_names import LeadNames
from tests.formats.csv.test_csv import read_text

COUNT = 200
VALUES = np.round(np.sin(np.arange(COUNT) / 7), 3)
NO_HINTS = Hints()


def timed(name: str, time: Callable[[int], str], delimiter: str = ",", first: int = 0) -> str:
    lines = [delimiter.join((name, "II"))]
    lines += [delimiter.join((time(row), f"{VALUES[row]}")) for row in range(first, COUNT)]
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize(
    ("name", "time", "delimiter"),
    [
        ("time", lambda row: f"2024-05-01T10:00:00.{4 * row:03}", ","),
        ("Phone timestamp", lambda row: f"2024-05-01 10:00:00.{4 * row:03}", ";"),
        ("time", lambda row: f"2024-05-01 10:00:00.{4 * row:03}", " "),
        ("time", lambda row: f"2024-05-01T08:00:00.{4 * row:03}Z", ","),
        ("x", lambda row: f"2024-05-01 10:00:00.{4 * row:03} +0200", ","),
        ("Zeit", lambda row: f"01.05.2024 10:00:00,{4 * row:03}", ";"),
        ("t", lambda row: f"05/01/2024 10:00:00.{4 * row:03} PM", ","),
        ("clock", lambda row: f"10:00:00.{4 * row:03}", ","),
        ("clock", lambda row: f"10:00:00:{4 * row:03}", ","),
        ("heure", lambda row: f"10:00:00,{4 * row:03}", "\t"),
        ("time", lambda row: f"{1714552052000 + 4 * row}", ","),
        ("sensor timestamp [ns]", lambda row: f"{599628005694359040 + 4_000_000 * row}", ";"),
        ("time", lambda row: f"{1625889698322598494 + 4_000_000 * row}", ","),
        ("timestamp", lambda row: f"{1714552052 + row / 250:.3f}", ","),
    ],
)
def test_clock_times_dates_and_counters_give_the_rate(
    name: str, time: Callable[[int], str], delimiter: str
) -> None:
    record = read_text(timed(name, time, delimiter), NO_HINTS)
    assert (record.fs, record.lead_names, record.warnings) == (250.0, ("II",), ())
    np.testing.assert_allclose(record.signal[0], VALUES, atol=1e-6)


@pytest.mark.parametrize(
    "time",
    [
        lambda ms: f"23:59:59.{ms + 600:03}" if ms < 400 else f"00:00:00.{ms - 400:03}",
        lambda ms: (
            f"31.12.2023 23:59:59.{ms + 600}" if ms < 400 else f"01.01.2024 00:00:00.{ms - 400:03}"
        ),
        lambda ms: (
            f"05/01/2024 11:59:59.{ms + 600} PM"
            if ms < 400
            else f"05/02/2024 12:00:00.{ms - 400:03} AM"
        ),
    ],
)
def test_a_recording_may_pass_midnight(time: Callable[[int], str]) -> None:
    record = read_text(timed("time", lambda row: time(4 * row)), NO_HINTS)
    assert (record.fs, record.samples, record.warnings) == (250.0, COUNT, ())


@pytest.mark.parametrize(
    ("dates", "line"),
    [
        (["13/01/2024", "01/13/2024", "01/13/2024"], 3),
        (["01/02/2024", "02/13/2024", "13/02/2024"], 4),
        (["05-31-2024", "05-31-2024", "31-05-2024"], 4),
        (["01/01/2024", "13/13/2024", "01/01/2024"], 3),
    ],
)
def test_dates_without_one_order_of_day_and_month_are_refused(dates: list[str], line: int) -> None:
    rows = [f"{date} 10:00:00.{4 * row:03},0.1" for row, date in enumerate(dates)]
    with pytest.raises(CorruptFile) as caught:
        read_text("\n".join(["time,II", *rows]), NO_HINTS)
    assert caught.value.detail == f"line {line}: the date cannot be parsed"


@pytest.mark.parametrize(
    ("time", "first_gap"),
    [
        (lambda row: f"{(row + 30 * (row >= 120)) / 250:.3f}", 120),
        (lambda row: f"10:00:00.{4 * (row + 30 * (row >= 50)):03}", 50),
        (lambda row: f"2024-05-01T10:00:00.{4 * (row + 30 * (row >= 150)):03}", 150),
    ],
)
def test_a_gap_of_the_times_is_a_gap_of_samples(time: Callable[[int], str], first_gap: int) -> None:
    record = read_text(timed("time", time), NO_HINTS)
    assert (record.fs, record.samples) == (250.0, COUNT + 30)
    expected = np.insert(VALUES, first_gap, np.full(30, np.nan))
    np.testing.assert_allclose(record.signal[0], expected, atol=1e-6)
    # The names are in line 1.
    assert record.warnings == (
        "signal: the times leave out 30 samples in 1 places, the first before line "
        f"{first_gap + 2}; they are gaps",
    )


def test_packets_of_one_time_give_the_rate_with_a_warning() -> None:
    record = read_text(timed("time", lambda row: f"{row // 20 * 20 / 130:.3f}"), NO_HINTS)
    assert (record.fs, record.samples) == (130.0, COUNT)
    assert record.warnings == (
        "fs: 130 Hz, computed from times that up to 20 samples share; send fs if the rate is known",
    )
    text = timed("time", lambda row: f"{row // 20 * 20 / 130:.3f}")
    assert read_text(text, Hints(fs=130.0)).warnings == ()
    stated = read_text("# fs: 130 Hz\n" + timed("t", lambda row: f"{row // 20 * 20 / 130:.3f}"))
    assert stated.warnings == ("fs: the request contradicts the file; the request's value is used",)


def test_a_logger_of_a_strap_is_read_by_the_devices_own_clock() -> None:
    """Polar Sensor Logger writes the arrival, the sensor's clock, and time since the start."""
    head = "Phone timestamp;sensor timestamp [ns];timestamp [ms];ecg [uV]\n"
    rows = [
        f"2024-05-01T10:00:0{row // 130}.{row % 130 // 73 * 561:03};"
        f"{599628005694359040 + row * 7692308};{row * 7.692308:.6f};{round(1000 * VALUES[row])}"
        for row in range(COUNT)
    ]
    record = read_text(head + "\n".join(rows) + "\n", Hints(lead_names=LeadNames(("I",))))
    assert (record.fs, record.lead_names, record.warnings) == (130.0, ("I",), ())
    np.testing.assert_allclose(record.signal[0], VALUES, atol=1e-6)


@pytest.mark.parametrize("every", [1, 7, 50])
def test_values_that_a_logger_writes_on_a_few_rows_may_be_missing_at_their_end(every: int) -> None:
    """The app ECGLogger writes hr and rr only on the rows of its packets."""
    rows = [
        f"{1625889698322598494 + row * 7692308},{VALUES[row]}" + ",52,1156" * (row % every == 0)
        for row in range(COUNT)
    ]
    text = "time,ecg,hr,rr\n" + "\n".join(rows) + "\n"
    record = read_text(text, Hints(lead_names=LeadNames(("I",))))
    assert (record.fs, record.samples) == (130.0, COUNT)
    np.testing.assert_allclose(record.signal[0], VALUES, atol=1e-6)
    assert record.warnings == ("lead_names: not an ECG by name or unit, left out: hr, rr",)


def test_a_stated_rate_that_the_times_contradict_is_refused_unless_the_request_has_one() -> None:
    text = "# fs: 500 Hz\n" + timed("time", lambda row: f"{row / 250:.3f}")
    with pytest.raises(BadSamplingRate) as caught:
        read_text(text, NO_HINTS)
    assert caught.value.detail == (
        "fs: the CSV file states 500 Hz, its times are those of 250 Hz; send fs"
    )
    assert read_text(text, Hints(fs=250.0)).fs == 250.0


def test_times_that_are_not_even_are_a_warning_if_the_request_states_the_rate() -> None:
    uneven = timed("time", lambda row: f"{row / 250 + 0.02 * (100 <= row < 103):.3f}")
    with pytest.raises(CorruptFile, match=r"line 10[0-9]: "):
        read_text(uneven, NO_HINTS)
    record = read_text(uneven, Hints(fs=250.0))
    assert record.samples == COUNT
    assert len(record.warnings) == 1
    assert record.warnings[0].startswith("fs: line 10")


def test_the_request_may_rename_a_column_among_others() -> None:
    rows = [f"{row / 130:.6f},{VALUES[row]},52" for row in range(COUNT)]
    text = "time,ecg,hr\n" + "\n".join(rows) + "\n"
    record = read_text(text, Hints(lead_names=LeadNames(renamed={"ecg": "I"})))
    assert (record.fs, record.lead_names) == (130.0, ("I",))
    assert record.warnings == ("lead_names: not a standard lead in volts, left out: hr",)
