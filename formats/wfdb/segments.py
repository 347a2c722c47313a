"""WFDB records of several segments: their channels one after the other, with gaps where a segment lacks a signal.

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
from formats.wfdb.signals import channels_of

MAX_VALUES: Final = 16_000_000  # ten minutes of twelve leads at 2000 Hz are 14.4 million
_PER_MILLIVOLT: Final = {"mV": 1.0, "uV": 1e-3, "V": 1e3}


def joined(master: Header, parts: Sequence[Part]) -> tuple[list[Channel], tuple[str, ...]]:
    """The channels of all segments, by their names. Raises MissingPart, CorruptFile, RecordingTooLong, ..."""
    wanted = [segment for segment in master.segments if segment.frames]
    total = sum(segment.frames for segment in wanted)
    if master.samples is not None and total != master.samples:
        raise CorruptFile(
            f"the WFDB header states {master.samples} samples a signal; its segments have {total}"
        )
    read = [
        _read(segment, master, parts) if segment.name is not None else None for segment in wanted
    ]
    every = [channel for found in read if found is not None for channel in found[0]]
    layout = {channel.name: channel for channel in reversed(every)}
    names = list(dict.fromkeys(channel.name for channel in every))
    if total * sum(max(_ratio(layout[name], master), 1) for name in names) > MAX_VALUES:
        raise RecordingTooLong(
            f"a WFDB record of {total} frames and {len(names)} signals; at most {MAX_VALUES} values are read"
        )
    pieces = [{channel.name: channel for channel in found[0]} if found else {} for found in read]
    warnings = dict.fromkeys(warning for found in read if found for warning in found[1])
    return [
        _join(layout[name], [piece.get(name) for piece in pieces], wanted, master) for name in names
    ], tuple(warnings)


def _ratio(channel: Channel, master: Header) -> int:
    return round((channel.fs or master.fs) / master.fs)


def _read(
    segment: Segment, master: Header, parts: Sequence[Part]
) -> tuple[list[Channel], tuple[str, ...]]:
    part = next((part for part in parts if part.basename == f"{segment.name}.hea"), None)
    if part is None:
        raise MissingPart(
            f"{segment.name}.hea: a segment of the WFDB record, not in the upload", loc=("file",)
        )
    header = parse_header(part.data)
    if header.segments:
        raise CorruptFile("a segment of the WFDB record has segments itself")
    if header.fs != master.fs or header.samples not in (None, segment.frames):
        raise CorruptFile(
            f"{segment.name}: the segment's sampling rate or length is not what the WFDB record says"
        )
    channels, warnings = channels_of(header, [other for other in parts if other is not part])
    names = [channel.name for channel in channels]
    if len(set(names)) < len(names):
        raise CorruptFile(
            f"{segment.name}: two signals of one name in a segment of the WFDB record"
        )
    return channels, (*header.warnings, *warnings)


def _join(
    layout: Channel, pieces: Sequence[Channel | None], segments: Sequence[Segment], master: Header
) -> Channel:
    """One signal through all segments: as stored where all have one scale, else in mV."""
    there = [piece for piece in pieces if piece is not None]
    if any(piece.fs != layout.fs for piece in there):
        raise CorruptFile(
            "a signal of the WFDB record has another sampling rate in another segment"
        )
    alike = all((piece.scale, piece.unit) == (layout.scale, layout.unit) for piece in there)
    each = _ratio(layout, master)
    rows = [
        np.full(segment.frames * each, np.nan)
        if piece is None
        else piece.codes.astype(np.float64)
        if alike
        else _millivolt(piece)
        for piece, segment in zip(pieces, segments, strict=True)
    ]
    for row, segment in zip(rows, segments, strict=True):
        if len(row) != segment.frames * each:
            raise CorruptFile(
                f"{segment.name}: the segment has other than the {segment.frames} frames that the WFDB record says"
            )
    codes: NDArray[np.float64] = np.concatenate(rows)
    return Channel(
        layout.name,
        codes,
        layout.unit if alike else "mV",
        layout.scale if alike else 1.0,
        fs=layout.fs,
    )


def _millivolt(piece: Channel) -> NDArray[np.float64]:
    unit = voltage_unit(piece.unit or "")
    if unit is None or unit[0] not in _PER_MILLIVOLT:
        raise CorruptFile(
            "a signal of the WFDB record has units that do not fit together in two segments"
        )
    scaled: NDArray[np.float64] = piece.codes * (piece.scale * unit[1] * _PER_MILLIVOLT[unit[0]])
    return scaled
