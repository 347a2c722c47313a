"""Pages of a list, and lists of values in pieces that one statement can take."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from station.store.tables import MAX_PARAMETERS

Item = TypeVar("Item")

MAX_PAGE_ROWS: Final = 1000


@dataclass(frozen=True)
class Page(Generic[Item]):
    """Some rows, and the cursor of the next page; None after the last one.

    A cursor is numbers of the last row with dots between them; see station/web/queries.py.
    """

    rows: Sequence[Item]
    cursor: str | None


def in_chunks(values: Sequence[Item]) -> Iterator[Sequence[Item]]:
    """Yield the values in pieces of at most MAX_PARAMETERS."""
    for start in range(0, len(values), MAX_PARAMETERS):
        yield values[start : start + MAX_PARAMETERS]
