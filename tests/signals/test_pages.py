"""Leads that were recorded one group after another are pages, and not missing leads."""

from __future__ import annotations

import numpy as np
import pytest

from signals.leads import LEADS, twelve_leads
from signals.pages import Page, page_rows, pages_of
from tests.signals.recordings import beating, of_leads, record

SIGNAL = beating()
SAMPLES = 1250  # 2.5 s at 500 Hz


def paged(*, strip: str | None = None) -> np.ndarray:
    """Return four pages of three leads, and one lead throughout if `strip` names it."""
    signal = np.full_like(SIGNAL, np.nan)
    for page in range(4):
        rows = slice(3 * page, 3 * page + 3)
        columns = slice(SAMPLES * page, SAMPLES * (page + 1))
        signal[rows, columns] = SIGNAL[rows, columns]
    if strip is not None:
        signal[LEADS.index(strip)] = SIGNAL[LEADS.index(strip)]
    return signal


def test_four_pages_are_twelve_leads_that_are_present() -> None:
    signal = paged()
    leads = twelve_leads(record(signal))
    assert leads.missing == ()
    np.testing.assert_array_equal(leads.signal, signal)
    assert leads.warnings == ()
    assert pages_of(record(signal)) == [
        Page((0, 1, 2), 0, 1250),
        Page((3, 4, 5), 1250, 2500),
        Page((6, 7, 8), 2500, 3750),
        Page((9, 10, 11), 3750, 5000),
    ]


@pytest.mark.parametrize("strip", ["II", "V1", "aVF"])
def test_a_strip_is_the_first_page_and_on_no_other(strip: str) -> None:
    ecg = record(paged(strip=strip))
    row = LEADS.index(strip)
    pages = pages_of(ecg)
    assert pages[0] == Page((row,), 0, 5000)
    assert len(pages) == 5
    assert not page_rows(ecg.signal, 500.0)[row]
    assert twelve_leads(ecg).missing == ()


def test_a_page_is_a_record_of_its_own() -> None:
    part = pages_of(of_leads(paged(), "V6", "I", "V4", "II"))[1].part_of(
        of_leads(paged(), "V6", "I", "V4", "II")
    )
    assert part.lead_names == ("V6", "V4")
    np.testing.assert_array_equal(part.signal, SIGNAL[[11, 9], 3750:])


@pytest.mark.parametrize(
    ("row", "known"),
    [
        # One lead that is off, as by a loose electrode.
        (9, slice(4000, 5000)),
        (9, slice(0, 1250)),
        (0, slice(1000, 3000)),
    ],
)
def test_a_lead_that_is_off_among_others_is_no_page(row: int, known: slice) -> None:
    signal = SIGNAL.copy()
    signal[row] = np.nan
    signal[row, known] = SIGNAL[row, known]
    assert pages_of(record(signal)) == []
    assert not page_rows(signal, 500.0).any()


def test_leads_that_are_off_together_are_no_pages() -> None:
    signal = SIGNAL.copy()
    signal[6:, 1250:] = np.nan
    assert pages_of(record(signal)) == []
    assert twelve_leads(record(signal)).missing == LEADS[6:]


def test_a_page_lasts_two_seconds_and_is_one_stretch() -> None:
    signal = np.full_like(SIGNAL, np.nan)
    signal[0, :999] = SIGNAL[0, :999]
    signal[6, 2000:3000] = SIGNAL[6, 2000:3000]
    assert pages_of(record(signal)) == []
    signal[0, 999] = SIGNAL[0, 999]
    assert [page.rows for page in pages_of(record(signal))][:1] == [(0,)]
    signal[0, 500] = np.nan
    assert not page_rows(signal, 500.0).any()


def test_without_gaps_or_samples_there_are_no_pages() -> None:
    assert pages_of(record(SIGNAL)) == []
    assert pages_of(record(np.zeros((2, 0)), ("I", "II"))) == []
