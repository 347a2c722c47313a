"""Read the rhythm recording of an SCP-ECG file.

Its samples are raw or Huffman-coded, may be stored as first or second differences, and may have a
reference beat subtracted from them.

This module reads these sections of a file: 1 patient, device and date; 2 Huffman tables; 3 leads;
4 positions of the QRS complexes; 5 reference beat; 6 rhythm; 7 measurements;
8 and 11 statements.

Source: EN 1064:2005+A1 / ISO 11073-91064:2009, clauses 5.6 to 5.9
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from errors import CorruptFile, NoSamples, UnknownFormat
from formats.channels import record_from_channels
from formats.decoded import Channel, DecodedFile
from formats.hints import Hints
from formats.parts import About, Format, Part
from formats.scp import reported, sections
from formats.scp.coding import Table, decode, parse_tables
from formats.scp.frame import Frame, looks_like_scp, parse_frame
from formats.scp.sections import LeadSection, LeadSpan, QrsComplex, Waveforms
from signals.filler import INT16_LIMITS
from signals.leads import canonical_lead
from signals.record import EcgRecord, Reported

# A byte after a lead's samples fills its data to an even number of bytes, as the standard demands.
_MIN_SURPLUS_BYTES: Final = 2


def read(head: Part, parts: Sequence[Part], hints: Hints) -> EcgRecord:
    """Return the rhythm recording (section 6) of an SCP-ECG file.

    head   the file
    parts  all files of the recording; not used
    hints  what the request states about the file
    Raises CorruptFile, UnknownFormat for bimodal compression or several Huffman tables, NoSamples,
    DuplicateLead, BadSamplingRate, and the errors of `record_from_channels`.
    """
    frame = parse_frame(head.data)
    channels, fs, warnings = _channels(frame, all_leads=hints.lead_names.are_stated)
    fields = reported.parse_tags(frame.section(1))
    date = reported.recording_date(fields)
    patient, patient_warnings = reported.patient(fields, date)
    device = reported.device(fields)
    measurements = reported.measurements(frame.section(7))
    statements = reported.statements(frame.section(8), frame.section(11), fields)
    decoded = DecodedFile(
        "SCP-ECG",
        fs,
        channels,
        patient,
        Reported(date, device, measurements, statements),
        (*frame.warnings, *warnings, *patient_warnings),
    )
    return record_from_channels(decoded, hints)


def _channels(frame: Frame, *, all_leads: bool) -> tuple[list[Channel], float, tuple[str, ...]]:
    """Return the leads in nV, all on one time axis, their sampling rate in Hz, and warnings.

    Only the standard leads are decoded, or `all_leads`; the others are named in a warning and have
    no samples.
    """
    leads = sections.parse_leads(frame.section(3))
    rhythm = sections.parse_waveforms(frame.section(6), len(leads.spans), "6")
    if rhythm is None:
        raise NoSamples("the SCP-ECG record has no rhythm data (section 6)", loc=("signal",))
    if rhythm.bimodal:
        raise UnknownFormat("SCP-ECG with bimodal compression is not supported")
    tables = parse_tables(frame.section(2))
    spans, warnings = _counted_from_one(leads, rhythm, is_coded=bool(tables))
    rows: list[NDArray[np.float64]] = []
    faults: list[str | None] = []
    for span, data in zip(spans, rhythm.encoded_leads, strict=True):
        row, fault = np.zeros(0), None
        if all_leads or canonical_lead(span.name) is not None:
            row, surplus_bytes = _nanovolts(data, tables, span.samples, rhythm)
            if surplus_bytes >= _MIN_SURPLUS_BYTES:
                after = f"after the stated samples of {span.name}"
                warnings += (f"file: {surplus_bytes} bytes {after}, left out",)
            if len(row) < span.samples:
                fault = f"it has {len(row)} samples, {span.samples} are stated"
                row = np.zeros(0)
        rows.append(row)
        faults.append(fault)
    if leads.is_beat_subtracted:
        _add_reference_beats(rows, spans, frame, tables, rhythm.interval_us)
    first_sample = min(span.start for span in spans)
    length = max(span.stop for span in spans) - first_sample
    lowest, highest = INT16_LIMITS
    limits = (lowest * rhythm.nanovolts_per_unit, highest * rhythm.nanovolts_per_unit)
    channels = []
    for span, row, fault in zip(spans, rows, faults, strict=True):
        codes = _on_common_axis(row, span.start - first_sample, length) if len(row) else row
        channels.append(Channel(span.name, codes, "nV", fault=fault, limits=limits))
    return channels, 1e6 / rhythm.interval_us, warnings


def _counted_from_one(
    leads: LeadSection, rhythm: Waveforms, *, is_coded: bool
) -> tuple[Sequence[LeadSpan], tuple[str, ...]]:
    """Return the spans of the leads, with a warning for a record that counts samples from 0.

    The last number of such a record is that of the last sample, or the number of samples (0 to
    10000 with 10000 samples, as in RigacciOrg/ecg-contec's demo.scp). The size of raw samples tells
    which; of coded samples only the smaller number is certain to be there.

    Raises UnknownFormat if a reference beat was subtracted, whose place is then uncertain.
    """
    if not leads.from_zero:
        return leads.spans, ()
    if leads.is_beat_subtracted:
        raise UnknownFormat(
            "SCP-ECG that counts samples from 0, with a subtracted reference beat, is not supported"
        )
    pairs = zip(leads.spans, rhythm.encoded_leads, strict=True)
    is_one_more = is_coded or any(2 * span.samples > len(data) for span, data in pairs)
    spans = leads.spans
    if is_one_more:
        spans = tuple(replace(span, stop=max(span.stop - 1, span.start + 1)) for span in spans)
    warning = "signal: the SCP-ECG record counts its samples from 0, the standard counts from 1"
    return spans, (warning,)


def _nanovolts(
    data: bytes, tables: tuple[Table, ...], count: int, waveforms: Waveforms
) -> tuple[NDArray[np.float64], int]:
    """Return the decoded samples of one lead in nV, at most `count`, and the bytes after them."""
    codes, surplus_bytes = decode(data, tables, count, waveforms.difference_order)
    return codes.astype(np.float64) * waveforms.nanovolts_per_unit, surplus_bytes


def _on_common_axis(row: NDArray[np.float64], start: int, length: int) -> NDArray[np.float64]:
    """Return a lead on the time axis that all leads share, (length,), NaN where it has no samples.

    start  position of the lead's first sample on that axis
    """
    if start == 0 and len(row) == length:
        return row
    samples = np.full(length, np.nan)
    samples[start : start + len(row)] = row
    return samples


def _add_reference_beats(
    rows: list[NDArray[np.float64]],
    spans: Sequence[LeadSpan],
    frame: Frame,
    tables: tuple[Table, ...],
    interval_us: int,
) -> None:
    """Add the reference beat (section 5) to `rows`, in place, at every QRS complex of type 0.

    The reference beat's fiducial sample falls on the fiducial sample of the QRS complex.

    rows         for each lead its samples in nV
    spans        for each lead its first and last sample on the record's time axis
    interval_us  microseconds between the samples of `rows`
    Raises CorruptFile if section 4 or 5 is missing, UnknownFormat if section 5 has another sampling
    rate or bimodal compression.
    """
    locations = sections.parse_qrs_locations(frame.section(4))
    reference = sections.parse_waveforms(frame.section(5), len(spans), "5")
    if locations is None or reference is None:
        raise CorruptFile(
            "the SCP-ECG record states that a reference beat was subtracted; sections 4 and 5, "
            "which are needed to add it again, are not both present"
        )
    if reference.bimodal or reference.interval_us != interval_us:
        raise UnknownFormat(
            "SCP-ECG with different sampling rates of reference beat and rhythm is not supported"
        )
    length = locations.length_ms * 1000 // reference.interval_us
    for row, span, data in zip(rows, spans, reference.encoded_leads, strict=True):
        if not len(row):
            continue
        beat, _ = _nanovolts(data, tables, length, reference)
        if len(beat) < length:
            raise CorruptFile(
                f"the reference beat of the SCP-ECG record has {len(beat)} samples in lead "
                f"{span.name}; {length} are stated"
            )
        added = 0
        for qrs in locations.complexes:
            if qrs.type == 0:
                added += _add_beat(row, span.start, beat, qrs.fiducial - locations.fiducial, qrs)
            if added > 2 * len(row):
                raise CorruptFile("the QRS complexes of the SCP-ECG record overlap")


def _add_beat(
    row: NDArray[np.float64],
    row_start: int,
    beat: NDArray[np.float64],
    beat_start: int,
    qrs: QrsComplex,
) -> int:
    """Add `beat` to `row`, in place, between `qrs.start` and `qrs.stop`; return how many samples.

    row, beat              samples in nV
    row_start, beat_start  positions of their first samples on the record's time axis
    """
    start = max(qrs.start, beat_start, row_start)
    stop = min(qrs.stop, beat_start + len(beat), row_start + len(row))
    if start >= stop:
        return 0
    row[start - row_start : stop - row_start] += beat[start - beat_start : stop - beat_start]
    return stop - start


FORMAT = Format(
    name="SCP-ECG",
    detect=lambda part: looks_like_scp(part.data),
    read=read,
    about=About(
        variants=(
            "rhythm data, raw or Huffman-coded (default table or one of the file's own), first "
            "and second differences, with a subtracted reference beat"
        ),
        parser="our own, after EN 1064",
        metadata=(
            "time, age, sex, device, global measurements of section 7, statements of sections 8 "
            "and 11"
        ),
        ignored=("the reference beat; refused: bimodal compression, several Huffman tables"),
        sample_files=(
            "scp/ecgtoolkit_example.scp: real, written by ECGToolkit",
            "scp/made_raw_int16_100hz.scp: made from a real recording",
            "scp/made_huffman_diff1_100hz.scp: made from a real recording",
            "scp/made_refbeat_100hz.scp: made from a real recording",
        ),
    ),
)
