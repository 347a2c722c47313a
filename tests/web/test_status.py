"""The operator's page: one word first, the server's own numbers, a key where one is needed."""

from __future__ import annotations

import httpx
import pytest
from playwright.sync_api import Browser

from access.key_file import add_key
from server.openapi.examples import record
from tests.browser import Opened, requires_chromium
from tests.server.harness import RunningServer

pytestmark = requires_chromium


def test_errors_are_listed_by_code_once_they_happen(
    browser: Browser, embedded: RunningServer
) -> None:
    httpx.post(f"{embedded.url}/analyze", json={**record(), "fs": 1}, timeout=60)
    httpx.post(f"{embedded.url}/analyze", json=record(), timeout=60)
    opened = Opened(browser, embedded, locale="en-GB")
    opened.goto("/status", ".charts")
    page = opened.page
    page.get_by_role("heading", name="Working").wait_for()
    page.get_by_role("row", name="bad_sampling_rate").wait_for()
    page.get_by_role("row", name="clinical").get_by_text("embedded").wait_for()
    opened.check()
    page.close()


def test_a_missing_process_is_the_first_thing_that_is_said(
    browser: Browser, embedded: RunningServer
) -> None:
    opened = Opened(browser, embedded, locale="en-GB")
    health = httpx.get(f"{embedded.url}/health", timeout=60).json()
    reason = "1 of 2 signal workers are alive"
    degraded = {**health, "status": "degraded", "reasons": [reason]}
    opened.page.route("**/health", lambda route: route.fulfill(json=degraded))
    opened.goto("/status", ".charts")
    opened.page.get_by_role("heading", name="Degraded").wait_for()
    opened.page.get_by_text(reason).wait_for()
    opened.check()
    opened.page.close()


def test_the_numbers_ask_for_the_operators_key(
    browser: Browser, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("keys") / "keys.json"
    key = add_key(path, "operator", ["operator"])
    settings = {"ECG_MODEL": "none", "ECG_SIGNAL_WORKERS": "1", "ECG_KEY_FILE": str(path)}
    with RunningServer(**settings) as server:
        opened = Opened(browser, server, locale="en-GB")
        opened.goto("/status", ".health-ok, .health-degraded")
        page = opened.page
        page.get_by_label("Key", exact=True).fill(key)
        page.get_by_role("button", name="Continue").click()
        page.locator(".charts").wait_for()
        opened.check(refused=True)
        page.close()
