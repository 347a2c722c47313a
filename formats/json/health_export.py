"""Read the ECG of an Apple Watch as apps for Apple Health export it in JSON.

Sources: the wiki of Lybron/health-auto-export, "API Export - JSON Format" (`data.ecg`), and its
issue 69 with a real reading ({"date": 1188745353.994098, "voltage": 23.08, "units": "mcV"});
docs/getElectrocardiogramSamples.md of react-native-health (pairs of seconds and volts);
VictorKachalov/HealthKitReporter, Electrocardiogram.swift (`harmonized`). The only lead of
HKElectrocardiogram is "appleWatchSimilarToLeadI".
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from errors import BadSamplingRate, BadType, CorruptFile, NoSamples, SeveralRecordings
from formats import metadata
from formats.channels import record_from_channels
from formats.decoded import Channel, DecodedFile
from formats.hints import Hints
from formats.json.body import loads
from formats.numbers import parse_number
from formats.parts import About, Format, Part
from formats.reported.measurements import parse_measurements
from formats.timeline import RATE_TOLERANCE, Timeline, timeline
from signals.leads import canonical_lead
from signals.number_text import number_text
from signals.record import EcgRecord, Reported

_SAMPLES: Final = "voltageMeasurements"
_KEY: Final = b'"voltageMeasurements"'
_UTF8_MARK: Final = b"\xef\xbb\xbf"  # the byte order mark
_START_BYTES: Final = 64
_LEAD: Final = "I"
_PAIR_UNIT: Final = "V"
_TIMES: Final = ("date", "timeSinceSampleStart")
_UNITS: Final = ("units", "unit")
# A device's name may be a person's, a model's is not.
_MODEL: Final = re.compile(r"Watch\d{1,2},\d{1,2}", re.ASCII)
MAX_DEPTH: Final = 4  # of objects around a reading: {"data": {"ecg": [reading]}}


@dataclass(frozen=True, eq=False)
class _Samples:
    """values and times (samples,), NaN for missing ones, in a unit as the file spells it."""

    values: NDArray[np.float64]
    times: NDArray[np.float64]
    unit: str | None


def read(head: Part, parts: Sequence[Part], hints: Hints) -> EcgRecord:
    """Return the one reading in the file as lead I.

    Raises SeveralRecordings, NoSamples, BadType (an invalid measurement), BadSamplingRate,
    CorruptFile, and the errors of `body.loads` and `channels.record_from_channels`.
    """
    readings = _readings(loads(head.data), MAX_DEPTH)
    if not readings:
        raise NoSamples(f"the JSON file has no ECG with {_SAMPLES}", loc=("signal",))
    if len(readings) > 1:
        raise SeveralRecordings(f"{len(readings)} ECGs in the JSON file; send one at a time")
    reading = readings[0]
    samples = _samples(reading[_SAMPLES])
    fs, line, warnings = _rate(reading, samples, hints)
    values = samples.values if line is None else line.with_gaps(samples.values)
    stated = parse_number(reading.get("numberOfVoltageMeasurements"))
    if stated is not None and stated != len(samples.values):
        warnings += (
            f"signal: {number_text(stated, len(samples.values))} measurements stated in the JSON "
            f"file, {len(samples.values)} found",
        )
    lead = reading.get("lead")
    name = canonical_lead(lead) if isinstance(lead, str) else None
    decoded = DecodedFile(
        "Apple Health JSON",
        fs,
        [Channel(name or _LEAD, values, samples.unit)],
        reported=_reported(reading),
        warnings=warnings,
    )
    return record_from_channels(decoded, hints)


def _readings(value: object, depth: int) -> list[Mapping[str, Any]]:
    """Return the objects with measurements in a document; `depth` levels are searched."""
    if isinstance(value, Mapping):
        if isinstance(value.get(_SAMPLES), list):
            return [value]
        children = list(value.values())
    elif isinstance(value, list):
        children = value
    else:
        return []
    if not depth:
        return []
    found: list[Mapping[str, Any]] = []
    for child in children:
        found += _readings(child, depth - 1)
    return found


def _samples(measurements: Sequence[object]) -> _Samples:
    """Return the values, times and unit of a list of measurements.

    Raises NoSamples, BadType for a measurement that is neither an object nor a pair, and for
    several units.
    """
    if not measurements:
        raise NoSamples(f"{_SAMPLES} is empty", loc=("signal",))
    values = np.empty(len(measurements))
    times = np.empty(len(measurements))
    units: set[str | None] = set()
    for index, measurement in enumerate(measurements):
        time, value, unit = _parts(measurement, index)
        values[index] = np.nan if value is None else value
        times[index] = np.nan if time is None else time
        # A measurement without a voltage needs no unit.
        if value is not None or unit is not None:
            units.add(unit)
    if len(units) > 1:
        raise BadType(f"{_SAMPLES}: {len(units)} different units; one is required", loc=("units",))
    return _Samples(values, times, units.pop() if units else None)


def _parts(measurement: object, index: int) -> tuple[float | None, float | None, str | None]:
    """Return time, value and unit of a measurement; None for what it does not have."""
    time: Any
    value: Any
    unit: Any
    if isinstance(measurement, list) and len(measurement) == 2:
        time, value, unit = measurement[0], measurement[1], _PAIR_UNIT
    elif isinstance(measurement, Mapping):
        time = next((measurement[name] for name in _TIMES if name in measurement), None)
        harmonized = measurement.get("harmonized")
        inner = harmonized if isinstance(harmonized, Mapping) else measurement
        value = inner.get("voltage", inner.get("value"))
        unit = next((inner[name] for name in _UNITS if name in inner), None)
    else:
        raise _wrong(index)
    number = parse_number(value)
    if number is None and value is not None:
        raise _wrong(index)
    return parse_number(time), number, unit if isinstance(unit, str) else None


def _place(index: int) -> str:
    return f"{_SAMPLES}[{index}]"


def _wrong(index: int) -> BadType:
    return BadType(
        f"{_place(index)}: an object with a voltage, or a pair of seconds and volts, is required",
        loc=(_SAMPLES, index),
    )


def _rate(
    reading: Mapping[str, Any], samples: _Samples, hints: Hints
) -> tuple[float | None, Timeline | None, tuple[str, ...]]:
    """Return the rate, the time line if it is used, and warnings."""
    stated = _quantity(reading.get("samplingFrequency"))
    if stated is None and reading.get("samplingFrequency") is not None and hints.fs is None:
        raise BadSamplingRate(
            "fs: samplingFrequency of the JSON file is not a number; send fs", loc=("fs",)
        )
    fs = stated or hints.fs
    try:
        line = None
        if not np.isnan(samples.times).any():
            line = timeline(samples.times, _place)
    except CorruptFile as error:
        if fs is None:
            raise
        return stated, None, (f"signal: {error.detail}; the stated rate is used without gaps",)
    if line is None:
        return stated, None, ()
    if fs is not None and abs(line.fs - fs) > RATE_TOLERANCE * fs:
        warning = f"fs: the times are those of {line.fs:g} Hz; {fs:g} Hz is stated and used"
        return stated, None, (warning,)
    return stated or line.fs, line, line.gap_warnings(_place)


def _quantity(value: object) -> float | None:
    """Return the number of 512, "512", or {"qty": 512, "units": "Hz"}."""
    if isinstance(value, Mapping):
        value = value.get("qty", value.get("value"))
    return parse_number(value)


def _reported(reading: Mapping[str, Any]) -> Reported:
    """Return when the ECG was recorded, by which model, and the heart rate that it computed."""
    start = reading.get("start", reading.get("startDate"))
    date = metadata.iso_datetime(start) if isinstance(start, str) else None
    device = reading.get("device")
    model = device if isinstance(device, str) and _MODEL.fullmatch(device) else None
    rate = _quantity(reading.get("averageHeartRate"))
    return Reported(date, model, parse_measurements([("heart_rate_bpm", rate)]))


def _detect(part: Part) -> bool:
    start = part.data[:_START_BYTES].removeprefix(_UTF8_MARK).lstrip()
    return start[:1] in (b"{", b"[") and _KEY in part.data


FORMAT = Format(
    name="Apple Health JSON",
    detect=_detect,
    read=read,
    about=About(
        variants="one ECG of an Apple Watch as Health Auto Export and react-native-health write "
        "it: measurements with a voltage and its unit, or pairs of seconds and volts",
        parser="orjson; our own, after the apps' documentation",
        metadata="time, model of the watch, its mean heart rate",
        ignored="all other data of the export, names of devices and sources, the classification "
        "(its words depend on the language); refused: several ECGs in one file",
        sample_files=(),
    ),
)
