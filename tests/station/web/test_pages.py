"""The station serves the ward page, patients' pages and assets without a key, and no other file."""

from __future__ import annotations

import re
from collections.abc import Iterator

import httpx
import pytest

from tests.station.running import Station, running_station


@pytest.fixture(scope="module")
def station(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Station]:
    folder = tmp_path_factory.mktemp("station")
    with running_station(folder, f"sqlite:///{folder}/station.db") as station:
        yield station


def test_the_page_and_its_assets_need_no_key(station: Station) -> None:
    with httpx.Client(base_url=station.url) as client:
        page = client.get("/")
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        assert "default-src 'none'" in page.headers["content-security-policy"]
        assert client.head("/").status_code == 200
        names = re.findall(r'"\./(assets/[^"]+)"', page.text)
        assert {name.rpartition(".")[2] for name in names} >= {"js", "css", "svg"}
        for name in names:
            asset = client.get(f"/{name}")
            assert (asset.status_code, asset.headers["content-encoding"]) == (200, "gzip")
            tag = {"If-None-Match": asset.headers["etag"]}
            assert client.get(f"/{name}", headers=tag).status_code == 304
            plain = client.get(f"/{name}", headers={"Accept-Encoding": "identity"})
            assert "content-encoding" not in plain.headers and plain.content == asset.content


def test_the_page_of_a_patient_names_its_files_from_one_folder_higher(station: Station) -> None:
    with httpx.Client(base_url=station.url) as client:
        page = client.get("/patients/whoever")
        assert '<base href="../"' in page.text and "whoever" not in page.text
        assert "base-uri 'self'" in page.headers["content-security-policy"]
        names = re.findall(r'"\./(assets/[^"]+)"', page.text)
        assert {client.get(f"/{name}").status_code for name in names} == {200}


@pytest.mark.parametrize(
    "path",
    ["/assets/missing.js", "/assets/..%2Findex.html", "/assets/%2Fetc%2Fpasswd", "/ward.html"],
)
def test_other_files_are_not_found(station: Station, path: str) -> None:
    answer = httpx.get(station.url + path)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
