"""The outlets that the settings name, and the thread that sends for them while a worker runs."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from sqlalchemy import Engine

from station.outbox.outlet import Outlet
from station.outbox.sender import Sender
from station.settings import Settings
from station.store.engine import writing
from station.store.outbox import add_outlet
from station.times import SECOND_MS


def outlets_of(settings: Settings) -> list[Outlet]:
    """Raises BadBridge for settings that cannot be used."""
    receivers = tuple(settings.receivers.split(","))
    outlets: list[Outlet] = []
    # The libraries are not needed without an outlet.
    if settings.webhook is not None:
        from station.outbox.webhook import Webhook

        outlets.append(Webhook(settings.webhook, settings.webhook_secret, receivers))
    if settings.email is not None:
        from station.outbox.email import Email

        outlets.append(
            Email(
                settings.email,
                settings.email_from,
                settings.email_to,
                priorities=tuple(settings.email_priorities.split(",")),
                receivers=receivers,
            )
        )
    if settings.hl7_alerts is not None:
        from station.outbox.mllp import Mllp

        outlets.append(Mllp(settings.hl7_alerts))
    return outlets


@contextmanager
def sending(engine: Engine, settings: Settings) -> Iterator[None]:
    """Send in a thread while the block runs. Raises BadBridge, and one of FAILURES."""
    outlets = outlets_of(settings)
    if not outlets:
        yield
        return
    with writing(engine) as connection:
        for outlet in outlets:
            add_outlet(connection, outlet.name)
    thread = _Thread(engine, outlets, round(settings.deliver_within * SECOND_MS))
    thread.start()
    try:
        yield
    finally:
        thread.stop()


class _Thread:
    def __init__(self, engine: Engine, outlets: Sequence[Outlet], give_up_ms: int) -> None:
        self._senders = [Sender(engine, outlet, give_up_ms) for outlet in outlets]
        self._loop = asyncio.new_event_loop()
        self._stopping = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="outbox", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """End after the messages that are being sent."""
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join()

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._send())

    async def _send(self) -> None:
        await asyncio.gather(*(sender.run(self._stopping) for sender in self._senders))
