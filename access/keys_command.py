"""`keys add | list | revoke`: the API keys in a key file, for each application that has one.

A running process notices a change within a second.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from access.api_keys import ApiKey
from access.key_file import add_key, read_keys, revoke_key
from errors import AccessError

EXIT_REFUSED: Final = 2
DEFAULT_LIFE: Final = "365d"  # a forgotten key ends within a year
_DAYS: Final = re.compile(r"([1-9]\d{0,4})d", re.ASCII)


@dataclass(frozen=True)
class KeysCommand:
    """What the commands of one application are about.

    program   how the commands are called
    prefix    of the environment variables: ECG_ where the key file is in ECG_KEY_FILE
    scopes    what a key can be given
    default   scopes of a key that is made without naming any
    has_default_limits  whether the settings KEY_RATE and KEY_MAX_IN_FLIGHT limit keys that have
                        no limit of their own
    """

    program: str
    prefix: str
    scopes: Sequence[str]
    default: Sequence[str]
    _: KW_ONLY
    has_default_limits: bool


def run_keys_command(command: KeysCommand, arguments: Sequence[str]) -> int:
    """Run one command. Return the exit status of the process."""
    options = _parser(command).parse_args(arguments)
    try:
        path = _key_file(f"{command.prefix}KEY_FILE", options.key_file)
        if options.command == "add":
            _add(path, options, command.scopes)
        elif options.command == "revoke":
            _revoke(path, options.key)
        else:
            _list(path)
    except AccessError as error:
        print(f"{error.title}: {error.detail}", file=sys.stderr)
        return EXIT_REFUSED
    except OSError as error:
        print(f"{error.filename}: {error.strerror}", file=sys.stderr)
        return EXIT_REFUSED
    return 0


def _parser(command: KeysCommand) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=command.program, description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    add = commands.add_parser("add", help="make a key; it is shown once")
    add.add_argument("name", metavar="NAME", help="whose key it is, for lists and the log")
    add.add_argument(
        "--scopes",
        default=",".join(command.default),
        help=f"comma-separated, of {', '.join(command.scopes)} "
        f"(default: {','.join(command.default)})",
    )
    add.add_argument(
        "--expires",
        default=DEFAULT_LIFE,
        metavar="WHEN",
        help=f"90d, a date such as 2027-06-30 (UTC), or never (default: {DEFAULT_LIFE})",
    )
    limits = dict.fromkeys(("KEY_RATE", "KEY_MAX_IN_FLIGHT"), "no limit")
    if command.has_default_limits:
        limits = {name: f"{command.prefix}{name}" for name in limits}
    add.add_argument(
        "--rate", help=f"requests in a time, e.g. 600/minute (default: {limits['KEY_RATE']})"
    )
    add.add_argument(
        "--max-in-flight",
        type=int,
        help=f"requests at once (default: {limits['KEY_MAX_IN_FLIGHT']})",
    )
    listing = commands.add_parser("list", help="show all keys, without the secrets")
    revoke = commands.add_parser("revoke", help="make a key invalid for good")
    revoke.add_argument("key", metavar="NAME", help="the key's name or prefix")
    for part in (add, listing, revoke):
        part.add_argument("--key-file", type=Path, help=f"default: {command.prefix}KEY_FILE")
    return parser


def _key_file(variable: str, option: Path | None) -> Path:
    from_environment = os.environ.get(variable)
    if option is not None:
        return option
    if from_environment:
        return Path(from_environment)
    raise AccessError(f"no key file: set {variable} or give --key-file")


def _add(path: Path, options: argparse.Namespace, allowed: Sequence[str]) -> None:
    scopes = [word.strip() for word in options.scopes.split(",") if word.strip()]
    unknown = [scope for scope in scopes if scope not in allowed]
    if unknown or not scopes:
        raise AccessError(
            f"scopes: {', '.join(unknown) or 'none'}; allowed are {', '.join(allowed)}"
        )
    key = add_key(
        path,
        options.name,
        scopes,
        expires=_expiry(options.expires),
        rate=options.rate,
        max_in_flight=options.max_in_flight,
    )
    # The key alone on standard output, so that a script can keep it.
    print(f"The key of {options.name}, shown this once:", file=sys.stderr)
    print(key)


def _expiry(text: str) -> datetime | None:
    """Return the time from which a key is not valid any more. Raises AccessError."""
    now = datetime.now(UTC).replace(microsecond=0)
    if text == "never":
        return None
    days = _DAYS.fullmatch(text)
    if days is not None:
        return now + timedelta(days=int(days[1]))
    try:
        end = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        end = now
    if end <= now:
        raise AccessError(
            f"expires: {text!r}; allowed are days (90d), a date to come (2027-06-30), never"
        )
    return end


def _revoke(path: Path, name_or_prefix: str) -> None:
    for key in revoke_key(path, name_or_prefix):
        print(f"revoked: {key.name} ({key.prefix})")


def _list(path: Path) -> None:
    keys = read_keys(path)
    width = max(len(name) for name in ("name", *(key.name for key in keys)))
    header = f"{'name':{width}}  {'prefix':12}  {'state':8}  {'created':10}  {'expires':10}  scopes"
    print(header)
    for key in keys:
        expires = "never" if key.expires is None else f"{key.expires:%Y-%m-%d}"
        limits = "".join(
            f"  {name} {value}"
            for name, value in (("rate", key.rate), ("in flight", key.max_in_flight))
            if value is not None
        )
        print(
            f"{key.name:{width}}  {key.prefix}  {_state(key):8}  {key.created:%Y-%m-%d}  "
            f"{expires:10}  {','.join(key.scopes)}{limits}"
        )


def _state(key: ApiKey) -> str:
    if key.revoked is not None:
        return "revoked"
    return "valid" if key.is_valid(datetime.now(UTC)) else "expired"
