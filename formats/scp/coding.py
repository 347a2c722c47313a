"""SCP-ECG's compression: Huffman codes and differences -> whole numbers.

Source: EN 1064:2005+A1, clause 5.5 (section 2), 5.8 and 5.9, annex C (the default table)
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from errors import CorruptFile, UnknownFormat

Codes = NDArray[np.int64]

DEFAULT_TABLE: Final = 19_999
MAX_TABLES: Final = 16
MAX_CODES: Final = 256
MAX_CODE_BITS: Final = 40
_CODE: Final = struct.Struct(
    "<BBBhI"
)  # prefix bits, all bits, switch, base value, base code (first bit lowest)


@dataclass(frozen=True)
class Code:
    """One line of a table. `literal_bits` follow the prefix and are the value itself; 0: the value is `value`."""

    prefix: int
    prefix_bits: int
    literal_bits: int
    value: int


Table = tuple[Code, ...]


def default_table() -> Table:
    """0 is 0; k ones (1 to 8), a 0 and a sign are +-k; nine ones and a 0 an 8-bit number, ten ones a 16-bit one."""
    small = [
        Code((((1 << k) - 1) << 2) | sign, k + 2, 0, -k if sign else k)
        for k in range(1, 9)
        for sign in (0, 1)
    ]
    return (Code(0, 1, 0, 0), *small, Code(0b1111111110, 10, 8, 0), Code(0b1111111111, 10, 16, 0))


def tables_of(section: bytes | None) -> tuple[Table, ...]:
    """Section 2 -> its tables; none where the samples are plain 16-bit numbers. Raises CorruptFile, UnknownFormat."""
    if section is None or len(section) < 2:
        return ()
    count = int.from_bytes(section[:2], "little")
    if count == DEFAULT_TABLE:
        return (default_table(),)
    if count > MAX_TABLES:
        raise CorruptFile(
            f"the SCP-ECG record states {count} Huffman tables; at most {MAX_TABLES} are read"
        )
    if count > 1:
        raise UnknownFormat(
            "SCP-ECG with several Huffman tables that switch from one to the other is not read"
        )
    return (_table(section[2:]),) if count else ()


def _table(data: bytes) -> Table:
    count = int.from_bytes(data[:2], "little")
    if not 0 < count <= MAX_CODES or len(data) < 2 + count * _CODE.size:
        raise CorruptFile(
            f"a Huffman table of the SCP-ECG record states {count} codes, which cannot be"
        )
    codes = []
    for row in range(count):
        prefix_bits, all_bits, switch, value, reversed_prefix = _CODE.unpack_from(
            data, 2 + row * _CODE.size
        )
        if not 0 < prefix_bits <= all_bits <= MAX_CODE_BITS or prefix_bits > 32:
            raise CorruptFile(
                "a code of the SCP-ECG record's Huffman table has a length that cannot be"
            )
        if switch != 1:
            raise UnknownFormat(
                "SCP-ECG with several Huffman tables that switch from one to the other is not read"
            )
        prefix = int(f"{reversed_prefix:032b}"[::-1][:prefix_bits], 2)
        codes.append(Code(prefix, prefix_bits, all_bits - prefix_bits, value))
    return tuple(codes)


def decode(data: bytes, tables: tuple[Table, ...], count: int, differences: int) -> Codes:
    """(count,) samples of one lead. Raises CorruptFile where there are fewer, UnknownFormat for an unknown kind of differences."""
    values = _unhuffman(data, tables[0], count) if tables else _plain(data, count)
    if len(values) < count:
        raise CorruptFile(
            f"a lead of the SCP-ECG record states {count} samples; {len(values)} are there"
        )
    return integrated(values, differences)


def _plain(data: bytes, count: int) -> Codes:
    return np.frombuffer(data, "<i2", min(len(data) // 2, count)).astype(np.int64)


def integrated(values: Codes, differences: int) -> Codes:
    """Undo first or second differences; the first (two) values are samples themselves."""
    if differences == 0:
        return values
    if differences == 1:
        return values.cumsum()
    if differences == 2:
        if len(values) < 2:
            return values
        slope = np.concatenate([[values[1] - values[0]], values[2:]]).cumsum()
        whole: Codes = np.concatenate([values[:1], slope]).cumsum()
        return whole
    raise UnknownFormat(f"SCP-ECG differences of kind {differences}; 0, 1 and 2 are read")


def _unhuffman(data: bytes, table: Table, count: int) -> Codes:
    """At most `count` values. For every bit of the data, which code would begin there and where the next one would: then the
    chain is followed from the first bit, which is the only part that cannot be done for all at once."""
    bits = 8 * len(data)
    value, length = np.zeros(bits, np.int64), np.zeros(bits, np.int64)
    window = _windows(data)
    for code in table:
        here = (length == 0) & (
            window >> np.uint64(64 - code.prefix_bits) == np.uint64(code.prefix)
        )
        value[here] = _literal(window[here], code) if code.literal_bits else code.value
        length[here] = code.prefix_bits + code.literal_bits
    following = (np.arange(bits) + length).tolist()
    places: list[int] = []
    at = 0
    while at < bits and len(places) < count:
        if following[at] == at:
            raise CorruptFile(
                "the SCP-ECG record holds a Huffman code that its table does not have"
            )
        places.append(at)
        at = following[at]
    if at > bits:
        places.pop()  # its last bits lie beyond the end
    return value[places]


def _windows(data: bytes) -> NDArray[np.uint64]:
    """For every bit of the data the 57 bits or more that follow it, highest first, in 64."""
    padded = np.frombuffer(data + bytes(8), np.uint8).astype(np.uint64)
    words = np.zeros(len(data), np.uint64)
    for byte in range(8):
        words |= padded[byte : byte + len(data)] << np.uint64(8 * (7 - byte))
    shifts = np.arange(8, dtype=np.uint64)
    return (words[:, np.newaxis] << shifts).ravel()


def _literal(window: NDArray[np.uint64], code: Code) -> Codes:
    """The two's complement number behind the prefix."""
    raw = (window << np.uint64(code.prefix_bits) >> np.uint64(64 - code.literal_bits)).astype(
        np.int64
    )
    sign = 1 << (code.literal_bits - 1)
    return (raw ^ sign) - sign
