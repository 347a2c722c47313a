"""WFDB records by stretches: the bytes of the frames that are asked for, of all segments."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from errors import BadSamplingRate, CorruptFile, MissingPart, NoSamples, UnknownFormat
from formats import metadata
from formats.hints import Hints, prefer_request
from formats.stretches.leads import ChosenLead, ChosenLeads, Source, choose_leads
from formats.stretches.recording import LongRecording, Stretch, bytes_of, check_density
from formats.wfdb.header import (
    DEFAULT_FS,
    DEFAULT_GAIN,
    DEFAULT_UNIT,
    MAX_HEADER_BYTES,
    Header,
    SignalLine,
    parse_header,
)
from formats.wfdb.segments import MAX_FS_HZ, MAX_SEGMENT_SIGNALS
from formats.wfdb.storage import FLAC, STORAGE

MAX_FRAMES: Final = 1 << 40  # of all segments; the limit of the duration is lower
# A stretch is read with as much more as one of its signals was written too late; a choice.
MAX_SKEW_S: Final = 60


@dataclass(frozen=True)
class _File:
    """A signal file.

    rows    signals of the header that are interleaved in it
    width   samples of a frame
    frames  complete ones in the file
    """

    path: Path
    rows: tuple[int, ...]
    storage: int
    byte_offset: int
    width: int
    frames: int


@dataclass(frozen=True, eq=False)
class _Segment:
    """A header with its files, and which of its signals are leads."""

    header: Header
    files: tuple[_File, ...]
    chosen: ChosenLeads

    @property
    def factor(self) -> int:
        """Return the samples a frame of its leads."""
        return self.header.signals[self.chosen.leads[0].row].frame_samples

    @property
    def frames(self) -> int:
        return self.header.frames or min(file.frames for file in self.files)


@dataclass(frozen=True, eq=False)
class _Placed:
    """Samples [start, stop) of the record come from a segment; None for a gap."""

    start: int
    stop: int
    segment: _Segment | None


def open_wfdb(path: Path, head: bytes, hints: Hints) -> LongRecording:
    """Open the record of a header; its signal files and segments are beside it.

    Raises CorruptFile, MissingPart, BadSamplingRate, NoSamples, UnknownFormat for storage that has
    to be decoded from its start (FLAC, differences), OSError, and the errors of `choose_leads`.
    """
    master = parse_header(head)
    if not master.states_fs and hints.fs is not None:
        master = replace(master, fs=hints.fs)
    if not 0 < master.fs <= MAX_FS_HZ:
        raise BadSamplingRate("fs: the WFDB header's sampling rate is not allowed", loc=("fs",))
    placed = list(_placed(path.parent, master, hints))
    segments = [each.segment for each in placed if each.segment is not None]
    if not segments:
        raise NoSamples("the segments of the WFDB record are all gaps", loc=("signal",))
    names = tuple(dict.fromkeys(name for each in segments for name in each.chosen.names))
    stated_fs = segments[0].chosen.fs
    if any(each.chosen.fs != stated_fs for each in segments):
        raise CorruptFile("the rate of the leads changes between segments of the WFDB record")
    fs, fs_warnings = prefer_request("fs", hints.fs, stated_fs)
    patient, patient_warnings = metadata.plausible_patient(master.age_years, master.sex)
    own = [warning for each in segments for warning in each.chosen.warnings]
    warnings = (
        *master.warnings,
        *dict.fromkeys(own),
        *_default_warnings(master, segments, hints),
        *fs_warnings,
        *patient_warnings,
    )
    return LongRecording(
        "WFDB",
        fs or stated_fs,
        names,
        placed[-1].stop,
        lambda first, stop: _read(placed, names, first, stop),
        start=master.date,
        patient=patient,
        warnings=warnings,
    )


def _default_warnings(master: Header, segments: Sequence[_Segment], hints: Hints) -> Iterator[str]:
    """Return a warning for each default of WFDB that neither file nor request replaces."""
    if not master.states_fs and hints.fs is None:
        yield f"fs: missing in the WFDB header; WFDB's default of {DEFAULT_FS:g} Hz is used"
    lines = [each.header.signals[lead.row] for each in segments for lead in each.chosen.leads]
    if hints.gain is None and not all(line.is_calibrated for line in lines):
        yield (
            f"units: no gain in the WFDB header; WFDB's default of {DEFAULT_GAIN:g} ADC units per "
            "mV is used; send gain if another is known"
        )


def _placed(folder: Path, master: Header, hints: Hints) -> Iterator[_Placed]:
    if not master.segments:
        whole = _opened(folder, master, hints)
        _check_not_interleaved(whole)
        yield _Placed(0, whole.frames * whole.factor, whole)
        return
    segments: dict[str, _Segment] = {}
    for each in master.segments:
        # Segments without frames (layouts) only describe the signals.
        if each.frames and each.name is not None and each.name not in segments:
            segments[each.name] = _opened(folder, _segment_header(folder, each.name, master), hints)
        if sum(len(opened.header.signals) for opened in segments.values()) > MAX_SEGMENT_SIGNALS:
            raise CorruptFile(f"WFDB record: more than {MAX_SEGMENT_SIGNALS} signals in segments")
    factor = next((segment.factor for segment in segments.values()), 1)
    start = 0
    for each in master.segments:
        segment = None if each.name is None else segments.get(each.name)
        if segment is not None and segment.frames != each.frames:
            raise CorruptFile(
                f"{each.name}: {segment.frames} samples a signal; the WFDB record states "
                f"{each.frames}"
            )
        stop = start + each.frames * factor
        if each.frames:
            yield _Placed(start, stop, segment)
        start = stop
    if start > MAX_FRAMES:
        raise CorruptFile("the segments of the WFDB record are too long")


def _segment_header(folder: Path, name: str, master: Header) -> Header:
    """Return a segment's header. The name is one of letters, digits, _ and -: `parse_header`."""
    path = folder / f"{name}.hea"
    if not path.is_file():
        raise MissingPart(f"{name}.hea: a segment of the WFDB record, missing", loc=("file",))
    with path.open("rb") as file:
        header = parse_header(file.read(MAX_HEADER_BYTES + 1))
    if header.segments or header.fs != master.fs:
        raise CorruptFile(
            f"{name}: a segment of the WFDB record has segments itself, or another sampling rate"
        )
    return header


