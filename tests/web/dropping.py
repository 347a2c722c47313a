"""Files as a person drops or pastes them: with their real bytes, by the browser's own events."""

from __future__ import annotations

import base64
from collections.abc import Iterable

from playwright.sync_api import Page

DROP = """
async (files) => {
  const transfer = new DataTransfer();
  for (const [name, content] of files) {
    const bytes = Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0));
    transfer.items.add(new File([bytes], name));
  }
  const options = { bubbles: true, cancelable: true, dataTransfer: transfer };
  document.body.dispatchEvent(new DragEvent("dragover", options));
  document.body.dispatchEvent(new DragEvent("drop", options));
}
"""
PASTE = """
(text) => {
  const data = new DataTransfer();
  data.setData("text/plain", text);
  const options = { bubbles: true, cancelable: true, clipboardData: data };
  document.body.dispatchEvent(new ClipboardEvent("paste", options));
}
"""


def drop(page: Page, files: Iterable[tuple[str, bytes]]) -> None:
    """Drop files on the page at once."""
    encoded = [(name, base64.b64encode(content).decode()) for name, content in files]
    page.evaluate(DROP, encoded)


def paste(page: Page, text: str) -> None:
    page.evaluate(PASTE, text)
