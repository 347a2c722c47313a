"""The leads that a request names for the channels of a file or the rows of an array.

`lead_names` has one of two forms. Either it names a lead for each channel in order, and "-" for a
channel to leave out: I,-,V1. Or it renames channels: ECG1=II makes lead II of the channel that the
file calls ECG1, ECG1=- leaves it out, and the other channels keep their names.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from errors import BadOption
from formats.fields import Loc, dotted
from signals.lead_lists import LEFT_OUT, parse_lead_choice, parse_lead_names

HOW_TO_NAME: Final = (
    "lead_names takes a lead for each channel in order, or - for one to leave out (II,-,V1), or "
    "renames channels (ECG1=II)"
)
_SEPARATOR: Final = "="
_MAX_SHOWN_CHARS: Final = 40  # of a channel's name in a message


@dataclass(frozen=True)
class LeadNames:
    """What a request states about the leads. At most one of the two is given.

    in_order  a lead for each channel, None for a channel that is left out
    renamed   a channel's name in the file, as `channel_key` spells it, and its lead or None
    """

    in_order: tuple[str | None, ...] | None = None
    renamed: Mapping[str, str | None] = field(default_factory=dict)

    @property
    def are_stated(self) -> bool:
        return self.in_order is not None or bool(self.renamed)

    def of_rows(self, loc: Loc = ("lead_names",)) -> tuple[str | None, ...] | None:
        """Return the leads of rows without names. Raises BadOption if the request renames some."""
        if self.renamed:
            raise BadOption(
                f"{dotted(loc)}: NAME=LEAD renames a channel, but the samples have no names; name "
                "a lead for each row in order, or - for one to leave out",
                loc=loc,
            )
        return self.in_order

    def listed(self) -> list[str] | None:
        """Return the entries as a request's list has them; None if there are none."""
        if self.in_order is not None:
            return [lead or LEFT_OUT for lead in self.in_order]
        pairs = [f"{name}{_SEPARATOR}{lead or LEFT_OUT}" for name, lead in self.renamed.items()]
        return pairs or None


def channel_key(name: str) -> str:
    """Return a channel's name for comparison: in lower case, with single spaces."""
    return " ".join(name.split()).casefold()


def lead_names(entries: object, loc: Loc = ("lead_names",)) -> LeadNames:
    """Parse a list of leads or of renamed channels.

    Raises BadType, BadShape, UnknownLead, DuplicateLead, BadOption.
    """
    if not isinstance(entries, list | tuple):
        return LeadNames(parse_lead_names(entries, loc))  # raises BadType
    is_pair = [isinstance(entry, str) and _SEPARATOR in entry for entry in entries]
    if not any(is_pair):
        return LeadNames(parse_lead_choice(entries, loc))
    if not all(is_pair):
        raise BadOption(
            f"{dotted(loc)}: some entries have the form NAME=LEAD and some not; name all channels "
            "in order, or rename some",
            loc=loc,
        )
    pairs = [entry.rpartition(_SEPARATOR) for entry in entries]
    leads = parse_lead_choice([lead.strip() for _, _, lead in pairs], loc, may_be_none=True)
    keys = [channel_key(name) for name, _, _ in pairs]
    repeated = [key for key, count in Counter(keys).items() if count > 1]
    if repeated:
        raise BadOption(
            f"{dotted(loc)}: {repeated[0][:_MAX_SHOWN_CHARS]!a} is renamed twice; each channel is "
            "allowed once",
            loc=loc,
        )
    return LeadNames(renamed=dict(zip(keys, leads, strict=True)))
