"""Channels of a file become a record: leads, scale to mV, and the values of the request."""

from __future__ import annotations

import math

import numpy as np
import pytest

from errors import (
    BadOption,
    BadSamplingRate,
    BadShape,
    CorruptFile,
    DuplicateLead,
    DurationMismatch,
    EcgError,
    ImplausibleValues,
    MissingField,
    NoSamples,
    RaggedSignal,
    UnknownLead,
)
from formats.channels import lead_seconds, record_from_channels
from formats.decoded import Channel, DecodedFile, faulty_channel, printable_names
from formats.hints import Hints
from formats.lead_names import HOW_TO_NAME, LeadNames
from signals.record import EcgRecord, Patient, Reported

CODES = np.array([3, -1, 4, 1, -5, 9], np.int16)
NO_HINTS = Hints()


def channel(name: str = "I", unit: str | None = "mV", **more: object) -> Channel:
    return Channel(name, CODES, unit, **more)  # type: ignore[arg-type]


def record(*channels: Channel, hints: Hints = NO_HINTS, fs: float | None = 250.0) -> EcgRecord:
    return record_from_channels(DecodedFile("TEST", fs, channels), hints)


@pytest.mark.parametrize(
    ("unit", "millivolt"),
    [("mV", 1.0), ("uV", 1e-3), ("nV", 1e-6), ("V", 1e3), ("Microvolts", 1e-3)],
)
def test_codes_are_scaled_by_scale_offset_and_unit(unit: str, millivolt: float) -> None:
    found = record(channel("I", unit, scale=2.5, offset=7.0), channel("V1", unit, scale=-4.0))
    expected = [(CODES * 2.5 + 7.0) * millivolt, CODES * -4.0 * millivolt]
    np.testing.assert_allclose(found.signal, expected, rtol=1e-6)
    assert found.signal.dtype == np.float32
    assert (found.units, found.lead_names, found.fs) == ("mV", ("I", "V1"), 250.0)
    assert found.warnings == ()


def test_gaps_stay_and_channels_may_have_different_units() -> None:
    codes = np.array([1.0, np.nan, 3.0])
    found = record(Channel("II", codes, "mV"), Channel("V2", codes, "uV"))
    np.testing.assert_allclose(found.signal, [[1, np.nan, 3], [1e-3, np.nan, 3e-3]])
    assert found.warnings == ()


def test_other_channels_are_left_out_and_named() -> None:
    found = record(channel("SpO2", "%"), channel("V3"), channel("I", "mmHg"), channel("aVR"))
    assert found.lead_names == ("V3", "aVR")
    assert found.warnings == ("lead_names: not a standard lead in volts, left out: SpO2, I",)


@pytest.mark.parametrize("hints", [Hints(units="mV"), Hints(gain=1.0)])
def test_a_unit_or_gain_in_the_request_makes_every_channel_a_voltage(hints: Hints) -> None:
    found = record(channel("V3"), channel("I", "mmHg"), hints=hints)
    assert found.lead_names == ("V3", "I")
    np.testing.assert_allclose(found.signal, [CODES, CODES])


def test_a_file_without_units_has_unknown_ones_and_a_warning() -> None:
    for unit in (None, ""):
        found = record(channel("I", unit, scale=2.0, offset=1.0))
        assert found.units == "unknown"
        np.testing.assert_allclose(found.signal, [CODES * 2.0 + 1.0])
        assert found.warnings == (
            "units: the TEST file states none; send units or gain; "
            "results that need volts are null",
        )


def test_one_channel_without_a_unit_makes_the_units_unknown_even_if_the_format_has_one() -> None:
    channels = [channel("I", "uV"), channel("II", None)]
    for default_unit in (None, "mV"):
        decoded = DecodedFile("TEST", 250.0, channels, default_unit=default_unit)
        found = record_from_channels(decoded, NO_HINTS)
        assert found.units == "unknown"
        np.testing.assert_allclose(found.signal, [CODES * 1e-3, CODES], rtol=1e-6)
        assert found.warnings == (
            "units: the TEST file states none for II; send units or gain; "
            "results that need volts are null",
        )


