"""The paper is true to scale, says what the report says, and no text overlaps anything."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ecgfm_client import Analysis, EcgClient, UnusableInput
from ecgfm_client.layouts import LAYOUTS, LEADS, ROW_S, Sheet, panels
from ecgfm_client.page_geometry import TRACE_LEFT_MM
from ecgfm_client.page_header import PageTexts, page_texts
from ecgfm_client.paper import PARTS, draw, plot, sheet_of
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from tests.server.ecgs import twelve_seconds
from tests.server.harness import RunningServer

FS = 500.0
BARE = PageTexts("recording")


def in_mm(figure: Figure, points: np.ndarray) -> np.ndarray:
    """Where points of the page's axes come to lie on the sheet that is printed."""
    return figure.axes[0].transData.transform(points) / figure.dpi * 25.4


def lines(figure: Figure, gid: str) -> list[np.ndarray]:
    return [
        in_mm(figure, line.get_xydata()) for line in figure.axes[0].lines if line.get_gid() == gid
    ]


def texts(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.axes[0].texts]


def sheet_of_all(signal: np.ndarray) -> Sheet:
    return Sheet(dict.fromkeys(LEADS, signal), FS, ())


def beats(seconds: float, rate: float = 75.0, millivolts: float = 1.5) -> np.ndarray:
    """Return a lead with triangular QRS complexes and T waves."""
    t = np.arange(round(seconds * FS)) / FS
    since_s = t % (60.0 / rate)
    qrs = np.clip(1 - np.abs(since_s - 0.2) / 0.04, 0, None)
    late_s = np.clip(1 - np.abs(since_s - 0.25) / 0.03, 0, None)
    t_wave = np.clip(1 - np.abs(since_s - 0.45) / 0.08, 0, None)
    return np.asarray(millivolts * (qrs - 0.4 * late_s + 0.25 * t_wave))


def fiducials(seconds: float, rate: float, beat_class: str) -> list[dict[str, Any]]:
    starts_s = np.arange(0, seconds, 60.0 / rate)
    times_s = {
        "p_onset": 0.04,
        "p_offset": 0.13,
        "qrs_onset": 0.16,
        "r": 0.2,
        "qrs_offset": 0.26,
        "t_offset": 0.53,
    }
    return [
        {"class": beat_class, **{name: start + time for name, time in times_s.items()}}
        for start in starts_s
    ]


def answer(**parts: Any) -> Analysis:
    """Return an analysis with everything that a page can show."""
    signal = [beats(10.0, millivolts=0.5 + number / 4).tolist() for number in range(12)]
    measured = {
        "heart_rate_bpm": 75.0,
        "pr_ms": 215.0,
        "qrs_ms": 92.4,
        "qt_ms": 402.0,
        "qtc_fridericia_ms": 433.0,
        "qrs_axis_deg": -45.0,
        "p_axis_deg": 50.0,
        "uncertainty_ms": {"pr_ms": 7.0, "qt_ms": 9.8},
        "beats": 12,
        "flags": [
            {"name": "pr_ms", "value": 215.0, "range": [120.0, 200.0], "source": "s"},
            {"name": "qrs_axis_deg", "value": -45.0, "range": [-30.0, 90.0], "source": "s"},
        ],
    }
    return Analysis.read(
        {
            "clinical_analysis": {
                "rhythm": "Atrial fibrillation",
                "rhythm_source": "labels",
                "confidence": 0.876,
                "axis_deviation": "Left",
                "abnormalities": ["Infarction", "Left ventricular hypertrophy"],
            },
            "labels": [
                {"name": "Infarction", "probability": 0.612, "threshold": 0.4, "positive": True}
            ],
            "superclass": {
                "top": "MI",
                "probabilities": {"NORM": 0.02, "MI": 0.7, "STTC": 0.1, "CD": 0.05, "HYP": 0.3},
                "positive": ["MI"],
            },
            "pacemaker": {"present": True, "probability": 0.934},
            "measurements": measured,
            "signal_quality": "Good",
            "quality": {
                "signal_quality": "Good",
                "readable": True,
                "leads": {},
                "findings": [
                    {"code": "lead_off", "lead": "V3", "advice": "Reattach the V3 electrode."}
                ],
                "recommendation": "Can be read.",
            },
            "fiducials": fiducials(10.0, 75.0, "normal"),
            "signal": {"fs": FS, "lead_names": list(LEADS), "units": "mV", "data": signal},
            "reported": {
                "recording_date": "2013-01-25T10:59:19",
                "age": 42,
                "sex": "female",
                "device": "Cart 9",
                "measurements": {"heart_rate_bpm": 74.0, "qt_ms": 398.0, "qtc_ms": 441.0},
                "statements": ["Atrial fibrillation with rapid response", "Abnormal ECG"],
            },
            "warnings": ["pacemaker: the recording cannot show spikes"],
            "segments": 1,
            "model": {"encoder": {"name": "embedded", "revision": None, "sha256": "d565" * 16}},
            **parts,
        }
    )


