"""A long recording that is read a stretch at a time, and the limits of its size."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from errors import (
    BadSamplingRate,
    CorruptFile,
    ImplausibleValues,
    NoSamples,
    RecordingTooLong,
)
from signals.record import Patient

Stretch = NDArray[np.float32]

# Of one stretch: ten minutes of twelve leads at 2000 Hz, as for a recording that is read whole.
MAX_STRETCH_VALUES: Final = 16_000_000
MAX_LONG_S: Final = 7 * 24 * 3600
MAX_LONG_LEADS: Final = 12
# The rates that the station takes, docs/station.md.
MIN_FS_HZ, MAX_FS_HZ = 50.0, 2000.0
# Of a file, all its channels together: 64 channels of 16 bits at 2000 Hz are 256,000. A stretch is
# read with the channels that are no leads.
MAX_BYTES_PER_S: Final = 400_000
HEAD_BYTES: Final = 1 << 20  # of a file's head; no header that is read is longer


@dataclass(frozen=True, eq=False)
class LongRecording:
    """An open recording.

    kind        the format's name in messages
    fs          samples per second of all leads
    lead_names  standard leads by their canonical names, others as the file calls them
    samples     of a lead, gaps included
    low_cut_hz  of each lead's high-pass, as the file states it; None where it does not
    start       ISO 8601 by the recorder's clock; None if the file does not state it
    warnings    "field: sentence", about what was left out
    """

    kind: str
    fs: float
    lead_names: tuple[str, ...]
    samples: int
    read_stretch: Callable[[int, int], Stretch]
    low_cut_hz: tuple[float | None, ...] = ()
    start: str | None = None
    patient: Patient = field(default_factory=Patient)
    warnings: tuple[str, ...] = ()

    @property
    def duration_s(self) -> float:
        return self.samples / self.fs

    def read(self, first: int, stop: int) -> Stretch:
        """Return samples [first, stop), (leads, stop - first) float32 in mV; NaN for gaps.

        What lies outside of the recording is not returned. Raises ImplausibleValues if a sample is
        infinite, CorruptFile if the file has changed since it was opened.
        """
        first, stop = max(first, 0), min(stop, self.samples)
        leads = len(self.lead_names)
        if stop <= first:
            return np.zeros((leads, 0), np.float32)
        assert (stop - first) * leads <= MAX_STRETCH_VALUES, "a stretch is too long"
        stretch = self.read_stretch(first, stop)
        if np.isinf(stretch).any():
            raise ImplausibleValues(
                f"signal: the {self.kind} file holds infinite values", loc=("signal",)
            )
        return stretch


def checked(recording: LongRecording) -> LongRecording:
    """Return the recording. Raises NoSamples, BadSamplingRate, RecordingTooLong."""
    if recording.samples <= 0:
        raise NoSamples(f"the {recording.kind} file has no samples", loc=("signal",))
    if not MIN_FS_HZ <= recording.fs <= MAX_FS_HZ:
        raise BadSamplingRate(
            f"fs: {recording.fs:g} Hz in the {recording.kind} file; {MIN_FS_HZ:g} to "
            f"{MAX_FS_HZ:g} Hz are allowed",
            loc=("fs",),
        )
    if recording.duration_s > MAX_LONG_S:
        raise RecordingTooLong(
            f"the {recording.kind} file lasts {recording.duration_s / 3600:.1f} h; the limit is "
            f"{MAX_LONG_S // 3600} h",
            loc=("signal",),
        )
    if len(recording.lead_names) > MAX_LONG_LEADS:
        raise RecordingTooLong(
            f"the {recording.kind} file has {len(recording.lead_names)} leads; the limit is "
            f"{MAX_LONG_LEADS}; choose some by lead_names",
            loc=("signal",),
        )
    return recording


def check_density(bytes_per_s: float, kind: str) -> None:
    """Raise RecordingTooLong for a file with too many channels to read a minute of it at once."""
    if not bytes_per_s <= MAX_BYTES_PER_S:
        raise RecordingTooLong(
            f"the {kind} file has {bytes_per_s:.0f} bytes for each second; the limit is "
            f"{MAX_BYTES_PER_S}",
            loc=("signal",),
        )


def head_of(path: Path) -> tuple[bytes, int]:
    """Return the first bytes of a file, HEAD_BYTES at most, and its size. Raises OSError."""
    with path.open("rb") as file:
        return file.read(HEAD_BYTES), os.fstat(file.fileno()).st_size


def bytes_of(path: Path, offset: int, size: int) -> bytes:
    """Return `size` bytes of a file. Raises CorruptFile if it is shorter, OSError."""
    with path.open("rb", buffering=0) as file:
        data = os.pread(file.fileno(), max(size, 0), offset)
    if len(data) != size:
        raise CorruptFile("the file became shorter while it was read")
    return data
