"""GE Sapphire XML, written here as public programs read it from MAC 800 and MAC 2000 files."""

from __future__ import annotations

import numpy as np
import pytest

from errors import BadSamplingRate, CorruptFile, EcgError, NoSamples
from formats.hints import Hints
from formats.parts import Part
from formats.registry import read
from signals.record import EcgRecord
from tests.formats.xml.documents import RAMP, element, read_document

DIGITS = " ".join(map(str, RAMP))
DCAR = "urn:ge:sapphire:dcar_1"
SAPPHIRE_3 = "urn:ge:sapphire:sapphire_3"


def tag(name: str, *content: str, **attributes: object) -> str:
    inner = " ".join(f"{key}='{value}'" for key, value in attributes.items())
    return f"<{name} {inner}>{''.join(content)}</{name}>"


def lead(name: str, digits: str = DIGITS, **more: object) -> str:
    counted = {"asizeVT": len(digits.split())}
    return tag("ecgWaveform", lead=name, V=digits, **(counted | more))


def group(*leads: str, fs: object = 500, unit: str = "Hz", **scale: object) -> str:
    rate = tag("sampleRate", V=fs, U=unit)
    return tag("ecgWaveformMXG", rate, *leads, **scale)


IN_UV = {"S": "4.88", "U": "uV"}


def sapphire(*rhythms: str, more: str = "", namespace: str = DCAR) -> str:
    """Return a document; the median beat has a waveform of its own."""
    median = element("medianTemplate", more, group(lead("I", "9 9 9"), **IN_UV))
    ecg = element("ecg", element("var", median), element("wav", *rhythms))
    visit = element("order", element("ecgResting", element("params", ecg)))
    return f"<sapphire xmlns='{namespace}'>{element('dcarRecord', visit)}</sapphire>"


def opened(document: str, hints: Hints | None = None) -> EcgRecord:
    return read([Part("upload", document.encode())], hints or Hints())


@pytest.mark.parametrize("namespace", [DCAR, SAPPHIRE_3, "urn:ge:sapphire:sapphire_1"])
def test_the_rhythm_is_read_and_the_median_beat_is_not(namespace: str) -> None:
    rhythm = group(lead("I"), lead("AVR"), lead("V1"), **IN_UV)
    record = opened(sapphire(rhythm, namespace=namespace))
    assert (record.lead_names, record.fs, record.units) == (("I", "aVR", "V1"), 500.0, "mV")
    np.testing.assert_allclose(record.signal, [RAMP * 4.88e-3] * 3, rtol=1e-5)
    assert record.warnings == ()


@pytest.mark.parametrize(
    ("scale", "unit", "factor"),
    [("4.88", "uV", 4.88e-3), ("0.001", "mV", 1e-3), ("5e3", "nV", 5e-3)],
)
def test_a_lead_may_state_its_own_scale_and_unit(scale: str, unit: str, factor: float) -> None:
    rhythm = group(lead("I", S=scale, U=unit), lead("II"), **IN_UV)
    record = opened(sapphire(rhythm))
    np.testing.assert_allclose(record.signal, [RAMP * factor, RAMP * 4.88e-3], rtol=1e-5)
    assert record.warnings == ()


@pytest.mark.parametrize(
    ("fs", "unit", "hertz"), [(500, "Hz", 500), (1, "kHz", 1000), (250, "", 250)]
)
def test_the_rate_has_a_unit(fs: int, unit: str, hertz: float) -> None:
    assert opened(sapphire(group(lead("I"), fs=fs, unit=unit, **IN_UV))).fs == hertz


@pytest.mark.parametrize(("first", "last"), [(0, 2), (40, 43), (98, 100)])
def test_a_sample_that_is_not_valid_is_a_gap(first: int, last: int) -> None:
    codes = RAMP.copy()
    codes[first:last] = -32768
    rhythm = group(lead("I", " ".join(map(str, codes))), lead("II"), **IN_UV)
    record = opened(sapphire(rhythm))
    gaps = np.isnan(record.signal)
    assert gaps[0, first:last].all() and gaps.sum() == last - first
    np.testing.assert_allclose(record.signal[0][~gaps[0]], codes[~gaps[0]] * 4.88e-3, rtol=1e-5)


def test_the_rhythm_with_most_lead_seconds_is_read() -> None:
    short = group(lead("I", "1 2 3"), lead("II", "1 2 3"), **IN_UV)
    record = opened(sapphire(short, group(lead("V1"), lead("V2"), **IN_UV), short))
    assert record.lead_names == ("V1", "V2")
    assert record.warnings == ("file: 2 other rhythms in the Sapphire file, left out",)


