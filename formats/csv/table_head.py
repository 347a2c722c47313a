"""Parse the lines above a text table: column names and units, and stated values.

The values are a sampling rate, unit, lead, date or device in words. Exports of watches also contain
the names of persons there; this module extracts nothing but the values above.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from formats import metadata
from formats.csv.text_table import MAX_COLUMNS, Table, is_counting
from signals.leads import canonical_lead
from signals.units import voltage_unit

_MAX_TEXT_CHARS: Final = 4096  # of a line of the head, searched for a rate, a unit or a lead
_MAX_NAME_CHARS: Final = 256  # of a column with its unit
_NUMBER: Final = r"(?P<number>\d{1,6}(?:[.,]\d{1,6})?)"
# The unit after the name: "Sampling rate (Hz): 500".
_IN_HERTZ: Final = r"(?:[ _]?[\[(]? ?(?P<name_k>k?)hz ?[\])]?)?"
_RATE: Final = re.compile(
    r"\b(?:fs|sfreq|sampl\w{0,4}[ _-]?(?:rate|freq(?:uency)?)|abtast[a-z]{0,10}|frequency)"
    rf"{_IN_HERTZ}\W{{1,4}}{_NUMBER}\s*(?P<k>k?)",
    re.IGNORECASE,
)
_HERTZ: Final = re.compile(rf"{_NUMBER}\s*(?P<k>k?)(?:hz|hertz)\b", re.IGNORECASE)
_FILTER: Final = re.compile(r"filter|notch|pass|cut|bandwidth", re.IGNORECASE)
_UNIT: Final = re.compile(
    r"\b(?:units?|einheit|unidad|unit[ée]|unit[àa])\W{1,3}([a-zµμ]{1,10})\b", re.IGNORECASE
)
_LEAD: Final = re.compile(
    r"\b(?:lead|ableitung|d[ée]rivation|derivaci[óo]n|derivazione)\W{1,3}(I{1,3}|aV[RLF]|V[1-6])\b",
    re.IGNORECASE,
)
_DATE: Final = re.compile(
    r"\b(?:recorded|recording|acquisition|aufnahme)\w{0,6}[ _-]?(?:date|time)?\w{0,6}\W{1,3}"
    r"(\d{4}-?\d{2}-?\d{2}.{0,20})",
    re.IGNORECASE,
)
_NAME_AND_UNIT: Final = re.compile(r"(.*?)\s*[(\[]\s*([^()\[\]]{1,12})\s*[)\]]")
_SUFFIX: Final = re.compile(r"(.*?)[ _/]([a-zµμ]{1,3})", re.IGNORECASE)
# Units of time, in seconds.
_SECONDS: Final = {
    "s": 1.0,
    "sec": 1.0,
    "second": 1.0,
    "seconds": 1.0,
    "ms": 1e-3,
    "msec": 1e-3,
    "milliseconds": 1e-3,
    "us": 1e-6,
    "µs": 1e-6,
    "μs": 1e-6,
}
_DEVICE_KEYS: Final = ("device", "gerät", "appareil", "dispositivo")
_TIME_NAMES: Final = frozenset(
    {
        "time",
        "t",
        "elapsed time",
        "timestamp",
        "seconds",
        "sec",
        "ms",
        "milliseconds",
        "zeit",
        "tiempo",
        "temps",
        "datetime",
    }
)
_INDEX_NAMES: Final = frozenset(
    {
        "",
        "sample",
        "samples",
        "index",
        "idx",
        "n",
        "i",
        "#",
        "no",
        "sample #",
        "sample number",
        "unnamed: 0",
    }
)


@dataclass(frozen=True)
class Column:
    """A column of the table.

    seconds  the unit of a column of times in seconds, if the file states it
    """

    name: str
    unit: str | None = None
    kind: Literal["signal", "time", "index"] = "signal"
    seconds: float | None = None


@dataclass(frozen=True)
class Head:
    """The content of the lines above the numbers; None for what they do not state.

    columns  None if no line names them
    fs       samples per second
    lead     the lead of a table with one lead
    """

    columns: tuple[Column, ...] | None
    fs: float | None
    unit: str | None
    lead: str | None
    date: str | None
    device: str | None


def parse_head(table: Table) -> Head:
    """Parse the lines above the numbers."""
    names, units = _names_and_units(table)
    columns: tuple[Column, ...] | None = None
    if names is not None:
        columns = tuple(_column(name, unit) for name, unit in zip(names, units, strict=True))
    texts = []
    for line in table.head:
        if line != names:
            texts.append(_joined(cell for cell in line if cell)[:_MAX_TEXT_CHARS])
    return Head(
        columns=columns,
        fs=_sampling_rate(texts),
        unit=_unit(texts),
        lead=_lead(texts),
        date=_date(texts),
        device=_device(table),
    )


def _joined(cells: Iterable[str]) -> str:
    """Join cells so that "key,value" matches the patterns for "key : value"."""
    return " : ".join(cells)


def _names_and_units(table: Table) -> tuple[tuple[str, ...] | None, tuple[str | None, ...]]:
    """Return the cells of the lowest line that names the columns, and a line of units below it."""
    if table.columns > MAX_COLUMNS:
        return None, ()
    units: tuple[str | None, ...] = (None,) * table.columns
    for line in reversed(table.head):
        if not _may_describe_columns(line, table.columns):
            continue
        bare = tuple(cell.strip("()[] ") for cell in line)
        if _are_units(bare):
            units = bare
        elif _are_names(line):
            return line, units
    return None, units


def _may_describe_columns(line: Sequence[str], width: int) -> bool:
    """Return whether a line has a cell for each column and is not some other text."""
    if len(line) != width or is_counting(line):
        return False
    if width == 1:
        return canonical_lead(_split_unit(line[0])[0]) is not None
    # "Lead,Lead I" is a key with its value.
    is_lead_key = width == 2 and canonical_lead(line[0]) is None and _LEAD.search(_joined(line))
    return not is_lead_key


def _are_units(cells: Sequence[str]) -> bool:
    """Return whether all cells that are not empty are units of voltage or time."""
    filled = [cell for cell in cells if cell]
    return bool(filled) and all(_is_unit(cell) for cell in filled)


def _is_unit(cell: str) -> bool:
    lower = cell.lower()
    return voltage_unit(cell) is not None or lower in _SECONDS or lower.startswith("hh:mm")


def _are_names(line: Sequence[str]) -> bool:
    """Return whether the cells name columns: more than two, a lead among them, or two words."""
    if len(line) > 2 or any(canonical_lead(_split_unit(cell)[0]) for cell in line):
        return True
    text = _joined(line)
    # Watches write keys with their values above the samples.
    if any(pattern.search(text) for pattern in (_RATE, _HERTZ, _UNIT, _LEAD, _DATE)):
        return False
    return all(cell and not any(map(str.isdigit, cell)) for cell in line)


def _split_unit(cell: str) -> tuple[str, str | None]:
    """Return name and unit of "V1 (uV)" or "V1_uV"."""
    # The search for a unit after a name goes through all white space for each character of it.
    if len(cell) > _MAX_NAME_CHARS:
        return cell, None
    match = _NAME_AND_UNIT.fullmatch(cell)
    if match:
        return match[1], match[2]
    match = _SUFFIX.fullmatch(cell)
    if match and not canonical_lead(cell):
        name, unit = match[1], match[2]
        if voltage_unit(unit) or unit.lower() in _SECONDS:
            return name, unit
    return cell, None


def _column(cell: str, unit_below: str | None) -> Column:
    """Return the column for a cell of the line of names and the cell below it."""
    name, unit = _split_unit(cell)
    unit = unit or unit_below or None
    if canonical_lead(name) is not None:
        return Column(name, unit)
    plain = name.strip().lower()
    seconds = _SECONDS.get((unit or plain).lower())
    if plain in _TIME_NAMES or (plain.startswith("time") and seconds):
        return Column(name, unit, "time", seconds)
    if plain in _INDEX_NAMES:
        return Column(name, unit, "index")
    return Column(name, unit)


def _sampling_rate(texts: Sequence[str]) -> float | None:
    """Return a rate with its name ("fs: 250"), else any number of Hz that is not a filter's."""
    for text in texts:
        match = _RATE.search(text)
        if match:
            return _hertz(match["number"], match["k"] or match["name_k"])
    for text in texts:
        match = _HERTZ.search(text)
        if match and not _FILTER.search(text):
            return _hertz(match["number"], match["k"])
    return None


def _hertz(number: str, kilo: str | None) -> float:
    return float(number.replace(",", ".")) * (1000.0 if kilo else 1.0)


def _unit(texts: Sequence[str]) -> str | None:
    for text in texts:
        match = _UNIT.search(text)
        if match and voltage_unit(match[1]):
            return match[1]
    return None


def _lead(texts: Sequence[str]) -> str | None:
    for text in texts:
        match = _LEAD.search(text)
        if match:
            return match[1]
    return None


def _date(texts: Sequence[str]) -> str | None:
    for text in texts:
        match = _DATE.search(text)
        date = metadata.iso_datetime(match[1]) if match else None
        if date:
            return date
    return None


def _device(table: Table) -> str | None:
    for line in table.head:
        if len(line) == 2 and line[0].lower() in _DEVICE_KEYS:
            return metadata.device_name(line[1])
    return None