def _opened(folder: Path, header: Header, hints: Hints) -> _Segment:
    chosen = choose_leads([_source(line, header.fs) for line in header.signals], "WFDB", hints)
    needed = {header.signals[lead.row].file for lead in chosen.leads}
    rows: dict[str, list[int]] = {}
    for row, line in enumerate(header.signals):
        rows.setdefault(line.file, []).append(row)
    files = tuple(_file(folder, header, name, rows[name]) for name in rows if name in needed)
    shortest = min(file.frames for file in files)
    if not 0 < (header.frames or shortest) <= shortest:
        raise CorruptFile(
            f"WFDB header: {header.frames} samples a signal stated; the file has {shortest}"
        )
    return _Segment(header, files, chosen)


def _check_not_interleaved(segment: _Segment) -> None:
    """Raise CorruptFile for a file of several times the frames: it may hold further signals."""
    for file in segment.files:
        if file.frames > segment.frames and file.frames % segment.frames == 0:
            raise CorruptFile(
                f"{file.path.name}: {file.frames} samples a signal, {segment.frames} stated; the "
                f"file may hold {file.frames // segment.frames} times as many signals"
            )


def _source(line: SignalLine, fs: float) -> Source:
    # header(5): a signal without a gain has WFDB's default, and the unit mV.
    unit = line.unit or DEFAULT_UNIT
    return Source(
        line.description, unit, 1 / line.gain, -line.baseline / line.gain, fs * line.frame_samples
    )


