"""Damaged real files of every format give a record or a client error, within memory limits.

They never give another exception or a hang. The fast run damages each format a few times, --long
thousands of times. A failure names its seed.
"""

from __future__ import annotations

import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any
from zlib import crc32

import numpy as np
import pytest

from errors import EcgError
from formats.hints import Hints
from formats.parts import Format, Part
from formats.registry import known_formats, read
from signals.checks import check_record
from signals.leads import LEADS, twelve_leads
from tests.data import requires_shared
from tests.formats.mutations import REPAIRS, Mutator
from tests.formats.samples import hints_of, parts_of

pytestmark = requires_shared

FEW, MANY = 24, 3000
# No file takes a tenth of it. Without a limit a hang would last until the time limit of the run.
HANG_S = 20
GROWTH_MB = 400
SAMPLED = [known for known in known_formats() if known.about.sample_files]


class Hanging(Exception):
    """A reader that does not return."""


@contextmanager
def no_hang() -> Iterator[None]:
    def ring(number: int, frame: FrameType | None) -> None:
        raise Hanging

    before: Any = signal.signal(signal.SIGALRM, ring)
    signal.alarm(HANG_S)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def damage(known: Format, number: int) -> tuple[list[Part], Hints]:
    """Return a sample of the format with damage to one of its files; `number` is the seed."""
    seed = crc32(f"{known.name} {number}".encode())
    name = known.about.sample_files[number % len(known.about.sample_files)].split(": ")[0]
    parts = parts_of(name)
    at = seed % len(parts)
    data = Mutator(seed)(parts[at].data)
    repair = REPAIRS.get(known.name)
    parts[at] = Part(parts[at].name, repair(data) if repair and number % 3 else data)
    return parts, hints_of(name)


def survives(parts: list[Part], hints: Hints) -> None:
    try:
        with no_hang():
            record = check_record(read(parts, hints))
            twelve_leads(record)
    except EcgError as error:
        assert 400 <= error.status < 500
        return
    assert record.signal.dtype == np.float32
    assert record.signal.shape[0] == len(record.lead_names) == len(set(record.lead_names)) > 0
    assert set(record.lead_names) <= set(LEADS)
    assert not np.isinf(record.signal).any()
    for value in record.reported.measurements.values() if record.reported else ():
        assert np.isfinite(value)


def damaged_often(known: Format, times: int) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for number in range(times):
        parts, hints = damage(known, number)
        try:
            survives(parts, hints)
        except Exception as error:
            error.add_note(f"{known.name}, damage number {number}")
            raise
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < GROWTH_MB * 1024


@pytest.mark.parametrize("known", SAMPLED, ids=lambda known: known.name)
def test_a_damaged_file_is_a_record_or_an_error(known: Format) -> None:
    damaged_often(known, FEW)


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("known", SAMPLED, ids=lambda known: known.name)
def test_a_file_damaged_in_thousands_of_ways_is_a_record_or_an_error(known: Format) -> None:
    damaged_often(known, MANY)
