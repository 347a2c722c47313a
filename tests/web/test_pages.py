"""The built pages load in a browser under their own policy."""

from __future__ import annotations

from tests.browser import Opened, requires_chromium

pytestmark = requires_chromium


def test_the_viewer_loads_from_this_server_alone(viewer: Opened) -> None:
    viewer.page.get_by_text("For research use only. Not a medical device.").wait_for()
    viewer.page.wait_for_load_state("networkidle")
    viewer.check()
