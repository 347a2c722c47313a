"""Arrays and texts under names (.mat, .npz) -> a recording: which array is the signal, and what the others say of it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from errors import BadShape, BadType, MissingField, SeveralRecordings
from formats import metadata
from formats.channels import Channel, DecodedFile
from formats.hints import Hints
from formats.samples import oriented
from signals.leads import canonical_lead
from signals.record import Reported

# In the order of trust. "val" (PhysioNet) holds ADC units, "feats" (fairseq-signals) what its preprocessing left.
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
MAX_DEPTH: Final = 3  # ECG.data, as in CPSC 2018
MAX_NAMES: Final = 64
MIN_LEADS: Final = (
    2  # variables that are called like leads: one alone may be a current or a voltage
)
MIN_SAMPLES: Final = 13  # a table with fewer rows and columns is no signal of twelve leads


def recording_of(values: Mapping[str, Any], kind: str, hints: Hints) -> DecodedFile:
    """Raises MissingField (no signal), SeveralRecordings, BadType, BadShape."""
    flat = _flat(values, MAX_DEPTH)
    own_leads, signal, default_unit = _by_lead(flat) or _signal(flat, kind)
    leads = own_leads or _texts(_first(flat, _LEADS))
    array, order = oriented(signal, hints.lead_names or leads, ("signal",))
    channels = _channels(flat, leads or order, array, default_unit)
    patient, warnings = metadata.plausible_patient(
        _scalar(flat.get("age")),
        metadata.parse_sex(next(iter(_texts(flat.get("sex")) or ()), None)),
    )
    date = metadata.iso_datetime(next(iter(_texts(_first(flat, _DATES)) or ()), None))
    return DecodedFile(
        kind,
        _scalar(_first(flat, _RATES)),
        channels,
        patient,
        Reported(date) if date else None,
        warnings,
    )


def _flat(values: Mapping[str, Any], depth: int) -> dict[str, Any]:
    """Names in lower case; a structure's fields stand beside the others, which they do not replace."""
    flat: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, Mapping) and depth:
            flat = {**_flat(value, depth - 1), **flat}
        else:
            flat.setdefault(str(name).lower(), value)
    return flat


def _channels(
    flat: Mapping[str, Any], leads: Sequence[str], array: NDArray[Any], default_unit: str
) -> list[Channel]:
    """(leads, samples) with the gain, of each lead its own where so many stand there, or else the unit."""
    gains, baselines = (_each(_first(flat, names), len(array)) for names in (_GAINS, _BASELINES))
    units = _texts(_first(flat, _UNITS)) or (default_unit,)
    if gains is None:
        each = units if len(units) == len(array) else units[:1] * len(array)
        return [
            Channel(lead, row, unit or None)
            for lead, row, unit in zip(leads, array, each, strict=True)
        ]
    zeros = baselines or (0.0,) * len(array)
    rows = zip(leads, array, gains, zeros, strict=True)
    return [
        Channel(lead, row - zero, "mV", 1.0 / gain if gain else math.nan)
        for lead, row, gain, zero in rows
    ]


def _each(value: Any, count: int) -> tuple[float, ...] | None:
    """One number for all leads, or one for each of them; None where it is neither."""
    one = _scalar(value)
    if one is not None:
        return (one,) * count
    if isinstance(value, np.ndarray) and value.dtype.kind in "iuf" and value.size == count:
        return tuple(float(number) for number in value.ravel())
    return None


def _by_lead(flat: Mapping[str, Any]) -> tuple[tuple[str, ...], NDArray[Any], str] | None:
    """A variable for each lead ("I", "V1"), of one length; None where there are not two such, or a table is the signal."""
    found = {
        name: np.ravel(value)
        for name, value in flat.items()
        if canonical_lead(name) and _is_row(value)
    }
    if (
        len(found) < MIN_LEADS
        or any(np.ndim(flat[name]) > 1 for name in _SIGNALS if name in flat)
        or len({row.size for row in found.values()}) > 1
    ):
        return None
    array = _real(np.stack(list(found.values())))
    return tuple(found), array, _default_unit("", array)


def _is_row(value: Any) -> bool:
    return (
        isinstance(value, np.ndarray)
        and value.dtype.kind in "iuf"
        and value.size == max(value.shape, default=0) >= MIN_SAMPLES
    )


def _signal(flat: Mapping[str, Any], kind: str) -> tuple[None, NDArray[Any], str]:
    """The table that is the signal, and the unit that it has where none is stated."""
    arrays = {
        name: value
        for name, value in flat.items()
        if isinstance(value, np.ndarray) and max(value.shape, default=0) >= MIN_SAMPLES
    }
    numeric = {name: value for name, value in arrays.items() if value.dtype.kind in "iufc"}
    found: str | None = next((name for name in _SIGNALS if name in numeric), None)
    if found is None:
        tables = [name for name, value in numeric.items() if value.ndim >= 2]
        if len(tables) > 1:
            raise SeveralRecordings(
                f"{len(tables)} tables in the {kind} file and none of them called signal; one recording is read"
            )
        if not tables:
            raise MissingField(
                f"signal: the {kind} file holds no table of numbers called signal, ecg, data, val or feats",
                loc=("signal",),
            )
        found = tables[0]
    signal = _real(numeric[found])
    return None, signal, _default_unit(found, signal)


def _real(value: NDArray[Any]) -> NDArray[Any]:
    if value.dtype.kind == "c":
        raise BadType("signal: complex numbers where samples are needed", loc=("signal",))
    if value.ndim == 3 and value.shape[0] == 1:
        value = value[0]
    if value.ndim == 3:
        raise SeveralRecordings(f"{value.shape[0]} recordings in one array; one a file is read")
    if value.ndim > 2:
        raise BadShape(f"signal: {value.ndim} axes; 1 or 2 are read", loc=("signal",))
    return value.astype(np.int64) if value.dtype.kind == "u" else value


def _default_unit(name: str, signal: NDArray[Any]) -> str:
    """Decimal numbers are taken for mV, as in every record that states no unit; whole ones are what an ADC gave."""
    return "" if name in _WITHOUT_UNIT or signal.dtype.kind != "f" else "mV"


def _first(flat: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    return next((flat[name] for name in names if name in flat), None)


def _scalar(value: Any) -> float | None:
    """A number, or the one number of an array (or several that are equal, as gains of leads)."""
    if isinstance(value, np.ndarray):
        if value.dtype.kind not in "iuf" or value.size == 0 or not (value == value.flat[0]).all():
            return None
        value = value.flat[0]
    return metadata.parse_number(value.item() if isinstance(value, np.generic) else value)


def _texts(value: Any) -> tuple[str, ...] | None:
    """A text, a list of texts or "I,II,V1" -> the texts; None where there are none."""
    if isinstance(value, np.ndarray) and value.dtype.kind == "S":
        value = np.char.decode(value, "latin-1")
    if isinstance(value, str):
        found = [part.strip() for part in value.split(",")]
    elif (
        isinstance(value, np.ndarray | list) and len(value) <= MAX_NAMES
        if np.ndim(value) == 1
        else False
    ):
        found = [str(one).strip() for one in value if isinstance(one, str)]
        found = found if len(found) == len(value) else []
    elif isinstance(value, np.ndarray) and value.ndim == 0 and value.dtype.kind == "U":
        return _texts(str(value))
    else:
        found = []
    return tuple(found) if any(found) else None
