"""Decompression is bounded, and names what is wrong with a body."""

from __future__ import annotations

import gzip
import zlib

import pytest
import zstandard

from errors import BodyTooLarge, MalformedBody, UnsupportedMediaType
from server.stages.decompression import (
    CHUNK_BYTES,
    MAX_GZIP_MEMBERS,
    check_content_encoding,
    decompress,
)

# Larger than one chunk when compressed, and not periodic.
CONTENT = b"".join(
    zlib.crc32(bytes([number % 256, number >> 8])).to_bytes(4, "big") for number in range(50_000)
)
COMPRESSED = {
    "gzip": gzip.compress(CONTENT),
    "x-gzip": gzip.compress(CONTENT, compresslevel=1),
    "zstd": zstandard.ZstdCompressor().compress(CONTENT),
}


def test_the_content_is_larger_than_a_chunk() -> None:
    assert all(len(body) > CHUNK_BYTES for body in COMPRESSED.values())


@pytest.mark.parametrize("encoding", ["", "identity"])
def test_a_body_without_encoding_is_returned_as_it_is(encoding: str) -> None:
    assert decompress(CONTENT, encoding, limit_bytes=1) is CONTENT


@pytest.mark.parametrize("encoding", COMPRESSED)
def test_the_limit_is_inclusive(encoding: str) -> None:
    body = COMPRESSED[encoding]
    assert decompress(body, encoding, len(CONTENT)) == CONTENT
    with pytest.raises(BodyTooLarge) as caught:
        decompress(body, encoding, len(CONTENT) - 1)
    assert caught.value.detail == (
        "body decompresses to more than 199999 bytes, the limit (ECG_MAX_BODY_MB)"
    )


@pytest.mark.parametrize("encoding", COMPRESSED)
def test_several_members_are_joined(encoding: str) -> None:
    first, second = CONTENT[:70_000], CONTENT[70_000:]
    compress = zstandard.ZstdCompressor().compress if encoding == "zstd" else gzip.compress
    body = compress(first) + compress(b"") + compress(second)
    assert decompress(body, encoding, len(CONTENT)) == CONTENT


BAD_BODIES = {
    "gzip, truncated": ("gzip", COMPRESSED["gzip"][:-9]),
    "gzip, truncated in its checksum": ("gzip", COMPRESSED["gzip"][:-1]),
    "gzip, data behind it": ("gzip", COMPRESSED["gzip"] + b"garbage"),
    "x-gzip, not compressed": ("x-gzip", b"{}"),
    "x-gzip, zstd": ("x-gzip", COMPRESSED["zstd"]),
    "zstd, data behind it": ("zstd", COMPRESSED["zstd"] + b"garbage"),
    "zstd, not compressed": ("zstd", b"{}"),
}


@pytest.mark.parametrize(("encoding", "body"), BAD_BODIES.values(), ids=BAD_BODIES.keys())
def test_a_body_of_another_encoding_is_malformed(encoding: str, body: bytes) -> None:
    with pytest.raises(MalformedBody) as caught:
        decompress(body, encoding, 10_000_000)
    assert caught.value.detail == (
        f"Content-Encoding is {encoding}, but the body is not {encoding} or is truncated"
    )


@pytest.mark.parametrize("members", [MAX_GZIP_MEMBERS, MAX_GZIP_MEMBERS + 1])
def test_the_number_of_gzip_members_is_limited(members: int) -> None:
    body = gzip.compress(b"") * (members - 1) + gzip.compress(b"x")
    if members == MAX_GZIP_MEMBERS:
        assert decompress(body, "gzip", 10) == b"x"
    else:
        with pytest.raises(MalformedBody):
            decompress(body, "gzip", 10)


@pytest.mark.parametrize("window_log", [27, 28])
def test_the_limit_of_a_zstd_window(window_log: int) -> None:
    parameters = zstandard.ZstdCompressionParameters.from_level(1, window_log=window_log)
    # Streamed, so that the frame declares its window and not the size of its content.
    stream = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    body = stream.compress(CONTENT) + stream.flush()
    if window_log == 27:
        assert decompress(body, "zstd", len(CONTENT)) == CONTENT
    else:
        with pytest.raises(MalformedBody):
            decompress(body, "zstd", len(CONTENT))


def test_a_zstd_frame_with_a_huge_window_is_malformed() -> None:
    # RFC 8878: a window descriptor of exponent 21 asks for 2 GiB.
    frame = b"\x28\xb5\x2f\xfd\x00" + bytes([21 << 3]) + b"\x01\x00\x00"
    with pytest.raises(MalformedBody):
        decompress(frame, "zstd", 10)


@pytest.mark.parametrize("encoding", ["", "identity", "gzip", "x-gzip", "zstd"])
def test_allowed_encodings(encoding: str) -> None:
    check_content_encoding(encoding)


@pytest.mark.parametrize("encoding", ["br", "gzip, gzip", "zstd2", "x" * 100])
def test_other_encodings_are_refused(encoding: str) -> None:
    with pytest.raises(UnsupportedMediaType) as caught:
        check_content_encoding(encoding)
    assert caught.value.detail == (
        f"Content-Encoding is {encoding[:64]}; allowed are gzip and zstd"
    )