def test_the_calibration_pulse_is_ten_by_five_millimetres() -> None:
    for layout, rows in (("3x4+1", 4), ("6x2", 6), ("12x1", 12)):
        pulses = lines(draw(sheet_of_all(np.zeros(5000)), BARE, layout), "calibration pulse")
        assert len(pulses) == rows
        for pulse in pulses:
            top = pulse[np.isclose(pulse[:, 1], pulse[:, 1].max())]
            assert np.ptp(pulse[:, 1]) == pytest.approx(10)
            assert np.ptp(top[:, 0]) == pytest.approx(5)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_recorded_pulse_measures_the_same(layout: str) -> None:
    signal = np.zeros(5000)
    signal[500:600] = 1.0  # 1 mV from 1.0 s to 1.2 s
    (trace, *_) = lines(draw(sheet_of_all(signal), BARE, layout), "trace I")
    up = trace[trace[:, 1] > trace[:, 1].max() - 0.1]
    assert np.ptp(trace[:, 1]) == pytest.approx(10)
    assert up[0, 0] == pytest.approx(TRACE_LEFT_MM + 25, abs=1e-6)
    # From the first to the last of its samples.
    assert np.ptp(up[:, 0]) == pytest.approx(5 - 25 / FS)


@pytest.mark.parametrize(
    ("layout", "begins_s"),
    [
        ("3x4+1", {"I": 0.0, "aVF": 2.5, "V2": 5.0, "V6": 7.5}),
        ("6x2", {"I": 0.0, "aVF": 0.0, "V2": 5.0, "V6": 5.0}),
        ("12x1", {"I": 0.0, "aVF": 0.0, "V2": 0.0, "V6": 0.0}),
    ],
)
def test_columns_follow_each_other_in_time(layout: str, begins_s: dict[str, float]) -> None:
    sheet = sheet_of_all(np.arange(5000) / 5000.0)  # a ramp tells the time
    placed = {panel.lead: panel for panel in panels(sheet, layout) if panel.label != "II"}
    for lead, start_s in begins_s.items():
        (trace, *_) = lines(draw(sheet, BARE, layout), f"trace {lead}")
        assert trace[0, 0] == pytest.approx(TRACE_LEFT_MM + start_s * 25)
        assert placed[lead].start_s == placed[lead].column_s == start_s
        assert sheet.shown(placed[lead])[0] == pytest.approx(start_s / 10)


def test_the_standard_layout_has_a_rhythm_strip_of_lead_ii() -> None:
    strip = panels(sheet_of_all(np.zeros(5000)), "3x4+1")[-1]
    assert (strip.lead, strip.start_s, strip.seconds, strip.is_strip) == ("II", 0.0, ROW_S, True)
    sheet = Sheet({name: beats(10.0) for name in LEADS if name != "II"}, FS, ())
    assert panels(sheet, "3x4+1")[-1].lead == "V1"
    gap = beats(10.0)
    gap[1000:] = np.nan
    sheet = Sheet({"II": gap, "V1": gap, "V5": beats(10.0)}, FS, ())
    assert panels(sheet, "3x4+1")[-1].lead == "V5", "the one that is complete"


def test_a_short_recording_shows_every_lead_and_says_from_when() -> None:
    figure = draw(sheet_of_all(beats(5.0)), BARE, "3x4+1")
    assert {"I", "aVR", "V1, from 2.5 s", "V4, from 2.5 s"} <= set(texts(figure))
    assert "not recorded" not in texts(figure)


def test_a_recording_that_is_a_few_samples_short_is_no_short_one() -> None:
    said = texts(draw(sheet_of_all(beats(9.99)), BARE, "3x4+1"))
    assert not any("from" in text for text in said)


