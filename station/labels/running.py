"""Labels of the inference server, where the settings name one, while a worker runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine

from station.beside import running_beside
from station.settings import Settings


@contextmanager
def labelling(engine: Engine, settings: Settings) -> Iterator[None]:
    """Ask for labels in a thread while the block runs."""
    if settings.server is None:
        yield
        return
    # Its library is not needed without a server.
    from station.labels.labeller import Labeller

    labeller = Labeller(engine, settings.server, settings.server_key, settings.label_every)
    with running_beside("labels", [labeller.run]):
        yield
