"""The worker: one session after another, until it is to end."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable
from typing import Final

from sqlalchemy import Engine

from errors import BadBridge
from station.store.engine import FAILURES
from station.store.partitions import check_no_partitions
from station.store.progress import CursorLost
from station.worker.faults import leave_out_faults
from station.worker.log import LogReader
from station.worker.parts import Parts
from station.worker.session import FeedFailed, StepFailed

logger = logging.getLogger("ecg.station.watch")

POLL_S: Final = 0.05
AGAIN_S: Final = 1.0
Wait = Callable[[float], bool]
"""Waits for so many seconds, at most, and says whether the worker is to end."""
Watching = Callable[[Wait], None]


def run_worker(engine: Engine, parts: Parts, watch: Watching, wait: Wait) -> None:
    """Watch records until `wait` says that the worker is to end. Raises BadBridge.

    watch  one session, until that time or the next failure
    """
    while True:
        try:
            watch(wait)
            return
        except StepFailed as error:
            _log_place(error.__cause__ or error, "watching failed")
            if leave_out_faults(engine, parts, error.rows):
                continue
        except CursorLost as error:
            # Another worker has taken over, or a commit succeeded whose answer was lost.
            logger.warning("%s", error)
        except FeedFailed as error:
            logger.error("%s", error)
        except BadBridge:
            raise
        except FAILURES as error:
            # Its message may quote parameters, which are a patient's.
            logger.error("the database failed: %s", type(error).__name__)
        except Exception as error:  # noqa: BLE001 - the edge of a process: a bug costs a session
            _log_place(error, "a session failed")
        if wait(AGAIN_S):
            return


def watch_log(engine: Engine, parts: Parts, wait: Wait) -> None:
    """Watch the records of the database. Raises BadBridge, and what Session raises."""
    with engine.connect() as connection:
        check_no_partitions(connection)
    reader = LogReader(engine, parts)
    logger.info("watching from record %d on", reader.session.next)
    while not wait(0 if reader.turn() else POLL_S):
        pass
    while reader.turn():
        pass
    reader.session.close()


def _log_place(error: BaseException, what: str) -> None:
    frame = traceback.extract_tb(error.__traceback__)[-1]
    logger.error("%s: %s in %s, line %s", what, type(error).__name__, frame.name, frame.lineno)
