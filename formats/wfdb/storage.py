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


def _plain(dtype: str, offset: int = 0) -> Callable[[bytes], Codes]:
    """Return the unpacker of a format that stores `code + offset` as `dtype`."""
    size = np.dtype(dtype).itemsize

    def unpack(data: bytes) -> Codes:
        return np.frombuffer(data, dtype=dtype, count=len(data) // size).astype(np.int64) - offset

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
    b = _blocks(data[: len(data) // 3 * 3], 3)
    return _signed(b[:, 0] | b[:, 1] << 8 | b[:, 2] << 16, 24)


def _unpack_212(data: bytes) -> Codes:
    """Two 12-bit samples in 3 bytes: both low bytes outside, both high nibbles in the middle."""
    b = _blocks(data, 3)
    first = b[:, 0] | (b[:, 1] & 0x0F) << 8
    second = b[:, 2] | (b[:, 1] & 0xF0) << 4
    return _signed(np.stack([first, second], axis=1).ravel(), 12)


def _unpack_310(data: bytes) -> Codes:
    """Three 10-bit samples in two 16-bit words.

    The first two are in the words above the lowest bit; the third is in the top five bits of both.
    """
    b = _blocks(data, 4)
    low_word = b[:, 0] | b[:, 1] << 8
    high_word = b[:, 2] | b[:, 3] << 8
    third = low_word >> 11 & 0x1F | (high_word >> 11 & 0x1F) << 5
    return _signed(np.stack([low_word >> 1, high_word >> 1, third], axis=1).ravel(), 10)


def _unpack_311(data: bytes) -> Codes:
    """Three 10-bit samples in 32 bits, the first in the lowest bits."""
    b = _blocks(data, 4)
    word = b[:, 0] | b[:, 1] << 8 | b[:, 2] << 16 | b[:, 3] << 24
    return _signed(np.stack([word, word >> 10, word >> 20], axis=1).ravel(), 10)


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
