"""The report as one HTML page that needs nothing else: numbers, trends, hours, strips.

The page has no script and no address of another server, so that a file of it can be mailed and
opened anywhere, and the station can serve it under a strict policy.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape
from pathlib import Path
from typing import Final, TypeAlias

from analysis.holter.report import HolterReport
from report.holter.charts import (
    Box,
    draw_beats,
    draw_episodes,
    draw_rates,
    draw_st,
    draw_variability,
)
from report.holter.strip import WIDTH, draw_strip, shown_leads, strip_height
from report.holter.summary import Group, groups_of, hour_columns, hour_rows, notes_of
from report.holter.surface import Surface, Svg
from report.holter.words import holter_word as word
from report.options import Language

Draw: TypeAlias = Callable[[Surface, Box], None]

STYLE: Final = Path(__file__).with_name("page.css").read_text(encoding="utf-8")
CHART_WIDTH, CHART_HEIGHT, BAND_HEIGHT = 130.0, 42.0, 16.0
WIDE: Final = 264.0


def holter_html(report: HolterReport, lang: Language) -> str:
    """Return the page."""
    title = escape(word("title", lang))
    charts = f'<div class="charts">{"".join(_charts(report, lang))}</div>'
    notes = "".join(f"<li>{escape(note)}</li>" for note in notes_of(report, lang))
    body = (
        f"<header><h1>{title}</h1><p>{escape(word('unconfirmed', lang))}</p></header>",
        f'<main><div class="groups">{"".join(map(_group, groups_of(report, lang)))}</div>',
        f'<ul class="notes">{notes}</ul>' if notes else "",
        _section(word("trends", lang), charts),
        _section(word("hours", lang), _hours(report, lang)),
        _section(word("strips", lang), "".join(_strips(report, lang))) if report.strips else "",
        "</main>",
        f"<footer><p>{escape(word('research', lang))}</p></footer>",
    )
    return (
        f'<!doctype html><html lang="{lang}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{title}</title><style>{STYLE}</style></head>"
        f"<body>{''.join(body)}</body></html>\n"
    )


def _section(title: str, content: str) -> str:
    return f"<section><h2>{escape(title)}</h2>{content}</section>"


def _group(group: Group) -> str:
    rows = "".join(
        f"<div><dt>{escape(label)}</dt><dd>{escape(value)}</dd></div>"
        for label, value in group.rows
    )
    return f'<section class="card"><h2>{escape(group.title)}</h2><dl>{rows}</dl></section>'


def _charts(report: HolterReport, lang: Language) -> list[str]:
    episodes = report.fibrillation.episodes

    def rates(on: Surface, box: Box) -> None:
        draw_rates(on, box, report, lang)

    def fibrillation(on: Surface, box: Box) -> None:
        draw_episodes(on, box, report, episodes, lang)

    def beats(label: str) -> Draw:
        return lambda on, box: draw_beats(on, box, report, label, lang)

    def variability(on: Surface, box: Box) -> None:
        draw_variability(on, box, report, lang)

    charts = [
        _chart(word("rate_chart", lang), rates, wide=True),
        _chart(word("fibrillation_chart", lang), fibrillation, wide=True, height=BAND_HEIGHT),
        _chart(word("ventricular_chart", lang), beats("V")),
        _chart(word("supraventricular_chart", lang), beats("S")),
        _chart(word("variability_chart", lang), variability),
    ]
    for row, trend in enumerate(report.st):
        charts.append(_st_chart(report, row, word("st_chart", lang, lead=trend.lead), lang))
    return charts


def _st_chart(report: HolterReport, row: int, label: str, lang: Language) -> str:
    return _chart(label, lambda on, box: draw_st(on, box, report, row, lang))


def _chart(
    label: str,
    draw: Draw,
    *,
    wide: bool = False,
    height: float = CHART_HEIGHT,
) -> str:
    width = WIDE if wide else CHART_WIDTH
    surface = Svg(width, height, label)
    draw(surface, Box(0.5, 0.0, width - 1, height))
    kind = "card wide" if wide else "card"
    return f'<figure class="{kind}" tabindex="0">{surface.markup()}</figure>'


def _hours(report: HolterReport, lang: Language) -> str:
    heads = "".join(f'<th scope="col">{escape(head)}</th>' for head in hour_columns(lang))
    rows = "".join(map(_hour, hour_rows(report, lang)))
    return (
        f'<div class="card scroll" tabindex="0" role="region" '
        f'aria-label="{escape(word("hours", lang))}"><table><thead><tr>{heads}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )


def _hour(cells: Sequence[str]) -> str:
    others = "".join(f"<td>{escape(cell)}</td>" for cell in cells[1:])
    return f'<tr><th scope="row">{escape(cells[0])}</th>{others}</tr>'


def _strips(report: HolterReport, lang: Language) -> list[str]:
    recording = report.recording
    height = strip_height(recording)
    found = []
    for strip in report.strips:
        surface = Svg(WIDTH + 1, height + 1, word(strip.moment.kind, lang))
        draw_strip(surface, 0.5, 0.5, strip, recording, lang)
        found.append(f'<figure class="card strip" tabindex="0">{surface.markup()}</figure>')
    rows = shown_leads(recording.leads)
    if len(rows) < len(recording.leads):
        names = ", ".join(recording.leads[row] for row in rows)
        found.append(f"<p>{escape(word('strip_leads', lang, leads=names))}</p>")
    return found
