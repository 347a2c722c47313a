"""Philips' XLI compression: channels of 16-bit samples as LZW over second differences, and limb leads as residuals.

Source: the sierra-ecg-tools project's description of the format, https://github.com/sixlettervariables/sierra-ecg-tools
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from errors import CorruptFile

HEAD_BYTES: Final = 8  # int32 size, int16 unused, int16 first value of the second difference
CODE_BITS: Final = 10
END_CODE: Final = (1 << CODE_BITS) - 1
DIFFERENCE_OFFSET: Final = 64
_LARGEST: Final = 1 << 15


def unpack(data: bytes, max_channels: int, max_samples: int) -> list[NDArray[np.int64]]:
    """The first channels of an XLI stream, each (samples,) as stored. Raises CorruptFile where chunks do not fit or are too long."""
    channels: list[NDArray[np.int64]] = []
    at = 0
    while len(data) - at >= HEAD_BYTES and len(channels) < max_channels:
        size = int.from_bytes(data[at : at + 4], "little", signed=True)
        start = int.from_bytes(data[at + 6 : at + 8], "little", signed=True)
        at += HEAD_BYTES
        if not 0 < size <= len(data) - at:
            raise CorruptFile("a channel of the XLI stream has a length that cannot be")
        channels.append(_samples(_lzw(data[at : at + size], 2 * max_samples), start))
        at += size
    return channels


def _lzw(data: bytes, max_bytes: int) -> bytes:
    """LZW with fixed 10-bit codes, highest bit first; the table begins with the bytes and stops growing when it is full."""
    table: list[bytes] = [bytes([value]) for value in range(256)]
    out = bytearray()
    previous = b""
    for code in _codes(data):
        if code == END_CODE:
            break
        if code < len(table):
            entry = table[code]
        elif code == len(table) and previous:
            entry = previous + previous[:1]
        else:
            raise CorruptFile("the XLI stream uses a code before it defines it")
        out += entry
        if len(out) > max_bytes:
            raise CorruptFile("a channel of the XLI stream is longer than its recording")
        if previous and len(table) < END_CODE:
            table.append(previous + entry[:1])
        previous = entry
    return bytes(out)


def _codes(data: bytes) -> list[int]:
    """Every 10 bits, the rest at the end left alone: four codes lie in five bytes."""
    padded = np.frombuffer(data + bytes(-len(data) % 5), np.uint8).reshape(-1, 5).astype(np.int64)
    joined = (
        padded[:, 0] << 32
        | padded[:, 1] << 24
        | padded[:, 2] << 16
        | padded[:, 3] << 8
        | padded[:, 4]
    )
    codes = np.stack([joined >> shift & END_CODE for shift in (30, 20, 10, 0)], axis=1).ravel()
    found: list[int] = codes[: 8 * len(data) // CODE_BITS].tolist()
    return found


def _samples(packed: bytes, start: int) -> NDArray[np.int64]:
    """High bytes then low bytes of second differences -> samples. The differences' own offset moves with them.

    x[i] = 2 x[i-1] - x[i-2] - last, where last is the head's value at first and then the stored difference minus 64.
    """
    if len(packed) % 2 or len(packed) < 4:
        raise CorruptFile("a channel of the XLI stream unpacks to an odd number of bytes")
    half = len(packed) // 2
    both = np.frombuffer(packed, np.uint8).astype(np.int64)
    stored = (both[:half] << 8 | both[half:]).astype(np.uint16).view(np.int16).astype(np.int64)
    curve = -np.concatenate([[start], stored[2:-1] - DIFFERENCE_OFFSET])[: half - 2]
    slope = np.concatenate([[stored[1] - stored[0]], curve]).cumsum()
    found: NDArray[np.int64] = np.concatenate([[stored[0]], slope]).cumsum()
    # Whole numbers of 16 bits went in; a damaged stream runs away.
    if np.abs(found).max() >= _LARGEST:
        raise CorruptFile(
            "a channel of the XLI stream leaves the range of its samples; the stream is damaged"
        )
    return found


def with_limb_leads(leads: dict[str, NDArray[np.float64]]) -> dict[str, NDArray[np.float64]]:
    """III, aVR, aVL and aVF are stored as what I and II (and III) do not foretell; here they become the leads."""
    if not {"I", "II", "III"} <= leads.keys():
        return leads
    one, two, three = leads["I"], leads["II"], leads["II"] - leads["I"] - leads["III"]
    whole = {**leads, "III": three}
    expected = {"aVR": -(one + two) / 2, "aVL": (one - three) / 2, "aVF": (two + three) / 2}
    return whole | {lead: expected[lead] - leads[lead] for lead in expected if lead in leads}
