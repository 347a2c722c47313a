"""`python -m station stream`: replays files and folders to a station, as if devices recorded now.

It reads files by formats/ itself, so it needs neither the inference server nor its limit of ten
minutes. `ecgfm stream` of the client has the same flags, and asks that server to read its files.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Final

from errors import EcgError
from formats.hints import Hints, hints_from_params

# 0 and 1 are those of the client's `stream`.
EXIT_UNUSABLE: Final = 2
EXIT_NO_ANSWER: Final = 3
EXIT_INTERRUPTED: Final = 130  # 128 + SIGINT
_FIELDS: Final = ("fs", "lead_names", "units", "gain")


def run_stream_command(arguments: Sequence[str]) -> int:
    """Run the command. Return the exit status: 1 where something was not stored."""
    # The client is a distribution of its own, which only this command needs.
    try:
        from ecgfm_client.device.stream import add_stream_flags, stream
        from ecgfm_client.errors import EcgClientError, NoAnswer

        from station.replay.files import Files
    except ImportError as error:
        _say(f"the client is missing: pip install ./client, or use scripts/station ({error})")
        return EXIT_UNUSABLE
    parser = argparse.ArgumentParser(
        prog="scripts/station stream",
        description="Replay a recording, or all of a folder, to a station as if recorded now.",
    )
    parser.add_argument("url", metavar="FILE", help="a file or folder: a path, or a URL of fsspec")
    add_stream_flags(parser)
    for name in _FIELDS:
        flag = f"--{name.replace('_', '-')}"
        parser.add_argument(flag, help="as for ecgfm analyze: in place of the file's")
    options = parser.parse_args(arguments)
    try:
        files = Files(options.url)
        readings = files.beat_tables() if options.beats else files.signals(_hints(options))
        return stream(options, readings, _say)
    except NoAnswer as error:
        _say(str(error))
        return EXIT_NO_ANSWER
    except (EcgClientError, EcgError) as error:
        _say(str(error))
        return EXIT_UNUSABLE
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED


def _hints(options: argparse.Namespace) -> Hints:
    """Return the values of the flags. Raises EcgError."""
    given = {name: getattr(options, name) for name in _FIELDS}
    return hints_from_params({name: [text] for name, text in given.items() if text is not None})


def _say(message: str) -> None:
    print(message, file=sys.stderr)
