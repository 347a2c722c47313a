"""A patient's page: the strip of now and of any moment, trends, alarms, details; click and key."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser import WAIT_MS, requires_chromium
from tests.station.web_pages.conftest import OpenedWard
from tests.station.web_pages.stand_in import StandIn, Ward, now_ms

pytestmark = requires_chromium
MINUTE_MS = 60_000


@pytest.fixture
def server() -> Iterator[StandIn]:
    ward = Ward()
    ward.gaps = [(now_ms() - 30 * MINUTE_MS, now_ms() - 26 * MINUTE_MS)]
    with StandIn(ward) as server:
        yield server


@pytest.fixture
def opened(browser: Browser, server: StandIn) -> Iterator[OpenedWard]:
    """The page of the patient p-4 in bed 04, 1440 x 900."""
    viewport = {"width": 1440, "height": 900}
    opened = OpenedWard(browser, server, viewport=viewport, locale="en-GB")
    opened.goto("/patients/p-4", ".trend-line")
    yield opened
    opened.page.close()


def title(page: Page) -> str:
    return page.locator(".strip-card h2").inner_text()


def test_it_is_reached_from_tile_and_inbox_and_escape_leads_back(
    browser: Browser, server: StandIn
) -> None:
    opened = OpenedWard(browser, server, viewport={"width": 1920, "height": 1080}, locale="de-DE")
    opened.goto("/", ".tile")
    page = opened.page
    page.get_by_role("article", name="Bett 07", exact=True).get_by_role("link").click()
    expect(page).to_have_url(re.compile("/patients/p-7$"))
    expect(page.locator(".who-rate")).to_contain_text("102")
    page.keyboard.press("Escape")
    page.locator(".tile").first.wait_for()
    opened.ward.fire("p-4", "pause", "medium", 3.7)
    page.locator(".row.current").wait_for()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Bett 04")).to_be_visible()
    expect(page.locator(".who-alarm")).to_contain_text("Pause 3,7 s")
    page.go_back()
    page.locator(".tile").first.wait_for()
    opened.check()
    page.close()


def test_a_moment_is_reached_by_click_key_and_date(opened: OpenedWard) -> None:
    page = opened.page
    assert title(page) == "Live strip"
    expect(page.locator(".trend-words")).to_contain_text("signal 9")
    assert len(page.locator(".trend-gap").get_attribute("d") or "") > 100
    figure = page.get_by_role("slider", name="Moment")
    box = figure.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + 0.8 * box["width"], box["y"] + 150)
    page.locator("#ecg-paper").wait_for()
    before = title(page)
    assert before.startswith("Strip at ")
    page.keyboard.press("Shift+ArrowLeft")
    expect(page.locator(".strip-card h2")).not_to_have_text(before)
    at = int(page.url.partition("?at=")[2])
    assert now_ms() - 60 * MINUTE_MS < at < now_ms()
    # In the gap, yesterday, and full paper there.
    gap_ms = opened.ward.gaps[0][0] + 2 * MINUTE_MS
    page.evaluate(f"window.wanted = new Date({gap_ms} - new Date().getTimezoneOffset() * 60000)")
    field = page.get_by_label("Jump to")
    field.fill(page.evaluate("wanted.toISOString().slice(0, 19)"))
    field.blur()
    page.get_by_text("No signal is stored here").wait_for()
    page.get_by_role("button", name="24 h").click()
    for _ in range(3):
        page.keyboard.press("Shift+ArrowLeft")
    page.locator("#ecg-paper").wait_for()
    page.keyboard.press("p")
    expect(page.locator(".trends")).to_have_count(0)
    assert page.locator("#ecg-paper table tbody tr").count() > 20
    page.keyboard.press("Escape")
    page.keyboard.press("l")
    expect(page.locator(".strip-card h2")).to_have_text("Live strip")
    assert "?" not in page.url
    opened.check()


def test_paper_that_is_read_again_stays_where_a_person_moved_it(opened: OpenedWard) -> None:
    opened.goto(f"/patients/p-4?at={now_ms() - 20_000}", "#ecg-paper")
    bar = opened.page.locator(".strip-paper").get_by_role("scrollbar")
    bar.press("Home")
    expect(bar).to_have_attribute("aria-valuenow", "0")
    most = bar.get_attribute("aria-valuemax")
    assert most is not None
    # What has happened meanwhile is on the paper, too.
    expect(bar).not_to_have_attribute("aria-valuemax", most, timeout=WAIT_MS)
    expect(bar).to_have_attribute("aria-valuenow", "0")
    opened.check()


def test_alarms_are_on_the_time_line_with_their_steps(opened: OpenedWard) -> None:
    page, ward = opened.page, opened.ward
    past_ms = now_ms() - 20 * MINUTE_MS
    past = ward.fire("p-4", "asystole", "high", 4.2, since_ms=past_ms)
    ward.step(past, "resolved", ":rule", state="resolved", ended_ms=past_ms + 10_000)
    number = ward.fire("p-4", "pause", "medium", 3.7, since_ms=now_ms() - 5 * MINUTE_MS)
    ward.fire("p-5", "pause", "medium", 3.1)
    expect(page.locator(".trend-alarm")).to_have_count(2)
    expect(page.locator(".own-alarm")).to_have_count(2)
    page.keyboard.press("[")
    expect(page.locator(".own-alarm.current")).to_contain_text("Pause 3.7 s")
    page.locator("#ecg-paper").wait_for()
    page.keyboard.press("a")
    steps = page.get_by_role("list", name="Steps")
    expect(steps).to_contain_text("Acknowledged, M. Vogt")
    assert ward.posted[0] == (f"alarms/{number}/acknowledge", {})
    page.keyboard.press("[")
    expect(page.locator(".own-alarm.current")).to_contain_text("Asystole 4.2 s")
    expect(steps).to_contain_text("Resolved, rule")
    page.keyboard.press("n")
    page.get_by_label("Note", exact=True).fill("Electrode changed")
    page.get_by_role("button", name="Save note").click()
    expect(steps).to_contain_text("Electrode changed")
    assert ward.posted[1] == (f"alarms/{past}/note", {"note": "Electrode changed"})
    # What happens at another bed is seen here, too.
    page.get_by_role("button", name="Bed 05: Pause 3.1 s").click()
    expect(page.get_by_role("heading", name="Bed 05")).to_be_visible()
    expect(page.locator(".own-alarm.current")).to_contain_text("Pause 3.1 s")
    opened.check()


def test_details_are_changed_and_a_fault_is_named(opened: OpenedWard) -> None:
    page = opened.page
    page.keyboard.press("e")
    page.get_by_label("Year of birth").fill("1066")
    page.get_by_role("button", name="Save").click()
    page.get_by_text("Not saved: birth_year: 1066").wait_for()
    page.get_by_label("Year of birth").fill("")
    page.get_by_label("Lower limit of the heart rate").fill("45")
    page.get_by_label("Notes").fill("digoxin")
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".who-facts")).to_contain_text("HR 45–120/min")
    expect(page.locator(".who-notes")).to_contain_text("digoxin")
    assert opened.ward.details["p-4"] == {"birth_year": None, "rate_low": 45, "notes": "digoxin"}
    opened.check(refused=True)


def test_a_stream_without_data_looks_stale_and_an_unknown_patient_is_named(
    opened: OpenedWard,
) -> None:
    page = opened.page
    expect(page.locator(".who-rate")).to_contain_text("81")
    opened.ward.silent.add("p-4")
    expect(page.locator(".who-last")).to_contain_text("No data for", timeout=WAIT_MS)
    expect(page.locator(".who-rate")).to_contain_text("no rate")
    expect(page.locator(".who-last")).to_contain_text("last 81")
    expect(page.locator(".live-strip")).to_have_class(re.compile("stale"))
    opened.goto("/patients/nobody", ".patient-unknown")
    opened.check(refused=True)
