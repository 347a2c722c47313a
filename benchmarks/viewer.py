"""Measure the viewer in a browser: main-thread time of a frame while panning, and the first trace.

    python -m benchmarks.viewer

The page that the server serves is opened in Debian's chromium (or the one that ECG_CHROMIUM names)
and driven by real wheel events. Chromium's tracing gives the tasks of the page's main thread. A
frame is what that thread does between two beginnings of a frame. CPU time is the thread's own, so
that other programs of the machine do not count.
"""

from __future__ import annotations

import io
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import Browser, CDPSession, Page, ViewportSize, sync_playwright

from benchmarks.machine import machine
from benchmarks.running import RunningServer

CHROMIUM = os.environ.get("ECG_CHROMIUM") or shutil.which("chromium")
VIEWPORT: ViewportSize = {"width": 1440, "height": 900}
LEADS = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")
FS_HZ = 500
LONG_S, SHORT_S = 600, 10
WHEELS, WHEEL_PX = 400, 24
ZOOMS = 60
FIRST_TRACES = 5
CATEGORIES = "devtools.timeline,disabled-by-default-devtools.timeline,toplevel"
WAIT_MS = 120_000
MS_PER_US = 1e-3
PAPER = "#ecg-paper"
# The calibration pulse's left edge is drawn with the first trace: 1.5 mm margin, 1 mm foot, 4 px.
IS_DRAWN = """() => {
  const canvas = document.querySelector("#ecg-paper canvas");
  if (canvas === null || canvas.width < 100) return false;
  const { data } = canvas.getContext("2d").getImageData(0, 0, 40, canvas.height);
  let dark = 0;
  for (let at = 0; at < data.length; at += 4) if (data[at] + data[at + 1] < 120) dark++;
  return dark > 60;
}"""


def recording(seconds: int) -> bytes:
    """Return a .npz of twelve leads: beats at 75 a minute with noise, the same every time."""
    time_s = np.arange(seconds * FS_HZ) / FS_HZ
    phase_s = time_s % 0.8 - 0.3
    waves = ((0.1, -0.16, 0.02), (1.1, 0.0, 0.011), (-0.25, 0.03, 0.012), (0.3, 0.28, 0.05))
    beat = sum(mv * np.exp(-(((phase_s - at) / width) ** 2) / 2) for mv, at, width in waves)
    noise = np.random.default_rng(7).normal(0, 0.01, (len(LEADS), time_s.size))
    scale = np.linspace(0.4, 1.5, len(LEADS))[:, None]
    signal = (scale * beat + noise).astype(np.float32)
    content = io.BytesIO()
    np.savez(content, signal=signal, fs=FS_HZ, leads=np.array(LEADS), unit="mV")
    return content.getvalue()


def open_recording(page: Page, path: Path) -> float:
    """Drop a file onto the page and return the seconds until its trace is drawn."""
    start_s = time.perf_counter()
    page.locator("input[type=file]").first.set_input_files(path)
    page.wait_for_function(IS_DRAWN, polling=5, timeout=WAIT_MS)
    return time.perf_counter() - start_s


def new_page(browser: Browser, server: RunningServer) -> Page:
    page = browser.new_page(viewport=VIEWPORT)
    page.set_default_timeout(WAIT_MS)
    page.goto(server.url)
    page.locator("input[type=file]").first.wait_for(state="attached")
    return page


def trace(page: Page, act: Any) -> list[dict[str, Any]]:
    """Return chromium's trace events of what `act` does."""
    session: CDPSession = page.context.new_cdp_session(page)
    events: list[dict[str, Any]] = []
    session.on("Tracing.dataCollected", lambda batch: events.extend(batch["value"]))
    done: list[bool] = []
    session.on("Tracing.tracingComplete", lambda _: done.append(True))
    session.send(
        "Tracing.start",
        {"traceConfig": {"includedCategories": CATEGORIES.split(",")}},
    )
    act()
    session.send("Tracing.end")
    while not done:
        page.wait_for_timeout(50)
    return events


def frames_ms(events: Sequence[Mapping[str, Any]]) -> tuple[list[float], list[float]]:
    """Return CPU and wall ms of the page's main thread, of each frame that drew the canvas.

    A frame begins with the task in which the page's animation callback runs.
    """
    callbacks = [event for event in events if event["name"] == "FireAnimationFrame"]
    threads = [(event["pid"], event["tid"]) for event in callbacks]
    page = max(set(threads), key=threads.count)
    own = [event for event in events if (event["pid"], event["tid"]) == page]
    tasks = sorted(
        (event for event in own if event["name"] == "RunTask" and "dur" in event),
        key=lambda event: event["ts"],
    )
    starts = np.array([task["ts"] for task in tasks])
    drawing = {int(np.searchsorted(starts, each["ts"], "right")) - 1 for each in callbacks}
    cpu: list[float] = []
    wall: list[float] = []
    for at, task in enumerate(tasks):
        if at in drawing:
            cpu.append(0.0)
            wall.append(0.0)
        if cpu:
            cpu[-1] += task.get("tdur", task["dur"]) * MS_PER_US
            wall[-1] += task["dur"] * MS_PER_US
    return cpu, wall


def pan(page: Page) -> None:
    box = page.locator(PAPER).bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    for _ in range(WHEELS):
        page.mouse.wheel(0, WHEEL_PX)
        page.wait_for_timeout(16)


def zoom(page: Page) -> None:
    page.keyboard.down("Control")
    for step in range(2 * ZOOMS):
        page.mouse.wheel(0, -WHEEL_PX if step < ZOOMS else WHEEL_PX)
        page.wait_for_timeout(16)
    page.keyboard.up("Control")


def print_row(name: str, events: Sequence[Mapping[str, Any]]) -> None:
    cpu, wall = frames_ms(events)
    figures = [np.median(cpu), np.percentile(cpu, 95), np.median(wall), np.percentile(wall, 95)]
    print(
        f"| {name} | {len(cpu)} | " + " | ".join(f"{ms:.1f}" for ms in figures) + " |", flush=True
    )


def main() -> None:
    print(machine("playwright"))
    with (
        tempfile.TemporaryDirectory() as folder,
        RunningServer({"ECG_MODEL": "embedded"}) as server,
        sync_playwright() as playwright,
    ):
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        print(f"chromium {browser.version}, {VIEWPORT['width']} x {VIEWPORT['height']}, no GPU\n")
        short, long = Path(folder) / "short.npz", Path(folder) / "long.npz"
        short.write_bytes(recording(SHORT_S))
        long.write_bytes(recording(LONG_S))
        print("| main thread, ms a frame | frames | CPU median | 95 % | wall median | 95 % |")
        print("|---|---|---|---|---|---|")
        page = new_page(browser, server)
        long_s = open_recording(page, long)
        page.wait_for_timeout(3000)
        print_row("pan ten minutes of 12 leads, 500 Hz", trace(page, lambda: pan(page)))
        print_row("zoom in and out, the same", trace(page, lambda: zoom(page)))
        page.close()
        firsts = []
        for _ in range(FIRST_TRACES):
            page = new_page(browser, server)
            firsts.append(open_recording(page, short))
            page.close()
        print("\n| from drop to first trace | s |\n|---|---|")
        print(f"| 12 x 5000, median of {FIRST_TRACES} | {statistics.median(firsts):.2f} |")
        print(f"| 12 x 300000, once | {long_s:.2f} |")
        browser.close()


if __name__ == "__main__":
    main()
