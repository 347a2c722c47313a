"""ISHNE, MFER and FHIR: variants that the shared files do not have, written here from the words of the standards."""

from __future__ import annotations

import binascii
import json
import struct
from typing import Any

import numpy as np
import pytest

from errors import (
    BadSamplingRate,
    CorruptFile,
    DuplicateLead,
    EcgError,
    NoSamples,
    SeveralRecordings,
    UnknownFormat,
    UnknownLead,
)
from formats.hints import Hints
from formats.parts import Part
from formats.registry import read
from signals.record import EcgRecord

RAMP = np.arange(-50, 50)


def opened(data: bytes, hints: Hints = Hints()) -> EcgRecord:  # noqa: B008 - frozen
    return read([Part("upload", data)], hints)


# ISHNE


def ishne(
    rows: list[np.ndarray],
    codes: list[int],
    *,
    stated: int | None = None,
    block: bytes = b"",
    resolution: int = 2500,
    fs: int = 200,
    crc: int | None = None,
) -> bytes:
    head = struct.pack(
        "<4ih", len(block), len(rows[0]) if stated is None else stated, 522, 522 + len(block), 1
    )
    head += b"Erika".ljust(40, b"\0") + b"Mustermann".ljust(40, b"\0") + b"4711".ljust(20, b"\0")
    head += struct.pack("<2h3h3h3h3h", 2, 0, 2, 5, 1960, 1, 5, 2024, 2, 5, 2024, 8, 27, 32)
    head += struct.pack(
        "<h12h12h12h",
        len(rows),
        *(codes + [-9] * (12 - len(codes))),
        *[0] * 12,
        *([resolution] * len(rows) + [-9] * (12 - len(rows))),
    )
    head += (
        struct.pack("<h", 0)
        + b"Recorder".ljust(40, b"\0")
        + struct.pack("<h", fs)
        + bytes(248)
        + block
    )
    stamp = binascii.crc_hqx(head, 0xFFFF) if crc is None else crc
    return (
        b"ISHNE1.0"
        + struct.pack("<H", stamp)
        + head
        + np.stack(rows, axis=1).astype("<i2").tobytes()
    )


def test_an_ishne_file_has_its_leads_scale_and_person_but_no_name() -> None:
    record = opened(ishne([RAMP, 2 * RAMP, RAMP], [11, 8, 2], block=b"anything"))
    assert (record.lead_names, record.fs, record.recording_date) == (
        ("V1", "aVR"),
        200.0,
        "2024-05-01T08:27:32",
    )
    np.testing.assert_allclose(record.signal, [RAMP * 2.5e-3, RAMP * 5e-3], rtol=1e-5)
    assert record.reported is not None and record.reported.device == "Recorder"
    assert (record.patient.age_years, record.patient.sex) == (63.0, "female")
    assert "Mustermann" not in repr(record) and "4711" not in repr(record)
    assert not [warning for warning in record.warnings if "checksum" in warning]


def test_an_ishne_count_may_be_of_one_lead_or_of_all_and_its_checksum_0_or_wrong() -> None:
    for stated in (100, 200, 90):
        assert opened(ishne([RAMP, RAMP], [5, 6], stated=stated)).samples == min(stated, 100)
    assert opened(ishne([RAMP], [5], crc=0)).warnings == ()
    assert any("checksum" in warning for warning in opened(ishne([RAMP], [5], crc=1)).warnings)


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (ishne([RAMP], [5], stated=101), CorruptFile),
        (ishne([RAMP], [5], stated=-1), CorruptFile),
        (ishne([RAMP], [5], stated=0), CorruptFile),
        (ishne([RAMP], [5], fs=0), BadSamplingRate),
        (ishne([RAMP], [5], resolution=0), CorruptFile),
        (ishne([RAMP], [2]), UnknownLead),
        (ishne([RAMP, RAMP], [5, 5]), DuplicateLead),
        (ishne([RAMP], [5])[:300], CorruptFile),
    ],
)
def test_an_ishne_file_that_cannot_be_is_refused(data: bytes, kind: type[EcgError]) -> None:
    with pytest.raises(kind):
        opened(data)


# MFER


def tag(number: int, value: bytes) -> bytes:
    length = bytes([len(value)]) if len(value) < 0x80 else b"\x84" + len(value).to_bytes(4, "big")
    return bytes([number]) + length + value


