"""ISHNE Holter files by stretches: the bytes of the samples that are asked for."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from formats.hints import Hints, prefer_request
from formats.ishne import parse_header
from formats.stretches.leads import Source, choose_leads
from formats.stretches.recording import LongRecording, Stretch, bytes_of

_SAMPLE_BYTES = 2


def open_ishne(path: Path, head: bytes, file_bytes: int, hints: Hints) -> LongRecording:
    """Open a file. Raises CorruptFile, BadSamplingRate, and the errors of `choose_leads`."""
    header = parse_header(head, file_bytes)
    count = len(header.leads)
    sources = [Source(name, "nV", nanovolts, 0.0, header.fs) for name, nanovolts in header.leads]
    chosen = choose_leads(sources, "ISHNE", hints)
    fs, fs_warnings = prefer_request("fs", hints.fs, header.fs)

    def read_stretch(first: int, stop: int) -> Stretch:
        start = header.start + first * count * _SAMPLE_BYTES
        data = bytes_of(path, start, (stop - first) * count * _SAMPLE_BYTES)
        codes = np.frombuffer(data, "<i2").reshape(stop - first, count)
        return np.stack([lead.millivolts(codes[:, lead.row]) for lead in chosen.leads])

    return LongRecording(
        "ISHNE",
        fs or header.fs,
        chosen.names,
        header.samples,
        read_stretch,
        start=header.reported.recording_date,
        patient=header.patient,
        warnings=(*header.warnings, *chosen.warnings, *fs_warnings),
    )
