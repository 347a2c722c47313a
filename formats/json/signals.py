"""JSON bytes -> Python values, with the samples of records as arrays from the start: no Python number is made of any of them.

simdjson (Langdale and Lemire, VLDB Journal 2019) parses, and hands out a list's numbers as one buffer. It stops at what
`formats/json/body.py` reads or refuses by name (NaN, null among the samples, what is no JSON), so that then has the word.
"""

from __future__ import annotations

import threading
from typing import Any, Final

import numpy as np
import simdjson
from numpy.typing import NDArray

from formats.json import body as json_body

KEPT_BYTES: Final = (
    1 << 22
)  # of text whose parser is kept; it has some ten times as much memory, touched as far as needed
_KEPT: Final = threading.local()
_SIGNAL: Final = "signal"
_RECORDS: Final = "records"


def loads(body: bytes) -> object:
    """As `json_body.loads`, and a record's `signal`, at the top or in `records`, as float64 arrays where it is numbers alone.

    Arrays stand for lists and lists of lists of equal length; of an object of leads each lead is one.
    Raises as `json_body.loads`.
    """
    text = json_body.checked(body)
    try:
        read = _Reading()
        value = read.body(_parsed(text))
        # A list among the numbers of another is in the buffer too, as if it were none. And it has a bracket.
        if read.lists == text.count(b"["):
            return value
    except (ValueError, TypeError, RuntimeError):
        pass
    return json_body.loads(body)


def _parsed(text: bytes) -> Any:
    """The document, in the memory of this thread's last one unless somebody still holds something of that."""
    if len(text) > KEPT_BYTES:
        return simdjson.Parser().parse(text)
    if not hasattr(_KEPT, "parser"):
        _KEPT.parser = simdjson.Parser(KEPT_BYTES)
    return _KEPT.parser.parse(text)


class _Reading:
    """Values out of simdjson's document; `lists` counts those that were met. Raises TypeError, ValueError where there is more to say."""

    def __init__(self) -> None:
        self.lists = 0

    def body(self, document: Any) -> object:
        if not isinstance(document, simdjson.Object):
            raise TypeError("no object")
        return {
            name: self._records(value) if name == _RECORDS else self._field(name, value)
            for name, value in _items(document)
        }

    def _records(self, value: Any) -> object:
        if not isinstance(value, simdjson.Array):
            return self._plain(value)
        self.lists += 1
        return [self._record(record) for record in value]

    def _record(self, value: Any) -> object:
        if not isinstance(value, simdjson.Object):
            return self._plain(value)
        return {name: self._field(name, each) for name, each in _items(value)}

    def _field(self, name: str, value: Any) -> object:
        if name != _SIGNAL:
            return self._plain(value)
        if isinstance(value, simdjson.Array):
            return self._samples(value)
        if isinstance(value, simdjson.Object):
            return {lead: self._lead(each) for lead, each in _items(value)}
        return self._plain(value)

    def _lead(self, value: Any) -> NDArray[np.float64]:
        samples = self._samples(value)
        if samples.ndim != 1:
            raise ValueError("lists in a lead")
        return samples

    def _samples(self, value: Any) -> NDArray[np.float64]:
        """A list of numbers, or of lists of equally many. Raises TypeError, ValueError for anything else."""
        if not isinstance(value, simdjson.Array):
            raise TypeError("no list")
        self.lists += 1
        numbers = np.frombuffer(value.as_buffer(of_type="d"))
        if not len(value):
            raise ValueError("no samples")
        if not isinstance(value[0], simdjson.Array):
            return numbers
        self.lists += len(value)
        rows: list[Any] = list(value)
        (columns,) = {len(row) for row in rows}
        return numbers.reshape(len(value), columns)

    def _plain(self, value: Any) -> object:
        plain = (
            value.as_list()
            if isinstance(value, simdjson.Array)
            else value.as_dict()
            if isinstance(value, simdjson.Object)
            else value
        )
        self.lists += _lists_in(plain)
        return plain


def _items(value: Any) -> list[tuple[str, Any]]:
    """`items` would make Python values of all that is within. Raises ValueError where asking for a key may find another's value:

    one given twice (the first is found), one with a NUL in it (what is asked for ends there).
    """
    keys = list(value.keys())
    if len(set(keys)) != len(keys) or any("\0" in key for key in keys):
        raise ValueError("a key twice, or one with a NUL")
    return [(key, value[key]) for key in keys]


def _lists_in(value: object) -> int:
    if isinstance(value, list):
        return 1 + sum(map(_lists_in, value))
    return sum(map(_lists_in, value.values())) if isinstance(value, dict) else 0
