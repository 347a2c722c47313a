"""Recordings as a device would have recorded them: signal by the second, or single beats."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, BinaryIO, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from ecgfm_client.device.frames import BEAT_SAMPLES, Beat, Record, Stretch
from ecgfm_client.errors import UnusableInput

STRETCH_S: Final = 1.0
# A table of beats has no times: a heart rate of 60 a minute.
BEAT_INTERVAL_S: Final = 1.0
# Kaggle's classes 0 to 4, which are those of AAMI.
KAGGLE_CLASSES: Final = ("N", "S", "V", "F", "Q")
NUMBER_FIELD: Final = "{number}"
_ROWS_AT_ONCE: Final = 500


@dataclass(frozen=True)
class Due:
    """A record, and when its last sample is recorded: seconds after the recording's begin."""

    after_s: float
    record: Record


class Replayable(Protocol):
    """What can be replayed.

    name     of the file without its ending, for `{file}` in the patient's name
    seconds  how long it is
    """

    @property
    def name(self) -> str: ...

    @property
    def seconds(self) -> float: ...

    def records(self, patient: str, start_ms: int) -> Iterator[Due]:
        """Yield its records in the order of their times. Raises UnusableInput."""
        ...


@dataclass(frozen=True, eq=False)
class SignalRecording:
    """A signal (leads, samples) in mV, NaN for gaps."""

    name: str
    signal: NDArray[Any]
    fs: float
    leads: Sequence[str]

    @property
    def seconds(self) -> float:
        return float(self.signal.shape[1] / self.fs)

    def records(self, patient: str, start_ms: int) -> Iterator[Due]:
        step = max(1, round(STRETCH_S * self.fs))
        for first in range(0, self.signal.shape[1], step):
            samples = self.signal[:, first : first + step]
            after_s = (first + samples.shape[1]) / self.fs
            time_ms = start_ms + round(first * 1000 / self.fs)
            yield Due(after_s, Stretch(patient, time_ms, self.fs, self.leads, samples))


@dataclass(frozen=True)
class BeatTable:
    """A table of beats: Kaggle's 187 samples and class, or E-Monitor's with a number before them.

    The number replaces `{number}` in the patient's name.

    open   returns the file, from its begin
    beats  lines that are not empty
    """

    name: str
    open: Callable[[], BinaryIO]
    beats: int

    @classmethod
    def of(cls, name: str, open_file: Callable[[], BinaryIO]) -> BeatTable:
        """Return the table of a file, whose lines are counted."""
        with open_file() as file:
            return cls(name, open_file, sum(1 for line in file if line.strip()))

    @property
    def seconds(self) -> float:
        return self.beats * BEAT_INTERVAL_S

    def records(self, patient: str, start_ms: int) -> Iterator[Due]:
        with self.open() as file:
            lines = (line for line in file if line.strip())
            place = 0
            while batch := list(islice(lines, _ROWS_AT_ONCE)):
                for number, samples, beat_class in _rows(batch, self.name, place + 1):
                    after_s = (place + 1) * BEAT_INTERVAL_S
                    time_ms = start_ms + round(place * BEAT_INTERVAL_S * 1000)
                    owner = patient.replace(NUMBER_FIELD, number)
                    yield Due(after_s, Beat(owner, time_ms, samples, beat_class))
                    place += 1


def _rows(
    lines: Iterable[bytes], name: str, first: int
) -> Iterator[tuple[str, NDArray[np.float64], str]]:
    """Yield (number, samples, class) of some lines; the number is "" in Kaggle's layout.

    first  the number of the first line, for messages
    """
    for place, line in enumerate(lines, first):
        try:
            values = np.array(line.split(b","), np.float64)
        except ValueError:
            raise UnusableInput(f"{name}: beat {place} has a value that is not a number") from None
        if values.size not in (BEAT_SAMPLES + 1, BEAT_SAMPLES + 2):
            raise UnusableInput(
                f"{name}: beat {place} has {values.size} values; {BEAT_SAMPLES} samples and a "
                "class are needed, with or without a number before them"
            )
        leading, samples, last = np.split(values, [-BEAT_SAMPLES - 1, -1])
        yield _number(leading, name, place), samples, _beat_class(float(last[0]), name, place)


def _number(leading: NDArray[np.float64], name: str, place: int) -> str:
    if not leading.size:
        return ""
    if not 0 <= leading[0] < 2**53 or leading[0] % 1:
        raise UnusableInput(f"{name}: beat {place} begins with {leading[0]:g}, no whole number")
    return str(int(leading[0]))


def _beat_class(value: float, name: str, place: int) -> str:
    if value not in range(len(KAGGLE_CLASSES)):
        raise UnusableInput(
            f"{name}: beat {place} has the class {value:g}; 0 to {len(KAGGLE_CLASSES) - 1} for "
            f"{', '.join(KAGGLE_CLASSES)} are allowed"
        )
    return KAGGLE_CLASSES[int(value)]
