"""Decompress Philips' XLI: LZW over second differences of 16-bit samples.

Source: the sierra-ecg-tools project's description of the format,
https://github.com/sixlettervariables/sierra-ecg-tools
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from errors import CorruptFile, RecordingTooLong
from formats.limits import MAX_VALUES

HEAD_BYTES: Final = 8  # int32 size, int16 unused, int16 first second difference
CODE_BITS: Final = 10
END_CODE: Final = (1 << CODE_BITS) - 1
DIFFERENCE_OFFSET: Final = 64
_SAMPLE_LIMIT: Final = 1 << 15
# Five bytes hold four codes, highest bits first.
_GROUP_BYTES: Final = 5
_GROUP_SHIFTS: Final = (30, 20, 10, 0)


def unpack(data: bytes, max_channels: int, max_samples: int) -> list[NDArray[np.int64]]:
    """Return the first channels of an XLI stream, each (samples,) as stored.

    Raises CorruptFile if a channel does not fit into the stream or is longer than `max_samples`,
    RecordingTooLong for all channels together.
    """
    samples = 0
    channels: list[NDArray[np.int64]] = []
    position = 0
    while len(data) - position >= HEAD_BYTES and len(channels) < max_channels:
        head = data[position : position + HEAD_BYTES]
        size = int.from_bytes(head[:4], "little", signed=True)
        first_difference = int.from_bytes(head[6:], "little", signed=True)
        position += HEAD_BYTES
        if not 0 < size <= len(data) - position:
            raise CorruptFile(
                f"XLI channel: {size} bytes stated, {len(data) - position} are left in the stream"
            )
        packed = _decompressed(data[position : position + size], 2 * max_samples)
        samples += len(packed) // 2
        if samples > MAX_VALUES:
            raise RecordingTooLong(f"XLI stream: more than {MAX_VALUES} samples")
        channels.append(_samples(packed, first_difference))
        position += size
    return channels


def _decompressed(data: bytes, max_bytes: int) -> bytes:
    """Decode LZW with fixed 10-bit codes.

    The table begins with the 256 bytes and stops growing when it is full.
    """
    table: list[bytes] = [bytes([value]) for value in range(256)]
    output = bytearray()
    previous = b""
    # Each code gives a byte or more.
    for code in _codes(data[: -(-(max_bytes + 1) * CODE_BITS // 8)]):
        if code == END_CODE:
            break
        if code < len(table):
            entry = table[code]
        elif code == len(table) and previous:
            entry = previous + previous[:1]
        else:
            raise CorruptFile("the XLI stream uses a code before it defines it")
        output += entry
        if len(output) > max_bytes:
            raise CorruptFile("a channel of the XLI stream is longer than its recording")
        if previous and len(table) < END_CODE:
            table.append(previous + entry[:1])
        previous = entry
    return bytes(output)


def _codes(data: bytes) -> list[int]:
    """Return all complete 10-bit codes, highest bit first."""
    padded = data + bytes(-len(data) % _GROUP_BYTES)
    groups = np.frombuffer(padded, np.uint8).reshape(-1, _GROUP_BYTES).astype(np.int64)
    joined = np.zeros(len(groups), np.int64)
    for column in range(_GROUP_BYTES):
        joined = joined << 8 | groups[:, column]
    codes = np.stack([joined >> shift & END_CODE for shift in _GROUP_SHIFTS], axis=1).ravel()
    complete: list[int] = codes[: 8 * len(data) // CODE_BITS].tolist()
    return complete


def _samples(packed: bytes, first_difference: int) -> NDArray[np.int64]:
    """Return samples from the high bytes, then the low bytes, of second differences.

    The first two values are samples. Then x[i] = 2 x[i-1] - x[i-2] - d[i], where d is
    `first_difference` at first and later the previous stored difference minus 64.
    """
    if len(packed) % 2 or len(packed) < 4:
        raise CorruptFile(
            f"XLI channel: {len(packed)} bytes unpacked; an even number from 4 on is needed"
        )
    count = len(packed) // 2
    octets = np.frombuffer(packed, np.uint8).astype(np.int64)
    words = octets[:count] << 8 | octets[count:]
    stored = words.astype(np.uint16).view(np.int16).astype(np.int64)
    differences = np.concatenate([[first_difference], stored[2:-1] - DIFFERENCE_OFFSET])
    curvature = -differences[: count - 2]
    slope = np.concatenate([[stored[1] - stored[0]], curvature]).cumsum()
    samples: NDArray[np.int64] = np.concatenate([[stored[0]], slope]).cumsum()
    # Integers of 16 bits were encoded; the sums of a damaged stream leave that range.
    if np.abs(samples).max() >= _SAMPLE_LIMIT:
        raise CorruptFile("XLI channel: samples outside of 16 bits; the stream is damaged")
    return samples


def with_limb_leads(leads: dict[str, NDArray[np.float64]]) -> dict[str, NDArray[np.float64]]:
    """Return the leads with III, aVR, aVL and aVF restored.

    XLI stores them as residuals: their difference from what I and II (and III) predict.
    """
    if not {"I", "II", "III"} <= leads.keys():
        return leads
    one = leads["I"]
    two = leads["II"]
    three = two - one - leads["III"]
    predictions = {
        "aVR": -(one + two) / 2,
        "aVL": (one - three) / 2,
        "aVF": (two + three) / 2,
    }
    restored = {**leads, "III": three}
    for lead, prediction in predictions.items():
        if lead in leads:
            restored[lead] = prediction - leads[lead]
    return restored
