"""Static bodies: compressed for those who accept it, sent once to those who have them."""

from __future__ import annotations

import gzip

import pytest
from starlette.requests import Request

from server.pages.static import MIN_COMPRESSED_BYTES, Static, accepts_gzip


def request(**headers: str) -> Request:
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "headers": raw})


def test_a_body_is_compressed_for_those_who_accept_it() -> None:
    body = b"x" * MIN_COMPRESSED_BYTES
    static = Static(body, "text/css", {"X-Other": "1"})
    compressed = static.respond(request(accept_encoding="gzip"))
    assert gzip.decompress(bytes(compressed.body)) == body
    assert compressed.headers["content-encoding"] == "gzip"
    plain = static.respond(request())
    assert plain.body == body
    assert "content-encoding" not in plain.headers
    for response in (compressed, plain):
        assert response.status_code == 200
        assert response.headers["etag"] == static.etag
        assert response.headers["vary"] == "Accept-Encoding"
        assert response.headers["cache-control"] == "no-cache"
        assert response.headers["x-other"] == "1"
        assert response.headers["content-type"].startswith("text/css")


def test_a_small_body_is_not_compressed() -> None:
    static = Static(b"x" * (MIN_COMPRESSED_BYTES - 1), "text/css")
    assert "content-encoding" not in static.respond(request(accept_encoding="gzip")).headers


def test_a_body_that_the_client_has_is_not_sent_again() -> None:
    static = Static(b"a" * 2000, "text/css")
    again = static.respond(request(if_none_match=f'"other", {static.etag}'))
    assert (again.status_code, again.body) == (304, b"")
    assert again.headers["etag"] == static.etag
    assert static.respond(request(if_none_match='W/"other"')).status_code == 200


def test_bodies_have_tags_of_their_content() -> None:
    tags = {Static(body, "text/css").etag for body in (b"a", b"b", b"")}
    assert len(tags) == 3
    assert Static(b"a", "text/css").etag == Static(b"a", "text/plain").etag
    assert all(tag.startswith('W/"') for tag in tags)


@pytest.mark.parametrize(
    ("accept_encoding", "accepted"),
    [
        ("gzip", True),
        ("GZip", True),
        ("br, gzip;q=0.5", True),
        ("gzip; q=0.001", True),
        ("gzip;q=0, identity", False),
        ("gzip; q = 0.000", False),
        ("gzip;q=0.0", False),
        ("gzip;q=0.00", False),
        ("x-gzip, br", False),
        ("", False),
    ],
)
def test_who_accepts_gzip(accept_encoding: str, accepted: bool) -> None:
    assert accepts_gzip(accept_encoding) is accepted
