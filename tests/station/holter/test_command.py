"""`python -m station import`: a recording's file in, the report out."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from station.holter.command import run_import_command
from tests.data import SHARED, requires_shared
from tests.house.tree import ROOT


@requires_shared
def test_a_half_hour_of_mit_bih_becomes_a_report(tmp_path: Path) -> None:
    path = SHARED / "mitbih" / "wfdb" / "205.hea"
    arguments = [sys.executable, "-m", "station", "import", str(path), "--out", str(tmp_path)]
    run = subprocess.run(
        arguments, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    assert (run.returncode, run.stderr) == (0, "")
    forms = [tmp_path / f"205.holter.{form}" for form in ("json", "pdf", "html")]
    assert run.stdout.splitlines() == list(map(str, forms))
    assert forms[1].read_bytes().startswith(b"%PDF")
    assert forms[2].read_text().startswith("<!doctype html>")
    report = json.loads(forms[0].read_text())
    assert report["recording"]["leads"] == ["MLII", "V1"]
    # The crop's own annotations: ventricular tachycardia of 8 beats at 98 s, of 9 at 103 s.
    runs = [run for run in report["ventricular"]["runs"] if 95 < run["start_s"] < 110]
    assert sum(run["beats"] for run in runs) >= 14
    assert report["ventricular"]["fastest_run"]["rate_per_min"] > 150
    assert report["beats"]["all"] == sum(report["beats"][label] for label in "NSVFQ")
    assert report["atrial_fibrillation"]["episodes"] == []


def test_a_file_that_cannot_be_read_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.hea").write_text("a 1 250 100\na.dat 16 200/mV 16 0 0 0 0 II\n")
    assert run_import_command([str(tmp_path / "a.hea"), "--out", str(tmp_path)]) == 2
    assert "a.dat: named by the WFDB header, missing" in capsys.readouterr().err
    (tmp_path / "b.pdf").write_bytes(b"%PDF-1.4")
    assert run_import_command([str(tmp_path / "b.pdf")]) == 2
    assert run_import_command([str(tmp_path / "absent.hea")]) == 2
