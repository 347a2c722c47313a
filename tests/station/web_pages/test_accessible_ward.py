"""axe-core finds nothing serious on the pages of the ward, in each width and theme."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser

from tests.browser import requires_chromium
from tests.station.web_pages.conftest import OpenedWard
from tests.station.web_pages.stand_in import StandIn, now_ms
from tests.web.test_accessible import AXE, faults

pytestmark = [
    requires_chromium,
    pytest.mark.skipif(
        not AXE.is_file(), reason="NO AXE-CORE: accessibility is not tested; run `npm ci` in web/"
    ),
]
SIZES = {"phone": (390, 844), "tablet": (820, 1180), "wide": (1920, 1080)}
OTHERS = [(size, theme) for size in SIZES for theme in ("dark", "light")][:-1]


each_look = pytest.mark.parametrize(
    ("size", "theme"),
    [("wide", "light"), *(pytest.param(*other, marks=pytest.mark.long) for other in OTHERS)],
)


@each_look
def test_the_board_and_the_inbox(browser: Browser, server: StandIn, size: str, theme: str) -> None:
    width, height = SIZES[size]
    viewport = {"width": width, "height": height}
    opened = OpenedWard(browser, server, viewport=viewport, locale="en-GB")
    opened.page.add_init_script(f"localStorage.setItem('ecg-theme', '{theme}')")
    ward = opened.ward
    ward.fire("p-3", "ventricular_tachycardia", "high", 200)
    ward.fire("p-4", "pause", "medium", 3.7)
    ward.fire("p-8", "leads_off", "technical", 1)
    seen = ward.fire("p-5", "ventricular_beats", "low", 19)
    ward.step(seen, "acknowledged", "M. Vogt", state="acknowledged")
    opened.goto("/", ".tile.alarm")
    page = opened.page
    found = {"board": faults(page)}
    if size != "wide":
        page.get_by_role("button", name="Show alarms").click()
        page.locator(".inbox").wait_for()
        found["inbox"] = faults(page)
    page.keyboard.press("n")
    page.get_by_role("dialog").wait_for()
    found["note"] = faults(page)
    assert {state: each for state, each in found.items() if each} == {}
    opened.check()
    page.close()


@each_look
def test_a_patients_page(browser: Browser, server: StandIn, size: str, theme: str) -> None:
    width, height = SIZES[size]
    opened = OpenedWard(browser, server, viewport={"width": width, "height": height})
    opened.page.add_init_script(f"localStorage.setItem('ecg-theme', '{theme}')")
    opened.ward.fire("p-4", "asystole", "high", 4.2)
    opened.ward.fire("p-4", "pause", "medium", 3.7, since_ms=now_ms() - 600_000)
    opened.goto("/patients/p-4", ".trend-line")
    page = opened.page
    page.locator(".own-steps").wait_for()
    found = {"live": faults(page)}
    page.keyboard.press("[")
    page.locator("#ecg-paper").wait_for()
    found["past"] = faults(page)
    page.keyboard.press("e")
    page.get_by_role("dialog").wait_for()
    found["details"] = faults(page)
    assert {state: each for state, each in found.items() if each} == {}
    opened.check()
    page.close()
