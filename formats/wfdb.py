"""WFDB records (PhysioNet): a .hea and the signal files that it names, among the uploaded parts. Nothing is opened by name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from errors import BadShape, CorruptFile, MissingPart, UnknownLead
from formats import fields
from formats.hints import Hints, prefer, single_id
from formats.parts import About, Format, Part
from formats.wfdb_header import Header, SignalLine, looks_like_header, named_files, parse_header
from formats.wfdb_storage import STORAGE, Codes
from signals.leads import canonical_lead, parse_lead_names
from signals.record import EcgRecord, Patient, Reported, Sex, Units
from signals.units import to_millivolt

# Spellings of volts after the gain's slash, seen in PhysioNet's databases.
_VOLTS: Final = {"mv": "mV", "millivolt": "mV", "millivolts": "mV", "uv": "uV", "µv": "uV", "μv": "uV", "v": "V", "volt": "V", "volts": "V"}
MAX_LEFT_OUT_NAMED: Final = 20
MAX_NAME_CHARS: Final = 40


def read(head: Part, parts: Sequence[Part], hints: Hints) -> EcgRecord:
    """The record that `head` describes. Raises MissingPart, CorruptFile, UnsafeFile, UnknownFormat, UnknownLead, DuplicateLead, ..."""
    header = parse_header(head.data)
    files = _match(header, [part for part in parts if part is not head])
    samples = _length(header, files)
    chosen, leads, units, warnings = _channels(header, hints)
    codes, checked = _unpack(header, files, samples)
    scaled = [_scaled(codes[row], header.signals[row], unit, hints.gain) for row, unit in zip(chosen, units, strict=True)]
    fs, fs_said = prefer("fs", hints.fs, header.fs)
    patient, patient_said = _patient(header, hints)
    date, date_said = prefer("recording_date", hints.recording_date, header.date)
    rate = fields.sampling_rate(fs, ("fs",))
    fields.check_duration(hints.recording_duration, samples, rate, ("recording_duration",))
    return EcgRecord(
        signal=np.stack([signal for signal, _ in scaled]),
        fs=rate,
        lead_names=leads,
        units="unknown" if any(found == "unknown" for _, found in scaled) else "mV",
        patient=patient,
        recording_date=date,
        id=single_id(hints),
        reported=Reported(recording_date=header.date),
        warnings=(*header.warnings, *warnings, *checked, *fs_said, *patient_said, *date_said),
    )


def companions(head: Part, parts: Sequence[Part]) -> Sequence[Part]:
    """The parts that the header names; where one name and one part are left over, that part too."""
    names = set(named_files(head.data))
    found = [part for part in parts if part is not head and part.basename in names]
    left = [part for part in parts if part is not head and part not in found]
    return found + left if len(left) == 1 and len(names) - len({part.basename for part in found}) == 1 else found


def _patient(header: Header, hints: Hints) -> tuple[Patient, tuple[str, ...]]:
    sex: Sex | None
    age, age_said = prefer("patient.age", hints.age, header.age_years)
    sex, sex_said = prefer("patient.sex", hints.sex, header.sex)
    return Patient(age, sex), (*age_said, *sex_said)


def _channels(header: Header, hints: Hints) -> tuple[list[int], tuple[str, ...], list[str], tuple[str, ...]]:
    """Which signals are standard leads in volts: their rows, canonical names and units, and warnings for the others."""
    asked = hints.lead_names
    if asked is not None and len(asked) != len(header.signals):
        raise BadShape(f"lead_names: {len(asked)} given, the WFDB header has {len(header.signals)} signals", loc=("lead_names",))
    units = [_unit(line, hints) for line in header.signals]
    own = [canonical_lead(line.description) for line in header.signals]
    names: Sequence[str | None] = asked or own
    rows = [row for row, (name, unit) in enumerate(zip(names, units, strict=True)) if name is not None and unit is not None]
    left_out = [line.description for row, line in enumerate(header.signals) if row not in rows]
    if not rows:
        raise UnknownLead(f"no standard lead in volts among the WFDB signals ({_listed(left_out)})", loc=("lead_names",))
    leads = parse_lead_names([names[row] or "" for row in rows])
    warnings: tuple[str, ...] = ()
    if left_out:
        warnings = (f"lead_names: no standard lead in volts, left out: {_listed(left_out)}",)
    if asked is not None:
        _, said = prefer("lead_names", asked, tuple(name or "" for name in own))
        warnings += said
    stated = {_VOLTS.get(line.unit.lower()) for line in header.signals}
    _, said = prefer("units", hints.units, stated.pop() if len(stated) == 1 else "several units")
    gain_said = prefer("gain", hints.gain, header.signals[rows[0]].gain)[1]
    return rows, leads, [units[row] or "" for row in rows], (*warnings, *said, *gain_said)


def _unit(line: SignalLine, hints: Hints) -> str | None:
    """mV, uV, V or (asked) unknown; None where the signal is no voltage. A gain that the request gives is per mV."""
    if hints.units is not None or hints.gain is not None:
        return hints.units or "mV"
    return _VOLTS.get(line.unit.lower())


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(name[:MAX_NAME_CHARS] or "(no name)" for name in names[:MAX_LEFT_OUT_NAMED])
    rest = len(names) - MAX_LEFT_OUT_NAMED
    return f"{shown} and {rest} more" if rest > 0 else shown


def _match(header: Header, parts: Sequence[Part]) -> dict[str, bytes]:
    """File name -> its bytes from the signal file's offset on. An only unmatched name takes the only unmatched part if its size fits."""
    by_name = {part.basename: part for part in parts}
    names = list(dict.fromkeys(line.file for line in header.signals))
    found = {name: by_name[name] for name in names if name in by_name}
    missing = [name for name in names if name not in found]
    spare = [part for part in parts if part.basename not in found]
    if len(missing) == len(spare) == 1 and _fits(header, missing[0], spare[0]):
        found[missing.pop()] = spare[0]
    if missing:
        raise MissingPart(f"{missing[0]}: named by the WFDB header and not in the upload", loc=("file",))
    offsets = {line.file: line.offset for line in reversed(header.signals)}
    return {name: part.data[offsets[name] :] for name, part in found.items()}


