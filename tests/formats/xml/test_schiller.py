"""Schiller SEMA XML in variants that the shared file does not cover."""

from __future__ import annotations

import numpy as np
import pytest

from errors import BadSamplingRate, CorruptFile, EcgError, NoSamples, UnknownFormat
from tests.formats.xml.documents import RAMP, RAMP_WITH_COMMAS, element, read_document


def channel(
    name: str = "AVL",
    data: str = RAMP_WITH_COMMAS,
    count: object = 100,
    kind: str = "COMMASEPARATE",
) -> str:
    return element("channel", name=name, datastype=kind, data=data, samplecount=count)


def wave(
    *channels: str, kind: str = "ECG_RHYTHMS", rate: str = "500", per_bit: str = "0.01"
) -> str:
    samplerate = element("samplerate", value=rate, exponent=1)
    yres = element("yres", unitperbit=per_bit, units="MV")
    resolution = element("resolution", samplerate, yres)
    return element("wavedata", f"<type>{kind}</type>", resolution, *channels)


def schiller(*content: str) -> str:
    return element("x.SchillerEDI", *content)


def test_the_longest_rhythm_is_read_in_its_unit_and_averages_are_not() -> None:
    averages = wave(channel("I"), channel("II"), kind="ECG_AVERAGES")
    short = wave(channel(data="1,2", count=2))
    negated = ",".join(str(-value) for value in RAMP)
    record = read_document(
        schiller(averages, short, wave(channel(), channel("V1", negated)), short)
    )
    assert (record.lead_names, record.fs) == (("aVL", "V1"), 500.0)
    np.testing.assert_allclose(record.signal, [RAMP * 0.01, -RAMP * 0.01], rtol=1e-5)
    assert record.warnings == ("file: 2 other rhythms in the Schiller file, left out",)
    assert read_document(schiller(wave(channel()))).warnings == ()


def test_a_channel_may_state_neither_type_nor_count() -> None:
    record = read_document(schiller(wave(channel(count="", kind=""))))
    assert record.samples == 100


def test_date_patient_device_and_annotations_are_read() -> None:
    start = element("startdatetime", date="20240501xx", time="08273299")
    patient = element("patdata", birthdate="19600502", gender="F", lastname="Mustermann")
    hardware = element("hardware", vendor="SCHILLER", model="AT-110")
    annotations = "<name>HR</name><value>72</value><name>PQ</name><value>160</value>"
    annotations += "<name>pr</name><value>170</value><name>QT</name><value>0</value>"
    annotations += "<name>AXIS_T</name><value>-7</value><name>other</name>"
    notes = element("annotation_global", annotations)
    record = read_document(schiller(start, patient, hardware, notes, wave(channel())))
    assert record.reported is not None
    assert record.recording_date == "2024-05-01T08:27:32"
    assert (record.patient.age_years, record.patient.sex) == (63.0, "female")
    assert record.reported.device == "SCHILLER / AT-110"
    assert record.reported.measurements == {
        "heart_rate_bpm": 72.0,
        "pr_ms": 160.0,
        "t_axis_deg": -7.0,
    }
    assert record.warnings == ()
    assert "Mustermann" not in repr(record)


@pytest.mark.parametrize(
    ("content", "kind", "detail"),
    [
        (
            wave(channel(count=101)),
            CorruptFile,
            "AVL: 101 samples stated in the Schiller file, found 100",
        ),
        (
            wave(channel(), kind="ECG_AVERAGES"),
            NoSamples,
            "the Schiller file has no rhythm",
        ),
        (
            wave(channel(kind="HEX")),
            UnknownFormat,
            "AVL: Schiller samples of another type than COMMASEPARATE are not supported",
        ),
        (
            wave(channel(), rate="0"),
            BadSamplingRate,
            "fs: the Schiller file's samplerate is not a number above 0",
        ),
        (
            wave(channel(), rate="-500"),
            BadSamplingRate,
            "fs: the Schiller file's samplerate is not a number above 0",
        ),
        (
            wave(channel(), per_bit="0"),
            CorruptFile,
            "the Schiller file's unitperbit is 0 or not a number",
        ),
    ],
)
def test_a_file_that_contradicts_itself_is_refused(
    content: str, kind: type[EcgError], detail: str
) -> None:
    with pytest.raises(kind) as caught:
        read_document(schiller(content))
    assert caught.value.detail == detail


def test_the_interpretation_is_read_without_names_and_remarks() -> None:
    texts = element(
        "textdata",
        type="INTERPRETATION",
        textdata="Sinus rhythm\nMustermann, Dr. House\nNormal ECG",
    )
    texts += element("textdata", type="REMARK_6", textdata="at night")
    person = element("patdata", lastname="Mustermann")
    reported = read_document(schiller(person, wave(channel()), texts)).reported
    assert reported is not None
    assert reported.statements == ("Sinus rhythm", "Normal ECG")
