"""axe-core finds nothing serious, on each page, state, theme and width."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.browser import Opened, requires_chromium
from tests.server.harness import RunningServer
from tests.web.built import WEB
from tests.web.dropping import drop
from tests.web.records import noise

AXE = WEB / "node_modules" / "axe-core" / "axe.min.js"
pytestmark = [
    requires_chromium,
    pytest.mark.skipif(
        not AXE.is_file(), reason="NO AXE-CORE: accessibility is not tested; run `npm ci` in web/"
    ),
]
OTHERS = (
    ("desk", "dark"),
    ("tablet", "light"),
    ("tablet", "dark"),
    ("phone", "light"),
    ("phone", "dark"),
)
SIZES = {"phone": (390, 844), "tablet": (820, 1180), "desk": (1440, 900)}


def faults(page: Page) -> list[str]:
    """Return axe's serious and critical findings: rule, element, and what to do."""
    # Run by the debugger: the page's own policy forbids scripts from elsewhere.
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found: dict[str, Any] = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{violation['id']}: {node['html'][:120]} {node['failureSummary']}"
        for violation in found["violations"]
        if violation["impact"] in ("serious", "critical")
        for node in violation["nodes"]
    ]


@pytest.mark.parametrize(
    ("size", "scheme"),
    [
        ("desk", "light"),
        *(pytest.param(size, scheme, marks=pytest.mark.long) for size, scheme in OTHERS),
    ],
)
def test_the_viewer_and_its_states(
    browser: Browser, embedded: RunningServer, size: str, scheme: str
) -> None:
    width, height = SIZES[size]
    opened = Opened(
        browser,
        embedded,
        viewport={"width": width, "height": height},
        color_scheme=scheme,
        locale="en-GB",
    )
    opened.goto("/", ".examples path")
    page = opened.page
    seen = {"empty": faults(page)}
    page.get_by_role("button", name="Left bundle branch block").click()
    page.locator(".foot p").wait_for()
    seen["recording"] = faults(page)
    drop(page, [("noise.json", noise().encode())])
    page.get_by_text("Unreadable. Check all electrodes").wait_for()
    seen["unreadable"] = faults(page)
    drop(page, [("table.csv", b"I,II\n" + b"0.1,0.2\n" * 2000)])
    page.get_by_role("button", name="Send again").wait_for()
    seen["refused"] = faults(page)
    page.locator("button[aria-haspopup=menu]:enabled").first.click()
    seen["menu"] = faults(page)
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    page.get_by_role("dialog").wait_for()
    seen["keys"] = faults(page)
    assert {state: found for state, found in seen.items() if found} == {}
    opened.check(refused=True)
    page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_status_page(browser: Browser, embedded: RunningServer, scheme: str) -> None:
    opened = Opened(browser, embedded, color_scheme=scheme, locale="en-GB")
    opened.goto("/status", ".charts")
    assert faults(opened.page) == []
    opened.check()
    opened.page.close()
