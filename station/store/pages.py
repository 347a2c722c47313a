"""Pages of a list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from sqlalchemy import Column, ColumnElement, tuple_

Item = TypeVar("Item")

MAX_PAGE_ROWS: Final = 1000


@dataclass(frozen=True)
class Page(Generic[Item]):
    """Some rows, and the cursor of the next page; None after the last one.

    A cursor is numbers of the last row with dots between them; see station/web/queries.py.
    """

    rows: Sequence[Item]
    cursor: str | None


def in_order(place: Sequence[Column[Any]], newest_first: bool) -> list[ColumnElement[Any]]:
    """Return what rows are ordered by: their time and a number."""
    return [column.desc() if newest_first else column.asc() for column in place]


def is_beyond(
    place: Sequence[Column[Any]], after: tuple[int, int], newest_first: bool
) -> ColumnElement[bool]:
    """Return the condition that a row comes after the last one of the page before."""
    here, last = tuple_(*place), tuple_(*after)
    return here < last if newest_first else here > last
