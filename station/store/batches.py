"""Statements on many rows at once.

On PostgreSQL one statement takes an array of each column, so that its text is always the same and
the server plans it once. SQLite gets the driver's executemany, and a list of values as JSON:
SQLAlchemy's statements with a parameter for each value take several times as long.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import orjson
from sqlalchemy import (
    ARRAY,
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    Table,
    any_,
    func,
    literal,
    select,
    tuple_,
)


def insert_rows(
    connection: Connection,
    table: Table,
    columns: Sequence[str],
    rows: Sequence[tuple[Any, ...]],
    on_conflict: str = "",
) -> int:
    """Store rows, in the order of the columns. Return how many were stored.

    Raises IntegrityError where a key is stored already, unless `on_conflict` says what to do.
    """
    if not rows:
        return 0
    values: Any
    begin = f"INSERT INTO {table.name} ({', '.join(columns)})"
    if connection.dialect.name == "sqlite":
        marks = ", ".join("?" * len(columns))
        statement, values = f"{begin} VALUES ({marks}) {on_conflict}", list(rows)
    else:
        values = _columns(rows)
        source = f"SELECT * FROM unnest({_arrays(connection, table, columns, values)})"
        statement = f"{begin} {source} {on_conflict}"
    return connection.exec_driver_sql(statement, values).rowcount


def insert_new(
    connection: Connection, table: Table, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]
) -> None:
    """Store rows, in the order of the columns; one whose key is stored already changes nothing."""
    insert_rows(connection, table, columns, rows, "ON CONFLICT DO NOTHING")


def update_rows(
    connection: Connection,
    table: Table,
    columns: Sequence[str],
    rows: Sequence[tuple[Any, ...]],
) -> None:
    """Change rows: of the columns the first one says which row, the others have its new values."""
    if not rows:
        return
    key, *changed = columns
    if connection.dialect.name == "sqlite":
        changes = ", ".join(f"{name} = ?" for name in changed)
        statement = f"UPDATE {table.name} SET {changes} WHERE {key} = ?"
        connection.exec_driver_sql(statement, [(*row[1:], row[0]) for row in rows])
        return
    values = _columns(rows)
    changes = ", ".join(f"{name} = new.{name}" for name in changed)
    arrays = _arrays(connection, table, columns, values)
    new = f"unnest({arrays}) AS new ({', '.join(columns)})"
    statement = f"UPDATE {table.name} SET {changes} FROM {new} WHERE {table.name}.{key} = new.{key}"
    connection.exec_driver_sql(statement, values)


def among(
    connection: Connection, column: Column[Any], values: Collection[Any]
) -> ColumnElement[bool]:
    """Return the condition that a column has one of these values, however many they are."""
    if connection.dialect.name == "postgresql":
        return column == any_(literal(list(values), ARRAY(column.type)))
    listed = func.json_each(orjson.dumps(list(values)).decode()).table_valued("value")
    return column.in_(select(listed.c.value))


def among_pairs(
    connection: Connection,
    columns: tuple[Column[int], Column[int]],
    pairs: Collection[tuple[int, int]],
) -> ColumnElement[bool]:
    """Return the condition that two columns have one of these pairs of numbers."""
    if connection.dialect.name == "postgresql":
        arrays = [literal([pair[place] for pair in pairs], ARRAY(BigInteger)) for place in (0, 1)]
        listed = func.unnest(*arrays).table_valued("first", "second").render_derived()
        return tuple_(*columns).in_(select(listed.c.first, listed.c.second))
    value = func.json_each(orjson.dumps(list(pairs)).decode()).table_valued("value").c.value
    first, second = (func.json_extract(value, f"$[{place}]") for place in (0, 1))
    return tuple_(*columns).in_(select(first, second))


def _arrays(
    connection: Connection,
    table: Table,
    columns: Sequence[str],
    values: Sequence[Sequence[Any]],
) -> str:
    """Return the parameters of unnest. Bytes go in binary: as text they take 25 times as long."""
    arrays = []
    for name, column in zip(columns, values, strict=True):
        kind = table.c[name].type.compile(dialect=connection.dialect)
        mark = "%b" if any(isinstance(value, bytes) for value in column) else "%s"
        arrays.append(f"{mark}::{kind}[]")
    return ", ".join(arrays)


def _columns(rows: Sequence[tuple[Any, ...]]) -> tuple[list[Any], ...]:
    return tuple(map(list, zip(*rows, strict=True)))
