"""What a reader decodes from a file: its channels, and what the file states beside them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, ParamSpec

import numpy as np
from numpy.typing import NDArray

from errors import BadSamplingRate, CorruptFile, EcgError, UnknownFormat
from signals.filler import INT16_LIMITS
from signals.record import Patient, Reported

_Arguments = ParamSpec("_Arguments")

_MAX_NAMES_LISTED: Final = 20
_MAX_NAME_CHARS: Final = 40
_MAX_CHANNEL_NAME_CHARS: Final = 65  # a longer one is no lead's, see signals.leads


@dataclass(frozen=True, eq=False)
class Channel:
    """One channel of a file: value = codes * scale + offset, in `unit`.

    codes  (samples,) as stored, after subtraction of the baseline; NaN for gaps
    unit   as the file spells it; None if it states none
    fs     samples per second, if channels have different rates
    limits the lowest and the highest code that the file can hold
    fault  why the channel cannot be read, for a warning: "its gain is 0". Such a channel becomes no
           lead.
    error  the error to raise if no channel can be read, if it says more than the fault
    """

    name: str
    codes: NDArray[Any]
    unit: str | None
    scale: float = 1.0
    offset: float = 0.0
    fs: float | None = None
    fault: str | None = None
    limits: tuple[float, float] = INT16_LIMITS
    error: EcgError | None = None


@dataclass(frozen=True, eq=False)
class DecodedFile:
    """The content of a file that a reader decoded.

    kind          the name of the format in messages
    fs            samples per second; None if the file states none, or if its channels do
    unit          of all channels that state none themselves, as the file spells it
    default_unit  of a file that states no unit, if its format has one
    """

    kind: str
    fs: float | None
    channels: Sequence[Channel]
    patient: Patient = field(default_factory=Patient)
    reported: Reported | None = None
    warnings: tuple[str, ...] = ()
    unit: str | None = None
    default_unit: str | None = None


def limits_of(dtype: np.dtype[Any], offset: float = 0.0) -> tuple[float, float]:
    """Return the lowest and the highest code of a type, moved by what a reader adds to codes.

    0 is the lowest code of an unsigned type, and often the zero of a signal, so it is no limit.
    """
    if dtype.kind not in "iu":
        return INT16_LIMITS
    bounds = np.iinfo(dtype)
    return (bounds.min + offset if dtype.kind == "i" else -np.inf), bounds.max + offset


def faulty_channel(name: str, fault: str, error: EcgError | None = None) -> Channel:
    """Return a channel without samples that cannot be read."""
    return Channel(name, np.zeros(0), None, fault=fault, error=error)


def channel_or_fault(
    name: str,
    read: Callable[_Arguments, Channel],
    *arguments: _Arguments.args,
    **named_arguments: _Arguments.kwargs,
) -> Channel:
    """Return the channel that `read` returns, or a faulty one if it refuses the description.

    If the description of one channel has a fault, the other channels can still be read. Samples
    that are damaged are no such fault: the file did not arrive as it was sent, and its reader
    refuses it.
    """
    try:
        return read(*arguments, **named_arguments)
    except (CorruptFile, BadSamplingRate, UnknownFormat) as error:
        # The traceback would keep the samples of every faulty channel in memory.
        error.with_traceback(None)
        return faulty_channel(name, error.detail.removeprefix(f"{name}: "), error)


def short_name(name: str | None) -> str:
    """Return a channel's name, cut if it is too long for a lead's: errors repeat it."""
    return (name or "")[:_MAX_CHANNEL_NAME_CHARS]


def printable_names(names: Sequence[str]) -> str:
    """Join names from a file for a message: printable characters only, short, at most 20 names."""
    shown: list[str] = []
    for name in names[:_MAX_NAMES_LISTED]:
        printable = "".join(filter(str.isprintable, name))
        shown.append(printable[:_MAX_NAME_CHARS].strip() or "(no name)")
    listing = ", ".join(shown) or "none"
    if len(names) > _MAX_NAMES_LISTED:
        return f"{listing} and {len(names) - _MAX_NAMES_LISTED} more"
    return listing
