"""/docs and /redoc in a real browser: Execute works untouched on every route, and nothing is loaded
from elsewhere.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import msgpack
import numpy as np
import pytest
from playwright.sync_api import Browser, Locator, Page, Response

from analysis.options import PARTS
from server.openapi.document import ROUTES
from server.openapi.examples import record
from server.recording_routes import FORM_ROUTES
from server.routes.operator import OPERATOR_ROUTES
from tests.browser import Opened, requires_chromium
from tests.server.harness import RunningServer
from tests.server.load import npy

pytestmark = requires_chromium
FORM, OCTETS = "multipart/form-data", "application/octet-stream"
MSGPACK, NPY = "application/msgpack", "application/x-npy"
FILES: dict[str, tuple[str, bytes]] = {
    "application/json": ("", b""),
    FORM: ("record.json", json.dumps(record()).encode()),
    OCTETS: ("record.json", json.dumps(record()).encode()),
    MSGPACK: ("record.msgpack", msgpack.packb(record())),
    # Its rate and leads are in the query.
    NPY: ("record.npy", npy(np.asarray(record()["signal"], np.float32))),
}
POSTS = [
    *((route, media_type) for route in ROUTES for media_type in FILES if media_type != NPY),
    *((route, FORM) for route in FORM_ROUTES),
]
GETS = [path.strip("/") or "root" for path in OPERATOR_ROUTES]


@pytest.fixture
def opened(browser: Browser, server: RunningServer) -> Iterator[Opened]:
    opened = Opened(browser, server)
    yield opened
    opened.page.close()


def execute(page: Page, block: Locator, media_type: str | None, folder: Path) -> tuple[str, str]:
    """Open an operation, choose a body's type and its file, and click Execute, nothing else.

    Return the address that was asked, and the answer as the page shows it.
    """
    if not block.locator(".opblock-body").count():
        block.locator(".opblock-summary-control").first.click()
        block.locator(".try-out__btn").click()
    if media_type is not None:
        types = block.locator(".opblock-section-request-body select.content-type")
        if types.count():
            types.select_option(media_type)
        name, content = FILES[media_type]
        if name:
            path = folder / name
            path.write_bytes(content)
            block.locator("input[type=file]").set_input_files(path)
    with page.expect_response(lambda response: "/docs" not in response.url) as executed:
        block.locator("button.execute").click()
    response: Response = executed.value
    shown = block.locator(".live-responses-table tr.response").first
    # The page may still show the answer before.
    shown.get_by_text(response.headers["x-request-id"]).first.wait_for()
    answer = shown.locator(".highlight-code pre").first.inner_text()
    assert response.status == 200, answer
    return response.url, answer


def check_recording(answer: str) -> None:
    """The answer is that of the file alone: no field of the form contradicts it."""
    warnings = json.loads(answer).get("warnings", [])
    assert not [warning for warning in warnings if "request" in warning or "unknown" in warning]


def test_a_json_body_and_a_file_work_untouched(opened: Opened, tmp_path: Path) -> None:
    opened.goto("/docs", ".opblock")
    page = opened.page
    block = page.locator("#operations-recordings-analyze")
    for media_type in ("application/json", FORM):
        url, answer = execute(page, block, media_type, tmp_path)
        check_recording(answer)
        assert url.endswith("/analyze"), "an empty parameter is not sent"
    opened.check()


@pytest.mark.long
def test_what_is_filled_in_is_sent(opened: Opened, tmp_path: Path) -> None:
    opened.goto("/docs", ".opblock")
    page = opened.page
    block = page.locator("#operations-recordings-analyze")
    execute(page, block, FORM, tmp_path)
    field = block.locator("tr[data-property-name=include] input")
    field.fill("labels,superclass")
    url, answer = execute(page, block, FORM, tmp_path)
    assert url.endswith("/analyze")
    assert {"labels", "superclass"} == json.loads(answer).keys() & {*PARTS}
    # An array does not state its rate and leads; the query does.
    parameters = block.locator(".parameters-container")
    parameters.locator("tr[data-param-name=fs] input").fill("50")
    parameters.locator("tr[data-param-name=lead_names] input").fill("I,II")
    url, answer = execute(page, block, NPY, tmp_path)
    assert url.endswith("/analyze?fs=50&lead_names=I%2CII")
    check_recording(answer)
    opened.check()


@pytest.mark.long
def test_execute_works_untouched_on_every_route(opened: Opened, tmp_path: Path) -> None:
    opened.goto("/docs", ".opblock")
    page = opened.page
    for route, media_type in POSTS:
        block = page.locator(f"#operations-recordings-{route}")
        url, answer = execute(page, block, media_type, tmp_path)
        check_recording(answer)
        assert url.endswith(f"/{route}"), (route, media_type)
    for name in GETS:
        execute(page, page.locator(f"#operations-operation-{name}"), None, tmp_path)
    opened.check()


def test_redoc_loads_nothing_from_elsewhere(opened: Opened) -> None:
    opened.goto("/redoc", "h1")
    opened.page.locator("h2", has_text="Everything about a recording").first.wait_for()
    opened.page.wait_for_load_state("networkidle")
    opened.check()
