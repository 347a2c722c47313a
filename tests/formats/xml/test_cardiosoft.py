"""GE CardioSoft XML in variants that the shared file does not cover."""

from __future__ import annotations

import numpy as np
import pytest

from errors import BadSamplingRate, CorruptFile, EcgError, MissingField, NoSamples
from tests.formats.xml.documents import RAMP, RAMP_WITH_COMMAS, element, read_document


def strip(
    count: object = 100,
    digits: str = RAMP_WITH_COMMAS,
    *,
    tag: str = "StripData",
    rate: str = "250",
    resolution: str = "5",
    units: str = "uVperLsb",
) -> str:
    """Return a strip of the ramp as I and, negated, as aVR."""
    head = f"<SampleRate units='Hz'>{rate}</SampleRate>"
    head += f"<ChannelSampleCountTotal>{count}</ChannelSampleCountTotal>"
    head += f"<Resolution units='{units}'>{resolution}</Resolution>"
    head += f"<WaveformData lead='I'>{digits}</WaveformData>"
    negated = ",".join(str(-int(digit)) for digit in digits.split(","))
    return element(tag, head, f"<WaveformData lead='aVR'>{negated}</WaveformData>")


def cardiosoft(*content: str) -> str:
    return element("CardiologyXML", *content)


def moment(tag: str, **parts: int) -> str:
    return element(tag, **parts)


def test_the_longest_strip_is_read_and_medians_are_not() -> None:
    medians = strip(3, "9,9,9", tag="MedianSamples")
    record = read_document(cardiosoft(medians, strip(2, "1,\t2"), strip(), strip(2, "3,4")))
    assert (record.lead_names, record.fs) == (("I", "aVR"), 250.0)
    np.testing.assert_allclose(record.signal, [RAMP * 5e-3, -RAMP * 5e-3], rtol=1e-5)
    assert record.warnings == ("file: 2 other strips in the CardioSoft file, left out",)
    two = read_document(cardiosoft(strip(2, "1,2"), strip()))
    assert two.warnings == ("file: 1 other strips in the CardioSoft file, left out",)
    assert read_document(cardiosoft(strip())).warnings == ()


@pytest.mark.parametrize(
    ("units", "resolution", "factor"),
    [("uVperLsb", "5", 5e-3), ("mVperLsb", "0.005", 5e-3), ("nVperLsb", "5000", 5e-3)],
)
def test_the_resolution_is_applied_in_its_unit(units: str, resolution: str, factor: float) -> None:
    record = read_document(cardiosoft(strip(units=units, resolution=resolution)))
    np.testing.assert_allclose(record.signal[0], RAMP * factor, rtol=1e-5)


def test_a_strip_without_a_count_or_a_unit_is_read() -> None:
    record = read_document(cardiosoft(strip("", units="")))
    assert (record.samples, record.units) == (100, "unknown")


@pytest.mark.parametrize("units", ["steps", "mmPerLsb", "1"])
def test_a_unit_of_the_resolution_that_is_no_voltage_is_named(units: str) -> None:
    with pytest.raises(MissingField) as caught:
        read_document(cardiosoft(strip(units=units)))
    assert f"states {units} for I" in caught.value.detail
    assert caught.value.errors[0].loc == ("units",)


def test_the_reader_leaves_the_range_of_rates_to_the_checks_of_all_formats() -> None:
    assert read_document(cardiosoft(strip(rate="0.5"))).fs == 0.5


def test_date_patient_device_and_measurements_are_read() -> None:
    when = moment("ObservationDateTime", Year=2024, Month=5, Day=1, Hour=8, Minute=27, Second=32)
    patient = element("PatientInfo", "<Age units='Months'>18</Age>", Gender="FEMALE")
    device = element("DeviceInfo", Desc="CardioSoft", SoftwareVer="6.5")
    clinical = element("ClinicalInfo", device)
    measured = element("RestingECGMeasurements", PQInterval=160, QRSDuration=0, TAxis=-7)
    record = read_document(cardiosoft(when, patient, clinical, measured, strip()))
    assert record.reported is not None
    assert record.recording_date == "2024-05-01T08:27:32"
    assert (record.patient.age_years, record.patient.sex) == (1.5, "female")
    assert record.reported.device == "CardioSoft / 6.5"
    assert record.reported.measurements == {"pr_ms": 160.0, "t_axis_deg": -7.0}
    assert record.warnings == ()


@pytest.mark.parametrize(("day", "age_years"), [(1, 64.0), (2, 63.0)])
def test_an_age_follows_from_the_date_of_birth(day: int, age_years: float) -> None:
    born = moment("BirthDateTime", Year=1960, Month=5, Day=day)
    patient = element("PatientInfo", "<Age units='Years'></Age>", born)
    when = moment("ObservationDateTime", Year=2024, Month=5, Day=1)
    record = read_document(cardiosoft(when, patient, strip()))
    assert record.patient.age_years == age_years
    assert record.recording_date == "2024-05-01T00:00:00"
    assert read_document(cardiosoft(patient, strip())).patient.age_years is None


@pytest.mark.parametrize(
    ("content", "kind", "detail"),
    [
        (
            strip(99),
            CorruptFile,
            "I: 99 samples stated in the CardioSoft file, found 100",
        ),
        (
            strip(tag="MedianSamples"),
            NoSamples,
            "the CardioSoft file has no strip",
        ),
        (element("StripData"), NoSamples, "the CardioSoft file has no strip"),
        (
            strip(rate="0"),
            BadSamplingRate,
            "fs: the CardioSoft file's SampleRate is not a number above 0",
        ),
        (
            strip(rate="-250"),
            BadSamplingRate,
            "fs: the CardioSoft file's SampleRate is not a number above 0",
        ),
        (
            strip(resolution="0"),
            CorruptFile,
            "the CardioSoft file's Resolution is 0 or not a number",
        ),
    ],
)
def test_a_file_that_contradicts_itself_is_refused(
    content: str, kind: type[EcgError], detail: str
) -> None:
    with pytest.raises(kind) as caught:
        read_document(cardiosoft(content))
    assert caught.value.detail == detail


def test_the_diagnosis_is_read_without_names() -> None:
    texts = ("Sinus rhythm", "Mustermann, 2nd recording", "Normal ECG")
    lines = "".join(f"<DiagnosisText>{text}</DiagnosisText>" for text in texts)
    interpretation = element("Interpretation", element("Diagnosis", lines))
    person = element("PatientInfo", element("Name", FamilyName="Mustermann"))
    reported = read_document(cardiosoft(person, strip(), interpretation)).reported
    assert reported is not None
    assert reported.statements == ("Sinus rhythm", "Normal ECG")
