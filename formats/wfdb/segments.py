"""Join the segments of a WFDB record; a signal that a segment lacks is a gap there.

Source: header(5) of the WFDB Applications Guide, "Multi-segment records"
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from errors import CorruptFile, MissingPart, RecordingTooLong
from formats.channels import Channel, voltage_unit
from formats.parts import Part
from formats.wfdb.header import Header, Segment, parse_header
from formats.wfdb.signals import read_channels

MAX_VALUES: Final = 16_000_000  # ten minutes of twelve leads at 2000 Hz are 14.4 million
_MILLIVOLT: Final = {"mV": 1.0, "uV": 1e-3, "V": 1e3}

# Name -> channel; empty for a gap.
_SegmentChannels = dict[str, Channel]


def join_segments(master: Header, parts: Sequence[Part]) -> tuple[list[Channel], tuple[str, ...]]:
    """Return the channels of the whole record and the warnings of its segments.

    Channels of one name belong together. Raises MissingPart, CorruptFile, RecordingTooLong.
    """
    # Segments without frames (layouts) only describe the signals.
    segments = [segment for segment in master.segments if segment.frames]
    frames = sum(segment.frames for segment in segments)
    if master.frames is not None and frames != master.frames:
        raise CorruptFile(
            f"WFDB header: {master.frames} samples a signal stated; its segments have {frames}"
        )
    by_segment, warnings = _read_segments(segments, master, parts)
    layout: _SegmentChannels = {}
    for segment_channels in by_segment:
        for name, channel in segment_channels.items():
            layout.setdefault(name, channel)
    # Bounded before memory is allocated: a gap may be stated arbitrarily long.
    values = frames * sum(max(_frame_samples(channel, master), 1) for channel in layout.values())
    if values > MAX_VALUES:
        raise RecordingTooLong(
            f"WFDB record: {frames} frames of {len(layout)} signals; "
            f"the limit is {MAX_VALUES} values"
        )
    channels = []
    for name, channel in layout.items():
        pieces = [segment_channels.get(name) for segment_channels in by_segment]
        channels.append(_join(channel, pieces, segments, master))
    return channels, warnings


def _read_segments(
    segments: Sequence[Segment], master: Header, parts: Sequence[Part]
) -> tuple[list[_SegmentChannels], tuple[str, ...]]:
    """Return the channels of each segment, and every warning once."""
    by_segment: list[_SegmentChannels] = []
    warnings: dict[str, None] = {}
    for segment in segments:
        if segment.name is None:
            by_segment.append({})
            continue
        channels, segment_warnings = _read_segment(segment, master, parts)
        by_segment.append({channel.name: channel for channel in channels})
        warnings |= dict.fromkeys(segment_warnings)
    return by_segment, tuple(warnings)


def _frame_samples(channel: Channel, master: Header) -> int:
    """Return how many samples a channel has in one frame of the record."""
    fs = channel.fs or master.fs
    return round(fs / master.fs)


def _read_segment(
    segment: Segment, master: Header, parts: Sequence[Part]
) -> tuple[list[Channel], tuple[str, ...]]:
    file_name = f"{segment.name}.hea"
    part = next((part for part in parts if part.basename == file_name), None)
    if part is None:
        raise MissingPart(
            f"{file_name}: a segment of the WFDB record, missing in the upload", loc=("file",)
        )
    header = parse_header(part.data)
    if header.segments:
        raise CorruptFile(f"{segment.name}: a segment of the WFDB record has segments itself")
    if header.fs != master.fs or header.frames not in (None, segment.frames):
        raise CorruptFile(
            f"{segment.name}: the segment's sampling rate or length differs from "
            "what the WFDB record states"
        )
    channels, warnings = read_channels(header, [other for other in parts if other is not part])
    names = {channel.name for channel in channels}
    if len(names) < len(channels):
        raise CorruptFile(f"{segment.name}: two signals of this WFDB segment have the same name")
    return channels, (*header.warnings, *warnings)


def _join(
    layout: Channel,
    pieces: Sequence[Channel | None],
    segments: Sequence[Segment],
    master: Header,
) -> Channel:
    """Join one signal through all segments.

    The codes stay as stored if all pieces have the scale and unit of `layout`, the signal's first
    piece; otherwise they become mV.
    """
    present = [piece for piece in pieces if piece is not None]
    if any(piece.fs != layout.fs for piece in present):
        raise CorruptFile("a signal of the WFDB record changes its sampling rate between segments")
    same_scale = all(piece.scale == layout.scale and piece.unit == layout.unit for piece in present)
    frame_samples = _frame_samples(layout, master)
    rows = []
    for piece, segment in zip(pieces, segments, strict=True):
        samples = segment.frames * frame_samples
        if piece is None:
            row = np.full(samples, np.nan)
        elif same_scale:
            row = piece.codes.astype(np.float64)
        else:
            row = _millivolt(piece)
        if len(row) != samples:
            raise CorruptFile(
                f"{segment.name}: {len(row) // frame_samples} frames; "
                f"the WFDB record states {segment.frames}"
            )
        rows.append(row)
    codes: NDArray[np.float64] = np.concatenate(rows)
    if same_scale:
        return Channel(layout.name, codes, layout.unit, layout.scale, fs=layout.fs)
    return Channel(layout.name, codes, "mV", 1.0, fs=layout.fs)


def _millivolt(piece: Channel) -> NDArray[np.float64]:
    unit = voltage_unit(piece.unit or "")
    if unit is None or unit[0] not in _MILLIVOLT:
        raise CorruptFile("a signal of the WFDB record has incompatible units in two segments")
    name, factor = unit
    scale_mv = piece.scale * factor * _MILLIVOLT[name]
    scaled: NDArray[np.float64] = piece.codes * scale_mv
    return scaled
