"""ISHNE Holter files that the shared file does not cover, encoded here after Badilini 1998."""

from __future__ import annotations

import binascii
import struct

import numpy as np
import pytest

from errors import (
    BadSamplingRate,
    CorruptFile,
    DuplicateLead,
    EcgError,
    UnknownLead,
)
from formats.lead_names import HOW_TO_NAME
from formats.parts import Part
from formats.registry import read
from signals.record import EcgRecord

RAMP = np.arange(-50, 50)
HEADER_BYTES = 522


def opened(data: bytes) -> EcgRecord:
    return read([Part("upload", data)])


def ishne(
    rows: list[np.ndarray],
    codes: list[int],
    *,
    stated: int | None = None,
    block: bytes = b"",
    resolutions: list[int] | None = None,
    fs: int = 200,
    crc: int | None = None,
    sex: int = 2,
) -> bytes:
    """Encode leads of equal length. `crc` replaces the header's checksum."""
    leads = len(rows)
    resolutions = [2500] * leads if resolutions is None else resolutions
    samples = len(rows[0]) if stated is None else stated
    sizes = struct.pack("<4ih", len(block), samples, HEADER_BYTES, HEADER_BYTES + len(block), 1)
    names = b"Erika".ljust(40, b"\0") + b"Mustermann".ljust(40, b"\0") + b"4711".ljust(20, b"\0")
    dates = struct.pack("<3h3h3h3h", 2, 5, 1960, 1, 5, 2024, 2, 6, 2025, 8, 27, 32)
    tables = struct.pack(
        "<h12h12h12h",
        leads,
        *(codes + [-9] * (12 - leads)),
        *([1] * 12),
        *(resolutions + [-9] * (12 - leads)),
    )
    recorder = struct.pack("<h", 0) + b"Recorder".ljust(40, b"\0") + struct.pack("<h", fs)
    person = struct.pack("<2h", sex, 0)
    header = sizes + names + person + dates + tables + recorder + bytes(248) + block
    checksum = binascii.crc_hqx(header, 0xFFFF) if crc is None else crc
    samples_bytes = np.stack(rows, axis=1).astype("<i2").tobytes()
    return b"ISHNE1.0" + struct.pack("<H", checksum) + header + samples_bytes


def test_leads_have_their_own_resolution_and_other_leads_are_named() -> None:
    rows = [RAMP, 2 * RAMP, RAMP + 7, 100 - RAMP]
    record = opened(ishne(rows, [11, 8, 2, 18], block=b"anything", resolutions=[2500, 500, 1, 1]))
    assert record.lead_names == ("V1", "aVR")
    assert (record.fs, record.units) == (200.0, "mV")
    # codes x resolution in nV / 1e6
    np.testing.assert_allclose(record.signal, [RAMP * 2.5e-3, 2 * RAMP * 0.5e-3], rtol=1e-6)
    assert record.warnings == ("lead_names: not a standard lead in volts, left out: X, AS",)


def test_the_start_age_sex_and_recorder_are_read_and_the_name_is_not() -> None:
    record = opened(ishne([RAMP], [5]))
    assert record.recording_date == "2024-05-01T08:27:32"
    assert record.reported is not None
    assert record.reported.recording_date == "2024-05-01T08:27:32"
    assert record.reported.device == "Recorder"
    # Born on 2 May 1960, one day before the 64th birthday.
    assert (record.patient.age_years, record.patient.sex) == (63.0, "female")
    assert record.warnings == ()
    assert "Mustermann" not in repr(record) and "4711" not in repr(record)
    assert opened(ishne([RAMP], [5], sex=1)).patient.sex == "male"
    assert opened(ishne([RAMP], [5], sex=0)).patient.sex is None


ALL_CODES = dict(
    zip(
        range(5, 17),
        ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6"),
        strict=True,
    )
)


def test_each_code_is_its_lead() -> None:
    rows = [RAMP + code for code in ALL_CODES]
    record = opened(ishne(rows, list(ALL_CODES)))
    assert record.lead_names == tuple(ALL_CODES.values())
    np.testing.assert_allclose(record.signal, np.array(rows) * 2.5e-3, rtol=1e-5)
    assert record.warnings == ()


@pytest.mark.parametrize(("code", "name"), [(3, "Y"), (4, "Z"), (17, "ES"), (19, "AI"), (0, "0")])
def test_other_codes_are_named_in_the_warning(code: int, name: str) -> None:
    shown = f"lead {code}" if name == "0" else name
    assert opened(ishne([RAMP, RAMP], [5, code])).warnings == (
        f"lead_names: not a standard lead in volts, left out: {shown}",
    )


