"""Numbers of MFER's tags.

Source: ISO 22077-1:2015 (MFER part 1), https://www.mfer.org/en/document.htm
"""

from __future__ import annotations

from typing import Final

BYTE_ORDER: Final = 0x01
BLOCK: Final = 0x04  # samples of one channel in one sequence
CHANNELS: Final = 0x05
SEQUENCES: Final = 0x06
WAVEFORM: Final = 0x08  # type of waveform
LEAD: Final = 0x09
DATA_TYPE: Final = 0x0A
INTERVAL: Final = 0x0B  # sampling interval or rate
RESOLUTION: Final = 0x0C
OFFSET: Final = 0x0D
COMPRESSION: Final = 0x0E
NULL: Final = 0x12  # the code of a gap
MAKER: Final = 0x17
DATA: Final = 0x1E
ATTRIBUTE: Final = 0x3F  # holds the definitions of one channel
PREAMBLE: Final = 0x40
GROUP: Final = 0x67
END: Final = 0x80
AGE: Final = 0x83
SEX: Final = 0x84
TIME: Final = 0x85

# Tags that a channel may define for itself.
CHANNEL_TAGS: Final = frozenset(
    {BLOCK, SEQUENCES, WAVEFORM, LEAD, DATA_TYPE, INTERVAL, RESOLUTION, OFFSET, NULL}
)
