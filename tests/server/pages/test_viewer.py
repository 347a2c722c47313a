"""The pages over HTTP: what `/` answers to whom, what their policy allows, what is served."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator

import httpx
import pytest

from server.pages.viewer import BUILT_FOLDER
from tests.server.harness import RunningServer

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
PAGES = ("/", "/status")


@pytest.fixture
def client(bare_server: RunningServer) -> Iterator[httpx.Client]:
    with bare_server.client() as client:
        yield client


def page(client: httpx.Client, path: str) -> httpx.Response:
    return client.get(path, headers={"Accept": BROWSER})


def test_programs_still_get_json_from_the_root(client: httpx.Client) -> None:
    for accept in ("*/*", "application/json", ""):
        assert client.get("/", headers={"Accept": accept}).json()["docs"] == "/docs"


@pytest.mark.parametrize("path", PAGES)
def test_a_browser_gets_a_page_whose_policy_has_no_exception(
    client: httpx.Client, path: str
) -> None:
    answer = page(client, path)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "<style" not in answer.text
    assert " style=" not in answer.text
    assert all("src=" in tag for tag in re.findall(r"<script[^>]*>", answer.text))


@pytest.mark.parametrize("path", PAGES)
def test_every_address_of_a_page_is_served(client: httpx.Client, path: str) -> None:
    addresses = re.findall(r'(?:src|href)="\./([^"]+)"', page(client, path).text)
    assert len(addresses) >= 3
    for address in addresses:
        answer = client.get(f"/{address}")
        assert answer.status_code == 200
        assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("name", ["../index.html", "..%2findex.html", "%2e%2e/index.html", "x.js"])
def test_nothing_but_built_assets_is_served(client: httpx.Client, name: str) -> None:
    assert client.get(f"/assets/{name}").status_code == 404


def test_the_pages_are_small() -> None:
    """Compressed as sent: under 300 kB for everything that both pages can load."""
    files = [path for path in BUILT_FOLDER.rglob("*") if path.is_file()]
    assert files
    assert sum(len(gzip.compress(path.read_bytes())) for path in files) < 300_000
