"""Parse the waveform sections of an SCP-ECG record: leads, QRS complexes, beat and rhythm.

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
_WAVEFORM_HEAD: Final = struct.Struct("<HHBB")  # nV a unit, us a sample, differences, bimodal
_BEATS_HEAD: Final = struct.Struct("<HHH")  # length of the beat in ms, fiducial, count
_QRS: Final = struct.Struct("<HIII")  # type, first sample, fiducial, last sample
_BEAT_SUBTRACTED: Final = 0x1


@dataclass(frozen=True)
class LeadSpan:
    """One lead of section 3. It has the samples `start` to `stop` - 1, counted from 0."""

    name: str
    start: int
    stop: int


@dataclass(frozen=True, eq=False)
class Waveforms:
    """Section 5 or 6.

    nanovolts    nanovolts a unit
    interval_us  microseconds a sample
    differences  the order of the differences that the codes are
    leads        the encoded bytes of each lead
    """

    nanovolts: int
    interval_us: int
    differences: int
    bimodal: bool
    leads: tuple[bytes, ...]


@dataclass(frozen=True)
class QrsComplex:
    """One QRS complex of section 4: samples `start` to `stop` - 1, counted from 0.

    The reference beat is the average of type 0.
    """

    type: int
    start: int
    fiducial: int
    stop: int


@dataclass(frozen=True)
class Beats:
    """Section 4: the reference beat's length and fiducial sample, and all QRS complexes."""

    length_ms: int
    fiducial: int
    complexes: tuple[QrsComplex, ...]


def parse_leads(section: bytes | None) -> tuple[list[LeadSpan], bool]:
    """Return the leads of section 3, and whether the reference beat was subtracted from them.

    Raises CorruptFile, DuplicateLead.
    """
    data = section or b""
    count, flags = data[:2] if len(data) >= 2 else (0, 0)
    if not count or len(data) < 2 + count * _LEAD.size:
        raise CorruptFile(
            f"section 3 of the SCP-ECG record: {count} leads in {len(data)} bytes; "
            f"at least one lead of {_LEAD.size} bytes is needed"
        )
    spans = []
    for row in range(count):
        first, last, number = _LEAD.unpack_from(data, 2 + row * _LEAD.size)
        if not 1 <= first <= last or last - first >= MAX_SAMPLES:
            raise CorruptFile(
                f"lead {row} of the SCP-ECG record: samples {first} to {last} stated; "
                f"1 to {MAX_SAMPLES} samples are allowed"
            )
        spans.append(LeadSpan(lead_from_scp_number(number), first - 1, last))
    if len({span.name for span in spans}) < count:
        raise DuplicateLead("the SCP-ECG record has a lead twice")
    start = min(span.start for span in spans)
    stop = max(span.stop for span in spans)
    if stop - start > MAX_SAMPLES:
        raise CorruptFile(
            f"the leads of the SCP-ECG record span {stop - start} samples; "
            f"the limit is {MAX_SAMPLES}"
        )
    return spans, bool(flags & _BEAT_SUBTRACTED)


def parse_waveforms(section: bytes | None, leads: int, number: str) -> Waveforms | None:
    """Return section 5 or 6, or None if the record has none. `number` is for messages.

    Raises CorruptFile, BadSamplingRate.
    """
    if section is None:
        return None
    start = _WAVEFORM_HEAD.size + 2 * leads
    if len(section) < start:
        raise CorruptFile(
            f"section {number} of the SCP-ECG record: {len(section)} bytes; "
            f"{leads} leads need at least {start}"
        )
    nanovolts, interval_us, differences, bimodal = _WAVEFORM_HEAD.unpack_from(section)
    if not nanovolts:
        raise CorruptFile(f"the gain in section {number} of the SCP-ECG record is 0")
    if not interval_us:
        raise BadSamplingRate(
            f"fs: the sample interval in section {number} of the SCP-ECG record is 0", loc=("fs",)
        )
    encoded = []
    for length in struct.unpack_from(f"<{leads}H", section, _WAVEFORM_HEAD.size):
        encoded.append(section[start : start + length])
        start += length
    if start > len(section):
        raise CorruptFile(
            f"section {number} of the SCP-ECG record: {len(section)} bytes; its leads need {start}"
        )
    return Waveforms(nanovolts, interval_us, differences, bool(bimodal), tuple(encoded))


def parse_beats(section: bytes | None) -> Beats | None:
    """Return section 4, or None if the record has none. Raises CorruptFile."""
    if section is None or len(section) < _BEATS_HEAD.size:
        return None
    length_ms, fiducial, count = _BEATS_HEAD.unpack_from(section)
    if count > MAX_BEATS or len(section) < _BEATS_HEAD.size + count * _QRS.size:
        raise CorruptFile(
            f"section 4 of the SCP-ECG record: {count} QRS complexes in {len(section)} bytes; "
            f"at most {MAX_BEATS} of {_QRS.size} bytes are allowed"
        )
    complexes = []
    for row in range(count):
        kind, first, middle, last = _QRS.unpack_from(section, _BEATS_HEAD.size + row * _QRS.size)
        complexes.append(QrsComplex(kind, first - 1, middle - 1, last))
    return Beats(length_ms, fiducial - 1, tuple(complexes))
