"""Join the groups of channels of one file that are parts of one recording.

Groups of the same time hold its leads in parts. Groups that follow each other are pages, as an ECG
is printed: four groups of three leads of 2.5 s each, with or without a strip of one lead over the
whole time. The joined leads are gaps where their group has no samples.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from errors import CorruptFile
from formats.channels import MAX_SECONDS_COUNTED, lead_seconds
from formats.decoded import Channel
from formats.limits import MAX_VALUES
from signals.checks import MIN_SECONDS
from signals.leads import canonical_lead

# Of the joined recording's time in which one lead or more is known. Groups of one recording follow
# each other; two recordings of one file are far apart.
_MIN_KNOWN_SHARE: Final = 0.5
_MAX_START: Final = 2.0**53  # a double holds whole numbers up to here


@dataclass(frozen=True, eq=False)
class Group:
    """Channels that were sampled together.

    start_s  when they begin, on a time axis of the file; None if the file does not state it
    """

    fs: float
    start_s: float | None
    channels: tuple[Channel, ...]

    @cached_property
    def samples(self) -> int:
        return max((len(channel.codes) for channel in self.channels), default=0)

    @cached_property
    def start(self) -> int:
        """The first sample on the file's time axis. Raises CorruptFile for one beyond counting."""
        start = (self.start_s or 0.0) * self.fs
        if not abs(start) <= _MAX_START:
            raise CorruptFile(
                f"a group of channels starts at {self.start_s:.3g} s of the file's time; its "
                f"samples cannot be counted beyond {_MAX_START:.3g}"
            )
        return round(start)

    @property
    def span(self) -> tuple[int, int]:
        """The first sample and the one after the last, on the file's time axis."""
        return self.start, self.start + self.samples

    @cached_property
    def leads(self) -> frozenset[str]:
        """The standard leads among the channels that have samples."""
        names = (canonical_lead(channel.name) for channel in self.channels if len(channel.codes))
        return frozenset(name for name in names if name)

    @cached_property
    def seconds_of_leads(self) -> Mapping[str, float]:
        """The seconds of each standard lead, at most MAX_SECONDS_COUNTED."""
        seconds: dict[str, float] = {}
        for channel in self.channels:
            lead = canonical_lead(channel.name)
            if lead is not None and self.fs > 0:
                known = min(len(channel.codes) / self.fs, MAX_SECONDS_COUNTED)
                seconds[lead] = max(seconds.get(lead, 0.0), known)
        return seconds


@dataclass(frozen=True, eq=False)
class Joined:
    """A recording and the groups that make it.

    members   the places of the groups in the file
    channels  all of one length
    warnings  that the leads were not recorded at the same time, if they were not
    """

    members: tuple[int, ...]
    channels: tuple[Channel, ...]
    warnings: tuple[str, ...] = ()


def best_recording(groups: Sequence[Group]) -> Joined:
    """Return the recording with most lead-seconds that one group or several joined ones make.

    Each group is tried as the first one. Groups join it in the order of their start, if the leads
    do not contradict each other. Of two channels of one lead, the longer one is read.
    """
    best: list[int] = []
    most = -1.0
    order = sorted(range(len(groups)), key=lambda index: groups[index].start)
    # (groups, groups), once for all pairs, as a file may have hundreds of groups.
    fits = np.array([[_belong_together(one, other) for other in groups] for one in groups])
    for first in range(len(groups)):
        members = _joined_to(first, groups, order, fits)
        seconds = _lead_seconds([groups[member] for member in members])
        if seconds > most:
            best, most = sorted(members), seconds
    joined = [groups[member] for member in best]
    warnings: tuple[str, ...] = ()
    if len({(group.start, group.samples) for group in joined}) > 1:
        warnings = (
            f"signal: recorded in {len(joined)} groups of leads at different times; the leads of "
            "each are gaps in the time of the others",
        )
    return Joined(tuple(best), _joined(joined), warnings)


