"""The frames of a post: cut apart one by one, then checked all at once as columns.

The time is linear in the post's bytes. A length that cannot be believed ends the cutting: what
follows is one corrupt frame.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from errors import TooManyRecords
from signals.checks import MAX_FS_HZ, MIN_FS_HZ
from station.ingest.frame import (
    BEAT_CLASSES,
    BEAT_FS_HZ,
    BEAT_SAMPLES,
    CRC,
    HEADER,
    HEADER_BYTES,
    LEAD_NAMES,
    LENGTH,
    LENGTH_AT,
    MAGIC,
    MAX_FRAME_BYTES,
    MAX_LEADS,
    MIN_FRAME_BYTES,
    VERSION,
    VERSION_AT,
)
from station.ingest.outcomes import Outcome, Rejection
from station.names import NAME_RULE, is_name
from station.store.encoding import BEAT, DTYPES, FLOAT32, INT16, MAX_RECORD_S, STRETCH

# Years 1970 to 2200. Whether a time is near the clock is decided when the frame is stored.
MAX_TIME_MS: Final = 7_258_118_400_000
MAX_SEQ: Final = 2**63 - 2  # one more is the highest number that the database holds
# The largest gain of a converter: 24 bits over less than a volt. Far above any device's.
MAX_GAIN: Final = 1e9

Faults = list[tuple[NDArray[np.bool_], Outcome, str]]


@dataclass(frozen=True, eq=False)
class ParsedPost:
    """A post after the checks that need nothing but its bytes.

    count       frames of the post
    header      (frames,) of HEADER, one for each frame that passed
    index       (frames,) its place in the post
    frames      (frames,) its bytes
    leads       (frames,) names, comma-separated
    rejections  of the other frames
    """

    count: int
    header: NDArray[np.void]
    index: list[int]
    frames: list[bytes]
    leads: list[str]
    rejections: list[Rejection]


def parse_post(body: bytes, max_frames: int) -> ParsedPost:
    """Return the frames of a post. Raises TooManyRecords."""
    frames, rejections = _cut(body, max_frames)
    joined = b"".join(frame[:HEADER_BYTES] for _, frame in frames)
    header = np.frombuffer(joined, HEADER)
    wrong: dict[int, tuple[Outcome, str]] = {}
    with np.errstate(invalid="ignore", over="ignore"):
        faults = [*_header_faults(header), *_name_faults(header)]
    _note(wrong, faults)
    leads = _lead_names(header, wrong)
    _note(wrong, _sample_faults(header, [frame for _, frame in frames], wrong))
    for row, (outcome, detail) in wrong.items():
        index, frame = frames[row]
        rejections.append(_rejection(index, outcome, detail, header[row], frame))
    passed = [row for row in range(len(frames)) if row not in wrong]
    return ParsedPost(
        count=len(frames) + len(rejections) - len(wrong),
        header=header[passed],
        index=[frames[row][0] for row in passed],
        frames=[frames[row][1] for row in passed],
        leads=[leads[row] for row in passed],
        rejections=rejections,
    )


def renumbered(parsed: ParsedPost, indices: list[int], rejections: list[Rejection]) -> ParsedPost:
    """Return the post with other indices, and with what was refused before it became frames."""
    moved = [replace(fault, index=indices[fault.index]) for fault in parsed.rejections]
    return replace(
        parsed,
        count=parsed.count + len(rejections),
        index=[indices[index] for index in parsed.index],
        rejections=sorted([*rejections, *moved], key=lambda fault: fault.index),
    )


def _cut(body: bytes, max_frames: int) -> tuple[list[tuple[int, bytes]], list[Rejection]]:
    """Return (index, frame) of the frames whose CRC is right, and the other ones."""
    frames: list[tuple[int, bytes]] = []
    rejections: list[Rejection] = []
    start = index = 0
    while start < len(body):
        if index >= max_frames:
            raise TooManyRecords(f"body: more than {max_frames} records (STATION_MAX_RECORDS)")
        stop = _end_of_frame(body, start)
        if stop is None:
            detail = f"no frame at byte {start}; {len(body) - start} bytes are not read"
            rejections.append(Rejection(index, Outcome.CORRUPT, detail, frame=body[start:]))
            break
        frame = body[start:stop]
        version = frame[VERSION_AT]
        if version != VERSION:
            detail = f"version: {version}; {VERSION} is allowed"
            rejections.append(Rejection(index, Outcome.UNSUPPORTED_VERSION, detail, frame=frame))
        elif (
            zlib.crc32(memoryview(frame)[: -CRC.size])
            != CRC.unpack_from(frame, len(frame) - CRC.size)[0]
        ):
            detail = "crc: not that of the frame"
            rejections.append(Rejection(index, Outcome.CORRUPT, detail, frame=frame))
        else:
            frames.append((index, frame))
        start, index = stop, index + 1
    return frames, rejections


def _end_of_frame(body: bytes, start: int) -> int | None:
    """Return where the frame ends that begins here; None where there is none to be believed."""
    if body[start : start + len(MAGIC)] != MAGIC or len(body) - start < MIN_FRAME_BYTES:
        return None
    (length,) = LENGTH.unpack_from(body, start + LENGTH_AT)
    if not MIN_FRAME_BYTES <= length <= min(MAX_FRAME_BYTES, len(body) - start):
        return None
    return int(start + length)


def _note(wrong: dict[int, tuple[Outcome, str]], faults: Faults) -> None:
    """Note the first fault of each row."""
    for mask, outcome, detail in faults:
        for row in np.flatnonzero(mask).tolist():
            wrong.setdefault(row, (outcome, detail))


def _header_faults(header: NDArray[np.void]) -> Faults:
    encoding, kind, count = header["encoding"], header["kind"], header["lead_count"]
    width = np.where(encoding == INT16, 2, 4).astype(np.int64)
    payload = count.astype(np.int64) * header["samples"].astype(np.int64) * width
    fs_hz, gain = header["fs_hz"], header["gain"]
    seconds = header["samples"] / fs_hz
    is_beat = kind == BEAT
    fits_beat = (count == 1) & (header["samples"] == BEAT_SAMPLES) & (fs_hz == BEAT_FS_HZ)
    has_class = header["beat_class"] > 0
    time_ms = header["device_ms"]
    invalid = Outcome.INVALID
    return [
        (~np.isin(encoding, list(DTYPES)), invalid, "encoding: 0 (int16) or 1 (float32)"),
        (~np.isin(kind, (STRETCH, BEAT)), invalid, "kind: 0 (stretch) or 1 (beat)"),
        (
            (header["beat_class"] >= len(BEAT_CLASSES)) | (has_class & ~is_beat),
            invalid,
            "beat_class: 0 to 5, of a beat",
        ),
        ((header["reserved"] != 0) | (header["reserved_too"] != 0), invalid, "reserved: not 0"),
        ((count < 1) | (count > MAX_LEADS), invalid, f"lead_count: 1 to {MAX_LEADS}"),
        (header["samples"] < 1, invalid, "samples: at least 1"),
        (payload + MIN_FRAME_BYTES != header["length"], invalid, "length: not that of the samples"),
        (
            ~((fs_hz >= MIN_FS_HZ) & (fs_hz <= MAX_FS_HZ)),
            invalid,
            f"fs: {MIN_FS_HZ:g} to {MAX_FS_HZ:g} Hz",
        ),
        (~(seconds <= MAX_RECORD_S), invalid, f"samples: at most {MAX_RECORD_S} s"),
        (
            ~((gain > 0) & (gain <= MAX_GAIN)) | ((encoding == FLOAT32) & (gain != 1)),
            invalid,
            f"gain: above 0, at most {MAX_GAIN:g} per mV; 1 for float32",
        ),
        ((header["seq"] < 0) | (header["seq"] > MAX_SEQ), invalid, "seq: 0 to 2**63 - 2"),
        ((time_ms < 0) | (time_ms > MAX_TIME_MS), invalid, "time: 1970 to 2200"),
        (
            is_beat & ~fits_beat,
            invalid,
            f"kind: a beat has 1 lead, {BEAT_SAMPLES} samples at {BEAT_FS_HZ:g} Hz",
        ),
    ]


def _name_faults(header: NDArray[np.void]) -> Faults:
    faults: Faults = []
    for field in ("source", "patient"):
        names = header[field]
        bad = [name for name in np.unique(names).tolist() if not is_name(_text(name))]
        is_bad = np.isin(names, np.array(bad, names.dtype))
        faults.append((is_bad, Outcome.INVALID, f"{field}: {NAME_RULE}"))
    return faults


def _lead_names(header: NDArray[np.void], wrong: dict[int, tuple[Outcome, str]]) -> list[str]:
    """Return the names of each frame's leads; notes the frames whose codes are not allowed."""
    names: dict[tuple[bytes, int], str] = {}
    result = []
    for row, key in enumerate(
        zip(header["leads"].tolist(), header["lead_count"].tolist(), strict=True)
    ):
        if key not in names:
            names[key] = _names_of_codes(*key)
        if not names[key]:
            wrong.setdefault(
                row,
                (
                    Outcome.INVALID,
                    f"leads: codes 1 to {len(LEAD_NAMES) - 1}, each once, as many as lead_count",
                ),
            )
        result.append(names[key])
    return result


