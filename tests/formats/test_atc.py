"""AliveCor's ATC files: encoded here after specification 1.7, and the samples of its readers."""

from __future__ import annotations

import struct
from collections.abc import Callable

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
    UnsafeFile,
)
from formats.hints import Hints
from formats.lead_names import LeadNames
from formats.parts import Part
from formats.registry import read
from signals.leads import LEADS
from signals.record import EcgRecord
from tests.data import SHARED, requires_shared
from tests.formats.binary_files import (
    ATC_LEADS,
    ATC_SIGNATURE,
    atc,
    atc_block,
    atc_format,
    atc_info,
    byte_sum,
    crc32,
    signed_byte_sum,
)

RAMP = np.arange(-300, 300)
SAMPLES = SHARED / "more_formats" / "atc"


def opened(data: bytes, hints: Hints | None = None) -> EcgRecord:
    return read([Part("upload", data)], hints or Hints())


@pytest.mark.parametrize("count", [1, 6, 12])
def test_each_block_is_its_lead(count: int) -> None:
    rows = {lead: RAMP + 10 * row for row, lead in enumerate(LEADS[:count])}
    record = opened(atc(rows))
    assert (record.lead_names, record.fs, record.units) == (LEADS[:count], 300.0, "mV")
    # codes x 500 nV
    np.testing.assert_allclose(record.signal, np.array([*rows.values()]) * 5e-4, rtol=1e-6)
    assert record.warnings == ()


@pytest.mark.parametrize(("fs", "nanovolts"), [(300, 500), (250, 1000), (1000, 125)])
def test_rate_and_resolution_are_those_of_the_format_block(fs: int, nanovolts: int) -> None:
    record = opened(atc({"II": RAMP}, form=atc_format(fs, nanovolts)))
    assert (record.lead_names, record.fs) == (("II",), float(fs))
    np.testing.assert_allclose(record.signal[0], RAMP * nanovolts * 1e-6, rtol=1e-6)


def test_date_and_recorder_are_read_and_identifiers_are_not() -> None:
    record = opened(atc({"I": RAMP}))
    assert record.recording_date == "2024-05-01T08:27:32"
    assert record.reported is not None
    assert record.reported.device == "kardia_mobile / AliveECG v1"
    shown = repr(record)
    assert not [word for word in ("4711", "Erika", "58E0A7D7", "Phone") if word in shown]


@pytest.mark.parametrize("info", [b"", bytes(264), b" " * 264, atc_info("yesterday")[:40]])
def test_an_info_block_without_a_date_gives_none(info: bytes) -> None:
    record = opened(atc({"I": RAMP}, info=info))
    assert record.recording_date is None
    assert record.warnings == ()


@pytest.mark.parametrize("checksum", [byte_sum, signed_byte_sum, crc32])
def test_the_checksums_that_files_have_are_accepted(checksum: Callable[[bytes], int]) -> None:
    record = opened(atc({"I": RAMP, "II": -RAMP}, checksum=checksum))
    assert (record.samples, record.warnings) == (600, ())


@pytest.mark.parametrize("identifier", [b"info", b"fmt ", b"ecg ", b"ann ", b"zzzz"])
@pytest.mark.parametrize("bit", [0, 7])
def test_a_block_with_a_wrong_checksum_is_refused(identifier: bytes, bit: int) -> None:
    good = atc({"I": RAMP}, atc_block(b"ann ", bytes(10)), atc_block(b"zzzz", bytes(10)))
    data = bytearray(good)
    # The last byte of the data, which no other check looks at.
    head = good.index(identifier)
    size = struct.unpack_from("<I", good, head + 4)[0]
    data[head + 8 + size - 1] ^= 1 << bit
    with pytest.raises(CorruptFile) as caught:
        opened(bytes(data))
    assert caught.value.detail == f'ATC block "{identifier.decode()}": the checksum is wrong'


def test_blocks_without_a_use_are_left_out_and_unknown_ones_named() -> None:
    beats = [atc_block(name, bytes(900)) for name in (b"avg ", b"med2", b"ann ", b"acc ", b"pre ")]
    assert opened(atc({"I": RAMP}, *beats)).warnings == ()
    record = opened(atc({"I": RAMP}, atc_block(b"zz\0\x80", b"1"), atc_block(b"ecgd", b"")))
    assert record.lead_names == ("I",)
    assert record.warnings == ("file: unknown ATC blocks, left out: zz, ecgd",)


@pytest.mark.parametrize("version", [0, 1, 6, 2**32 - 1])
def test_an_unknown_version_is_read_with_a_warning(version: int) -> None:
    assert opened(atc({"I": RAMP}, version=version)).warnings == (
        f"file: ATC version {version}; the versions 2 to 5 are known",
    )


@pytest.mark.parametrize("version", [2, 3, 4, 5])
def test_the_known_versions_are_read_without_one(version: int) -> None:
    assert opened(atc({"I": RAMP}, version=version)).warnings == ()


