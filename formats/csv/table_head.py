"""What stands above the numbers of a text table: names and units of columns, and a rate, unit, lead, date or device in words.

Names of persons stand there too, in exports of watches; nothing but what is looked for here is taken.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from formats import metadata
from formats.channels import voltage_unit
from formats.csv.text_table import Table, counts
from signals.leads import canonical_lead

_NUMBER: Final = r"(?P<number>\d{1,6}(?:[.,]\d{1,6})?)"
_IN_HERTZ: Final = r"(?:[ _]?[\[(]? ?(?P<before>k?)hz ?[\])]?)?"  # the unit behind the name: "Sampling rate (Hz): 500"
_RATE: Final = re.compile(
    rf"\b(?:fs|sfreq|sampl\w{{0,4}}[ _-]?(?:rate|freq(?:uency)?)|abtast[a-z]{{0,10}}|frequency){_IN_HERTZ}\W{{1,4}}{_NUMBER}\s*(?P<k>k?)",
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
    r"\b(?:recorded|recording|acquisition|aufnahme)\w{0,6}[ _-]?(?:date|time)?\w{0,6}\W{1,3}(\d{4}-?\d{2}-?\d{2}.{0,20})",
    re.IGNORECASE,
)
_NAME_AND_UNIT: Final = re.compile(r"(.*?)\s*[(\[]\s*([^()\[\]]{1,12})\s*[)\]]")
_SUFFIX: Final = re.compile(r"(.*?)[ _/]([a-zµμ]{1,3})", re.IGNORECASE)
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
_TIMES: Final = frozenset(
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
_INDICES: Final = frozenset(
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
    """A column's name and unit; `kind` is time, index or signal, `seconds` a unit of time in seconds where it is stated."""

    name: str
    unit: str | None = None
    kind: str = "signal"
    seconds: float | None = None


@dataclass(frozen=True)
class Head:
    """columns is None where no line names them."""

    columns: tuple[Column, ...] | None
    fs: float | None
    unit: str | None
    lead: str | None
    date: str | None
    device: str | None


def head_of(table: Table) -> Head:
    """What the lines above the numbers say."""
    names, units = _names(table)
    texts = [" : ".join(cell for cell in line if cell) for line in table.head if line != names]
    leads = [found[1] for text in texts if (found := _LEAD.search(text))]
    dates = [
        date
        for text in texts
        if (found := _DATE.search(text)) and (date := metadata.iso_datetime(found[1]))
    ]
    devices = [
        line[1]
        for line in table.head
        if len(line) == 2 and line[0].lower() in ("device", "gerät", "appareil", "dispositivo")
    ]
    columns = (
        None
        if names is None
        else tuple(_column(name, unit) for name, unit in zip(names, units, strict=True))
    )
    return Head(
        columns,
        _rate(texts),
        _unit(texts),
        leads[0] if leads else None,
        dates[0] if dates else None,
        metadata.device_name(*devices[:1]),
    )


def _names(table: Table) -> tuple[tuple[str, ...] | None, tuple[str | None, ...]]:
    """The lowest line that has a cell for each column, not all of them units; units where a line of them follows."""
    units: tuple[str | None, ...] = (None,) * table.columns
    for line in reversed(table.head):
        if counts(line):
            continue
        if len(line) != table.columns or (
            len(line) == 1 and not canonical_lead(_split(line[0])[0])
        ):
            continue
        if len(line) == 2 and canonical_lead(line[0]) is None and _LEAD.search(" : ".join(line)):
            continue  # "Lead,Lead I" is a key with its value
        bare = tuple(cell.strip("()[] ") for cell in line)
        if all(
            voltage_unit(cell) or cell.lower() in _SECONDS or cell.lower().startswith("hh:mm")
            for cell in bare
            if cell
        ) and any(bare):
            units = bare
            continue
        if (
            len(line) > 2
            or any(canonical_lead(_split(cell)[0]) for cell in line)
            or _is_pair_of_names(line)
        ):
            return line, units
    return None, units


def _is_pair_of_names(line: Sequence[str]) -> bool:
    """Two words, and not a key with its value as watches write them above the samples."""
    text = " : ".join(line)
    said = any(pattern.search(text) for pattern in (_RATE, _HERTZ, _UNIT, _LEAD, _DATE))
    return not said and all(cell and not any(sign.isdigit() for sign in cell) for cell in line)


def _split(cell: str) -> tuple[str, str | None]:
    """ "V1 (uV)", "V1_uV" -> name and unit."""
    found = _NAME_AND_UNIT.fullmatch(cell)
    if found:
        return found[1], found[2]
    found = _SUFFIX.fullmatch(cell)
    if (
        found
        and (voltage_unit(found[2]) or found[2].lower() in _SECONDS)
        and not canonical_lead(cell)
    ):
        return found[1], found[2]
    return cell, None


def _column(cell: str, below: str | None) -> Column:
    name, unit = _split(cell)
    plain = name.strip().lower()
    unit = unit or below or None
    seconds = _SECONDS.get((unit or plain).lower())
    if canonical_lead(name) is None and (plain in _TIMES or (plain.startswith("time") and seconds)):
        return Column(name, unit, "time", seconds)
    if plain in _INDICES and canonical_lead(name) is None:
        return Column(name, unit, "index")
    return Column(name, unit)


def _rate(texts: Sequence[str]) -> float | None:
    for pattern in (_RATE, _HERTZ):
        for text in texts:
            found = pattern.search(text)
            if found and (pattern is _RATE or not _FILTER.search(text)):
                kilo = found["k"] or found.groupdict().get("before")
                return float(found["number"].replace(",", ".")) * (1000.0 if kilo else 1.0)
    return None


def _unit(texts: Sequence[str]) -> str | None:
    found = [match[1] for text in texts if (match := _UNIT.search(text))]
    return next((unit for unit in found if voltage_unit(unit)), None)
