"""Lines of a file or upload that arrives in pieces, each of a bounded length."""

from __future__ import annotations

from collections.abc import Iterable, Iterator


def lines_of(chunks: Iterable[bytes], most: int) -> Iterator[bytes | None]:
    """Yield each line with its end; None in the place of one that is longer than `most` bytes."""
    rest = b""
    is_too_long = False
    for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            yield None if is_too_long or len(line) > most else line + b"\n"
            is_too_long = False
        if len(rest) > most:
            rest, is_too_long = b"", True
    if rest or is_too_long:
        yield None if is_too_long else rest
