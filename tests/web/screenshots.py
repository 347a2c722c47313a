"""The pictures of docs/images: `python -m tests.web.screenshots`.

They show the synthetic examples, on a real server with the embedded model, in a real browser.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from PIL import Image
from playwright.sync_api import Browser, Page

from tests.browser import WAIT_MS, running_browser
from tests.server.harness import RunningServer

IMAGES: Final = Path(__file__).parents[2] / "docs" / "images"
MAX_BYTES: Final = 150_000
# Lines of a grid and a trace need few colours; fewer make smaller files.
COLOURS: Final = (256, 128, 64, 32)


@dataclass(frozen=True)
class Shot:
    """One picture: which example is opened, then which keys are pressed."""

    name: str
    width: int
    height: int
    theme: Literal["light", "dark"]
    locale: str
    example: str | None = None
    keys: tuple[str, ...] = ()


SHOTS: Final = (
    Shot("viewer", 1440, 900, "light", "en-GB", "Left bundle branch block"),
    Shot("viewer-dark", 1440, 900, "dark", "de-DE", "Vorhofflimmern"),
    Shot("viewer-phone", 390, 844, "light", "en-GB", "1st-degree AV block"),
    Shot("viewer-empty", 1440, 900, "light", "en-GB"),
)


def take(browser: Browser, server: RunningServer, shot: Shot) -> bytes:
    """Return the picture as PNG, in no more colours than fit MAX_BYTES."""
    page = browser.new_page(
        viewport={"width": shot.width, "height": shot.height},
        color_scheme=shot.theme,
        locale=shot.locale,
    )
    page.set_default_timeout(WAIT_MS)
    page.goto(server.url)
    page.locator(".examples button svg, .examples button canvas").nth(5).wait_for()
    if shot.example is not None:
        _open(page, shot.example)
    for key in shot.keys:
        page.keyboard.press(key)
    page.evaluate("document.fonts.ready")
    png = page.screenshot(animations="disabled")
    page.close()
    return _small(png)


def _open(page: Page, example: str) -> None:
    page.get_by_role("button", name=example).first.click()
    # The rate is there once the analysis is.
    page.get_by_text("/min").first.wait_for()
    page.wait_for_load_state("networkidle")


def _small(png: bytes) -> bytes:
    picture = Image.open(io.BytesIO(png)).convert("RGB")
    for colours in COLOURS:
        packed = io.BytesIO()
        picture.quantize(colours).save(packed, "PNG", optimize=True)
        if packed.tell() <= MAX_BYTES:
            return packed.getvalue()
    raise ValueError(f"a picture has more than {MAX_BYTES} bytes even in {COLOURS[-1]} colours")


def main() -> None:
    IMAGES.mkdir(exist_ok=True)
    with RunningServer(ECG_MODEL="embedded") as server, running_browser() as browser:
        for shot in SHOTS:
            (IMAGES / f"{shot.name}.png").write_bytes(take(browser, server, shot))


if __name__ == "__main__":
    main()
