"""Parse the lists of lead names that requests hold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from errors import BadShape, BadType, DuplicateLead, FieldError, UnknownLead
from signals.leads import LEADS, canonical_lead

# In place of a lead's name in a request: the channel is left out.
LEFT_OUT: Final = "-"
# A message shows at most this part of a client's lead name.
_MAX_SHOWN_CHARS: Final = 24
_MAX_FAULTS_LISTED: Final = 12

Loc = tuple[str | int, ...]
"""The keys and indices that lead to a field of a request's body: ("records", 3, "lead_names")."""


def parse_lead_names(names: object, loc: Loc = ("lead_names",)) -> tuple[str, ...]:
    """Return the canonical names of the leads in a list, in its order.

    loc  where the list is in the request, for error messages
    Raises BadType (not a list of strings), BadShape (an empty list), UnknownLead, DuplicateLead.
    """
    canonical = _canonical(_listed(names, loc), loc)
    return tuple(lead for lead in canonical if lead is not None)


def parse_lead_choice(
    names: object, loc: Loc = ("lead_names",), *, may_be_none: bool = False
) -> tuple[str | None, ...]:
    """Return the same as `parse_lead_names`, and None for each entry "-".

    may_be_none  whether all entries may be "-"
    """
    listed = _listed(names, loc)
    if not may_be_none and all(name.strip() == LEFT_OUT for name in listed):
        raise BadShape(
            f"{_field_path(loc)}: no lead; at least one entry must be a lead, not -", loc=loc
        )
    return _canonical(listed, loc, may_skip=True)


def _canonical(names: Sequence[str], loc: Loc, *, may_skip: bool = False) -> tuple[str | None, ...]:
    """Return the leads that names mean; with `may_skip`, None for "-".

    Raises UnknownLead, DuplicateLead.
    """
    canonical = tuple(canonical_lead(name) for name in names)
    unknown = [index for index, lead in enumerate(canonical) if lead is None]
    allowed = ", ".join(LEADS)
    if may_skip:
        unknown = [index for index in unknown if names[index].strip() != LEFT_OUT]
        allowed += ", and - to leave a channel out"
    _refuse_unknown(names, unknown, allowed, loc)
    _refuse_duplicates(canonical, loc)
    return canonical


def _listed(names: object, loc: Loc) -> Sequence[str]:
    """Return a list of strings. Raises BadType, BadShape (an empty list)."""
    field = _field_path(loc)
    if not isinstance(names, list | tuple):
        raise BadType(f"{field}: a list of lead names is required", loc=loc)
    if not names:
        raise BadShape(f"{field}: an empty list; at least one lead is required", loc=loc)
    for index, name in enumerate(names):
        if not isinstance(name, str):
            raise BadType(
                f"{field}: entry {index} is not a string; lead names must be strings",
                loc=(*loc, index),
            )
    return names


def _refuse_unknown(names: Sequence[str], unknown: Sequence[int], allowed: str, loc: Loc) -> None:
    """Raise UnknownLead for the names at the indices `unknown`, if there are any."""
    if not unknown:
        return
    faults = [
        FieldError((*loc, index), f"{_quoted(names[index])} is not a standard lead")
        for index in unknown[:_MAX_FAULTS_LISTED]
    ]
    first = unknown[0]
    raise UnknownLead(
        f"{_field_path(loc)}: {_quoted(names[first])} at {first} is not a standard lead;"
        f" allowed are {allowed}",
        errors=faults,
    )


def _refuse_duplicates(leads: Sequence[str | None], loc: Loc) -> None:
    first_index: dict[str, int] = {}
    for index, lead in enumerate(leads):
        if lead is None:
            continue
        if lead in first_index:
            raise DuplicateLead(
                f"{_field_path(loc)}: {lead} at {first_index[lead]} and at {index};"
                " each lead is allowed once",
                loc=(*loc, index),
            )
        first_index[lead] = index


def _quoted(name: str) -> str:
    """Return a client's name for a message: shortened, and in quotes with escapes as in Python."""
    if len(name) > _MAX_SHOWN_CHARS:
        name = name[:_MAX_SHOWN_CHARS] + "..."
    return ascii(name)


def _field_path(loc: Loc) -> str:
    """Return ("records", 3, "lead_names") as "records[3].lead_names"."""
    steps = [f"[{step}]" if isinstance(step, int) else f".{step}" for step in loc]
    return "".join(steps).removeprefix(".")
