"""GE MUSE XML in variants that the shared files do not cover."""

from __future__ import annotations

import base64
import zlib
from typing import Any

import numpy as np
import pytest

from errors import (
    BadSamplingRate,
    CorruptFile,
    DuplicateLead,
    EcgError,
    NoSamples,
    RaggedSignal,
    UnknownFormat,
)
from tests.formats.xml.documents import BASE64, RAMP, base64_of, element, read_document

CRC = zlib.crc32(RAMP.astype("<i2").tobytes())


def lead(name: str, data: str = BASE64, **more: Any) -> str:
    raw = base64.b64decode(data) if len(data) % 4 == 0 else b""
    fields = {
        "LeadByteCountTotal": len(raw),
        "LeadSampleCountTotal": len(raw) // 2,
        "LeadAmplitudeUnitsPerBit": 4.88,
        "LeadAmplitudeUnits": "MICROVOLTS",
        "LeadID": name,
        "FirstSampleBaseline": 0,
        "LeadSampleSize": 2,
        "LeadOff": "FALSE",
        "LeadDataCRC32": zlib.crc32(raw),
        "WaveFormData": data,
    }
    return element("LeadData", **(fields | more))


def waveform(
    *leads: str,
    kind: str = "Rhythm",
    base: str = "250",
    exponent: str = "0",
    count: int | None = None,
) -> str:
    head = {
        "WaveformType": kind,
        "NumberofLeads": len(leads) if count is None else count,
        "SampleBase": base,
        "SampleExponent": exponent,
    }
    return element("Waveform", *leads, **head)


def muse(*content: str) -> str:
    doctype = "<!DOCTYPE RestingECG SYSTEM 'restecg.dtd'>"
    return doctype + element("RestingECG", *content)


def test_scale_baseline_and_exponent_of_the_rate_are_applied() -> None:
    other = lead(
        "V1",
        FirstSampleBaseline=-10,
        LeadAmplitudeUnits="MILLIVOLTS",
        LeadAmplitudeUnitsPerBit="1e-3",
    )
    record = read_document(muse(waveform(lead("I"), other, base="5", exponent="2")))
    assert (record.fs, record.lead_names, record.warnings) == (500.0, ("I", "V1"), ())
    np.testing.assert_allclose(record.signal, [RAMP * 4.88e-3, (RAMP + 10) * 1e-3], rtol=1e-5)


@pytest.mark.parametrize(("exponent", "fs"), [("-6", 3e-4), ("6", 3e8), ("", 300.0)])
def test_an_exponent_of_6_is_the_largest(exponent: str, fs: float) -> None:
    assert read_document(
        muse(waveform(lead("I"), base="300", exponent=exponent))
    ).fs == pytest.approx(fs)


def test_optional_elements_may_be_empty() -> None:
    bare = lead(
        "I",
        LeadByteCountTotal="",
        LeadSampleCountTotal="",
        FirstSampleBaseline="",
        LeadSampleSize="",
        LeadOff="",
        LeadDataCRC32="",
    )
    record = read_document(muse(waveform(bare).replace("<NumberofLeads>1</NumberofLeads>", "")))
    assert record.warnings == ()
    np.testing.assert_allclose(record.signal, [RAMP * 4.88e-3], rtol=1e-5)


def test_wrong_checksums_are_counted_and_disconnected_leads_are_named() -> None:
    record = read_document(
        muse(
            waveform(
                lead("I", LeadDataCRC32=1),
                lead("II", LeadOff="TRUE"),
                lead("V1", LeadDataCRC32=CRC - (1 << 32)),
                lead("V2", LeadDataCRC32=0),
                lead("V3", LeadDataCRC32=CRC + 1, LeadOff="true"),
            )
        )
    )
    assert record.warnings == (
        "file: checksum wrong for 2 of 5 leads; the data may be damaged",
        "signal: off, as the device states: II, V3",
    )


def test_the_rhythm_with_most_lead_seconds_is_read_and_a_median_never() -> None:
    short = base64_of(RAMP[:60])
    record = read_document(
        muse(
            waveform(lead("I", short), lead("II", short), kind="Median"),
            waveform(lead("V1", short), base="500"),
            waveform(lead("V2"), lead("V3"), kind="RHYTHM"),
        )
    )
    assert (record.lead_names, record.samples) == (("V2", "V3"), 100)
    assert record.warnings == ("file: 1 other rhythm waveforms in the MUSE file, left out",)


