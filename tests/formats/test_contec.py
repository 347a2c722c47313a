"""Contec's .ECG files: encoded here after N. Rigacci's description, and his sample."""

from __future__ import annotations

import lzma

import numpy as np
import pytest

from errors import CorruptFile, NoSamples, UnknownFormat
from formats.parts import Part
from formats.registry import read
from signals.leads import twelve_leads
from signals.record import EcgRecord
from tests.data import SHARED, requires_shared
from tests.formats.binary_files import contec

STORED = ("II", "III", "V1", "V2", "V3", "V4", "V5", "V6")
ROWS = np.array([2048 + np.arange(-200, 200) * (lead + 1) // 4 for lead in range(8)])
SAMPLE = SHARED / "more_formats" / "contec" / "0000050.ECG"


def opened(data: bytes) -> EcgRecord:
    return read([Part("upload", data)])


def with_gaps(rows: np.ndarray, leads: list[int], samples: slice = slice(None)) -> np.ndarray:
    changed = rows.copy()
    changed[leads, samples] = 0x6800
    return changed


def test_eight_leads_are_stored_and_four_derived() -> None:
    record = opened(contec(ROWS))
    assert (record.lead_names, record.fs, record.units) == (STORED, 800.0, "mV")
    np.testing.assert_allclose(record.signal, (ROWS - 2048) * 5e-3, rtol=1e-6)
    assert record.warnings == ()
    twelve = twelve_leads(record)
    assert twelve.derived == ("I", "aVR", "aVL", "aVF")
    np.testing.assert_allclose(twelve.signal[0], (ROWS[0] - ROWS[1]) * 5e-3, atol=1e-6)


@pytest.mark.parametrize(
    ("sex", "age", "expected"),
    [(0, 63, ("female", 63.0)), (1, 1, ("male", 1.0)), (255, 0, (None, None))],
)
def test_time_age_and_sex_are_read_and_the_name_is_not(
    sex: int, age: int, expected: tuple[str | None, float | None]
) -> None:
    record = opened(contec(ROWS, sex=sex, age=age))
    assert record.recording_date == "2024-05-01T08:27:32"
    assert record.reported is not None and record.reported.device == "Contec ECG90A"
    assert (record.patient.sex, record.patient.age_years) == expected
    assert record.warnings == ()
    assert "Erika" not in repr(record) and "0000011" not in repr(record)


def test_an_age_beyond_that_of_humans_is_dropped_with_a_warning() -> None:
    record = opened(contec(ROWS, age=200))
    assert record.patient.age_years is None
    assert record.warnings == ("patient.age: outside 0 to 120 years in the file, ignored",)


@pytest.mark.parametrize("leads", [[7], [2, 3], [2, 3, 4, 5, 6, 7]])
def test_leads_without_electrodes_are_left_out_and_named(leads: list[int]) -> None:
    record = opened(contec(with_gaps(ROWS, leads)))
    assert record.lead_names == tuple(lead for row, lead in enumerate(STORED) if row not in leads)
    names = ", ".join(STORED[row] for row in leads)
    assert record.warnings == (f"signal: not recorded, left out: {names}",)


def test_the_code_of_a_gap_is_a_gap() -> None:
    record = opened(contec(with_gaps(ROWS, [1, 4], slice(100, 150))))
    assert record.lead_names == STORED
    gaps = np.isnan(record.signal)
    assert gaps[[1, 4], 100:150].all() and gaps.sum() == 100
    assert record.warnings == ()


@pytest.mark.parametrize("footer", [16, 38, 400])
def test_another_footer_is_named(footer: int) -> None:
    record = opened(contec(ROWS, footer=bytes(footer)))
    assert record.samples == 400
    assert record.warnings == (
        f"file: {footer} bytes after the samples of the Contec file, ignored; 37 are usual",
    )


def test_samples_after_a_row_of_zeros_are_named() -> None:
    rows = ROWS.copy()
    rows[:, 300] = 0
    record = opened(contec(rows))
    assert record.samples == 300
    assert record.warnings == (
        "file: 1637 bytes after the samples of the Contec file, ignored; 37 are usual",
    )


@pytest.mark.parametrize("left", [30, 42, 43, 58, 60, 43 + 16 * 400])
def test_a_file_that_is_cut_off_is_refused(left: int) -> None:
    with pytest.raises(CorruptFile) as caught:
        opened(contec(ROWS)[:left])
    assert caught.value.detail == (
        f"the Contec file has {max(left - 43, 0) // 16} rows of samples and no row of zeros after "
        "them; it is cut off"
    )


@pytest.mark.parametrize("rows", [np.zeros((8, 0)), np.full((8, 9), 0x6800)])
def test_a_file_without_samples_is_refused(rows: np.ndarray) -> None:
    with pytest.raises(NoSamples):
        opened(contec(rows))


@pytest.mark.parametrize("time", [b"2024-05-01", b"01.05.2024 08:27:32", b""])
def test_another_file_is_not_taken_for_one(time: bytes) -> None:
    with pytest.raises(UnknownFormat):
        opened(contec(ROWS, time=time))


@requires_shared
def test_the_sample_has_the_values_that_another_program_reads() -> None:
    record = opened(SAMPLE.read_bytes())
    text = lzma.decompress(SAMPLE.with_name("0000050.ECG.csv.xz").read_bytes()).decode()
    # In steps of 5 uV, of I, II, III, aVR, aVL, aVF; the chest leads are empty.
    steps = np.array([[float(cell) for cell in line.split(",")[:6]] for line in text.split()])
    assert (record.lead_names, record.samples) == (("II", "III"), len(steps))
    np.testing.assert_allclose(record.signal, steps[:, 1:3].T * 5e-3, atol=1e-6)
    # The other program rounds the augmented leads to whole steps.
    limb_leads = twelve_leads(record).signal[:6]
    np.testing.assert_allclose(limb_leads, steps.T * 5e-3, atol=2.6e-3)
    np.testing.assert_allclose(limb_leads[0], steps[:, 0] * 5e-3, atol=1e-6)
    assert record.recording_date == "2020-11-16T21:44:39"
    assert record.warnings == ("signal: not recorded, left out: V1, V2, V3, V4, V5, V6",)
