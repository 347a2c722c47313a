"""Find what the lines above a text table state in words: rate, unit, lead, date and device.

Exports of watches also contain the names of persons there; this module extracts nothing but the
values above. Apple writes the keys in the language of the device: "Messrate,511,562 Hertz",
"サンプルレート,513.406ヘルツ". Such files are in the tests of MBombeck/HealthLog (German) and of
importers for Apple Health in Japanese; for other languages the value alone decides.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from formats import metadata
from formats.csv.spelling import is_gap
from formats.numbers import number_in_spelling
from signals.checks import MAX_FS_HZ, MIN_FS_HZ
from signals.leads import canonical_lead
from signals.units import voltage_unit

MAX_TEXT_CHARS: Final = 4096  # of a line, searched for a rate, a unit or a lead
_MAX_VALUE_CHARS: Final = 64
# The whole number, with all points and commas in it.
_NUMBER: Final = (
    r"(?<!\d)(?<!\d[.,])(?P<number>[-+]?\d(?:[\d.,']{0,30}\d)?(?:e[-+]?\d+)?)(?![\d.,]*\d)"
)
# The unit after the name: "Sampling rate (Hz): 500".
_IN_HERTZ: Final = r"(?:[ _]?[\[(]? ?(?P<name_k>k?)hz ?[\])]?)?"
# Unicode CLDR 47, unit patterns "frequency-hertz" of the languages of a watch.
_HERTZ: Final = (
    r"(?P<k>k|kilo)?(?:hz|hert[sz]\w{0,5}|herc\w{0,4}|ヘルツ|赫兹|赫茲|헤르츠|герц\w{0,3}|гц|χερτζ"
    r"|הרץ|هرتز|हर्ट्ज़|เฮิรตซ์)(?!\w)"
)
_RATE_NAMES: Final = (
    r"(?:\b(?:fs|sfreq|srate|sampl\w{0,4}[ _-]?(?:rate|freq(?:uency)?)|abtast[a-z]{0,10}|messrate)"
    r"|^frequency|サンプルレート|采样率|取樣率|샘플 ?레이트)"
)
_NAMED_RATE: Final = re.compile(
    rf"{_RATE_NAMES}{_IN_HERTZ}\W{{1,4}}?{_NUMBER}(?P<more> \d)?\s*(?P<unit>{_HERTZ})?",
    re.IGNORECASE,
)
_ANY_RATE: Final = re.compile(rf"{_NUMBER}\s*{_HERTZ}", re.IGNORECASE)
# Words beside a frequency that is not the sampling rate.
_OTHER_FREQUENCY: Final = re.compile(
    r"filter|notch|pass|cut|bandwidth|mains|power ?line|line freq|netzfreq", re.IGNORECASE
)
_UNIT_NAMES: Final = (
    r"(?:units?|einheit(?:en)?|unidad(?:es)?|unit[ée]s?|unit[àa]|enhet|eenheid|単位|单位|單位|단위)"
)
_UNIT: Final = re.compile(
    r"(?:^(?:(?:signals?|ecg|ekg|amplitude|voltage|data|values?|samples?|y)[ _-])?"
    r"|(?<=[\s,;|])(?=\w{4,8}\s?=))"
    rf"{_UNIT_NAMES}\s*(?:\([^)]{{0,20}}\))?\s*[:=,;|\t]\s*(?P<unit>[^,;|\t]{{1,{_MAX_VALUE_CHARS}}})",
    re.IGNORECASE,
)
_IN_BRACKETS: Final = re.compile(r"[(\[].*")
_VOLTAGE: Final = re.compile(
    rf"\b{_UNIT_NAMES}\W{{1,3}}(?P<unit>[^\W\d_]{{1,12}})\b", re.IGNORECASE
)
_LEAD_NAMES: Final = (
    r"(?:lead|ableitung|d[ée]rivation|derivaci[óo]n|derivazione|deriva[çc][ãa]o|afleiding"
    r"|リード|导联|導程|리드)"
)
_LEAD: Final = re.compile(
    rf"{_LEAD_NAMES}\W{{0,3}}(?:{_LEAD_NAMES})?\W{{0,2}}(I{{1,3}}|aV[RLF]|V[1-6])(?!\w)",
    re.IGNORECASE,
)
_DATE: Final = re.compile(
    r"\b(?:recorded|recording|acquisition|aufnahme|aufzeichnung|記録日)\w{0,6}[ _-]?"
    r"(?:date|time|datum)?\w{0,6}\W{1,3}(\d{4}-?\d{2}-?\d{2}.{0,20})",
    re.IGNORECASE,
)
_DEVICE_KEYS: Final = ("device", "gerät", "appareil", "dispositivo", "デバイス")


@dataclass(frozen=True)
class Rate:
    """A stated sampling rate in Hz; None if it is stated and cannot be read."""

    fs: float | None


def sampling_rate(texts: Sequence[str], decimal_sign: str | None) -> Rate | None:
    """Return a rate with its name ("fs: 250"), else the only number of Hz that is not a filter's.

    decimal_sign  of the numbers below; None if they show none
    """
    for text in texts:
        match = _NAMED_RATE.search(text)
        if match and not _OTHER_FREQUENCY.search(text):
            if match["more"]:
                return Rate(None)
            kilo = bool(match["k"] or match["name_k"])
            return Rate(_hertz(match["number"], decimal_sign, kilo=kilo, unit=match["unit"]))
    rates: set[float | None] = set()
    for text in texts:
        if not _OTHER_FREQUENCY.search(text):
            for match in _ANY_RATE.finditer(text):
                rates.add(_hertz(match["number"], decimal_sign, kilo=bool(match["k"]), unit="Hz"))
    return Rate(rates.pop()) if len(rates) == 1 else None


def _hertz(number: str, decimal_sign: str | None, *, kilo: bool, unit: str | None) -> float | None:
    """Return a rate in the spelling of the file, or None if it cannot be read.

    Of the readings with a decimal comma and with a decimal point, that of the file is right, unless
    a unit follows and only the other one is a sampling rate.
    """
    factor = 1000.0 if kilo else 1.0
    own_signs = (decimal_sign,) if decimal_sign else (".", ",")
    own = _readings(number, own_signs, factor)
    possible = [rate for rate in own if MIN_FS_HZ <= rate <= MAX_FS_HZ]
    if not possible and unit is not None:
        others = _readings(number, (".", ","), factor)
        possible = [rate for rate in others if MIN_FS_HZ <= rate <= MAX_FS_HZ]
    if len(possible) == 1:
        return possible[0]
    # "fs,500,12": the next cell begins after the comma.
    if not own and unit is None and decimal_sign != ",":
        own = _readings(number.partition(",")[0], (".",), factor)
    return own[0] if len(own) == 1 else None


def _readings(number: str, decimal_signs: Sequence[str], factor: float) -> list[float]:
    """Return the different numbers that a text is with one of the decimal signs, times a factor."""
    readings = [number_in_spelling(number, sign) for sign in decimal_signs]
    return list(dict.fromkeys(reading * factor for reading in readings if reading is not None))


def unit(texts: Sequence[str], heads: Sequence[Sequence[str]]) -> str | None:
    """Return the unit of all columns as the head spells it, whether or not it is a voltage."""
    for text in texts:
        match = _UNIT.search(text)
        if match:
            stated = _IN_BRACKETS.sub("", match["unit"]).strip("\"' ")
            stated = stated or match["unit"].strip("()[] ")
            if not is_gap(stated):
                return stated
    for text in texts:
        match = _VOLTAGE.search(text)
        if match and voltage_unit(match["unit"]):
            return match["unit"]
    for cells in heads:
        # In any language: "Einheit,µV". A single letter may be an initial.
        if len(cells) == 2 and len(cells[1]) > 1 and voltage_unit(cells[1]):
            return cells[1]
    return None


def lead(texts: Sequence[str], heads: Sequence[Sequence[str]]) -> str | None:
    """Return the lead of a table with one lead."""
    for text in texts:
        match = _LEAD.search(text)
        if match:
            return match[1]
    for cells in heads:
        found = lead_of_key(cells)
        if found is not None:
            return found
    return None


def lead_of_key(cells: Sequence[str]) -> str | None:
    """Return the lead in a key with its value: "Lead,Lead I", or "X,X I" in any language."""
    if len(cells) != 2 or canonical_lead(cells[0]) is not None:
        return None
    key, value = cells
    match = _LEAD.fullmatch(f"{key} : {value}") or _LEAD.fullmatch(value)
    if match:
        return match[1]
    if key and value.startswith(key):
        return canonical_lead(value[len(key) :])
    return None


def date(texts: Sequence[str]) -> str | None:
    for text in texts:
        match = _DATE.search(text)
        iso = metadata.iso_datetime(match[1]) if match else None
        if iso:
            return iso
    return None


def device(heads: Sequence[Sequence[str]]) -> str | None:
    for cells in heads:
        if len(cells) == 2 and cells[0].lower() in _DEVICE_KEYS:
            return metadata.device_name(cells[1])
    return None
