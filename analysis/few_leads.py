"""The labels of a recording of few leads: of the one-lead model, which needs no encoder.

The twelve-lead encoders need six leads, derived ones included. With fewer, the rhythm is read from
each lead.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from analysis import answer_types
from analysis.labels import Aggregate, JoinedLabel, join_labels, labels_by_segment_part
from heads.one_lead.model import (
    SHORTEST_S,
    Window,
    shipped_description,
    shipped_model,
)
from model_store.labels import Label
from signals.leads import TwelveLeads
from signals.number_text import number_text

# docs/api.md: the six limb leads are the least that the encoders are run on.
MIN_MODEL_LEADS: Final = 6
# Keeps the log odds of a probability of 0 or 1 finite.
_MIN_PROBABILITY: Final = 1e-6


@dataclass(frozen=True)
class FewLeads:
    """What the one-lead model says about a recording, as plain values.

    windows  the probabilities; none if `refusal` says why
    """

    windows: tuple[Window, ...] = ()
    refusal: str | None = None

    def labels(
        self, aggregate: Aggregate | None, thresholds: Mapping[str, float]
    ) -> list[JoinedLabel] | None:
        """Return the labels, joined over the windows; None without a window."""
        if not self.windows:
            return None
        return join_labels(
            self._logits(), few_leads_labels(), aggregate=aggregate, thresholds=thresholds
        )

    def by_segment(self) -> list[answer_types.LabelsOfSegment] | None:
        """Return the part `labels_by_segment`; None without a window."""
        if not self.windows:
            return None
        times_s = [(window.start_s, window.end_s) for window in self.windows]
        return labels_by_segment_part(self._logits(), few_leads_labels(), times_s)

    def _logits(self) -> NDArray[np.float32]:
        """Return the log odds (windows, labels) of the calibrated probabilities."""
        probabilities = np.array([window.probabilities for window in self.windows])
        inside = np.clip(probabilities, _MIN_PROBABILITY, 1 - _MIN_PROBABILITY)
        logits: NDArray[np.float32] = np.log(inside / (1 - inside)).astype(np.float32)
        return logits


def has_few_leads(leads: TwelveLeads) -> bool:
    """Return whether the leads with a signal, derived ones included, are too few for an encoder."""
    return int(np.count_nonzero(leads.present)) < MIN_MODEL_LEADS


def read_few_leads(leads: TwelveLeads, fs: float, r_peaks_s: NDArray[np.float64]) -> FewLeads:
    """Return what the one-lead model says about a recording of few leads.

    r_peaks_s  (beats,) seconds from the start, ascending
    """
    seconds = leads.signal.shape[1] / fs
    if seconds < SHORTEST_S:
        return FewLeads(
            refusal=f"{number_text(seconds, SHORTEST_S)} s; the one-lead model needs at "
            f"least {SHORTEST_S:g} s, as the shortest recording that it was trained on"
        )
    windows = shipped_model().read(leads.signal[leads.present], fs, r_peaks_s)
    return FewLeads(windows)


def few_leads_labels() -> tuple[Label, ...]:
    """Return the labels that the shipped model gives; they are calibrated."""
    return tuple(
        Label(label.name, "mean", None, label.threshold, label.description)
        for label in shipped_description().labels
    )
