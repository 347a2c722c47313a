"""Parse WFDB's header (.hea): the record, its signals or segments, and the patient's age and sex.

Source: header(5) of the WFDB Applications Guide, https://physionet.org/physiotools/wag/header-5.htm
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from errors import BadSamplingRate, CorruptFile, NoSamples, UnknownFormat, UnsafeFile
from formats.fields import MAX_AGE_YEARS
from formats.metadata import parse_sex
from formats.numbers import number_of_text, shown_number, whole_number
from formats.wfdb.storage import FLAC, STORAGE
from signals.record import Sex

DEFAULT_FS: Final = 250.0  # header(5): "If fs is missing, 250 samples per second"
DEFAULT_GAIN: Final = 200.0  # ADC units per physical unit; also if the header states 0
DEFAULT_UNIT: Final = "mV"
MAX_HEADER_BYTES: Final = 65_536
MAX_SIGNALS: Final = 256
MAX_SEGMENTS: Final = 2000
MAX_FRAME_SAMPLES: Final = 1000
NO_SAMPLES: Final = 0  # the storage format of a signal without a file, see signal(5)
_DETECTION_BYTES: Final = 4096
# A signal's fields between gain and description, in order.
_FIELDS: Final = ("ADC resolution", "ADC zero", "initial value", "checksum", "block size")
_GAP: Final = "~"  # in place of a segment's name
_UTF8_MARK: Final = b"\xef\xbb\xbf"

# The digits of every number are bounded, so that a hostile header gives no huge integers.
_NUMBER: Final = r"[-+]?(?:\d{1,15}\.?\d{0,15}|\.\d{1,15})(?:[eE][-+]?\d{1,3})?"
_RECORD: Final = re.compile(
    r"(?P<name>[-\w.]+)(?P<segments>/\d{1,9})?\s+(?P<signals>\d{1,6})"
    rf"(?:\s+(?P<fs>{_NUMBER})(?:/\S*)?"
    r"(?:\s+(?P<samples>\d{1,20})"
    r"(?:\s+(?P<time>[\d:.]+)(?:\s+(?P<date>\d+/\d+/\d+))?)?)?)?\s*",
    re.ASCII,
)
_SIGNAL: Final = re.compile(
    r"(?P<file>\S{1,255})\s+(?P<storage>\d{1,4})(?:x(?P<frame_samples>\d{1,4}))?"
    r"(?::(?P<skew>\d{1,9}))?(?:\+(?P<byte_offset>\d{1,12}))?"
    r"(?:\s+(?P<fields>.*))?",
    re.ASCII,
)
_SEGMENT: Final = re.compile(r"(?P<name>~|[-\w]{1,100})\s+(?P<frames>\d{1,12})\s*", re.ASCII)
_GAIN: Final = re.compile(
    rf"(?P<gain>{_NUMBER})(?:\((?P<baseline>[-+]?\d{{1,12}})\))?(?:/(?P<unit>\S{{1,20}}))?",
    re.ASCII,
)
_AGE: Final = re.compile(r"<?\bage\b>?\s*[:=]\s*(\d{1,3}(?:\.\d{1,6})?)\b(?![.,]\d)", re.IGNORECASE)
_SEX: Final = re.compile(r"<?\b(?:sex|gender)\b>?\s*[:=]\s*(male|female|m|f)\b", re.IGNORECASE)


@dataclass(frozen=True)
class SignalLine:
    """One signal's line. Fields that the header leaves out have WFDB's defaults.

    file           name of the signal file
    storage        number of the storage format
    frame_samples  samples of this signal in one frame
    skew           frames by which the signal was written too late
    byte_offset    where the samples begin in the file
    gain           ADC units per `unit`
    baseline       the code of 0 `unit`
    initial_value  the first sample, for formats that store differences
    checksum       sum of all samples modulo 65,536, or None
    description    usually the lead's name
    is_calibrated  whether the header states the gain; otherwise it is WFDB's default
    """

    file: str
    storage: int
    frame_samples: int
    skew: int
    byte_offset: int
    gain: float
    baseline: int
    unit: str
    initial_value: int
    checksum: int | None
    description: str
    is_calibrated: bool = True


@dataclass(frozen=True)
class Segment:
    """One line of a multi-segment record.

    name    the segment's record name; None for a gap
    frames  its length; 0 for a layout segment, which only describes the signals
    """

    name: str | None
    frames: int


@dataclass(frozen=True)
class Header:
    """A parsed header, with either `signals` or `segments`.

    fs         frames per second
    states_fs  whether the header states it; otherwise it is WFDB's default
    frames     the record's length; None if the header does not state it
    date       ISO 8601
    warnings   what was replaced or ignored
    """

    fs: float
    states_fs: bool
    frames: int | None
    signals: tuple[SignalLine, ...]
    segments: tuple[Segment, ...]
    date: str | None
    age_years: float | None
    sex: Sex | None
    warnings: tuple[str, ...]


def looks_like_header(data: bytes) -> bool:
    """Return whether `data` begins with a record line and a signal line, or names segments.

    Reads 4096 bytes and never raises.
    """
    beginning = data[:_DETECTION_BYTES]
    if b"\0" in beginning:
        return False
    lines = _content_lines(beginning)
    record = _record_line(lines)
    if record is None:
        return False
    if record["segments"]:
        return True
    signal = _SIGNAL.fullmatch(lines[1]) if len(lines) > 1 else None
    return signal is not None and int(signal["storage"]) in {NO_SAMPLES, *STORAGE, *FLAC}


def named_files(data: bytes) -> tuple[str, ...]:
    """Return the files that a header names, in order and without repetition.

    These are signal files, or the segments' headers of a multi-segment record.
    """
    lines = _content_lines(data[:MAX_HEADER_BYTES])
    record = _record_line(lines)
    if record is None:
        return ()
    suffix = ".hea" if record["segments"] else ""
    names = []
    for line in lines[1 : MAX_SEGMENTS + 1]:
        if not line.startswith(_GAP):
            names.append(line.split(None, 1)[0] + suffix)
    return tuple(dict.fromkeys(names))


def parse_header(data: bytes) -> Header:
    """Parse a header with signals, or one with segments.

    Raises CorruptFile, UnsafeFile if a name leaves the upload, UnknownFormat for a storage format
    that is not supported.
    """
    if len(data) > MAX_HEADER_BYTES:
        raise CorruptFile(f"WFDB header: {len(data)} bytes; the limit is {MAX_HEADER_BYTES}")
    lines = _content_lines(data)
    record = _record_line(lines)
    if record is None:
        raise CorruptFile("the record line of the WFDB header cannot be read")
    signals: tuple[SignalLine, ...] = ()
    segments: tuple[Segment, ...] = ()
    if record["segments"]:
        segments = _segments(lines, int(record["segments"].removeprefix("/")))
    else:
        signals = _signals(lines, int(record["signals"]))
    age_years, sex, patient_warnings = _patient(_comments(data))
    date, date_warnings = _date(record["time"], record["date"])
    return Header(
        fs=_sampling_rate(record["fs"]),
        states_fs=record["fs"] is not None,
        frames=int(record["samples"] or 0) or None,
        signals=signals,
        segments=segments,
        date=date,
        age_years=age_years,
        sex=sex,
        warnings=(*date_warnings, *patient_warnings),
    )


def _record_line(lines: list[str]) -> re.Match[str] | None:
    return _RECORD.fullmatch(lines[0]) if lines else None


def _signals(lines: list[str], count: int) -> tuple[SignalLine, ...]:
    _check_count(count, len(lines) - 1, MAX_SIGNALS, "signals")
    signals = []
    for index, line in enumerate(lines[1 : count + 1]):
        signals.append(_signal_line(line, index))
    return tuple(signals)


def _segments(lines: list[str], count: int) -> tuple[Segment, ...]:
    _check_count(count, len(lines) - 1, MAX_SEGMENTS, "segments")
    segments = []
    for line in lines[1 : count + 1]:
        match = _SEGMENT.fullmatch(line)
        if match is None:
            raise CorruptFile(
                "WFDB header: a segment's line is not a plain name and a number of samples"
            )
        name = None if match["name"] == _GAP else match["name"]
        segments.append(Segment(name, int(match["frames"])))
    return tuple(segments)


def _check_count(stated: int, described: int, limit: int, what: str) -> None:
    if not 1 <= stated <= limit:
        raise CorruptFile(f"WFDB header: {stated} {what} stated; 1 to {limit} are allowed")
    # Signals share files, so a signal beyond the stated number shifts the samples of the others.
    if described != stated:
        raise CorruptFile(
            f"WFDB header: {stated} {what} stated, {described} described; both must be equal"
        )


def _stripped_lines(data: bytes) -> list[str]:
    text = data.removeprefix(_UTF8_MARK).decode("utf-8", errors="replace")
    return [line.strip() for line in text.splitlines()]


def _content_lines(data: bytes) -> list[str]:
    """Return the stripped lines without comments and empty lines."""
    lines = _stripped_lines(data)
    return [line for line in lines if line and not line.startswith("#")]


def _comments(data: bytes) -> str:
    """Return the comments without their marks, one a line."""
    comments = []
    for line in _stripped_lines(data):
        if line.startswith("#"):
            comments.append(line[1:])
    return "\n".join(comments)


def _signal_line(line: str, index: int) -> SignalLine:
    match = _SIGNAL.fullmatch(line)
    if match is None:
        raise CorruptFile(f"signal {index} of the WFDB header cannot be read")
    storage = int(match["storage"])
    frame_samples = int(match["frame_samples"] or 1)
    _check_supported(storage, frame_samples, index)
    _check_name(match["file"])
    # Gain, ADC resolution, ADC zero, initial value, checksum, block size, description: each may
    # be absent, but only with all that follow it.
    fields = (match["fields"] or "").split(None, 6)
    stated_gain, baseline, unit = _gain(fields[0] if fields else "", index)
    numbers = [
        _integer(text, name, index) for text, name in zip(fields[1:6], _FIELDS, strict=False)
    ]
    adc_zero = numbers[1] if len(numbers) > 1 else 0
    return SignalLine(
        file=match["file"],
        storage=storage,
        frame_samples=frame_samples,
        skew=int(match["skew"] or 0),
        byte_offset=int(match["byte_offset"] or 0),
        # header(5): without a gain, or with 0, the signal is not calibrated.
        gain=stated_gain or DEFAULT_GAIN,
        is_calibrated=bool(stated_gain),
        baseline=adc_zero if baseline is None else baseline,
        unit=unit,
        initial_value=numbers[2] if len(numbers) > 2 else adc_zero,
        checksum=numbers[3] if len(numbers) > 3 else None,
        description=fields[6].strip() if len(fields) > 6 else "",
    )


def _check_supported(storage: int, frame_samples: int, index: int) -> None:
    if storage == NO_SAMPLES:
        raise NoSamples(
            f"signal {index} of the WFDB header has storage format 0: no samples, as in a layout; "
            "send the record's header with those of its segments",
            loc=("file",),
        )
    if storage not in STORAGE and storage not in FLAC:
        supported = ", ".join(str(number) for number in (*STORAGE, *FLAC))
        raise UnknownFormat(
            f"signal {index}: WFDB storage format {storage}; supported are {supported}"
        )
    if not 1 <= frame_samples <= MAX_FRAME_SAMPLES:
        raise CorruptFile(
            f"signal {index}: {frame_samples} samples a frame in the WFDB header; "
            f"1 to {MAX_FRAME_SAMPLES} are allowed"
        )


def _check_name(name: str) -> None:
    # A name only selects one of the uploaded parts and is never opened. One that points elsewhere
    # is refused nevertheless, and is not repeated in the message.
    if any(sign in name for sign in "/\\:~\0") or ".." in name or name.startswith("."):
        raise UnsafeFile(
            "the WFDB header names a signal file outside of the upload; "
            "plain file names are allowed"
        )


def _gain(text: str, index: int) -> tuple[float, int | None, str]:
    """Return ADC units per unit (0 if not stated), the baseline if stated, and the unit."""
    if not text:
        return 0.0, None, DEFAULT_UNIT
    match = _GAIN.fullmatch(text)
    gain = number_of_text(match["gain"]) if match else None
    # Such a signal is left out and named.
    if match is None or gain is None:
        return math.nan, None, DEFAULT_UNIT
    baseline = None
    if match["baseline"] is not None:
        baseline = int(match["baseline"])
    return gain, baseline, match["unit"] or DEFAULT_UNIT


def _integer(text: str, name: str, index: int) -> int:
    number = whole_number(text)
    if number is None:
        raise CorruptFile(
            f"signal {index}: {name} in the WFDB header is {shown_number(text)}; a "
            "whole number is required"
        )
    return number


def _sampling_rate(text: str | None) -> float:
    if text is None:
        return DEFAULT_FS
    fs = number_of_text(text)
    if fs is None:
        raise BadSamplingRate("fs: the WFDB header's sampling rate is not finite", loc=("fs",))
    return fs


def _date(time: str | None, date: str | None) -> tuple[str | None, tuple[str, ...]]:
    """Return ISO 8601 from [[H:]M:]S[.f] and D/M/Y."""
    if time is None or date is None:
        return None, ()
    clock = time.split(".")[0]
    padding = "0:" * (2 - clock.count(":"))
    try:
        moment = datetime.strptime(f"{date} {padding}{clock}", "%d/%m/%Y %H:%M:%S")
    except ValueError:
        return None, ("recording_date: not readable in the WFDB header, ignored",)
    return moment.isoformat(), ()


def _patient(comments: str) -> tuple[float | None, Sex | None, tuple[str, ...]]:
    """Find age and sex in comments such as "#Age: 63" or "# <age>: 81 <sex>: M".

    Drops everything else in comments: it may hold names and diagnoses.
    """
    age_match = _AGE.search(comments)
    sex_match = _SEX.search(comments)
    sex = parse_sex(sex_match[1]) if sex_match else None
    if age_match is None:
        return None, sex, ()
    age_years = number_of_text(age_match[1])
    # PTB-XL writes 300 for "older than 89".
    if age_years is not None and age_years > MAX_AGE_YEARS:
        warning = f"patient.age: beyond {MAX_AGE_YEARS:g} years in the WFDB header, ignored"
        return None, sex, (warning,)
    return age_years, sex, ()