def test_rhythm_waveforms_of_one_time_hold_the_leads_in_parts() -> None:
    parts = [waveform(lead("I"), lead("II")), waveform(lead("V1")), waveform(lead("V6"))]
    record = read_document(muse(*parts))
    assert record.lead_names == ("I", "II", "V1", "V6")
    np.testing.assert_allclose(record.signal, [RAMP * 4.88e-3] * 4, rtol=1e-5)
    assert record.warnings == ()


@pytest.mark.parametrize(
    "other",
    [
        waveform(lead("V1"), base="500"),
        waveform(lead("V1", base64_of(RAMP[:60]))),
        waveform(lead("I")),
        waveform(lead("V1")).replace(
            "<SampleBase>", "<WaveformStartTime>10</WaveformStartTime><SampleBase>"
        ),
    ],
)
def test_another_rhythm_waveform_is_left_out_with_a_warning(other: str) -> None:
    record = read_document(muse(waveform(lead("I"), lead("II")), other))
    assert record.lead_names == ("I", "II")
    assert record.warnings == ("file: 1 other rhythm waveforms in the MUSE file, left out",)


def test_a_patient_has_an_age_in_its_unit_and_no_name() -> None:
    patient = {
        "PatientLastName": "Mustermann",
        "PatientID": 4711,
        "PatientAge": 18,
        "AgeUnits": "MONTHS",
        "Gender": "FEMALE",
    }
    test = {
        "AcquisitionDate": "05-01-2024",
        "AcquisitionTime": "08:27:32",
        "AcquisitionDevice": "MAC55",
    }
    measurements = {"VentricularRate": 0, "PRInterval": 160, "RAxis": 0, "TAxis": ""}
    record = read_document(
        muse(
            element("PatientDemographics", **patient),
            element("TestDemographics", **test),
            element("RestingECGMeasurements", **measurements),
            waveform(lead("I")),
        )
    )
    assert record.reported is not None
    assert (record.patient.age_years, record.patient.sex) == (1.5, "female")
    assert record.recording_date == "2024-05-01T08:27:32"
    assert record.reported.device == "MAC55"
    assert record.reported.measurements == {"pr_ms": 160.0, "qrs_axis_deg": 0.0}
    assert record.warnings == ()
    assert "Mustermann" not in repr(record) and "4711" not in repr(record)


@pytest.mark.parametrize(
    ("born", "date", "time", "age_years", "recording_date"),
    [
        ("05-02-1960", "05/01/2024", "08:27:32", 63.0, "2024-05-01T08:27:32"),
        ("05/01/1960", "05-01-2024", "", 64.0, "2024-05-01T00:00:00"),
        ("1960", "05-01-2024", "08:27", None, "2024-05-01T08:27:00"),
        ("05-01-1960", "2024", "08:27:32", None, None),
        ("", "", "", None, None),
    ],
)
def test_an_age_follows_from_the_date_of_birth(
    born: str, date: str, time: str, age_years: float | None, recording_date: str | None
) -> None:
    record = read_document(
        muse(
            element("PatientDemographics", DateofBirth=born),
            element("TestDemographics", AcquisitionDate=date, AcquisitionTime=time),
            waveform(lead("I")),
        )
    )
    assert (record.patient.age_years, record.recording_date) == (age_years, recording_date)


SIZES = "I: {} bytes and {} samples stated in the MUSE file, found {} bytes"
SCALE = "I: LeadAmplitudeUnitsPerBit of the MUSE file is 0 or not a number"