def attribute(channel: int, *inner: bytes, indefinite: bool = False) -> bytes:
    body = b"".join(inner)
    return (
        b"\x3f"
        + bytes([channel])
        + (b"\x80" + body + b"\0\0" if indefinite else bytes([len(body)]) + body)
    )


def lead(number: int, order: str = "big") -> bytes:
    return tag(0x09, number.to_bytes(2, order))  # type: ignore[arg-type]


PREAMBLE = tag(0x40, b"MFR Standard 12 leads ECG")
MS_2, NV_2500 = tag(0x0B, b"\x01\xfd\x02"), tag(0x0C, b"\x00\xf7" + (2500).to_bytes(2, "big"))
END = b"\x80\x00"


def test_a_resting_ecg_in_mfer_is_read_with_what_holds_for_all_channels_said_once() -> None:
    rows = [RAMP, 2 * RAMP, 3 * RAMP]
    head = (
        PREAMBLE
        + MS_2
        + NV_2500
        + tag(0x05, b"\x03")
        + tag(0x04, (100).to_bytes(2, "big"))
        + tag(0x06, b"\x01")
    )
    head += (
        attribute(0, lead(1))
        + attribute(1, lead(62), indefinite=True)
        + attribute(2, lead(3), tag(0x0C, b"\x00\xfa\x0a"))
    )
    person = (
        tag(0x81, b"Mustermann^Erika")
        + tag(0x82, b"4711")
        + tag(0x84, b"\x02")
        + tag(0x83, struct.pack(">BHHBB", 0, 0, 1960, 5, 2))
    )
    beside = (
        person
        + tag(0x85, struct.pack(">H5BHH", 2024, 5, 1, 8, 27, 32, 0, 0))
        + tag(0x17, b"Maker^M1^9^8")
    )
    record = opened(head + beside + tag(0x1E, np.concatenate(rows).astype(">i2").tobytes()) + END)
    assert (record.lead_names, record.fs, record.recording_date) == (
        ("I", "aVR", "V1"),
        500.0,
        "2024-05-01T08:27:32",
    )
    np.testing.assert_allclose(record.signal, [RAMP * 2.5e-3, RAMP * 5e-3, RAMP * 0.03], rtol=1e-5)
    assert record.reported is not None and record.reported.device == "Maker / M1"
    assert (record.patient.age_years, record.patient.sex) == (63.0, "female")
    assert "Mustermann" not in repr(record) and "4711" not in repr(record)


@pytest.mark.parametrize(
    ("kind", "dtype"),
    [(0, "i2"), (1, "u2"), (2, "i4"), (3, "u1"), (5, "i1"), (6, "u4"), (7, "f4"), (8, "f8")],
)
@pytest.mark.parametrize(("order", "sign"), [(0, ">"), (1, "<")])
def test_every_data_type_in_either_byte_order_with_offset_and_gap(
    kind: int, dtype: str, order: int, sign: str
) -> None:
    values = np.arange(1, 101).astype(dtype)
    numbers = [np.array([value], dtype=sign + dtype).tobytes() for value in (5, 7)]
    head = (
        tag(0x01, bytes([order]))
        + tag(0x0B, b"\x00\x00\x64")
        + tag(0x0C, b"\x00\xfd\x01")
        + tag(0x0A, bytes([kind]))
    )
    head += (
        tag(0x0D, numbers[0])
        + tag(0x12, numbers[1])
        + tag(0x09, b"\x00\x02" if order == 0 else b"\x02\x00")
    )
    record = opened(head + tag(0x1E, values.astype(sign + dtype).tobytes()) + END)
    assert (record.lead_names, record.fs) == (("II",), 100.0)
    expected = np.where(values == 7, np.nan, values.astype(float) + 5)
    np.testing.assert_allclose(record.signal[0], expected, rtol=1e-6)


