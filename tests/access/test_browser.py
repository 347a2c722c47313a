"""Which requests of browsers were led here by a page of another site."""

from __future__ import annotations

import pytest

from access.browser import (
    LOOPBACK_HOSTS,
    checked_hosts,
    checked_origins,
    is_allowed_host,
    is_cross_site,
)
from errors import AccessError

LOOPBACK = frozenset(LOOPBACK_HOSTS)
NONE: frozenset[str] = frozenset()


@pytest.mark.parametrize(
    "host",
    ["localhost", "localhost:8000", "LOCALHOST:1", "127.0.0.1", "127.0.0.1:65535", "[::1]:8000"],
)
def test_this_machine_has_three_names_on_any_port(host: str) -> None:
    assert is_allowed_host(host, LOOPBACK)


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "localhost.evil.example:8000",
        "127.0.0.1.evil.example",
        "",
        "127.0.0.2",
        "[::1",
        "::1",
        "[::2]",
        "localhost evil.example",
        "evil.example:127.0.0.1",
        "@localhost",
    ],
)
def test_other_names_are_not_its(host: str) -> None:
    assert not is_allowed_host(host, LOOPBACK)


def test_a_star_allows_all_or_one_level_of_a_domain() -> None:
    assert is_allowed_host("anything.example:1", frozenset({"*"}))
    assert is_allowed_host("a.ward.example", frozenset({"*.ward.example"}))
    for host in ("ward.example", "a.b.ward.example", "award.example", "a.ward.example.evil"):
        assert not is_allowed_host(host, frozenset({"*.ward.example"}))


def test_only_what_a_browser_can_send_is_taken_for_a_host_or_an_origin() -> None:
    hosts = ["*", "ECG.example", "*.example", "10.0.0.5", "[fe80::1]", "ecg_1"]
    assert checked_hosts(hosts) == {host.lower() for host in hosts}
    origins = ["*", "https://a.example", "http://localhost:5173", "http://[::1]:80"]
    assert checked_origins(origins) == set(origins)
    for host in ("", "a:80", "[::1]:80", "a/b", "**", "a b"):
        with pytest.raises(AccessError, match="allowed host"):
            checked_hosts([host])
    for origin in ("", "a.example", "https://A.example", "https://a.example/x", "ftp://a", "null"):
        with pytest.raises(AccessError, match="origin"):
            checked_origins([origin])


@pytest.mark.parametrize(
    ("origin", "fetch_site", "expected"),
    [
        (None, None, False),  # no browser
        ("http://ecg.example:8000", None, False),
        ("https://ecg.example:8000", None, False),  # behind a proxy that ends TLS
        ("http://ecg.example:8000", "same-origin", False),
        (None, "same-origin", False),
        (None, "none", False),  # typed by the user
        ("http://ecg.example", None, True),
        ("http://ecg.example:8001", None, True),
        ("http://evil.example", None, True),
        ("null", None, True),
        ("", None, True),
        ("ecg.example:8000", None, True),
        ("file://ecg.example:8000", None, True),
        ("http://evil.example", "cross-site", True),
        ("http://www.ecg.example:8000", "same-site", True),
        ("http://ecg.example:8000", "cross-site", True),
        (None, "cross-site", True),
        (None, "", True),
    ],
)
def test_a_post_of_a_foreign_page_is_recognised(
    origin: str | None, fetch_site: str | None, expected: bool
) -> None:
    assert is_cross_site("POST", "ecg.example:8000", origin, fetch_site, NONE) is expected


def test_a_trusted_origin_may_post_and_others_still_may_not() -> None:
    trusted = frozenset({"https://viewer.example"})
    for fetch_site in (None, "cross-site"):
        assert not is_cross_site("POST", "e", "https://viewer.example", fetch_site, trusted)
        assert is_cross_site("POST", "e", "https://viewer.example.evil", fetch_site, trusted)
        assert not is_cross_site("POST", "e", "https://any.example", fetch_site, frozenset("*"))
    assert is_cross_site("POST", "e", None, "cross-site", frozenset("*"))


def test_reading_is_left_to_the_browsers_own_rules() -> None:
    for method in ("GET", "HEAD", "OPTIONS"):
        assert not is_cross_site(method, "e", "http://evil.example", "cross-site", NONE)
    for method in ("PUT", "DELETE", "PATCH", "get"):
        assert is_cross_site(method, "e", "http://evil.example", "cross-site", NONE)
