"""The outlets that the settings name, and the thread that sends for them while a worker runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine

from station.beside import running_beside
from station.outbox.outlet import Outlet
from station.outbox.sender import Sender
from station.settings import Settings
from station.store.engine import writing
from station.store.external.outbox import add_outlet
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
    give_up_ms = round(settings.deliver_within * SECOND_MS)
    senders = [Sender(engine, outlet, give_up_ms) for outlet in outlets]
    with running_beside("outbox", [sender.run for sender in senders]):
        yield
