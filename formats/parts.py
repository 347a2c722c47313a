"""A file of an upload, and what a format is to the registry."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from formats.hints import Hints
from signals.record import EcgRecord


@dataclass(frozen=True)
class Part:
    """One uploaded file. The name is only ever compared, never opened."""

    name: str
    data: bytes

    @property
    def basename(self) -> str:
        return self.name.replace("\\", "/").rsplit("/", 1)[-1]


def _alone(head: Part, parts: Sequence[Part]) -> Sequence[Part]:
    return ()


@dataclass(frozen=True)
class Format:
    """One file format; a module of this package with a `FORMAT` of this type is all it takes to add one.

    name        as an error names it to a person
    detect      is this part the head of a recording in this format? By content; cheap; never raises
    read        (head, all parts, hints) -> the record; raises nothing but EcgError on any bytes
    companions  the other parts that the head names as its own: they are no recordings of themselves
    """

    name: str
    detect: Callable[[Part], bool]
    read: Callable[[Part, Sequence[Part], Hints], EcgRecord]
    companions: Callable[[Part, Sequence[Part]], Sequence[Part]] = _alone
