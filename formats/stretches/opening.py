"""Open a file of a long recording, found by its content."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from errors import UnknownFormat
from formats.arrays.npy import MAGIC as NPY_MAGIC
from formats.edf.header import BDF, EDF
from formats.hints import Hints
from formats.ishne import MAGIC as ISHNE_MAGIC
from formats.stretches.edf import open_edf
from formats.stretches.ishne import open_ishne
from formats.stretches.npy import open_npy
from formats.stretches.recording import LongRecording, checked, head_of
from formats.stretches.wfdb import open_wfdb
from formats.wfdb.header import looks_like_header

NAMES: Final = "WFDB (.hea), EDF, EDF+, BDF, ISHNE, .npy"
_HEADER: Final = ".hea"
_SIGNAL_FILE: Final = ".dat"


def open_long(path: Path, hints: Hints) -> LongRecording:
    """Open a recording: the file, or the header of a WFDB record.

    A WFDB signal file stands for its header. Raises EcgError, OSError.
    """
    if path.suffix.lower() == _SIGNAL_FILE and path.with_suffix(_HEADER).is_file():
        path = path.with_suffix(_HEADER)
    head, file_bytes = head_of(path)
    if head.startswith(ISHNE_MAGIC):
        return checked(open_ishne(path, head, file_bytes, hints))
    if head.startswith((EDF, BDF)):
        return checked(open_edf(path, head, file_bytes, hints))
    if head.startswith(NPY_MAGIC):
        return checked(open_npy(path, head, file_bytes, hints))
    if path.suffix.lower() == _HEADER or looks_like_header(head):
        return checked(open_wfdb(path, head, hints))
    raise UnknownFormat(f"not a long recording that is read by stretches; supported: {NAMES}")