def _names_of_codes(codes: bytes, count: int) -> str:
    """Return the names, comma-separated; "" where the codes are not allowed."""
    is_allowed = all(0 < code < len(LEAD_NAMES) for code in codes)
    if len(codes) != count or len(set(codes)) != count or not is_allowed:
        return ""
    return ",".join(LEAD_NAMES[code] for code in codes)


def _sample_faults(
    header: NDArray[np.void], frames: list[bytes], wrong: dict[int, tuple[Outcome, str]]
) -> Faults:
    """Find infinite samples: one pass over all float32 frames of the post."""
    is_float = header["encoding"] == FLOAT32
    rows = [row for row in np.flatnonzero(is_float).tolist() if row not in wrong]
    bad = np.zeros(len(frames), bool)
    if rows:
        payloads = [samples_of(frames[row]) for row in rows]
        sizes = np.array([len(payload) for payload in payloads]) // 4
        starts = np.concatenate(([0], np.cumsum(sizes)[:-1]))
        is_infinite = np.isinf(np.frombuffer(b"".join(payloads), "<f4"))
        bad[rows] = np.logical_or.reduceat(is_infinite, starts)
    return [(bad, Outcome.BAD_SAMPLES, "samples: infinite; NaN is a gap")]


def samples_of(frame: bytes) -> bytes:
    """Return the samples of a frame, as they were sent."""
    return frame[HEADER_BYTES : -CRC.size]


def crc_of(frame: bytes) -> int:
    (crc,) = CRC.unpack_from(frame, len(frame) - CRC.size)
    return int(crc)


def _rejection(index: int, outcome: Outcome, detail: str, header: Any, frame: bytes) -> Rejection:
    source = _text(header["source"])
    name = source if is_name(source) else ""
    return Rejection(index, outcome, detail, source=name, seq=int(header["seq"]), frame=frame)


def _text(name: bytes) -> str:
    """Return the bytes of a name as text; any byte has a character, so that nothing is raised."""
    return name.decode("latin-1")
