"""WFDB's FLAC-compressed storage formats (508, 516, 524) by way of libsndfile.

Source: signal(5) of the WFDB Applications Guide, https://physionet.org/physiotools/wag/signal-5.htm
"""

from __future__ import annotations

import io
from typing import Final

import numpy as np
import soundfile

from errors import CorruptFile
from formats.wfdb.storage import Codes

MAX_VALUES: Final = 16_000_000  # ten minutes of twelve leads at 2000 Hz are 14.4 million
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


class _Stream(io.BytesIO):
    """libsndfile asks through C, from where an exception cannot come back: a place that cannot be is the place that is."""

    def seek(self, offset: int, whence: int = 0, /) -> int:
        try:
            return super().seek(offset, whence)
        except (ValueError, OverflowError):
            return self.tell()


def flac_codes(data: bytes, bits: int, channels: int, frames: int | None) -> Codes:
    """(frames, channels) whole numbers of `bits`; all frames where None are stated. Raises CorruptFile."""
    try:
        with soundfile.SoundFile(_Stream(data)) as file:
            if file.format != "FLAC" or file.channels != channels:
                raise CorruptFile(
                    f"the WFDB signal file is FLAC of {file.channels} channels where the header has {channels}"
                )
            wanted = file.frames if frames is None else frames
            if not 0 < wanted <= file.frames or wanted * channels > MAX_VALUES:
                raise CorruptFile(
                    f"the WFDB header states {wanted} frames, the FLAC file {file.frames}; at most {MAX_VALUES} values are read"
                )
            values = file.read(wanted, dtype="int32", always_2d=True)
    except _DAMAGED:
        raise CorruptFile("the FLAC file of a WFDB record is damaged") from None
    if len(values) < wanted:
        raise CorruptFile(
            f"the FLAC file of a WFDB record ends after {len(values)} of {wanted} frames"
        )
    codes: Codes = (values >> (_CONTAINER_BITS - bits)).astype(np.int64)
    return codes
