"""Decode named arrays and strings (.mat, .npz): find the signal and its description."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from errors import BadShape, BadType, MissingField, RecordingTooLong, SeveralRecordings
from formats import metadata, numbers
from formats.arrays.text import valid_strings
from formats.decoded import Channel, DecodedFile, printable_names
from formats.hints import Hints, prefer_request
from formats.limits import MAX_VALUES
from formats.samples import leads_first
from signals.leads import canonical_lead
from signals.record import Reported

# All names are in lower case. The first name that a file has counts.
_SIGNALS: Final = (
    "signal",
    "signals",
    "ecg",
    "p_signal",
    "d_signal",
    "val",
    "feats",
    "data",
    "sig",
    "waveform",
    "x",
    "arr_0",
)
# "val" (PhysioNet) and "d_signal" (wfdb) hold ADC units, "feats" (fairseq-signals) preprocessed
# samples.
_WITHOUT_UNIT: Final = frozenset({"val", "feats", "d_signal"})
_RATES: Final = (
    "fs",
    "curr_sample_rate",
    "sampling_rate",
    "sample_rate",
    "samplingrate",
    "samplerate",
    "sampling_frequency",
    "sampling_freq",
    "sample_freq",
    "fs_hz",
    "srate",
    "sr",
    "sfreq",
    "freq",
    "frequency",
)
_LEADS: Final = ("leads", "lead_names", "lead", "sig_name", "channels", "channel_names", "labels")
_UNITS: Final = ("unit", "units")
_GAINS: Final = ("gain", "adc_gain")
_BASELINES: Final = ("baseline", "adc_baseline")
_DATES: Final = ("recording_date", "date", "base_datetime")
_AGES: Final = ("age",)
_SEXES: Final = ("sex",)
# Signed integers for unsigned ones, by the bytes of these. No device counts beyond 63 bits.
_SIGNED: Final = {1: np.int16, 2: np.int32, 4: np.int64, 8: np.int64}
_NUMERIC: Final = "iuf"  # dtype kinds: integers and floats
_DEFAULT_UNIT: Final = "mV"
MAX_DEPTH: Final = 3  # of nested structures, such as ECG.data in CPSC 2018
MAX_NAMES: Final = 64
MAX_NAMES_CHARS: Final = 4096  # of "I,II,V1": 64 names of 64 characters
# Variables named like leads: a single one may be a current or a voltage ("I", "V1").
MIN_LEADS: Final = 2
# A table with fewer rows and columns is not a signal of twelve leads.
MIN_SAMPLES: Final = 13


@dataclass(frozen=True, eq=False)
class _Signal:
    """The signal as the file has it, before its axes are known.

    array  one or two axes
    unit   its unit if the file states none; None for ADC units
    leads  lead names, if each lead has its own variable
    others  names of further tables, which are not read
    """

    array: NDArray[Any]
    unit: str | None
    leads: tuple[str, ...] | None = None
    others: tuple[str, ...] = ()


def decode_arrays(values: Mapping[str, Any], kind: str, hints: Hints) -> DecodedFile:
    """Find the signal and its description among named values; `kind` names the file in messages.

    Raises MissingField (no signal), SeveralRecordings, BadType, BadShape, RecordingTooLong.
    """
    variables = _flatten(values, MAX_DEPTH)
    signal = _signal_by_lead(variables) or _signal_table(variables, kind)
    leads = signal.leads or _strings(_first(variables, _LEADS))
    array, names = leads_first(signal.array, hints.lead_names.in_order or leads, ("signal",))
    warnings: tuple[str, ...] = ()
    if signal.others:
        others = printable_names(signal.others)
        warnings = (f"file: other tables in the {kind} file, left out: {others}",)
    if leads is None or len(leads) != len(array):
        # The request names the leads. `channels` compares the names if the counts are equal.
        warnings += prefer_request("lead_names", names, leads)[1]
        leads = tuple(name or "" for name in names)
    _check_counts(variables, len(array), kind, hints)
    channels = _channels(variables, leads, array)
    age = _scalar(_first(variables, _AGES))
    sex = metadata.parse_sex(_first_string(variables, _SEXES))
    patient, patient_warnings = metadata.plausible_patient(age, sex)
    date = metadata.iso_datetime(_first_string(variables, _DATES))
    reported = Reported(date) if date else None
    fs = _scalar(_first(variables, _RATES))
    return DecodedFile(
        kind,
        fs,
        channels,
        patient,
        reported,
        (*warnings, *patient_warnings),
        default_unit=signal.unit,
    )


def _flatten(values: Mapping[str, Any], depth: int) -> dict[str, Any]:
    """Return all values by name in lower case, with the fields of structures among them.

    If a name occurs twice the first value counts. The fields of a later structure come first.
    """
    flat: dict[str, Any] = {}
    own_names: dict[str, None] = {}
    structures: list[dict[str, Any]] = []
    for name, value in values.items():
        if isinstance(value, Mapping) and depth:
            fields = _flatten(value, depth - 1)
            structures.append(fields)
            for field_name, field_value in fields.items():
                flat.setdefault(field_name, field_value)
        else:
            flat.setdefault(str(name).lower(), value)
            own_names[str(name).lower()] = None
    ordered_names = chain(*reversed(structures), own_names)
    return {name: flat[name] for name in ordered_names}


def _check_counts(variables: Mapping[str, Any], count: int, kind: str, hints: Hints) -> None:
    """Raise BadShape for different gains or units that are not one for each of `count` leads.

    The request's gain or units replace them.
    """
    gains = _first(variables, _GAINS)
    if hints.gain is not None or _per_lead(gains, count) is not None:
        return
    if _is_numeric(gains) and gains.size > 1:
        raise _wrong_count("gain", gains.size, count, kind)
    units = _strings(_first(variables, _UNITS)) or ()
    if hints.units is None and len(units) != count and len(set(units)) > 1:
        raise _wrong_count("units", len(units), count, kind)


def _wrong_count(field: str, found: int, count: int, kind: str) -> BadShape:
    return BadShape(
        f"{field}: {found} different values in the {kind} file, which has {count} leads; one for "
        f"all or one for each is required; send {field}",
        loc=(field,),
    )


def _channels(
    variables: Mapping[str, Any], leads: Sequence[str], array: NDArray[Any]
) -> list[Channel]:
    """Return the rows of (leads, samples) as channels, scaled by gain and baseline, or by unit.

    The file states gain, baseline and unit once or for each lead.
    """
    count = len(array)
    gains = _per_lead(_first(variables, _GAINS), count)
    channels: list[Channel] = []
    if gains is None:
        units = _strings(_first(variables, _UNITS)) or ("",)
        if len(units) != count:
            units = units[:1] * count
        for lead, row, unit in zip(leads, array, units, strict=True):
            channels.append(Channel(lead, row, unit or None))
        return channels
    baselines = _per_lead(_first(variables, _BASELINES), count) or (0.0,) * count
    for lead, row, gain, baseline in zip(leads, array, gains, baselines, strict=True):
        # `channels` rejects a scale of NaN, as it does a gain of 0.
        scale = 1.0 / gain if gain else math.nan
        with np.errstate(over="ignore", invalid="ignore"):  # `channels` rejects infinite values
            codes = row - baseline
        channels.append(Channel(lead, codes, "mV", scale))
    return channels


def _per_lead(value: Any, count: int) -> tuple[float, ...] | None:
    """Return `count` numbers from one number for all leads or one for each; None otherwise."""
    scalar = _scalar(value)
    if scalar is not None:
        return (scalar,) * count
    if _is_numeric(value) and value.size == count:
        return tuple(float(number) for number in value.ravel())
    return None


def _signal_by_lead(variables: Mapping[str, Any]) -> _Signal | None:
    """Return the signal of a file with a variable for each lead ("I", "V1").

    None if there are fewer than two, if they differ in length, or if a table is the signal.
    """
    if any(np.ndim(variables[name]) > 1 for name in _SIGNALS if name in variables):
        return None
    rows: dict[str, NDArray[Any]] = {}
    for name, value in variables.items():
        if canonical_lead(name) and _is_row(value):
            rows[name] = np.ravel(value)
    lengths = {row.size for row in rows.values()}
    if len(rows) < MIN_LEADS or len(lengths) > 1:
        return None
    _check_count(sum(row.size for row in rows.values()))
    array = _checked_signal(np.stack(list(rows.values())))
    return _Signal(array, _default_unit("", array), tuple(rows))


def _is_numeric(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.dtype.kind in _NUMERIC


def _is_row(value: Any) -> bool:
    """Return whether a value is an array of numbers with only one axis longer than 1."""
    if not _is_numeric(value):
        return False
    longest = max(value.shape, default=0)
    return bool(longest >= MIN_SAMPLES and value.size == longest)


def _signal_table(variables: Mapping[str, Any], kind: str) -> _Signal:
    """Return the table with a known name, or the only table.

    Raises SeveralRecordings, MissingField.
    """
    arrays: dict[str, NDArray[Any]] = {}
    for name, value in variables.items():
        if not isinstance(value, np.ndarray) or value.dtype.kind not in _NUMERIC + "c":
            continue
        if max(value.shape, default=0) >= MIN_SAMPLES:
            arrays[name] = value
    chosen: str | None = next((name for name in _SIGNALS if name in arrays), None)
    # A row or a column is a time, an annotation or the like.
    tables = [name for name, value in arrays.items() if value.ndim >= 2 and 1 not in value.shape]
    if chosen is None:
        tables = [name for name, value in arrays.items() if value.ndim >= 2]
        if len(tables) > 1:
            raise SeveralRecordings(
                f"{len(tables)} tables in the {kind} file, none of them called signal; "
                "send one recording"
            )
        if not tables:
            raise MissingField(
                f"signal: missing; the {kind} file holds no table of numbers called signal, ecg, "
                "data, val or feats",
                loc=("signal",),
            )
        chosen = tables[0]
    array = _checked_signal(arrays[chosen])
    others = tuple(name for name in tables if name != chosen)
    return _Signal(array, _default_unit(chosen, array), others=others)


def _checked_signal(array: NDArray[Any]) -> NDArray[Any]:
    """Return an array of 1 or 2 axes of signed numbers.

    Raises BadType (complex numbers), SeveralRecordings, BadShape, RecordingTooLong.
    """
    if array.dtype.kind == "c":
        raise BadType("signal: complex numbers; real numbers are required", loc=("signal",))
    if array.ndim == 3 and array.shape[0] == 1:
        array = array[0]
    if array.ndim == 3:
        raise SeveralRecordings(
            f"{array.shape[0]} recordings in one array; send one recording per file"
        )
    if array.ndim > 2:
        raise BadShape(f"signal: {array.ndim} axes; 1 or 2 are allowed", loc=("signal",))
    _check_count(array.size)
    # A baseline subtracted from unsigned integers would wrap around.
    return array.astype(_SIGNED[array.dtype.itemsize]) if array.dtype.kind == "u" else array


def _check_count(values: int) -> None:
    """Raise RecordingTooLong before a conversion needs eight bytes for a value stored in one."""
    if values > MAX_VALUES:
        raise RecordingTooLong(f"signal: {values} values; the limit is {MAX_VALUES}")


def _default_unit(name: str, signal: NDArray[Any]) -> str | None:
    """Return mV for floats, as for every record without a unit, and None for ADC units."""
    if name in _WITHOUT_UNIT or signal.dtype.kind != "f":
        return None
    return _DEFAULT_UNIT


def _first(variables: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    """Return the value of the first name that the file has, or None."""
    return next((variables[name] for name in names if name in variables), None)


def _first_string(variables: Mapping[str, Any], names: tuple[str, ...]) -> str | None:
    strings = _strings(_first(variables, names))
    return strings[0] if strings else None


def _scalar(value: Any) -> float | None:
    """Return a number, or the value that all numbers of an array share, or None."""
    if isinstance(value, np.ndarray):
        if not _is_numeric(value) or value.size == 0:
            return None
        first = value.flat[0]
        if not (value == first).all():
            return None
        value = first
    if isinstance(value, np.generic):
        value = value.item()
    return numbers.parse_number(value)


def _strings(value: Any) -> tuple[str, ...] | None:
    """Return the strings of a list, an array, or of "I,II,V1"; None if there are none."""
    if isinstance(value, np.ndarray):
        if value.ndim > 1 or value.size > MAX_NAMES:
            return None
        # h5py and numpy write names as bytes.
        if value.dtype.kind == "S":
            value = np.char.decode(value, "latin-1")
        if value.dtype.kind == "U":
            value = valid_strings(value)
        if value.ndim == 0 and value.dtype.kind == "U":
            value = str(value)
    if isinstance(value, str):
        if len(value) > MAX_NAMES_CHARS:
            return None
        items: list[Any] = value.split(",")
    elif isinstance(value, np.ndarray) and value.ndim == 1:
        items = list(value)
    else:
        return None
    if not all(isinstance(item, str) for item in items):
        return None
    strings = tuple(str(item).strip() for item in items)
    return strings if any(strings) else None
