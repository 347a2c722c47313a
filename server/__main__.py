"""`python -m server`: choose the model, start the processes, serve until told to stop."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import sys
import tempfile
from types import FrameType
from typing import TYPE_CHECKING

from server.log import configure_logging
from server.settings import Settings, parse_arguments

if TYPE_CHECKING:
    from server.workers.litserve_server import EcgServer


def main() -> int:
    settings = parse_arguments(sys.argv[1:])
    configure_logging(settings)
    folder = tempfile.mkdtemp(prefix="ecg-fm-metrics-")
    # Before prometheus_client is imported, which reads it then; every process started from here inherits it.
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
    try:
        return serve(settings)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def serve(settings: Settings) -> int:
    from errors import ModelStoreError
    from server.start import make_server

    try:
        server = make_server(settings)
    except ModelStoreError as error:
        print(f"{error.title}: {error.detail}", file=sys.stderr)  # noqa: T201
        return 2
    _stop_on_signals(server)
    try:
        _run(server, settings)
    except KeyboardInterrupt:  # told to stop before there was anything to drain
        return 0
    finally:
        for child in multiprocessing.active_children():
            child.kill()
    return server.supervisor.exit_code


def _run(server: EcgServer, settings: Settings) -> None:
    server.run(
        host=settings.host,
        port=settings.port,
        num_api_servers=settings.api_workers,
        log_level=settings.log_level,
        generate_client_file=False,
        access_log=False,
        log_config=None,
    )


def _stop_on_signals(server: EcgServer) -> None:
    def stop(number: int, frame: FrameType | None) -> None:
        if not server.state.draining.value:
            server.state.draining.value = 1
            raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)


if __name__ == "__main__":
    sys.exit(main())