@pytest.mark.parametrize(
    ("content", "kind", "detail"),
    [
        (
            waveform(lead("I"), kind="Median"),
            NoSamples,
            "the MUSE file has no rhythm waveform",
        ),
        (
            waveform(lead("I"), base="0"),
            BadSamplingRate,
            "fs: the MUSE file's SampleBase is not a number above 0",
        ),
        (
            waveform(lead("I"), exponent="7"),
            BadSamplingRate,
            "fs: the MUSE file's SampleExponent is not a number from -6 to 6",
        ),
        (
            waveform(lead("I"), exponent="-7"),
            BadSamplingRate,
            "fs: the MUSE file's SampleExponent is not a number from -6 to 6",
        ),
        (waveform(lead("I", LeadAmplitudeUnitsPerBit="NaN")), CorruptFile, SCALE),
        (waveform(lead("I", LeadAmplitudeUnitsPerBit="0")), CorruptFile, SCALE),
        (
            waveform(lead("I", FirstSampleBaseline="x")),
            CorruptFile,
            "I: FirstSampleBaseline of the MUSE file is not a number",
        ),
        (
            waveform(lead("I", LeadSampleCountTotal=7)),
            CorruptFile,
            SIZES.format(200, 7, 200),
        ),
        (
            waveform(lead("I", LeadByteCountTotal=198)),
            CorruptFile,
            SIZES.format(198, 100, 200),
        ),
        (
            waveform(lead("I", base64_of([1, 2, 3], "i1"))),
            CorruptFile,
            SIZES.format(3, 1, 3),
        ),
        (
            waveform(lead("I", LeadSampleSize=4)),
            UnknownFormat,
            "I: MUSE samples of another size than 2 bytes are not supported",
        ),
        (waveform(lead("I"), count=2), CorruptFile, "MUSE rhythm: 2 leads stated, found 1"),
        (waveform(), CorruptFile, "MUSE rhythm: 0 leads stated, found 0"),
        (
            waveform(lead("I", "!!!!" + BASE64[4:])),
            CorruptFile,
            "I: the samples are not valid base64",
        ),
    ],
)
def test_a_file_that_contradicts_itself_is_refused(
    content: str, kind: type[EcgError], detail: str
) -> None:
    with pytest.raises(kind) as caught:
        read_document(muse(content))
    assert caught.value.detail == detail


def test_a_lead_twice_and_leads_of_unequal_length_are_refused() -> None:
    with pytest.raises(DuplicateLead):
        read_document(muse(waveform(lead("I"), lead("I"))))
    with pytest.raises(RaggedSignal):
        read_document(muse(waveform(lead("I"), lead("II", base64_of(RAMP[:40])))))


def diagnosis(tag: str, *texts: tuple[str, str]) -> str:
    statements = [
        element("DiagnosisStatement", StmtFlag=flag, StmtText=text) for flag, text in texts
    ]
    return element(tag, element("Modality", "RESTING"), *statements)


def test_statements_are_the_devices_lines_without_names() -> None:
    original = diagnosis(
        "OriginalDiagnosis",
        ("", "Sinus rhythm with"),
        ("ENDSLINE", "frequent premature ventricular complexes"),
        ("ENDSLINE", "Mustermann has a long QT interval"),
        ("ENDSLINE", "Abnormal ECG"),
        ("ENDSLINE", "Confirmed by House, Greg (17) on 12/1/2023"),
    )
    edited = diagnosis("Diagnosis", ("ENDSLINE", "Atrial fibrillation"))
    person = element("PatientDemographics", PatientLastName="Mustermann", PatientID="0815")
    record = read_document(muse(waveform(lead("I")), person, edited, original))
    assert record.reported is not None
    assert record.reported.statements == (
        "Sinus rhythm with frequent premature ventricular complexes",
        "Abnormal ECG",
    )
    never_edited = read_document(muse(waveform(lead("I")), person, edited)).reported
    assert never_edited is not None and never_edited.statements == ("Atrial fibrillation",)


@pytest.mark.parametrize("baseline", [0, 100])
@pytest.mark.parametrize(("start", "level"), [(0, -32768), (40, 32767), (88, -32768)])
def test_samples_at_the_lowest_or_highest_code_in_all_leads_are_gaps(
    start: int, level: int, baseline: int
) -> None:
    rows = [RAMP * (row + 1) for row in range(8)]
    for samples in rows:
        samples[start : start + 12] = level
    names = ("I", "II", "V1", "V2", "V3", "V4", "V5", "V6")
    leads = [
        lead(name, base64_of(samples), FirstSampleBaseline=baseline)
        for name, samples in zip(names, rows, strict=True)
    ]
    record = read_document(muse(waveform(*leads)))
    missing = np.flatnonzero(np.isnan(record.signal).all(axis=0))
    assert missing.tolist() == list(range(start, start + 12))
    assert record.warnings == (
        "signal: all leads at the lowest or highest value that the file can hold"
        f" from {start / 250:.2f} to {(start + 12) / 250:.2f} s; that is no signal",
    )
