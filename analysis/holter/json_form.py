"""The report as JSON: docs/holter.md describes every field."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Final

import numpy as np

from analysis.holter.ectopy import Ectopy, Pattern, Run
from analysis.holter.rates import Hour
from analysis.holter.report import HolterReport
from analysis.holter.rhythm import CLASSES
from analysis.holter.strips import Strip

VERSION: Final = 1
# Digits after the point; of shares and millivolts more.
DIGITS: Final = 2
MORE_DIGITS: Final = 4
_FINE: Final = ("burden", "normal_share", "mv", "median_mv", "levels_mv", "fs", "low_cut_hz")
UV_PER_MV: Final = 1000


def json_form(report: HolterReport) -> dict[str, Any]:
    """Return the report as values that a JSON library writes."""
    rates = report.rates
    fibrillation = report.fibrillation
    form = {
        "version": VERSION,
        "recording": asdict(report.recording),
        "time": {
            "analysed_s": report.analysed_s,
            "no_signal_s": report.no_signal_s,
            "noise_s": report.noise_s,
        },
        "beats": _beats(rates.whole),
        "rates": {
            **_rates(rates.whole),
            "hours": [_hour(hour) for hour in rates.hours],
            "longest_interval": _optional(rates.longest_interval),
        },
        "pauses": [asdict(pause) for pause in rates.pauses],
        "ventricular": _ectopy(report.ventricular),
        "supraventricular": _ectopy(report.supraventricular),
        "atrial_fibrillation": {
            "burden": fibrillation.burden,
            "total_s": fibrillation.total_s,
            "episodes": [
                {"start_s": each.start_s, "duration_s": each.duration_s}
                for each in fibrillation.episodes
            ],
        },
        "variability": asdict(report.variability),
        "st": [asdict(trend) for trend in report.st],
        "not_measured": dict(report.not_measured),
    }
    return {**_round(form), "strips": [_strip(strip) for strip in report.strips]}


def _beats(hour: Hour) -> dict[str, int]:
    return {"all": sum(hour.beats), **dict(zip(CLASSES, hour.beats, strict=True))}


def _rates(hour: Hour) -> dict[str, Any]:
    return {
        "mean_per_min": hour.mean_per_min,
        "slowest": _optional(hour.slowest),
        "fastest": _optional(hour.fastest),
    }


def _hour(hour: Hour) -> dict[str, Any]:
    times = {"start_s": hour.start_s, "end_s": hour.end_s, "analysed_s": hour.analysed_s}
    return {**times, "beats": _beats(hour), **_rates(hour)}


def _optional(value: Any) -> dict[str, Any] | None:
    """Return the fields of a dataclass."""
    return None if value is None else asdict(value)


def _ectopy(ectopy: Ectopy) -> dict[str, Any]:
    return {
        "beats": ectopy.beats,
        "isolated": ectopy.isolated,
        "couplets": [{"start_s": start_s} for start_s in ectopy.couplets],
        "runs": _listed(ectopy.runs),
        "longest_run": _optional(ectopy.longest_run),
        "fastest_run": _optional(ectopy.fastest_run),
        "bigeminy": _listed(ectopy.bigeminy),
        "trigeminy": _listed(ectopy.trigeminy),
    }


def _listed(found: Sequence[Run | Pattern]) -> list[dict[str, Any]]:
    return [asdict(each) for each in found]


def _strip(strip: Strip) -> dict[str, Any]:
    """Return a strip; its samples are whole microvolts, null for gaps."""
    microvolts = np.rint(strip.signal.astype(np.float64) * UV_PER_MV)
    return {
        "kind": strip.moment.kind,
        "start_s": round(strip.start_s, DIGITS + 1),
        "fs": strip.fs,
        "samples_uv": [
            [None if np.isnan(value) else int(value) for value in row] for row in microvolts
        ],
        "beats": [
            {"at_s": round(at_s, DIGITS + 1), "class": label} for at_s, label in strip.labels
        ],
    }


def _round(value: Any, digits: int = DIGITS) -> Any:
    """Return the value with its numbers rounded."""
    if isinstance(value, dict):
        return {
            name: _round(each, MORE_DIGITS if name in _FINE else digits)
            for name, each in value.items()
        }
    if isinstance(value, list | tuple):
        return [_round(each, digits) for each in value]
    return round(value, digits) if isinstance(value, float) else value
