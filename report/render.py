"""The report as the bytes of the format that a client asks for."""

from __future__ import annotations

from datetime import UTC, datetime

from analysis.answer_types import Analysis
from report.options import ReportFormat, ReportOptions
from report.page import pdf_report
from signals.record import EcgRecord


def report_bytes(
    record: EcgRecord,
    answer: Analysis,
    options: ReportOptions,
    report_format: ReportFormat,
    *,
    version: str,
) -> bytes:
    """Return the report as PDF, as PNG, or as the PDF in a DICOM object.

    version  of the server, whose rules are part of the answer
    """
    pdf = pdf_report(record, answer, options, version=version)
    if report_format == "png":
        from report.raster import png_report

        return png_report(pdf)
    if report_format == "dicom":
        from report.dicom import dicom_report

        made = datetime.now(UTC)
        return dicom_report(pdf, record, options.lang, version=version, made=made)
    return pdf
