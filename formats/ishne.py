"""ISHNE Holter files (.ecg): up to twelve leads of 16 bit, interleaved.

Source: Badilini F., The ISHNE Holter standard output file format, Ann Noninvasive Electrocardiol 1998;3:263
"""

from __future__ import annotations

import binascii
import struct
from collections.abc import Sequence
from typing import Final

import numpy as np

from errors import BadSamplingRate, CorruptFile
from formats import metadata
from formats.channels import Channel, DecodedFile, record_from_channels
from formats.hints import Hints
from formats.parts import About, Format, Part
from signals.record import EcgRecord, Reported, Sex

MAGIC: Final = b"ISHNE1.0"
HEADER_BYTES: Final = 522
MAX_LEADS: Final = 12
_BLOCK_AT: Final = 10  # behind magic and checksum
_SIZES: Final = struct.Struct(
    "<4i"
)  # variable block, samples, where the variable block and where the samples begin
_LEADS_AT: Final = (
    156  # number of leads, then three tables of twelve: lead, quality, resolution in nV
)
_RATE_AT: Final = 272
_SEX_AT: Final = 128  # then race, and three dates as day, month, year: birth, recording, file; then the start's clock
_RECORDER: Final = slice(232, 272)
_SEXES: Final[dict[int, Sex]] = {1: "male", 2: "female"}
_NAMES: Final = {
    2: "X", 3: "Y", 4: "Z", 5: "I", 6: "II", 7: "III", 8: "aVR", 9: "aVL", 10: "aVF", 11: "V1", 12: "V2", 13: "V3", 14: "V4", 15: "V5",
    16: "V6", 17: "ES", 18: "AS", 19: "AI",
}  # fmt: skip


def read(head: Part, parts: Sequence[Part], hints: Hints) -> EcgRecord:
    """The leads of an ISHNE file. Raises CorruptFile (sizes, gain 0), BadSamplingRate, UnknownLead, ..."""
    data = head.data
    if len(data) < HEADER_BYTES:
        raise CorruptFile(f"the ISHNE file has {len(data)} bytes, its header alone {HEADER_BYTES}")
    leads = int.from_bytes(data[_LEADS_AT : _LEADS_AT + 2], "little", signed=True)
    fs = int.from_bytes(data[_RATE_AT : _RATE_AT + 2], "little")
    if not 1 <= leads <= MAX_LEADS:
        raise CorruptFile(f"the ISHNE header states {leads} leads; 1 to {MAX_LEADS} are possible")
    if fs == 0:
        raise BadSamplingRate("fs: the ISHNE header's sampling rate is 0", loc=("fs",))
    start, samples = _extent(data, leads)
    codes = np.frombuffer(data, "<i2", samples * leads, start).reshape(samples, leads)
    tables = struct.unpack_from("<36h", data, _LEADS_AT + 2)
    kinds, resolutions = tables[:MAX_LEADS], tables[2 * MAX_LEADS :]
    channels = [
        Channel(
            _NAMES.get(kinds[row], f"lead {kinds[row]}"),
            codes[:, row],
            "nV",
            float(resolutions[row]),
        )
        for row in range(leads)
    ]
    sex, _, *dates = struct.unpack_from("<14h", data, _SEX_AT)
    (day, month, year), clock = dates[3:6], dates[9:12]
    date = metadata.iso_datetime_from_parts(year, month, day, *clock)
    age = metadata.age_at_recording(
        metadata.iso_datetime_from_parts(dates[2], dates[1], dates[0]), date
    )
    patient, said = metadata.plausible_patient(age, _SEXES.get(sex))
    device = metadata.device_name(data[_RECORDER].split(b"\0")[0].decode("latin-1"))
    recording = DecodedFile(
        "ISHNE",
        float(fs),
        channels,
        patient,
        Reported(date, device),
        (*_checksum(data, start), *said),
    )
    return record_from_channels(recording, hints)


def _extent(data: bytes, leads: int) -> tuple[int, int]:
    """Where the samples begin, and how many there are of each lead. Writers state them for one lead (as the text has it) or for all."""
    _, stated, _, start = _SIZES.unpack_from(data, _BLOCK_AT)
    if not HEADER_BYTES <= start <= len(data) or stated < 0:
        raise CorruptFile(
            f"the ISHNE header states {stated} samples from byte {start}; the file has {len(data)} bytes"
        )
    there = (len(data) - start) // (2 * leads)
    if stated == there * leads and leads > 1:
        return start, there
    if not 0 < stated <= there:
        raise CorruptFile(f"the ISHNE header states {stated} samples a lead; {there} are there")
    return start, stated


def _checksum(data: bytes, start: int) -> tuple[str, ...]:
    """CRC-16/CCITT of the header behind it; many writers leave it 0."""
    stated = int.from_bytes(data[len(MAGIC) : _BLOCK_AT], "little")
    if not stated or stated == binascii.crc_hqx(data[_BLOCK_AT:start], 0xFFFF):
        return ()
    return ("file: the checksum of the ISHNE header is wrong; the header may be damaged",)


FORMAT = Format(
    name="ISHNE Holter",
    detect=lambda part: part.data.startswith(MAGIC),
    read=read,
    about=About(
        variants="version 1.0, 1 to 12 leads; ten minutes at most, as of every recording",
        parser="our own, after the published description",
        metadata="start, age at that time, sex, recorder",
        ignored="leads X, Y, Z, ES, AS, AI; annotation files; names and numbers of persons",
        sample_files=(
            "ishne/made_12lead_100hz.ecg: made from a real recording; no real file was found",
        ),
    ),
)
