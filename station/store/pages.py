"""Pages of a list, and lists of values in pieces that one statement can take."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from station.store.tables import MAX_PARAMETERS

Item = TypeVar("Item")


@dataclass(frozen=True)
class Page(Generic[Item]):
    """Some rows, and the cursor of the next page; None after the last one."""

    rows: Sequence[Item]
    cursor: str | None


def in_chunks(values: Sequence[Item]) -> Iterator[Sequence[Item]]:
    """Yield the values in pieces of at most MAX_PARAMETERS."""
    for start in range(0, len(values), MAX_PARAMETERS):
        yield values[start : start + MAX_PARAMETERS]


def cursor_numbers(cursor: str, count: int) -> tuple[int, ...]:
    """Return the numbers of a cursor. Raises ValueError where it is none of ours."""
    if re.fullmatch(r"[0-9]{1,18}(\.[0-9]{1,18})*", cursor) is None:
        raise ValueError("not a cursor")
    numbers = tuple(int(number) for number in cursor.split("."))
    if len(numbers) != count:
        raise ValueError("a cursor of another list")
    return numbers