@pytest.mark.parametrize("unit", ["ADC", "counts", "mm", "1", "{ADC}", "mA"])
def test_a_unit_of_the_file_that_is_no_voltage_gives_unknown_units_and_a_warning(
    unit: str,
) -> None:
    decoded = DecodedFile("TEST", 250.0, [channel("I", None)], unit=unit, default_unit="mV")
    found = record_from_channels(decoded, NO_HINTS)
    assert found.units == "unknown"
    np.testing.assert_allclose(found.signal, [CODES])
    assert found.warnings == (
        f"units: the TEST file states {unit}, which is no voltage; send units or gain; "
        "results that need volts are null",
    )
    assert record_from_channels(decoded, Hints(units="uV")).warnings == (
        "units: the request contradicts the file; the request's value is used",
    )
    with_gain = record_from_channels(decoded, Hints(gain=8.0))
    np.testing.assert_allclose(with_gain.signal, [CODES / 8])
    assert (with_gain.units, with_gain.warnings) == ("mV", ())


@pytest.mark.parametrize("units", [("ADC", "ADC"), ("mm", "counts"), ("{ADC}", "%")])
def test_a_unit_of_the_leads_that_is_no_voltage_is_the_field_that_failed(
    units: tuple[str, str],
) -> None:
    channels = [channel("I", units[0]), channel("x", "mV"), channel("II", units[1])]
    with pytest.raises(MissingField) as caught:
        record(*channels)
    shown = ", ".join(dict.fromkeys(units))
    assert caught.value.detail == (
        f"units: the TEST file states {shown} for I, II, which is no voltage; "
        "send units (mV, uV, V or unknown) or gain"
    )
    assert caught.value.errors[0].loc == ("units",)
    for hints in (Hints(units="unknown"), Hints(gain=100.0), Hints(units="uV")):
        assert record(channels[0], channels[2], hints=hints).lead_names == ("I", "II")


@pytest.mark.parametrize("units", ["mV", "uV", "V", "mcV", "unknown"])
def test_a_unit_of_the_request_does_not_contradict_the_formats_default(units: str) -> None:
    decoded = DecodedFile("TEST", 250.0, [channel("I", None)], default_unit="mV")
    assert record_from_channels(decoded, Hints(units=units)).warnings == ()
    assert record_from_channels(decoded, NO_HINTS).warnings == ()


@pytest.mark.parametrize(
    ("units", "file_unit", "factor", "contradicts"),
    [
        ("uV", "uV", 1e-3, False),
        ("uv", "µV", 1e-3, False),
        ("mV", "uV", 1.0, True),
        ("uV", "mV", 1e-3, True),
        ("unknown", "uV", 1.0, True),
        ("V", None, 1e3, False),
    ],
)
def test_units_of_the_request_replace_the_files(
    units: str, file_unit: str | None, factor: float, contradicts: bool
) -> None:
    found = record(channel("I", file_unit, scale=2.0), hints=Hints(units=units))
    np.testing.assert_allclose(found.signal, [CODES * 2.0 * factor], rtol=1e-6)
    assert found.units == ("unknown" if units == "unknown" else "mV")
    warning = "units: the request contradicts the file; the request's value is used"
    assert found.warnings == ((warning,) if contradicts else ())


def test_units_of_the_request_contradict_several_units() -> None:
    found = record(channel("I", "uV"), channel("II", "mV"), hints=Hints(units="mV"))
    np.testing.assert_allclose(found.signal, [CODES, CODES])
    assert found.warnings == (
        "units: the request contradicts the file; the request's value is used",
    )


def test_unknown_units_in_the_request_are_refused() -> None:
    with pytest.raises(BadOption):
        record(channel(), hints=Hints(units="ADC"))


