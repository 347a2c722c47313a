"""The shape of an attack, and what builds its bodies: small files of every format."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from tests.attacks.cost import MIB, Upload

JSON = "application/json"
MSGPACK = "application/msgpack"
LEADS = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")


@dataclass(frozen=True)
class Attack:
    """A body that costs more than it should, or once did.

    reader   what reads it, as docs/security.md calls it
    make     (count) -> the upload
    count    the count that the tests measure, and its double
    largest  the count at which the body, or a limit of the reader, is reached
    was      what the body did when it was found; "" if it is the reader's dearest valid or refused
             body and never did harm
    now      the outcomes that are allowed: "read", or codes of errors
    """

    name: str
    reader: str
    make: Callable[[int], Upload]
    count: int
    largest: int
    was: str
    now: tuple[str, ...]


_ATTACKS: dict[str, Attack] = {}


def attack(
    reader: str, *, count: int, largest: int, now: str, was: str = ""
) -> Callable[[Callable[[int], Upload]], Callable[[int], Upload]]:
    """Register the function below as an attack of its name. `now` separates outcomes by spaces."""

    def register(make: Callable[[int], Upload]) -> Callable[[int], Upload]:
        name = make.__name__
        assert name not in _ATTACKS, name
        _ATTACKS[name] = Attack(name, reader, make, count, largest, was, tuple(now.split()))
        return make

    return register


def registered() -> tuple[Attack, ...]:
    return tuple(_ATTACKS.values())


def form(files: Iterable[tuple[str, bytes]]) -> Upload:
    """Return an upload of several files."""
    body = io.BytesIO()
    for name, data in files:
        body.write(
            b"--b\r\nContent-Disposition: form-data; name=file; filename=%b\r\n\r\n" % name.encode()
        )
        body.write(data + b"\r\n")
    body.write(b"--b--\r\n")
    return Upload(body.getvalue(), "multipart/form-data; boundary=b")


def zipped(files: Iterable[tuple[str, bytes]]) -> Upload:
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, data in files:
            archive.writestr(name, data)
    return Upload(body.getvalue())


def deflated_zeros(mebibytes: int) -> bytes:
    """Return a raw deflate stream, as DICOM has it."""
    stream = zlib.compressobj(9, wbits=-zlib.MAX_WBITS)
    return b"".join(stream.compress(bytes(MIB)) for _ in range(mebibytes)) + stream.flush()


# DICOM, explicit and little-endian

SEQUENCE = struct.pack("<HH", 0x5400, 0x0100) + b"SQ\0\0"  # WaveformSequence, up to its length
ITEM = struct.pack("<HHI", 0xFFFE, 0xE000, 0)  # an empty item
OPEN_ITEM = struct.pack("<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF)  # of undefined length


def element(group: int, number: int, vr: bytes, value: bytes) -> bytes:
    value += b"\0" * (len(value) % 2)
    head = struct.pack("<HH", group, number) + vr
    if vr in (b"OB", b"OW", b"SQ"):
        return head + struct.pack("<HI", 0, len(value)) + value
    return head + struct.pack("<H", len(value)) + value


def dicom(data_set: bytes, syntax: bytes = b"1.2.840.10008.1.2.1", meta_bytes: int = 0) -> bytes:
    """Return a file; `meta_bytes` come before the transfer syntax."""
    meta = element(2, 1, b"OB", b"\0\1" + bytes(meta_bytes)) + element(2, 0x10, b"UI", syntax)
    length = element(2, 0, b"UL", struct.pack("<I", len(meta)))
    return bytes(128) + b"DICM" + length + meta + data_set


def dicom_group(channels: int, samples: int, lead: int = 1) -> bytes:
    """Return an item of the WaveformSequence, of int16 channels that are all the same lead."""
    code = element(8, 0x100, b"SH", b"2:%d" % lead)
    source = element(0x3A, 0x208, b"SQ", struct.pack("<HHI", 0xFFFE, 0xE000, len(code)) + code)
    channel = struct.pack("<HHI", 0xFFFE, 0xE000, len(source)) + source
    value = (
        element(0x3A, 5, b"US", struct.pack("<H", channels))
        + element(0x3A, 0x10, b"UL", struct.pack("<I", samples))
        + element(0x3A, 0x1A, b"DS", b"500")
        + element(0x3A, 0x200, b"SQ", channel * channels)
        + element(0x5400, 0x1004, b"US", struct.pack("<H", 16))
        + element(0x5400, 0x1006, b"CS", b"SS")
        + element(0x5400, 0x1010, b"OW", bytes(2 * channels * samples))
    )
    return struct.pack("<HHI", 0xFFFE, 0xE000, len(value)) + value


def edf(
    labels: Sequence[str], records: int, samples: int, *, reserved: str = "", bdf: bool = False
) -> bytes:
    """Return the header of an EDF file with records of 1 s, and without its data records."""
    count = len(labels)
    fields = [
        ("\xffBIOSEMI" if bdf else "0", 8), ("X X X X", 80), ("Startdate X X X X", 80),
        ("01.01.01", 8), ("01.01.01", 8), (str(256 * (count + 1)), 8), (reserved, 44),
        (str(records), 8), ("1", 8), (str(count), 4),
    ]  # fmt: skip
    for values, width in (
        (labels, 16), ([""] * count, 80), (["mV"] * count, 8), (["-1"] * count, 8),
        (["1"] * count, 8), (["-32768"] * count, 8), (["32767"] * count, 8), ([""] * count, 80),
        ([str(samples)] * count, 8), ([""] * count, 32),
    ):  # fmt: skip
        fields += [(value, width) for value in values]
    return b"".join(text.encode("latin-1").ljust(width)[:width] for text, width in fields)


def header(name: str, fs: int, frames: int, lines: Sequence[str]) -> bytes:
    """Return a WFDB header."""
    return "\n".join([f"{name} {len(lines)} {fs} {frames}", *lines, ""]).encode()


def plain_lines(file: str, leads: Sequence[str] = LEADS) -> list[str]:
    """Return the lines of int16 leads in a WFDB signal file."""
    return [f"{file} 16 200 16 0 0 0 0 {lead}" for lead in leads]