def test_without_a_scale_the_units_are_unknown() -> None:
    record = opened(sapphire(group(lead("I"))))
    assert record.units == "unknown"
    np.testing.assert_array_equal(record.signal, [RAMP])
    assert len(record.warnings) == 1 and record.warnings[0].startswith("units: ")


def test_a_lead_whose_scale_is_no_number_costs_no_other() -> None:
    record = opened(sapphire(group(lead("I"), lead("II", S="x"), lead("V1", S="0"), **IN_UV)))
    assert record.lead_names == ("I",)
    assert "II" in record.warnings[0] and "V1" in record.warnings[0]


def test_date_patient_device_and_measurements_are_read_and_the_name_is_not() -> None:
    person = (
        tag("gender", V="FEMALE")
        + tag("birthDateTime", V="1960-05-02T00:00:00")
        + element("name", tag("family", V="Mustermann"))
        + tag("id", V="4711")
    )
    test_info = element("testInfo", tag("acquisitionDateTime", V="2024-05-01T08:27:32"))
    device = element("device", tag("deviceName", V="MAC2000"), tag("serialID", V="4712"))
    values = (
        tag("PR_Interval", V=160, U="ms")
        + tag("QRS_Duration", V=-32768)
        + tag("P_Axis", V=-32768)
        + tag("R_Axis", V=-7)
        + tag("QT_Interval", V="")
        + tag("QT_Corrected", V=410)
    )
    measured = element("measurements", element("global", values))
    document = sapphire(group(lead("I"), **IN_UV), more=measured + person + test_info + device)
    record = opened(document)
    assert record.recording_date == "2024-05-01T08:27:32"
    assert (record.patient.age_years, record.patient.sex) == (63.0, "female")
    assert record.reported is not None and record.reported.device == "MAC2000"
    assert record.reported.measurements == {
        "pr_ms": 160.0,
        "qrs_axis_deg": -7.0,
        "qtc_ms": 410.0,
    }
    assert record.warnings == ()
    shown = repr(record)
    assert not [word for word in ("Mustermann", "4711", "4712") if word in shown]


@pytest.mark.parametrize(
    "place",
    [
        "<num><global>{}</global></num>",
        "<num>{}</num>",
        "<measurements><global>{}</global></measurements>",
    ],
)
def test_the_measurements_are_where_either_namespace_has_them(place: str) -> None:
    values = tag("ventricularRate", V=72) + tag("qtcFredericiaCorrection", V=401)
    values += tag("qtcBazettCorrection", V=407)
    record = opened(sapphire(group(lead("I"), **IN_UV), more=place.format(values)))
    assert record.reported is not None
    assert record.reported.measurements == {
        "heart_rate_bpm": 72.0,
        "qtc_fridericia_ms": 401.0,
        "qtc_bazett_ms": 407.0,
    }


@pytest.mark.parametrize(
    ("age", "unit", "years"), [(63, "yr", 63.0), (18, "months", 1.5), (7, "", 7.0)]
)
def test_an_age_is_stated_with_its_unit(age: int, unit: str, years: float) -> None:
    stated = tag("patientAge", V=age, U=unit)
    assert opened(sapphire(group(lead("I"), **IN_UV), more=stated)).patient.age_years == years


@pytest.mark.parametrize(
    ("document", "kind", "detail"),
    [
        (sapphire(), NoSamples, "the Sapphire file has no rhythm (wav)"),
        (
            sapphire(group(lead("I", asizeVT=99), **IN_UV)),
            CorruptFile,
            "I: the Sapphire file has 100 samples, which asizeVT does not state",
        ),
        (
            sapphire(group(lead("I", asizeBT="x"), **IN_UV)),
            CorruptFile,
            "I: the Sapphire file has 100 samples, which asizeBT does not state",
        ),
        (sapphire(group(lead("I", "1 x"), **IN_UV)), CorruptFile, "I: a sample is not a number"),
        *(
            (
                sapphire(group(lead("I"), fs=fs, unit=unit, **IN_UV)),
                BadSamplingRate,
                "fs: the Sapphire file's sampleRate is not a number above 0 in Hz or kHz",
            )
            for fs, unit in ((0, "Hz"), (-500, "Hz"), ("", "Hz"), (500, "ms"))
        ),
        (
            sapphire(element("ecgWaveformMXG", lead("I"))),
            BadSamplingRate,
            "fs: the Sapphire file's sampleRate is not a number above 0 in Hz or kHz",
        ),
    ],
)
def test_a_file_that_contradicts_itself_is_refused(
    document: str, kind: type[EcgError], detail: str
) -> None:
    with pytest.raises(kind) as caught:
        read_document(document)
    assert caught.value.detail == detail
