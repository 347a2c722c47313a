"""Every word of the report, in English and German: the one table of both languages.

The German terms are those of the clinic (Thieme via medici; EKG-Kurs für Isabel). Labels of a model
that the table lacks stay as the model calls them.
"""

from __future__ import annotations

import re
from typing import Final

from report.options import Language

# key -> English, German. Braces are filled in.
WORDS: Final[dict[str, tuple[str, str]]] = {
    # Who and when.
    "title": ("{leads}-lead ECG", "{leads}-Kanal-EKG"),
    "document_title": ("ECG report", "EKG-Auswertung"),
    "identifier": ("Identifier", "Kennung"),
    "patient": ("Patient", "Patient"),
    "recorded": ("Recorded", "Aufnahme"),
    "device": ("Device", "Gerät"),
    "quality": ("Quality", "Qualität"),
    "read_by": ("Read by", "Befundet"),
    "date": ("Date", "Datum"),
    "age": ("{years} y", "{years} J."),
    "male": ("male", "männlich"),
    "female": ("female", "weiblich"),
    "other": ("other", "divers"),
    # Quality.
    "Excellent": ("Excellent", "Sehr gut"),
    "Good": ("Good", "Gut"),
    "Acceptable": ("Acceptable", "Ausreichend"),
    "Poor": ("Poor", "Schlecht"),
    "Unreadable": ("Unreadable", "Nicht lesbar"),
    "all_leads": ("all {count} leads", "alle {count} Ableitungen"),
    "lead_poor": ("{leads} poor", "{leads} schlecht"),
    "leads_poor": ("{count} leads poor", "{count} Ableitungen schlecht"),
    "flat_line": ("flat line", "Nulllinie"),
    "lead_off": ("lead off", "Elektrode ab"),
    "saturated": ("saturated", "übersteuert"),
    "mostly_missing": ("mostly missing", "fehlt zumeist"),
    "gaps": ("gaps", "Lücken"),
    "missing_lead": ("missing", "fehlt"),
    "limb_lead_contradiction": ("contradicts other leads", "widerspricht anderen"),
    "baseline_wander": ("baseline wander", "Grundlinienschwankung"),
    "mains_hum": ("mains hum", "Netzbrummen"),
    "muscle_noise": ("muscle noise", "Muskelzittern"),
    "step": ("step", "Sprung"),
    "spikes": ("spikes", "Störspitzen"),
    "qrs_not_visible": ("no QRS visible", "kein QRS sichtbar"),
    "r_peak_disagreement": ("R peaks differ", "R-Zacken weichen ab"),
    "calibration_pulse": ("calibration pulse", "Eichzacke"),
    "limb_electrode_reversal": (
        "limb electrodes may be swapped",
        "Extremitätenelektroden evtl. vertauscht",
    ),
    "chest_electrode_reversal": (
        "chest electrodes may be swapped",
        "Brustwandelektroden evtl. vertauscht",
    ),
    # Measurements.
    "heart_rate_bpm": ("Heart rate", "Herzfrequenz"),
    "pr_ms": ("PR interval", "PQ-Zeit"),
    "qrs_ms": ("QRS duration", "QRS-Dauer"),
    "qt_ms": ("QT interval", "QT-Zeit"),
    "qtc_fridericia_ms": ("QTc Fridericia", "QTc Fridericia"),
    "qtc_bazett_ms": ("QTc Bazett", "QTc Bazett"),
    "qrs_axis_deg": ("QRS axis", "QRS-Achse"),
    "p_and_t_axis": ("P / T axis", "P-/T-Achse"),
    "range": ("{low} to {high}", "{low} bis {high}"),
    "up_to": ("up to {high}", "bis {high}"),
    "from": ("from {low}", "ab {low}"),
    "by_hand": ("by hand ({initials})", "manuell ({initials})"),
    "not_measured": ("– not measured: {reason}", "– nicht gemessen: {reason}"),
    "not_measurable": ("– could not be measured", "– nicht messbar"),
    "unreadable_reason": ("the recording is unreadable", "die Aufnahme ist nicht lesbar"),
    "no_beats_reason": ("no beats were found", "keine Herzschläge gefunden"),
    # Statements.
    "not_judged": ("Not judged: {reason}", "Nicht beurteilt: {reason}"),
    "model_only": ("model only", "nur Modell"),
    "rule_only": ("rule only", "nur Regel"),
    "rule_and_model": ("rule and model", "Regel und Modell"),
    "model": ("model", "Modell"),
    "rule": ("rule", "Regel"),
    "more": ("and {count} more", "und {count} weitere"),
    "no_model_answer": ("Model: not available, rules only", "Modell: nicht verfügbar, nur Regeln"),
    "unconfirmed": ("Unconfirmed", "Unbestätigt"),
    "computed": ("computed, not read by a physician", "berechnet, nicht ärztlich befundet"),
    # The grid.
    "not_recorded": ("not recorded", "nicht aufgezeichnet"),
    # The foot.
    "speed": ("{value} mm/s", "{value} mm/s"),
    "gain": ("{value} mm/mV", "{value} mm/mV"),
    "no_gain": ("Unit unknown, not to scale in mV", "Einheit unbekannt, mV nicht maßstäblich"),
    "filter": ("Filter: none, baseline centred", "Filter: keiner, Nulllinie zentriert"),
    "consecutive": (
        "Columns are consecutive, {seconds} s each",
        "Spalten folgen aufeinander, je {seconds} s",
    ),
    "simultaneous": (
        "Columns are simultaneous, {seconds} s each",
        "Spalten sind zeitgleich, je {seconds} s",
    ),
    "rows_consecutive": (
        "Rows are consecutive, {seconds} s each",
        "Zeilen folgen aufeinander, je {seconds} s",
    ),
    "rows_simultaneous": (
        "Rows are simultaneous, {seconds} s",
        "Zeilen sind zeitgleich, {seconds} s",
    ),
    "runs_through": ("lead {lead} runs through", "Ableitung {lead} läuft durch"),
    "shown": (
        "Shown: {start}–{end} s of {whole} s; numbers and statements are of the whole recording",
        "Gezeigt: {start}–{end} s von {whole} s; Werte und Befunde betreffen die ganze Aufnahme",
    ),
    "derived": ("* derived from other limb leads", "* aus anderen Extremitätenableitungen"),
    "no_rhythm_lead": (
        "lead {lead} was not recorded, {other} runs through instead",
        "Ableitung {lead} fehlt, stattdessen läuft {other} durch",
    ),
    "beyond": ("Beyond the paper: {leads}", "Über den Papierrand: {leads}"),
    "spike": ("Strokes above the trace: pacemaker spikes", "Striche über der Kurve: Stimuli"),
    "no_model": ("no model", "kein Modell"),
    "rules": ("rules {version}", "Regeln {version}"),
    "research": (
        "For research use only. Not a medical device.",
        "Nur für Forschungszwecke. Kein Medizinprodukt.",
    ),
}

