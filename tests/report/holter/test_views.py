"""The PDF and the page of a long recording say what the report says, in both languages."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path

import numpy as np
import pypdfium2
import pytest

from analysis.holter.report import HolterReport, Recording, report_of
from analysis.holter.rhythm import Rhythm
from analysis.holter.waves import Waves
from report.holter.html import STYLE, holter_html
from report.holter.pdf import holter_pdf
from report.holter.times import axis_hours, clock_text, start_of
from report.holter.words import WORDS
from report.options import Language
from tests.house.tree import ROOT
from tests.report.holter.reports import holter_report

LANGUAGES: tuple[Language, ...] = ("en", "de")


@pytest.fixture(scope="module")
def report() -> HolterReport:
    return holter_report()


def texts_of(pdf: bytes) -> list[str]:
    """Return the text of each page."""
    document = pypdfium2.PdfDocument(pdf)
    try:
        return [page.get_textpage().get_text_range() for page in document]
    finally:
        document.close()


def test_every_kind_of_strip_and_every_reason_has_words(report: HolterReport) -> None:
    kinds = {strip.moment.kind for strip in report.strips}
    assert {"longest_pause", "ventricular_longest_run", "ventricular_bigeminy"} <= kinds
    page = (ROOT / "docs" / "holter.md").read_text()
    reasons = re.findall(r"^\| `(\w+)` \| ", page.partition("| reason |")[2], re.MULTILINE)
    assert len(reasons) > 8
    sources = [path.read_text() for path in Path(ROOT, "analysis", "holter").glob("*.py")]
    moments = {
        f"{origin}_{kind}"
        for origin in ("ventricular", "supraventricular")
        for kind in re.findall(r"\{name\}_(\w+)", "".join(sources))
    }
    assert len(moments) == 8
    assert {*kinds, *reasons, *moments} <= set(WORDS)
    assert all(len(words) == 2 and all(words) for words in WORDS.values())


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_pdf_has_the_numbers(report: HolterReport, lang: Language) -> None:
    pages = texts_of(holter_pdf(report, lang))
    # Summary, trends, hours, and three strips a page.
    assert len(pages) == 3 + -(-len(report.strips) // 3)
    separator = "," if lang == "de" else "."
    assert "2:00:0" in pages[0]
    assert f"5 {'Schläge' if lang == 'de' else 'beats'}, 150 /min" in pages[0]
    assert f"3{separator}60 s" in pages[0]
    assert "22:15:40" in pages[2]
    assert all(WORDS["research"][LANGUAGES.index(lang)] in page for page in pages)
    assert "?" not in "".join(pages), "a sign that the font lacks"


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_page_has_the_numbers_and_nothing_from_elsewhere(
    report: HolterReport, lang: Language
) -> None:
    page = holter_html(report, lang)
    assert f'<html lang="{lang}">' in page
    text = unescape(re.sub(r"<[^>]+>", " ", page.replace(STYLE, "")))
    for pair in ("strips", "trends", "hours", "longest_pause"):
        assert WORDS[pair][LANGUAGES.index(lang)] in text
    assert page.count('<figure class="card strip"') == len(report.strips)
    assert "<script" not in page and " style=" not in page
    assert "http" not in page and "url(" not in page


def test_names_of_a_file_are_text() -> None:
    hostile = holter_report(("<script>alert(1)</script>", 'V1" onload="x'))
    page = holter_html(hostile, "en")
    assert "<script" not in page
    assert 'V1" onload' not in page
    texts_of(holter_pdf(hostile, "en"))


def test_more_leads_than_a_strip_has_are_named() -> None:
    leads = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")
    report = holter_report(leads)
    pages = texts_of(holter_pdf(report, "en"))
    assert "Shown: II, V1, V5" in pages[-1]
    # Twelve leads' trends take two pages.
    assert sum("ST in " in page for page in pages) == 2


def test_without_a_start_times_count_from_the_beginning() -> None:
    report = holter_report(start=None, hours=0.5)
    assert "–" in texts_of(holter_pdf(report, "en"))[0]
    assert axis_hours(1800.0, None)[0] == (0.0, "0:00")


def test_days_are_counted_from_the_start() -> None:
    start = start_of("2026-05-03T22:15:40")
    assert clock_text(0, start) == "22:15:40"
    assert clock_text(2 * 3600, start) == "00:15:40 +1 d"
    assert clock_text(27 * 3600, start) == "01:15:40 +2 d"
    assert start_of("2026-05-03") is None
    assert [label for _, label in axis_hours(86_400.0, start)][:2] == ["00:00", "02:00"]


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_recording_without_a_beat_has_reasons(lang: Language) -> None:
    empty = np.zeros(0)
    rhythm = Rhythm(90.0, empty, np.zeros(0, np.int8), empty, (), np.zeros(18))
    waves = [Waves(0.0, empty, np.array([np.nan]), 0, "few_normal_beats")]
    report = report_of(Recording(90.0, 250.0, ("II",)), rhythm, waves)
    pages = texts_of(holter_pdf(report, lang))
    reason = WORDS["few_normal_beats"][LANGUAGES.index(lang)]
    assert reason in pages[0] and reason in holter_html(report, lang)
    assert "nan" not in holter_html(report, lang)