def test_sequences_of_blocks_and_frames_that_go_on_are_joined_and_average_beats_left_out() -> None:
    head = (
        PREAMBLE
        + MS_2
        + NV_2500
        + tag(0x05, b"\x02")
        + tag(0x04, b"\x0a")
        + attribute(0, lead(1))
        + attribute(1, lead(2))
    )
    blocks = (
        np.concatenate([np.concatenate([part, -part]) for part in RAMP.reshape(10, 10)])
        .astype(">i2")
        .tobytes()
    )
    beat = tag(0x08, b"\x09") + tag(0x1E, blocks) + tag(0x08, b"\x01")
    record = opened(head + beat + tag(0x1E, blocks) + tag(0x1E, blocks) + END)
    np.testing.assert_allclose(record.signal[0], np.tile(RAMP, 2) * 2.5e-3, rtol=1e-5)
    np.testing.assert_allclose(record.signal[1], -record.signal[0])


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (PREAMBLE + MS_2 + lead(1) + END, NoSamples),
        (PREAMBLE + MS_2 + lead(1) + b"\x1e\x84\xff\xff\xff\xff" + bytes(8), CorruptFile),
        (
            PREAMBLE + MS_2 + lead(1) + tag(0x05, b"\xff\xff") + tag(0x1E, bytes(200)) + END,
            CorruptFile,
        ),
        (
            PREAMBLE
            + MS_2
            + lead(1)
            + tag(0x04, b"\xff\xff\xff\xff")
            + tag(0x1E, bytes(200))
            + END,
            CorruptFile,
        ),
        (
            PREAMBLE
            + MS_2
            + lead(1)
            + tag(0x06, b"\xff\xff\xff\xff")
            + tag(0x1E, bytes(200))
            + END,
            CorruptFile,
        ),
        (
            PREAMBLE + MS_2 + lead(1) + tag(0x0A, b"\x09") + tag(0x1E, bytes(200)) + END,
            UnknownFormat,
        ),
        (
            PREAMBLE + MS_2 + lead(1) + tag(0x0E, b"\x00\x01") + tag(0x1E, bytes(200)) + END,
            UnknownFormat,
        ),
        (
            PREAMBLE + tag(0x0B, b"\x01\xfd\x00") + lead(1) + tag(0x1E, bytes(200)) + END,
            BadSamplingRate,
        ),
        (
            PREAMBLE + tag(0x0B, b"\x01\x7f\x01") + lead(1) + tag(0x1E, bytes(200)) + END,
            CorruptFile,
        ),
        (
            PREAMBLE + MS_2 + lead(1) + tag(0x0C, b"\x00\x00\x00") + tag(0x1E, bytes(200)) + END,
            CorruptFile,
        ),
        (PREAMBLE + b"\x67\x80" * 200, CorruptFile),
        (PREAMBLE + b"\x3f" + b"\xff" * 50, CorruptFile),
    ],
)
def test_an_mfer_file_that_cannot_be_is_refused(data: bytes, kind: type[EcgError]) -> None:
    with pytest.raises(kind):
        opened(data)


# FHIR


def sampled(data: str | None = None, **more: Any) -> dict[str, Any]:
    return {
        "origin": {"value": 10, "unit": "uV"},
        "period": 2,
        "factor": 5,
        "dimensions": 1,
        "data": data or " ".join(map(str, RAMP)),
    } | more


def component(
    code: str, data: dict[str, Any] | None = None, system: str = "code"
) -> dict[str, Any]:
    return {
        "code": {"coding": [{system: code}]},
        "valueSampledData": sampled() if data is None else data,
    }


def observation(*components: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "effectiveDateTime": "2024-05-01T08:27:32Z",
        "component": list(components),
    } | more


def fhir(resource: dict[str, Any]) -> EcgRecord:
    return opened(json.dumps(resource).encode())


def test_origin_factor_and_unit_are_applied_and_leads_found_by_code_or_name() -> None:
    record = fhir(
        observation(
            component("131329"),
            component("2:62"),
            component("MDC_ECG_ELEC_POTL_V1", system="display"),
            component("Lead V2", system="display"),
        )
    )
    assert (record.lead_names, record.fs, record.units) == (("I", "aVR", "V1", "V2"), 500.0, "mV")
    np.testing.assert_allclose(record.signal[0], (RAMP * 5 + 10) / 1000, rtol=1e-5)


@pytest.mark.parametrize(
    ("more", "fs"),
    [
        ({"period": 4}, 250.0),
        ({"interval": 4, "intervalUnit": "ms"}, 250.0),
        ({"interval": 250, "intervalUnit": "/s"}, 250.0),
        ({"interval": "0.004", "intervalUnit": "s"}, 250.0),
    ],
)
def test_the_rate_is_of_the_period_of_r4_or_the_interval_of_r5(
    more: dict[str, Any], fs: float
) -> None:
    assert fhir(observation(component("131329", sampled(**more)))).fs == fs


