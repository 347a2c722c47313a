"""Language, theme and keys: what a person chooses, and what stays of it."""

from __future__ import annotations

from playwright.sync_api import Browser, expect

from tests.browser import Opened, requires_chromium
from tests.server.harness import RunningServer
from tests.web.records import sinus

pytestmark = requires_chromium


def background(viewer: Opened) -> str:
    script = "getComputedStyle(document.documentElement).backgroundColor"
    return str(viewer.page.evaluate(script))


def test_the_language_is_the_browsers_until_another_is_chosen(
    browser: Browser, embedded: RunningServer
) -> None:
    opened = Opened(browser, embedded, locale="de-DE")
    opened.goto("/", "main")
    page = opened.page
    page.get_by_text("Nur für Forschungszwecke. Kein Medizinprodukt.").wait_for()
    assert page.evaluate("document.documentElement.lang") == "de"
    expect(page).to_have_title("EKG-Anzeige")
    page.get_by_role("button", name="EN", exact=True).click()
    page.get_by_text("For research use only. Not a medical device.").wait_for()
    page.reload()
    page.get_by_text("For research use only. Not a medical device.").wait_for()
    assert page.evaluate("document.documentElement.lang") == "en"
    expect(page).to_have_title("ECG viewer")
    opened.check()
    page.close()


def test_german_answers_have_german_words_and_commas(
    browser: Browser, embedded: RunningServer
) -> None:
    opened = Opened(browser, embedded, locale="de-DE")
    opened.goto("/", "main")
    page = opened.page
    page.get_by_role("button", name="AV-Block I. Grades").click()
    page.locator(".rhythm-name", has_text="Sinusrhythmus").wait_for()
    page.locator(".finding-value", has_text="0,").first.wait_for()
    opened.check()
    page.close()


def test_the_theme_follows_the_system_or_the_choice(viewer: Opened) -> None:
    page = viewer.page
    light = background(viewer)
    page.emulate_media(color_scheme="dark")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    assert background(viewer) != light
    page.get_by_role("button", name="Theme").click()
    page.get_by_role("menuitemradio", name="Light").click()
    assert background(viewer) == light
    page.reload()
    page.locator("main").wait_for()
    assert background(viewer) == light
    viewer.check()


def test_everything_is_reached_and_left_by_keys_alone(viewer: Opened) -> None:
    page = viewer.page
    page.keyboard.press("o")
    page.get_by_role("dialog", name="Open a recording").wait_for()
    page.keyboard.press("Escape")
    page.get_by_role("dialog").wait_for(state="detached")
    # Tab reaches every control in turn; Enter on an example opens it.
    name = "Atrial fibrillation"
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.innerText").strip().startswith(name):
            break
    page.keyboard.press("Enter")
    page.locator(".foot p").wait_for()
    page.keyboard.press("j")
    expect(page.locator(".finding[aria-pressed=true]")).to_have_count(1)
    page.keyboard.press("e")
    expect(page.get_by_role("menuitem", name="PDF report, A4")).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("menuitem", name="PDF report, Letter")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Export")).to_be_focused()
    page.keyboard.press("?")
    page.get_by_role("dialog", name="Keys").wait_for()
    viewer.check()


def test_single_keys_can_be_switched_off_and_never_act_in_a_field(viewer: Opened) -> None:
    page = viewer.page
    page.get_by_role("button", name="Paste").click()
    field = page.get_by_label("JSON record or CSV table")
    expect(field).to_be_visible()  # the focus moves to a dialog that opens
    field.press("o")
    expect(field).to_have_value("o")
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    page.get_by_label("Single keys").uncheck()
    page.keyboard.press("Escape")
    page.get_by_role("dialog").wait_for(state="detached")
    page.keyboard.press("o")
    page.reload()
    page.locator("main").wait_for()
    page.keyboard.press("o")
    assert page.get_by_role("dialog").count() == 0
    viewer.check()


def test_digits_choose_tabs(viewer: Opened) -> None:
    page = viewer.page
    for _ in range(2):
        page.get_by_role("button", name="Open", exact=True).click()
        page.get_by_role("dialog").get_by_role("button", name="Paste").click()
        page.get_by_label("JSON record or CSV table").fill(sinus())
        page.get_by_role("button", name="Read").click()
    page.locator(".foot p").wait_for()
    page.keyboard.press("1")
    expect(page.locator(".tabs li").first).to_have_class("active")
    page.keyboard.press("2")
    expect(page.locator(".tabs li").last).to_have_class("active")
    viewer.check()
