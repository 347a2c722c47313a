"""Values of a request's path and query string, each with the values that are allowed."""

from __future__ import annotations

import re
from typing import Final

from starlette.requests import Request

from errors import BadOption, NotFound
from station.names import is_name
from station.store.pages import MAX_PAGE_ROWS

MAX_DIGITS: Final = 15  # milliseconds of 30,000 years
MAX_TIME_MS: Final = 10**MAX_DIGITS - 1
# Numbers of rows, with dots between them.
_CURSOR: Final = re.compile(r"[0-9]{1,18}(\.[0-9]{1,18})*")


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


def page_rows(request: Request) -> int:
    """Return how many rows a page may have. Raises BadOption."""
    return min(integer(request, "limit", MAX_PAGE_ROWS, lowest=1), MAX_PAGE_ROWS)


def newest_first(request: Request) -> bool:
    """Return whether a list begins with the newest rows. Raises BadOption."""
    order = request.query_params.get("order", "oldest")
    if order not in ("oldest", "newest"):
        raise BadOption("order: allowed are oldest, newest", loc=("query", "order"))
    return order == "newest"


def cursor_numbers(request: Request, count: int) -> tuple[int, ...] | None:
    """Return the numbers of the cursor; None for the first page. Raises BadOption."""
    cursor = request.query_params.get("cursor")
    if cursor is None:
        return None
    numbers = cursor.split(".")
    if _CURSOR.fullmatch(cursor) is None or len(numbers) != count:
        raise BadOption("cursor: not one of an answer's `cursor`", loc=("query", "cursor"))
    return tuple(map(int, numbers))


def name_of_path(request: Request) -> str:
    """Return the name in the path. Raises NotFound for what no source or patient is called."""
    name: str = request.path_params["name"]
    if not is_name(name):
        raise NotFound("no source or patient can have this name")
    return name


def number_of_path(request: Request) -> int:
    """Return the number in the path. Raises NotFound."""
    text: str = request.path_params["number"]
    if not text.isascii() or not text.isdecimal() or len(text) > MAX_DIGITS:
        raise NotFound("a number is required")
    return int(text)
