"""WFDB's header (.hea): text -> what the record and each of its signals are.

Source: header(5) of the WFDB Applications Guide, https://physionet.org/physiotools/wag/header-5.htm
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from errors import CorruptFile, UnknownFormat, UnsafeFile
from formats.fields import MAX_AGE_YEARS
from formats.fields import sex as sex_of
from formats.wfdb.storage import FLAC, STORAGE
from signals.record import Sex

DEFAULT_FS: Final = 250.0  # header(5): "If fs is missing, 250 samples per second"
DEFAULT_GAIN: Final = 200.0  # ADC units per physical unit; also where 0 is written
MAX_HEADER_BYTES: Final = 65_536
MAX_SIGNALS: Final = 256
MAX_SEGMENTS: Final = 2000
MAX_FRAME: Final = 1000

_NUMBER: Final = r"[-+]?(?:\d{1,15}\.?\d{0,15}|\.\d{1,15})(?:[eE][-+]?\d{1,3})?"
_RECORD: Final = re.compile(
    rf"(?P<name>[-\w.]+)(?P<segments>/\d{{1,9}})?\s+(?P<signals>\d{{1,6}})"
    rf"(?:\s+(?P<fs>{_NUMBER})(?:/\S*)?(?:\s+(?P<samples>\d{{1,20}})(?:\s+(?P<time>[\d:.]+)(?:\s+(?P<date>\d+/\d+/\d+))?)?)?)?\s*",
    re.ASCII,
)
_SIGNAL: Final = re.compile(
    r"(?P<file>\S{1,255})\s+(?P<storage>\d{1,4})(?:x(?P<frame>\d{1,4}))?(?::(?P<skew>\d{1,9}))?(?:\+(?P<offset>\d{1,12}))?"
    r"(?:\s+(?P<rest>.*))?",
    re.ASCII,
)
_SEGMENT: Final = re.compile(r"(?P<name>~|[-\w]{1,100})\s+(?P<frames>\d{1,12})\s*", re.ASCII)
_GAIN: Final = re.compile(
    rf"(?P<gain>{_NUMBER})(?:\((?P<baseline>[-+]?\d{{1,12}})\))?(?:/(?P<unit>\S{{1,20}}))?",
    re.ASCII,
)
_WHOLE: Final = re.compile(r"[-+]?\d{1,12}", re.ASCII)
_AGE: Final = re.compile(r"<?\bage\b>?\s*[:=]\s*(\d{1,3}(?:\.\d{1,6})?)\b", re.IGNORECASE)
_SEX: Final = re.compile(r"<?\b(?:sex|gender)\b>?\s*[:=]\s*(male|female|m|f)\b", re.IGNORECASE)


@dataclass(frozen=True)
class SignalLine:
    """One signal: where it lies and how its codes become physical units. Fields that are not there have WFDB's defaults.

    frame  samples that it has in one frame
    skew   frames that it was written too late
    """

    file: str
    storage: int
    frame: int
    skew: int
    offset: int
    gain: float
    baseline: int
    unit: str
    initial: int
    checksum: int | None
    description: str


@dataclass(frozen=True)
class Segment:
    """One line of a record of several segments. `name` is None for a gap; no frames: it only describes the signals."""

    name: str | None
    frames: int


@dataclass(frozen=True)
class Header:
    """A header read; `samples` are frames, None where it does not say; `warnings` for what was left out."""

    fs: float
    samples: int | None
    signals: tuple[SignalLine, ...]
    segments: tuple[Segment, ...]
    date: str | None
    age_years: float | None
    sex: Sex | None
    warnings: tuple[str, ...]


def looks_like_header(data: bytes) -> bool:
    """A record line and, below it, a signal or segment line. Cheap, never raises."""
    lines = _lines(data[:4096]) if b"\0" not in data[:4096] else []
    record = _RECORD.fullmatch(lines[0]) if lines else None
    if record is None:
        return False
    if record["segments"] or len(lines) == 1:
        return bool(record["segments"])
    signal = _SIGNAL.fullmatch(lines[1])
    return signal is not None and int(signal["storage"]) in {0, *STORAGE, *FLAC}


def named_files(data: bytes) -> tuple[str, ...]:
    """The names that a header's lines begin with, in order: signal files, or for a multi-segment record its segments' headers."""
    lines = _lines(data[:MAX_HEADER_BYTES])
    record = _RECORD.fullmatch(lines[0]) if lines else None
    if record is None:
        return ()
    suffix = ".hea" if record["segments"] else ""
    return tuple(
        dict.fromkeys(
            line.split(None, 1)[0] + suffix
            for line in lines[1 : MAX_SEGMENTS + 1]
            if not line.startswith("~")
        )
    )


def parse_header(data: bytes) -> Header:
    """A .hea with signals, or one with segments. Raises CorruptFile, UnsafeFile (names that leave the upload), UnknownFormat."""
    if len(data) > MAX_HEADER_BYTES:
        raise CorruptFile(
            f"the WFDB header has {len(data)} bytes; at most {MAX_HEADER_BYTES} are read"
        )
    lines = _lines(data)
    record = _RECORD.fullmatch(lines[0]) if lines else None
    if record is None:
        raise CorruptFile("the WFDB header's record line cannot be read")
    signals, segments = (
        ((), _segments(lines, record["segments"]))
        if record["segments"]
        else (_signals(lines, record["signals"]), ())
    )
    comments = [
        line.strip()[1:] for line in _text(data).splitlines() if line.strip().startswith("#")
    ]
    age, sex, said = _patient("\n".join(comments))
    fs, fs_said = _rate(record["fs"])
    date, date_said = _date(record["time"], record["date"])
    return Header(
        fs,
        int(record["samples"] or 0) or None,
        signals,
        segments,
        date,
        age,
        sex,
        (*fs_said, *date_said, *said),
    )


def _signals(lines: list[str], stated: str) -> tuple[SignalLine, ...]:
    count = int(stated)
    if not 1 <= count <= MAX_SIGNALS or len(lines) - 1 < count:
        raise CorruptFile(
            f"the WFDB header states {count} signals and describes {len(lines) - 1}; 1 to {MAX_SIGNALS} are read"
        )
    return tuple(_signal_line(line, index) for index, line in enumerate(lines[1 : count + 1]))


def _segments(lines: list[str], stated: str) -> tuple[Segment, ...]:
    count = int(stated.removeprefix("/"))
    if not 1 <= count <= MAX_SEGMENTS or len(lines) - 1 < count:
        raise CorruptFile(
            f"the WFDB header states {count} segments and lists {len(lines) - 1}; 1 to {MAX_SEGMENTS} are read"
        )
    segments = []
    for line in lines[1 : count + 1]:
        found = _SEGMENT.fullmatch(line)
        if found is None:
            raise CorruptFile(
                "a segment of the WFDB header is no plain name with a number of samples"
            )
        segments.append(
            Segment(None if found["name"] == "~" else found["name"], int(found["frames"]))
        )
    return tuple(segments)


def _text(data: bytes) -> str:
    return data.removeprefix(b"\xef\xbb\xbf").decode("utf-8", errors="replace")


def _lines(data: bytes) -> list[str]:
    stripped = (line.strip() for line in _text(data).splitlines())
    return [line for line in stripped if line and not line.startswith("#")]


def _signal_line(line: str, index: int) -> SignalLine:
    found = _SIGNAL.fullmatch(line)
    if found is None:
        raise CorruptFile(f"signal {index} of the WFDB header cannot be read")
    storage, frame = int(found["storage"]), int(found["frame"] or 1)
    _check_supported(storage, frame, index)
    _check_name(found["file"])
    gain_text, *tokens = [*(found["rest"] or "").split(None, 6), ""] if found["rest"] else ["", ""]
    gain, baseline, unit = _gain(gain_text, index)
    numbers = [_whole(token, index) for token in tokens[:5] if token]
    zero = numbers[1] if len(numbers) > 1 else 0
    return SignalLine(
        file=found["file"],
        storage=storage,
        frame=frame,
        skew=int(found["skew"] or 0),
        offset=int(found["offset"] or 0),
        gain=gain,
        baseline=zero if baseline is None else baseline,
        unit=unit,
        initial=numbers[2] if len(numbers) > 2 else zero,
        checksum=numbers[3] if len(numbers) > 3 else None,
        description=tokens[5].strip() if len(tokens) > 5 else "",
    )


def _check_supported(storage: int, frame: int, index: int) -> None:
    if storage not in STORAGE and storage not in FLAC:
        readable = ", ".join(str(number) for number in (*STORAGE, *FLAC))
        raise UnknownFormat(
            f"signal {index}: WFDB storage format {storage} is not read; {readable} are"
        )
    if not 1 <= frame <= MAX_FRAME:
        raise CorruptFile(
            f"signal {index}: {frame} samples a frame in the WFDB header; 1 to {MAX_FRAME} are read"
        )


def _check_name(name: str) -> None:
    # The name only picks an uploaded part; one that points elsewhere is refused all the same, loudly and without an echo.
    if any(sign in name for sign in "/\\:~\0") or ".." in name or name.startswith("."):
        raise UnsafeFile(
            "the WFDB header names a signal file outside of the upload; plain file names are allowed"
        )


def _gain(text: str, index: int) -> tuple[float, int | None, str]:
    """ADC units per unit, baseline where stated, unit (mV by default)."""
    if not text:
        return DEFAULT_GAIN, None, "mV"
    found = _GAIN.fullmatch(text)
    gain = float(found["gain"]) if found else math.nan
    if found is None or not math.isfinite(gain):
        raise CorruptFile(f"signal {index}: the gain in the WFDB header is no finite number")
    baseline = None if found["baseline"] is None else int(found["baseline"])
    return gain or DEFAULT_GAIN, baseline, found["unit"] or "mV"


def _whole(token: str, index: int) -> int:
    if not _WHOLE.fullmatch(token):
        raise CorruptFile(f"signal {index}: a field of the WFDB header is no whole number")
    return int(token)


def _rate(text: str | None) -> tuple[float, tuple[str, ...]]:
    if text is None:
        return DEFAULT_FS, (f"fs: the WFDB header has none; {DEFAULT_FS:g} Hz, as WFDB defines",)
    return float(text), ()


def _date(time: str | None, date: str | None) -> tuple[str | None, tuple[str, ...]]:
    if time is None or date is None:
        return None, ()
    clock = time.split(".")[0]
    try:
        moment = datetime.strptime(
            f"{date} {'0:' * (2 - clock.count(':'))}{clock}", "%d/%m/%Y %H:%M:%S"
        )
    except ValueError:
        return None, ("recording_date: the WFDB header's cannot be read, ignored",)
    return moment.isoformat(), ()


def _patient(comments: str) -> tuple[float | None, Sex | None, tuple[str, ...]]:
    """Age and sex out of "#Age: 63", "# <age>: 81 <sex>: M"; everything else in comments (names, diagnoses) is dropped."""
    age_found, sex_found = _AGE.search(comments), _SEX.search(comments)
    age = float(age_found[1]) if age_found else None
    sex = sex_of(sex_found[1], ("patient", "sex")) if sex_found else None
    if age is not None and age > MAX_AGE_YEARS:  # PTB-XL writes 300 for "older than 89"
        return (
            None,
            sex,
            (f"patient.age: beyond {MAX_AGE_YEARS:g} years in the WFDB header, ignored",),
        )
    return age, sex, ()