def _file(folder: Path, header: Header, name: str, rows: Sequence[int]) -> _File:
    """Return a signal file. Its name is a plain one: `parse_header` refuses others."""
    path = folder / name
    if not path.is_file():
        raise MissingPart(f"{name}: named by the WFDB header, missing", loc=("file",))
    numbers = {header.signals[row].storage for row in rows}
    if len(numbers) > 1:
        raise CorruptFile(f"{name}: signals of one file in several storage formats")
    number = numbers.pop()
    if number in FLAC or STORAGE[number].differences:
        raise UnknownFormat(
            f"{name}: WFDB storage format {number} is decoded from its start; a long recording "
            "needs one that is read at any place, such as 16 or 212"
        )
    skew_s = max(header.signals[row].skew for row in rows) / header.fs
    if skew_s > MAX_SKEW_S:
        raise CorruptFile(
            f"{name}: a signal was written {skew_s:.0f} s too late; the limit is {MAX_SKEW_S} s"
        )
    offset = header.signals[rows[0]].byte_offset
    width = sum(header.signals[row].frame_samples for row in rows)
    check_density(STORAGE[number].size_of(width) * header.fs, "WFDB")
    frames = STORAGE[number].capacity(path.stat().st_size - offset) // width
    return _File(path, tuple(rows), number, offset, width, frames)


def _read(placed: Sequence[_Placed], names: Sequence[str], first: int, stop: int) -> Stretch:
    signal = np.full((len(names), stop - first), np.nan, np.float32)
    from_place = bisect_right(placed, first, key=lambda each: each.stop)
    to_place = bisect_left(placed, stop, key=lambda each: each.start)
    for each in placed[from_place:to_place]:
        if each.segment is None:
            continue
        begin, end = max(first, each.start), min(stop, each.stop)
        for lead, row in _rows(each.segment, begin - each.start, end - each.start):
            signal[names.index(lead.name), begin - first : end - first] = row
    return signal


def _rows(segment: _Segment, first: int, stop: int) -> Iterator[tuple[ChosenLead, Stretch]]:
    """Return the samples [first, stop) of each lead of a segment."""
    factor = segment.factor
    for file in segment.files:
        leads = [lead for lead in segment.chosen.leads if lead.row in file.rows]
        skew = max(segment.header.signals[lead.row].skew for lead in leads)
        first_frame = first // factor
        # A signal with a skew was written that many frames too late.
        stop_frame = min(-(-stop // factor) + skew, segment.frames)
        table = _frames(file, first_frame, stop_frame)
        for lead in leads:
            line = segment.header.signals[lead.row]
            before = [segment.header.signals[row].frame_samples for row in file.rows]
            column = sum(before[: file.rows.index(lead.row)])
            codes = table[:, column : column + factor].ravel()
            start = first + line.skew * factor - first_frame * factor
            row = np.full(stop - first, np.nan, np.float32)
            known = codes[start : start + stop - first]
            row[: len(known)] = lead.millivolts(known)
            yield lead, row


def _frames(file: _File, first: int, stop: int) -> NDArray[np.float64]:
    """Return the codes of frames [first, stop), (frames, width), NaN for missing ones."""
    storage = STORAGE[file.storage]
    block = first * file.width // storage.block_samples
    blocks = -(-stop * file.width // storage.block_samples) - block
    start = file.byte_offset + block * storage.block_bytes
    size = min(blocks * storage.block_bytes, file.path.stat().st_size - start)
    codes = storage.unpack(bytes_of(file.path, start, size))
    skipped = first * file.width - block * storage.block_samples
    needed = codes[skipped : skipped + (stop - first) * file.width].astype(np.float64)
    if storage.missing is not None:
        needed[needed == storage.missing] = np.nan
    if needed.size != (stop - first) * file.width:
        raise CorruptFile("the file became shorter while it was read")
    return needed.reshape(stop - first, file.width)
