"""Environment variables that are ignored because they are misspelt, each with the nearest name."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from difflib import get_close_matches

CLIENT_PREFIX = "ECGFM_"
CLIENT_VARIABLES = ("ECGFM_API_KEY", "ECGFM_STATION_KEY", "ECGFM_STATION_URL", "ECGFM_URL")
SERVER_PREFIX = "ECG_"
PREFIXES = (CLIENT_PREFIX, "ECG_FM_", SERVER_PREFIX)
# difflib's ratio, without the prefixes. No setting of the server comes near a variable of the
# client or of bulk: 0.67 is the most (tests/client/test_variables.py).
MIN_SIMILARITY = 0.7


def misspelt_client_variables(environment: Iterable[str]) -> list[str]:
    """Return a sentence for each variable that the client ignores but that is meant for it."""
    names = sorted(environment)
    sentences = misspelt_variables(names, CLIENT_VARIABLES)
    named = {sentence.split()[0] for sentence in sentences}
    return sentences + [
        f"{name} is not used by ecgfm; its variables are {', '.join(CLIENT_VARIABLES)}"
        for name in names
        if name.startswith(CLIENT_PREFIX) and name not in {*CLIENT_VARIABLES, *named}
    ]


def misspelt_variables(environment: Iterable[str], used: Collection[str]) -> list[str]:
    """Return a sentence for each variable that is not used and resembles one that is.

    A variable that resembles none may belong to another program, such as the server.
    """
    used_of_rest = {_without_prefix(name): name for name in used}
    sentences = []
    for name in sorted(environment):
        rest = _without_prefix(name)
        if name in used or rest is None:
            continue
        similar = get_close_matches(
            rest, [each for each in used_of_rest if each], 1, MIN_SIMILARITY
        )
        sentences += [f"{name} is ignored; {used_of_rest[each]} is similar" for each in similar]
    return sentences


def _without_prefix(name: str) -> str | None:
    """Return the rest of the name in capitals, None without one of the prefixes."""
    upper = name.upper()
    for prefix in PREFIXES:
        if upper.startswith(prefix):
            return upper.removeprefix(prefix)
    return None
