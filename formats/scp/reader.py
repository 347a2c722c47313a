"""SCP-ECG: raw, Huffman-coded, with first or second differences, with the reference beat taken off; bimodal is refused by name.

Source: EN 1064:2005+A1 / ISO 11073-91064:2009, clauses 5.6 to 5.9
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from errors import BadSamplingRate, CorruptFile, DuplicateLead, NoSamples, UnknownFormat
from formats.channels import Channel, DecodedFile, record_from_channels
from formats.hints import Hints
from formats.lead_codes import lead_from_scp_number
from formats.parts import About, Format, Part
from formats.scp.coding import Codes, Table, decode, tables_of
from formats.scp.record import (
    Frame,
    date_of,
    device_of,
    looks_like_scp,
    measurements,
    parse_frame,
    patient_of,
    tags,
)
from signals.record import EcgRecord, Reported

MAX_SAMPLES: Final = 1_200_000  # ten minutes at 2000 Hz
MAX_BEATS: Final = 10_000
_LEAD: Final = struct.Struct("<IIB")  # first sample, last sample (from 1), lead
_HEAD: Final = struct.Struct("<HHBB")  # nV a unit, us a sample, kind of differences, bimodal
_BEAT: Final = struct.Struct("<HIII")  # type, first sample, fiducial, last sample
_SUBTRACTED: Final = 0x1


@dataclass(frozen=True)
class LeadSpan:
    """One lead of section 3: where it begins and ends, counted from 0, the end beyond."""

    name: str
    start: int
    stop: int


@dataclass(frozen=True, eq=False)
class Waveforms:
    """Section 5 or 6: nanovolts a unit, microseconds a sample, kind of differences, each lead's bytes."""

    nanovolts: int
    interval_us: int
    differences: int
    bimodal: bool
    leads: tuple[bytes, ...]


@dataclass(frozen=True)
class Beats:
    """Section 4: the reference beat's length and fiducial, and each QRS complex as (type, start, fiducial, stop), from 0."""

    length_ms: int
    fiducial: int
    places: tuple[tuple[int, int, int, int], ...]


def read(head: Part, parts: Sequence[Part], hints: Hints) -> EcgRecord:
    """The rhythm data of section 6. Raises CorruptFile, UnknownFormat (bimodal, several tables), NoSamples, BadSamplingRate, ..."""
    frame = parse_frame(head.data)
    spans, subtracted = _spans(frame)
    rhythm = _waveforms(frame.section(6), len(spans), "6")
    if rhythm is None:
        raise NoSamples("the SCP-ECG record holds no rhythm data (section 6)", loc=("signal",))
    if rhythm.bimodal:
        raise UnknownFormat("SCP-ECG with bimodal compression is not read")
    tables = tables_of(frame.section(2))
    samples = [
        _nanovolt(decode(data, tables, span.stop - span.start, rhythm.differences), rhythm)
        for span, data in zip(spans, rhythm.leads, strict=True)
    ]
    if subtracted:
        _add_beats(samples, spans, frame, tables, rhythm.interval_us)
    first = min(span.start for span in spans)
    length = max(span.stop for span in spans) - first
    channels = [
        Channel(span.name, _placed(row, span.start - first, length), "nV")
        for span, row in zip(spans, samples, strict=True)
    ]
    found = tags(frame.section(1))
    date = date_of(found)
    patient, said = patient_of(found, date)
    reported = Reported(date, device_of(found), measurements(frame.section(7)))
    warnings = (*frame.warnings, *said)
    return record_from_channels(
        DecodedFile("SCP-ECG", 1e6 / rhythm.interval_us, channels, patient, reported, warnings),
        hints,
    )


def _spans(frame: Frame) -> tuple[list[LeadSpan], bool]:
    """Section 3: the leads, and whether the reference beat was taken off."""
    section = frame.section(3) or b""
    count, flags = section[:2] if len(section) >= 2 else (0, 0)
    if not count or len(section) < 2 + count * _LEAD.size:
        raise CorruptFile(f"section 3 of the SCP-ECG record states {count} leads, which cannot be")
    spans = []
    for row in range(count):
        start, end, number = _LEAD.unpack_from(section, 2 + row * _LEAD.size)
        if not 1 <= start <= end or end - start >= MAX_SAMPLES:
            raise CorruptFile(
                f"lead {row} of the SCP-ECG record goes from sample {start} to {end}; at most {MAX_SAMPLES} are read"
            )
        spans.append(LeadSpan(lead_from_scp_number(number), start - 1, end))
    if len({span.name for span in spans}) < count:
        raise DuplicateLead("the SCP-ECG record has a lead twice")
    if max(span.stop for span in spans) - min(span.start for span in spans) > MAX_SAMPLES:
        raise CorruptFile(
            f"the leads of the SCP-ECG record lie more than {MAX_SAMPLES} samples apart"
        )
    return spans, bool(flags & _SUBTRACTED)


