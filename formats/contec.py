"""Read .ECG files of Contec's ECG90A: eight interleaved leads of 16 bits.

The maker publishes no description. Layout, rate and resolution follow the one that N. Rigacci
derived from the device's files: https://www.rigacci.org/wiki/doku.php/tecnica/misc/
contec_ecg_file_format and RigacciOrg/ecg-contec on GitHub. The file states neither rate nor
resolution; both belong to the device.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from errors import CorruptFile, NoSamples
from formats import metadata
from formats.channels import record_from_channels
from formats.decoded import Channel, DecodedFile
from formats.hints import Hints
from formats.parts import About, Format, Part
from signals.record import EcgRecord, Reported, Sex

FS_HZ: Final = 800.0
MICROVOLTS_PER_STEP: Final = 5.0
ZERO_CODE: Final = 2048
GAP_CODE: Final = 0x6800
# I, aVR, aVL and aVF are derived from the first two.
STORED_LEADS: Final = ("II", "III", "V1", "V2", "V3", "V4", "V5", "V6")
HEADER_BYTES: Final = 43
FOOTER_BYTES: Final = 37  # from the first row of zeros on, which ends the samples
_ROW_BYTES: Final = 2 * len(STORED_LEADS)
# Where the fields of the header are, in bytes. The name of the patient is between them.
_TIME: Final = slice(10, 29)
_SEX_AT: Final = 40
_AGE_AT: Final = 41
_SEXES: Final[dict[int, Sex]] = {0: "female", 1: "male"}
# Number of the case, two bytes of zero, time.
_HEAD: Final = re.compile(rb"(?=[ -~]{1,7}\0).{8}\0\0\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\0", re.DOTALL)


def read(head: Part, parts: Sequence[Part], hints: Hints) -> EcgRecord:
    """Read the leads that were recorded; a lead without electrodes has gaps only.

    Raises CorruptFile for a file that is cut off, NoSamples, and the errors of
    `channels.record_from_channels`.
    """
    data = head.data
    codes, warnings = _codes(data)
    channels = []
    empty = []
    for column, lead in enumerate(STORED_LEADS):
        row = codes[:, column].astype(np.float64) - ZERO_CODE
        is_gap = codes[:, column] == GAP_CODE
        row[is_gap] = np.nan
        if is_gap.all():
            empty.append(lead)
        else:
            channels.append(Channel(lead, row, "uV", MICROVOLTS_PER_STEP))
    if not channels:
        raise NoSamples("the Contec file has no samples", loc=("signal",))
    if empty:
        warnings += (f"signal: not recorded, left out: {', '.join(empty)}",)
    # 0 stands for an age that was not entered.
    age = float(data[_AGE_AT]) or None
    patient, patient_warnings = metadata.plausible_patient(age, _SEXES.get(data[_SEX_AT]))
    date = metadata.iso_datetime(data[_TIME].decode("ascii"))
    decoded = DecodedFile(
        "Contec",
        FS_HZ,
        channels,
        patient,
        Reported(date, "Contec ECG90A"),
        (*warnings, *patient_warnings),
    )
    return record_from_channels(decoded, hints)


def _codes(data: bytes) -> tuple[NDArray[np.uint16], tuple[str, ...]]:
    """Return (samples, leads) up to the row of zeros, and a warning about surplus bytes."""
    rows = (len(data) - HEADER_BYTES) // _ROW_BYTES
    end = HEADER_BYTES + max(rows, 0) * _ROW_BYTES
    codes = np.frombuffer(data[HEADER_BYTES:end], "<u2").reshape(-1, len(STORED_LEADS))
    zeros = np.flatnonzero(~codes.any(axis=1))
    if not zeros.size:
        raise CorruptFile(
            f"the Contec file has {len(codes)} rows of samples and no row of zeros after them; "
            "it is cut off"
        )
    samples = int(zeros[0])
    footer = len(data) - HEADER_BYTES - samples * _ROW_BYTES
    if footer == FOOTER_BYTES:
        return codes[:samples], ()
    return codes[:samples], (
        f"file: {footer} bytes after the samples of the Contec file, ignored; "
        f"{FOOTER_BYTES} are usual",
    )


FORMAT = Format(
    name="Contec ECG90A",
    detect=lambda part: _HEAD.match(part.data[:HEADER_BYTES]) is not None,
    read=read,
    about=About(
        variants="eight leads at 800 Hz and 5 uV a step, which the file does not state",
        parser="our own, after N. Rigacci's description; the maker publishes none",
        metadata="time, age, sex",
        ignored="case number, name, weight, leads without electrodes",
        sample_files=("more_formats/contec/0000050.ECG: a real file without chest leads",),
    ),
)