@pytest.mark.parametrize(
    ("gain", "unit", "scale", "contradicts"),
    [
        (200.0, "mV", 1 / 200, False),
        (200.0, "uV", 5.0, False),
        (200.0, "nV", 5000.0, False),
        (200.0, "V", 5e-6, False),
        (200.0, "mV", 1 / 200.0001, False),  # equal in six digits
        (200.0, "mV", 1 / 200.01, True),
        (100.0, "mV", 1 / 200, True),
        (200.0, None, 1.0, False),
        (200.0, "mV", 0.0, False),
    ],
)
def test_a_gain_in_the_request_applies_to_the_codes(
    gain: float, unit: str | None, scale: float, contradicts: bool
) -> None:
    found = record(channel("I", unit, scale=scale, offset=3.0), hints=Hints(gain=gain))
    np.testing.assert_allclose(found.signal, [CODES / gain], rtol=1e-6)
    assert found.units == "mV"
    warning = "gain: the request contradicts the file; the request's value is used"
    assert found.warnings == ((warning,) if contradicts else ())


def test_a_gain_contradicts_different_gains() -> None:
    channels = [channel("I", scale=0.01), channel("II", scale=0.02)]
    assert record(*channels, hints=Hints(gain=100.0)).warnings == (
        "gain: the request contradicts the file; the request's value is used",
    )


@pytest.mark.parametrize(("scale", "unit"), [(1e-320, "nV"), (5e-324, "uV"), (1e-319, "nV")])
def test_a_gain_contradicts_no_scale_that_is_0_in_millivolt(scale: float, unit: str) -> None:
    found = record(channel("I", scale=scale, unit=unit), hints=Hints(gain=100.0))
    np.testing.assert_allclose(found.signal, [CODES / 100.0], rtol=1e-6)
    assert found.warnings == ()


def test_lead_names_of_the_request_replace_the_files_by_place() -> None:
    channels = [channel("Ch 1"), channel("II", scale=2.0), channel("x", scale=3.0)]
    found = record(*channels, hints=Hints(lead_names=LeadNames(("V1", "V2", "V3"))))
    assert found.lead_names == ("V1", "V2", "V3")
    np.testing.assert_allclose(found.signal, [CODES, CODES * 2.0, CODES * 3.0])
    assert found.warnings == (
        "lead_names: the request contradicts the file; the request's value is used",
    )
    same = record(channel("ecg i"), channel("AVR"), hints=Hints(lead_names=LeadNames(("I", "aVR"))))
    assert same.warnings == ()
    nameless = record(channel("Ch 1"), channel(""), hints=Hints(lead_names=LeadNames(("V1", "V2"))))
    assert nameless.warnings == ()


def test_a_named_channel_that_is_no_voltage_is_left_out() -> None:
    channels = [channel("I"), channel("II", "%")]
    found = record(*channels, hints=Hints(lead_names=LeadNames(("I", "II"))))
    assert found.lead_names == ("I",)
    assert found.warnings == ("lead_names: not a standard lead in volts, left out: II",)


@pytest.mark.parametrize("count", [1, 3])
def test_lead_names_must_be_as_many_as_channels(count: int) -> None:
    with pytest.raises(BadShape) as caught:
        record(
            channel("I"),
            channel("II"),
            hints=Hints(lead_names=LeadNames(("V1", "V2", "V3")[:count])),
        )
    assert caught.value.detail == (
        f"lead_names: {count} given, the TEST file has 2 channels (I, II); {HOW_TO_NAME}"
    )
    assert caught.value.errors[0].loc == ("lead_names",)


def test_the_most_common_rate_is_kept_and_a_channel_without_one_has_the_files() -> None:
    channels = [
        channel("I", fs=500.0),
        Channel("II", CODES[:3], "mV"),
        Channel("V1", CODES[:3], "mV", fs=250.0),
        channel("V2", fs=1000.0),
    ]
    found = record(*channels, fs=250.0)
    assert (found.lead_names, found.fs) == (("II", "V1"), 250.0)
    np.testing.assert_allclose(found.signal, [CODES[:3]] * 2)
    assert found.warnings == ("lead_names: not sampled at 250 Hz, left out: I, V2",)


def test_channels_without_a_rate_need_one_in_the_request() -> None:
    with pytest.raises(MissingField) as caught:
        record(channel(), fs=None)
    assert caught.value.detail == (
        "fs: missing; the TEST file has no sampling rate, send it as a parameter"
    )
    assert caught.value.errors[0].loc == ("fs",)
    assert record(channel(), fs=None, hints=Hints(fs=360.0)).fs == 360.0


