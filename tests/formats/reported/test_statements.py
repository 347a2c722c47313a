"""The statements of a device: cleaned of persons, bounded, and otherwise as the file has them."""

from __future__ import annotations

import pytest

from formats.reported.statements import MAX_STATEMENT_CHARS, MAX_STATEMENTS, clean_statements

KEPT = (
    "Sinus rhythm",
    "*** Poor data quality, interpretation may be adversely affected",
    "When compared with ECG of 25-MAR-1996 11:18,",
    "ST elevation, consider early repolarization, pericarditis, or injury",
    "Inferior infarct, acute (LCx)",
    ">>> Acute MI <<<",
    "- OTHERWISE NORMAL ECG -",
    "--- Interprétation sans connaître le sexe/l'âge du patient ---",
    "Unconfirmed report",
    "Premature atrial complexes with aberrant conduction",
    "QRSd >115mS, not LBBB/RBBB",
    "Voltage criteria for LVH; baseline wander caused by movement",
    "窦性心律",
    "Normales EKG",
    "RITMO SINUSALE",
)
LEFT_OUT = (
    "Confirmed by Miller, John (123) on 1/2/2003",
    "Confirmed By: SMITH MD",
    "Electronically signed by DR. HOUSE",
    "Referred by: ",
    "Reviewed by J. Doe",
    "Overread by: X",
    "Also confirmed by House, Greg",
    "Befundet von Dr. Müller",
    "Bestätigt durch Müller",
    "Validé par Dupont",
    "Confirmado por García",
    "Confermato da Rossi",
    "Dr. Smith agrees",
    "SMITH, MD",
    "Technician: Alex",
    "Physician: House",
    "Patient: DOE, JANE",
    "Patient ID 55",
    "Name: Jane",
    "MRN: 12",
    "Order #: 55",
    "12345678",
    "jane@example.org",
)


def test_statements_are_kept_as_they_are() -> None:
    assert clean_statements(KEPT) == KEPT


@pytest.mark.parametrize("line", LEFT_OUT)
def test_lines_that_name_a_person_are_left_out(line: str) -> None:
    for spelling in (line, line.upper(), f"  {line}  "):
        assert clean_statements(["Sinus rhythm", spelling]) == ("Sinus rhythm",)


@pytest.mark.parametrize(
    "line", ["Jane has atrial fibrillation", "DOE: normal", "doe,jane", "4711a"]
)
def test_lines_with_a_name_or_identifier_of_the_file_are_left_out(line: str) -> None:
    assert clean_statements([line, "Abnormal ECG"], ["Doe", "Jane", "4711a", None]) == (
        "Abnormal ECG",
    )


def test_names_in_other_scripts_are_found_within_words() -> None:
    assert clean_statements(["王伟窦性心律", "窦性心律"], ["王伟"]) == ("窦性心律",)
    assert clean_statements(["Müllers EKG", "Normales EKG"], ["Müller"]) == ("Normales EKG",)


@pytest.mark.parametrize("person", ["ECG", "J", "60", "Normal", "", None])
def test_a_person_field_that_is_no_name_removes_no_statement(
    person: str | None,
) -> None:
    lines = ("Normal ECG", "J point elevation", "rate 60")
    assert clean_statements(lines, [person]) == lines


def test_white_space_and_control_characters_go_and_lines_are_split() -> None:
    lines = ["  Sinus \t rhythm\r\nNormal\x00\x1b ECG ", None, " ", "Sinus rhythm"]
    assert clean_statements(lines) == ("Sinus rhythm", "Normal ECG")


def test_number_and_length_are_bounded() -> None:
    statements = clean_statements(f"statement {index}" for index in range(1000))
    assert len(statements) == MAX_STATEMENTS == 64
    (long,) = clean_statements(["x" * 1000])
    assert len(long) == MAX_STATEMENT_CHARS == 300
    assert clean_statements([f"{'x' * 299} Doe"], ["Doe"]) == ()
    assert clean_statements(["Dr. X\n" * 100_000, "Sinus rhythm"]) == ()
