"""Join the segments of a WFDB record; a signal that a segment lacks is a gap there.

Source: header(5) of the WFDB Applications Guide, "Multi-segment records"
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from errors import BadSamplingRate, CorruptFile, MissingPart, NoSamples, RecordingTooLong
from formats.decoded import Channel, faulty_channel
from formats.limits import MAX_VALUES
from formats.parts import Part
from formats.wfdb.header import Header, Segment, parse_header
from formats.wfdb.signals import Parts, read_channels
from formats.wfdb.storage import FLAC
from signals.units import millivolt_per_unit

MAX_SEGMENT_SIGNALS: Final = 50_000  # of all segments; 2000 segments of twelve leads are half
MAX_FS_HZ: Final = 1e6  # the product with the samples of a frame stays finite


@dataclass(frozen=True, eq=False)
class _Piece:
    """A signal of one segment. `start` is the segment's first frame in the record."""

    segment: Segment
    start: int
    channel: Channel


def join_segments(master: Header, parts: Parts) -> tuple[list[Channel], tuple[str, ...]]:
    """Return the channels of the whole record and the warnings of its segments.

    Channels of one name belong together. Raises MissingPart, CorruptFile, RecordingTooLong,
    BadSamplingRate.
    """
    if not 0 < master.fs <= MAX_FS_HZ:
        raise BadSamplingRate(
            f"fs: the WFDB header's sampling rate is not above 0 Hz and at most {MAX_FS_HZ:g} Hz",
            loc=("fs",),
        )
    # Segments without frames (layouts) only describe the signals.
    segments = [segment for segment in master.segments if segment.frames]
    frames = sum(segment.frames for segment in segments)
    if master.frames is not None and frames != master.frames:
        raise CorruptFile(
            f"WFDB header: {master.frames} samples a signal stated; its segments have {frames}"
        )
    headers = _headers(segments, master, parts)
    _check_values(frames, segments, headers)
    pieces, warnings = _read_segments(segments, headers, parts)
    if not pieces:
        raise NoSamples("the segments of the WFDB record are all gaps", loc=("signal",))
    return [_join(signal, frames, master) for signal in pieces.values()], warnings


# Name of a segment -> its header and the header's file.
_Headers = dict[str, tuple[Header, Part]]


def _headers(segments: Sequence[Segment], master: Header, parts: Parts) -> _Headers:
    """Return the header of each segment, parsed once even if the record repeats the segment."""
    headers: _Headers = {}
    for segment in segments:
        if segment.name is None:
            continue
        if segment.name not in headers:
            part = parts.by_name.get(f"{segment.name}.hea")
            if part is None:
                raise MissingPart(
                    f"{segment.name}.hea: a segment of the WFDB record, missing in the upload",
                    loc=("file",),
                )
            headers[segment.name] = parse_header(part.data), part
        header = headers[segment.name][0]
        if header.segments:
            raise CorruptFile(f"{segment.name}: a segment of the WFDB record has segments itself")
        if header.fs != master.fs:
            raise CorruptFile(
                f"{segment.name}: the segment's header states {header.fs:g} Hz, the WFDB record "
                f"{master.fs:g} Hz"
            )
        if header.frames not in (None, segment.frames):
            raise CorruptFile(
                f"{segment.name}: the segment's header states {header.frames} samples a signal, "
                f"the WFDB record {segment.frames}"
            )
    return headers


def _check_values(frames: int, segments: Sequence[Segment], headers: _Headers) -> None:
    """Raise before memory is allocated: a gap may be stated arbitrarily long.

    Raises RecordingTooLong, CorruptFile for too many signals, or for one file in several segments
    if it is FLAC, which has to be decoded from its start each time.
    """
    samples_of_frame: dict[str, int] = {}
    signals = 0
    read_flac: set[str] = set()
    for segment in segments:
        if segment.name is None:
            continue
        lines = headers[segment.name][0].signals
        signals += len(lines)
        for line in lines:
            samples_of_frame.setdefault(line.description, line.frame_samples)
        flac_files = {line.file for line in lines if line.storage in FLAC}
        if flac_files & read_flac:
            raise CorruptFile("a FLAC file of the WFDB record belongs to several segments")
        read_flac |= flac_files
    values = frames * sum(samples_of_frame.values())
    if values > MAX_VALUES:
        raise RecordingTooLong(
            f"WFDB record: {frames} frames of {len(samples_of_frame)} signals; "
            f"the limit is {MAX_VALUES} values"
        )
    if signals > MAX_SEGMENT_SIGNALS:
        raise CorruptFile(
            f"WFDB record: {signals} signals in all segments; the limit is {MAX_SEGMENT_SIGNALS}"
        )


