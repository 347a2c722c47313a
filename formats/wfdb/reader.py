"""Read WFDB records (PhysioNet): a .hea and the files that it names, among the uploaded parts.

A name only selects a part; no file is opened by it.
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import replace
from typing import Final

from errors import EcgError, MissingPart
from formats import metadata
from formats.channels import record_from_channels
from formats.decoded import Channel, DecodedFile, printable_names
from formats.hints import Hints
from formats.parts import About, Format, Part
from formats.wfdb.header import (
    DEFAULT_FS,
    DEFAULT_GAIN,
    DEFAULT_UNIT,
    Header,
    looks_like_header,
    named_files,
    parse_header,
)
from formats.wfdb.segments import join_segments
from formats.wfdb.signals import Parts, read_channels
from signals.record import EcgRecord, Reported

# Files whose samples only a header explains: by the name's end of a signal file, which has no
# signature (signal(5)), or by FLAC's magic bytes.
SIGNAL_FILE: Final = ".dat"
FLAC_MAGIC: Final = b"fLaC"
HEADER_FILE: Final = ".hea"


def read(head: Part, parts: Sequence[Part], hints: Hints) -> EcgRecord:
    """Return the record that the header `head` describes.

    Raises MissingPart, CorruptFile, UnsafeFile, UnknownFormat, RecordingTooLong, and the errors
    of `record_from_channels`.
    """
    header = parse_header(head.data)
    if not header.states_fs and header.signals and hints.fs is not None:
        header = replace(header, fs=hints.fs)
    others = Parts.of(part for part in parts if part is not head)
    read_signals = join_segments if header.segments else read_channels
    channels, signal_warnings = read_signals(header, others)
    default_warnings = _defaults(header, channels, hints)
    if hints.gain is None and hints.units is None:
        # A channel without a unit has no gain in its header, and is scaled by WFDB's default.
        channels = [replace(channel, unit=channel.unit or DEFAULT_UNIT) for channel in channels]
    patient, patient_warnings = metadata.plausible_patient(header.age_years, header.sex)
    decoded = DecodedFile(
        "WFDB",
        header.fs,
        channels,
        patient,
        Reported(recording_date=header.date),
        (
            *header.warnings,
            *default_warnings,
            *signal_warnings,
            *patient_warnings,
        ),
    )
    return record_from_channels(decoded, hints)


def _defaults(header: Header, channels: Sequence[Channel], hints: Hints) -> tuple[str, ...]:
    """Return a warning for each default of WFDB that neither file nor request replaces.

    A channel without a unit has no gain in its header. In a record of segments, this is not the
    record's own header.
    """
    warnings: list[str] = []
    if not header.states_fs and hints.fs is None:
        warnings.append(
            f"fs: missing in the WFDB header; WFDB's default of {DEFAULT_FS:g} Hz is used"
        )
    uncalibrated = [
        channel.name for channel in channels if channel.unit is None and channel.fault is None
    ]
    if uncalibrated and hints.gain is None and hints.units is None:
        warnings.append(
            f"units: no gain in the WFDB header for {printable_names(uncalibrated)}; WFDB's "
            f"default of {DEFAULT_GAIN:g} ADC units per mV is used; send gain if another is known"
        )
    return tuple(warnings)


def companions(heads: Sequence[Part], parts: Sequence[Part]) -> list[Sequence[Part]]:
    """Return, for each head, the parts that it and its segments' headers name.

    If one name and one part are left over, they belong together: an upload may have renamed the
    file.
    """
    # Each header is parsed once, as many heads may name the same one.
    names_of: dict[int, frozenset[str]] = {}
    named: dict[str, list[Part]] = {}
    for part in parts:
        named.setdefault(part.basename, []).append(part)
        if _is_header(part):
            names_of[id(part)] = frozenset(named_files(part.data))
    found = []
    for head in heads:
        names = set(names_of[id(head)])
        for name in names_of[id(head)]:
            for segment in named.get(name, ()):
                names |= names_of.get(id(segment), frozenset())
        found.append(_companions(head, names, parts, names_of))
    return found


def _companions(
    head: Part, names: set[str], parts: Sequence[Part], headers: Container[int]
) -> Sequence[Part]:
    """Return the parts that belong to a head with these names.

    headers  the identities of the parts that are headers
    """
    others = [part for part in parts if part is not head]
    matched = [part for part in others if part.basename in names]
    unmatched_names = names - {part.basename for part in matched}
    unmatched_parts = [part for part in others if part.basename not in names]
    if not any(name.endswith(HEADER_FILE) for name in unmatched_names):
        # A header is not a signal file under another name.
        unmatched_parts = [part for part in unmatched_parts if id(part) not in headers]
    if len(unmatched_parts) == len(unmatched_names) == 1:
        return matched + unmatched_parts
    return matched


def _is_header(part: Part) -> bool:
    """Return whether a file is a header, or is named as one: then its faults are named."""
    name = part.basename.lower()
    # "._name" is macOS's own.
    is_named_so = name.endswith(HEADER_FILE) and not name.startswith(".")
    return is_named_so or looks_like_header(part.data)


def lacking(parts: Sequence[Part]) -> EcgError | None:
    """Return the error for signal files without a header."""
    if any(_is_signal_file(part) for part in parts):
        return MissingPart(
            f"file: a WFDB signal file ({SIGNAL_FILE}) without its header; the header is missing: "
            f"send the {HEADER_FILE} of the same record too",
            loc=("file",),
        )
    return None


def _is_signal_file(part: Part) -> bool:
    return part.basename.lower().endswith(SIGNAL_FILE) or part.data.startswith(FLAC_MAGIC)


FORMAT = Format(
    name="WFDB (.hea with .dat or .mat)",
    detect=_is_header,
    read=read,
    companions=companions,
    lacking=lacking,
    about=About(
        variants=(
            "storage formats 8, 16, 24, 32, 61, 80, 160, 212, 310, 311 and FLAC (508, 516, 524); "
            "several segments of fixed or variable layout; several samples a frame, at full rate"
        ),
        parser=(
            "our own, after header(5) and signal(5) of the WFDB Applications Guide; "
            "soundfile (libsndfile) for FLAC"
        ),
        metadata="date; age and sex from comments",
        ignored="signals that are not leads, other comments, annotations",
        sample_files=(
            "wfdb/00001_lr.hea: a real PTB-XL record",
            "wfdb/00001_lr.zip: the same in a zip",
            "wfdb/E07500.hea: a real record of CinC 2021 in a MATLAB file",
            "wfdb/100_3chan.hea: a real record of the wfdb package",
            "wfdb/041s/041s.hea: a real record of two segments and several rates",
            "wfdb/310derive.hea: a real record without names of leads",
            "wfdb/311derive_2.hea: a real record without names of leads",
            "wfdb/binformats.hea: ramps in ten storage formats",
            "wfdb/flacformats.hea: ramps in the three FLAC formats",
        ),
    ),
)
