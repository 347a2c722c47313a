"""What a report looks like, after the request's options were checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Layout = Literal["3x4", "6x2", "12x1", "cabrera"]
Paper = Literal["a4", "letter"]
ReportFormat = Literal["pdf", "png", "dicom"]
Language = Literal["en", "de"]
Speed = Literal[25, 50]
Gain = Literal[5, 10, 20]


@dataclass(frozen=True)
class ByHand:
    """Measurements that a person took, with the person's initials.

    values  by the name of the measurement in /analyze
    """

    values: Mapping[str, float]
    initials: str


@dataclass(frozen=True)
class ReportOptions:
    """Options of a report.

    layout       rows x columns of the leads; `cabrera` is 3x4 with the limb leads in Cabrera order
    speed        mm of paper for one second
    gain         mm of paper for one mV
    rhythm_lead  the lead of the strip below 3x4 and cabrera
    start_s      where the traces begin, in seconds from the recording's start
    """

    layout: Layout = "3x4"
    speed: Speed = 25
    gain: Gain = 10
    paper: Paper = "a4"
    lang: Language = "en"
    rhythm_lead: str = "II"
    start_s: float = 0.0
    by_hand: ByHand = field(default_factory=lambda: ByHand({}, ""))
