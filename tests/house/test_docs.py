"""The documentation matches the code: every error, setting, route, format and example."""

from __future__ import annotations

import re

import pytest

from errors import NoDatabase, public_errors
from formats.registry import known_formats
from tests.house import formats_table
from tests.house.settings_table import PAGE, table
from tests.house.tree import ROOT, source

ROUTES = (
    "/analyze",
    "/extract_features",
    "/assess_quality",
    "/health",
    "/livez",
    "/readyz",
    "/models",
    "/examples",
    "/metrics",
    "/docs",
)


def documented_errors() -> dict[str, int]:
    """Return code -> status, from the sections of docs/errors.md."""
    sections = re.findall(r"^## (\w+)\n\n\*\*(\d{3})\*\*", source("docs/errors.md"), re.MULTILINE)
    return {code: int(status) for code, status in sections}


def test_every_error_is_documented_with_its_status_and_no_other() -> None:
    answered = [*public_errors(), NoDatabase]  # the station's own
    assert documented_errors() == {kind.code: kind.status for kind in answered}


def test_every_heading_is_an_anchor_with_a_status() -> None:
    headings = re.findall(r"^## (.+)$", source("docs/errors.md"), re.MULTILINE)
    assert headings == list(documented_errors())


@pytest.mark.parametrize("code", sorted(kind.code for kind in public_errors()))
def test_every_error_is_in_the_interface_page(code: str) -> None:
    assert re.search(rf"\b{code}\b", source("docs/api.md"))


def test_the_settings_page_matches_the_settings() -> None:
    assert PAGE.read_text(encoding="utf-8").endswith(table()), (
        "write it again with python -m tests.house.settings_table"
    )


def test_the_formats_page_matches_the_registry() -> None:
    page = formats_table.PAGE.read_text(encoding="utf-8")
    assert page == formats_table.page(), "write it again with python -m tests.house.formats_table"
    assert all(f"\n## {known.name}\n" in page for known in known_formats())


@pytest.mark.parametrize("route", ROUTES)
def test_every_route_is_in_the_readme_and_the_interface_page(route: str) -> None:
    assert f"{route}`" in source("README.md") and f"{route}`" in source("docs/api.md")


def test_the_readme_shows_the_example_script() -> None:
    blocks = re.findall(r"```python\n(.*?)```", source("README.md"), re.DOTALL)
    assert source("scripts/readme_example.py") in blocks


def test_links_between_documents_exist() -> None:
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    links = [
        (page, link)
        for page in pages
        for link in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text(encoding="utf-8"))
    ]
    assert not [
        (page.name, link)
        for page, link in links
        if "://" not in link and not (page.parent / link).exists()
    ]


def test_what_a_command_writes_holds_no_section_of_another_hand() -> None:
    """A command replaces all between its marks: a second section there would be lost."""
    text = (ROOT / "docs/accuracy.md").read_text(encoding="utf-8")
    blocks = re.findall(r"<!-- ([^:>]+): written by [^>]+-->\n(.*?)<!-- end of ", text, re.DOTALL)
    assert len(blocks) == text.count(": written by ") == text.count("<!-- end of ") > 5
    for name, block in blocks:
        headings = re.findall(r"^## (.+)$", block, re.MULTILINE)
        assert len(headings) <= 1, f"{name}: {headings}"