def test_the_requests_rate_replaces_the_files_with_a_warning() -> None:
    found = record(channel(), hints=Hints(fs=360.0))
    assert found.fs == 360.0
    assert found.warnings == ("fs: the request contradicts the file; the request's value is used",)
    assert record(channel(), hints=Hints(fs=250.0)).warnings == ()


def test_patient_date_and_id_are_the_requests_or_the_files() -> None:
    decoded = DecodedFile(
        "TEST",
        250.0,
        [channel()],
        Patient(63.0, "female"),
        Reported("2024-05-01", "Recorder", {"qrs_ms": 92.0}),
        ("file: a warning of the reader",),
    )
    found = record_from_channels(decoded, NO_HINTS)
    assert (found.patient, found.recording_date) == (Patient(63.0, "female"), "2024-05-01")
    assert found.reported is decoded.reported
    assert found.id is None
    assert found.warnings == ("file: a warning of the reader",)
    hints = Hints(age=50.0, sex="male", recording_date="2020", id=("x",), fs=500.0)
    other = record_from_channels(decoded, hints)
    assert (other.patient, other.recording_date) == (Patient(50.0, "male"), "2020")
    assert other.id == "x"
    contradicts = "the request contradicts the file; the request's value is used"
    assert other.warnings == (
        "file: a warning of the reader",
        f"fs: {contradicts}",
        f"patient.age: {contradicts}",
        f"patient.sex: {contradicts}",
        f"recording_date: {contradicts}",
    )
    same = Hints(age=63.0, sex="female", recording_date="2024-05-01", fs=250.0)
    assert record_from_channels(decoded, same).warnings == ("file: a warning of the reader",)


@pytest.mark.parametrize(
    ("channels", "hints", "kind", "detail"),
    [
        (
            [channel("x"), channel("SpO2", "%")],
            NO_HINTS,
            UnknownLead,
            f"no standard lead in volts among the TEST channels (x, SpO2); {HOW_TO_NAME}",
        ),
        (
            [],
            NO_HINTS,
            UnknownLead,
            f"no standard lead in volts among the TEST channels (none); {HOW_TO_NAME}",
        ),
        (
            [channel("I"), channel("ECG I")],
            NO_HINTS,
            DuplicateLead,
            f"lead_names: I at 0 and at 1; each lead is allowed once; {HOW_TO_NAME}",
        ),
        (
            [channel("I"), Channel("II", CODES[:5], "mV"), channel("V1")],
            NO_HINTS,
            RaggedSignal,
            "the TEST file has leads of unequal length (I 6, II 5, V1 6)",
        ),
        ([Channel("I", CODES[:0], "mV")], NO_HINTS, NoSamples, "the TEST file has no samples"),
        (
            [channel("II", scale=0.0), channel("I", scale=0.0)],
            NO_HINTS,
            CorruptFile,
            "no lead of the TEST file can be read: II, I: its gain is 0",
        ),
        (
            [channel("V1", scale=math.inf)],
            NO_HINTS,
            CorruptFile,
            "no lead of the TEST file can be read: V1: its gain or offset is not a finite number",
        ),
        ([channel("I", offset=math.nan)], NO_HINTS, CorruptFile, None),
        (
            [Channel("I", np.array([1.0, -np.inf]), "mV")],
            NO_HINTS,
            ImplausibleValues,
            "signal: the TEST file holds infinite values",
        ),
        ([channel("I", scale=1e300)], NO_HINTS, ImplausibleValues, None),
        ([Channel("I", np.array([np.inf]), "mV")], Hints(gain=1.0), ImplausibleValues, None),
        ([channel()], Hints(fs=0.0), BadSamplingRate, None),
        ([channel()], Hints(recording_duration=1.0), DurationMismatch, None),
        ([channel()], Hints(id=("a", "b")), BadOption, "id: 2 given for one record; 1 is allowed"),
    ],
)
def test_channels_that_cannot_be_a_record_are_refused(
    channels: list[Channel], hints: Hints, kind: type[EcgError], detail: str | None
) -> None:
    with pytest.raises(kind) as caught:
        record(*channels, hints=hints)
    assert detail is None or caught.value.detail == detail


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        (channel("ECG III", scale=0.0), "its gain is 0"),
        (channel("ECG III", scale=math.nan), "its gain or offset is not a finite number"),
        (channel("ECG III", offset=-math.inf), "its gain or offset is not a finite number"),
        (Channel("ECG III", CODES[:0], "mV"), "it has no samples"),
        (faulty_channel("ECG III", "its samples are not numbers"), "its samples are not numbers"),
    ],
)
@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_lead_that_cannot_be_read_is_left_out_and_named(
    broken: Channel, reason: str, place: int
) -> None:
    channels = [channel("I"), channel("V2")]
    channels.insert(place, broken)
    found = record(*channels)
    assert found.lead_names == ("I", "V2")
    np.testing.assert_allclose(found.signal, [CODES, CODES])
    assert found.warnings == (f"signal: ECG III left out: {reason}",)


