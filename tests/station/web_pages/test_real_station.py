"""A patient's page on the station itself: what was watched is drawn, what is changed is kept."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from station.ingest.frame import encode
from station.store.engine import open_engine
from station.times import SECOND_MS, now_ms
from tests.browser import Opened, requires_chromium
from tests.station.running import Station, running_station
from tests.station.worker.test_session import PARTS, watch_all
from tests.station.worker.wards import records_of, register, store

pytestmark = requires_chromium
SECONDS = 60


@pytest.fixture
def station(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Station]:
    """A patient whose heart stopped 40 s ago, for 9 s."""
    folder = tmp_path_factory.mktemp("station")
    with running_station(folder, f"sqlite:///{folder}/station.db") as station:
        engine = open_engine(station.database_url)
        register(engine, 1)
        records = records_of(0, SECONDS, now_ms() - SECONDS * SECOND_MS)
        store(engine, [encode(record) for record in records], now_ms())
        watch_all(engine, PARTS)
        engine.dispose()
        yield station


def test_a_minute_that_was_watched(browser: Browser, station: Station) -> None:
    opened = Opened(browser, station, viewport={"width": 1440, "height": 900}, locale="en-GB")
    page = opened.page
    page.add_init_script(f"sessionStorage.setItem('ecg-key', '{station.keys['ward']}')")
    opened.goto("/patients/p-0", ".trend-line")
    expect(page.locator(".own-alarm", has_text="Asystole")).to_be_visible()
    expect(page.get_by_role("list", name="Steps")).to_contain_text("Fired, rule")
    page.keyboard.press("[")
    beats = page.locator("#ecg-paper table tbody tr")
    expect(beats.first).to_contain_text("N")
    assert beats.count() > 30
    assert page.locator(".trend-line").get_attribute("d")
    page.reload()
    beats.first.wait_for()
    page.locator(".own-alarm.current").wait_for()
    page.keyboard.press("j")
    page.keyboard.press("a")
    expect(page.get_by_role("list", name="Steps")).to_contain_text("Acknowledged, ward")
    page.keyboard.press("e")
    page.get_by_label("Upper limit of the heart rate").fill("30")
    page.get_by_label("Lower limit of the heart rate").fill("40")
    page.get_by_role("button", name="Save").click()
    page.get_by_text("Not saved: rate_low").wait_for()
    page.get_by_label("Upper limit of the heart rate").fill("130")
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".who-facts")).to_contain_text("HR 40–130/min")
    opened.check(refused=True)
    page.close()
