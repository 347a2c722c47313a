"""The paper is true to scale: what is 1 mV and 0.2 s measures 10 by 5 mm on the page."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from ecgfm_client import EcgClient, UnusableInput
from ecgfm_client.paper import COLUMN_S, LEFT_MM, PARTS, ROWS_MM, Sheet, _names_that_fit, draw, plot
from matplotlib.figure import Figure

from tests.server.ecgs import twelve_seconds
from tests.server.harness import RunningServer

LEADS = "I,II,III,aVR,aVL,aVF,V1,V2,V3,V4,V5,V6"


def in_mm(figure: Figure, points: np.ndarray) -> np.ndarray:
    """Where points of the page's axes come to lie on the sheet that is printed."""
    return figure.axes[0].transData.transform(points) / figure.dpi * 25.4


def lines(figure: Figure, gid: str | None = None) -> list[np.ndarray]:
    return [
        in_mm(figure, line.get_xydata())
        for line in figure.axes[0].lines
        if gid is None or line.get_gid() == gid
    ]


def sheet_of(signal: np.ndarray, fs: float = 500.0) -> Sheet:
    return Sheet(dict.fromkeys(LEADS.split(","), signal), fs, ())


def test_the_calibration_pulse_is_ten_by_five_millimetres() -> None:
    pulses = lines(draw(sheet_of(np.zeros(5000)), "", []), "calibration pulse")
    assert len(pulses) == 4
    for pulse in pulses:
        top = pulse[np.isclose(pulse[:, 1], pulse[:, 1].max())]
        assert np.ptp(pulse[:, 1]) == pytest.approx(10)
        assert np.ptp(top[:, 0]) == pytest.approx(5)


def test_a_recorded_pulse_measures_the_same() -> None:
    signal = np.zeros(5000)
    signal[500:600] = 1.0  # 1 mV from 1.0 s to 1.2 s
    trace = lines(draw(sheet_of(signal), "", []))[0]
    up = trace[trace[:, 1] > trace[:, 1].max() - 0.1]
    assert np.ptp(trace[:, 1]) == pytest.approx(10)
    assert up[0, 0] == pytest.approx(LEFT_MM + 25, abs=1e-6)
    assert np.ptp(up[:, 0]) == pytest.approx(
        5 - 25 / 500
    )  # from the first to the last of its samples


def test_columns_follow_each_other_in_time() -> None:
    signal = np.arange(5000) / 5000.0  # a ramp tells the time
    figure = draw(sheet_of(signal), "", [])
    first = [line for line in lines(figure) if np.isclose(line[0, 0], LEFT_MM + COLUMN_S * 25)]
    assert len(first) == 3
    middle = np.median(signal)
    level = in_mm(figure, np.array([[0.0, ROWS_MM[0]]]))[0, 1]
    assert first[0][0, 1] == pytest.approx(level + 10 * (signal[1250] - middle))


def test_a_short_recording_shows_every_lead_and_says_from_when() -> None:
    signal = np.arange(2500) / 2500.0  # 5 s
    figure = draw(sheet_of(signal), "", [])
    last = [line for line in lines(figure) if np.isclose(line[0, 0], LEFT_MM + 3 * COLUMN_S * 25)]
    assert len(last) == 3
    level = in_mm(figure, np.array([[0.0, ROWS_MM[0]]]))[0, 1]
    assert last[0][0, 1] == pytest.approx(level + 10 * (signal[1250] - np.median(signal)))
    assert any(
        "columns from 0.0, 2.5, 2.5, 2.5 s" in text.get_text() for text in figure.axes[0].texts
    )


def test_a_long_recording_says_that_only_its_beginning_is_shown() -> None:
    figure = draw(sheet_of(np.zeros(30_000)), "", [])
    assert any("the first 10 s of 60.0 s" in text.get_text() for text in figure.axes[0].texts)


def test_findings_that_do_not_fit_are_counted() -> None:
    assert _names_that_fit(["Infarction", "Atrial fibrillation"], 2) == [
        "Infarction, Atrial fibrillation"
    ]
    assert _names_that_fit([f"a rather long finding, number {number}" for number in range(9)], 2)[
        -1
    ].endswith("and 4 more")
    assert _names_that_fit([], 2) == []


def test_a_missing_lead_says_so_and_the_limb_leads_follow_from_two() -> None:
    figure = draw(Sheet({"I": np.zeros(5000), "V1": np.zeros(5000)}, 500.0, ()), "", [])
    assert [text.get_text() for text in figure.axes[0].texts].count("not recorded") == 10


@pytest.mark.parametrize("ending", ["png", "svg", "pdf"])
def test_a_real_analysis_becomes_a_file(server: RunningServer, tmp_path: Path, ending: str) -> None:
    with EcgClient(server.url) as client:
        analysis = client.analyze(
            twelve_seconds().signal, fs=500, lead_names=LEADS, units="mV", include=PARTS
        )
    out = tmp_path / f"ecg.{ending}"
    plot(analysis, out, "recording")
    assert out.read_bytes()[:5] in (b"\x89PNG\r", b"<?xml", b"%PDF-")


def test_another_ending_is_refused(server: RunningServer, tmp_path: Path) -> None:
    with EcgClient(server.url) as client:
        analysis = client.analyze(
            twelve_seconds().signal, fs=500, lead_names=LEADS, units="mV", include=PARTS
        )
        with pytest.raises(UnusableInput, match="--out"):
            plot(analysis, tmp_path / "ecg.xyz", "recording")
        without = client.analyze(
            twelve_seconds().signal, fs=500, lead_names=LEADS, units="mV", include="measurements"
        )
        with pytest.raises(UnusableInput, match="no signal"):
            plot(without, tmp_path / "ecg.png", "recording")
