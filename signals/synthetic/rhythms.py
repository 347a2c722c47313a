"""Rhythms: which beat comes when, without end, from a seeded generator of random numbers."""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Protocol

from numpy.random import Generator

from signals.synthetic.beats import P_ALONE, Beat

RESPIRATION_HZ: Final = 0.23
# The other slow rhythm of the heart's rate, about 0.1 Hz (Mayer waves).
_MAYER_HZ: Final = 0.095
# When the first beat comes: before the recording, so that this begins in the middle of a rhythm.
_FIRST_S: Final = -1.2
# The shortest interval after which a fibrillating atrium is conducted (a choice).
_SHORTEST_CONDUCTED_S: Final = 0.36


@dataclass(frozen=True)
class Event:
    """A beat at a time in seconds, that of its QRS complex, and the interval before it."""

    time_s: float
    beat: Beat
    rr_s: float


class Rhythm(Protocol):
    def events(self, random: Generator) -> Iterator[Event]:
        """Yield the beats in the order of their times."""
        ...


@dataclass(frozen=True)
class Regular:
    """The same beat again and again.

    respiratory_share  how much the interval varies with respiration, as a share of it
    """

    beat: Beat
    rate_bpm: float
    respiratory_share: float = 0.0
    first_s: float = _FIRST_S

    def events(self, random: Generator) -> Iterator[Event]:
        phase = random.uniform(0.0, 2.0 * math.pi)
        time_s, rr_s = self.first_s, 60.0 / self.rate_bpm
        while True:
            yield Event(time_s, self.beat, rr_s)
            respiration = math.sin(2.0 * math.pi * RESPIRATION_HZ * time_s + phase)
            mayer = 0.5 * math.sin(2.0 * math.pi * _MAYER_HZ * time_s + 2.0 * phase)
            by_chance = 0.2 * random.standard_normal()
            variation = self.respiratory_share * (respiration + mayer + by_chance)
            rr_s = 60.0 / self.rate_bpm * (1.0 + variation)
            time_s += rr_s


@dataclass(frozen=True)
class IrregularlyConducted:
    """Atrial fibrillation: the next beat comes after any interval, whatever the one before.

    rate_bpm            mean rate
    irregularity_share  standard deviation of the intervals as a share of their mean
    """

    beat: Beat
    rate_bpm: float
    irregularity_share: float = 0.22

    def events(self, random: Generator) -> Iterator[Event]:
        beyond_shortest_s = 60.0 / self.rate_bpm - _SHORTEST_CONDUCTED_S
        deviation_s = self.irregularity_share * 60.0 / self.rate_bpm
        # A gamma distribution has the mean shape * scale and the variance shape * scale^2.
        scale = deviation_s**2 / beyond_shortest_s
        shape = beyond_shortest_s / scale
        time_s, rr_s = _FIRST_S, 60.0 / self.rate_bpm
        while True:
            yield Event(time_s, self.beat, rr_s)
            rr_s = _SHORTEST_CONDUCTED_S + scale * random.standard_gamma(shape)
            time_s += rr_s


@dataclass(frozen=True)
class Dissociated:
    """The ventricles have a rhythm of their own, and so have the atria."""

    ventricles: Rhythm
    atrial_rate_bpm: float

    def events(self, random: Generator) -> Iterator[Event]:
        atria = Regular(P_ALONE, self.atrial_rate_bpm, 0.02, first_s=-1.0)
        own, other = random.spawn(2)
        streams = (self.ventricles.events(own), atria.events(other))
        return heapq.merge(*streams, key=lambda event: event.time_s)


@dataclass(frozen=True)
class WithPrematureBeats:
    """Now and then an early beat takes the place of the next one, whose P wave meets it.

    share         of the beats after which an early one comes
    coupling      its interval as a share of the usual one
    """

    rhythm: Rhythm
    premature: Beat
    share: float
    coupling: float = 0.58

    def events(self, random: Generator) -> Iterator[Event]:
        own, other = random.spawn(2)
        usual = self.rhythm.events(own)
        last = next(usual)
        yield last
        for event in usual:
            is_free = last.beat is not self.premature and last.beat.qrs and event.beat.qrs
            if not is_free or other.random() >= self.share:
                last = Event(event.time_s, event.beat, event.time_s - last.time_s)
                yield last
                continue
            rr_s = self.coupling * (event.time_s - last.time_s)
            last = Event(last.time_s + rr_s, self.premature, rr_s)
            yield last
            p_time_s = event.time_s - event.beat.pr_ms / 1000.0
            yield Event(max(p_time_s, last.time_s), P_ALONE, event.rr_s)


@dataclass(frozen=True)
class WithPauses:
    """Now and then so many beats are missing, with their P waves (sinus arrest).

    share    of the beats after which a pause comes
    missing  beats
    """

    rhythm: Rhythm
    share: float
    missing: int

    def events(self, random: Generator) -> Iterator[Event]:
        own, other = random.spawn(2)
        usual = self.rhythm.events(own)
        for event in usual:
            yield event
            if other.random() < self.share:
                for _ in range(self.missing):
                    next(usual)


@dataclass(frozen=True)
class Alternating:
    """One rhythm for some seconds, then another, again and again."""

    first: Rhythm
    first_s: float
    second: Rhythm
    second_s: float

    def events(self, random: Generator) -> Iterator[Event]:
        own, other = random.spawn(2)
        usual = (event for event in self.first.events(own) if not self._is_second(event))
        seldom = (event for event in self.second.events(other) if self._is_second(event))
        return heapq.merge(usual, seldom, key=lambda event: event.time_s)

    def _is_second(self, event: Event) -> bool:
        return event.time_s % (self.first_s + self.second_s) >= self.first_s


@dataclass(frozen=True)
class Asystole:
    """No beat."""

    def events(self, random: Generator) -> Iterator[Event]:
        return iter(())
