"""WFDB records (PhysioNet): a .hea and the files that it names, among the uploaded parts. Nothing is opened by name."""

from __future__ import annotations

from collections.abc import Sequence

from formats import metadata
from formats.channels import DecodedFile, record_from_channels
from formats.hints import Hints
from formats.parts import About, Format, Part
from formats.wfdb.header import looks_like_header, named_files, parse_header
from formats.wfdb.segments import joined
from formats.wfdb.signals import channels_of
from signals.record import EcgRecord, Reported


def read(head: Part, parts: Sequence[Part], hints: Hints) -> EcgRecord:
    """The record that `head` describes. Raises MissingPart, CorruptFile, UnsafeFile, UnknownFormat, UnknownLead, DuplicateLead, ..."""
    header = parse_header(head.data)
    others = [part for part in parts if part is not head]
    channels, said = joined(header, others) if header.segments else channels_of(header, others)
    patient, patient_said = metadata.plausible_patient(header.age_years, header.sex)
    warnings = (*header.warnings, *said, *patient_said)
    return record_from_channels(
        DecodedFile(
            "WFDB", header.fs, channels, patient, Reported(recording_date=header.date), warnings
        ),
        hints,
    )


def companions(head: Part, parts: Sequence[Part]) -> Sequence[Part]:
    """The parts that the header names, and what its segments' headers name; where one name and one part are left over, that part too."""
    others = [part for part in parts if part is not head]
    names = set(named_files(head.data))
    found = [part for part in others if part.basename in names]
    names |= {
        name for part in found if looks_like_header(part.data) for name in named_files(part.data)
    }
    found = [part for part in others if part.basename in names]
    left = [part for part in others if part not in found]
    return (
        found + left
        if len(left) == 1 and len(names) - len({part.basename for part in found}) == 1
        else found
    )


FORMAT = Format(
    name="WFDB (.hea with .dat or .mat)",
    detect=lambda part: looks_like_header(part.data),
    read=read,
    companions=companions,
    about=About(
        variants="storage formats 8, 16, 24, 32, 61, 80, 160, 212, 310, 311 and FLAC (508, 516, 524); several segments of fixed or "
        "variable layout; several samples a frame, at full rate",
        parser="our own, after header(5) and signal(5) of the WFDB Applications Guide; soundfile (libsndfile) for FLAC",
        metadata="date; age and sex from comments",
        ignored="signals that are no leads, other comments, annotations",
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
