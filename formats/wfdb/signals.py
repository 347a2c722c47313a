"""Read one segment of a WFDB record: match its signal files by name, unpack them into channels."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from errors import CorruptFile, MissingPart, RecordingTooLong
from formats.decoded import Channel
from formats.limits import MAX_VALUES
from formats.parts import Part
from formats.wfdb.flac import flac_codes
from formats.wfdb.header import Header, SignalLine
from formats.wfdb.storage import FLAC, STORAGE, Codes
from signals.filler import INT16_LIMITS

_CHECKSUM_MODULUS = 65_536


@dataclass(frozen=True)
class Parts:
    """The uploaded files without the record's header.

    named    each file with its name, without folders
    by_name  of two files with one name, the last counts
    """

    named: tuple[tuple[str, Part], ...]
    by_name: Mapping[str, Part]

    @classmethod
    def of(cls, parts: Iterable[Part]) -> Parts:
        named = tuple((part.basename, part) for part in parts)
        return cls(named, dict(named))

    def unused(self, matched: Mapping[str, Part], own_header: Part | None) -> list[Part]:
        """Return the files whose names are not in `matched`, without the header itself."""
        return [part for name, part in self.named if name not in matched and part is not own_header]


def read_channels(
    header: Header,
    parts: Parts,
    own_header: Part | None = None,
    shared_files: Collection[str] = (),
) -> tuple[list[Channel], tuple[str, ...]]:
    """Return a channel for each signal, in the header's order, with warnings.

    They name what files have after the stated samples, and count wrong checksums.

    own_header    the header's file, if `parts` has it
    shared_files  signal files that other headers read, too; they may have further samples

    Each channel has its own sampling rate. Raises MissingPart, CorruptFile, RecordingTooLong.
    """
    signals, warnings = _unpack(header, parts, own_header, shared_files)
    channels = []
    for line, codes in zip(header.signals, signals, strict=True):
        channel = Channel(
            line.description,
            codes - line.baseline,
            line.unit if line.is_calibrated else None,
            1 / line.gain,
            fs=header.fs * line.frame_samples,
            limits=_limits(line),
        )
        channels.append(channel)
    return channels, warnings


# Signal file -> the indices of the signals that are interleaved in it.
_Rows = dict[str, list[int]]


def _match_files(
    header: Header, parts: Parts, rows: _Rows, own_header: Part | None
) -> dict[str, memoryview]:
    """Return the bytes of each named file, from the signals' byte offset on.

    If one name and one part are left over and the size fits, they belong together: an upload may
    have renamed the file.
    """
    matched = {name: parts.by_name[name] for name in rows if name in parts.by_name}
    missing = [name for name in rows if name not in matched]
    unused = parts.unused(matched, own_header) if len(missing) == 1 else []
    if len(missing) == len(unused) == 1 and _fits(header, rows[missing[0]], unused[0]):
        matched[missing.pop()] = unused[0]
    if missing:
        raise MissingPart(
            f"{missing[0]}: named by the WFDB header, missing in the upload", loc=("file",)
        )
    # If the signals of a file state several offsets, the first one counts.
    offsets = {name: header.signals[rows[name][0]].byte_offset for name in matched}
    return {name: memoryview(part.data)[offsets[name] :] for name, part in matched.items()}


def _rows_of_files(header: Header) -> _Rows:
    rows: _Rows = {}
    for row, line in enumerate(header.signals):
        rows.setdefault(line.file, []).append(row)
    return rows


def _frame_width(header: Header, rows: Sequence[int]) -> int:
    """Return how many samples one frame of a file has, over all its signals."""
    return sum(header.signals[row].frame_samples for row in rows)


def _fits(header: Header, rows: Sequence[int], part: Part) -> bool:
    """Return whether a part of another name can be the file of `rows`, by size or magic."""
    first = header.signals[rows[0]]
    if first.storage in FLAC:
        return part.data.startswith(b"fLaC", first.byte_offset)
    samples = STORAGE[first.storage].capacity(len(part.data) - first.byte_offset)
    frames, remainder = divmod(samples, _frame_width(header, rows))
    if header.frames:
        return frames == header.frames
    return remainder == 0 and frames > 0


def _storage_number(header: Header, name: str, rows: Sequence[int]) -> int:
    numbers = {header.signals[row].storage for row in rows}
    if len(numbers) > 1:
        raise CorruptFile(f"{name}: signals of one file in several storage formats")
    return numbers.pop()


def _frame_count(header: Header, files: dict[str, memoryview], rows: _Rows) -> int | None:
    """Return the record's length in frames, as stated, else as the shortest file has it.

    Returns None if it is not stated and all files are FLAC, which know their own length.
    Raises CorruptFile if a file is shorter than stated, RecordingTooLong.
    """
    available = []
    for name, data in files.items():
        number = _storage_number(header, name, rows[name])
        if number in STORAGE:
            samples = STORAGE[number].capacity(len(data))
            available.append(samples // _frame_width(header, rows[name]))
    frames = header.frames
    if available:
        shortest = min(available)
        if frames is None:
            frames = shortest
        if frames > shortest:
            raise CorruptFile(
                f"WFDB header: {frames} samples a signal stated; the file has {shortest}"
            )
    if frames == 0:
        raise CorruptFile("the WFDB signal file is empty")
    if (
        frames is not None
        and frames * _frame_width(header, range(len(header.signals))) > MAX_VALUES
    ):
        raise RecordingTooLong(
            f"WFDB record: {frames} frames of {len(header.signals)} signals; "
            f"the limit is {MAX_VALUES} values"
        )
    return frames


def _unpack(
    header: Header, parts: Parts, own_header: Part | None, shared_files: Collection[str]
) -> tuple[list[NDArray[np.float64]], tuple[str, ...]]:
    """Return each signal's codes, (samples,) with NaN for missing ones, in the header's order.

    Also returns warnings for surplus samples and wrong checksums.
    """
    rows = _rows_of_files(header)
    files = _match_files(header, parts, rows, own_header)
    frames = _frame_count(header, files, rows)
    own_files = {name: data for name, data in files.items() if name not in shared_files}
    _check_not_interleaved(header, own_files, rows)
    signals: dict[int, NDArray[np.float64]] = {}
    warnings: list[str] = []
    damaged = 0
    for name, data in files.items():
        number = _storage_number(header, name, rows[name])
        missing = _missing_code(number)
        table, surplus = _frame_table(header, name, rows[name], data, frames)
        if surplus and name not in shared_files:
            warnings.append(f"file: {surplus} after the last sample of {name}, left out")
        column = 0
        for row in rows[name]:
            line = header.signals[row]
            codes = table[:, column : column + line.frame_samples].ravel()
            column += line.frame_samples
            if number in STORAGE and STORAGE[number].differences:
                codes = line.initial_value + np.cumsum(codes)
            damaged += _is_damaged(codes, line)
            signals[row] = _shifted(codes, missing, line.skew * line.frame_samples)
    ordered = [signals[row] for row in range(len(header.signals))]
    if not damaged:
        return ordered, tuple(warnings)
    # No reason to refuse: some published files have wrong checksums and good samples (PhysioNet's
    # own errata).
    warning = (
        f"file: checksum wrong for {damaged} of {len(ordered)} signals; the data may be damaged"
    )
    return ordered, (*warnings, warning)


def _limits(line: SignalLine) -> tuple[float, float]:
    """Return the lowest and the highest code of a signal, less its baseline."""
    lowest = _missing_code(line.storage)
    if lowest is None:
        return INT16_LIMITS
    return lowest - line.baseline, -lowest - 1 - line.baseline


def _missing_code(storage_number: int) -> int | None:
    if storage_number in FLAC:
        return -(1 << (FLAC[storage_number] - 1))
    return STORAGE[storage_number].missing


def _frame_table(
    header: Header, name: str, rows: Sequence[int], data: memoryview, frames: int | None
) -> tuple[Codes, str]:
    """Return a file's codes, (frames, samples of a frame), and what the file has after them.

    The latter is empty if the file has nothing more.
    """
    number = _storage_number(header, name, rows)
    if number in FLAC:
        return _flac_table(header, name, rows, data, frames)
    # None only if all files are FLAC.
    frames = frames or 0
    width = _frame_width(header, rows)
    storage = STORAGE[number]
    # A header may state less than the file has; no more than that is unpacked.
    needed = storage.size_of(frames * width)
    codes = storage.unpack(bytes(data[:needed]))[: frames * width]
    surplus_bytes = len(data) - needed
    surplus = ""
    if surplus_bytes > 0:
        more = storage.capacity(len(data)) // width - frames
        surplus = f"{surplus_bytes} bytes ({more} samples a signal)"
    return codes.reshape(frames, width), surplus


def _check_not_interleaved(header: Header, files: dict[str, memoryview], rows: _Rows) -> None:
    """Raise CorruptFile for a file that is a whole number of times as long as stated.

    It may hold as many times the signals that the header describes, interleaved. Read as stated,
    it would have a fraction of its sampling rate.
    """
    for name, data in files.items():
        number = _storage_number(header, name, rows[name])
        if number not in STORAGE or not header.frames:
            continue
        needed = STORAGE[number].size_of(header.frames * _frame_width(header, rows[name]))
        if len(data) > needed and len(data) % needed == 0:
            raise CorruptFile(
                f"{name}: {len(data)} bytes, {needed} belong to the signals and samples that the "
                f"WFDB header states; the file may hold {len(data) // needed} times as many signals"
            )


def _flac_table(
    header: Header, name: str, rows: Sequence[int], data: memoryview, frames: int | None
) -> tuple[Codes, str]:
    """Return a FLAC file's codes, (frames, samples of a frame), and what the file has after them.

    A FLAC channel is a signal, so all signals of the file have equally many samples a frame.
    """
    lines = [header.signals[row] for row in rows]
    frame_samples = lines[0].frame_samples
    if any(line.frame_samples != frame_samples for line in lines):
        raise CorruptFile(
            f"{name}: signals of one FLAC file with different numbers of samples a frame"
        )
    bits = FLAC[lines[0].storage]
    flac_frames = None if frames is None else frames * frame_samples
    codes, available = flac_codes(data, bits, len(lines), flac_frames)
    whole = len(codes) // frame_samples
    by_signal = codes[: whole * frame_samples].reshape(whole, frame_samples, len(lines))
    more = available - whole * frame_samples
    surplus = f"{more} samples a signal" if more else ""
    return by_signal.transpose(0, 2, 1).reshape(whole, -1), surplus


def _shifted(codes: Codes, missing: int | None, skew: int) -> NDArray[np.float64]:
    """Return codes with NaN for missing samples, moved `skew` samples back; NaN at the end."""
    values = codes.astype(np.float64)
    if missing is not None:
        values[codes == missing] = np.nan
    if skew:
        gap = np.full(min(skew, len(values)), np.nan)
        values = np.concatenate([values[skew:], gap])
    return values


def _is_damaged(codes: Codes, line: SignalLine) -> bool:
    # Some writers do not compute the checksum and write 0.
    if not line.checksum:
        return False
    return bool((int(codes.sum()) - line.checksum) % _CHECKSUM_MODULUS)
