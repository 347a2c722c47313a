"""The shared collection of files: their parts, the request's hints, and the expected values."""

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
# Samples of formats that came later, beside the collection; tests of each format have their values.
MORE = "more_formats/"

# What the files do not state, so that the request must.
REQUEST_HINTS: dict[str, Hints] = {
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
    """Return the expected values by path in the collection; empty if the collection is missing."""
    return _read(FOLDER / "expected.json")


@cache
def invalid() -> dict[str, dict[str, Any]]:
    """Return the expected outcome of each invalid file."""
    return _read(INVALID / "expected.json")


def _read(path: Path) -> dict[str, dict[str, Any]]:
    if not path.is_file():
        return {}
    entries: dict[str, dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    return entries


def parts_of(name: str) -> list[Part]:
    """Return the files of one entry under their own names."""
    if name.startswith(MORE):
        path = SHARED / name
        return [Part(path.name, path.read_bytes())]
    files = expected().get(name, {}).get("files") or [name.split("/", 1)[1]]
    folder = FOLDER / name.split("/")[0]
    return [Part(file.rsplit("/", 1)[-1], (folder / file).read_bytes()) for file in files]


def hints_of(name: str) -> Hints:
    return REQUEST_HINTS.get(name, Hints())


def assert_as_expected(record: EcgRecord, entry: dict[str, Any], leads: tuple[str, ...]) -> None:
    """Compare leads, order, rate, number of samples, the first samples and each lead's range."""
    assert record.lead_names == leads
    assert (record.fs, record.samples) == (entry["fs"], entry["samples"])
    tolerance = entry["tolerance_mV"]
    for lead, row in zip(record.lead_names, record.signal, strict=True):
        if lead in entry["first5_mV"]:
            np.testing.assert_allclose(
                row[:5], entry["first5_mV"][lead], atol=tolerance, err_msg=lead
            )
        np.testing.assert_allclose(
            [np.nanmin(row), np.nanmax(row)],
            entry["min_max_mV"][lead],
            atol=tolerance,
            err_msg=lead,
        )
