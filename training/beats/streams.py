"""The records as streams: what the detector and the beat model see of them, second by second."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from heads.beats.candidates import Candidates, find_candidates
from heads.beats.describe import describe
from heads.beats.detector import Detected, beat_probability, chosen
from heads.beats.history import empty_history
from heads.beats.strips import SAMPLES, Strips, empty_strips, extend
from heads.trees import Forest
from signals.streams.watch_rate import WATCH_HZ
from training.beats.records import Record

# Each record is read with both leads and with each of them alone.
LEAD_SETS: Final = ((0, 1), (0,), (1,))
# A beat is judged this many seconds after it has come in, at the latest.
LATE_SECONDS: Final = 3


@dataclass(frozen=True, eq=False)
class Places:
    """Where something was found in the records, in order of time for each record.

    record   (places,) index
    time_s   (places,)
    numbers  (places, numbers) float32
    """

    record: NDArray[np.intp]
    time_s: NDArray[np.float64]
    numbers: NDArray[np.float32]


def find_all_candidates(records: Sequence[Record], leads: Sequence[int]) -> Places:
    """Return the detector's candidates in some leads of the records."""
    found = []
    for second, strips in _watched(records, leads):
        each = find_candidates(strips)
        now = each.is_final
        found.append((each.row[now], _time_s(each.at[now], second), each.features[now]))
    return _joined(found)


def describe_all_beats(
    records: Sequence[Record], leads: Sequence[int], detectors: Sequence[Forest]
) -> Places:
    """Return the numbers about all beats that are detected in some leads of the records.

    detectors  for each record
    """
    history = empty_history(len(records), len(leads))
    found = []
    for second, strips in _watched(records, leads):
        detected = _detect(find_candidates(strips), detectors)
        history, each = describe(history, strips, detected)
        found.append((each.row, _time_s(detected.at, second), each.numbers))
    return _joined(found)


def _watched(records: Sequence[Record], leads: Sequence[int]) -> Iterator[tuple[int, Strips]]:
    """Yield the strips of all records after each second."""
    strips = empty_strips(len(records), len(leads))
    longest = max(len(record.seconds) for record in records)
    for number in range(longest + LATE_SECONDS):
        second = np.full((len(records), len(leads), WATCH_HZ), np.nan, np.float32)
        for row, record in enumerate(records):
            if number < len(record.seconds):
                second[row] = record.seconds[number, leads]
        strips = extend(strips, second)
        yield number, strips


def _time_s(at: NDArray[np.intp], second: int) -> NDArray[np.float64]:
    """Return when samples of a strip are, of which the newest second has the number `second`."""
    times: NDArray[np.float64] = (at + (second + 1) * WATCH_HZ - SAMPLES) / WATCH_HZ
    return times


def _detect(found: Candidates, detectors: Sequence[Forest]) -> Detected:
    probability = np.zeros(found.row.size)
    for detector in dict.fromkeys(detectors):
        by_this = np.array([each is detector for each in detectors])[found.row]
        probability[by_this] = beat_probability(detector, found.features[by_this])
    return chosen(found, probability)


def _joined(
    found: Sequence[tuple[NDArray[np.intp], NDArray[np.float64], NDArray[np.float32]]],
) -> Places:
    record = np.concatenate([row for row, _, _ in found])
    order = np.argsort(record, kind="stable")
    return Places(
        record[order],
        np.concatenate([time_s for _, time_s, _ in found])[order],
        np.concatenate([numbers for _, _, numbers in found])[order],
    )
