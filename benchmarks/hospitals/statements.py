"""What other databases' statements mean in the embedded model's labels.

The names are those of the packed data sets: of SNOMED CT codes in PhysioNet/CinC Challenge 2020 and
2021, of the nine classes in CPSC2018, and of Brugada-HUCA's two columns.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

# CPSC2018 marks nine classes (Liu et al., J Med Imaging Health Inform 2018;8:1368). Whatever else a
# recording shows has no statement there.
CPSC2018: Final = "CPSC2018"
BRUGADA: Final = "Brugada-HUCA"
SINUS_RHYTHM: Final = "sinus rhythm"
CPSC2018_NAMES: Final[Mapping[str, str]] = {
    "Normal": SINUS_RHYTHM,
    "AF": "atrial fibrillation",
    "I-AVB": "first degree AV block",
    "LBBB": "left bundle branch block",
    "RBBB": "right bundle branch block",
    "PAC": "premature atrial contraction",
    "PVC": "premature ventricular contractions",
    "STD": "ST depression",
    "STE": "ST elevation",
}
# Names that no source gives: they say what the others leave unsaid.
NOTHING_ELSE: Final = "sinus rhythm and nothing else"
RATE_ONLY: Final = "another sinus rhythm and nothing else"
SINUS_RHYTHMS: Final = frozenset(
    {SINUS_RHYTHM, "sinus bradycardia", "sinus tachycardia", "sinus arrhythmia"}
)


@dataclass(frozen=True)
class Statements:
    """What a source says of one recording.

    source  the database, which decides what it could have said
    """

    source: str
    names: frozenset[str]


@dataclass(frozen=True)
class Finding:
    """One label of the model, and the statements that mean it.

    positive     any of these names means it
    related      names that leave it open, if no positive one is there
    in_cpsc2018  whether CPSC2018's nine classes include it
    meaning      in words, for the table
    """

    label: str
    meaning: str
    positive: frozenset[str]
    related: frozenset[str] = frozenset()
    in_cpsc2018: bool = False

    def truth(self, statements: Statements) -> float:
        """Return 1 if the recording has it, 0 if not, NaN if the source leaves it open."""
        unsaid = statements.source == CPSC2018 and not self.in_cpsc2018
        if not statements.names or unsaid:
            return float("nan")
        if statements.names & self.positive:
            return 1.0
        return float("nan") if statements.names & self.related else 0.0


def hospital_statements(source: str, labels: str) -> Statements:
    """Return the statements of a row of the data set `hospitals`."""
    return _statements(source, frozenset(filter(None, labels.split("; "))))


def cpsc2018_statements(label: str) -> Statements:
    """Return the statements of a row of the data set `cpsc2018`.

    Raises KeyError for a class that CPSC2018 does not have.
    """
    return _statements(CPSC2018, frozenset(CPSC2018_NAMES[name] for name in label.split("+")))


def brugada_statements(label: str, basal_pattern: str) -> Statements:
    """Return the statements of a row of the data set `brugada`.

    People with the syndrome and a normal baseline have neither name, so they count as neither.
    """
    has_syndrome, has_pattern = label != "normal", basal_pattern == "1"
    if has_syndrome == has_pattern:
        return Statements(BRUGADA, frozenset({"Brugada pattern" if has_pattern else NOTHING_ELSE}))
    return Statements(BRUGADA, frozenset())


def _statements(source: str, names: frozenset[str]) -> Statements:
    if names == {SINUS_RHYTHM}:
        names |= {NOTHING_ELSE}
    elif names and names <= SINUS_RHYTHMS:
        names |= {RATE_ONLY}
    return Statements(source, names)


_RIGHT_BUNDLE: Final = frozenset(
    {
        "right bundle branch block",
        "complete right bundle branch block",
        "incomplete right bundle branch block",
    }
)
_LEFT_BUNDLE: Final = frozenset({"left bundle branch block"})
_INTRAVENTRICULAR: Final = frozenset({"non-specific intraventricular conduction disorder"})
_FIRST_DEGREE: Final = frozenset({"first degree AV block"})
_AV_BLOCK: Final = frozenset({"AV block"})
_FASCICULAR: Final = frozenset({"left anterior fascicular block"})
_FIBRILLATION: Final = frozenset({"atrial fibrillation"})
_FLUTTER: Final = frozenset({"atrial flutter"})
_VENTRICULAR_TACHYCARDIA: Final = frozenset({"paroxysmal ventricular tachycardia"})
_INFARCTION: Final = frozenset({"myocardial infarction", "old myocardial infarction"})
_LEFT_VENTRICULAR_HYPERTROPHY: Final = frozenset({"left ventricular hypertrophy"})
_HIGH_VOLTAGE: Final = frozenset({"left ventricular high voltage"})
# Which ST elevation is an infarction, and which Q wave, the source does not say.
_PERHAPS_INFARCTION: Final = frozenset({"ST elevation", "Q wave abnormal"})

FINDINGS: Final[tuple[Finding, ...]] = (
    Finding(
        "NORM",
        "sinus rhythm and nothing else",
        frozenset({NOTHING_ELSE}),
        frozenset({RATE_ONLY}),
        in_cpsc2018=True,
    ),
    Finding("MI", "infarction, old or not", _INFARCTION, _PERHAPS_INFARCTION),
    Finding(
        "STTC",
        "ST depression, T wave or ST-T change, ischaemia",
        frozenset(
            {
                "ST depression",
                "ST interval abnormal",
                "ST-T change",
                "T wave abnormal",
                "T wave inversion",
                "nonspecific ST-T abnormality",
                "anterior ischaemia",
                "lateral ischaemia",
                "myocardial ischaemia",
            }
        ),
        frozenset({"ST elevation", "prolonged QT"}),
        in_cpsc2018=True,
    ),
    Finding(
        "CD",
        "bundle branch, fascicular, AV or other conduction block",
        _RIGHT_BUNDLE | _LEFT_BUNDLE | _INTRAVENTRICULAR | _FIRST_DEGREE | _AV_BLOCK | _FASCICULAR,
        in_cpsc2018=True,
    ),
    Finding(
        "HYP",
        "hypertrophy or enlargement of a chamber",
        _LEFT_VENTRICULAR_HYPERTROPHY
        | {
            "right ventricular hypertrophy",
            "right atrial hypertrophy",
            "left atrial enlargement",
            "left atrial abnormality",
        },
        _HIGH_VOLTAGE | {"tall P wave"},
    ),
    Finding(
        "Atrial fibrillation",
        "atrial fibrillation",
        _FIBRILLATION,
        _FLUTTER,
        in_cpsc2018=True,
    ),
    Finding(
        "Premature ventricular contraction",
        "ventricular extrasystoles",
        frozenset(
            {
                "premature ventricular contractions",
                "ventricular ectopics",
                "ventricular premature beats",
            }
        ),
        _VENTRICULAR_TACHYCARDIA | {"fusion beats"},
        in_cpsc2018=True,
    ),
    Finding(
        "Premature atrial complex",
        "supraventricular extrasystoles",
        frozenset({"premature atrial contraction", "supraventricular premature beats"}),
        in_cpsc2018=True,
    ),
    Finding(
        "Tachycardia",
        "sinus or supraventricular tachycardia",
        frozenset({"sinus tachycardia", "atrial tachycardia", "AVRT"}),
        _FIBRILLATION | _FLUTTER | _VENTRICULAR_TACHYCARDIA,
    ),
    Finding(
        "Bradycardia",
        "sinus bradycardia",
        frozenset({"sinus bradycardia", "bradycardia"}),
    ),
    Finding(
        "1st degree atrioventricular block",
        "first-degree AV block",
        _FIRST_DEGREE,
        _AV_BLOCK,
        in_cpsc2018=True,
    ),
    Finding(
        "Right bundle branch block",
        "right bundle branch block, complete or not",
        _RIGHT_BUNDLE,
        _INTRAVENTRICULAR,
        in_cpsc2018=True,
    ),
    Finding(
        "Left bundle branch block",
        "left bundle branch block",
        _LEFT_BUNDLE,
        _INTRAVENTRICULAR,
        in_cpsc2018=True,
    ),
    Finding(
        "Intraventricular conduction disturbance",
        "non-specific intraventricular block",
        _INTRAVENTRICULAR,
        _RIGHT_BUNDLE | _LEFT_BUNDLE,
    ),
    Finding(
        "Left ventricular hypertrophy",
        "left ventricular hypertrophy",
        _LEFT_VENTRICULAR_HYPERTROPHY,
        _HIGH_VOLTAGE,
    ),
    Finding("Infarction", "infarction, old or not", _INFARCTION, _PERHAPS_INFARCTION),
)
BRUGADA_FINDINGS: Final[tuple[Finding, ...]] = (
    Finding("NORM", "no syndrome, normal baseline", frozenset({NOTHING_ELSE})),
)
