"""Parse JSON bodies with simdjson; return the samples of records as arrays.

simdjson (Langdale and Lemire, VLDB Journal 2019) returns the numbers of a list as one buffer, so no
Python number is created for a sample. It cannot handle NaN or null among the samples, and its
errors have no position. `formats/json/body.py` parses those bodies again.
"""

from __future__ import annotations

import contextlib
import threading
from typing import Any, Final

import numpy as np
import simdjson
from numpy.typing import NDArray

from formats.json import body as json_body

# Each thread keeps its parser for texts up to this size. A parser reserves about ten times as much
# memory, of which only the used pages become resident.
KEPT_BYTES: Final = 1 << 22
_KEPT: Final = threading.local()
# simdjson looks up a key by going through all keys, so an object of n keys costs n^2. A record and
# an object of leads have about twenty; json_body parses larger ones.
MAX_KEYS: Final = 64
_SIGNAL: Final = "signal"
_RECORDS: Final = "records"


def loads(body: bytes) -> object:
    """Return the same as `json_body.loads`, but a record's `signal` as float64 arrays.

    The record is the body itself or an item of its `records`. An array replaces a list of numbers,
    or lists of numbers of equal length; in an object of leads each lead is an array. A signal with
    other elements is returned as `json_body.loads` returns it.

    Raises the errors of `json_body.loads`.
    """
    text = json_body.checked_text(body)
    with contextlib.suppress(ValueError, TypeError, RuntimeError):
        converter = _Converter()
        value = converter.body(_parse(text))
        # as_buffer() flattens a list among the numbers of another one without notice. Such a list
        # has a bracket in the text but was not counted. A bracket in a string also gets here, and
        # only costs a second parse.
        if converter.lists == json_body.count_mark(text, b"["):
            return value
    return json_body.loads(body)


def _parse(text: bytes) -> Any:
    """Parse with this thread's parser, or with a new one if the text is large.

    Raises RuntimeError if values of this thread's previous document still exist.
    """
    if len(text) > KEPT_BYTES:
        return simdjson.Parser().parse(text)
    if not hasattr(_KEPT, "parser"):
        _KEPT.parser = simdjson.Parser(KEPT_BYTES)
    return _KEPT.parser.parse(text)


class _Converter:
    """Converts simdjson's values to Python values; counts the lists in `lists`.

    Raises TypeError or ValueError for values that `json_body` must handle.
    """

    def __init__(self) -> None:
        self.lists = 0

    def body(self, document: Any) -> object:
        """Convert a record, or an object with `records`."""
        if not isinstance(document, simdjson.Object):
            raise TypeError("not an object")
        converted: dict[str, object] = {}
        for name, value in _items(document):
            if name == _RECORDS:
                converted[name] = self._records(value)
            else:
                converted[name] = self._field(name, value)
        return converted

    def _records(self, value: Any) -> object:
        if not isinstance(value, simdjson.Array):
            return self._plain(value)
        self.lists += 1
        return [self._record(record) for record in value]

    def _record(self, value: Any) -> object:
        if not isinstance(value, simdjson.Object):
            return self._plain(value)
        return {name: self._field(name, field) for name, field in _items(value)}

    def _field(self, name: str, value: Any) -> object:
        if name != _SIGNAL:
            return self._plain(value)
        if isinstance(value, simdjson.Array):
            return self._samples(value)
        if isinstance(value, simdjson.Object):
            return {lead: self._lead(samples) for lead, samples in _items(value)}
        return self._plain(value)

    def _lead(self, value: Any) -> NDArray[np.float64]:
        samples = self._samples(value)
        if samples.ndim != 1:
            raise ValueError("lists in a lead")
        return samples

    def _samples(self, value: Any) -> NDArray[np.float64]:
        """Convert a list of numbers, or of lists of equal length, to (n,) or (rows, columns)."""
        if not isinstance(value, simdjson.Array):
            raise TypeError("not a list")
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
        """Convert a value without samples."""
        plain: object = value
        if isinstance(value, simdjson.Array):
            plain = value.as_list()
        elif isinstance(value, simdjson.Object):
            plain = value.as_dict()
        self.lists += _count_lists(plain)
        return plain


def _items(value: Any) -> list[tuple[str, Any]]:
    """Return the items of an object as simdjson values; its `items()` would convert all of them.

    Raises ValueError for many keys, or if a lookup could return another key's value: if a key
    occurs twice, simdjson returns the first; if a key contains NUL, simdjson compares only what
    precedes it.
    """
    if len(value) > MAX_KEYS:
        raise ValueError("many keys")
    keys = list(value.keys())
    if len(set(keys)) != len(keys) or any("\0" in key for key in keys):
        raise ValueError("a duplicate key or a key with NUL")
    return [(key, value[key]) for key in keys]


def _count_lists(value: object) -> int:
    """Return the number of lists in a value, itself included."""
    if isinstance(value, list):
        return 1 + sum(map(_count_lists, value))
    if isinstance(value, dict):
        return sum(map(_count_lists, value.values()))
    return 0
