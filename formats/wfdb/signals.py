"""Read one segment of a WFDB record: match its signal files by name, unpack them into channels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from errors import CorruptFile, MissingPart
from formats.channels import Channel
from formats.parts import Part
from formats.wfdb.flac import flac_codes
from formats.wfdb.header import Header, SignalLine
from formats.wfdb.storage import FLAC, STORAGE, Codes

_CHECKSUM_MODULUS = 65_536


def read_channels(header: Header, parts: Sequence[Part]) -> tuple[list[Channel], tuple[str, ...]]:
    """Return a channel for each signal, in the header's order, and a warning for wrong checksums.

    Each channel has its own sampling rate. Raises MissingPart, CorruptFile.
    """
    signals, warnings = _unpack(header, _match_files(header, parts))
    channels = []
    for line, codes in zip(header.signals, signals, strict=True):
        channel = Channel(
            line.description,
            codes - line.baseline,
            line.unit,
            1 / line.gain,
            fs=header.fs * line.frame_samples,
        )
        channels.append(channel)
    return channels, warnings


def _match_files(header: Header, parts: Sequence[Part]) -> dict[str, bytes]:
    """Return the bytes of each named file, from the signals' byte offset on.

    If one name and one part are left over and the size fits, they belong together: an upload may
    have renamed the file.
    """
    by_name = {part.basename: part for part in parts}
    names = list(dict.fromkeys(line.file for line in header.signals))
    matched = {name: by_name[name] for name in names if name in by_name}
    missing = [name for name in names if name not in matched]
    unused = [part for part in parts if part.basename not in matched]
    if len(missing) == len(unused) == 1 and _fits(header, missing[0], unused[0]):
        matched[missing.pop()] = unused[0]
    if missing:
        raise MissingPart(
            f"{missing[0]}: named by the WFDB header, missing in the upload", loc=("file",)
        )
    # If the signals of a file state several offsets, the first one counts.
    offsets = {line.file: line.byte_offset for line in reversed(header.signals)}
    return {name: part.data[offsets[name] :] for name, part in matched.items()}


def _rows(header: Header, name: str) -> list[int]:
    """Return the indices of the signals that are interleaved in one file."""
    return [row for row, line in enumerate(header.signals) if line.file == name]


def _frame_width(header: Header, name: str) -> int:
    """Return how many samples one frame of a file has, over all its signals."""
    return sum(header.signals[row].frame_samples for row in _rows(header, name))


def _fits(header: Header, name: str, part: Part) -> bool:
    """Return whether a part of another name can be the file `name`, by its size or its magic."""
    first = header.signals[_rows(header, name)[0]]
    if first.storage in FLAC:
        return part.data[first.byte_offset :].startswith(b"fLaC")
    samples = STORAGE[first.storage].capacity(len(part.data) - first.byte_offset)
    frames, remainder = divmod(samples, _frame_width(header, name))
    if header.frames:
        return frames == header.frames
    return remainder == 0 and frames > 0


def _storage_number(header: Header, name: str) -> int:
    numbers = {header.signals[row].storage for row in _rows(header, name)}
    if len(numbers) > 1:
        raise CorruptFile(f"{name}: signals of one file in several storage formats")
    return numbers.pop()


def _frame_count(header: Header, files: dict[str, bytes]) -> int | None:
    """Return the record's length in frames, as stated, else as the shortest file has it.

    Returns None if it is not stated and all files are FLAC, which know their own length.
    Raises CorruptFile if a file is shorter than stated.
    """
    available = []
    for name, data in files.items():
        number = _storage_number(header, name)
        if number in STORAGE:
            samples = STORAGE[number].capacity(len(data))
            available.append(samples // _frame_width(header, name))
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
    return frames


def _unpack(
    header: Header, files: dict[str, bytes]
) -> tuple[list[NDArray[np.float64]], tuple[str, ...]]:
    """Return each signal's codes, (samples,) with NaN for missing ones, in the header's order.

    Also returns a warning if checksums are wrong.
    """
    frames = _frame_count(header, files)
    signals: dict[int, NDArray[np.float64]] = {}
    damaged = 0
    for name, data in files.items():
        number = _storage_number(header, name)
        missing = _missing_code(number)
        table = _frame_table(header, name, data, frames)
        column = 0
        for row in _rows(header, name):
            line = header.signals[row]
            codes = table[:, column : column + line.frame_samples].ravel()
            column += line.frame_samples
            if number in STORAGE and STORAGE[number].differences:
                codes = line.initial_value + np.cumsum(codes)
            damaged += _is_damaged(codes, line)
            signals[row] = _shifted(codes, missing, line.skew * line.frame_samples)
    ordered = [signals[row] for row in range(len(header.signals))]
    if not damaged:
        return ordered, ()
    # No reason to refuse: some published files have wrong checksums and good samples (PhysioNet's
    # own errata).
    warning = (
        f"file: checksum wrong for {damaged} of {len(ordered)} signals; the data may be damaged"
    )
    return ordered, (warning,)


def _missing_code(storage_number: int) -> int | None:
    if storage_number in FLAC:
        return -(1 << (FLAC[storage_number] - 1))
    return STORAGE[storage_number].missing


def _frame_table(header: Header, name: str, data: bytes, frames: int | None) -> Codes:
    """Return a file's codes, (frames, samples of a frame)."""
    number = _storage_number(header, name)
    if number in FLAC:
        return _flac_table(header, name, data, frames)
    # None only if all files are FLAC.
    frames = frames or 0
    width = _frame_width(header, name)
    codes = STORAGE[number].unpack(data)[: frames * width]
    return codes.reshape(frames, width)


def _flac_table(header: Header, name: str, data: bytes, frames: int | None) -> Codes:
    """Return a FLAC file's codes, (frames, samples of a frame).

    A FLAC channel is a signal, so all signals of the file have equally many samples a frame.
    """
    lines = [header.signals[row] for row in _rows(header, name)]
    frame_samples = lines[0].frame_samples
    if any(line.frame_samples != frame_samples for line in lines):
        raise CorruptFile(
            f"{name}: signals of one FLAC file with different numbers of samples a frame"
        )
    bits = FLAC[lines[0].storage]
    flac_frames = None if frames is None else frames * frame_samples
    codes = flac_codes(data, bits, len(lines), flac_frames)
    whole = len(codes) // frame_samples
    by_signal = codes[: whole * frame_samples].reshape(whole, frame_samples, len(lines))
    return by_signal.transpose(0, 2, 1).reshape(whole, -1)


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
