"""Read ISHNE Holter files (.ecg): up to twelve interleaved leads of 16 bits.

Source: Badilini F., The ISHNE Holter standard output file format, Ann Noninvasive Electrocardiol
1998;3:263
"""

from __future__ import annotations

import binascii
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from errors import BadSamplingRate, CorruptFile
from formats import metadata
from formats.channels import record_from_channels
from formats.decoded import Channel, DecodedFile
from formats.hints import Hints
from formats.parts import About, Format, Part
from signals.record import EcgRecord, Patient, Reported, Sex

MAGIC: Final = b"ISHNE1.0"
HEADER_BYTES: Final = 522
MAX_LEADS: Final = 12
# Offsets in bytes. The block that the checksum covers follows the magic and the checksum.
_BLOCK_AT: Final = 10
# Bytes of the variable block, samples, offset of the variable block, offset of the samples.
_SIZES: Final = struct.Struct("<4i")
# Sex, race, then three dates as day, month, year (birth, recording, file), then the start's time.
_PERSON_AT: Final = 128
_PERSON: Final = struct.Struct("<14h")
# Number of leads, then three tables of twelve: lead, quality, resolution in nV.
_LEADS_AT: Final = 156
_TABLES: Final = struct.Struct("<36h")
_RECORDER: Final = slice(232, 272)
_RATE_AT: Final = 272
_SEXES: Final[dict[int, Sex]] = {1: "male", 2: "female"}
_NAMES: Final = {
    2: "X", 3: "Y", 4: "Z", 5: "I", 6: "II", 7: "III", 8: "aVR", 9: "aVL", 10: "aVF", 11: "V1",
    12: "V2", 13: "V3", 14: "V4", 15: "V5", 16: "V6", 17: "ES", 18: "AS", 19: "AI",
}  # fmt: skip


@dataclass(frozen=True)
class Header:
    """The header of a file.

    leads     name and resolution in nV of each lead
    start     offset of the first sample in bytes
    samples   of a lead
    """

    leads: tuple[tuple[str, float], ...]
    fs: float
    start: int
    samples: int
    patient: Patient
    reported: Reported
    warnings: tuple[str, ...]


def read(head: Part, parts: Sequence[Part], hints: Hints) -> EcgRecord:
    """Read the leads of an ISHNE file.

    Raises CorruptFile (sizes, gain 0), BadSamplingRate, and the errors of
    `channels.record_from_channels`.
    """
    data = head.data
    header = parse_header(data, len(data))
    leads = len(header.leads)
    codes = np.frombuffer(data, "<i2", header.samples * leads, header.start)
    codes = codes.reshape(header.samples, leads)
    channels = [
        Channel(name, codes[:, row], "nV", nanovolts)
        for row, (name, nanovolts) in enumerate(header.leads)
    ]
    decoded = DecodedFile(
        "ISHNE", header.fs, channels, header.patient, header.reported, header.warnings
    )
    return record_from_channels(decoded, hints)


def parse_header(data: bytes, file_bytes: int) -> Header:
    """Parse the header. Raises CorruptFile, BadSamplingRate.

    data        the file, or its beginning; the checksum is compared if it reaches to the samples
    file_bytes  size of the file
    """
    if len(data) < HEADER_BYTES:
        raise CorruptFile(
            f"the ISHNE file has {len(data)} bytes; its header alone has {HEADER_BYTES}"
        )
    leads = int.from_bytes(data[_LEADS_AT : _LEADS_AT + 2], "little", signed=True)
    fs = int.from_bytes(data[_RATE_AT : _RATE_AT + 2], "little")
    if not 1 <= leads <= MAX_LEADS:
        raise CorruptFile(f"the ISHNE header states {leads} leads; 1 to {MAX_LEADS} are allowed")
    if fs == 0:
        raise BadSamplingRate("fs: the ISHNE header's sampling rate is 0", loc=("fs",))
    start, samples, extent_warnings = _extent(data, file_bytes, leads)
    tables = _TABLES.unpack_from(data, _LEADS_AT + 2)
    names = [_NAMES.get(code, f"lead {code}") for code in tables[:leads]]
    resolutions = map(float, tables[2 * MAX_LEADS : 2 * MAX_LEADS + leads])
    patient, reported, patient_warnings = _parse_person(data)
    return Header(
        tuple(zip(names, resolutions, strict=True)),
        float(fs),
        start,
        samples,
        patient,
        reported,
        (*_checksum_warnings(data, start), *extent_warnings, *patient_warnings),
    )


