"""WFDB's uncompressed storage formats: unpack the bytes of a signal file into integers.

Source: signal(5) of the WFDB Applications Guide, https://physionet.org/physiotools/wag/signal-5.htm
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Codes = NDArray[np.int64]


@dataclass(frozen=True)
class Storage:
    """One storage format.

    unpack         bytes -> all complete samples, in file order
    missing        the code of a missing sample, or None if the format has none
    block_bytes    size of the smallest group of bytes that holds complete samples
    block_samples  number of samples in such a block
    tail           samples in an incomplete block at the end of the file, by its number of bytes
    differences    the codes are first differences of each signal, not samples
    """

    unpack: Callable[[bytes], Codes]
    missing: int | None
    block_bytes: int
    block_samples: int = 1
    tail: tuple[int, ...] = (0,)
    differences: bool = False

    def capacity(self, size_bytes: int) -> int:
        """Return how many samples `size_bytes` bytes hold."""
        blocks, tail_bytes = divmod(max(size_bytes, 0), self.block_bytes)
        tail_samples = self.tail[tail_bytes] if tail_bytes < len(self.tail) else 0
        return blocks * self.block_samples + tail_samples

    def size_of(self, samples: int) -> int:
        """Return how many bytes hold `samples` samples, in whole blocks."""
        return -(-samples // self.block_samples) * self.block_bytes


def _plain(dtype: str, offset: int = 0) -> Callable[[bytes], Codes]:
    """Return the unpacker of a format that stores `code + offset` as `dtype`."""
    size = np.dtype(dtype).itemsize

    def unpack(data: bytes) -> Codes:
        complete = len(data) // size
        stored = np.frombuffer(data, dtype=dtype, count=complete)
        return stored.astype(np.int64) - offset

    return unpack


def _blocks(data: bytes, size: int) -> Codes:
    """Return (blocks, size) bytes as integers; zeros fill the last block."""
    padded = data + bytes(-len(data) % size)
    return np.frombuffer(padded, np.uint8).reshape(-1, size).astype(np.int64)


def _signed(codes: Codes, bits: int) -> Codes:
    """Read the lowest `bits` of each code as a two's complement integer."""
    sign = 1 << (bits - 1)
    return (codes & ((1 << bits) - 1) ^ sign) - sign


def _unpack_24(data: bytes) -> Codes:
    """Put each sample into the upper bytes of 32 bits; the shift back extends its sign."""
    complete = len(data) // 3
    words = np.zeros((complete, 4), np.uint8)
    words[:, 1:] = np.frombuffer(data, np.uint8, 3 * complete).reshape(-1, 3)
    return words.view("<i4").ravel().astype(np.int64) >> 8


def _unpack_212(data: bytes) -> Codes:
    """Two 12-bit samples in 3 bytes: both low bytes outside, both high nibbles in the middle."""
    first_low, nibbles, second_low = _blocks(data, 3).T
    first = first_low | (nibbles & 0x0F) << 8
    second = second_low | (nibbles & 0xF0) << 4
    codes = np.stack([first, second], axis=1).ravel()
    return _signed(codes, 12)


def _unpack_310(data: bytes) -> Codes:
    """Three 10-bit samples in two 16-bit words.

    The first two are in the words above the lowest bit; the third is in the top five bits of both.
    """
    first_low, first_high, second_low, second_high = _blocks(data, 4).T
    first_word = first_low | first_high << 8
    second_word = second_low | second_high << 8
    third_low = first_word >> 11 & 0x1F
    third_high = second_word >> 11 & 0x1F
    third = third_low | third_high << 5
    codes = np.stack([first_word >> 1, second_word >> 1, third], axis=1).ravel()
    return _signed(codes, 10)


def _unpack_311(data: bytes) -> Codes:
    """Three 10-bit samples in 32 bits, the first in the lowest bits."""
    b0, b1, b2, b3 = _blocks(data, 4).T
    word = b0 | b1 << 8 | b2 << 16 | b3 << 24
    codes = np.stack([word, word >> 10, word >> 20], axis=1).ravel()
    return _signed(codes, 10)


STORAGE: Final[dict[int, Storage]] = {
    8: Storage(_plain("i1"), None, 1, differences=True),
    16: Storage(_plain("<i2"), -(1 << 15), 2),
    24: Storage(_unpack_24, -(1 << 23), 3),
    32: Storage(_plain("<i4"), -(1 << 31), 4),
    61: Storage(_plain(">i2"), -(1 << 15), 2),
    80: Storage(_plain("u1", 1 << 7), -(1 << 7), 1),
    160: Storage(_plain("<u2", 1 << 15), -(1 << 15), 2),
    212: Storage(_unpack_212, -(1 << 11), 3, 2, (0, 0, 1)),
    310: Storage(_unpack_310, -(1 << 9), 4, 3, (0, 0, 1, 1)),
    311: Storage(_unpack_311, -(1 << 9), 4, 3, (0, 0, 1, 2)),
}
# FLAC-compressed formats, and the bits of one sample.
FLAC: Final = {508: 8, 516: 16, 524: 24}