def _group(header: Header, name: str) -> list[int]:
    """The rows of the signals that lie interleaved in one file."""
    return [row for row, line in enumerate(header.signals) if line.file == name]


def _fits(header: Header, name: str, part: Part) -> bool:
    rows = _group(header, name)
    first = header.signals[rows[0]]
    frames, rest = divmod(STORAGE[first.storage].capacity(len(part.data) - first.offset), len(rows))
    return frames == header.samples if header.samples else rest == 0 and frames > 0


def _length(header: Header, files: dict[str, bytes]) -> int:
    """Samples a signal: what the header states, held against the bytes that are there, or else what is there."""
    for name in files:
        if len({header.signals[row].storage for row in _group(header, name)}) > 1:
            raise CorruptFile(f"{name}: signals of one file in several storage formats")
    there = [
        STORAGE[header.signals[_group(header, name)[0]].storage].capacity(len(data)) // len(_group(header, name))
        for name, data in files.items()
    ]
    samples = min(there) if header.samples is None else header.samples
    if samples > min(there):
        raise CorruptFile(f"the WFDB header states {samples} samples a signal, the file holds {min(there)}")
    if samples == 0:
        raise CorruptFile("the WFDB signal file is empty")
    return samples


def _unpack(header: Header, files: dict[str, bytes], samples: int) -> tuple[list[NDArray[np.float64]], tuple[str, ...]]:
    """Every signal's codes with NaN for missing ones, (samples,) each, in the header's order; and what its checksums say."""
    rows: dict[int, NDArray[np.float64]] = {}
    damaged = []
    for name, data in files.items():
        group = _group(header, name)
        storage = STORAGE[header.signals[group[0]].storage]
        frames = storage.unpack(data)[: samples * len(group)].reshape(samples, len(group))
        for column, row in enumerate(group):
            line, codes = header.signals[row], frames[:, column]
            codes = line.initial + np.cumsum(codes) if storage.differences else codes
            rows[row] = _shifted(codes, storage.missing, line.skew)
            damaged += [row] if _is_damaged(codes, line) else []
    # Some published files carry wrong checksums with good samples (PhysioNet's own errata), so they are no reason to refuse.
    warnings = (f"file: checksum wrong for {len(damaged)} of {len(header.signals)} signals; the data may be damaged",) if damaged else ()
    return [rows[row] for row in range(len(header.signals))], warnings


def _shifted(codes: Codes, missing: int | None, skew: int) -> NDArray[np.float64]:
    """Codes with gaps as NaN; a signal that was written `skew` samples late is moved back, its end a gap."""
    values = codes.astype(np.float64)
    if missing is not None:
        values[codes == missing] = np.nan
    if skew:
        values = np.concatenate([values[skew:], np.full(min(skew, len(values)), np.nan)])
    return values


def _is_damaged(codes: Codes, line: SignalLine) -> bool:
    if not line.checksum:  # absent, or the 0 of writers that do not reckon it
        return False
    return bool((int(codes.sum()) - line.checksum) % 65_536)


def _scaled(codes: NDArray[np.float64], line: SignalLine, unit: str, gain: float | None) -> tuple[NDArray[np.float32], Units]:
    """One signal, (samples,), in mV by the header's gain and unit, or by the request's gain."""
    with np.errstate(over="ignore"):  # infinite is refused by signals.checks
        if gain is not None:
            return to_millivolt(codes - line.baseline, unit, gain)
        return to_millivolt((codes - line.baseline) / line.gain, unit)


FORMAT = Format(
    name="WFDB (.hea with .dat or .mat)",
    detect=lambda part: looks_like_header(part.data),
    read=read,
    companions=companions,
    about=About(
        reads="storage formats 8, 16, 24, 32, 61, 80, 160, 212, 310, 311",
        reader="our own, after header(5) and signal(5) of the WFDB Applications Guide",
        keeps="date, age and sex from comments",
        leaves="other comments, annotations",
        samples=("wfdb/00001_lr.hea: a real PTB-XL record",),
    ),
)
