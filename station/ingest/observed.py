"""Frames of signals that arrive as observations of other standards: HL7 v2, FHIR.

Such an observation has a time and no number. The number of a frame is made of the time of its
first sample and its first lead, so an observation that is sent again is doubled.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from errors import BadSamplingRate, NoSamples, TooManyRecords, UnknownLead
from signals.checks import MAX_FS_HZ, MIN_FS_HZ
from signals.leads import canonical_lead
from station.ingest.frame import LEAD_CODES, MAX_FRAME_BYTES, MAX_LEADS, Record, encode
from station.ingest.outcomes import Outcome, Rejection
from station.ingest.parse import MAX_TIME_MS, ParsedPost, parse_post, renumbered
from station.times import SECOND_MS

# A longer signal becomes several records.
PIECE_S: Final = 10.0
_MAX_VALUES: Final = (MAX_FRAME_BYTES - 1024) // 4  # float32 of a frame, without its header
# An ECG lead that is not named: MDC 131328 (ISO 11073-10101) and LOINC's "EKG study"; a number
# after it tells several apart.
_UNNAMED: Final = re.compile(r"(?:131328|MDC_ECG_ELEC_POTL|MDC_ECG_LEAD|11524-6)(?: ([1-4]))?")


@dataclass(frozen=True, eq=False)
class ObservedLead:
    """One lead for some time.

    lead      of LEAD_CODES
    samples   (samples,) mV, NaN for gaps
    start_ms  time of the first sample
    """

    lead: str
    samples: NDArray[np.float32]
    fs_hz: float
    start_ms: int


def lead_of(name: str) -> str | None:
    """Return the lead that a name or code means; None for anything but an ECG's lead."""
    unnamed = _UNNAMED.fullmatch(name)
    if unnamed is not None:
        return f"ECG{unnamed[1] or 1}"
    return canonical_lead(name) or (name if name in LEAD_CODES else None)


def frames_of(source: str, patient: str, leads: Iterable[ObservedLead]) -> list[bytes]:
    """Return the frames of some leads; those of the same time, rate and length are one record.

    source, patient  names, which is_name has found to be allowed
    Raises BadSamplingRate, NoSamples, UnknownLead.
    """
    together: dict[tuple[int, float, int], list[ObservedLead]] = {}
    for lead in leads:
        _check(lead)
        key = (lead.start_ms, lead.fs_hz, len(lead.samples))
        together.setdefault(key, []).append(lead)
    frames: list[bytes] = []
    for key in sorted(together):
        group = sorted(together[key], key=lambda lead: LEAD_CODES[lead.lead])
        names = [lead.lead for lead in group]
        if len(set(names)) < len(names):
            raise UnknownLead(f"leads: {', '.join(names)}; each lead may be there once")
        frames += (encode(record) for record in _records(source, patient, group))
    return frames


def _check(lead: ObservedLead) -> None:
    if not MIN_FS_HZ <= lead.fs_hz <= MAX_FS_HZ:
        raise BadSamplingRate(
            f"{lead.lead}: {lead.fs_hz:g} Hz; {MIN_FS_HZ:g} to {MAX_FS_HZ:g} Hz are allowed"
        )
    if not len(lead.samples):
        raise NoSamples(f"{lead.lead}: no samples")
    if not 0 <= lead.start_ms <= MAX_TIME_MS:
        raise NoSamples(f"{lead.lead}: its time is not between 1970 and 2200")


def _records(source: str, patient: str, group: list[ObservedLead]) -> Iterator[Record]:
    first_lead = group[0]
    signal = np.stack([lead.samples for lead in group])
    step = min(round(PIECE_S * first_lead.fs_hz), _MAX_VALUES // len(group))
    for first in range(0, signal.shape[1], step):
        device_ms = first_lead.start_ms + round(first * SECOND_MS / first_lead.fs_hz)
        yield Record(
            source=source,
            seq=device_ms * MAX_LEADS + LEAD_CODES[first_lead.lead] - 1,
            patient=patient,
            device_ms=device_ms,
            fs_hz=first_lead.fs_hz,
            leads=[lead.lead for lead in group],
            samples=signal[:, first : first + step],
        )


@dataclass
class ObservationPost:
    """Collects the frames of several observations, and those that cannot become frames."""

    max_frames: int
    count: int = 0
    _frames: list[bytes] = field(default_factory=list)
    _indices: list[int] = field(default_factory=list)
    _rejections: list[Rejection] = field(default_factory=list)

    def add(self, frames: Iterable[bytes]) -> range:
        """Return the indices of the frames. Raises TooManyRecords."""
        first = self.count
        for frame in frames:
            self._indices.append(self._next())
            self._frames.append(frame)
        return range(first, self.count)

    def refuse(self, detail: str, content: bytes) -> range:
        """Return the index of what cannot become a frame. Raises TooManyRecords."""
        index = self._next()
        self._rejections.append(Rejection(index, Outcome.INVALID, detail, frame=content))
        return range(index, self.count)

    def _next(self) -> int:
        if self.count >= self.max_frames:
            raise TooManyRecords(f"more than {self.max_frames} records (STATION_MAX_RECORDS)")
        self.count += 1
        return self.count - 1

    def parsed(self) -> ParsedPost:
        parsed = parse_post(b"".join(self._frames), self.max_frames)
        return renumbered(parsed, self._indices, self._rejections)
