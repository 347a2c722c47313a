"""Measure the ward page in a browser: what a frame of the board costs its main thread.

    python -m benchmarks.station.ward_frames [--beds N] [--seconds N]

The page that the station serves is opened in Debian's chromium (or the one that ECG_CHROMIUM names)
against the stand-in of its tests, whose patients all send, with alarms that flash. Chromium's
tracing gives the tasks of the page's main thread. CPU time is the thread's own, so that other
programs of the machine do not count; the frames a second are what the machine had left.
"""

from __future__ import annotations

import argparse
import os
import shutil
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from playwright.sync_api import Page, ViewportSize, sync_playwright

from benchmarks.machine import machine
from benchmarks.viewer import frames_ms, trace
from tests.station.web_pages.stand_in import KEY, StandIn, Ward

CHROMIUM: Final = os.environ.get("ECG_CHROMIUM") or shutil.which("chromium")
VIEWPORTS: Final[tuple[ViewportSize, ...]] = (
    {"width": 1920, "height": 1080},
    {"width": 2560, "height": 1440},
)
# The lane is full: its strips are drawn, too.
ALARMS: Final = 4
WARM_UP_MS: Final = 15_000


def measure(page: Page, url: str, seconds: int) -> Sequence[Mapping[str, Any]]:
    page.add_init_script(f"sessionStorage.setItem('ecg-key', '{KEY}')")
    page.goto(url)
    page.locator(".tile").first.wait_for()
    page.wait_for_timeout(WARM_UP_MS)
    return trace(page, lambda: page.wait_for_timeout(1000 * seconds))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--beds", type=int, default=32)
    parser.add_argument("--seconds", type=int, default=10)
    options = parser.parse_args()
    print(machine("playwright"))
    with StandIn(Ward(beds=options.beds)) as server, sync_playwright() as playwright:
        for bed in range(1, ALARMS + 1):
            server.ward.fire(f"p-{bed}", "pause", "medium", 3.7)
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        print(f"chromium {browser.version}, {options.beds} beds, no GPU\n")
        print("| main thread, ms a frame | frames/s | CPU median | 95 % | 99 % |")
        print("|---|---|---|---|---|")
        for viewport in VIEWPORTS:
            page = browser.new_page(viewport=viewport)
            events = measure(page, server.url, options.seconds)
            page.close()
            cpu, _ = frames_ms(events)
            figures = " | ".join(f"{ms:.1f}" for ms in np.percentile(cpu, (50, 95, 99)))
            name = f"{viewport['width']} x {viewport['height']}"
            print(f"| {name} | {len(cpu) / options.seconds:.0f} | {figures} |", flush=True)
        browser.close()


if __name__ == "__main__":
    main()
