"""One segment of a WFDB record: its signal files, matched by name, become channels at each signal's own rate."""

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


def channels_of(header: Header, parts: Sequence[Part]) -> tuple[list[Channel], tuple[str, ...]]:
    """Every signal in the header's order, and what its checksums say. Raises MissingPart, CorruptFile."""
    files = _match(header, parts)
    codes, warnings = _unpack(header, files)
    lines = zip(header.signals, codes, strict=True)
    return [
        Channel(
            line.description,
            row - line.baseline,
            line.unit,
            1 / line.gain,
            fs=header.fs * line.frame,
        )
        for line, row in lines
    ], warnings


def _match(header: Header, parts: Sequence[Part]) -> dict[str, bytes]:
    """File name -> its bytes from the signal file's offset on. An only unmatched name takes the only unmatched part if its size fits."""
    by_name = {part.basename: part for part in parts}
    names = list(dict.fromkeys(line.file for line in header.signals))
    found = {name: by_name[name] for name in names if name in by_name}
    missing = [name for name in names if name not in found]
    spare = [part for part in parts if part.basename not in found]
    if len(missing) == len(spare) == 1 and _fits(header, missing[0], spare[0]):
        found[missing.pop()] = spare[0]
    if missing:
        raise MissingPart(
            f"{missing[0]}: named by the WFDB header and not in the upload", loc=("file",)
        )
    offsets = {line.file: line.offset for line in reversed(header.signals)}
    return {name: part.data[offsets[name] :] for name, part in found.items()}


def _group(header: Header, name: str) -> list[int]:
    """The rows of the signals that lie interleaved in one file."""
    return [row for row, line in enumerate(header.signals) if line.file == name]


def _frame_samples(header: Header, name: str) -> int:
    return sum(header.signals[row].frame for row in _group(header, name))


def _fits(header: Header, name: str, part: Part) -> bool:
    first = header.signals[_group(header, name)[0]]
    if first.storage in FLAC:
        return part.data[first.offset :].startswith(b"fLaC")
    frames, rest = divmod(
        STORAGE[first.storage].capacity(len(part.data) - first.offset), _frame_samples(header, name)
    )
    return frames == header.samples if header.samples else rest == 0 and frames > 0


def _storage(header: Header, name: str) -> int:
    kinds = {header.signals[row].storage for row in _group(header, name)}
    if len(kinds) > 1:
        raise CorruptFile(f"{name}: signals of one file in several storage formats")
    return kinds.pop()


def _frames(header: Header, files: dict[str, bytes]) -> int | None:
    """Frames of the record: what the header states, held against the bytes that are there, or else what is there.
    None where only FLAC files know."""
    plain = {name: data for name, data in files.items() if _storage(header, name) in STORAGE}
    there = [
        STORAGE[_storage(header, name)].capacity(len(data)) // _frame_samples(header, name)
        for name, data in plain.items()
    ]
    frames = header.samples if header.samples is not None or not there else min(there)
    if frames is not None and there and frames > min(there):
        raise CorruptFile(
            f"the WFDB header states {frames} samples a signal, the file holds {min(there)}"
        )
    if frames == 0:
        raise CorruptFile("the WFDB signal file is empty")
    return frames


def _unpack(
    header: Header, files: dict[str, bytes]
) -> tuple[list[NDArray[np.float64]], tuple[str, ...]]:
    """Every signal's codes with NaN for missing ones, (samples,) each, in the header's order; and what its checksums say."""
    frames = _frames(header, files)
    rows: dict[int, NDArray[np.float64]] = {}
    damaged = []
    for name, data in files.items():
        storage = _storage(header, name)
        table = (
            _flac(header, name, data, frames)
            if storage in FLAC
            else _plain(header, name, data, frames or 0)
        )
        missing = -(1 << (FLAC[storage] - 1)) if storage in FLAC else STORAGE[storage].missing
        at = 0
        for row in _group(header, name):
            line = header.signals[row]
            codes = table[:, at : at + line.frame].ravel()
            at += line.frame
            if storage in STORAGE and STORAGE[storage].differences:
                codes = line.initial + np.cumsum(codes)
            rows[row] = _shifted(codes, missing, line.skew * line.frame)
            damaged += [row] if _is_damaged(codes, line) else []
    # Some published files carry wrong checksums with good samples (PhysioNet's own errata), so they are no reason to refuse.
    warnings = (
        (
            f"file: checksum wrong for {len(damaged)} of {len(header.signals)} signals; the data may be damaged",
        )
        if damaged
        else ()
    )
    return [rows[row] for row in range(len(header.signals))], warnings


def _plain(header: Header, name: str, data: bytes, frames: int) -> Codes:
    """(frames, samples of a frame)"""
    width = _frame_samples(header, name)
    return STORAGE[_storage(header, name)].unpack(data)[: frames * width].reshape(frames, width)


def _flac(header: Header, name: str, data: bytes, frames: int | None) -> Codes:
    """As `_plain`: a FLAC channel is a signal, and has as many samples a frame as the others of its file."""
    lines = [header.signals[row] for row in _group(header, name)]
    each = lines[0].frame
    if any(line.frame != each for line in lines):
        raise CorruptFile(f"{name}: signals of one FLAC file with several samples a frame")
    table = flac_codes(
        data, FLAC[lines[0].storage], len(lines), None if frames is None else frames * each
    )
    whole = len(table) // each
    return (
        table[: whole * each].reshape(whole, each, len(lines)).transpose(0, 2, 1).reshape(whole, -1)
    )


def _shifted(codes: Codes, missing: int | None, skew: int) -> NDArray[np.float64]:
    """Codes with gaps as NaN; a signal that was written `skew` samples late is moved back, its end a gap."""
    values = codes.astype(np.float64)
    if missing is not None:
        values[codes == missing] = np.nan
    if skew:
        values = np.concatenate([values[skew:], np.full(min(skew, len(values)), np.nan)])
    return values


def _is_damaged(codes: Codes, line: SignalLine) -> bool:
    if not line.checksum:  # absent, or the 0 of writers that do not reckon it
        return False
    return bool((int(codes.sum()) - line.checksum) % 65_536)
