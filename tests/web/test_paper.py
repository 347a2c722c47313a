"""The paper in a browser: what it draws, how it moves, what its calipers measure.

The recording has a beat every 800 ms, R 1.2 mV high and R of the first beat at 0.4 s. On a page of
1440 px the paper has 4 px a mm: 100 px a second, 40 px a mV, and 40 px before the first column.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator

import numpy as np
import pytest
from playwright.sync_api import Browser, Locator, Page

from signals.leads import LEADS
from tests.browser import Opened, requires_chromium
from tests.data import SHARED, requires_shared
from tests.server.harness import RunningServer

pytestmark = requires_chromium

FS_HZ = 500
RR_S, FIRST_R_S, R_MV = 0.8, 0.4, 1.2
PX_PER_S, PX_PER_MV, LEFT_PX = 100, 40, 40
# 1.5 mm margin and 1 mm foot: there the calibration pulse rises 40 px in each row.
PULSE_X = 10
GAP_S = (5.5, 6.1)
PAPER = "#ecg-paper"


def npz(seconds: int) -> bytes:
    """Twelve leads of the same beats; V3 has a gap."""
    time_s = np.arange(seconds * FS_HZ) / FS_HZ
    away_s = (time_s - FIRST_R_S + RR_S / 2) % RR_S - RR_S / 2
    waves = ((0.15, -0.16, 0.02), (R_MV, 0.0, 0.01), (0.3, 0.26, 0.04))
    beat = sum(mv * np.exp(-(((away_s - at) / width) ** 2) / 2) for mv, at, width in waves)
    # Limb leads that agree with each other: I = beat / 2, II = beat.
    scale = dict(zip(LEADS, (0.5, 1, 0.5, -0.75, 0, 0.75, 1, 1, 1, 1, 1, 1), strict=True))
    rng = np.random.default_rng(3)
    noise = rng.normal(0, 0.002, (len(LEADS), time_s.size))
    signal = np.array([scale[lead] * beat for lead in LEADS]) + noise
    gap = slice(int(GAP_S[0] * FS_HZ), int(GAP_S[1] * FS_HZ))
    signal[LEADS.index("V3"), gap] = np.nan
    content = io.BytesIO()
    np.savez(content, signal=signal.astype(np.float32), fs=FS_HZ, leads=np.array(LEADS), unit="mV")
    return content.getvalue()


class Paper:
    """The opened paper, with places on it in CSS px."""

    def __init__(self, opened: Opened, seconds: int) -> None:
        self.page: Page = opened.page
        file = {"name": "beats.npz", "mimeType": "application/octet-stream", "buffer": npz(seconds)}
        self.page.locator("input[type=file]").first.set_input_files([file])
        self.page.locator(f"{PAPER} table").wait_for(state="attached")
        box = self.page.locator(PAPER).bounding_box()
        assert box is not None
        self.left, self.top = box["x"], box["y"]
        self.width, self.height = box["width"], box["height"]
        # The strip is the last row, over the line of captions.
        self.strip_y = self.top + self.height - 60

    def x(self, second: float) -> float:
        return self.left + LEFT_PX + second * PX_PER_S

    def tool(self, name: str) -> Locator:
        return self.page.get_by_role("button", name=name, exact=True)

    def drag(self, from_s: float, to_s: float) -> None:
        self.page.mouse.move(self.x(from_s), self.strip_y)
        self.page.mouse.down()
        self.page.mouse.move(self.x(to_s), self.strip_y, steps=5)
        self.page.mouse.up()

    def end(self, at: int) -> Locator:
        return self.page.get_by_role("slider", name="of the interval").nth(at)

    def caliper(self) -> str:
        return self.end(0).get_attribute("aria-valuetext") or ""

    def milliseconds(self) -> float:
        found = re.search(r"(\d+) ms", self.caliper())
        assert found is not None, self.caliper()
        return float(found[1])

    def pixels(self, layer: int, x: float, y: float, width: int, height: int) -> np.ndarray:
        """Return (height, width, 4) of a canvas: 0 the picture, 1 the marks. x and y in CSS px."""
        values = self.page.evaluate(
            """([layer, x, y, width, height]) => {
              const canvas = document.querySelectorAll("#ecg-paper canvas")[layer];
              return [...canvas.getContext("2d").getImageData(x, y, width, height).data];
            }""",
            [layer, int(x - self.left), int(y - self.top), width, height],
        )
        return np.array(values).reshape(height, width, 4)

    def rows(self) -> int:
        """Count the calibration pulses: dark runs of about 40 px."""
        column = self.pixels(0, self.left + PULSE_X, self.top, 1, int(self.height))[:, 0, :3]
        dark = np.flatnonzero(np.diff(np.r_[0, (column.sum(axis=1) < 450).astype(int), 0]))
        runs = dark[1::2] - dark[::2]
        return int(np.sum(runs >= PX_PER_MV * 0.8))

    def seen_s(self) -> float:
        value = self.page.get_by_role("scrollbar").get_attribute("aria-valuenow")
        assert value is not None
        return float(value)


@pytest.fixture
def paper(viewer: Opened) -> Iterator[Paper]:
    yield Paper(viewer, seconds=10)
    viewer.check()


@pytest.fixture
def long_paper(viewer: Opened) -> Iterator[Paper]:
    yield Paper(viewer, seconds=30)
    viewer.check()


def test_a_caliper_snaps_to_beats_and_measures_them_to_2_ms(paper: Paper) -> None:
    paper.tool("Caliper").click()
    # A pixel beside both beats.
    paper.drag(FIRST_R_S + RR_S + 0.01, FIRST_R_S + 2 * RR_S - 0.01)
    assert paper.caliper().startswith("RR ")
    assert paper.milliseconds() == pytest.approx(1000 * RR_S, abs=2)
    assert "75.0/min" in paper.caliper()


def test_the_ends_move_by_keys_and_measure_voltages_to_20_microvolts(paper: Paper) -> None:
    paper.tool("Caliper").click()
    paper.page.locator(PAPER).focus()
    paper.page.keyboard.press("Enter")
    assert paper.milliseconds() == pytest.approx(1000 * RR_S, abs=2)
    end = paper.end(1)
    end.focus()
    before = paper.milliseconds()
    end.press("ArrowLeft")
    assert paper.milliseconds() == pytest.approx(before - 2, abs=1)
    # 100 ms before R nothing is left of P and R: the drop is that of R.
    for _ in range(5):
        end.press("Shift+ArrowLeft")
    found = re.search(r"(−?)(\d+\.\d+) mV", paper.caliper())
    assert found is not None, paper.caliper()
    assert float(found[2]) == pytest.approx(R_MV, abs=0.02)
    assert found[1] == "−"


def test_two_clicks_do_what_a_drag_does(paper: Paper) -> None:
    paper.tool("Caliper").click()
    for beat in (3, 4):
        paper.page.mouse.click(paper.x(FIRST_R_S + beat * RR_S), paper.strip_y)
    assert paper.milliseconds() == pytest.approx(1000 * RR_S, abs=2)


def test_qt_is_corrected_by_four_formulas(paper: Paper) -> None:
    paper.tool("Caliper").click()
    paper.page.keyboard.down("Alt")
    paper.drag(FIRST_R_S + 2 * RR_S - 0.04, FIRST_R_S + 2 * RR_S + 0.36)
    paper.page.keyboard.up("Alt")
    qt_ms = paper.milliseconds()
    paper.tool("QTc").click()
    panel = paper.page.get_by_role("region", name="QT")
    corrected = dict(
        zip(
            panel.locator("dt").all_inner_texts(),
            panel.locator("dd").all_inner_texts(),
            strict=True,
        )
    )
    assert list(corrected) == ["Bazett", "Fridericia", "Framingham", "Hodges"]
    assert float(corrected["Bazett"].split()[0]) == pytest.approx(qt_ms / RR_S**0.5, abs=2)
    # The tangent of a bell ends two of its widths after its peak.
    panel.get_by_role("button").click()
    assert paper.milliseconds() == pytest.approx(1000 * (0.04 + 0.26 + 2 * 0.04), abs=15)


def test_each_layout_has_its_rows(paper: Paper) -> None:
    for name, rows in (("3×4 + II", 4), ("6×2", 6), ("12×1", 12), ("Cabrera", 4)):
        paper.tool(name).click()
        paper.page.wait_for_timeout(100)
        if rows < 12:
            assert paper.rows() == rows, name
        else:
            # The last of twelve rows may reach below the screen.
            assert paper.rows() >= 8, name


def test_a_gap_is_hatched_and_has_no_line(paper: Paper) -> None:
    """V3 is the third lead of the third column, 5 to 7.5 s."""
    middle_y = paper.top + paper.height * 0.62
    x = paper.x(GAP_S[0]) + 4
    width = int(PX_PER_S * (GAP_S[1] - GAP_S[0])) - 8
    inside = paper.pixels(0, x, middle_y, width, 30)[:, :, :3]
    assert inside.sum(axis=2).min() > 100, "no trace in the gap"
    bluish = (inside[:, :, 2] > inside[:, :, 0] + 30).mean()
    assert bluish > 0.02, "a hatch in the technical colour"


def test_wheel_keys_and_drag_pan_a_long_recording(long_paper: Paper) -> None:
    paper = long_paper
    page = paper.page
    assert paper.seen_s() == 0
    page.mouse.move(paper.x(5), paper.strip_y)
    page.mouse.wheel(0, 300)
    page.wait_for_timeout(100)
    assert paper.seen_s() == pytest.approx(3.0, abs=0.02)
    page.keyboard.press("ArrowLeft")
    page.wait_for_timeout(100)
    assert paper.seen_s() == pytest.approx(2.8, abs=0.02)
    paper.drag(5, 7)
    page.wait_for_timeout(100)
    assert paper.seen_s() == pytest.approx(0.8, abs=0.02)
    bar = page.get_by_role("scrollbar")
    bar.press("End")
    page.wait_for_timeout(100)
    assert paper.seen_s() == pytest.approx(float(bar.get_attribute("aria-valuemax") or 0), abs=0.01)


def test_the_time_bar_and_handles_keep_other_presses_from_the_paper(long_paper: Paper) -> None:
    paper = long_paper
    page = paper.page
    paper.tool("Caliper").click()
    paper.drag(FIRST_R_S + RR_S, FIRST_R_S + 1.5 * RR_S)
    paper.tool("Caliper").click()
    paper.end(0).dblclick()
    bar = page.get_by_role("scrollbar")
    bar.click(button="right")
    bar.press("Alt+ArrowRight")
    page.wait_for_timeout(100)
    assert paper.seen_s() == 0
    assert page.get_by_text(re.compile(r"zoom \d+ %")).count() == 0
    bar.press("ArrowRight")
    page.wait_for_timeout(100)
    assert paper.seen_s() == pytest.approx(1.0, abs=0.02)


def test_zoom_keeps_the_moment_under_the_pointer(long_paper: Paper) -> None:
    paper = long_paper
    page = paper.page
    page.mouse.move(paper.x(FIRST_R_S + 5 * RR_S), paper.strip_y)
    page.keyboard.down("Control")
    page.mouse.wheel(0, -350)
    page.keyboard.up("Control")
    page.get_by_text(re.compile(r"zoom 201 %")).wait_for()
    paper.tool("Caliper").click()
    page.mouse.click(paper.x(FIRST_R_S + 5 * RR_S), paper.strip_y)
    second = float(paper.end(0).get_attribute("aria-valuenow") or 0)
    assert second == pytest.approx(FIRST_R_S + 5 * RR_S, abs=0.01)
    paper.tool("Caliper").click()
    page.mouse.dblclick(paper.x(5), paper.top + 60)
    page.get_by_text(re.compile(r"zoom 201 %")).wait_for(state="detached")


def test_a_part_is_chosen_and_opened(paper: Paper) -> None:
    paper.tool("Crop").click()
    paper.drag(2, 6)
    page = paper.page
    start = page.get_by_role("slider", name="Start of the part")
    start.focus()
    start.press("Shift+ArrowRight")
    page.get_by_role("button", name="Open 3.98 s on their own").click()
    page.get_by_text("2.0–6.0 s").first.wait_for()


def test_intervals_march_over_the_strip(paper: Paper) -> None:
    paper.tool("March out").click()
    paper.drag(FIRST_R_S + RR_S, FIRST_R_S + 2 * RR_S)
    paper.page.wait_for_timeout(100)
    # Ticks of the accent colour a whole number of intervals away, at the lower edge of the strip.
    for beat in (4, 8, 11):
        x = paper.x(FIRST_R_S + beat * RR_S)
        ticks = paper.pixels(1, x - 4, paper.top + paper.height - 50, 8, 30)
        assert (ticks[:, :, 3] > 100).any(), beat


def test_the_theme_changes_the_paper(browser: Browser, embedded: RunningServer) -> None:
    brightness = {}
    for scheme in ("light", "dark"):
        viewport = {"width": 1440, "height": 900}
        opened = Opened(browser, embedded, viewport=viewport, color_scheme=scheme)
        opened.goto("/", "main")
        paper = Paper(opened, seconds=10)
        corner = paper.pixels(0, paper.left + paper.width - 60, paper.top + 2, 40, 10)
        brightness[scheme] = corner[:, :, :3].mean()
        opened.check()
        opened.page.close()
    assert brightness["light"] > 220
    assert brightness["dark"] < 40


def test_a_print_is_true_to_scale(paper: Paper) -> None:
    """300 dots an inch are 11.81 a mm: the pulse is 5 mm wide and 10 mm high, within a pixel."""
    page = paper.page
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    canvas = f"{PAPER} canvas.paper-printed"
    dots = 300 / 25.4
    size = page.locator(canvas).evaluate("(canvas) => [canvas.width, canvas.style.width]")
    assert size == [round(261 * dots), "261mm"]
    pulse = page.locator(canvas).evaluate(
        """(canvas) => {
          const { data } = canvas.getContext("2d").getImageData(0, 0, 110, canvas.height / 2);
          return [...data].filter((_, at) => at % 4 === 0);
        }"""
    )
    dark = np.array(pulse).reshape(-1, 110) < 90
    columns = np.flatnonzero(dark.sum(axis=0) > 9 * dots)
    rise, fall = columns[0], columns[-1]
    width = fall - rise + 1 - 0.28 * dots
    assert width == pytest.approx(5 * dots, abs=1.5)
    rows = np.flatnonzero(dark[:, (rise + fall) // 2])
    feet = np.flatnonzero(dark[:, rise - 6])
    assert feet[0] - rows[0] == pytest.approx(10 * dots, abs=1.5)


@requires_shared
def test_pacing_spikes_are_ticks_over_the_trace(viewer: Opened) -> None:
    """PTB-XL 144 is paced. A tick is 4 mm, 16 px, high and as wide as a line."""
    files = [SHARED / "ptbxl" / "raw500" / f"00144_hr.{ending}" for ending in ("hea", "dat")]
    viewer.page.locator("input[type=file]").first.set_input_files(files)
    viewer.page.locator(f"{PAPER} table").wait_for(state="attached")
    marked = viewer.page.evaluate(
        """() => {
          const canvas = document.querySelectorAll("#ecg-paper canvas")[1];
          const context = canvas.getContext("2d");
          const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
          return [canvas.height, ...data.filter((_, at) => at % 4 === 3)];
        }"""
    )
    layer = np.array(marked[1:]).reshape(marked[0], -1) > 200
    strip = layer[int(layer.shape[0] * 0.75) :]
    ticks = np.flatnonzero(strip.sum(axis=0) >= 15)
    assert np.sum(np.diff(ticks) > 20) >= 3, "one for each of several beats"
    viewer.check()
