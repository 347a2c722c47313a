"""A recording in pages, as an ECG is printed: judged page by page, measured on the first one."""

from __future__ import annotations

import numpy as np
import pytest

from analysis.prepare import Prepared, prepare
from signals.record import EcgRecord
from tests.analysis.deployments import BOTH, LEADS, asked
from tests.intervals.no_ecg import no_ecg
from tests.intervals.synthetic import synthetic

SIGNAL = synthetic(seconds=10.0).astype(np.float32)


def in_pages(pages: int, strip: str | None = None) -> EcgRecord:
    """Return twelve leads in pages of equal length, and one lead throughout."""
    signal = np.full_like(SIGNAL, np.nan)
    rows, samples = 12 // pages, 5000 // pages
    for page in range(pages):
        place = (slice(rows * page, rows * (page + 1)), slice(samples * page, samples * (page + 1)))
        signal[place] = SIGNAL[place]
    if strip is not None:
        signal[LEADS.index(strip)] = SIGNAL[LEADS.index(strip)]
    return EcgRecord(signal, 500.0, LEADS)


def analysed(record: EcgRecord) -> Prepared:
    return prepare(record, asked(BOTH, include="measurements,quality"), BOTH, max_seconds=60)


WHOLE = analysed(EcgRecord(SIGNAL, 500.0, LEADS))


@pytest.mark.parametrize(
    ("pages", "strip", "leads", "seconds"),
    [
        (4, None, "I, II, III", "2.5"),
        (3, None, "I, II, III, aVR", "3.33"),
        (4, "II", "II", "10"),
        (4, "V5", "V5", "10"),
    ],
)
def test_pages_are_judged_for_themselves_and_the_first_is_measured(
    pages: int, strip: str | None, leads: str, seconds: str
) -> None:
    answer = analysed(in_pages(pages, strip))
    assert answer.quality is not None and answer.measured is not None
    assert answer.quality["readable"]
    assert list(answer.quality["leads"]) == list(LEADS)
    assert {lead["word"] for lead in answer.quality["leads"].values()} <= {"Excellent", "Good"}
    assert WHOLE.measured is not None
    whole = WHOLE.measured.number("heart_rate_bpm")
    assert answer.measured.number("heart_rate_bpm") == pytest.approx(whole, rel=0.03)
    warning = f"measurements: on {leads} from 0 to {seconds}"
    assert any(text.startswith(warning) for text in answer.warnings)
    assert not any("missing" in text for text in answer.warnings)


@pytest.mark.parametrize("wrong", ["I", "II", "III"])
def test_contradicting_leads_of_the_first_page_are_named_and_have_no_axis(wrong: str) -> None:
    record = in_pages(4)
    record.signal[LEADS.index(wrong)] *= -1
    answer = analysed(record)
    assert answer.quality is not None and answer.measured is not None
    assert answer.measured.number("qrs_axis_deg") is None
    reasons = [text for text in answer.warnings if "so that no axis is measured" in text]
    assert len(reasons) == 1 and reasons[0].startswith("lead_names: limb leads contradict")
    named = [
        finding["lead"]
        for finding in answer.quality["findings"]
        if finding["code"] == "limb_lead_contradiction"
    ]
    assert named == ["I", "II", "III"]


def test_noise_on_one_page_is_reported_for_its_leads_only() -> None:
    record = in_pages(4)
    record.signal[9:, 3750:] += np.random.default_rng(0).normal(0, 1.5, (3, 1250))
    quality = analysed(record).quality
    assert quality is not None
    words = {lead: part["word"] for lead, part in quality["leads"].items()}
    assert {words[lead] for lead in LEADS[:9]} <= {"Excellent", "Good"}
    assert {words[lead] for lead in LEADS[9:]} <= {"Poor", "Unreadable"}


@pytest.mark.parametrize(
    ("missing_leads", "missing_s", "measured"),
    [
        (12, 0.2, "I, II, III from 0.2 to 2.5 s"),
        (12, 0.4, "I, II, III from 0.4 to 2.5 s"),
        (3, 2.5, "aVR, aVL, aVF from 2.5 to 5 s"),
    ],
)
def test_a_gap_at_the_start_does_not_shift_the_beats_of_the_first_page(
    missing_leads: int, missing_s: float, measured: str
) -> None:
    record = in_pages(4)
    record.signal[:missing_leads, : round(500 * missing_s)] = np.nan
    answer = analysed(record)
    assert answer.measured is not None and WHOLE.measured is not None
    assert any(text.startswith(f"measurements: on {measured}") for text in answer.warnings)
    beats, whole = answer.measured.fiducials, WHOLE.measured.fiducials
    assert beats and whole
    for beat in beats:
        assert min(abs(beat["r"] - other["r"]) for other in whole) < 0.01


@pytest.mark.parametrize("missing_s", [0.2, 0.3, 0.4])
def test_pages_without_beats_after_a_gap_are_not_judged(missing_s: float) -> None:
    """The square waves of a simulator: readable, and no heart."""
    signal = np.tile(no_ecg("square", 1).astype(np.float32), 2)[:, :5000]
    record = in_pages(4)
    record.signal[:] = np.where(np.isnan(record.signal), np.nan, signal)
    record.signal[:, : round(500 * missing_s)] = np.nan
    answer = analysed(record)
    assert answer.judgement.doubt is not None


@pytest.mark.parametrize(("pages", "strip"), [(4, "II"), (4, "V5"), (3, "I"), (4, None)])
def test_twelve_leads_in_pages_are_not_few_leads(pages: int, strip: str | None) -> None:
    """The strip is a single lead of 10 s, but the encoder reads all leads."""
    options = asked(BOTH, include="clinical_analysis,labels")
    answer = prepare(in_pages(pages, strip), options, BOTH, max_seconds=60)
    assert answer.measured is not None and answer.measured.few_leads is None
    assert "clinical" in answer.needs


@pytest.mark.parametrize("leads", [("I", "V1", "V2"), ("V2", "V3", "V4"), LEADS[8:12]])
def test_few_leads_in_pages_are(leads: tuple[str, ...]) -> None:
    """Each page is long enough for the one-lead model, which reads the first."""
    signal = np.full((len(leads), 5000 * len(leads)), np.nan, np.float32)
    for page, lead in enumerate(leads):
        signal[page, 5000 * page : 5000 * (page + 1)] = SIGNAL[LEADS.index(lead)]
    options = asked(BOTH, include="labels")
    answer = prepare(EcgRecord(signal, 500.0, leads), options, BOTH, max_seconds=60)
    assert answer.measured is not None and answer.measured.few_leads is not None
    (window,) = answer.measured.few_leads.windows
    assert (window.start_s, window.end_s) == (0.0, 10.0)
