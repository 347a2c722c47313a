"""Recordings with known traces, their reports, and what a PDF reader finds on these."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pypdfium2

from analysis.answer import analysis_answer
from analysis.answer_types import Analysis
from analysis.options import AnalyzeOptions
from analysis.prepare import prepare
from report.options import ReportOptions
from report.page import pdf_report
from report.parts import PARTS
from signals.leads import LEADS
from signals.record import EcgRecord
from tests.analysis.deployments import NOTHING
from tests.intervals.synthetic import synthetic

DPI = 600
MM = DPI / 25.4  # pixels
BLACK = 90  # grey levels: traces and text are darker, the grid is lighter
VERSION = "1.2.3"


def ecg(seconds: float = 10.0, fs: float = 500.0, **fields: Any) -> EcgRecord:
    """Return twelve leads with beats and a little noise."""
    noise = np.random.default_rng(3).normal(0, 0.005, (12, round(seconds * fs)))
    signal = (synthetic(fs=fs, seconds=seconds) + noise).astype(np.float32)
    return EcgRecord(signal, fs, LEADS, **fields)


def only(record: EcgRecord, *leads: str) -> EcgRecord:
    rows = [record.lead_names.index(lead) for lead in leads]
    return replace(record, signal=record.signal[rows].copy(), lead_names=leads)


def flat(seconds: float = 10.0, fs: float = 500.0) -> EcgRecord:
    """Return twelve leads at 0 mV."""
    return EcgRecord(np.zeros((12, round(seconds * fs)), np.float32), fs, LEADS)


def analysed(record: EcgRecord) -> Analysis:
    """Return the analysis by rules, without an encoder."""
    options = AnalyzeOptions(include=PARTS)
    prepared = prepare(record, options, NOTHING, max_seconds=600)
    return analysis_answer(prepared, {}, NOTHING, None, _no_head)


@cache
def good() -> Analysis:
    """Return an analysis without poor leads, for pages whose traces are the test's own."""
    return analysed(ecg())


def _no_head(*_: Any) -> Any:
    raise AssertionError("no head is installed")


def pdf_of(record: EcgRecord, answer: Analysis | None = None, **options: Any) -> bytes:
    answer = answer or analysed(record)
    return pdf_report(record, answer, ReportOptions(**options), version=VERSION)


def texts(pdf: bytes) -> str:
    """Return the page's text."""
    document = pypdfium2.PdfDocument(pdf)
    assert len(document) == 1
    text: str = document[0].get_textpage().get_text_range()
    document.close()
    return text


def text_of(record: EcgRecord, answer: Analysis | None = None, **options: Any) -> str:
    return texts(pdf_of(record, answer, **options))


def boxes(pdf: bytes) -> np.ndarray:
    """Return (letters, 4) left, top, right and bottom in mm from the page's top left corner."""
    document = pypdfium2.PdfDocument(pdf)
    height = document[0].get_height()
    page = document[0].get_textpage()
    found = [page.get_charbox(number) for number in range(page.count_chars())]
    document.close()
    left, bottom, right, top = np.array(found).T
    return np.column_stack((left, height - top, right, height - bottom)) * 25.4 / 72


def picture(pdf: bytes) -> np.ndarray:
    """Return the page as (rows, columns) grey levels at DPI."""
    document = pypdfium2.PdfDocument(pdf)
    pixels = document[0].render(scale=DPI / 72, grayscale=True).to_numpy()
    array = np.array(pixels, np.uint8).reshape(pixels.shape[0], -1)
    document.close()
    return array


def part(pixels: np.ndarray, left: float, top: float, right: float, bottom: float) -> np.ndarray:
    """Return a part of a picture; its edges are in mm."""
    rows = slice(round(top * MM), round(bottom * MM))
    return pixels[rows, round(left * MM) : round(right * MM)]


def centres(dark: np.ndarray) -> np.ndarray:
    """Return the middle of each run of true values, in mm from the array's first one."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], dark, [False])).astype(np.int8)))
    return edges.reshape(-1, 2).sum(axis=1) / 2 / MM
