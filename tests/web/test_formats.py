"""Each file of the shared collection, dropped on the page: its trace, or the server's own words."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Browser, Page

from formats.hints import Hints
from signals.leads import canonical_lead
from tests.browser import Opened, requires_chromium
from tests.data import requires_shared
from tests.formats.samples import expected, hints_of, parts_of
from tests.server.harness import RunningServer
from tests.web.dropping import drop

pytestmark = [requires_chromium, requires_shared]


@pytest.fixture(scope="module")
def opened(browser: Browser, embedded: RunningServer) -> Iterator[Opened]:
    """One page for all files, so that a test does not load it anew."""
    opened = Opened(browser, embedded, locale="en-GB")
    opened.goto("/", "main")
    yield opened
    opened.page.close()


def refusal(server: RunningServer, name: str) -> str:
    """Return the server's detail on a file that it does not read."""
    hints = {
        key: str(value)
        for key in ("fs", "gain", "units")
        if (value := getattr(hints_of(name), key)) is not None
    }
    files = [("file", (part.name, part.data)) for part in parts_of(name)]
    answer = httpx.post(
        f"{server.url}/analyze",
        params={"include": "signal", **hints},
        files=files,
        headers={"Accept": "application/msgpack"},
        timeout=60,
    )
    return str(answer.json()["detail"])


def fill_in(page: Page, hints: Hints) -> None:
    """Fill in the fields that the page shows for what a file does not say."""
    fields = {"#hint-fs": hints.fs, "#hint-gain": hints.gain}
    page.locator("#hint-fs").wait_for()
    for selector, value in fields.items():
        if value is not None:
            page.locator(selector).fill(f"{value:g}")
    if hints.units is not None:
        page.locator("#hint-units").select_option(hints.units)
    page.get_by_role("button", name="Send again").click()


@pytest.mark.parametrize("name", sorted(expected()))
def test_a_file_is_opened_by_dropping_it(
    opened: Opened, embedded: RunningServer, name: str
) -> None:
    page = opened.page
    drop(page, [(part.name, part.data) for part in parts_of(name)])
    if hints_of(name) != Hints():
        fill_in(page, hints_of(name))
        page.locator(".foot p").wait_for()
    refused = page.locator("main .state .detail")
    page.locator(".foot p").or_(refused).wait_for()
    if refused.count():
        assert refused.inner_text() == refusal(embedded, name)
    else:
        entry = expected()[name]
        leads = sum(canonical_lead(lead) is not None for lead in entry["leads"])
        count = "1 lead" if leads == 1 else f"{leads} leads"
        page.locator(".patient").get_by_text(f"{entry['fs']:g} Hz").wait_for()
        page.locator(".patient").get_by_text(count).wait_for()
    page.locator(".tabs li.active .tab-close").click()
    opened.check(refused=True)
