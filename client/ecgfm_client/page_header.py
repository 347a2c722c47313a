"""The texts of the page: what the analysis says, and what the recording's device reported."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ecgfm_client import naming, summary
from ecgfm_client.page_text import lines_that_fit, shortened, width_mm
from ecgfm_client.results import Analysis
from ecgfm_client.summary import MeasurementRow

TITLE_POINTS, TEXT_POINTS, NOTE_POINTS = 11.0, 8.0, 7.0
# Widths: the blocks in the header, the notes, and the origin at the right of the title.
ANALYSIS_MM, DEVICE_MM, NOTES_MM, ORIGIN_MM = 90.0, 78.0, 285.0, 180.0
NOTE_COLUMN_MM = 139.0  # of each of two columns, where there are many notes
FEW_NOTES = 3  # have one column


@dataclass(frozen=True)
class PageTexts:
    """The lines of text on the page.

    origin    date, age, sex and device, on one line
    table     the measurements, beside those of the device
    analysis  rhythm, findings, superclass, pacemaker and quality
    device    the statements of the recording's device
    notes     faults of the signal, with what to do about them, and warnings
    columns   number of columns of the notes
    model     the model, and what the page is for
    """

    title: str
    origin: str = ""
    table: Sequence[MeasurementRow] = ()
    analysis: Sequence[str] = ()
    device: Sequence[str] = ()
    notes: Sequence[str] = ()
    columns: int = 1
    model: str = ""

    @property
    def header_lines(self) -> int:
        """Return the height of the header below the title, in lines: the headings and the texts."""
        return 1 + max(len(self.table), len(self.analysis), len(self.device))

    @property
    def note_columns(self) -> list[Sequence[str]]:
        """Return the lines of each column of the notes, all but the last of the same number."""
        height = -(-len(self.notes) // self.columns)
        return [self.notes[column * height :][:height] for column in range(self.columns)]


def page_texts(analysis: Analysis, title: str) -> PageTexts:
    """Return the texts of an analysis, in lines that fit the page."""
    origin = shortened(summary.origin_text(analysis), ORIGIN_MM, TEXT_POINTS)
    title_mm = NOTES_MM - width_mm(origin, TEXT_POINTS) - 10.0
    findings = [] if analysis.quality is None else summary.quality_findings(analysis.quality)
    notes = [*findings, *(f"! {warning}" for warning in summary.shown_warnings(analysis))]
    columns = 1 if len(notes) <= FEW_NOTES else 2
    return PageTexts(
        shortened(title, title_mm, TITLE_POINTS, bold=True),
        origin,
        summary.measurement_rows(analysis),
        lines_that_fit(_analysis_texts(analysis), ANALYSIS_MM, TEXT_POINTS),
        lines_that_fit(summary.reported_statements(analysis), DEVICE_MM, TEXT_POINTS),
        lines_that_fit(notes, NOTES_MM if columns == 1 else NOTE_COLUMN_MM, NOTE_POINTS),
        columns,
        summary.model_text(analysis),
    )


def _analysis_texts(analysis: Analysis) -> list[str]:
    texts = [naming.rhythm_text(analysis), *naming.abnormality_texts(analysis)]
    if analysis.superclass is not None:
        texts.append(naming.superclass_text(analysis.superclass))
    if analysis.pacemaker is not None:
        texts.append(naming.pacemaker_text(analysis.pacemaker))
    if analysis.quality is not None:
        texts.append(summary.quality_text(analysis.quality))
    return texts