def _waveforms(section: bytes | None, leads: int, number: str) -> Waveforms | None:
    if section is None:
        return None
    at = _HEAD.size + 2 * leads
    if len(section) < at:
        raise CorruptFile(
            f"section {number} of the SCP-ECG record is too short for its {leads} leads"
        )
    nanovolts, interval_us, differences, bimodal = _HEAD.unpack_from(section)
    if not nanovolts:
        raise CorruptFile(f"the gain in section {number} of the SCP-ECG record is 0")
    if not interval_us:
        raise BadSamplingRate(
            f"fs: the sample interval in section {number} of the SCP-ECG record is 0", loc=("fs",)
        )
    found = []
    for length in struct.unpack_from(f"<{leads}H", section, _HEAD.size):
        found.append(section[at : at + length])
        at += length
    if at > len(section):
        raise CorruptFile(
            f"section {number} of the SCP-ECG record holds fewer bytes than its leads need"
        )
    return Waveforms(nanovolts, interval_us, differences, bool(bimodal), tuple(found))


def _nanovolt(codes: Codes, waveforms: Waveforms) -> NDArray[np.float64]:
    return codes.astype(np.float64) * waveforms.nanovolts


def _placed(row: NDArray[np.float64], start: int, length: int) -> NDArray[np.float64]:
    """A lead on the common time axis; what was not recorded with the others is a gap."""
    if start == 0 and len(row) == length:
        return row
    placed = np.full(length, np.nan)
    placed[start : start + len(row)] = row
    return placed


def _add_beats(
    samples: list[NDArray[np.float64]],
    spans: list[LeadSpan],
    frame: Frame,
    tables: tuple[Table, ...],
    interval_us: int,
) -> None:
    """Put the reference beat (section 5) back, in place, at every QRS complex of its type, fiducial on fiducial."""
    beats, reference = _beats(frame), _waveforms(frame.section(5), len(spans), "5")
    if beats is None or reference is None:
        raise CorruptFile(
            "the SCP-ECG record takes a reference beat off and does not hold it (sections 4 and 5)"
        )
    if reference.bimodal or reference.interval_us != interval_us:
        raise UnknownFormat(
            "SCP-ECG with a reference beat of another sampling rate than the rhythm's is not read"
        )
    length = beats.length_ms * 1000 // reference.interval_us
    for row, (span, data) in enumerate(zip(spans, reference.leads, strict=True)):
        beat = _nanovolt(decode(data, tables, length, reference.differences), reference)
        for kind, start, fiducial, stop in beats.places:
            if kind == 0:
                _add(samples[row], span.start, beat, fiducial - beats.fiducial, start, stop)


def _add(
    row: NDArray[np.float64],
    first: int,
    beat: NDArray[np.float64],
    origin: int,
    start: int,
    stop: int,
) -> None:
    """`origin` is the sample at which the beat's first one lies; only what lies in [start, stop), the lead and the beat is added."""
    low, high = max(start, origin, first), min(stop, origin + len(beat), first + len(row))
    if low < high:
        row[low - first : high - first] += beat[low - origin : high - origin]


def _beats(frame: Frame) -> Beats | None:
    section = frame.section(4)
    if section is None or len(section) < 6:
        return None
    length_ms, fiducial, count = struct.unpack_from("<HHH", section)
    if count > MAX_BEATS or len(section) < 6 + count * _BEAT.size:
        raise CorruptFile(
            f"section 4 of the SCP-ECG record states {count} QRS complexes, which cannot be"
        )
    rows = [_BEAT.unpack_from(section, 6 + row * _BEAT.size) for row in range(count)]
    return Beats(
        length_ms,
        fiducial - 1,
        tuple((kind, start - 1, middle - 1, end) for kind, start, middle, end in rows),
    )


FORMAT = Format(
    name="SCP-ECG",
    detect=lambda part: looks_like_scp(part.data),
    read=read,
    about=About(
        variants="rhythm data raw or Huffman-coded (default or one own table), first and second differences, reference beat taken off",
        parser="our own, after EN 1064",
        metadata="time, age, sex, device, global measurements of section 7",
        ignored="the reference beat, statements; bimodal compression and switching Huffman tables are refused by name",
        sample_files=(
            "scp/ecgtoolkit_example.scp: real, written by ECGToolkit",
            "scp/made_raw_int16_100hz.scp: made from a real recording",
            "scp/made_huffman_diff1_100hz.scp: made from a real recording",
            "scp/made_refbeat_100hz.scp: made from a real recording",
        ),
    ),
)
