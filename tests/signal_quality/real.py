"""Real recordings for the tests of signal quality."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from formats.parts import Part
from formats.registry import read
from signals.record import EcgRecord
from tests.data import SHARED


@cache
def ptb_xl(folder: str = "raw500") -> tuple[EcgRecord, ...]:
    """Return PTB-XL's files: 58 recordings at 500 Hz, or 30 at 100 Hz.

    None of them was used for training.
    """
    return tuple(_read_wfdb(head) for head in sorted((SHARED / "ptbxl" / folder).glob("*.hea")))


def _read_wfdb(head: Path) -> EcgRecord:
    return read([Part(path.name, path.read_bytes()) for path in (head, head.with_suffix(".dat"))])
