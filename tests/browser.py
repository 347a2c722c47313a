"""A real browser for tests of pages: Debian's chromium, or the one that ECG_CHROMIUM names."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM = os.environ.get("ECG_CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
requires_chromium = pytest.mark.skipif(
    CHROMIUM is None,
    reason="NO CHROMIUM: the pages are not tested in a browser; apt-get install chromium",
)
# Generous: it only keeps a failing test from hanging.
WAIT_MS = 60_000


@contextmanager
def running_browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        # Chromium's own sandbox refuses to run as root, as which containers run tests.
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield running
        running.close()


class Serving(Protocol):
    """A server that runs."""

    @property
    def url(self) -> str: ...


class Opened:
    """A page with what it requested, and the errors that the browser reported.

    `context` has the arguments of playwright's new_page: viewport, locale, color_scheme.
    """

    def __init__(self, browser: Browser, server: Serving, **context: Any) -> None:
        self.page: Page = browser.new_page(**context)
        self.page.set_default_timeout(WAIT_MS)
        self.requested: list[str] = []
        self.errors: list[str] = []
        self._server = server
        self.page.on("request", lambda request: self.requested.append(request.url))
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", self._note)

    def _note(self, message: Any) -> None:
        if message.type == "error":
            self.errors.append(message.text)

    def goto(self, path: str, until: str) -> None:
        self.page.goto(self._server.url + path)
        self.page.locator(until).first.wait_for()

    def check(self, *, refused: bool = False) -> None:
        """Nothing came from elsewhere, and the browser has nothing to complain about.

        refused: the server refused a request on purpose, which the browser writes to its console.
        """
        own = (self._server.url, f"blob:{self._server.url}", "data:")
        assert [url for url in self.requested if not url.startswith(own)] == []
        refusal = "Failed to load resource: the server responded"
        assert [text for text in self.errors if not (refused and text.startswith(refusal))] == []