def test_leads_that_were_recorded_one_after_the_other_are_all_shown() -> None:
    leads = {}
    for number, name in enumerate(LEADS):
        leads[name] = np.full(5000, np.nan)
        begin = 1250 * ((number // 3 + 2) % 4)
        leads[name][begin : begin + 1250] = beats(2.5)
    figure = draw(Sheet(leads, FS, ()), BARE, "3x4+1")
    expected = {"I, from 5.0 s", "aVL, from 7.5 s", "V1, from 0.0 s", "V6, from 2.5 s"}
    assert expected <= set(texts(figure))
    assert "not recorded" not in texts(figure)


def test_a_long_recording_says_that_only_its_beginning_is_shown() -> None:
    figure = draw(sheet_of_all(np.zeros(30_000)), BARE)
    assert any("the first 10 s of 60.0 s" in text for text in texts(figure))


@pytest.mark.parametrize(
    ("seconds", "rows"), [(6.0, 1), (10.0, 1), (20.1, 2), (20.12, 3), (30.0, 3), (200.0, 6)]
)
def test_a_single_lead_has_a_row_for_each_ten_seconds(seconds: float, rows: int) -> None:
    sheet = Sheet({"I": beats(seconds)}, FS, ())
    placed = panels(sheet, "auto")
    assert [panel.start_s for panel in placed] == [10.0 * row for row in range(rows)]
    assert all(panel.lead == "I" and panel.is_strip for panel in placed)
    figure = draw(sheet, BARE)
    assert "not recorded" not in texts(figure)
    assert any("the first 60 s of 200.0 s" in text for text in texts(figure)) == (rows == 6)


@pytest.mark.parametrize("names", [("V1", "V5"), ("I", "II", "III", "aVR", "aVL", "aVF")])
def test_few_leads_have_a_row_each(names: tuple[str, ...]) -> None:
    placed = panels(Sheet(dict.fromkeys(names, beats(10.0)), FS, ()), "auto")
    assert [(panel.lead, panel.row, panel.seconds) for panel in placed] == [
        (name, row, 10.0) for row, name in enumerate(names)
    ]


def test_a_missing_lead_says_so() -> None:
    figure = draw(Sheet({"I": beats(10.0), "V1": beats(10.0)}, FS, ()), BARE, "12x1")
    assert texts(figure).count("not recorded") == 10


@pytest.mark.parametrize("pair", [("I", "II"), ("I", "III"), ("II", "III")])
def test_two_limb_leads_give_all_six(pair: tuple[str, str]) -> None:
    lead_i, lead_ii = beats(10.0), beats(10.0, rate=50.0)
    limb = {"I": lead_i, "II": lead_ii, "III": lead_ii - lead_i}
    data = [limb[name].tolist() for name in pair]
    signal = {"fs": FS, "lead_names": list(pair), "units": "mV", "data": data}
    sheet = sheet_of(answer(signal=signal))
    assert set(sheet.leads) == set(LEADS[:6])
    assert set(sheet.computed) == set(LEADS[:6]) - set(pair)
    for name, expected in {
        **limb,
        "aVR": -(lead_i + lead_ii) / 2,
        "aVL": lead_i - lead_ii / 2,
        "aVF": lead_ii - lead_i / 2,
    }.items():
        np.testing.assert_allclose(sheet.leads[name], expected, atol=1e-6)
    legend = next(text for text in texts(draw(sheet, BARE)) if text.startswith("25 mm/s"))
    assert "computed from the other limb leads" in legend


def test_the_page_says_what_the_report_says() -> None:
    said = texts(draw(sheet_of(answer()), page_texts(answer(), "recording")))
    for expected in (
        "2013-01-25 10:59:19   42 years   female   Cart 9",
        "Atrial fibrillation 0.88 (by labels)",
        "Infarction 0.61",
        "Left ventricular hypertrophy",
        "Pacemaker: yes (0.93)",
        "Quality: Good. Can be read.",
        "402 ± 10 ms",
        "Left, outside -30 to 90",
        "outside 120 to 200",
        "398 ms",
        "441 ms",
        "Atrial fibrillation with rapid response",
        "Abnormal ECG",
        "V3: Reattach the V3 electrode.",
        "! pacemaker: the recording cannot show spikes",
        "Model: embedded d565d565d565. For research; not a medical device.",
    ):
        assert expected in said, expected
    assert any(text.startswith("Superclass: MI 0.70") for text in said)


def test_a_device_that_reports_nothing_has_no_column() -> None:
    without = answer(
        reported=None, warnings=["reported: the recording contains no measurements of its device"]
    )
    said = texts(draw(sheet_of(without), page_texts(without, "recording")))
    assert "by the device" not in said and "The device states" not in said
    assert not any("reported" in text for text in said)


def boxes(figure: Figure) -> list[tuple[str, np.ndarray]]:
    """Return each text with its box [left, bottom, right, top] in mm."""
    renderer = FigureCanvasAgg(figure).get_renderer()
    found = []
    for text in figure.axes[0].texts:
        if text.get_text().strip():
            box = text.get_window_extent(renderer)
            found.append((text.get_text(), np.array(box.extents) / figure.dpi * 25.4))
    return found


def overlap(one: np.ndarray, other: np.ndarray) -> bool:
    return bool(one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3])


def crosses(box: np.ndarray, line: np.ndarray) -> bool:
    """Whether a line from sample to sample passes through a box."""
    inside = (line[:, 0] > box[0]) & (line[:, 0] < box[2])
    y = line[inside, 1]
    low, high = np.minimum(y[:-1], y[1:]), np.maximum(y[:-1], y[1:])
    return bool(((low < box[3]) & (high > box[1])).any())


LONG = "a sentence of the device that is rather long and has to be broken into several lines "
CROWDED = {
    "reported": {
        "device": "a device with a name of some length, of a maker with a longer name",
        "age": 101.0,
        "sex": "female",
        "recording_date": "2013-01-25T10:59:19",
        "measurements": dict.fromkeys(
            (
                *("heart_rate_bpm", "rr_ms", "pr_ms", "p_duration_ms", "qrs_ms", "qt_ms"),
                *("qtc_ms", "qtc_bazett_ms", "qtc_fridericia_ms", "qtc_framingham_ms"),
                *("qtc_hodges_ms", "p_axis_deg", "qrs_axis_deg", "t_axis_deg"),
            ),
            -123.0,
        ),
        "statements": [LONG * 3, "x" * 300],
    },
    "warnings": [f"signal: warning {number} " + LONG * (number % 3) for number in range(9)],
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(
    ("title", "parts"),
    [
        ("recording.dcm", {}),
        ("a very long name of a file, " * 12 + ".dcm", CROWDED),
        ("$two$ dollars", {"fiducials": fiducials(10.0, 170.0, "ectopic")}),
        ("fast", {"fiducials": fiducials(10.0, 240.0, "paced"), **CROWDED}),
    ],
    ids=["usual", "crowded", "ectopic", "fast"],
)
def test_no_text_overlaps_anything(layout: str, title: str, parts: dict[str, Any]) -> None:
    analysis = answer(**parts)
    figure = draw(sheet_of(analysis), page_texts(analysis, title), layout)
    found = boxes(figure)
    assert {text for text, _ in found} >= set(LEADS)
    for text, box in found:
        assert box[0] > 0 and box[1] > 0 and box[2] < 297, text
        assert box[3] < figure.get_figheight() * 25.4, text
    for (one, its_box), (other, other_box) in combinations(found, 2):
        assert not overlap(its_box, other_box), (one, other)
    traces = [line for name in LEADS for line in lines(figure, f"trace {name}")]
    assert len(traces) >= 12
    for text, box in found:
        assert not any(crosses(box, line) for line in traces), text


@pytest.mark.parametrize("seconds", [4.0, 30.0])
def test_no_text_overlaps_the_trace_of_a_single_lead(seconds: float) -> None:
    sheet = Sheet({"II": beats(seconds, 80.0, 3.0)}, FS, fiducials(seconds, 80.0, "normal"))
    figure = draw(sheet, BARE)
    found = boxes(figure)
    for (one, its_box), (other, other_box) in combinations(found, 2):
        assert not overlap(its_box, other_box), (one, other)
    for text, box in found:
        assert not any(crosses(box, line) for line in lines(figure, "trace II")), text


@pytest.mark.parametrize("ending", ["png", "svg", "pdf"])
def test_a_real_analysis_becomes_a_file(server: RunningServer, tmp_path: Path, ending: str) -> None:
    with EcgClient(server.url) as client:
        analysis = client.analyze(
            twelve_seconds().signal, fs=500, lead_names=LEADS, units="mV", include=PARTS
        )
    out = tmp_path / f"ecg.{ending}"
    plot(analysis, out, "recording")
    assert out.read_bytes()[:5] in (b"\x89PNG\r", b"<?xml", b"%PDF-")


def test_what_cannot_be_drawn_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnusableInput, match="--out"):
        plot(answer(), tmp_path / "ecg.xyz", "recording")
    with pytest.raises(UnusableInput, match="no signal"):
        plot(answer(signal=None), tmp_path / "ecg.png", "recording")
    unknown = {"fs": FS, "lead_names": ["II"], "units": "unknown", "data": [[0.0] * 1000]}
    with pytest.raises(UnusableInput, match="unit is unknown"):
        plot(answer(signal=unknown), tmp_path / "ecg.png", "recording")
