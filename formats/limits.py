"""Limits that all readers share: what one upload may make a reader create.

docs/security.md, "What each reader may cost", has the memory and time that follow from them.
"""

from __future__ import annotations

from typing import Final

MAX_VALUES: Final = 16_000_000  # samples; ten minutes of twelve leads at 2000 Hz are 14.4 million
MAX_CHANNELS: Final = 512  # of one recording; the largest real files, of EEG, have 256
# A list or object takes at least 60 bytes of memory and 2 bytes of a body, a string 50 and 3.
MAX_LISTS: Final = 2_000_000  # ten minutes at 2000 Hz as (samples, leads) are 1.2 million
MAX_OBJECTS: Final = 300_000  # a record has two
MAX_STRINGS: Final = 1_000_000  # a record has about thirty, most of them names of fields
