"""Routes of alarms: list, acknowledge, note, silence."""

from __future__ import annotations

from typing import Annotated, Any, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from sqlalchemy import Connection, Engine
from starlette.requests import Request
from starlette.responses import Response

from errors import BadOption, NotFound
from station.alarms import commands
from station.alarms.machine import State
from station.patients.rules import has_control
from station.store import alarms
from station.store.events import newest_event
from station.store.tables import AnyRow
from station.times import now_ms
from station.web.access import sender_of
from station.web.answers import json_answer
from station.web.bodies import Bodies
from station.web.json_bodies import json_body
from station.web.queries import (
    MAX_TIME_MS,
    cursor_numbers,
    integer,
    name_of_path,
    number_of_path,
    page_rows,
)
from station.web.reading import patient_id, read, write

# IEC 60601-1-8 wants silences to end by themselves. A site's own rule is what its operators do.
MAX_SILENCE_S: Final = 180
MAX_NOTE_CHARS: Final = 1000
OPEN: Final = (State.FIRING, State.ACKNOWLEDGED)


def _without_control(note: str) -> str:
    if has_control(note):
        raise ValueError("control characters are not allowed")
    return note


_Text = Annotated[str, Field(max_length=MAX_NOTE_CHARS), AfterValidator(_without_control)]


class _Acknowledgement(BaseModel):
    model_config = ConfigDict(extra="forbid")

    note: _Text = ""


class _Note(BaseModel):
    model_config = ConfigDict(extra="forbid")

    note: Annotated[_Text, Field(min_length=1)]


class _Silence(BaseModel):
    model_config = ConfigDict(extra="forbid")

    seconds: int = Field(ge=0, le=MAX_SILENCE_S)


class AlarmRoutes:
    def __init__(self, engine: Engine, bodies: Bodies) -> None:
        self._engine = engine
        self._bodies = bodies

    async def list(self, request: Request) -> Response:
        """List alarms that began in [from_ms, to_ms), the newest first."""
        name = request.query_params.get("patient")
        states = _states(request)
        from_ms, to_ms = integer(request, "from_ms", 0), integer(request, "to_ms", MAX_TIME_MS)
        cursor = cursor_numbers(request, 2)
        limit = page_rows(request)

        def use(connection: Connection) -> dict[str, Any]:
            # Read first: what happens later is an event after it.
            newest = newest_event(connection)
            page = alarms.list_alarms(
                connection,
                states=states,
                patient_id=None if name is None else patient_id(connection, name),
                from_ms=from_ms,
                to_ms=to_ms,
                before=None if cursor is None else (cursor[0], cursor[1]),
                limit=limit,
            )
            silences = alarms.silences_now(connection, now_ms())
            listed = [shown_alarm(row, silences.get(row.patient_id)) for row in page.rows]
            return {"alarms": listed, "cursor": page.cursor, "last_event_id": newest}

        return json_answer(await read(self._engine, use))

    async def steps(self, request: Request) -> Response:
        """Return every step of an alarm, with who and when."""
        number = number_of_path(request)
        rows = await read(self._engine, lambda connection: alarms.steps_of(connection, number))
        if not rows:
            raise _no_alarm()
        names = ("number", "step", "state", "by", "at_ms", "device_ms", "note")
        return json_answer(
            {"steps": [{name: getattr(row, name) for name in names} for row in rows]}
        )

    async def acknowledge(self, request: Request) -> Response:
        """Acknowledge a firing alarm; of any other, nothing changes."""
        number, by = number_of_path(request), sender_of(request).identity.name
        body = await json_body(request, self._bodies, _Acknowledgement)
        changed = await write(
            self._engine, lambda connection: commands.acknowledge(connection, number, by, body.note)
        )
        if changed is None:
            raise _no_alarm()
        return json_answer({"acknowledged": int(changed)})

    async def acknowledge_patient(self, request: Request) -> Response:
        """Acknowledge all firing alarms of a patient."""
        name, by = name_of_path(request), sender_of(request).identity.name
        body = await json_body(request, self._bodies, _Acknowledgement)
        changed = await write(
            self._engine,
            lambda connection: commands.acknowledge_patient(
                connection, patient_id(connection, name), by, body.note
            ),
        )
        return json_answer({"acknowledged": changed})

    async def note(self, request: Request) -> Response:
        """Add a note to an alarm."""
        number, by = number_of_path(request), sender_of(request).identity.name
        body = await json_body(request, self._bodies, _Note)
        found = await write(
            self._engine, lambda connection: commands.add_note(connection, number, by, body.note)
        )
        if not found:
            raise _no_alarm()
        return json_answer({"noted": True})

    async def silence(self, request: Request) -> Response:
        """Switch the sound of a patient's alarms off for a while."""
        name, by = name_of_path(request), sender_of(request).identity.name
        body = await json_body(request, self._bodies, _Silence)
        told = await write(
            self._engine,
            lambda connection: commands.silence(
                connection, patient_id(connection, name), name, body.seconds, by
            ),
        )
        return json_answer(told)


def _no_alarm() -> NotFound:
    return NotFound("no alarm has this number")


def _states(request: Request) -> list[State]:
    """Return the states that are asked for; those that need somebody where none is."""
    asked = request.query_params.get("state")
    if asked is None:
        return [*OPEN]
    try:
        return [State(state) for state in asked.split(",")]
    except ValueError:
        allowed = ", ".join(State)
        raise BadOption(f"state: allowed are {allowed}", loc=("query", "state")) from None


def shown_alarm(row: AnyRow, silence: AnyRow | None) -> dict[str, Any]:
    return {
        "alarm": row.id,
        "patient": row.patient_name,
        "source": row.source_name,
        "rule": row.rule,
        "priority": row.priority,
        "state": row.state,
        "since_ms": row.since_ms,
        "ended_ms": row.ended_ms,
        "value": row.value,
        "fired_ms": row.fired_ms,
        "level": row.level,
        "silent_until_ms": _silent_until_ms(row, silence),
    }


def _silent_until_ms(row: AnyRow, silence: AnyRow | None) -> int | None:
    """Return until when a firing alarm makes no sound. One of high priority that fires while
    others are silent is heard."""
    if silence is None or row.state != State.FIRING:
        return None
    breaks_through = row.priority == "high" and row.fired_ms > silence.from_ms
    return None if breaks_through else int(silence.until_ms)
