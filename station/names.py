"""The rule for the names of sources and patients: in frames, JSON, addresses and imports alike."""

from __future__ import annotations

import re
from typing import Final

MAX_NAME_BYTES: Final = 32  # of the field in a frame
# Printable ASCII without spaces, as names of keys.
NAME: Final = re.compile(rf"[A-Za-z0-9][A-Za-z0-9._@-]{{0,{MAX_NAME_BYTES - 1}}}")
NAME_RULE: Final = f"1 to {MAX_NAME_BYTES} letters, digits and ._@-, a letter or digit first"


def is_name(text: str) -> bool:
    return NAME.fullmatch(text) is not None
