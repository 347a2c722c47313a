"""Who sends a request, and what it may do. Scopes are words that the application defines."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

# Printable ASCII without spaces: a name goes into log lines and answers.
NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")

# The name of those who send no credential. No key can have it.
ANONYMOUS_NAME: Final = "anonymous"


@dataclass(frozen=True)
class Identity:
    """The holder of a key or of a token.

    name           for the log and for people; never secret, never a patient's
    scopes         what it may do
    rate           requests in a time, e.g. "600/minute"; None for the application's default
    max_in_flight  requests at once; None for the application's default
    """

    name: str
    scopes: frozenset[str]
    rate: str | None = None
    max_in_flight: int | None = None
