"""The QT Database's reader, on a small database of the test's own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import wfdb

from signals.leads import LEADS
from training.datasets.annotated import P_OFF, P_ON, QRS_OFF, QRS_ON, T_OFF, T_ON
from training.datasets.qtdb import read_qtdb

HEAD = "record,annotator,r,p_on,p_peak,p_off,qrs_on,qrs_off,t_peak,t_off\n"


def database(folder: Path, names: list[str], rows: str) -> Path:
    """Write one record of two leads, `sel1`, and the experts' marks in samples at 250 Hz."""
    signal = np.stack([np.linspace(0, 1, 500), np.linspace(1, -1, 500)], axis=1)
    wfdb.wrsamp(
        "sel1", 250, ["mV", "mV"], names, signal, fmt=["16", "16"], write_dir=str(folder)
    )  # fmt: skip
    (folder / "beats.csv").write_text(HEAD + rows, encoding="utf-8")
    return folder


ROWS = """sel1,q1c,100,60,70,80,90,115,160,190
sel1,q2c,101,61,71,81,91,116,161,191
sel1,q1c,300,,,,290,315,360,390
"""


def test_the_first_experts_marks_are_those_of_both_leads(tmp_path: Path) -> None:
    (record,) = read_qtdb(database(tmp_path, ["MLII", "V5"], ROWS))
    rows = [LEADS.index("II"), LEADS.index("V5")]
    assert (record.name, record.fs, record.signal.shape) == ("sel1", 250.0, (12, 500))
    assert np.flatnonzero(np.isfinite(record.signal).all(axis=1)).tolist() == rows
    assert record.peaks.tolist() == [0.4, 1.2]
    for row in rows:
        assert record.marks[0, row, P_ON] == pytest.approx(60 / 250)
        assert record.marks[0, row, P_OFF] == pytest.approx(80 / 250)
        assert record.marks[1, row, QRS_ON] == pytest.approx(290 / 250)
        assert record.marks[1, row, QRS_OFF] == pytest.approx(315 / 250)
        assert record.marks[1, row, T_OFF] == pytest.approx(390 / 250)
        assert np.isnan(record.marks[1, row, [P_ON, P_OFF]]).all()
    assert np.isnan(record.marks[:, :, T_ON]).all()
    others = np.setdiff1d(np.arange(12), rows)
    assert np.isnan(record.marks[:, others]).all()


@pytest.mark.parametrize("names", [["ECG1", "ECG2"], ["CM5", "CM2"], ["V5", "CM5"], ["V5", "v5"]])
def test_leads_without_a_name_of_their_own_have_rows_of_upright_ones(
    tmp_path: Path, names: list[str]
) -> None:
    (record,) = read_qtdb(database(tmp_path, names, ROWS))
    found = np.flatnonzero(np.isfinite(record.signal).all(axis=1)).tolist()
    assert found == [LEADS.index("II"), LEADS.index("V5")]


@pytest.mark.parametrize(("with_p", "no_pr"), [(2, False), (1, False), (0, True)])
def test_without_p_waves_in_half_of_the_beats_there_is_no_pr(
    tmp_path: Path, with_p: int, no_pr: bool
) -> None:
    marks = ["60,70,80" if index < with_p else ",," for index in range(2)]
    rows = "".join(
        f"sel1,q1c,{100 + 200 * index},{p},{90 + 200 * index},{115 + 200 * index},160,190\n"
        for index, p in enumerate(marks)
    )
    (record,) = read_qtdb(database(tmp_path, ["MLII", "V5"], rows))
    assert record.no_pr is no_pr
