"""The limits of patients' alarms, as watching needs them."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final, TypeAlias

from sqlalchemy import Connection, select

from station.store.batches import among
from station.store.patients import PATIENTS

RateLimits: TypeAlias = tuple[int | None, int | None]
"""Lower and upper limit of the heart rate, beats a minute; None for none."""
NO_LIMITS: Final[RateLimits] = (None, None)


def rate_limits(connection: Connection, patients: Collection[int]) -> dict[int, RateLimits]:
    """Return patient id -> limits that the patient has now."""
    query = select(PATIENTS.c.id, PATIENTS.c.rate_low, PATIENTS.c.rate_high).where(
        among(connection, PATIENTS.c.id, patients)
    )
    return {row.id: (row.rate_low, row.rate_high) for row in connection.execute(query)}