def _parse_person(data: bytes) -> tuple[Patient, Reported, tuple[str, ...]]:
    """Return patient, date and recorder, with warnings."""
    (
        sex, _race,
        birth_day, birth_month, birth_year,
        day, month, year,
        _file_day, _file_month, _file_year,
        hour, minute, second,
    ) = _PERSON.unpack_from(data, _PERSON_AT)  # fmt: skip
    date = metadata.iso_datetime_from_parts(year, month, day, hour, minute, second)
    born = metadata.iso_datetime_from_parts(birth_year, birth_month, birth_day)
    age = metadata.age_at_recording(born, date)
    patient, warnings = metadata.plausible_patient(age, _SEXES.get(sex))
    recorder = data[_RECORDER].split(b"\0")[0].decode("latin-1")
    return patient, Reported(date, metadata.device_name(recorder)), warnings


def _extent(data: bytes, file_bytes: int, leads: int) -> tuple[int, int, tuple[str, ...]]:
    """Return the offset of the samples, their number per lead, and a warning for further bytes.

    Raises CorruptFile.

    The header states the samples of one lead, as the specification says, or of all leads together,
    as some writers do.
    """
    _, stated, _, start = _SIZES.unpack_from(data, _BLOCK_AT)
    if not HEADER_BYTES <= start <= file_bytes:
        raise CorruptFile(
            f"the ISHNE header states samples from byte {start}; bytes {HEADER_BYTES} to "
            f"{file_bytes} of the file are allowed"
        )
    available = (file_bytes - start) // (2 * leads)
    if stated == available * leads and leads > 1:
        stated = available
    if not 0 < stated <= available:
        raise CorruptFile(
            f"the ISHNE header states {stated} samples per lead; the file has {available}"
        )
    needed = 2 * leads * stated
    surplus = file_bytes - start - needed
    if not surplus:
        return start, stated, ()
    # It may hold as many times the leads, interleaved. Read as stated, it would have a fraction of
    # its sampling rate.
    if surplus % needed == 0:
        raise CorruptFile(
            f"the ISHNE file has {needed + surplus} bytes of samples, {needed} belong to the leads "
            f"and samples that its header states; it may hold {surplus // needed + 1} times as "
            "many leads"
        )
    warning = (
        f"file: {surplus} bytes ({available - stated} samples a lead) after the samples that the "
        "ISHNE header states, left out"
    )
    return start, stated, (warning,)


def _checksum_warnings(data: bytes, start: int) -> tuple[str, ...]:
    """Return a warning if the CRC-16/CCITT of the header is wrong. Many writers leave it 0."""
    stated = int.from_bytes(data[len(MAGIC) : _BLOCK_AT], "little")
    if not stated or start > len(data):
        return ()
    if stated == binascii.crc_hqx(data[_BLOCK_AT:start], 0xFFFF):
        return ()
    return ("file: the checksum of the ISHNE header is wrong; the header may be damaged",)


FORMAT = Format(
    name="ISHNE Holter",
    detect=lambda part: part.data.startswith(MAGIC),
    read=read,
    about=About(
        variants="version 1.0, 1 to 12 leads; at most ten minutes, as for every recording",
        parser="our own, from the published description",
        metadata="start, age at that time, sex, recorder",
        ignored="leads X, Y, Z, ES, AS, AI; annotation files; names and identifiers of persons",
        sample_files=(
            "ishne/made_12lead_100hz.ecg: made from a real recording; no real file was found",
        ),
    ),
)
