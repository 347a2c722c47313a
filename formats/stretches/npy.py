"""Arrays of NumPy (.npy) by stretches: the part that is asked for is mapped, and copied."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Literal

import numpy as np

from errors import BadShape, CorruptFile, MissingField
from formats.arrays.npy import parse_header
from formats.hints import Hints
from formats.mapping import scale_to_millivolt
from formats.samples import Array, leads_first, sample_dtype, without_left_out
from formats.stretches.recording import LongRecording, Stretch
from signals.record import Patient


def open_npy(path: Path, head: bytes, file_bytes: int, hints: Hints) -> LongRecording:
    """Open an array of (leads, samples) or (samples, leads).

    hints  sampling rate (required), lead names, units or gain
    Raises CorruptFile, BadShape, BadType, UnsafeFile, MissingField, BadOption.
    """
    header = parse_header(head)
    dtype = sample_dtype(header.dtype, ("signal",))
    if hints.fs is None:
        raise MissingField("fs: missing; a .npy file has no sampling rate", loc=("fs",))
    shape = tuple(header.shape)
    if not 1 <= len(shape) <= 2:
        raise BadShape(f"signal: {len(shape)} axes; 1 or 2 are allowed", loc=("signal",))
    if math.prod(shape) * dtype.itemsize != file_bytes - header.offset or 0 in shape:
        raise CorruptFile(
            f"the array needs {math.prod(shape) * dtype.itemsize} bytes; the file has "
            f"{file_bytes - header.offset}"
        )
    order: Literal["F", "C"] = "F" if header.fortran else "C"

    def rows() -> tuple[Array, tuple[str, ...]]:
        # Mapped for each stretch, so that what was read does not stay in memory.
        array: Array = np.memmap(
            path, dtype=dtype, mode="r", offset=header.offset, shape=shape, order=order
        )
        return without_left_out(*leads_first(array, hints.lead_names.of_rows(), ("signal",)))

    whole, names = rows()
    units = scale_to_millivolt(np.asarray(whole[:, :1]), hints.units, hints.gain)[1]
    if units != "mV":
        raise MissingField("units: unknown; units or gain is needed", loc=("units",))

    def read_stretch(first: int, stop: int) -> Stretch:
        part = np.asarray(rows()[0][:, first:stop])
        return np.array(scale_to_millivolt(part, hints.units, hints.gain)[0], np.float32)

    patient = Patient(hints.age, hints.sex)
    samples = int(whole.shape[1])
    return LongRecording("npy", hints.fs, names, samples, read_stretch, patient=patient)
