"""EDF, EDF+ and BDF by stretches: the data records in which the samples lie that are asked for."""

from __future__ import annotations

import math
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from errors import CorruptFile
from formats.edf.header import BLOCK_BYTES, Header, Signal, parse_header, record_bytes
from formats.edf.person import parse_person
from formats.edf.reader import MAX_ONSET_BYTES, onset_s, since_first, unpack_codes
from formats.hints import Hints, prefer_request
from formats.stretches.leads import ChosenLead, Source, choose_leads
from formats.stretches.recording import LongRecording, Stretch, bytes_of, check_density

# The standard recommends 61,440 bytes a record; each that a stretch touches is read as a whole.
MAX_RECORD_BYTES: Final = 16 << 20
# Seven days in records of 0.12 s; in those of EDF+D, whose starts are all read, of 0.6 s.
MAX_RECORDS: Final = 5_000_000
MAX_GAPPED_RECORDS: Final = 1_000_000

# EDF+, 1.3.4: "HP:0.1Hz LP:75Hz N:50Hz"; recorders with direct current write "HP:DC".
_HIGH_PASS: Final = re.compile(
    r"\bHP:? ?(?:DC|(\d{1,5}(?:\.\d{1,6})?) ?Hz)", re.ASCII | re.IGNORECASE
)


@dataclass(frozen=True, eq=False)
class _Layout:
    """Where the samples of the leads are.

    samples  of each lead in a data record
    starts   (records,) first sample of each record, in the order of time
    """

    path: Path
    header: Header
    leads: tuple[tuple[ChosenLead, Signal], ...]
    samples: int
    starts: NDArray[np.int64]

    @property
    def record_bytes(self) -> int:
        return record_bytes(self.header.signals, self.header.sample_bytes)


def open_edf(path: Path, head: bytes, file_bytes: int, hints: Hints) -> LongRecording:
    """Open a file. Raises CorruptFile, NoSamples, BadSamplingRate, and those of `choose_leads`."""
    header = parse_header(head, file_bytes)
    size = record_bytes(header.signals, header.sample_bytes)
    if size > MAX_RECORD_BYTES:
        raise CorruptFile(
            f"a data record of the EDF file has {size} bytes; the limit is {MAX_RECORD_BYTES}"
        )
    check_density(size / header.record_s, "EDF")
    if header.records > MAX_RECORDS:
        raise CorruptFile(
            f"the EDF file has {header.records} data records; the limit is {MAX_RECORDS}"
        )
    signals = [signal for signal in header.signals if not signal.is_annotation]
    chosen = choose_leads([_source(each, header.record_s) for each in signals], "EDF", hints)
    leads = tuple((lead, signals[lead.row]) for lead in chosen.leads)
    samples = leads[0][1].samples
    starts = np.arange(header.records, dtype=np.int64) * samples
    if header.discontinuous:
        onsets = since_first(_onsets(path, header, size))
        starts = np.rint(onsets * samples / header.record_s).astype(np.int64)
        # Each sample is in one record, so that a stretch has as many bytes as its time tells.
        if (np.diff(starts) < max(samples - 1, 1)).any():
            raise CorruptFile("the records of the EDF+D file overlap")
    layout = _Layout(path, header, leads, samples, starts)
    patient, reported, patient_warnings = parse_person(head)
    fs, fs_warnings = prefer_request("fs", hints.fs, chosen.fs)
    return LongRecording(
        "EDF",
        fs or chosen.fs,
        chosen.names,
        int(starts[-1]) + samples,
        lambda first, stop: _read(layout, first, stop),
        tuple(_low_cut_hz(signal) for _, signal in leads),
        start=reported.recording_date,
        patient=patient,
        warnings=(*header.warnings, *chosen.warnings, *fs_warnings, *patient_warnings),
    )


def _low_cut_hz(signal: Signal) -> float | None:
    """Return the high-pass that the file states for a signal; 0 for DC, None for none."""
    match = _HIGH_PASS.search(signal.filters)
    if match is None:
        return None
    return 0.0 if match[1] is None else float(match[1])


def _source(signal: Signal, record_s: float) -> Source:
    low, high = signal.digital
    gain = (signal.physical[1] - signal.physical[0]) / (high - low) if high != low else math.nan
    offset = signal.physical[0] - low * gain
    return Source(signal.label, signal.unit, gain, offset, signal.samples / record_s)


def _onsets(path: Path, header: Header, size: int) -> NDArray[np.float64]:
    """Return (records,) the start of each record as its first annotation states it, or NaN."""
    annotations = next((signal for signal in header.signals if signal.is_annotation), None)
    if annotations is None:
        raise CorruptFile("an EDF+D file without the annotations that state its records' start")
    if header.records > MAX_GAPPED_RECORDS:
        raise CorruptFile(
            f"the EDF+D file has {header.records} records; the limit is {MAX_GAPPED_RECORDS}"
        )
    first = BLOCK_BYTES * (len(header.signals) + 1) + annotations.offset
    length = min(MAX_ONSET_BYTES, annotations.samples * header.sample_bytes)
    with path.open("rb", buffering=0) as file:
        return np.array(
            [
                onset_s(os.pread(file.fileno(), length, first + record * size))
                for record in range(header.records)
            ]
        )


def _read(layout: _Layout, first: int, stop: int) -> Stretch:
    signal = np.full((len(layout.leads), stop - first), np.nan, np.float32)
    begin = max(int(np.searchsorted(layout.starts, first, side="right")) - 1, 0)
    end = int(np.searchsorted(layout.starts, stop, side="left"))
    size = layout.record_bytes
    offset = BLOCK_BYTES * (len(layout.header.signals) + 1) + begin * size
    data = np.frombuffer(bytes_of(layout.path, offset, (end - begin) * size), np.uint8)
    records = data.reshape(end - begin, size)
    places = layout.starts[begin:end, np.newaxis] + np.arange(layout.samples) - first
    is_in = (places >= 0) & (places < stop - first)
    for row, (lead, header) in enumerate(layout.leads):
        columns = slice(header.offset, header.offset + header.samples * layout.header.sample_bytes)
        codes = unpack_codes(records[:, columns], layout.header.sample_bytes)
        signal[row, places[is_in]] = lead.millivolts(codes[is_in])
    return signal
