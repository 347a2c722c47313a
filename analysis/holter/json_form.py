"""The report as JSON: docs/holter.md describes every field."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Final

from analysis.holter.ectopy import Ectopy, Pattern, Run
from analysis.holter.rates import Hour, Pause, Rate
from analysis.holter.report import HolterReport
from analysis.holter.rhythm import CLASSES

VERSION: Final = 1
# Digits after the point: of times and rates, of shares.
DIGITS: Final = 2
SHARE_DIGITS: Final = 4


def json_form(report: HolterReport) -> dict[str, Any]:
    """Return the report as values that a JSON library writes."""
    rates = report.rates
    fibrillation = report.fibrillation
    form: dict[str, Any] = {
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
            "longest_interval": _pause(rates.longest_interval),
        },
        "pauses": [_pause(pause) for pause in rates.pauses],
        "ventricular": _ectopy(report.ventricular),
        "supraventricular": _ectopy(report.supraventricular),
        "atrial_fibrillation": {
            "burden": _rounded(fibrillation.burden, SHARE_DIGITS),
            "total_s": fibrillation.total_s,
            "episodes": [
                {"start_s": each.start_s, "duration_s": each.duration_s}
                for each in fibrillation.episodes
            ],
        },
        "not_measured": dict(report.not_measured),
    }
    return {name: value if name == "recording" else _round(value) for name, value in form.items()}


def _beats(hour: Hour) -> dict[str, int]:
    return {"all": sum(hour.beats), **dict(zip(CLASSES, hour.beats, strict=True))}


def _rates(hour: Hour) -> dict[str, Any]:
    return {
        "mean_per_min": hour.mean_per_min,
        "slowest": _rate(hour.slowest),
        "fastest": _rate(hour.fastest),
    }


def _hour(hour: Hour) -> dict[str, Any]:
    times = {"start_s": hour.start_s, "end_s": hour.end_s, "analysed_s": hour.analysed_s}
    return {**times, "beats": _beats(hour), **_rates(hour)}


def _rate(rate: Rate | None) -> dict[str, float] | None:
    return None if rate is None else asdict(rate)


def _pause(pause: Pause | None) -> dict[str, float] | None:
    return None if pause is None else asdict(pause)


def _ectopy(ectopy: Ectopy) -> dict[str, Any]:
    longest, fastest = ectopy.longest_run, ectopy.fastest_run
    return {
        "beats": ectopy.beats,
        "isolated": ectopy.isolated,
        "couplets": [{"start_s": start_s} for start_s in ectopy.couplets],
        "runs": _listed(ectopy.runs),
        "longest_run": None if longest is None else asdict(longest),
        "fastest_run": None if fastest is None else asdict(fastest),
        "bigeminy": _listed(ectopy.bigeminy),
        "trigeminy": _listed(ectopy.trigeminy),
    }


def _listed(found: Sequence[Run | Pattern]) -> list[dict[str, Any]]:
    return [asdict(each) for each in found]


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)


def _round(value: Any, digits: int = DIGITS) -> Any:
    """Return the value with its numbers rounded, except for shares."""
    if isinstance(value, dict):
        return {
            name: each if name == "burden" else _round(each, digits) for name, each in value.items()
        }
    if isinstance(value, list):
        return [_round(each, digits) for each in value]
    return round(value, digits) if isinstance(value, float) else value
