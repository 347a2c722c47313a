"""Parse sections 3 to 6 of an SCP-ECG record: leads, QRS complexes, reference beat and rhythm.

Source: EN 1064:2005+A1 / ISO 11073-91064:2009, clauses 5.6 to 5.9
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

from errors import BadSamplingRate, CorruptFile, DuplicateLead
from formats.lead_codes import lead_from_scp_number

MAX_SAMPLES: Final = 1_200_000  # ten minutes at 2000 Hz
MAX_BEATS: Final = 10_000
_LEAD: Final = struct.Struct("<IIB")  # first sample and last sample (from 1), lead number
# nV per unit, microseconds between samples, order of the differences, whether bimodal.
_WAVEFORM_HEAD: Final = struct.Struct("<HHBB")
# The reference beat's length in ms and fiducial sample (from 1), number of QRS complexes.
_LOCATIONS_HEAD: Final = struct.Struct("<HHH")
_QRS: Final = struct.Struct("<HIII")  # type; first, fiducial and last sample (from 1)
# Flag of section 3.
_BEAT_SUBTRACTED: Final = 0x1


@dataclass(frozen=True)
class LeadSpan:
    """One lead of section 3. It has the samples `start` to `stop` - 1, counted from 0."""

    name: str
    start: int
    stop: int

    @property
    def samples(self) -> int:
        return self.stop - self.start


@dataclass(frozen=True)
class LeadSection:
    """The content of section 3.

    is_beat_subtracted  whether the reference beat was subtracted from the leads
    from_zero           whether the record counts samples from 0, where the standard has 1
    """

    spans: tuple[LeadSpan, ...]
    is_beat_subtracted: bool
    from_zero: bool


@dataclass(frozen=True, eq=False)
class Waveforms:
    """The encoded samples of section 5, the reference beat, or of section 6, the rhythm.

    nanovolts_per_unit  of a decoded sample
    interval_us         microseconds between samples
    difference_order    0 if samples are encoded, 1 or 2 if their first or second differences are
    bimodal             whether samples between QRS complexes have a lower rate than those within
    encoded_leads       the bytes of each lead
    """

    nanovolts_per_unit: int
    interval_us: int
    difference_order: int
    bimodal: bool
    encoded_leads: tuple[bytes, ...]


@dataclass(frozen=True)
class QrsComplex:
    """One QRS complex of section 4, in samples counted from 0.

    type      the reference beat is the average of the complexes of type 0
    start     first sample of the zone in which the reference beat may be subtracted
    fiducial  the sample on which the reference beat's fiducial sample falls
    stop      the sample after the zone
    """

    type: int
    start: int
    fiducial: int
    stop: int


@dataclass(frozen=True)
class QrsLocations:
    """Section 4: the reference beat's length and fiducial sample, and all QRS complexes.

    fiducial  counted from 0 at the beat's first sample
    """

    length_ms: int
    fiducial: int
    complexes: tuple[QrsComplex, ...]


def parse_leads(section: bytes | None) -> LeadSection:
    """Parse section 3. Raises CorruptFile, DuplicateLead."""
    data = section or b""
    count, flags = data[:2] if len(data) >= 2 else (0, 0)
    if not count or len(data) < 2 + count * _LEAD.size:
        raise CorruptFile(
            f"section 3 of the SCP-ECG record: {count} leads in {len(data)} bytes; "
            f"at least one lead of {_LEAD.size} bytes is needed"
        )
    entries = [_LEAD.unpack_from(data, 2 + row * _LEAD.size) for row in range(count)]
    # The standard counts samples from 1. Some writers count from 0.
    numbered_from = min(1, *(first for first, _, _ in entries))
    spans = []
    for row, (first, last, number) in enumerate(entries):
        if last < first:
            raise CorruptFile(
                f"lead {row} of the SCP-ECG record: its last sample {last} precedes its first "
                f"sample {first}"
            )
        if last - first >= MAX_SAMPLES:
            raise CorruptFile(
                f"lead {row} of the SCP-ECG record: {last - first + 1} samples, {first} to {last}; "
                f"the limit is {MAX_SAMPLES}"
            )
        name = lead_from_scp_number(number)
        spans.append(LeadSpan(name, first - numbered_from, last - numbered_from + 1))
    if len({span.name for span in spans}) < count:
        raise DuplicateLead("the SCP-ECG record has a lead twice")
    start = min(span.start for span in spans)
    stop = max(span.stop for span in spans)
    if stop - start > MAX_SAMPLES:
        raise CorruptFile(
            f"the leads of the SCP-ECG record span {stop - start} samples; "
            f"the limit is {MAX_SAMPLES}"
        )
    return LeadSection(tuple(spans), bool(flags & _BEAT_SUBTRACTED), numbered_from == 0)


def parse_waveforms(
    section: bytes | None, lead_count: int, section_number: str
) -> Waveforms | None:
    """Return section 5 or 6, or None if the record lacks it.

    lead_count      number of leads in section 3
    section_number  "5" or "6", for messages
    Raises CorruptFile, BadSamplingRate.
    """
    if section is None:
        return None
    position = _WAVEFORM_HEAD.size + 2 * lead_count
    if len(section) < position:
        raise CorruptFile(
            f"section {section_number} of the SCP-ECG record: {len(section)} bytes; "
            f"{lead_count} leads need at least {position}"
        )
    nanovolts_per_unit, interval_us, difference_order, bimodal = _WAVEFORM_HEAD.unpack_from(section)
    if not nanovolts_per_unit:
        raise CorruptFile(f"the gain in section {section_number} of the SCP-ECG record is 0")
    if not interval_us:
        raise BadSamplingRate(
            f"fs: the sample interval in section {section_number} of the SCP-ECG record is 0",
            loc=("fs",),
        )
    encoded = []
    for length in struct.unpack_from(f"<{lead_count}H", section, _WAVEFORM_HEAD.size):
        encoded.append(section[position : position + length])
        position += length
    if position > len(section):
        raise CorruptFile(
            f"section {section_number} of the SCP-ECG record: {len(section)} bytes; "
            f"its leads need {position}"
        )
    return Waveforms(
        nanovolts_per_unit, interval_us, difference_order, bool(bimodal), tuple(encoded)
    )


def parse_qrs_locations(section: bytes | None) -> QrsLocations | None:
    """Return section 4, or None if the record lacks it. Raises CorruptFile."""
    if section is None or len(section) < _LOCATIONS_HEAD.size:
        return None
    length_ms, fiducial, count = _LOCATIONS_HEAD.unpack_from(section)
    if count > MAX_BEATS:
        raise CorruptFile(
            f"section 4 of the SCP-ECG record: {count} QRS complexes; the limit is {MAX_BEATS}"
        )
    needed = _LOCATIONS_HEAD.size + count * _QRS.size
    if len(section) < needed:
        raise CorruptFile(
            f"section 4 of the SCP-ECG record: {count} QRS complexes need {needed} bytes; "
            f"it has {len(section)}"
        )
    complexes = []
    for row in range(count):
        position = _LOCATIONS_HEAD.size + row * _QRS.size
        qrs_type, first, qrs_fiducial, last = _QRS.unpack_from(section, position)
        complexes.append(QrsComplex(qrs_type, first - 1, qrs_fiducial - 1, last))
    return QrsLocations(length_ms, fiducial - 1, tuple(complexes))
