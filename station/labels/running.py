"""Labels of the inference server, where the settings name one, while a worker runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from sqlalchemy import Engine

from station.beside import running_beside
from station.settings import Settings

if TYPE_CHECKING:
    from station.labels.labeller import Labeller


def labeller_of(engine: Engine, settings: Settings) -> Labeller | None:
    """Return what asks for labels; None where no server is named.

    Raises BadBridge for settings that cannot be used.
    """
    if settings.server is None:
        return None
    # Its library is not needed without a server.
    from station.labels.labeller import Labeller

    return Labeller(engine, settings.server, settings.server_key, settings.label_every)


@contextmanager
def labelling(engine: Engine, settings: Settings) -> Iterator[None]:
    """Ask for labels in a thread while the block runs. Raises BadBridge."""
    labeller = labeller_of(engine, settings)
    if labeller is None:
        yield
        return
    with running_beside("labels", [labeller.run]):
        yield
