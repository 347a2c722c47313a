"""WFDB's FLAC-compressed storage formats (508, 516, 524), decoded by libsndfile.

Source: signal(5) of the WFDB Applications Guide, https://physionet.org/physiotools/wag/signal-5.htm
"""

from __future__ import annotations

import io
from typing import Final

import numpy as np
import soundfile

from errors import CorruptFile, RecordingTooLong
from formats.limits import MAX_VALUES
from formats.wfdb.storage import Codes

# libsndfile delivers integers of any width in the top bits of 32.
_CONTAINER_BITS: Final = 32
# What soundfile raises on damaged files, found by fuzzing.
_DAMAGED: Final = (
    soundfile.LibsndfileError,
    RuntimeError,
    ValueError,
    TypeError,
    OSError,
    OverflowError,
)


class _Stream:
    """A file for libsndfile over the bytes of an upload, without a copy.

    libsndfile calls it from C, through which an exception cannot pass: an impossible position
    leaves the current one unchanged.
    """

    def __init__(self, data: memoryview) -> None:
        self._data = data
        self._at = 0

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        starts = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: len(self._data)}
        position = starts.get(whence, 0) + offset
        if position >= 0:
            self._at = position
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: memoryview) -> int:
        piece = self._data[self._at : self._at + len(buffer)]
        buffer[: len(piece)] = piece
        self._at += len(piece)
        return len(piece)


def flac_codes(data: memoryview, bits: int, channels: int, frames: int | None) -> tuple[Codes, int]:
    """Return (frames, channels) integers of `bits`, and how many frames the file has in all.

    frames  the number of frames to decode; all of the file if None

    Raises CorruptFile if the file is damaged or has fewer frames or another number of channels,
    RecordingTooLong.
    """
    try:
        with soundfile.SoundFile(_Stream(data)) as file:
            if file.format != "FLAC" or file.channels != channels:
                raise CorruptFile(
                    f"WFDB signal file: FLAC of {file.channels} channels; "
                    f"the header states {channels}"
                )
            count = file.frames if frames is None else frames
            available = file.frames
            if not 0 < count <= available:
                raise CorruptFile(
                    f"WFDB header: {count} samples a signal stated, the FLAC file has {available}"
                )
            if count * channels > MAX_VALUES:
                raise RecordingTooLong(
                    f"WFDB record: {count} samples of {channels} signals in a FLAC file; "
                    f"the limit is {MAX_VALUES} values"
                )
            values = file.read(count, dtype="int32", always_2d=True)
    except _DAMAGED:
        raise CorruptFile("the FLAC file of the WFDB record is damaged") from None
    if len(values) < count:
        raise CorruptFile(
            f"the FLAC file of the WFDB record ends after {len(values)} of {count} frames"
        )
    codes: Codes = (values >> (_CONTAINER_BITS - bits)).astype(np.int64)
    return codes, available
