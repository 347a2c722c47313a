"""Reads of the database that answers are made of: each in a thread, on a connection of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import Connection, Engine

from errors import NotFound
from station.names import is_name
from station.store.engine import writing
from station.store.patients import patient_ids

Result = TypeVar("Result")


async def read(engine: Engine, use: Callable[[Connection], Result]) -> Result:
    """Return what `use` returns."""

    def run() -> Result:
        with engine.connect() as connection:
            return use(connection)

    return await asyncio.to_thread(run)


async def write(engine: Engine, use: Callable[[Connection], Result]) -> Result:
    """Return what `use` returns, after its transaction is committed."""

    def run() -> Result:
        with writing(engine) as connection:
            return use(connection)

    return await asyncio.to_thread(run)


def patient_id(connection: Connection, name: str) -> int:
    """Raises NotFound."""
    found = patient_ids(connection, [name]).get(name) if is_name(name) else None
    if found is None:
        raise NotFound("no patient with this name is registered")
    return found
