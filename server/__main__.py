"""`python -m server`: choose the model, start the processes, serve until a signal ends them.

`python -m server keys` makes, lists and revokes API keys.
"""

from __future__ import annotations

import multiprocessing
import signal
import sys
from types import FrameType
from typing import TYPE_CHECKING, Final

from server.http.limits import HttpLimits, raise_file_limit
from server.log import configure_logging
from server.settings import Settings, parse_arguments

if TYPE_CHECKING:
    from server.workers.litserve_server import EcgServer

EXIT_CANNOT_START: Final = 2


def main() -> int:
    """Run the server. Return the exit status of the process."""
    if sys.platform != "linux":
        return _refuse(
            "The server runs on Linux only (it needs pidfd, memfd, prctl and SOCK_SEQPACKET), and "
            f"this is {sys.platform}; run it in a Linux container, see Docker in README.md."
        )
    if sys.argv[1:2] == ["keys"]:
        from access.keys_command import run_keys_command
        from server.authorization.route_scopes import KEYS_COMMAND

        return run_keys_command(KEYS_COMMAND, sys.argv[2:])
    settings = parse_arguments(sys.argv[1:])
    configure_logging(settings)
    raise_file_limit(settings)
    return serve(settings)


def serve(settings: Settings) -> int:
    from errors import AccessError, ModelStoreError
    from server.start import make_server

    try:
        server = make_server(settings)
    except (AccessError, ModelStoreError) as error:
        return _refuse(f"{error.title}: {error.detail}")
    _stop_on_signals(server)
    try:
        _run(server, settings)
    finally:
        # What is left where an exception interrupted the shutdown.
        for child in multiprocessing.active_children():
            child.kill()
    return server.supervisor.exit_code


def _refuse(reason: str) -> int:
    print(reason, file=sys.stderr)  # noqa: T201 - for the person who starts the server
    return EXIT_CANNOT_START


def _run(server: EcgServer, settings: Settings) -> None:
    from server.http.protocol import bounded_protocol

    server.run(
        host=settings.host,
        port=settings.port,
        num_api_servers=settings.api_workers,
        log_level=settings.log_level,
        # LitServe would write a client.py into the working directory.
        generate_client_file=False,
        # RequestMiddleware logs requests, in the format that server.log configures.
        access_log=False,
        log_config=None,
        # There are no WebSocket routes, and the library would log a request's keys at level debug.
        ws="none",
        **server.tls_options,
        http=bounded_protocol(HttpLimits.from_settings(settings)),
    )


def _stop_on_signals(server: EcgServer) -> None:
    """Drain and stop on SIGTERM and SIGINT. A second signal changes nothing."""

    def stop(number: int, frame: FrameType | None) -> None:
        # The supervisor looks at it. An exception could interrupt the start of a process.
        server.state.draining.value = 1

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)


if __name__ == "__main__":
    sys.exit(main())
