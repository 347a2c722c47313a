"""Steps of alarms as the station tells them, without the hearts that cause them."""

from __future__ import annotations

import base64
from typing import Any

from sqlalchemy import Engine

from station.store.engine import writing
from station.store.events import Event, add_events
from station.times import now_ms

SECRET_BYTES = bytes(range(24))
SECRET = f"whsec_{base64.b64encode(SECRET_BYTES).decode()}"


def step(alarm: int, name: str, **changes: Any) -> Event:
    """Return a step of an alarm of the patient p-1."""
    at_ms = now_ms()
    data = {
        "alarm": alarm,
        "patient": "p-1",
        "source": "strap-1",
        "rule": "asystole",
        "priority": "high",
        "state": "resolved" if name == "resolved" else "firing",
        "since_ms": at_ms - 4000,
        "ended_ms": None,
        "value": 4.5,
        "fired_ms": at_ms,
        "level": 0,
        "step": name,
        "by": ":rule",
        "at_ms": at_ms,
        "note": "written by a person",
    }
    return Event("alarm", None, at_ms, data | changes)


def tell(engine: Engine, *events: Event) -> None:
    with writing(engine) as connection:
        add_events(connection, events)
