"""Each HTTP process has its share of the bounds; clients are counted by address or network."""

from __future__ import annotations

import pytest

from server.http.limits import HttpLimits, client_group
from server.settings import MIB, Settings


def test_http_processes_share_the_bounds() -> None:
    settings = Settings(api_workers=4, max_connections=1000, max_uploads=101, max_unread_mb=8)
    limits = HttpLimits.from_settings(settings)
    assert limits.connections == 250
    assert limits.uploads == 26
    assert limits.unread_bytes == 2 * MIB
    assert limits.head_bytes == 64 * 1024


def test_a_body_of_the_largest_size_always_fits() -> None:
    limits = HttpLimits.from_settings(Settings(api_workers=4, max_bodies_mb=64, max_body_mb=64))
    assert limits.bodies_bytes == 64 * MIB


@pytest.mark.parametrize(
    ("host", "group"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::ffff", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("testclient", "testclient"),
        ("a:b", "a:b"),
    ],
)
def test_who_counts_as_one_client(host: str, group: str) -> None:
    assert client_group(host) == group
