"""Acknowledgements of HL7 version 2 in original mode: AA, AE with the fault, AR to send again.

HL7 v2.6, chapter 2.9.2; the codes of ERR-3 are those of HL7's table 0357.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from station.ingest.hl7.message import SEGMENT_END, Segment
from station.ingest.hl7.times import time_text
from station.ingest.outcomes import Outcome

APPLICATION: Final = "ecg-station"
VERSION: Final = "2.6"
MAX_TEXT_CHARS: Final = 250
MAX_ECHO_CHARS: Final = 200


class Answer(StrEnum):
    """ACCEPTED: all is stored. ERROR: something never will be. REJECTED: nothing is, for now."""

    ACCEPTED = "AA"
    ERROR = "AE"
    REJECTED = "AR"


class ErrorCode(StrEnum):
    """Of HL7's table 0357."""

    DATA_TYPE = "102^Data type error"
    MESSAGE_TYPE = "200^Unsupported message type"
    PROCESSING_ID = "202^Unsupported processing id"
    UNKNOWN_KEY = "204^Unknown key identifier"
    DUPLICATE_KEY = "205^Duplicate key identifier"
    INTERNAL = "207^Application internal error"


CODES: Final = {
    Outcome.UNKNOWN_PATIENT: ErrorCode.UNKNOWN_KEY,
    Outcome.UNKNOWN_SOURCE: ErrorCode.UNKNOWN_KEY,
    Outcome.FOREIGN_SOURCE: ErrorCode.UNKNOWN_KEY,
    Outcome.CONFLICTING: ErrorCode.DUPLICATE_KEY,
}


def acknowledgement(
    header: Segment,
    answer: Answer,
    moment_ms: int,
    *,
    text: str = "",
    code: ErrorCode | None = None,
) -> bytes:
    """Return the ACK to a message with this header.

    text  why it is not accepted
    code  of ERR-3; None for an accepted message
    """
    field = header.separators[0]
    control_id = _echo(header, 10)
    said = _escaped(text[:MAX_TEXT_CHARS], header.separators)
    lines = [
        field.join(
            [
                *("MSH", header.separators[1:], APPLICATION, _echo(header, 6)),
                *(_echo(header, 3), _echo(header, 4), time_text(moment_ms), ""),
                *(header.separators[1].join(["ACK", "R01", "ACK"]), control_id),
                *(_echo(header, 11) or "P", _echo(header, 12) or VERSION),
            ]
        ),
        field.join(["MSA", answer, control_id]),
    ]
    if code is not None:
        words = header.separators[1].join([*code.split("^"), "HL70357"])
        lines.append(field.join(["ERR", "", "", words, "E", "", "", "", said]))
    return "".join(line + SEGMENT_END for line in lines).encode("ascii", "replace")


def _echo(header: Segment, number: int) -> str:
    return header.field(number)[:MAX_ECHO_CHARS]


def _escaped(text: str, separators: str) -> str:
    field, component, repetition, escape, subcomponent = list(separators)
    letters = {field: "F", component: "S", repetition: "R", escape: "E", subcomponent: "T"}
    return "".join(f"{escape}{letters[char]}{escape}" if char in letters else char for char in text)
