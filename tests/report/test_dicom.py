"""The DICOM object: valid, with the same PDF inside, and nothing that the file did not state."""

from __future__ import annotations

import io
from datetime import datetime
from typing import Any

import pydicom
import pytest
from pydicom.dataset import Dataset

from report.dicom import age_string, dicom_report
from report.options import ReportOptions
from report.render import report_bytes
from signals.record import Patient
from tests.report.pages import VERSION, ecg, good, pdf_of

MADE = datetime(2026, 12, 1, 6, 30)


def dicom_of(pdf: bytes = b"%PDF-1.4", **fields: Any) -> Dataset:
    data = dicom_report(pdf, ecg(2.0, **fields), "en", version=VERSION, made=MADE)
    return pydicom.dcmread(io.BytesIO(data))


@pytest.mark.parametrize("pdf", [b"%PDF-1.4 even", b"%PDF-1.4 odd!"])
def test_the_pdf_is_inside(pdf: bytes) -> None:
    dataset = dicom_of(pdf)
    assert len(dataset.EncapsulatedDocument) % 2 == 0
    assert dataset.EncapsulatedDocumentLength == len(pdf)
    assert dataset.EncapsulatedDocument[: len(pdf)] == pdf
    assert dataset.MIMETypeOfEncapsulatedDocument == "application/pdf"
    assert "PixelData" not in dataset


def test_the_document_is_named_and_not_verified() -> None:
    dataset = dicom_of()
    assert dataset.SOPClassUID.name == "Encapsulated PDF Storage"
    assert dataset.file_meta.MediaStorageSOPInstanceUID == dataset.SOPInstanceUID
    concept = dataset.ConceptNameCodeSequence[0]
    assert (concept.CodeValue, concept.CodingSchemeDesignator) == ("11524-6", "LN")
    assert dataset.DocumentTitle == "ECG report"
    assert (dataset.Modality, dataset.BurnedInAnnotation) == ("DOC", "YES")
    assert dataset.VerificationFlag == "UNVERIFIED"
    assert (dataset.ContentDate, dataset.ContentTime) == ("20261201", "063000")


def test_patient_and_study_are_what_the_file_states() -> None:
    dataset = dicom_of(
        id="A-17", patient=Patient(67.4, "female"), recording_date="1987-02-22T08:37:05"
    )
    assert (dataset.PatientAge, dataset.PatientSex) == ("067Y", "F")
    assert (dataset.StudyDate, dataset.StudyTime) == ("19870222", "083705")
    assert dataset.AcquisitionDateTime == "19870222083705"
    assert str(dataset.PatientName) == dataset.PatientID == ""


def test_what_the_file_does_not_state_is_empty() -> None:
    dataset = dicom_of(recording_date="last Tuesday")
    assert dataset.PatientSex == dataset.StudyDate == dataset.AcquisitionDateTime == ""
    assert "PatientAge" not in dataset


def test_uids_are_new_each_time() -> None:
    first, second = dicom_of(), dicom_of()
    for name in ("SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID"):
        assert first[name].value != second[name].value


@pytest.mark.parametrize(
    ("years", "expected"),
    [(67.9, "067Y"), (2.0, "002Y"), (1.5, "018M"), (0.04, "014D"), (0.0, "000D"), (120, "120Y")],
)
def test_an_age_in_years_months_or_days(years: float, expected: str) -> None:
    assert age_string(years) == expected


def test_the_report_as_dicom_holds_the_pdf() -> None:
    options = ReportOptions()
    data = report_bytes(ecg(), good(), options, "dicom", version=VERSION)
    dataset = pydicom.dcmread(io.BytesIO(data))
    held = dataset.EncapsulatedDocument[: dataset.EncapsulatedDocumentLength]
    assert held == pdf_of(ecg(), good())
