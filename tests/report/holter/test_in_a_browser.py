"""The page of a long recording in a real browser: axe-core is content, and nothing overflows."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser

from report.holter.html import holter_html
from tests.browser import requires_chromium
from tests.report.holter.reports import holter_report
from tests.web.test_accessible import AXE, faults

pytestmark = requires_chromium


@pytest.mark.parametrize("width", [390, 1280])
def test_the_page_is_accessible_at_every_width(
    browser: Browser, tmp_path: Path, width: int
) -> None:
    file = tmp_path / "report.html"
    file.write_text(holter_html(holter_report(hours=0.5), "de"), encoding="utf-8")
    page = browser.new_page(viewport={"width": width, "height": 900})
    messages: list[str] = []
    page.on("console", lambda message: messages.append(message.text))
    page.goto(file.as_uri())
    assert page.title() == "Langzeit-EKG-Auswertung"
    overflow = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert page.evaluate(overflow) <= 0
    heights = page.eval_on_selector_all(
        "figure > svg", "all => all.map(each => each.getBoundingClientRect().height)"
    )
    assert len(heights) > 8 and min(heights) > 50
    if not AXE.is_file():
        pytest.skip("NO AXE-CORE: accessibility is not tested; run `npm ci` in web/")
    assert faults(page) == []
    assert messages == []
    page.close()
