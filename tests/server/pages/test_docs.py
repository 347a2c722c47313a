"""The documentation in the browser loads nothing from elsewhere, and every error has its place."""

from __future__ import annotations

from collections.abc import Iterator
from html.parser import HTMLParser

import httpx
import pytest

from errors import public_errors
from model_store.manifest import manifest_entries
from server.pages.docs import ASSETS, DOCS_FOLDER, PAGES
from server.pages.markdown import render, slug
from server.pages.static import accepts_gzip
from server.routes.operator import card_page
from tests.server.harness import RunningServer

UIS = ("/docs", "/redoc")
DOCS_PAGES = [f"/docs/{name}" for name in PAGES if (DOCS_FOLDER / f"{name}.md").is_file()]


@pytest.fixture
def client(bare_server: RunningServer) -> Iterator[httpx.Client]:
    with bare_server.client() as client:
        yield client


class Page(HTMLParser):
    """What a page loads, what it links to, its places, and what it would run itself."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.links: list[str] = []
        self.ids: list[str] = []
        self.inline: list[str] = []
        self._script = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        self._script = tag == "script"
        self.inline += [name for name in found if name.startswith("on") or name == "style"]
        self.ids += [found["id"]] if "id" in found else []
        self.loads += [found["src"]] if "src" in found else []
        if "href" in found:
            (self.links if tag == "a" else self.loads).append(found["href"])

    def handle_data(self, data: str) -> None:
        if self._script and data.strip():
            self.inline.append(data)


def test_every_page_of_the_folder_is_served() -> None:
    written = DOCS_FOLDER.rglob("*.md")
    assert {page.relative_to(DOCS_FOLDER).with_suffix("").as_posix() for page in written} == {
        *PAGES
    }


@pytest.mark.parametrize("path", [*UIS, *DOCS_PAGES])
def test_a_page_loads_from_here_only_and_all_of_it_is_there(
    client: httpx.Client, path: str
) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    page = Page(answer.text)
    assert page.inline == []
    for load in page.loads:
        if load != "data:," and not load.startswith("/docs/images/"):
            assert load.startswith("/docs/assets/")
            found = client.get(load)
            assert (found.status_code, found.headers["content-type"]) == (
                200,
                ASSETS[load.rpartition("/")[2]][1],
            )
    policy = answer.headers["content-security-policy"]
    assert (
        "default-src 'none'" in policy and "script-src 'self';" in policy and "http" not in policy
    )


def test_the_uis_read_the_document_of_this_server(client: httpx.Client) -> None:
    swagger, redoc = (
        client.get(f"/docs/assets/{name}-start.js").text for name in ("swagger", "redoc")
    )
    assert '"/openapi.json"' in swagger and '"/openapi.json"' in redoc
    assert "validatorUrl: null" in swagger  # otherwise it requests a badge from the internet
    assert "http" not in swagger + redoc


def test_redoc_is_served_without_the_address_of_its_logo(client: httpx.Client) -> None:
    assert "cdn.redoc.ly" not in client.get("/docs/assets/redoc.standalone.js").text


def test_every_error_has_its_place(client: httpx.Client) -> None:
    ids = Page(client.get("/docs/errors").text).ids
    assert {kind.code for kind in public_errors()} <= set(ids)
    assert len(ids) == len(set(ids))


def test_the_type_of_a_problem_leads_to_its_place(client: httpx.Client) -> None:
    path, _, place = client.post("/analyze", json={"fs": 500}).json()["type"].partition("#")
    assert place in Page(client.get(path).text).ids


@pytest.mark.parametrize("path", DOCS_PAGES)
def test_links_between_pages_lead_somewhere(client: httpx.Client, path: str) -> None:
    for link in Page(client.get(path).text).links:
        target, _, place = link.partition("#")
        if target.startswith("/docs") or (link.startswith("#")):
            answer = client.get(target or path)
            assert answer.status_code == 200, link
            assert not place or place in Page(answer.text).ids, link


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/health",
        "/livez",
        "/readyz",
        "/models",
        "/examples",
        "/examples/sinus",
        "/metrics",
        "/openapi.json",
        *UIS,
        "/docs/assets/page.css",
    ],
)
def test_head_is_answered_as_get_without_a_body(client: httpx.Client, path: str) -> None:
    answer = client.head(path)
    assert answer.status_code == 200
    assert answer.content == b""
    assert answer.headers["content-type"] == client.get(path).headers["content-type"]


def test_head_on_a_route_for_recordings_is_refused(client: httpx.Client) -> None:
    answer = client.head("/analyze")
    assert answer.status_code == 405


def test_big_assets_are_packed_and_not_sent_twice(client: httpx.Client) -> None:
    path = "/docs/assets/swagger-ui-bundle.js"
    plain = client.get(path, headers={"Accept-Encoding": "identity"})
    packed = client.get(path, headers={"Accept-Encoding": "gzip"})
    assert "content-encoding" not in plain.headers
    assert packed.headers["content-encoding"] == "gzip"
    assert int(packed.headers["content-length"]) < int(plain.headers["content-length"]) / 2
    assert packed.content == plain.content
    again = client.get(path, headers={"If-None-Match": plain.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize(
    "path",
    [
        "/docs/assets/app.py",
        "/docs/assets/..%2fapp.py",
        "/docs/assets/%2e%2e/%2e%2e/app.py",
        "/docs/no-such-page",
        "/docs/..%2f..%2frequirements",
    ],
)
def test_nothing_else_is_served(client: httpx.Client, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 404
    assert answer.json()["code"] == "not_found"


def test_markdown_gets_places_that_can_be_linked_to() -> None:
    title, html = render(
        "# The `title`\n\n## Two words\n\n| name | is |\n|---|---|\n| `ECG_PORT` | 1 |\n\n"
        "[more](errors.md#too_short)\n"
    )
    page = Page(html)
    assert title == "The title"
    assert page.ids == ["the-title", "two-words", "ECG_PORT"]
    assert page.links == ["/docs/errors#too_short"]
    assert slug("Leads & gaps!") == "leads--gaps"


def test_an_explicit_place_is_not_set_twice() -> None:
    assert Page(render('<a id="errors"></a>\n\n# Errors\n')[1]).ids == ["errors"]


def test_gzip_is_for_those_that_take_it() -> None:
    assert accepts_gzip("br, gzip;q=0.5")
    assert not accepts_gzip("gzip;q=0, identity")
    assert not accepts_gzip("")


def test_the_card_of_the_published_weights_is_a_page(client: httpx.Client) -> None:
    pages = {card_page(entry.card) for entry in manifest_entries()}
    assert pages == {"/docs/models/ecg-fm"}
    assert "Accessory pathway conduction" in client.get(pages.pop()).raise_for_status().text


def test_a_page_shows_its_pictures(client: httpx.Client) -> None:
    loads = Page(client.get("/docs/viewer").text).loads
    images = [load for load in loads if load.startswith("/docs/images/")]
    assert len(images) == 4
    for image in images:
        answer = client.get(image)
        assert (answer.status_code, answer.headers["content-type"]) == (200, "image/png")
        assert answer.content.startswith(b"\x89PNG")
        assert len(answer.content) <= 150_000
    assert client.get("/docs/images/none.png").status_code == 404
