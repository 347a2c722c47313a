"""The statements that a device wrote into its file, without the names of persons.

Statements are free text: between "Sinus rhythm" and "Abnormal ECG" a file may say who confirmed
the report, who referred the patient, and who the patient is. Such lines are left out whole.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

MAX_STATEMENTS: Final = 64  # real files: 20 and less
MAX_STATEMENT_CHARS: Final = 300  # real files: 120 and less
_MAX_TEXT_CHARS: Final = 20_000  # of all lines that are looked at
_MAX_NAMES: Final = 200  # words of names, of one file
_MIN_DIGITS: Final = 4  # of an identifier's number; a statement has rates and ages
# A participle and the person after it, in the languages of the files seen: "Confirmed by",
# "Electronically signed by", "Befundet von", "Validé par", "Confirmado por", "Confermato da".
_BY: Final = r"\b(?:by|von|durch|par|por|da|door|av|af)\b\s*[:\-]?"
_DONE: Final = (
    r"(?:un)?(?:conf[ie]rm|bestät|bestaet|befund|sign|unterschr|unterz|firm|refer|überwies|ueberwies"
    r"|zugewies|adress|revis|review|over-?read|read|gelesen|lu|lett|leíd|leid|valid|interpret|edit"
    r"|verif|approv|freigegeb|vidier|vist|order|request|angefordert|demand|solicit|richiest|perform"
    r"|record|acquir|print|attend)\w*"
)
_PERSON: Final = re.compile(
    rf"\b{_DONE}\s+(?:\w+\s+)?{_BY}"
    r"|\b(?:dr|prof|doctor|doktor|docteur|dott|dra|mr|mrs|ms|herr|frau)\b\.?\s+\w"
    r"|\b(?:physician|cardiologist|technician|technologist|operator|clinician|provider|nurse|arzt"
    r"|ärztin|kardiologe|médecin|medecin|medico|médico|attending|referring|ordering|requesting"
    r"|overreader|interpreter|editor|reader|signature|initials)\b\s*[:\-=#]"
    r"|\b(?:patient|pat|patiente|paciente|paziente)\b\s*(?:name|id|no|nr|number|[:#])"
    r"|\b(?:name|surname|mrn|ssn|dob|id|address|phone|nhs|visit|account|order)\b\s*(?:no\.?|nr\.?)?"
    r"\s*[:#=]"
    r"|\bdate of birth\b|\bborn\b|\bgeboren\b|\bné\(?e?\)? le\b"
    r"|@|\d{6}",
    re.IGNORECASE,
)
# Degrees after a name, in capitals: "SMITH, MD".
_DEGREE: Final = re.compile(r",\s*(?:M\.?D|D\.?O|Ph\.?D|R\.?N|FACC)\b")
# Words that samples and anonymised files have in place of a name, and that statements consist of.
_NO_NAMES: Final = frozenset(
    ("ecg", "ekg", "sinus", "rhythm", "normal", "abnormal", "block", "white", "wolff", "parkinson")
)


def clean_statements(
    lines: Iterable[str | None], persons: Iterable[str | None] = ()
) -> tuple[str, ...]:
    """Return the statements without those that name a person, each once, in their order.

    lines    as the file has them; line breaks within one begin another
    persons  names and identifiers of the patient and of others, as the file states them; no
             statement that has one of their words is returned
    """
    words = _words_of(persons)
    statements: dict[str, None] = {}
    remaining = _MAX_TEXT_CHARS
    for text in lines:
        remaining -= len(text or "")
        if remaining < 0:
            break
        for line in (text or "").splitlines():
            statement = " ".join("".join(filter(_is_kept, line)).split())
            # A statement is cut after it was searched: a part of a name is not recognised.
            if statement and not _names_a_person(statement, words):
                statements[statement[:MAX_STATEMENT_CHARS]] = None
            if len(statements) == MAX_STATEMENTS:
                return tuple(statements)
    return tuple(statements)


def _is_kept(character: str) -> bool:
    return character.isprintable() or character.isspace()


def _words_of(persons: Iterable[str | None]) -> set[str]:
    """Return the words of names and identifiers, but initials and the shortest numbers."""
    words: set[str] = set()
    for person in persons:
        for word in re.findall(r"\w+", (person or "")[:MAX_STATEMENT_CHARS].casefold()):
            is_short = len(word) < (_MIN_DIGITS if word.isdigit() else 2)
            if not is_short and word not in _NO_NAMES and len(words) < _MAX_NAMES:
                words.add(word)
    return words


def _names_a_person(statement: str, words: set[str]) -> bool:
    if _PERSON.search(statement) or _DEGREE.search(statement):
        return True
    folded = statement.casefold()
    if not words.isdisjoint(re.findall(r"\w+", folded)):
        return True
    # Chinese and other scripts do not separate words.
    return any(word in folded for word in words if not word.isascii())
