"""Real recordings that quality is tested on."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from formats.parts import Part
from formats.registry import read
from signals.record import EcgRecord
from tests.data import SHARED


@cache
def ptb_xl(folder: str = "raw500") -> tuple[EcgRecord, ...]:
    """PTB-XL as PhysioNet has it, none of which trained anything here: 58 recordings at 500 Hz, 30 at 100."""
    return tuple(_wfdb(head) for head in sorted((SHARED / "ptbxl" / folder).glob("*.hea")))


def _wfdb(head: Path) -> EcgRecord:
    return read([Part(path.name, path.read_bytes()) for path in (head, head.with_suffix(".dat"))])
