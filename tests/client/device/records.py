"""Records of a synthetic device, and a registered device on a station."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np
from ecgfm_client import Stretch

if TYPE_CHECKING:  # the program of program.py is to start quickly
    from tests.station.running import Station

PATIENT = "p-1"
SOURCE = "strap-1"
FS_HZ = 250.0
SAMPLES = 50


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def stretch(number: int, time_ms: int | None = None) -> Stretch:
    """Return a stretch whose samples tell its number."""
    samples = np.full((1, SAMPLES), number % 30_000, np.int16)
    samples[0, 1] = number // 30_000
    return Stretch(PATIENT, now_ms() if time_ms is None else time_ms, FS_HZ, ("II",), samples, 1000)


def register(station: Station, *sources: str, patients: tuple[str, ...] = (PATIENT,)) -> list[str]:
    """Register devices and patients. Return a key for each device."""
    with station.client() as client:
        client.post("/station/v1/patients", json={"names": patients}).raise_for_status()
        answers = [client.post("/station/v1/sources", json={"name": name}) for name in sources]
        return [answer.raise_for_status().json()["key"] for answer in answers]