@pytest.mark.parametrize(
    ("stated", "samples"),
    [(100, 100), (200, 100), (90, 90), (51, 51)],
)
def test_the_header_states_samples_of_one_lead_or_of_all(stated: int, samples: int) -> None:
    record = opened(ishne([RAMP, -RAMP], [5, 6], stated=stated))
    surplus = 100 - samples
    assert record.warnings == (
        (
            f"file: {4 * surplus} bytes ({surplus} samples a lead) after the samples that the "
            "ISHNE header states, left out",
        )
        if surplus
        else ()
    )
    np.testing.assert_allclose(
        record.signal, np.array([RAMP[:samples], -RAMP[:samples]]) * 2.5e-3, rtol=1e-5
    )


@pytest.mark.parametrize(("leads", "times"), [(1, 2), (2, 4), (2, 100)])
def test_a_file_that_may_hold_more_leads_than_stated_is_refused(leads: int, times: int) -> None:
    rows = [RAMP] * leads
    with pytest.raises(CorruptFile) as caught:
        opened(ishne(rows, [5, 6][:leads], stated=100 // times))
    assert caught.value.detail == (
        f"the ISHNE file has {200 * leads} bytes of samples, {200 * leads // times} belong to the "
        f"leads and samples that its header states; it may hold {times} times as many leads"
    )


@pytest.mark.parametrize("surplus", [1, 2, 3])
def test_bytes_of_an_incomplete_sample_are_named(surplus: int) -> None:
    record = opened(ishne([RAMP, -RAMP], [5, 6]) + bytes(surplus))
    assert record.samples == 100
    assert record.warnings == (
        f"file: {surplus} bytes (0 samples a lead) after the samples that the ISHNE header states, "
        "left out",
    )


def test_a_checksum_of_0_is_accepted_and_a_wrong_one_is_a_warning() -> None:
    assert opened(ishne([RAMP], [5])).warnings == ()
    assert opened(ishne([RAMP], [5], crc=0)).warnings == ()
    assert opened(ishne([RAMP], [5], crc=1)).warnings == (
        "file: the checksum of the ISHNE header is wrong; the header may be damaged",
    )


@pytest.mark.parametrize(
    ("data", "kind", "detail"),
    [
        (
            ishne([RAMP], [5], stated=101),
            CorruptFile,
            "the ISHNE header states 101 samples per lead; the file has 100",
        ),
        (
            ishne([RAMP, RAMP], [5, 6], stated=199),
            CorruptFile,
            "the ISHNE header states 199 samples per lead; the file has 100",
        ),
        (
            ishne([RAMP], [5], stated=-1),
            CorruptFile,
            "the ISHNE header states -1 samples per lead; the file has 100",
        ),
        (
            ishne([RAMP], [5], stated=0),
            CorruptFile,
            "the ISHNE header states 0 samples per lead; the file has 100",
        ),
        (ishne([RAMP], [5], fs=0), BadSamplingRate, "fs: the ISHNE header's sampling rate is 0"),
        (
            ishne([RAMP], [5], resolutions=[0]),
            CorruptFile,
            "no lead of the ISHNE file can be read: I: its gain is 0",
        ),
        (
            ishne([RAMP], [2]),
            UnknownLead,
            f"no standard lead in volts among the ISHNE channels (X); {HOW_TO_NAME}",
        ),
        (ishne([RAMP, RAMP], [5, 5]), DuplicateLead, None),
        (
            ishne([RAMP], [5])[:521],
            CorruptFile,
            "the ISHNE file has 521 bytes; its header alone has 522",
        ),
        (
            ishne([RAMP], [5])[:522],
            CorruptFile,
            "the ISHNE header states 100 samples per lead; the file has 0",
        ),
    ],
)
def test_an_inconsistent_file_is_refused(
    data: bytes, kind: type[EcgError], detail: str | None
) -> None:
    with pytest.raises(kind) as caught:
        opened(data)
    assert detail is None or caught.value.detail == detail


@pytest.mark.parametrize("leads", [-1, 0, 13])
def test_a_header_of_no_or_too_many_leads_is_refused(leads: int) -> None:
    data = bytearray(ishne([RAMP], [5], crc=0))
    data[156:158] = struct.pack("<h", leads)
    with pytest.raises(CorruptFile) as caught:
        opened(bytes(data))
    assert caught.value.detail == f"the ISHNE header states {leads} leads; 1 to 12 are allowed"


@pytest.mark.parametrize("start", [521, 723])
def test_samples_that_start_in_the_header_or_after_the_file_are_refused(start: int) -> None:
    data = bytearray(ishne([RAMP], [5], crc=0))
    assert len(data) == 722
    data[22:26] = struct.pack("<i", start)
    with pytest.raises(CorruptFile) as caught:
        opened(bytes(data))
    assert caught.value.detail == (
        f"the ISHNE header states samples from byte {start}; bytes 522 to 722 of the file are "
        "allowed"
    )
