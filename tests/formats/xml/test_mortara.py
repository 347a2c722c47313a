"""Mortara ELI Link XML in variants that the shared file does not cover."""

from __future__ import annotations

import numpy as np
import pytest

from errors import BadSamplingRate, CorruptFile, EcgError, NoSamples, UnknownFormat
from tests.formats.xml.documents import BASE64, RAMP, base64_of, read_document

ATTRIBUTES = {
    "BITS": "16",
    "FORMAT": "SIGNED",
    "ENCODING": "BASE64",
    "OFFSET": "7",
    "UNITS_PER_MV": "200",
    "DURATION": "100",
    "SAMPLE_FREQ": "1000",
    "NAME": "V6",
    "DATA": BASE64,
}


def tag(name: str, attributes: dict[str, str]) -> str:
    inner = " ".join(f"{key}='{value}'" for key, value in attributes.items() if value)
    return f"<{name} {inner}/>"


def channel(**changes: str) -> str:
    """Return a CHANNEL; an empty value leaves the attribute out."""
    return tag("CHANNEL", ATTRIBUTES | changes)


def mortara(*content: str, **attributes: str) -> str:
    inner = " ".join(f"{key}='{value}'" for key, value in attributes.items())
    return f"<ECG {inner}>{''.join(content)}</ECG>"


def test_offset_and_scale_are_applied() -> None:
    record = read_document(mortara(channel(), channel(NAME="II", OFFSET="", UNITS_PER_MV="100")))
    assert (record.lead_names, record.fs) == (("V6", "II"), 1000.0)
    np.testing.assert_allclose(record.signal, [(RAMP + 7) / 200, RAMP / 100], rtol=1e-5)
    assert record.warnings == ()


@pytest.mark.parametrize(
    ("bits", "sign", "dtype", "shift"),
    [
        ("8", "SIGNED", "i1", 0),
        ("16", "signed", "<i2", 0),
        ("32", "SIGNED", "<i4", 0),
        ("8", "UNSIGNED", "u1", 60),
        ("16", "UNSIGNED", "<u2", 60),
        ("", "", "<i2", 0),
    ],
)
def test_every_type_of_samples_is_read(bits: str, sign: str, dtype: str, shift: int) -> None:
    data = base64_of(RAMP + shift, dtype)
    record = read_document(
        mortara(channel(BITS=bits, FORMAT=sign, DATA=data, DURATION="", ENCODING=""))
    )
    np.testing.assert_allclose(record.signal[0], (RAMP + shift + 7) / 200, rtol=1e-5)


def test_date_patient_device_and_measurements_are_read() -> None:
    subject = tag("SUBJECT", {"AGE": "18", "AGE_UNITS": "MONTHS", "SEX": "F", "LAST_NAME": "M."})
    source = tag("SOURCE", {"MANUFACTURER": "Mortara", "MODEL": "ELI 250"})
    cycle = tag("TYPICAL_CYCLE", {"PR_DURATION": "150", "QT_DURATION": "400", "P_AXIS": "-7"})
    record = read_document(
        mortara(
            subject,
            source,
            cycle,
            channel(),
            ACQUISITION_TIME="20240501082732",
            VENT_RATE="72",
            PR_INTERVAL="160",
            QRS_DURATION="0",
        )
    )
    assert record.reported is not None
    assert record.recording_date == "2024-05-01T08:27:32"
    assert (record.patient.age_years, record.patient.sex) == (1.5, "female")
    assert record.reported.device == "Mortara / ELI 250"
    # The root element's attributes come before those of the cycle.
    assert record.reported.measurements == {
        "heart_rate_bpm": 72.0,
        "pr_ms": 160.0,
        "qt_ms": 400.0,
        "p_axis_deg": -7.0,
    }
    assert record.warnings == ()


def test_the_xml_time_is_preferred_and_an_age_follows_from_the_date_of_birth() -> None:
    for subject in ({"DOB": "19600502"}, {"AGE": "0", "DOB": "19600502", "GENDER": "Male"}):
        record = read_document(
            mortara(
                tag("SUBJECT", subject),
                channel(),
                ACQUISITION_TIME_XML="2024-05-01T08:27:32",
                ACQUISITION_TIME="20200101",
            )
        )
        assert record.recording_date == "2024-05-01T08:27:32"
        assert record.patient.age_years == 63.0
    assert record.patient.sex == "male"


SAMPLES = "V6: {} samples stated in the Mortara file, found {}"
TYPES = (
    "V6: Mortara samples of another type than signed integers of 8, 16 or 32 bit or unsigned ones "
    "of 8 or 16 bit, in base64, are not supported"
)
RATE = "fs: SAMPLE_FREQ of V6 in the Mortara file is not a number above 0"
SCALE = "V6: UNITS_PER_MV of the Mortara file is not a number above 0"


@pytest.mark.parametrize(
    ("changes", "kind", "detail"),
    [
        ({"UNITS_PER_MV": "0"}, CorruptFile, SCALE),
        ({"UNITS_PER_MV": "-200"}, CorruptFile, SCALE),
        ({"OFFSET": "x"}, CorruptFile, "V6: OFFSET of the Mortara file is not a number"),
        ({"SAMPLE_FREQ": "x"}, BadSamplingRate, RATE),
        ({"SAMPLE_FREQ": "0"}, BadSamplingRate, RATE),
        ({"SAMPLE_FREQ": "-1000"}, BadSamplingRate, RATE),
        ({"BITS": "12"}, UnknownFormat, TYPES),
        ({"BITS": "32", "FORMAT": "UNSIGNED"}, UnknownFormat, TYPES),
        ({"ENCODING": "HEX"}, UnknownFormat, TYPES),
        ({"DURATION": "99"}, CorruptFile, SAMPLES.format(99, 100)),
        (
            {"DURATION": "", "DATA": base64_of([1, 2, 3], "i1")},
            CorruptFile,
            "V6: 3 bytes of samples; a multiple of 2 is required",
        ),
    ],
)
def test_a_channel_that_contradicts_itself_is_refused(
    changes: dict[str, str], kind: type[EcgError], detail: str
) -> None:
    with pytest.raises(kind) as caught:
        read_document(mortara(channel(**changes)))
    assert caught.value.detail == detail


def test_other_documents_called_ecg_are_not_taken_for_mortaras() -> None:
    with pytest.raises(UnknownFormat, match="XML"):
        read_document("<ECG><other/></ECG>")
    with pytest.raises(UnknownFormat, match="XML"):
        read_document(mortara(channel()).replace("ECG", "EEG"))
    with pytest.raises(NoSamples):
        read_document("<ECG><inner><CHANNEL/></inner></ECG>")
    assert read_document(("\ufeff" + mortara(channel())).encode("utf-16-le")).samples == 100
