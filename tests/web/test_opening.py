"""Ways to open a recording: several files at once, the clipboard, a text box, the examples."""

from __future__ import annotations

import json

from playwright.sync_api import expect

from server.openapi.examples import record
from tests.browser import Opened, requires_chromium
from tests.data import requires_shared
from tests.formats.samples import FOLDER
from tests.web.dropping import drop, paste

pytestmark = requires_chromium


def names(viewer: Opened) -> list[str]:
    return [text.strip() for text in viewer.page.locator(".tab-name").all_inner_texts()]


def wait_for_answers(viewer: Opened) -> None:
    viewer.page.locator(".foot p").wait_for()


@requires_shared
def test_files_that_belong_together_open_as_one_recording(viewer: Opened) -> None:
    wfdb = FOLDER / "wfdb"
    files = [wfdb / "00001_lr.hea", wfdb / "00001_lr.dat", FOLDER / "muse" / "muse7_250hz.xml"]
    drop(viewer.page, [(path.name, path.read_bytes()) for path in files])
    wait_for_answers(viewer)
    assert sorted(names(viewer)) == ["00001_lr", "muse7_250hz"]
    viewer.check()


def test_a_recording_that_is_dropped_on_a_dialog_opens_before_it(viewer: Opened) -> None:
    page = viewer.page
    page.keyboard.press("o")
    page.get_by_role("dialog", name="Open a recording").wait_for()
    drop(page, [("r.json", json.dumps(record()).encode())])
    page.get_by_role("dialog").wait_for(state="detached")
    wait_for_answers(viewer)
    viewer.check()


def test_the_person_is_asked_where_names_do_not_tell(viewer: Opened) -> None:
    page = viewer.page
    drop(page, [("one.dat", b"1"), ("two.xml", b"2")])
    page.get_by_role("heading", name="One recording or several?").wait_for()
    page.get_by_role("button", name="Each on its own").click()
    page.locator("main .state").wait_for()
    assert sorted(names(viewer)) == ["one", "two"]
    viewer.check(refused=True)


def test_records_on_the_clipboard_open_each_in_a_tab(viewer: Opened) -> None:
    records = [{**record(), "id": "first"}, {**record(), "id": "second"}]
    paste(viewer.page, json.dumps({"records": records}))
    wait_for_answers(viewer)
    assert names(viewer) == ["first", "second"]
    viewer.check()


def test_a_table_typed_into_the_box_asks_for_its_sampling_rate(viewer: Opened) -> None:
    page = viewer.page
    rows = zip(*record()["signal"], strict=True)
    lines = [",".join(record()["lead_names"]), *(",".join(map(str, row)) for row in rows)]
    page.get_by_role("button", name="Paste").click()
    page.get_by_label("JSON record or CSV table").fill("\n".join(lines))
    page.get_by_role("button", name="Read").click()
    page.get_by_label("Sampling rate in Hz").fill(f"{record()['fs']:g}")
    page.get_by_role("button", name="Send again").click()
    wait_for_answers(viewer)
    page.locator(".patient").get_by_text(f"{record()['fs']:g} Hz").wait_for()
    viewer.check(refused=True)


def test_an_example_opens_and_is_among_the_closed_ones_later(viewer: Opened) -> None:
    page = viewer.page
    expect(page.locator(".examples path")).to_have_count(6)
    page.get_by_role("button", name="Left bundle branch block").click()
    page.locator(".finding", has_text="Left bundle branch block").first.wait_for()
    page.get_by_role("button", name="Close Left bundle branch block").click()
    page.locator(".recent").get_by_role("button", name="Left bundle branch block").click()
    wait_for_answers(viewer)
    assert names(viewer) == ["Left bundle branch block"]
    viewer.check()


def test_a_bad_file_shows_what_the_server_says(viewer: Opened) -> None:
    page = viewer.page
    drop(page, [("report.pdf", b"%PDF-1.7 report")])
    page.get_by_role("heading", name="File format not recognised").wait_for()
    page.get_by_text("a PDF; a report does not contain the samples").wait_for()
    page.get_by_text("415 unknown_format").wait_for()
    page.locator(".origin").get_by_text("report.pdf").wait_for()
    assert page.locator(".state").get_by_role("button", name="Open another").is_visible()
    viewer.check(refused=True)
