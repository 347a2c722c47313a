"""Values of a request's query string, each with the values that are allowed."""

from __future__ import annotations

from typing import Final

from starlette.requests import Request

from errors import BadOption

MAX_DIGITS: Final = 15  # milliseconds of 30,000 years


def integer(request: Request, name: str, default: int | None = None, *, lowest: int = 0) -> int:
    """Return a number of the query string. Raises BadOption."""
    text = request.query_params.get(name)
    if text is None and default is not None:
        return default
    if text is None or not text.isascii() or not text.isdecimal() or len(text) > MAX_DIGITS:
        raise BadOption(f"{name}: a whole number is required", loc=("query", name))
    if int(text) < lowest:
        raise BadOption(f"{name}: {int(text)}; at least {lowest}", loc=("query", name))
    return int(text)


def page_rows(request: Request, most: int) -> int:
    """Return how many rows a page may have. Raises BadOption."""
    return min(integer(request, "limit", most, lowest=1), most)


def bad_cursor() -> BadOption:
    return BadOption("cursor: not one of an answer's `cursor`", loc=("query", "cursor"))
