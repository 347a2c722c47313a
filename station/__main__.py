"""`python -m station`: serve until a signal ends it; the database is brought up to date first.

`python -m station keys` makes, lists and revokes the keys of people and gateways; devices get
theirs from POST /station/v1/sources. `python -m station patients` imports patients.
`python -m station archive` moves old rows to the archive. `python -m station stream` replays files
to a station. `python -m station import` reports a long recording. `python -m station --demo` shows
a ward.
"""

from __future__ import annotations

import argparse
import logging
import signal
import sys
from types import FrameType
from typing import Final

import uvicorn

from access.keys_command import run_keys_command
from errors import AccessError, BadBridge, BadDatabase, EcgError
from log_lines import log_to_stderr
from station.app import make_app
from station.patients.command import run_patients_command
from station.replay.command import run_stream_command
from station.settings import Settings, add_flags, settings_of
from station.store.engine import open_engine, place_of
from station.web.access import KEYS_COMMAND

logger = logging.getLogger("ecg.station")

EXIT_CANNOT_START: Final = 2
GRACEFUL_SHUTDOWN_S: Final = 30


def main() -> int:
    """Run the station. Return the exit status of the process."""
    if sys.argv[1:2] == ["keys"]:
        return run_keys_command(KEYS_COMMAND, sys.argv[2:])
    if sys.argv[1:2] == ["patients"]:
        return run_patients_command(sys.argv[2:])
    if sys.argv[1:2] == ["archive"]:
        return _run_archive_command()
    if sys.argv[1:2] == ["stream"]:
        return run_stream_command(sys.argv[2:])
    if sys.argv[1:2] == ["import"]:
        return _run_import_command()
    if sys.argv[1:] == ["--demo"]:
        return _show_demo()
    parser = argparse.ArgumentParser(
        prog="scripts/station",
        description="Keep patients' streams. Each flag is also an environment variable.",
    )
    add_flags(parser)
    settings = settings_of(parser, vars(parser.parse_args()))
    log_to_stderr(settings.log_level, as_json=settings.log_json)
    return serve(settings)


def _run_archive_command() -> int:
    # pyarrow is not needed to serve.
    from station.archive.command import run_archive_command

    return run_archive_command(sys.argv[2:])


def _run_import_command() -> int:
    # The networks and the report are not needed to serve.
    from station.holter.command import run_import_command

    return run_import_command(sys.argv[2:])


def _show_demo() -> int:
    # The client of devices and the synthetic hearts are not needed to serve.
    from station.demo.command import run_demo

    return run_demo()


def serve(settings: Settings) -> int:
    """Serve until a signal comes. Return the exit status."""
    faults: list[EcgError] = []

    def give_up(fault: EcgError) -> None:
        faults.append(fault)
        server.should_exit = True

    try:
        engine = open_engine(settings.database)
        app = make_app(settings, engine, give_up)
    except (AccessError, BadDatabase, BadBridge) as error:
        return _refuse(error)
    server = uvicorn.Server(
        uvicorn.Config(
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
    )
    logger.info(
        "listening on %s, port %d; database %s", settings.host, settings.port, place_of(engine)
    )
    for number in (signal.SIGTERM, signal.SIGINT):
        # uvicorn drains and stops, then raises the signal again: the exit status is to be 0.
        signal.signal(number, _do_nothing)
    server.run()
    if faults:
        return _refuse(faults[0])
    return 0 if server.started else EXIT_CANNOT_START


def _do_nothing(number: int, frame: FrameType | None) -> None:
    pass


def _refuse(error: EcgError) -> int:
    print(f"{error.title}: {error.detail}", file=sys.stderr)  # noqa: T201 - for a person
    return EXIT_CANNOT_START


if __name__ == "__main__":
    sys.exit(main())
