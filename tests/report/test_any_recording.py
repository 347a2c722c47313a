"""Whatever is analysed has a page: random leads, rates, lengths, gaps and options."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from report.options import ReportOptions
from report.page import pdf_report
from signals.leads import LEADS
from signals.record import EcgRecord, Patient
from tests.report.pages import VERSION, analysed, boxes, ecg, texts

A4_MM, LETTER_MM = (297.0, 210.0), (279.4, 215.9)


def random_record(random: np.random.Generator) -> EcgRecord:
    fs = float(random.choice([50.0, 100.0, 250.0, 333.3, 500.0, 1000.0]))
    seconds = float(random.choice([2.0, 3.7, 10.0, 11.3, 45.0]))
    whole = ecg(seconds, fs)
    count = int(random.integers(1, 13))
    rows = random.permutation(12)[:count]
    signal = whole.signal[rows] * random.choice([0.01, 1.0, 1.0, 30.0])
    for _ in range(int(random.integers(0, 6))):
        begin = int(random.integers(0, signal.shape[1]))
        length = int(random.integers(1, signal.shape[1]))
        signal[random.integers(0, count), begin : begin + length] = np.nan
    if random.random() < 0.2:
        signal[0] = float(random.choice([0.0, 2.5]))
    if not np.isfinite(signal).any():
        signal[0, 0] = 0.0
    patient = Patient(float(random.choice([0.01, 7.0, 80.0])), "other")
    names = tuple(LEADS[row] for row in rows)
    units = "unknown" if random.random() < 0.2 else "mV"
    return EcgRecord(signal.astype(np.float32), fs, names, units, patient)  # type: ignore[arg-type]


def random_options(random: np.random.Generator, seconds: float) -> ReportOptions:
    return ReportOptions(
        layout=random.choice(["3x4", "6x2", "12x1", "cabrera"]),
        speed=int(random.choice([25, 50])),  # type: ignore[arg-type]
        gain=int(random.choice([5, 10, 20])),  # type: ignore[arg-type]
        paper=random.choice(["a4", "letter"]),
        lang=random.choice(["en", "de"]),
        rhythm_lead=str(random.choice(LEADS)),
        start_s=float(random.choice([0.0, 0.0, 0.5 * seconds, seconds - 0.001])),
    )


@pytest.mark.parametrize("seed", range(24))
@pytest.mark.filterwarnings("error")
def test_there_is_one_page_with_every_text_on_it(seed: int) -> None:
    random = np.random.default_rng(seed)
    record = random_record(random)
    options = random_options(random, record.duration_s)
    pdf = pdf_report(record, analysed(record), options, version=VERSION)
    assert "mm/s" in texts(pdf)
    width, height = A4_MM if options.paper == "a4" else LETTER_MM
    found = boxes(pdf)
    assert found[:, 0].min() > 5.0
    assert found[:, 2].max() < width - 5.0
    assert found[:, 1].min() > 5.0
    assert found[:, 3].max() < height - 3.0


def test_a_window_without_a_sample_is_a_hatch() -> None:
    record = ecg(20.0)
    record.signal[:, 5000:] = np.nan
    record.signal[0, -1] = 0.1
    options = dataclasses.replace(ReportOptions(), start_s=12.0)
    assert "2.5 s" in texts(pdf_report(record, analysed(record), options, version=VERSION))
