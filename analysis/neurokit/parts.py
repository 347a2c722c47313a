"""Add NeuroKit2's parts to a measured recording, as far as the options ask for them."""

from __future__ import annotations

from analysis.measuring import MeasuredRecord
from analysis.neurokit.lead_measurements import with_measurements
from analysis.neurokit.variability_part import with_variability
from analysis.options import AnalyzeOptions
from intervals.neurokit.variability import MIN_SECONDS
from signals.leads import TwelveLeads
from signals.record import EcgRecord


def needs_neurokit(options: AnalyzeOptions, record: EcgRecord) -> bool:
    """Return whether NeuroKit2 has to be loaded to prepare this recording."""
    return _wants_measurements(options) or _wants_variability(options, record)


def with_neurokit(
    measured: MeasuredRecord, record: EcgRecord, leads: TwelveLeads, options: AnalyzeOptions
) -> MeasuredRecord:
    """Return what was measured with NeuroKit2's parts, as far as the options ask for them."""
    if _wants_measurements(options):
        measured = with_measurements(measured, record, leads, options)
    if "hrv" in options.include and measured.unmeasured is None:
        measured = with_variability(measured, record, leads)
    return measured


def _wants_measurements(options: AnalyzeOptions) -> bool:
    return options.measurements_method == "neurokit2" and "measurements" in options.include


def _wants_variability(options: AnalyzeOptions, record: EcgRecord) -> bool:
    return "hrv" in options.include and record.duration_s >= MIN_SECONDS