def _read_segments(
    segments: Sequence[Segment], headers: _Headers, parts: Parts
) -> tuple[dict[str, list[_Piece]], tuple[str, ...]]:
    """Return the pieces of each signal by its name, and every warning once."""
    pieces: dict[str, list[_Piece]] = {}
    warnings: dict[str, None] = {}
    shared = _shared_files(segments, headers)
    start = 0
    for segment in segments:
        if segment.name is not None:
            header, part = headers[segment.name]
            channels, segment_warnings = read_channels(header, parts, part, shared)
            for channel in channels:
                pieces.setdefault(channel.name, []).append(_Piece(segment, start, channel))
            warnings |= dict.fromkeys((*header.warnings, *segment_warnings))
        start += segment.frames
    return pieces, tuple(warnings)


def _shared_files(segments: Sequence[Segment], headers: _Headers) -> set[str]:
    """Return the signal files that belong to several segments, each with a part of the samples."""
    seen: set[str] = set()
    shared: set[str] = set()
    for segment in segments:
        if segment.name is not None:
            files = {line.file for line in headers[segment.name][0].signals}
            shared |= seen & files
            seen |= files
    return shared


def _join(pieces: Sequence[_Piece], frames: int, master: Header) -> Channel:
    """Join one signal through all segments; it is a gap where it has no piece.

    The codes stay as stored if all pieces have the scale and unit of the first one; otherwise they
    become mV. A signal whose pieces do not fit together is returned without samples.
    """
    first = pieces[0].channel
    channels = [piece.channel for piece in pieces]
    same_scale = all(
        channel.scale == first.scale and channel.unit == first.unit for channel in channels
    )
    fault = _fault(pieces, same_scale=same_scale)
    if fault is not None:
        return faulty_channel(first.name, fault)
    frame_samples = round((first.fs or master.fs) / master.fs)
    codes: NDArray[np.float64] = np.full(frames * frame_samples, np.nan)
    for piece in pieces:
        row = piece.channel.codes if same_scale else _millivolt(piece.channel)
        samples = piece.segment.frames * frame_samples
        if len(row) != samples:
            raise CorruptFile(
                f"{piece.segment.name}: {len(row) // frame_samples} frames; "
                f"the WFDB record states {piece.segment.frames}"
            )
        start = piece.start * frame_samples
        codes[start : start + samples] = row
    if same_scale:
        return Channel(first.name, codes, first.unit, first.scale, fs=first.fs)
    return Channel(first.name, codes, "mV", 1.0, fs=first.fs)


def _fault(pieces: Sequence[_Piece], *, same_scale: bool) -> str | None:
    """Return why the pieces of a signal cannot be joined, as a clause; None if they can."""
    channels = [piece.channel for piece in pieces]
    if len({piece.start for piece in pieces}) < len(pieces):
        return "two signals of one segment have its name"
    if any(channel.fs != channels[0].fs for channel in channels):
        return "its sampling rate changes between segments"
    if not same_scale and any(math.isnan(_millivolt_per_unit(channel)) for channel in channels):
        return "its scale changes between segments, and not all of its units are volts"
    return None


def _millivolt_per_unit(channel: Channel) -> float:
    """Return the size of a channel's unit in mV; NaN if it is not a voltage."""
    millivolt = millivolt_per_unit(channel.unit or "")
    return math.nan if millivolt is None else millivolt


def _millivolt(channel: Channel) -> NDArray[np.float64]:
    """Return the codes of a channel in a unit of voltage, converted to mV."""
    scaled: NDArray[np.float64] = channel.codes * (channel.scale * _millivolt_per_unit(channel))
    return scaled
