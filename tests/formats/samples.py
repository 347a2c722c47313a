"""The shared collection of files in many formats: each file's parts, what a request must say beside it, and what is expected of it."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from formats.hints import Hints
from formats.parts import Part
from signals.record import EcgRecord
from tests.data import SHARED

FOLDER = SHARED / "formats"
INVALID = FOLDER / "invalid"

# What the files do not say themselves.
BESIDE: dict[str, Hints] = {
    **{
        f"csv/{name}": Hints(fs=100.0)
        for name in (
            "header_mV.csv",
            "header_units_uV_crlf_bom.csv",
            "leads_as_rows.csv",
            "no_header.csv",
        )
    },
    **{
        f"csv/{name}": Hints(fs=100.0)
        for name in ("semicolon_decimal_comma.csv", "tab_index_shuffled_leads.tsv")
    },
    **{
        f"npy/{name}": Hints(fs=100.0)
        for name in (
            "12x1000_float32_mV.npy",
            "1000x12_float64_mV_fortran.npy",
            "12x1000_bigendian_f4_mV.npy",
        )
    },
    "npy/12x1000_int16_uV.npy": Hints(fs=100.0, units="uV"),
    "mat/A0002.mat": Hints(fs=500.0, gain=1000.0),
}


@cache
def expected() -> dict[str, dict[str, Any]]:
    """Path within the collection -> what expected.json says of it; empty where the collection is not there."""
    return _read(FOLDER / "expected.json")


@cache
def invalid() -> dict[str, dict[str, Any]]:
    """Broken file -> what its expected.json says of it."""
    return _read(INVALID / "expected.json")


def _read(path: Path) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = (
        json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    )
    return found


def parts_of(name: str) -> list[Part]:
    """The files of one entry, under their own names."""
    files = expected().get(name, {}).get("files") or [name.split("/", 1)[1]]
    folder = FOLDER / name.split("/")[0]
    return [Part(file.rsplit("/", 1)[-1], (folder / file).read_bytes()) for file in files]


def hints_of(name: str) -> Hints:
    return BESIDE.get(name, Hints())


def assert_as_expected(record: EcgRecord, said: dict[str, Any], leads: tuple[str, ...]) -> None:
    """Leads, order, rate, samples, the first samples, the range and the machine's measurements."""
    assert record.lead_names == leads
    assert (record.fs, record.samples) == (said["fs"], said["samples"])
    tolerance = said["tolerance_mV"]
    for lead, row in zip(record.lead_names, record.signal, strict=True):
        if lead in said["first5_mV"]:
            np.testing.assert_allclose(
                row[:5], said["first5_mV"][lead], atol=tolerance, err_msg=lead
            )
        np.testing.assert_allclose(
            [np.nanmin(row), np.nanmax(row)], said["min_max_mV"][lead], atol=tolerance, err_msg=lead
        )