# Why a value is missing, as the answer's warnings say it, in German.
REASONS: Final[dict[str, str]] = {
    "no P waves are found": "keine P-Wellen gefunden",
    "pacing spikes; a PR interval has no meaning": "Stimuli, eine PQ-Zeit hat keine Bedeutung",
    "the P waves are not conducted; a PR interval has no meaning": "P-Wellen nicht übergeleitet",
    "the end of a T wave is not seen": "Ende der T-Welle nicht zu sehen",
    "the axes need two limb leads; fewer are recorded": "braucht zwei Extremitätenableitungen",
    "no heart rate is known to correct QT for": "keine Herzfrequenz bekannt",
}

# Months as in "22 Feb 2026"; German dates are numbers.
MONTHS: Final = (
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
)  # fmt: skip

# Labels and statements in German.
STATEMENTS: Final[dict[str, str]] = {
    "1st degree atrioventricular block": "AV-Block I. Grades",
    "3rd degree atrioventricular block": "AV-Block III. Grades",
    "Accessory pathway conduction": "Leitung über akzessorische Bahn",
    "Anterior infarction": "Vorderwandinfarkt",
    "Atrial fibrillation": "Vorhofflimmern",
    "Atrial flutter": "Vorhofflattern",
    "Atrioventricular block": "AV-Block",
    "Atrioventricular dissociation": "AV-Dissoziation",
    "Bifascicular block": "Bifaszikulärer Block",
    "Bigeminy": "Bigeminus",
    "Bradycardia": "Bradykardie",
    "Complete left bundle branch block": "Kompletter Linksschenkelblock",
    "Complete right bundle branch block": "Kompletter Rechtsschenkelblock",
    "Electronic pacemaker": "Schrittmacherstimuliert",
    "Frequent ectopic beats": "Häufige Extrasystolen",
    "Incomplete left bundle branch block": "Inkompletter Linksschenkelblock",
    "Incomplete right bundle branch block": "Inkompletter Rechtsschenkelblock",
    "Infarction": "Infarkt",
    "Inferior infarction": "Hinterwandinfarkt",
    "Intraventricular conduction disturbance": "Intraventrikuläre Leitungsstörung",
    "Ischaemia": "Ischämie",
    "Junctional escape rhythm": "Junktionaler Ersatzrhythmus",
    "Left anterior fascicular block": "Linksanteriorer Hemiblock",
    "Left atrial enlargement": "Vergrößerung des linken Vorhofs",
    "Left bundle branch block": "Linksschenkelblock",
    "Left posterior fascicular block": "Linksposteriorer Hemiblock",
    "Left ventricular hypertrophy": "Linksventrikuläre Hypertrophie",
    "Low QRS voltage in the chest leads": "Niedervoltage in den Brustwandableitungen",
    "Low QRS voltage in the limb and chest leads": "Niedervoltage in allen Ableitungen",
    "Low QRS voltage in the limb leads": "Niedervoltage in den Extremitätenableitungen",
    "Narrow-complex tachycardia": "Schmalkomplextachykardie",
    "Normal rhythm": "Normaler Rhythmus",
    "Other rhythm": "Anderer Rhythmus",
    "Pathological Q waves": "Pathologische Q-Zacken",
    "Poor R-wave progression": "Verzögerte R-Progression",
    "Poor data quality": "Schlechte Signalqualität",
    "Premature atrial complex": "SVES",
    "Premature ventricular contraction": "VES",
    "Reversed R-wave progression": "Umgekehrte R-Progression",
    "Right bundle branch block": "Rechtsschenkelblock",
    "Right ventricular hypertrophy": "Rechtsventrikuläre Hypertrophie",
    "ST depression": "ST-Senkung",
    "ST elevation": "ST-Hebung",
    "Sinus arrhythmia": "Sinusarrhythmie",
    "Sinus bradycardia": "Sinusbradykardie",
    "Sinus rhythm": "Sinusrhythmus",
    "Sinus tachycardia": "Sinustachykardie",
    "Supraventricular tachycardia": "Supraventrikuläre Tachykardie",
    "Supraventricular tachycardia with aberrancy": "Supraventrikuläre Tachykardie mit Aberranz",
    "Tachycardia": "Tachykardie",
    "Trigeminy": "Trigeminus",
    "Undetermined": "Rhythmus unbestimmt",
    "Variable conduction of the flutter waves": "Flatterwellen mit wechselnder Überleitung",
    "Ventricular escape rhythm": "Ventrikulärer Ersatzrhythmus",
    "Ventricular tachycardia": "Ventrikuläre Tachykardie",
    "Wide-complex tachycardia": "Breitkomplextachykardie",
    "Wolff-Parkinson-White pattern": "WPW-Muster",
}
# Statements with numbers or additions: what the English one is, and the German one with its groups.
PATTERNS: Final = tuple(
    (re.compile(english), german)
    for english, german in (
        (r"(.+) with slow ventricular response", r"{0}, langsame Überleitung"),
        (r"(.+) with rapid ventricular response", r"{0}, schnelle Überleitung"),
        (r"(.+), bradycardia", r"{0}, Bradykardie"),
        (r"(.+), tachycardia", r"{0}, Tachykardie"),
        (r"Pause of at least ([\d.]+) s", r"Pause von mindestens {0} s"),
        (r"Pause of ([\d.]+) s", r"Pause von {0} s"),
        (r"Asystole: pause of at least ([\d.]+) s", r"Asystolie: Pause von mindestens {0} s"),
        (r"Asystole: pause of ([\d.]+) s", r"Asystolie: Pause von {0} s"),
        (r"(\d+):1 conduction of the flutter waves", r"{0}:1-Überleitung der Flatterwellen"),
        (
            r"Run of (\d+) ectopic beats, (\d+) per minute, as in ventricular tachycardia",
            r"Salve von {0} Extrasystolen, {1}/min, wie bei Kammertachykardie",
        ),
        (
            r"Left ventricular hypertrophy by voltage \((.+)\)",
            r"Linksventrikuläre Hypertrophie nach Voltage ({0})",
        ),
        (
            r"(ST \w+) with the voltage of left ventricular hypertrophy",
            r"{0} bei Voltage der Linkshypertrophie",
        ),
        (r"2nd degree atrioventricular block, type I", r"AV-Block II. Grades, Typ Wenckebach"),
        (r"2nd degree atrioventricular block, type II", r"AV-Block II. Grades, Typ Mobitz"),
        (r"2nd degree atrioventricular block, 2:1", r"AV-Block II. Grades, 2:1"),
        (
            r"2nd degree atrioventricular block, advanced \((\d+):1\)",
            r"AV-Block II. Grades, höhergradig ({0}:1)",
        ),
    )
)


def word(key: str, lang: Language, **values: object) -> str:
    """Return a word or sentence of the report, with its braces filled in."""
    english, german = WORDS[key]
    return (german if lang == "de" else english).format(**values)


def statement_text(statement: str, lang: Language) -> str:
    """Return a label or statement in a language; in English if the table lacks it."""
    if lang == "en":
        return statement
    if statement in STATEMENTS:
        return STATEMENTS[statement]
    for english, german in PATTERNS:
        match = english.fullmatch(statement)
        if match is not None:
            groups = [statement_text(group, lang).replace(".", ",") for group in match.groups()]
            return german.format(*groups)
    return statement


def number_text(value: float, digits: int, lang: Language) -> str:
    """Return a number with a true minus sign, and a decimal comma in German."""
    text = f"{value:.{digits}f}"
    if float(text) == 0.0:
        text = text.lstrip("-")
    text = text.replace("-", "−")
    return text.replace(".", ",") if lang == "de" else text


def seconds_text(seconds: float, lang: Language) -> str:
    """Return seconds with at most two decimals, without zeros at the end."""
    text = f"{seconds:.2f}".rstrip("0").rstrip(".") or "0"
    return text.replace(".", ",") if lang == "de" else text
