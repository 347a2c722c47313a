"""What is taken along: each file's content, against the server's own answer."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page

from server.openapi.examples import record
from tests.browser import Opened, requires_chromium
from tests.server.harness import RunningServer
from tests.web.dropping import paste

pytestmark = requires_chromium


@pytest.fixture
def page(viewer: Opened) -> Page:
    paste(viewer.page, json.dumps({**record(), "id": "r1"}))
    viewer.page.locator(".foot p").wait_for()
    return viewer.page


def exported(page: Page, label: str) -> tuple[str, bytes]:
    """Choose an item of the menu. Return the downloaded file's name and content."""
    page.get_by_role("button", name="Export").click()
    with page.expect_download() as download:
        page.get_by_role("menuitem", name=label, exact=True).click()
    return download.value.suggested_filename, Path(download.value.path()).read_bytes()


def table(content: bytes) -> list[dict[str, str]]:
    assert b"\n" not in content.replace(b"\r\n", b"")
    return list(csv.DictReader(io.StringIO(content.decode(), newline="")))


def analysis(server: RunningServer, include: str) -> dict[str, Any]:
    answer = httpx.post(f"{server.url}/analyze?include={include}", json=record(), timeout=60)
    result: dict[str, Any] = answer.json()
    return result


def test_the_analysis_as_json(page: Page, embedded: RunningServer) -> None:
    name, content = exported(page, "Analysis, JSON")
    answer = json.loads(content)
    assert name == "r1.json"
    assert answer["measurements"] == analysis(embedded, "measurements")["measurements"]


def test_the_fhir_bundle(page: Page) -> None:
    name, content = exported(page, "FHIR Bundle, JSON")
    bundle = json.loads(content)
    assert name == "r1.fhir.json"
    assert (bundle["resourceType"], bundle["type"]) == ("Bundle", "collection")


def test_measurements_as_csv(page: Page, embedded: RunningServer) -> None:
    name, content = exported(page, "Measurements, CSV")
    rows = {row["measurement"]: row for row in table(content)}
    measured = analysis(embedded, "measurements")["measurements"]
    assert name == "r1-measurements.csv"
    assert float(rows["qrs_ms"]["value"]) == measured["qrs_ms"]
    assert float(rows["qrs_ms"]["plus_minus"]) == measured["uncertainty_ms"]["qrs_ms"]
    assert (rows["qrs_ms"]["unit"], rows["heart_rate_bpm"]["unit"]) == ("ms", "1/min")
    assert {row["by_hand"] for row in rows.values()} == {"no"}


def test_samples_as_csv(page: Page) -> None:
    name, content = exported(page, "Samples, CSV")
    rows = table(content)
    sent = record()
    assert name == "r1-samples.csv"
    assert list(rows[0]) == ["time_s", *(f"{lead}_mV" for lead in sent["lead_names"])]
    assert len(rows) == len(sent["signal"][0])
    for lead, samples in zip(sent["lead_names"], sent["signal"], strict=True):
        found = [float(row[f"{lead}_mV"]) for row in rows]
        assert found == pytest.approx(samples, abs=0.0001)
    assert float(rows[-1]["time_s"]) == pytest.approx((len(rows) - 1) / sent["fs"])


@pytest.mark.parametrize(
    ("label", "name", "start"),
    [
        ("PDF report, A4", "r1.pdf", b"%PDF-"),
        ("PDF report, Letter", "r1.pdf", b"%PDF-"),
        ("PNG picture of the report", "r1.png", b"\x89PNG\r\n"),
        ("DICOM, encapsulated PDF", "r1.dcm", bytes(128) + b"DICM"),
    ],
)
def test_reports_come_from_the_server(page: Page, label: str, name: str, start: bytes) -> None:
    found, content = exported(page, label)
    assert found == name
    assert content.startswith(start)


def test_what_is_measured_by_hand_stands_in_the_report_with_initials(
    page: Page, viewer: Opened
) -> None:
    page.keyboard.press("c")
    box = page.locator(".paper").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 400, box["y"] + 120)
    page.mouse.down()
    page.mouse.move(box["x"] + 440, box["y"] + 120, steps=4)
    page.mouse.up()
    page.locator(".use-caliper").get_by_role("button", name="QRS").click()
    page.locator(".measurements").get_by_text("by hand").first.wait_for()
    page.get_by_role("button", name="Export").click()
    page.get_by_role("menuitem", name="PDF report, A4").click()
    page.get_by_label("Initials").fill("AB")
    with page.expect_request(lambda request: "by_hand" in request.url) as request:
        page.get_by_role("button", name="Make the report").click()
    assert "initials" in request.value.url
    viewer.check()


def test_one_page_is_printed(page: Page) -> None:
    printed = page.pdf(prefer_css_page_size=True)
    assert len(re.findall(rb"/Type /Page\b", printed)) == 1