def bundle(*observations: dict[str, Any]) -> dict[str, Any]:
    return {"resourceType": "Bundle", "entry": [{"resource": one} for one in observations]}


def test_a_bundle_with_an_observation_for_each_lead_is_one_recording_and_others_are_several() -> (
    None
):
    one, two = (observation(component(code)) for code in ("131329", "131330"))
    assert fhir(bundle(one, two)).lead_names == ("I", "II")
    for other in (
        one,
        two | {"effectiveDateTime": "2024-05-02"},
        observation(component("131330", sampled() | {"period": 4})),
    ):
        with pytest.raises(SeveralRecordings):
            fhir(bundle(one, other))


def test_errors_and_values_beyond_the_limits_are_gaps_with_a_warning() -> None:
    record = fhir(observation(component("131329", sampled("1 E 2 L U 3"))))
    np.testing.assert_array_equal(
        np.isnan(record.signal[0]), [False, True, False, True, True, False]
    )
    assert any("gaps" in warning for warning in record.warnings)


def test_a_bundle_gives_age_and_sex_of_its_patient_and_intervals_and_no_name() -> None:
    interval = {
        "code": {"coding": [{"system": "http://loinc.org", "code": "8633-0"}]},
        "valueQuantity": {"value": 92, "unit": "ms"},
    }
    patient = {
        "resourceType": "Patient",
        "name": [{"family": "Mustermann"}],
        "birthDate": "1960-05-02",
        "gender": "female",
    }
    record = fhir(
        {
            "resourceType": "Bundle",
            "entry": [
                {"resource": patient},
                {"resource": observation(component("131329"), interval)},
            ],
        }
    )
    assert record.reported is not None
    assert (record.patient.age_years, record.patient.sex, record.reported.measurements) == (
        63.0,
        "female",
        {"qrs_ms": 92.0},
    )
    assert "Mustermann" not in repr(record)


def test_xml_is_read_like_json() -> None:
    origin = "<origin><value value='10'/><unit value='uV'/></origin>"
    data = f"{origin}<period value='2'/><factor value='5'/><dimensions value='1'/><data value='{' '.join(map(str, RAMP))}'/>"
    parts = "".join(
        f"<component><code><coding><code value='{code}'/></coding></code><valueSampledData>{data}</valueSampledData></component>"
        for code in ("131329", "131390")
    )
    inner = f"<Observation xmlns='http://hl7.org/fhir'><effectiveDateTime value='2024-05-01T08:27:32Z'/>{parts}</Observation>"
    same = fhir(observation(component("131329"), component("131390")))
    for text in (
        inner,
        f"<Bundle xmlns='http://hl7.org/fhir'><entry><resource>{inner}</resource></entry></Bundle>",
    ):
        record = opened(text.encode())
        assert (record.lead_names, record.recording_date) == (same.lead_names, same.recording_date)
        np.testing.assert_array_equal(record.signal, same.signal)


@pytest.mark.parametrize(
    ("resource", "kind"),
    [
        (observation(), NoSamples),
        ({"resourceType": "Patient"}, NoSamples),
        (observation(component("131329", sampled(period=0))), BadSamplingRate),
        (observation(component("131329", sampled(period="x"))), BadSamplingRate),
        (
            observation(component("131329", sampled(interval=1, intervalUnit="fortnight"))),
            BadSamplingRate,
        ),
        (observation(component("131329", sampled(factor=0))), CorruptFile),
        (observation(component("131329", sampled("1 two 3"))), CorruptFile),
        (observation(component("131329", sampled(dimensions=3))), CorruptFile),
        (observation(component("131329", sampled(dimensions=10**9))), CorruptFile),
        (observation(component("131329", sampled(data=7))), CorruptFile),
        (observation(component("131329"), component("131329")), DuplicateLead),
        (observation(component("8867-4")), UnknownLead),
        (
            {
                "resourceType": "Bundle",
                "entry": [{"resource": observation(component("131329"))}] * 2,
            },
            SeveralRecordings,
        ),
    ],
)
def test_a_resource_that_cannot_be_is_refused(
    resource: dict[str, Any], kind: type[EcgError]
) -> None:
    with pytest.raises(kind):
        fhir(resource)
