"""Damage valid files by a seed: bytes, tokens, lengths, pieces; repair SCP-ECG checksums."""

from __future__ import annotations

import binascii
import re
import struct
from collections.abc import Callable

import numpy as np

TOKENS = (
    b"-1", b"0", b"1", b"65535", b"4294967295", b"-2147483648", b"99999999999999999999", b"1e308",
    b"1e-308", b"1e999", b"NaN", b"inf", b"-0.0", b"", b" ", b"\x00", b"\xff", b"\xff\xff\xff\xff",
    b"\x7f\xff\xff\xff", b"\x00\x00\x00\x80", b"\x80", b"<", b"&lt;", b"&x;", b"]]>", b'"', b"{",
    b"[", b",", b";", b"\t", b"\n", b"/", b"..", b"e", b"+", b"mV", b"uV", b"V6", b"aVR", b"null",
    "µ".encode(), b"\xed\xa0\x80",
)  # fmt: skip
_NUMBERS = re.compile(rb"-?\d+(?:\.\d+)?")
_HEAD_BYTES = 700  # where binary formats have their headers


class Mutator:
    """`Mutator(seed)(good)` returns the same damage for the same seed on every machine."""

    def __init__(self, seed: int) -> None:
        self._random = np.random.default_rng(seed)

    def __call__(self, good: bytes) -> bytes:
        body = bytearray(good)
        for _ in range(int(self._random.integers(1, 5))):
            self._pick(
                self._replace,
                self._token,
                self._number,
                self._cut,
                self._double,
                self._flip,
                self._length,
            )(body)
        return bytes(body[: self._end(len(body))])

    def _pick(self, *acts: Callable[[bytearray], None]) -> Callable[[bytearray], None]:
        return acts[int(self._random.integers(len(acts)))]

    def _below(self, limit: int) -> int:
        return int(self._random.integers(max(limit, 1)))

    def _place(self, body: bytearray) -> int:
        """Return an offset, in half of the cases in the head of the file."""
        return self._below(min(len(body), _HEAD_BYTES) if self._below(2) else len(body))

    def _replace(self, body: bytearray) -> None:
        at, width = self._place(body), self._below(9)
        body[at : at + width] = self._random.bytes(self._below(9))

    def _flip(self, body: bytearray) -> None:
        if body:
            body[self._place(body)] ^= 1 << self._below(8)

    def _token(self, body: bytearray) -> None:
        at = self._place(body)
        body[at : at + self._below(5)] = TOKENS[self._below(len(TOKENS))]

    def _number(self, body: bytearray) -> None:
        """Replace a number in the text."""
        start = self._place(body)
        found = _NUMBERS.search(body, start)
        if found:
            body[found.start() : found.end()] = TOKENS[self._below(len(TOKENS))]

    def _length(self, body: bytearray) -> None:
        """Replace 2 or 4 bytes at an even offset by an extreme value."""
        at, width = self._place(body) // 2 * 2, (2, 4)[self._below(2)]
        extremes = (
            b"\xff" * width,
            bytes(width),
            b"\xff" * (width - 1) + b"\x7f",
            b"\x01" + bytes(width - 1),
            bytes(width - 1) + b"\x80",
        )
        body[at : at + width] = extremes[self._below(len(extremes))]

    def _cut(self, body: bytearray) -> None:
        at = self._place(body)
        del body[at : at + self._below(64)]

    def _double(self, body: bytearray) -> None:
        at, width = self._place(body), self._below(200)
        body[at:at] = body[at : at + width]

    def _end(self, length: int) -> int:
        return self._below(length) if self._below(6) == 0 else length


def with_scp_checksums(body: bytes) -> bytes:
    """Correct the record's size and its checksums, so that readers get past them."""
    data = bytearray(body)
    if len(data) < 22:
        return body
    count = max(int.from_bytes(data[10:14], "little") - 16, 0) // 10
    for row in range(min(count, 32)):
        at = 22 + 10 * row
        if at + 10 > len(data):
            break
        _, length, index = struct.unpack_from("<HII", data, at)
        if 16 <= length <= len(data) and 7 <= index <= len(data) - length + 1:
            struct.pack_into(
                "<H",
                data,
                index - 1,
                binascii.crc_hqx(bytes(data[index + 1 : index - 1 + length]), 0xFFFF),
            )
    struct.pack_into("<I", data, 2, len(data))
    struct.pack_into("<H", data, 0, binascii.crc_hqx(bytes(data[2:]), 0xFFFF))
    return bytes(data)
