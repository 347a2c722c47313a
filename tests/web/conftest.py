"""The viewer in a real browser, against a server with the embedded model."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.browser import Opened
from tests.server.harness import RunningServer


@pytest.fixture
def viewer(browser: Browser, embedded: RunningServer) -> Iterator[Opened]:
    """The empty viewer in English, 1440 x 900. A test ends with `viewer.check()`."""
    viewport = {"width": 1440, "height": 900}
    opened = Opened(browser, embedded, viewport=viewport, locale="en-GB")
    opened.goto("/", "main")
    yield opened
    opened.page.close()
