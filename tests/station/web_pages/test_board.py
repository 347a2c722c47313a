"""The bed board and the inbox: what is seen of beds and alarms, and what keys do."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

from playwright.sync_api import Browser, expect

from tests.browser import WAIT_MS, Opened, requires_chromium
from tests.station.web_pages.conftest import OpenedWard
from tests.station.web_pages.stand_in import KEY, StandIn

pytestmark = requires_chromium
# Pixels of a tile's strip that are drawn, of its canvas.
DRAWN = """tile => {
  const strip = tile.querySelector("[data-strip]").getBoundingClientRect();
  const canvas = tile.parentElement.querySelector("canvas");
  const outer = canvas.getBoundingClientRect();
  const box = [strip.left - outer.left, strip.top - outer.top, strip.width, strip.height];
  const { data } = canvas.getContext("2d").getImageData(...box.map(Math.round));
  let drawn = 0;
  for (let at = 3; at < data.length; at += 4) if (data[at] > 0) drawn++;
  return drawn;
}"""


def wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_MS / 1000
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_beds_have_their_places_strips_and_rates(opened: OpenedWard) -> None:
    names = opened.page.locator(".tile .bed-name").all_inner_texts()
    assert names == [f"{bed:02}" for bed in range(1, 17)]
    tile = opened.tile("03")
    expect(tile.locator(".rate")).to_contain_text("74")
    expect(tile.locator(".tile-person")).to_have_text("p-3 46 y F")
    # A trace over the whole page, less the gap.
    wait_until(lambda: int(tile.evaluate(DRAWN)) > 500)
    opened.check()


def test_an_alarm_is_seen_at_its_bed_in_the_lane_in_the_inbox_and_in_the_counts(
    opened: OpenedWard,
) -> None:
    page = opened.page
    expect(page.locator(".lane-empty")).to_be_visible()
    opened.ward.fire("p-3", "ventricular_tachycardia", "high", 200)
    opened.ward.fire("p-4", "pause", "medium", 3.7)
    opened.ward.fire("p-8", "leads_off", "technical", 1)
    expect(opened.tile("03")).to_have_class(re.compile("alarm high firing"))
    expect(opened.tile("03")).to_contain_text("Ventricular tachycardia 200/min")
    expect(opened.tile("04")).to_contain_text("Pause 3.7 s")
    expect(opened.tile("08")).to_contain_text("1 lead off")
    assert page.locator(".card .bed-name").all_inner_texts() == ["03", "04"]
    assert page.locator(".row .row-bed").all_inner_texts() == ["03", "04", "08"]
    counts = [text.split() for text in page.locator(".count").all_inner_texts()]
    assert counts == [["1", "High"], ["1", "Medium"], ["1", "Low"]]
    expect(page.get_by_role("alert")).to_contain_text(
        "High priority, Bed 03, Ventricular tachycardia 200/min"
    )
    # The tiles have not moved.
    assert page.locator(".tile .bed-name").nth(2).inner_text() == "03"
    opened.check()


def test_keys_acknowledge_silence_note_and_open(opened: OpenedWard) -> None:
    page, ward = opened.page, opened.ward
    ward.fire("p-4", "pause", "medium", 3.7)
    number = ward.fire("p-3", "asystole", "high", 4.2)
    expect(opened.row("Asystole 4.2 s")).to_have_class(re.compile("current"))
    page.keyboard.press("j")
    page.keyboard.press("a")
    expect(opened.row("Asystole")).to_contain_text("Acknowledged M. Vogt")
    assert ward.posted[0] == (f"alarms/{number}/acknowledge", {})
    expect(opened.tile("03")).to_have_class(re.compile("alarm high seen"))
    page.keyboard.press("k")
    expect(opened.row("Pause")).to_have_class(re.compile("current"))
    page.keyboard.press("s")
    expect(opened.row("Pause")).to_contain_text("Silent 1:5")
    assert ward.posted[1] == ("patients/p-4/silence", {"seconds": 120})
    page.keyboard.press("n")
    page.get_by_label("Note", exact=True).fill("Seen at the bed, asa")
    assert len(ward.posted) == 2
    page.get_by_role("button", name="Save note").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert ward.posted[2] == ("alarms/1/note", {"note": "Seen at the bed, asa"})
    page.keyboard.press("?")
    page.get_by_role("dialog", name="Keys").wait_for()
    page.keyboard.press("Escape")
    page.keyboard.type("12")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/patients/p-12$"))
    opened.check()


def test_a_strip_without_data_looks_like_that(opened: OpenedWard) -> None:
    tile = opened.tile("07")
    wait_until(lambda: int(tile.evaluate(DRAWN)) > 500)
    opened.ward.silent.add("p-7")
    expect(tile).to_contain_text("No data for", timeout=WAIT_MS)
    expect(tile.locator(".rate")).to_contain_text("no rate")
    expect(tile).to_contain_text("last 102")
    expect(opened.tile("06")).not_to_contain_text("No data")
    opened.ward.silent.clear()
    expect(tile.locator(".rate")).to_contain_text("102", timeout=WAIT_MS)
    opened.check()


def test_events_that_were_missed_come_once_the_station_is_back(opened: OpenedWard) -> None:
    page, ward = opened.page, opened.ward
    ward.fire("p-1", "pause", "medium", 3.1)
    opened.row("Pause 3.1 s").wait_for()
    ward.is_down = True
    page.get_by_text("Station not reachable since").wait_for()
    ward.fire("p-2", "pause", "medium", 3.2)
    ward.is_down = False
    opened.row("Pause 3.2 s").wait_for()
    expect(page.locator(".ward-offline")).to_have_count(0)
    expect(opened.row("Pause")).to_have_count(2)
    network = "Failed to load resource: net::"
    assert [text for text in opened.errors if not text.startswith(network)] == []


def test_missing_labels_are_said_and_alarms_go_on(opened: OpenedWard) -> None:
    page, ward = opened.page, opened.ward
    ward.unlabelled_ms = 1
    note = page.get_by_text("No labels of 12-lead recordings since")
    note.wait_for()
    ward.fire("p-2", "pause", "medium", 3.2)
    opened.row("Pause 3.2 s").wait_for()
    ward.unlabelled_ms = None
    expect(note).to_have_count(0, timeout=WAIT_MS)
    opened.check()


def test_the_key_is_asked_for(browser: Browser, server: StandIn) -> None:
    opened = Opened(browser, server, locale="en-GB")
    opened.goto("/", "main")
    page = opened.page
    page.get_by_role("heading", name="This station asks for a key").wait_for()
    page.get_by_label("Key", exact=True).fill("wrong")
    page.get_by_role("button", name="Continue").click()
    page.get_by_text("The key was refused.").wait_for()
    page.get_by_label("Key", exact=True).fill(KEY)
    page.get_by_role("button", name="Continue").click()
    page.locator(".tile").first.wait_for()
    stored = page.evaluate("[{...localStorage}, Object.values(sessionStorage)]")
    assert stored == [{}, [KEY]]
    opened.check(refused=True)
    page.close()


def test_a_ward_is_dark_until_another_theme_is_chosen(browser: Browser, server: StandIn) -> None:
    opened = OpenedWard(browser, server, locale="de-DE", color_scheme="light")
    opened.goto("/", ".tile")
    page = opened.page
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.get_by_text("Ersetzt keine Überwachung am Bett.").wait_for()
    opened.ward.fire("p-4", "pause", "medium", 3.7)
    page.locator(".tile", has_text="Pause 3,7 s").wait_for()
    page.get_by_role("button", name="Darstellung").click()
    page.get_by_role("menuitemradio", name="Hell").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "light")
    opened.check()
    page.close()