@pytest.mark.parametrize("surplus", [1, 8, 11])
def test_bytes_after_the_last_block_are_named(surplus: int) -> None:
    assert opened(atc({"I": RAMP}) + bytes(surplus)).warnings == (
        f"file: {surplus} bytes after the last ATC block, ignored",
    )


def _without_format(data: bytes) -> bytes:
    return data.replace(atc_block(b"fmt ", atc_format()), b"")


@pytest.mark.parametrize(
    ("data", "kind", "detail"),
    [
        (ATC_SIGNATURE + b"\4", CorruptFile, "the ATC file has 9 bytes; its header has 12"),
        (
            _without_format(atc({"I": RAMP})),
            CorruptFile,
            'ATC block "fmt ": 0 bytes; 8 state the sampling rate and resolution',
        ),
        (
            atc({"I": RAMP}, form=atc_format()[:7]),
            CorruptFile,
            'ATC block "fmt ": 7 bytes; 8 state the sampling rate and resolution',
        ),
        (
            atc({"I": RAMP})[:-5],
            CorruptFile,
            'ATC block "ecg ": 1200 bytes stated, 1195 are left',
        ),
        (
            atc({}, atc_block(b"ecg ", b"123")),
            CorruptFile,
            'ATC block "ecg ": 3 bytes; a sample has two',
        ),
        (
            atc({"I": RAMP}, atc_block(b"ecg ", bytes(1200))),
            CorruptFile,
            'the ATC file has two blocks "ecg "',
        ),
        (
            atc({"I": RAMP}, atc_block(b"fmt ", atc_format(500))),
            CorruptFile,
            'the ATC file has two blocks "fmt "',
        ),
        (
            atc({"I": RAMP}, form=atc_format(sample_format=2)),
            UnknownFormat,
            "ATC samples of format 2; 1 (16 bits) is supported",
        ),
        (
            atc({"I": RAMP}, form=atc_format(fs=0)),
            BadSamplingRate,
            "fs: the ATC file's sampling rate is 0",
        ),
        (
            atc({"I": RAMP}, form=atc_format(nanovolts=0)),
            CorruptFile,
            "no lead of the ATC file can be read: I: its gain is 0",
        ),
        (atc({}), NoSamples, "the ATC file has no block of samples (ecg)"),
        (atc({"I": []}), NoSamples, "the ATC file has no samples"),
        (
            atc({"I": RAMP, "II": RAMP[1:]}),
            RaggedSignal,
            "the ATC file has leads of unequal length (I 600, II 599)",
        ),
        (
            atc({"I": RAMP}, *[atc_block(b"ann ", b"")] * 254),
            UnsafeFile,
            "the ATC file has more than 256 blocks",
        ),
    ],
)
def test_an_inconsistent_file_is_refused(data: bytes, kind: type[EcgError], detail: str) -> None:
    with pytest.raises(kind) as caught:
        opened(data)
    assert caught.value.detail == detail


def test_the_request_may_rename_a_lead() -> None:
    record = opened(atc({"I": RAMP}), Hints(lead_names=LeadNames(("V2",))))
    assert record.lead_names == ("V2",)
    assert record.warnings == (
        "lead_names: the request contradicts the file; the request's value is used",
    )
    with pytest.raises(DuplicateLead):
        opened(atc({"I": RAMP, "II": RAMP}), Hints(lead_names=LeadNames(("V2", "V2"))))


@requires_shared
@pytest.mark.parametrize(
    ("name", "leads", "samples", "date"),
    [
        ("1_lead.atc", LEADS[:1], 9000, "2016-06-01T18:15:25"),
        ("6_lead.atc", LEADS[:6], 9000, "2018-10-10T11:13:11"),
        ("normal-v2.atc", LEADS[:1], 9000, "2012-04-03T14:17:43"),
        ("test_AFib_ef.atc", LEADS[:1], 8999, None),
    ],
)
def test_the_samples_of_the_makers_readers_are_read(
    name: str, leads: tuple[str, ...], samples: int, date: str | None
) -> None:
    data = (SAMPLES / name).read_bytes()
    record = opened(data)
    assert (record.lead_names, record.samples, record.fs) == (leads, samples, 300.0)
    assert (record.recording_date, record.warnings) == (date, ())
    # The maker's readers: 16-bit numbers after the block's identifier and length, 500 nV each.
    for lead, row in zip(record.lead_names, record.signal, strict=True):
        at = data.index(ATC_LEADS[lead] + struct.pack("<I", 2 * samples)) + 8
        codes = np.frombuffer(data, "<i2", samples, at)
        np.testing.assert_allclose(row, codes * 5e-4, rtol=1e-6)


@requires_shared
def test_the_makers_file_with_a_broken_checksum_is_refused() -> None:
    with pytest.raises(CorruptFile) as caught:
        opened((SAMPLES / "broken_checksum.atc").read_bytes())
    assert caught.value.detail == 'ATC block "ecg ": the checksum is wrong'