def _joined_to(
    first: int, groups: Sequence[Group], order: Sequence[int], fits: NDArray[np.bool_]
) -> list[int]:
    """Return the places of the groups that make one recording with the group at `first`.

    order  the groups' places by their start
    fits   (groups, groups) whether two groups can be parts of one recording
    """
    members = [first]
    spans = {groups[first].span}
    channels = len(groups[first].channels)
    may_join = fits[first].copy()
    may_join[first] = False
    for index in order:
        if not may_join[index]:
            continue
        span = groups[index].span
        joined_channels = channels + len(groups[index].channels)
        if _are_close({*spans, span}, joined_channels):
            members.append(index)
            spans.add(span)
            channels = joined_channels
            may_join &= fits[index]
    return members


def _belong_together(one: Group, other: Group) -> bool:
    """Return whether two groups can be parts of one recording.

    They have one rate, at known times, and no lead twice, but for a lead of which one group has all
    that the other has. A group shorter than any recording may be an average beat.
    """
    if one.fs != other.fs or (one.start_s is None) != (other.start_s is None):
        return False
    if one.start_s is None and one.samples != other.samples:
        return False
    if one.start != other.start and min(one.samples, other.samples) < MIN_SECONDS * one.fs:
        return False
    if one.span == other.span or not (one.leads and other.leads):
        return one.span == other.span and not one.leads & other.leads
    if not one.leads & other.leads:
        return True
    shorter, longer = sorted((one, other), key=lambda group: group.samples)
    starts_within = longer.start <= shorter.start
    ends_within = shorter.start + shorter.samples <= longer.start + longer.samples
    is_strip = shorter.samples < longer.samples and len(longer.leads) < len(shorter.leads)
    return starts_within and ends_within and is_strip


def _are_close(spans: set[tuple[int, int]], channels: int) -> bool:
    """Return whether groups follow each other closely and may be joined without much memory.

    spans     the first sample of each group and the one after its last, on the file's time axis
    channels  number of channels of all groups
    """
    start = min(span[0] for span in spans)
    stop = max(span[1] for span in spans)
    known = 0
    known_until = start
    for group_start, group_stop in sorted(spans):
        known += max(group_stop - max(group_start, known_until), 0)
        known_until = max(known_until, group_stop)
    is_small = (stop - start) * channels <= MAX_VALUES
    return is_small and known >= _MIN_KNOWN_SHARE * (stop - start)


def _lead_seconds(groups: Sequence[Group]) -> float:
    """Return the seconds of all leads, at most ten of each lead."""
    if len(groups) == 1:
        return lead_seconds(groups[0].fs, groups[0].channels)
    seconds: dict[str, float] = {}
    for group in groups:
        for lead, known in group.seconds_of_leads.items():
            seconds[lead] = max(seconds.get(lead, 0.0), known)
    return sum(seconds.values())


def _joined(groups: Sequence[Group]) -> tuple[Channel, ...]:
    """Return the channels of groups on one time axis, NaN where their group has no samples."""
    if len(groups) == 1:
        return groups[0].channels
    longest: dict[str | None, int] = {}
    for group in groups:
        for name in group.leads:
            longest[name] = max(longest.get(name, 0), group.samples)
    start = min(group.start for group in groups)
    length = max(group.start + group.samples for group in groups) - start
    channels = []
    for group in groups:
        for channel in group.channels:
            lead = canonical_lead(channel.name)
            if lead in group.leads and group.samples < longest[lead]:
                continue
            channels.append(_placed(channel, group.start - start, length))
    return tuple(channels)


def _placed(channel: Channel, start: int, length: int) -> Channel:
    """Return a channel of `length` samples, those of `channel` from `start` on."""
    if len(channel.codes) in (0, length):
        return channel
    codes = np.full(length, np.nan)
    codes[start : start + len(channel.codes)] = channel.codes
    return replace(channel, codes=codes)
