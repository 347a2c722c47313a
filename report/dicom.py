"""The report as a DICOM object: Encapsulated PDF Storage (PS3.3, A.45.1).

Patient and study carry what the recording's file stated, and nothing else; the UIDs are new.
"""

from __future__ import annotations

import io
from datetime import datetime
from typing import Final

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filewriter import dcmwrite
from pydicom.sequence import Sequence
from pydicom.uid import PYDICOM_IMPLEMENTATION_UID, UID, ExplicitVRLittleEndian, generate_uid

from report.options import Language
from report.recorded import recording_time
from report.words import word
from signals.record import EcgRecord, Patient

ENCAPSULATED_PDF: Final = UID("1.2.840.10008.5.1.4.1.1.104.1")
PDF: Final = "application/pdf"
EKG_STUDY: Final = ("11524-6", "LN", "EKG study")  # LOINC
SEXES: Final = {"male": "M", "female": "F", "other": "O"}
DAYS_IN_YEAR, MONTHS_IN_YEAR = 365, 12
YOUNGEST_IN_YEARS: Final = 2  # a younger age is stated in months, a still younger one in days
MAX_AGE_FIELD: Final = 999


def dicom_report(
    pdf: bytes, record: EcgRecord, lang: Language, *, version: str, made: datetime
) -> bytes:
    """Return a DICOM file (PS3.10) that holds the PDF.

    version  of the server
    made     when the report is made
    """
    dataset = Dataset()
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.SOPClassUID = ENCAPSULATED_PDF
    dataset.SOPInstanceUID = generate_uid(prefix=None)
    dataset.InstanceCreationDate = f"{made:%Y%m%d}"
    dataset.InstanceCreationTime = f"{made:%H%M%S}"
    _add_patient(dataset, record.patient)
    _add_study(dataset, recording_time(record))
    dataset.SeriesInstanceUID = generate_uid(prefix=None)
    dataset.SeriesNumber = 1
    dataset.Modality = "DOC"
    dataset.ConversionType = "WSD"  # made on a workstation
    dataset.Manufacturer = "ECG-FM server"
    dataset.SoftwareVersions = version
    _add_document(dataset, pdf, lang, made)
    dataset.file_meta = _file_meta(dataset.SOPInstanceUID)
    encoded = io.BytesIO()
    dcmwrite(encoded, dataset, enforce_file_format=True)
    return encoded.getvalue()


def _file_meta(instance_uid: UID) -> FileMetaDataset:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = ENCAPSULATED_PDF
    meta.MediaStorageSOPInstanceUID = instance_uid
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.ImplementationClassUID = PYDICOM_IMPLEMENTATION_UID
    return meta


def _add_patient(dataset: Dataset, patient: Patient) -> None:
    """Add the patient module; name and number stay empty, as recordings are read without them."""
    dataset.PatientName = ""
    dataset.PatientID = ""
    dataset.PatientBirthDate = ""
    dataset.PatientSex = SEXES.get(patient.sex or "", "")
    if patient.age_years is not None:
        dataset.PatientAge = age_string(patient.age_years)


def age_string(years: float) -> str:
    """Return an age as DICOM writes it: three digits and D, M or Y."""
    if years >= YOUNGEST_IN_YEARS:
        return f"{min(int(years), MAX_AGE_FIELD):03}Y"
    months = int(years * MONTHS_IN_YEAR)
    if months >= 1:
        return f"{months:03}M"
    return f"{int(years * DAYS_IN_YEAR):03}D"


def _add_study(dataset: Dataset, recorded: datetime | None) -> None:
    dataset.StudyInstanceUID = generate_uid(prefix=None)
    dataset.StudyID = ""
    dataset.AccessionNumber = ""
    dataset.ReferringPhysicianName = ""
    dataset.StudyDate = "" if recorded is None else f"{recorded:%Y%m%d}"
    dataset.StudyTime = "" if recorded is None else f"{recorded:%H%M%S}"
    dataset.AcquisitionDateTime = "" if recorded is None else f"{recorded:%Y%m%d%H%M%S}"


def _add_document(dataset: Dataset, pdf: bytes, lang: Language, made: datetime) -> None:
    concept = Dataset()
    concept.CodeValue, concept.CodingSchemeDesignator, concept.CodeMeaning = EKG_STUDY
    dataset.ConceptNameCodeSequence = Sequence([concept])
    dataset.DocumentTitle = word("document_title", lang)
    dataset.InstanceNumber = 1
    dataset.ContentDate = f"{made:%Y%m%d}"
    dataset.ContentTime = f"{made:%H%M%S}"
    # The page itself shows age, sex and the identifier.
    dataset.BurnedInAnnotation = "YES"
    dataset.VerificationFlag = "UNVERIFIED"
    dataset.MIMETypeOfEncapsulatedDocument = PDF
    dataset.EncapsulatedDocumentLength = len(pdf)
    # A value has an even length; the length above says where the document ends.
    dataset.EncapsulatedDocument = pdf + b"\0" * (len(pdf) % 2)
