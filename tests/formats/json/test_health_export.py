"""ECGs of an Apple Watch in the JSON of apps for Apple Health."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from errors import BadSamplingRate, BadType, CorruptFile, EcgError, MissingField, SeveralRecordings
from formats.hints import Hints
from formats.parts import Part
from formats.registry import read
from signals.record import EcgRecord

COUNT = 1024
FS = 512.0
MICROVOLT = np.round(np.sin(np.arange(COUNT) / 40) * 300, 3)
START = 1188745353.994098
NO_HINTS = Hints()


def measurements(rows: np.ndarray | None = None, unit: str | None = "mcV") -> list[dict[str, Any]]:
    kept = np.arange(COUNT) if rows is None else rows
    found: list[dict[str, Any]] = []
    for row in kept.tolist():
        found.append({"date": START + row / FS, "voltage": MICROVOLT[row]})
        if unit is not None:
            found[-1]["units"] = unit
    return found


def reading(**more: Any) -> dict[str, Any]:
    return {
        "start": "2026-05-17 10:00:00 +0200",
        "end": "2026-05-17 10:00:02 +0200",
        "classification": "Ritmo sinusal",
        "averageHeartRate": 66,
        "samplingFrequency": FS,
        "numberOfVoltageMeasurements": COUNT,
        "source": "Apple Watch of Erika Mustermann",
        "voltageMeasurements": measurements(),
    } | more


def opened(document: object, hints: Hints = NO_HINTS) -> EcgRecord:
    return read([Part("upload", json.dumps(document).encode())], hints)


@pytest.mark.parametrize(
    "document",
    [
        {"data": {"ecg": [reading()], "metrics": []}},
        {"ecg": [reading()]},
        reading(),
        [reading()],
        reading(samplingFrequency={"qty": FS, "units": "Hz"}, averageHeartRate={"qty": 66}),
        reading(samplingFrequency="512"),
        reading(samplingFrequency=None),
    ],
)
def test_a_reading_is_lead_i_without_the_owners_name(document: object) -> None:
    record = opened(document)
    assert (record.fs, record.lead_names, record.units) == (FS, ("I",), "mV")
    assert record.warnings == ()
    np.testing.assert_allclose(record.signal[0], MICROVOLT / 1000, atol=1e-6)
    assert record.recording_date == "2026-05-17T10:00:00"
    assert record.reported is not None
    assert record.reported.measurements == {"heart_rate_bpm": 66.0}
    assert "Mustermann" not in repr(record)


def test_pairs_of_seconds_and_volts_are_read() -> None:
    pairs = [[row / FS, MICROVOLT[row] * 1e-6] for row in range(COUNT)]
    record = opened([reading(voltageMeasurements=pairs, device="Watch4,1")])
    np.testing.assert_allclose(record.signal[0], MICROVOLT / 1000, atol=1e-6)
    assert record.reported is not None and record.reported.device == "Watch4,1"


def test_harmonized_measurements_are_read() -> None:
    samples = [
        {"harmonized": {"value": value * 1e-6, "unit": "V"}, "timeSinceSampleStart": row / FS}
        for row, value in enumerate(MICROVOLT.tolist())
    ]
    document = {"harmonized": {"samplingFrequency": FS, "voltageMeasurements": samples}}
    record = opened(document)
    np.testing.assert_allclose(record.signal[0], MICROVOLT / 1000, atol=1e-6)


@pytest.mark.parametrize("unit", ["mcV", "µV", "uV"])
def test_the_unit_is_the_measurements(unit: str) -> None:
    record = opened(reading(voltageMeasurements=measurements(unit=unit)))
    np.testing.assert_allclose(record.signal[0], MICROVOLT / 1000, atol=1e-6)


def test_a_missing_unit_is_unknown_and_one_that_is_no_voltage_is_named() -> None:
    record = opened(reading(voltageMeasurements=measurements(unit=None)))
    assert record.units == "unknown"
    assert record.warnings[0].startswith("units: the Apple Health JSON file states none")
    with pytest.raises(MissingField) as caught:
        opened(reading(voltageMeasurements=measurements(unit="ADC")))
    assert caught.value.errors[0].loc == ("units",)


def test_missing_times_are_gaps_and_missing_voltages_too() -> None:
    kept = np.delete(np.arange(COUNT), range(300, 350))
    record = opened(reading(voltageMeasurements=measurements(kept)))
    assert np.flatnonzero(np.isnan(record.signal[0])).tolist() == list(range(300, 350))
    assert record.warnings == (
        "signal: the times leave out 50 samples in 1 places, the first before "
        "voltageMeasurements[300]; they are gaps",
        "signal: 1024 measurements stated in the JSON file, 974 found",
    )
    samples = measurements()
    samples[7]["voltage"] = None
    assert np.flatnonzero(np.isnan(opened(reading(voltageMeasurements=samples)).signal)) == [7]


@pytest.mark.parametrize("without", [("units",), ("units", "voltage"), ("voltage",)])
@pytest.mark.parametrize("row", [0, 7, COUNT - 1])
def test_a_measurement_without_a_voltage_needs_no_unit(row: int, without: tuple[str, ...]) -> None:
    samples = measurements()
    samples[row]["voltage"] = None
    for name in without:
        del samples[row][name]
    record = opened(reading(voltageMeasurements=samples))
    assert (record.units, record.warnings) == ("mV", ())
    assert np.flatnonzero(np.isnan(record.signal[0])).tolist() == [row]


def test_times_that_contradict_the_stated_rate_are_a_warning() -> None:
    samples = measurements()
    for row, sample in enumerate(samples):
        sample["date"] = row
    record = opened(reading(voltageMeasurements=samples))
    assert record.fs == FS
    assert record.warnings == ("fs: the times are those of 1 Hz; 512 Hz is stated and used",)


@pytest.mark.parametrize(
    ("document", "kind"),
    [
        ({"data": {"ecg": [reading(), reading()]}}, SeveralRecordings),
        (reading(samplingFrequency="512,5 Hz"), BadSamplingRate),
        (reading(voltageMeasurements=[*measurements(), 5]), BadType),
        (reading(voltageMeasurements=[*measurements(), {"voltage": "x"}]), BadType),
        (reading(voltageMeasurements=[*measurements(), *measurements(unit="V")]), BadType),
    ],
)
def test_what_is_no_reading_is_refused(document: object, kind: type[EcgError]) -> None:
    with pytest.raises(kind):
        opened(document)


def test_an_uneven_time_without_a_stated_rate_is_named() -> None:
    samples = measurements()
    samples[600]["date"] = START
    with pytest.raises(CorruptFile) as caught:
        opened(reading(voltageMeasurements=samples, samplingFrequency=None))
    assert caught.value.detail.startswith("voltageMeasurements[600]: ")
    record = opened(reading(voltageMeasurements=samples, samplingFrequency=None), Hints(fs=FS))
    assert record.samples == COUNT
    assert record.warnings[0].startswith("signal: voltageMeasurements[600]: ")
