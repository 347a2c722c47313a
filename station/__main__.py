"""`python -m station`: bring the database up to date, then serve until a signal ends it.

`python -m station keys` makes, lists and revokes the keys of people and gateways; devices get
theirs from POST /station/v1/sources.
"""

from __future__ import annotations

import argparse
import logging
import signal
import sys
from types import FrameType
from typing import Final

import uvicorn
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from access.keys_command import run_keys_command
from errors import AccessError
from log_lines import log_to_stderr
from station.app import make_app
from station.settings import Settings, add_flags, settings_of
from station.store.engine import open_engine
from station.store.migrate import migrate
from station.web.access import KEYS_COMMAND

logger = logging.getLogger("ecg.station")

EXIT_CANNOT_START: Final = 2
GRACEFUL_SHUTDOWN_S: Final = 30


def main() -> int:
    """Run the station. Return the exit status of the process."""
    if sys.argv[1:2] == ["keys"]:
        return run_keys_command(KEYS_COMMAND, sys.argv[2:])
    parser = argparse.ArgumentParser(
        prog="scripts/station",
        description="Keep patients' streams. Each flag is also an environment variable.",
    )
    add_flags(parser)
    settings = settings_of(parser, vars(parser.parse_args()))
    log_to_stderr(settings.log_level, as_json=settings.log_json)
    return serve(settings)


def serve(settings: Settings) -> int:
    try:
        engine = open_engine(settings.database)
        migrate(engine)
        app = make_app(settings, engine)
    except AccessError as error:
        return _refuse(f"{error.title}: {error.detail}")
    except (ArgumentError, ValueError, SQLAlchemyError) as error:
        # The message of the driver, which may have a password in it, is left out.
        return _refuse(f"STATION_DATABASE cannot be used: {type(error).__name__}")
    database = engine.url.render_as_string(hide_password=True)
    logger.info("listening on %s, port %d; database %s", settings.host, settings.port, database)
    for number in (signal.SIGTERM, signal.SIGINT):
        # uvicorn drains and stops, then raises the signal again: the exit status is to be 0.
        signal.signal(number, _do_nothing)
    uvicorn.run(
        app,
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        ws="none",
        server_header=False,
        limit_concurrency=settings.max_connections,
        timeout_graceful_shutdown=GRACEFUL_SHUTDOWN_S,
    )
    return 0


def _do_nothing(number: int, frame: FrameType | None) -> None:
    pass


def _refuse(reason: str) -> int:
    print(reason, file=sys.stderr)  # noqa: T201 - for the person who starts the station
    return EXIT_CANNOT_START


if __name__ == "__main__":
    sys.exit(main())
