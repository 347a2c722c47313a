"""The states of the viewer: a key is asked for, no model, an unreadable recording, no server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Route, expect

from access.key_file import add_key
from tests.browser import Opened, requires_chromium
from tests.server.harness import RunningServer
from tests.web.dropping import paste
from tests.web.records import noise, sinus

pytestmark = requires_chromium


@pytest.fixture(scope="module")
def keyed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RunningServer, str]]:
    path: Path = tmp_path_factory.mktemp("keys") / "keys.json"
    key = add_key(path, "all", ["analyze", "features", "operator"])
    settings = {"ECG_MODEL": "none", "ECG_SIGNAL_WORKERS": "1", "ECG_KEY_FILE": str(path)}
    with RunningServer(**settings) as server:
        yield server, key


def test_the_key_is_asked_for_refused_and_forgotten_with_the_tab(
    browser: Browser, keyed: tuple[RunningServer, str]
) -> None:
    server, key = keyed
    opened = Opened(browser, server, locale="en-GB")
    opened.goto("/", "main")
    page = opened.page
    paste(page, sinus())
    page.get_by_role("heading", name="This server asks for a key").wait_for()
    page.get_by_label("Key", exact=True).fill("wrong")
    page.get_by_role("button", name="Continue").click()
    page.get_by_text("The key was refused. Check it and try again.").wait_for()
    page.get_by_label("Key", exact=True).fill(key)
    page.get_by_role("button", name="Continue").click()
    page.locator(".foot p").wait_for()
    stored = page.evaluate("[{...localStorage}, Object.values(sessionStorage)]")
    assert stored == [{}, [key]]
    opened.check(refused=True)
    page.close()


def test_without_a_model_the_rules_speak_and_the_gaps_are_named(
    browser: Browser, keyed: tuple[RunningServer, str]
) -> None:
    server, key = keyed
    opened = Opened(browser, server, locale="en-GB")
    opened.goto("/", "main")
    paste(opened.page, sinus())
    opened.page.get_by_label("Key", exact=True).fill(key)
    opened.page.get_by_role("button", name="Continue").click()
    opened.page.get_by_text("No model is loaded. Rhythm by rules").wait_for()
    opened.page.get_by_text("Rhythm by rules", exact=True).wait_for()
    opened.check(refused=True)
    opened.page.close()


def test_what_cannot_be_read_keeps_its_trace_and_gets_no_statement(viewer: Opened) -> None:
    page = viewer.page
    paste(page, noise())
    page.get_by_text("Unreadable. Check all electrodes and cables").wait_for()
    assert page.locator(".paper").is_visible()
    viewer.check()


def test_the_trace_is_shown_while_the_model_still_reads(viewer: Opened) -> None:
    page = viewer.page
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route(lambda url: "include=clinical_analysis" in url, hold)
    paste(page, sinus())
    page.locator(".paper").wait_for()
    page.get_by_text("Rhythm pending").first.wait_for()
    with page.expect_request_finished(lambda request: "analyze" in request.url):
        held[0].continue_()
    page.locator(".foot p").wait_for()
    viewer.check()


def test_a_phone_keeps_the_trace_when_the_answer_is_refused(
    browser: Browser, embedded: RunningServer
) -> None:
    opened = Opened(browser, embedded, viewport={"width": 390, "height": 844}, locale="en-GB")
    opened.goto("/", "main")
    page = opened.page
    page.route(
        lambda url: "include=clinical_analysis" in url, lambda route: route.fulfill(status=503)
    )
    paste(page, sinus())
    page.locator("#findings .state").wait_for()
    assert page.locator(".paper").is_visible()
    opened.check(refused=True)
    page.close()


def test_an_outage_has_a_beginning_an_age_and_an_end(viewer: Opened) -> None:
    page = viewer.page
    paste(page, sinus())
    page.locator(".foot p").wait_for()
    page.route("**/*", lambda route: route.abort())
    paste(page, sinus())
    page.get_by_text("Server not reachable since").wait_for()
    page.get_by_role("heading", name="Server not reachable").wait_for()
    page.locator(".tab-name").first.click()
    page.get_by_text("As of").wait_for()
    expect(page.locator(".paper-area")).to_have_css("opacity", "0.55")
    page.unroute("**/*")
    page.get_by_role("button", name="Try now").click()
    page.get_by_text("Server not reachable since").wait_for(state="detached")
    page.locator(".tab-name").last.click()
    page.locator(".foot p").wait_for()
