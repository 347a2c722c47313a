"""Decode SCP-ECG's compressed samples: Huffman codes, then first or second differences.

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

DEFAULT_TABLE: Final = 19_999  # a number of tables that means the table of annex C
MAX_TABLES: Final = 16
MAX_CODES: Final = 256
MAX_CODE_BITS: Final = 40
MAX_PREFIX_BITS: Final = 32
# Prefix bits, all bits, table switch, base value, base code (its first bit is the lowest).
_CODE: Final = struct.Struct("<BBBhI")
_NO_SWITCH: Final = 1  # the code belongs to the table in use
_WINDOW_BITS: Final = 64


@dataclass(frozen=True)
class Code:
    """One line of a Huffman table.

    literal_bits  number of bits that follow the prefix and are the value; if 0, it is `value`
    """

    prefix: int
    prefix_bits: int
    literal_bits: int
    value: int


Table = tuple[Code, ...]


def default_table() -> Table:
    """Return the table of annex C.

    The bit 0 is the value 0; k ones (1 to 8), a 0 and a sign bit are k or -k; nine ones and a 0
    precede an 8-bit integer, ten ones a 16-bit one.
    """
    codes = [Code(prefix=0, prefix_bits=1, literal_bits=0, value=0)]
    for k in range(1, 9):
        ones = (1 << k) - 1
        codes.append(Code(ones << 2, k + 2, 0, k))
        codes.append(Code(ones << 2 | 1, k + 2, 0, -k))
    codes.append(Code(0b1111111110, 10, 8, 0))
    codes.append(Code(0b1111111111, 10, 16, 0))
    return tuple(codes)


def parse_tables(section: bytes | None) -> tuple[Table, ...]:
    """Return the Huffman tables of section 2; none if the samples are plain 16-bit integers.

    Raises CorruptFile, or UnknownFormat for several tables.
    """
    if section is None or len(section) < 2:
        return ()
    count = int.from_bytes(section[:2], "little")
    if count == DEFAULT_TABLE:
        return (default_table(),)
    if count > MAX_TABLES:
        raise CorruptFile(
            f"section 2 of the SCP-ECG record: {count} Huffman tables; the limit is {MAX_TABLES}"
        )
    if count > 1:
        raise UnknownFormat("SCP-ECG with several Huffman tables is not supported")
    if count == 0:
        return ()
    return (_parse_table(section[2:]),)


def _parse_table(data: bytes) -> Table:
    count = int.from_bytes(data[:2], "little")
    if not 0 < count <= MAX_CODES or len(data) < 2 + count * _CODE.size:
        raise CorruptFile(
            f"Huffman table of the SCP-ECG record: {count} codes in {len(data)} bytes; "
            f"1 to {MAX_CODES} codes of {_CODE.size} bytes are allowed"
        )
    codes = []
    for row in range(count):
        fields = _CODE.unpack_from(data, 2 + row * _CODE.size)
        prefix_bits, all_bits, switch, value, reversed_prefix = fields
        if not 0 < prefix_bits <= all_bits <= MAX_CODE_BITS or prefix_bits > MAX_PREFIX_BITS:
            raise CorruptFile(
                f"Huffman table of the SCP-ECG record: a code of {prefix_bits} prefix bits and "
                f"{all_bits} bits; at most {MAX_PREFIX_BITS} and {MAX_CODE_BITS} are allowed"
            )
        if switch != _NO_SWITCH:
            raise UnknownFormat("SCP-ECG with several Huffman tables is not supported")
        prefix = int(f"{reversed_prefix:032b}"[::-1][:prefix_bits], 2)
        codes.append(Code(prefix, prefix_bits, all_bits - prefix_bits, value))
    return tuple(codes)


def decode(
    data: bytes, tables: tuple[Table, ...], count: int, difference_order: int
) -> tuple[Codes, int]:
    """Return the first `count` samples of one lead, or fewer, and how many bytes follow them.

    count             number of samples that the record states
    difference_order  0 if samples are encoded, 1 or 2 if their first or second differences are
    Raises UnknownFormat for another order, CorruptFile for an ambiguous table.
    """
    if tables:
        values, surplus_bytes = _huffman_values(data, tables[0], count)
    else:
        values = np.frombuffer(data, "<i2", min(len(data) // 2, count)).astype(np.int64)
        surplus_bytes = len(data) - 2 * len(values)
    return _integrated(values, difference_order), surplus_bytes


def _integrated(values: Codes, difference_order: int) -> Codes:
    """Return the samples from their differences; the first values, one per order, are samples."""
    if difference_order == 0:
        return values
    if difference_order == 1:
        return values.cumsum()
    if difference_order == 2:
        if len(values) < 2:
            return values
        slope = np.concatenate([[values[1] - values[0]], values[2:]]).cumsum()
        samples: Codes = np.concatenate([values[:1], slope]).cumsum()
        return samples
    raise UnknownFormat(
        f"SCP-ECG with differences of order {difference_order} is not supported; 0, 1 and 2 are"
    )


def _huffman_values(data: bytes, table: Table, count: int) -> tuple[Codes, int]:
    """Return at most `count` decoded values, and how many whole bytes follow them.

    Decoding ends at a code that is not in the table.

    For every bit of the data at once, find the code that would begin there and its length. Then
    follow the chain of codes from the first bit: only this step is sequential.
    """
    bits = 8 * len(data)
    window = _windows(data)
    code_at = _codes_at(window, table)
    lengths = np.array([code.prefix_bits + code.literal_bits for code in table] + [0])
    following = (np.arange(bits) + lengths[code_at]).tolist()
    positions: list[int] = []
    position = 0
    while position < bits and len(positions) < count:
        if following[position] == position:
            break
        positions.append(position)
        position = following[position]
    # A last code that the end of the data cuts off gives no value.
    if position > bits:
        positions.pop()
    values = _values(window[positions], code_at[positions], table)
    return values, max(bits - position, 0) // 8


def _codes_at(window: NDArray[np.uint64], table: Table) -> NDArray[np.intp]:
    """Return (bits,) the row of the table whose code begins each window; len(table) for none.

    Read as numbers, the windows that begin with a code are one range, and the ranges of a table's
    codes do not overlap: one search finds the code, however many the table has. Raises CorruptFile
    if two codes begin alike.
    """
    order = sorted(range(len(table)), key=lambda row: _first_window(table[row]))
    starts = np.array([_first_window(table[row]) for row in order], np.uint64)
    ends = np.array([_last_window(table[row]) for row in order], np.uint64)
    if (starts[1:] <= ends[:-1]).any():
        raise CorruptFile("the Huffman table of the SCP-ECG record has two codes that begin alike")
    # A window below the first range gets row -1, which is the last one: the comparison excludes it.
    row = np.searchsorted(starts, window, side="right") - 1
    is_code = (row >= 0) & (window <= ends[row])
    return np.where(is_code, np.array(order)[row], len(table))


def _first_window(code: Code) -> int:
    return code.prefix << (_WINDOW_BITS - code.prefix_bits)


def _last_window(code: Code) -> int:
    return _first_window(code) | ((1 << (_WINDOW_BITS - code.prefix_bits)) - 1)


def _values(window: NDArray[np.uint64], rows: NDArray[np.intp], table: Table) -> Codes:
    """Return (samples,) the values of the codes that begin the windows."""
    values = np.array([code.value for code in table], np.int64)[rows]
    # The default table has two codes with a literal; one search for each kind of literal.
    for kind in {(code.prefix_bits, code.literal_bits) for code in table if code.literal_bits}:
        literal = [(code.prefix_bits, code.literal_bits) == kind for code in table]
        chosen = np.array(literal)[rows]
        values[chosen] = _literal(window[chosen], *kind)
    return values


def _windows(data: bytes) -> NDArray[np.uint64]:
    """Return a 64-bit word for every bit of the data: the bit and the next ones, at least 56.

    (8 x bytes,); the bit itself is the highest.
    """
    padded = np.frombuffer(data + bytes(8), np.uint8).astype(np.uint64)
    words = np.zeros(len(data), np.uint64)
    for byte in range(8):
        shift = np.uint64(8 * (7 - byte))
        words |= padded[byte : byte + len(data)] << shift
    bit_offsets = np.arange(8, dtype=np.uint64)
    return (words[:, np.newaxis] << bit_offsets).ravel()


def _literal(window: NDArray[np.uint64], prefix_bits: int, literal_bits: int) -> Codes:
    """Return the two's complement integers that follow the prefix in each window."""
    behind_prefix = window << np.uint64(prefix_bits)
    raw = (behind_prefix >> np.uint64(_WINDOW_BITS - literal_bits)).astype(np.int64)
    sign = 1 << (literal_bits - 1)
    return (raw ^ sign) - sign
