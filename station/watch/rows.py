"""Frozen dataclasses of arrays whose first axis is the streams: rows are taken, put and added.

A field may itself be such a dataclass.
"""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

State = TypeVar("State")


def take(state: State, rows: NDArray[np.intp]) -> State:
    """Return copies of some rows."""
    return _mapped(state, lambda array: array[rows])


def put(state: Any, rows: NDArray[np.intp], newer: Any) -> None:
    """Replace some rows by those of another state."""
    for each in fields(state):
        old, new = getattr(state, each.name), getattr(newer, each.name)
        if isinstance(old, np.ndarray):
            old[rows] = new
        else:
            put(old, rows, new)


def added(state: State, more: State) -> State:
    """Return a state with more rows."""
    changed = {}
    for each in fields(cast(Any, state)):
        old, new = getattr(state, each.name), getattr(more, each.name)
        is_array = isinstance(old, np.ndarray)
        changed[each.name] = np.concatenate([old, new]) if is_array else added(old, new)
    return cast(State, replace(cast(Any, state), **changed))


def arrays_of(state: Any, row: int, prefix: str = "") -> dict[str, NDArray[Any]]:
    """Return one row's arrays by the names of their fields, `a.b` for nested ones."""
    arrays: dict[str, NDArray[Any]] = {}
    for each in fields(state):
        value, name = getattr(state, each.name), prefix + each.name
        if isinstance(value, np.ndarray):
            arrays[name] = value[row]
        else:
            arrays |= arrays_of(value, row, f"{name}.")
    return arrays


def set_row(state: Any, row: int, arrays: dict[str, NDArray[Any]], prefix: str = "") -> None:
    """Replace one row by what `arrays_of` gave. Raises KeyError and ValueError for other arrays."""
    for each in fields(state):
        value, name = getattr(state, each.name), prefix + each.name
        if isinstance(value, np.ndarray):
            array = arrays[name]
            if array.shape != value.shape[1:] or array.dtype != value.dtype:
                raise ValueError(f"{name}: {array.dtype}{array.shape}")
            value[row] = array
        else:
            set_row(value, row, arrays, f"{name}.")


def _mapped(state: State, change: Any) -> State:
    changed = {}
    for each in fields(cast(Any, state)):
        value = getattr(state, each.name)
        changed[each.name] = (
            change(value) if isinstance(value, np.ndarray) else _mapped(value, change)
        )
    return cast(State, replace(cast(Any, state), **changed))
