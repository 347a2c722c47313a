"""Open a file of a long recording, found by its content."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from errors import UnknownFormat
from formats.hints import Hints
from formats.stretches.recording import LongRecording, checked, head_of
from formats.stretches.wfdb import open_wfdb
from formats.wfdb.header import looks_like_header

NAMES: Final = "WFDB (.hea)"
_SIGNAL_FILE: Final = ".dat"


def open_long(path: Path, hints: Hints) -> LongRecording:
    """Open a recording: the file, or the header of a WFDB record.

    A WFDB signal file stands for its header. Raises EcgError, OSError.
    """
    if path.suffix.lower() == _SIGNAL_FILE and path.with_suffix(".hea").is_file():
        path = path.with_suffix(".hea")
    head, _ = head_of(path)
    if path.suffix.lower() == ".hea" or looks_like_header(head):
        return checked(open_wfdb(path, head, hints))
    raise UnknownFormat(f"not a long recording that is read by stretches; supported: {NAMES}")
