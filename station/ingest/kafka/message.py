"""Posts as messages of a topic: each has the frames of one source, or a frame that was refused."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import numpy as np
import orjson

from errors import EcgError
from station.ingest.commit import Post, pieces
from station.ingest.frame import HEADER
from station.ingest.outcomes import Outcome, Rejection
from station.ingest.parse import ParsedPost, parse_post

# Below the million bytes that brokers and clients take by default. A larger frame is alone.
MAX_MESSAGE_BYTES: Final = 900_000
HEADER_NAME: Final = "post"
# More than a message can hold.
_MAX_FRAMES: Final = 1_000_000
_NO_FRAMES: Final = np.zeros(0, HEADER)


class PostMessage(NamedTuple):
    """A message.

    source   by which its partition is chosen; of a refused frame without one, the sender
    header   JSON: of which post it is
    value    frames, or what was refused
    records  number of frames
    """

    source: str
    header: bytes
    value: bytes
    records: int


def messages_of(post: Post) -> Iterator[PostMessage]:
    """Yield the messages of a post, those of one source in their order."""
    header = orjson.dumps(_header(post))
    by_source: dict[str, list[bytes]] = {}
    sources = np.char.decode(post.parsed.header["source"], "ascii").tolist()
    for source, frame in zip(sources, post.parsed.frames, strict=True):
        by_source.setdefault(source, []).append(frame)
    for source, frames in by_source.items():
        for group in _groups(frames):
            yield PostMessage(source, header, b"".join(group), len(group))
    for rejection in post.parsed.rejections:
        for detail, piece in pieces(rejection, MAX_MESSAGE_BYTES):
            refused = _header(post) | {
                "outcome": rejection.outcome,
                "detail": detail,
                "source": rejection.source,
                "seq": rejection.seq,
            }
            key = rejection.source or post.sender
            yield PostMessage(key, orjson.dumps(refused), piece, 0)


def post_of(header: bytes | None, value: bytes) -> Post | None:
    """Return the post of a message; None where it is none of the station's."""
    try:
        said: dict[str, Any] = orjson.loads(header or b"")
        return Post(
            _refused(said, value) if "outcome" in said else parse_post(value, _MAX_FRAMES),
            said["sender"],
            said["only_source"],
            said["received_ms"],
            said["is_numbered"],
        )
    except (ValueError, KeyError, TypeError, EcgError):
        return None


def _header(post: Post) -> dict[str, Any]:
    return {
        "sender": post.sender,
        "only_source": post.only_source,
        "received_ms": post.received_ms,
        "is_numbered": post.is_numbered,
    }


def _groups(frames: list[bytes]) -> Iterator[list[bytes]]:
    group: list[bytes] = []
    size = 0
    for frame in frames:
        if group and size + len(frame) > MAX_MESSAGE_BYTES:
            yield group
            group, size = [], 0
        group.append(frame)
        size += len(frame)
    yield group


def _refused(said: dict[str, Any], value: bytes) -> ParsedPost:
    rejection = Rejection(
        0,
        Outcome(said["outcome"]),
        said["detail"],
        source=said["source"],
        seq=said["seq"],
        frame=value,
    )
    return ParsedPost(1, _NO_FRAMES, [], [], [], [rejection])
