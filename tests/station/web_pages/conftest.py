"""The ward page in a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator

from tests.browser import Opened
from tests.station.web_pages.stand_in import KEY, StandIn, Ward


class OpenedWard(Opened):
    """The page of a ward, with its key."""

    def __init__(self, browser: Browser, server: StandIn, **context: Any) -> None:
        super().__init__(browser, server, **context)
        self.page.add_init_script(f"sessionStorage.setItem('ecg-key', '{KEY}')")
        self.ward = server.ward

    def tile(self, bed: str) -> Locator:
        return self.page.get_by_role("article", name=f"Bed {bed}", exact=True).and_(
            self.page.locator(".tile")
        )

    def row(self, text: str) -> Locator:
        return self.page.locator(".inbox .row", has_text=text)


@pytest.fixture
def server() -> Iterator[StandIn]:
    with StandIn(Ward()) as server:
        yield server


@pytest.fixture
def opened(browser: Browser, server: StandIn) -> Iterator[OpenedWard]:
    """The board of sixteen beds in English, 1920 x 1080. A test ends with `opened.check()`."""
    viewport = {"width": 1920, "height": 1080}
    opened = OpenedWard(browser, server, viewport=viewport, locale="en-GB")
    opened.goto("/", ".tile")
    yield opened
    opened.page.close()
