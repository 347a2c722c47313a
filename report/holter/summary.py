"""The report's numbers as rows of text, the same in the PDF and on the page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

import numpy as np

from analysis.holter.ectopy import Ectopy, Run
from analysis.holter.rates import Rate
from analysis.holter.report import HolterReport
from analysis.holter.rhythm import CLASSES
from analysis.holter.st import LeadTrend
from report.holter.times import clock_text, day_text, duration_text, start_of
from report.holter.words import holter_word as word
from report.options import Language
from report.words import number_text

DASH: Final = "–"


@dataclass(frozen=True)
class Group:
    """A title, and rows of (label, value)."""

    title: str
    rows: tuple[tuple[str, str], ...]


def groups_of(report: HolterReport, lang: Language) -> tuple[Group, ...]:
    """Return the groups in the order of the page."""
    start = start_of(report.recording.start)
    return (
        _recording(report, start, lang),
        _rates(report, start, lang),
        _beats(report, lang),
        _ectopy("ventricular", report.ventricular, report, start, lang),
        _ectopy("supraventricular", report.supraventricular, report, start, lang),
        _fibrillation(report, start, lang),
        _variability(report, lang),
        _st(report, lang),
    )


def notes_of(report: HolterReport, lang: Language) -> tuple[str, ...]:
    """Return sentences that qualify the numbers."""
    notes = list(report.recording.warnings)
    if any(trend.low_cut_hz is None and trend.reason is None for trend in report.st):
        notes.append(word("st_note", lang))
    if report.supraventricular.beats < report.rates.whole.beats[CLASSES.index("S")]:
        notes.append(word("fibrillation_note", lang))
    return tuple(notes)


def _recording(report: HolterReport, start: datetime | None, lang: Language) -> Group:
    recording = report.recording
    who = []
    if recording.sex is not None:
        who.append(word(recording.sex, lang))
    if recording.age_years is not None:
        who.append(word("years", lang, years=int(recording.age_years)))
    rows = [
        ("start", DASH if start is None else day_text(start, lang)),
        ("duration", duration_text(recording.duration_s)),
        ("patient", ", ".join(who) or DASH),
        ("leads", ", ".join(recording.leads)),
        ("sampling", f"{number_text(recording.fs, 0, lang)} Hz"),
        ("analysed", _part(report.analysed_s, recording.duration_s, lang)),
        ("no_signal_time", duration_text(report.no_signal_s)),
        ("noise", duration_text(report.noise_s)),
    ]
    return _group("recording", rows, lang)


def _part(seconds: float, whole_s: float, lang: Language) -> str:
    percent = number_text(100 * seconds / whole_s, 1, lang)
    return f"{duration_text(seconds)} ({percent} %)"


def _rates(report: HolterReport, start: datetime | None, lang: Language) -> Group:
    whole, longest = report.rates.whole, report.rates.longest_interval
    mean = whole.mean_per_min
    missing = _missing("few_beats", lang)
    interval = missing
    if longest is not None:
        seconds = f"{number_text(longest.duration_s, 2, lang)} s"
        interval = word("at", lang, value=seconds, time=clock_text(longest.start_s, start))
    rows = [
        ("mean", missing if mean is None else _per_min(mean, lang)),
        ("slowest", _rate(whole.slowest, start, lang)),
        ("fastest", _rate(whole.fastest, start, lang)),
        ("longest_interval", interval),
        ("pauses", str(len(report.rates.pauses))),
    ]
    return _group("rates", rows, lang)


def _per_min(value: float, lang: Language) -> str:
    return word("per_min", lang, value=number_text(value, 0, lang))


def _rate(rate: Rate | None, start: datetime | None, lang: Language) -> str:
    if rate is None:
        return _missing("few_beats", lang)
    time = clock_text(rate.at_s, start)
    return word("at", lang, value=_per_min(rate.per_min, lang), time=time)


def _beats(report: HolterReport, lang: Language) -> Group:
    counts = report.rates.whole.beats
    rows = [("all_beats", str(sum(counts)))]
    rows += [(label, str(count)) for label, count in zip(CLASSES, counts, strict=True)]
    return _group("beats", rows, lang)


def _ectopy(
    name: str, ectopy: Ectopy, report: HolterReport, start: datetime | None, lang: Language
) -> Group:
    beats = sum(report.rates.whole.beats)
    share = f" ({number_text(100 * ectopy.beats / beats, 2, lang)} %)" if beats else ""
    rows = [
        ("ectopic_beats", f"{ectopy.beats}{share}"),
        ("isolated", str(ectopy.isolated)),
        ("couplets", str(len(ectopy.couplets))),
        ("runs", str(len(ectopy.runs))),
        ("longest_run", _run(ectopy.longest_run, start, lang)),
        ("fastest_run", _run(ectopy.fastest_run, start, lang)),
        ("bigeminy", str(len(ectopy.bigeminy))),
        ("trigeminy", str(len(ectopy.trigeminy))),
    ]
    return _group(name, rows, lang)


def _run(run: Run | None, start: datetime | None, lang: Language) -> str:
    if run is None:
        return DASH
    rate = number_text(run.rate_per_min, 0, lang)
    return word("run", lang, beats=run.beats, rate=rate, time=clock_text(run.start_s, start))


def _fibrillation(report: HolterReport, start: datetime | None, lang: Language) -> Group:
    fibrillation = report.fibrillation
    burden = _missing("no_signal", lang)
    if fibrillation.burden is not None:
        burden = f"{number_text(100 * fibrillation.burden, 1, lang)} %"
    longest = fibrillation.longest
    shown = DASH
    if longest is not None:
        length = duration_text(longest.duration_s)
        shown = word("at", lang, value=length, time=clock_text(longest.start_s, start))
    rows = [
        ("burden", burden),
        ("episodes", str(len(fibrillation.episodes))),
        ("longest_episode", shown),
    ]
    return _group("fibrillation", rows, lang)


def _variability(report: HolterReport, lang: Language) -> Group:
    found = report.variability
    whole = [
        ("sdnn", found.sdnn_ms),
        ("sdann", found.sdann_ms),
        ("sdnn_index", found.sdnn_index_ms),
    ]
    missing = _missing(found.reason, lang)
    rows = [(key, missing if value is None else _ms(value, lang)) for key, value in whole]
    measured = [each.rmssd_ms for each in found.segments if each.rmssd_ms is not None]
    median = _ms(float(np.median(measured)), lang) if measured else DASH
    count = word("of", lang, part=len(measured), whole=len(found.segments))
    return _group("variability", [*rows, ("rmssd", median), ("segments", count)], lang)


def _ms(value: float, lang: Language) -> str:
    return f"{number_text(value, 0, lang)} ms"


def _st(report: HolterReport, lang: Language) -> Group:
    rows = tuple((trend.lead, _trend(trend, lang)) for trend in report.st)
    return Group(word("st", lang), rows)


def _trend(trend: LeadTrend, lang: Language) -> str:
    if trend.median_mv is None or trend.lowest is None or trend.highest is None:
        return _missing(trend.reason, lang)
    return word(
        "st_range",
        lang,
        median=number_text(trend.median_mv, 2, lang),
        lowest=number_text(trend.lowest.mv, 2, lang),
        highest=number_text(trend.highest.mv, 2, lang),
    )


def _missing(reason: str | None, lang: Language) -> str:
    return DASH if reason is None else word("not_measured", lang, reason=word(reason, lang))


def _group(title: str, rows: list[tuple[str, str]], lang: Language) -> Group:
    return Group(word(title, lang), tuple((word(key, lang), value) for key, value in rows))


def hour_columns(lang: Language) -> tuple[str, ...]:
    """Return the heads of the table of hours."""
    keys = ("hour", "all_beats", "mean", "slow", "fast", "V", "S", "pauses", "unread")
    return tuple(word(key, lang) for key in keys)


def hour_rows(report: HolterReport, lang: Language) -> list[tuple[str, ...]]:
    """Return the cells of each hour."""
    start = start_of(report.recording.start)
    rows = []
    for hour in report.rates.hours:
        pauses = [each for each in report.rates.pauses if hour.start_s <= each.start_s < hour.end_s]
        values = (
            hour.mean_per_min,
            hour.slowest.per_min if hour.slowest else None,
            hour.fastest.per_min if hour.fastest else None,
        )
        rows.append(
            (
                clock_text(hour.start_s, start),
                str(sum(hour.beats)),
                *(DASH if value is None else number_text(value, 0, lang) for value in values),
                str(hour.beats[CLASSES.index("V")]),
                str(hour.beats[CLASSES.index("S")]),
                str(len(pauses)),
                duration_text(max(hour.end_s - hour.start_s - hour.analysed_s, 0)),
            )
        )
    return rows