def test_leads_of_one_fault_are_named_together() -> None:
    empty = CODES[:0]
    found = record(
        channel("I", scale=0.0), Channel("II", empty, "mV"), channel("V1"), channel("V2", scale=0.0)
    )
    assert found.lead_names == ("V1",)
    assert found.warnings == (
        "signal: I, V2 left out: its gain is 0",
        "signal: II left out: it has no samples",
    )


def test_of_two_channels_of_one_lead_the_one_that_can_be_read_is_the_lead() -> None:
    found = record(channel("ECG II", scale=0.0), channel("II"))
    assert found.lead_names == ("II",)
    assert found.warnings == ("signal: ECG II left out: its gain is 0",)


def test_a_gain_in_the_request_replaces_a_gain_of_0() -> None:
    found = record(channel("II", scale=0.0), hints=Hints(gain=2.0))
    np.testing.assert_allclose(found.signal, [CODES / 2])
    assert found.warnings == ()


@pytest.mark.parametrize("stated", [0.02424, 0.024, 0.02377])
def test_a_stated_duration_within_one_percent_is_accepted(stated: float) -> None:
    # 6 samples at 250 Hz are 0.024 s.
    assert record(channel(), hints=Hints(recording_duration=stated)).warnings == ()


@pytest.mark.parametrize("stated", [0.02425, 0.02375])
def test_a_stated_duration_beyond_one_percent_is_refused(stated: float) -> None:
    with pytest.raises(DurationMismatch) as caught:
        record(channel(), hints=Hints(recording_duration=stated))
    assert caught.value.detail == (
        f"recording_duration: {stated:g} s stated, but 6 samples at 250 Hz last 0.024 s; "
        "a difference of 1 % is allowed"
    )


@pytest.mark.parametrize(
    ("names", "shown"),
    [
        ([], "none"),
        (["I\x00\n", "", "\x1b"], "I, (no name), (no name)"),
        (["x" * 40], "x" * 40),
        (["x" * 41], "x" * 40),
        (["a"] * 20, ", ".join(["a"] * 20)),
        (["a"] * 21, ", ".join(["a"] * 20) + " and 1 more"),
        (["a"] * 25, ", ".join(["a"] * 20) + " and 5 more"),
    ],
)
def test_names_in_messages_are_printable_short_and_few(names: list[str], shown: str) -> None:
    assert printable_names(names) == shown


def test_a_group_of_channels_is_rated_by_leads_and_at_most_ten_seconds() -> None:
    def channels(samples: int, *names: str) -> list[Channel]:
        return [Channel(name, np.zeros(samples), "mV") for name in names]

    assert lead_seconds(100.0, channels(500, "I", "II", "V1", "x")) == 15.0
    assert lead_seconds(100.0, channels(1000, "I")) == 10.0
    assert lead_seconds(100.0, channels(1100, "I")) == 10.0
    assert lead_seconds(100.0, [*channels(300, "I", "ECG I"), *channels(500, "II")]) == 10.0
    assert lead_seconds(0.5, channels(4, "V6")) == 8.0
    for fs in (0.0, -1.0, math.nan):
        assert lead_seconds(fs, channels(500, "I")) == 0.0
    assert lead_seconds(100.0, []) == 0.0
