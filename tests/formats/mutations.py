"""Damage valid files by a seed: bits, tokens, lengths, blocks, splices; repair checksums."""

from __future__ import annotations

import binascii
import re
import struct
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

TOKENS = (
    b"-1", b"0", b"1", b"65535", b"4294967295", b"-2147483648", b"99999999999999999999", b"1e308",
    b"1e-308", b"1e999", b"NaN", b"inf", b"-0.0", b"", b" ", b"\x00", b"\xff", b"\xff\xff\xff\xff",
    b"\x7f\xff\xff\xff", b"\x00\x00\x00\x80", b"\x80", b"<", b"&lt;", b"&x;", b"]]>", b'"', b"{",
    b"[", b",", b";", b"\t", b"\n", b"/", b"..", b"e", b"+", b"mV", b"uV", b"V6", b"aVR", b"null",
    "µ".encode(), b"\xed\xa0\x80",
)  # fmt: skip
_NUMBERS = re.compile(rb"-?\d+(?:\.\d+)?")
_ELEMENT = re.compile(rb"<(\w{1,30})\b[^>]{0,200}>.{0,2000}?</\1>", re.DOTALL)
_HEAD_BYTES = 700  # where binary formats have their headers


class Mutator:
    """`Mutator(seed)(good)` returns the same damage for the same seed on every machine.

    donors  other files, whose ends may take the place of the file's own
    """

    def __init__(self, seed: int, donors: Sequence[bytes] = ()) -> None:
        self._random = np.random.default_rng(seed)
        self._donors = donors

    def __call__(self, good: bytes) -> bytes:
        body = bytearray(good)
        for _ in range((1, 1, 1, 2, 3, 4)[self._below(6)]):
            self._pick(
                self._replace,
                self._token,
                self._number,
                self._cut,
                self._double,
                self._flip,
                self._length,
                self._block,
                self._splice,
                self._element,
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
        """Replace 1 to 8 bytes, mostly at an even offset, by an extreme or slightly wrong value."""
        width = (1, 2, 4, 4, 8)[self._below(5)]
        at = self._place(body) // 2 * 2 + (self._below(4) == 0)
        little = int.from_bytes(body[at : at + width], "little")
        extremes = (
            b"\xff" * width,
            bytes(width),
            b"\xff" * (width - 1) + b"\x7f",
            b"\x7f" + b"\xff" * (width - 1),
            b"\x01" + bytes(width - 1),
            bytes(width - 1) + b"\x80",
            ((little + 1) % 256**width).to_bytes(width, "little"),
            ((little - 1) % 256**width).to_bytes(width, "little"),
            (2 * little % 256**width).to_bytes(width, "little"),
        )
        body[at : at + width] = extremes[self._below(len(extremes))]

    def _cut(self, body: bytearray) -> None:
        at = self._place(body)
        del body[at : at + self._below(64)]

    def _double(self, body: bytearray) -> None:
        at, width = self._place(body), self._below(200)
        body[at:at] = body[at : at + width]

    def _block(self, body: bytearray) -> None:
        """Copy up to a quarter of the file to another place, or move it there."""
        start = self._place(body)
        end = start + self._below(max(len(body) // 4, 1))
        block = bytes(body[start:end])
        if self._below(2):
            del body[start:end]
        at = self._place(body)
        body[at:at] = block

    def _element(self, body: bytearray) -> None:
        """Repeat or remove an element of XML with all it contains."""
        found = _ELEMENT.search(body, self._place(body))
        if found:
            copies = (b"", found[0] * 2)[self._below(2)]
            body[found.start() : found.end()] = copies

    def _splice(self, body: bytearray) -> None:
        """Continue the file with the end of a donor, from a place of its own or from the same."""
        if not self._donors:
            return
        donor = self._donors[self._below(len(self._donors))]
        at = self._place(body)
        body[at:] = donor[at if self._below(2) else self._below(len(donor)) :]

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


def with_atc_checksums(body: bytes) -> bytes:
    """Correct the checksum of each ATC block whose length fits."""
    data = bytearray(body)
    at = 12
    while at + 12 <= len(data):
        end = at + 8 + int.from_bytes(data[at + 4 : at + 8], "little")
        if end + 4 > len(data):
            break
        struct.pack_into("<I", data, end, sum(data[at:end]) & 0xFFFFFFFF)
        at = end + 4
    return bytes(data)


# By format: what makes damage pass the checksums that its reader insists on.
REPAIRS: Final[dict[str, Callable[[bytes], bytes]]] = {
    "AliveCor ATC": with_atc_checksums,
    "SCP-ECG": with_scp_checksums,
}
