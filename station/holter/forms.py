"""The report in the forms in which it is written and served."""

from __future__ import annotations

from typing import Final

import orjson

from analysis.holter.json_form import json_form
from analysis.holter.report import HolterReport
from report.options import Language

FORMATS: Final = ("json", "pdf", "html")


def form_of(report: HolterReport, name: str, lang: Language) -> bytes:
    """Return the report in one of FORMATS."""
    if name == "pdf":
        # What draws is loaded only where it is asked for.
        from report.holter.pdf import holter_pdf

        return holter_pdf(report, lang)
    if name == "html":
        from report.holter.html import holter_html

        return holter_html(report, lang).encode()
    return orjson.dumps(json_form(report), option=orjson.OPT_INDENT_2)
