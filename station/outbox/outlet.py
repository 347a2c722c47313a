"""What an outlet is: it wants some steps of alarms, and sends each as a message of its kind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

# Of one attempt, from the connection to the receiver's answer.
SEND_LIMIT_S: Final = 10.0


class NotDelivered(Exception):
    """The receiver did not take a message. `reason` names no patient, and quotes no answer.

    is_final  the receiver never will: there is no other attempt
    """

    def __init__(self, reason: str, *, is_final: bool = False) -> None:
        super().__init__(reason)
        self.reason, self.is_final = reason, is_final


@dataclass(frozen=True)
class Notice:
    """One step of an alarm, for a receiver outside of the station.

    id        the same at each attempt, and no other notice's: a receiver knows a double by it
    alarm_id  no other alarm's
    data      of the event, as docs/station.md has it
    """

    id: str
    alarm_id: str
    data: Mapping[str, Any]


class Outlet(Protocol):
    """A way out of alarms.

    name     of its row in the table of outlets
    at_once  messages of different alarms that are sent at the same time
    """

    name: str
    at_once: int

    def wants(self, data: Mapping[str, Any]) -> bool:
        """Return whether a step of an alarm is sent."""

    async def send(self, notice: Notice) -> None:
        """Send a message. Raises NotDelivered, OSError; it is cancelled after SEND_LIMIT_S."""

    async def close(self) -> None:
        """Close what is open between messages, in the loop that sent them."""
