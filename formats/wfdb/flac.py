"""WFDB's FLAC-compressed storage formats (508, 516, 524), decoded by libsndfile.

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


class _Stream(io.BytesIO):
    """A file for libsndfile whose `seek` never raises.

    libsndfile calls it from C, through which an exception cannot pass. An impossible position
    leaves the current one unchanged.
    """

    def seek(self, offset: int, whence: int = 0, /) -> int:
        try:
            return super().seek(offset, whence)
        except (ValueError, OverflowError):
            return self.tell()


def flac_codes(data: bytes, bits: int, channels: int, frames: int | None) -> Codes:
    """Return (frames, channels) integers of `bits`; all frames of the file if `frames` is None.

    Raises CorruptFile if the file is damaged or has fewer frames or another number of channels.
    """
    try:
        with soundfile.SoundFile(_Stream(data)) as file:
            if file.format != "FLAC" or file.channels != channels:
                raise CorruptFile(
                    f"WFDB signal file: FLAC of {file.channels} channels; "
                    f"the header states {channels}"
                )
            count = file.frames if frames is None else frames
            if not 0 < count <= file.frames or count * channels > MAX_VALUES:
                raise CorruptFile(
                    f"WFDB header: {count} frames stated, the FLAC file has {file.frames}; "
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
    return codes
