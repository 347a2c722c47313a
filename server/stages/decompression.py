"""Decompression of request bodies (Content-Encoding), bounded by the size limit of a body."""

from __future__ import annotations

import io
import zlib
from typing import Final

import zstandard

from errors import BodyTooLarge, MalformedBody, UnsupportedMediaType

IDENTITY_ENCODINGS: Final = ("", "identity")
GZIP_ENCODINGS: Final = ("gzip", "x-gzip")
CONTENT_ENCODINGS: Final = (*IDENTITY_ENCODINGS, *GZIP_ENCODINGS, "zstd")

CHUNK_BYTES: Final = 65_536  # of compressed input given to zlib at a time
# bgzip writes a member for each 64 kB. Each member costs time, even an empty one.
MAX_GZIP_MEMBERS: Final = 10_000
MAX_ZSTD_WINDOW_BYTES: Final = 1 << 27
GZIP_WBITS: Final = 31  # zlib: a gzip header and the largest window
MAX_SHOWN_CHARS: Final = 64  # of a header's value in an error


def check_content_encoding(content_encoding: str) -> None:
    """Refuse, before the body is read, an encoding that `decompress` lacks.

    Raises UnsupportedMediaType.
    """
    if content_encoding not in CONTENT_ENCODINGS:
        raise UnsupportedMediaType(
            f"Content-Encoding is {content_encoding[:MAX_SHOWN_CHARS]}; allowed are gzip and zstd"
        )


def decompress(body: bytes, content_encoding: str, limit_bytes: int) -> bytes:
    """Return the body without its gzip or zstd compression.

    Never trusts a size that the body declares: decompression stops above `limit_bytes`.
    Raises MalformedBody, BodyTooLarge.
    """
    if content_encoding in IDENTITY_ENCODINGS:
        return body
    decompress_up_to = _gunzip if content_encoding in GZIP_ENCODINGS else _unzstd
    try:
        decompressed = decompress_up_to(body, limit_bytes)
    except (zlib.error, zstandard.ZstdError, EOFError):
        raise MalformedBody(
            f"Content-Encoding is {content_encoding}, but the body is not {content_encoding} "
            "or is truncated"
        ) from None
    if len(decompressed) > limit_bytes:
        raise BodyTooLarge(
            f"body decompresses to more than {limit_bytes} bytes, the limit (ECG_MAX_BODY_MB)"
        )
    return decompressed


def _gunzip(body: bytes, limit_bytes: int) -> bytes:
    """Decompress one or more gzip members. Returns more than `limit_bytes` where there is more.

    Raises EOFError where the last member is incomplete or there are too many members.
    """
    chunks: list[bytes] = []
    size = 0
    member = zlib.decompressobj(GZIP_WBITS)
    member_count = 1
    stream = io.BytesIO(body)
    while compressed := member.unused_data or stream.read(CHUNK_BYTES):
        if member.eof:
            member = zlib.decompressobj(GZIP_WBITS)
            member_count += 1
        if member_count > MAX_GZIP_MEMBERS:
            raise EOFError
        # One byte above the limit shows that there is more; a bomb never costs more memory.
        chunk = member.decompress(compressed, limit_bytes + 1 - size)
        chunks.append(chunk)
        size += len(chunk)
        if size > limit_bytes:
            return b"".join(chunks)
    if not member.eof:
        raise EOFError
    return b"".join(chunks)


def _unzstd(body: bytes, limit_bytes: int) -> bytes:
    decompressor = zstandard.ZstdDecompressor(max_window_size=MAX_ZSTD_WINDOW_BYTES)
    with decompressor.stream_reader(body, read_across_frames=True) as reader:
        return reader.read(limit_bytes + 1)
