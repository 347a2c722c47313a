"""Every word of the report of a long recording, in English and German."""

from __future__ import annotations

from typing import Final

from report.options import Language

# key -> English, German. Braces are filled in.
WORDS: Final[dict[str, tuple[str, str]]] = {
    "title": ("Long-term ECG report", "Langzeit-EKG-Auswertung"),
    "page": ("Page {number} of {count}", "Seite {number} von {count}"),
    "research": (
        "For research use only. Not a medical device.",
        "Nur für Forschungszwecke. Kein Medizinprodukt.",
    ),
    "unconfirmed": (
        "Unconfirmed: computed, not read by a physician",
        "Unbestätigt: berechnet, nicht ärztlich befundet",
    ),
    # Groups.
    "recording": ("Recording", "Aufzeichnung"),
    "rates": ("Heart rate", "Herzfrequenz"),
    "beats": ("Beats", "Herzschläge"),
    "ventricular": ("Ventricular ectopy", "Ventrikuläre Ektopie"),
    "supraventricular": ("Supraventricular ectopy", "Supraventrikuläre Ektopie"),
    "fibrillation": ("Atrial fibrillation", "Vorhofflimmern"),
    "variability": ("Heart rate variability", "Herzfrequenzvariabilität"),
    "st": ("ST, 60 ms after J: median, range", "ST, 60 ms nach J: Median, Bereich"),
    # Recording.
    "start": ("Start", "Beginn"),
    "duration": ("Duration", "Dauer"),
    "patient": ("Patient", "Patient"),
    "leads": ("Leads", "Ableitungen"),
    "sampling": ("Sampling rate", "Abtastrate"),
    "analysed": ("Analysed", "Ausgewertet"),
    "no_signal_time": ("No signal", "Ohne Signal"),
    "noise": ("Noise", "Gestört"),
    "years": ("{years} y", "{years} J."),
    "male": ("male", "männlich"),
    "female": ("female", "weiblich"),
    "other": ("other", "divers"),
    # Rates and beats.
    "mean": ("Mean", "Mittel"),
    "slowest": ("Slowest, 8 intervals", "Langsamste, 8 Intervalle"),
    "fastest": ("Fastest, 8 intervals", "Schnellste, 8 Intervalle"),
    "longest_interval": ("Longest interval", "Längstes Intervall"),
    "pauses": ("Pauses, 3 s and more", "Pausen ab 3 s"),
    "all_beats": ("All", "Alle"),
    "N": ("Normal (N)", "Normal (N)"),
    "S": ("Supraventricular (S)", "Supraventrikulär (S)"),
    "V": ("Ventricular (V)", "Ventrikulär (V)"),
    "F": ("Fusion (F)", "Fusion (F)"),
    "Q": ("Paced or unclear (Q)", "Stimuliert oder unklar (Q)"),
    "per_min": ("{value} /min", "{value} /min"),
    "at": ("{value} at {time}", "{value} um {time}"),
    # Ectopy and fibrillation.
    "ectopic_beats": ("Beats", "Schläge"),
    "isolated": ("Isolated", "Einzelne"),
    "couplets": ("Couplets", "Couplets"),
    "runs": ("Runs, 3 beats and more", "Salven ab 3 Schlägen"),
    "longest_run": ("Longest run", "Längste Salve"),
    "fastest_run": ("Fastest run", "Schnellste Salve"),
    "run": ("{beats} beats, {rate} /min, at {time}", "{beats} Schläge, {rate} /min, um {time}"),
    "bigeminy": ("Bigeminy", "Bigeminus"),
    "trigeminy": ("Trigeminy", "Trigeminus"),
    "burden": ("Share of the time", "Anteil der Zeit"),
    "episodes": ("Episodes, 30 s and more", "Episoden ab 30 s"),
    "longest_episode": ("Longest episode", "Längste Episode"),
    # Variability.
    "sdnn": ("SDNN", "SDNN"),
    "sdann": ("SDANN", "SDANN"),
    "sdnn_index": ("SDNN index", "SDNN-Index"),
    "rmssd": ("RMSSD, 5 min, median", "RMSSD, 5 min, Median"),
    "segments": ("Segments measured", "Gemessene Abschnitte"),
    "of": ("{part} of {whole}", "{part} von {whole}"),
    "not_measured": ("– ({reason})", "– ({reason})"),
    "none": ("none", "keine"),
    # ST.
    "st_range": (
        "{median} mV ({lowest} to {highest})",
        "{median} mV ({lowest} bis {highest})",
    ),
    "st_note": (
        "The file states no filter: read ST as a change, not as a level.",
        "Die Datei nennt keinen Filter: ST als Änderung lesen, nicht als Höhe.",
    ),
    "fibrillation_note": (
        "Beats of class S in atrial fibrillation do not count as supraventricular ectopy.",
        "Schläge der Klasse S in Vorhofflimmern zählen nicht als supraventrikuläre Ektopie.",
    ),
    # Tables and charts.
    "hours": ("Hour by hour", "Stunde für Stunde"),
    "hour": ("Hour", "Stunde"),
    "slow": ("Min", "Min"),
    "fast": ("Max", "Max"),
    "unread": ("Not analysed", "Nicht ausgewertet"),
    "trends": ("Trends", "Verläufe"),
    "rate_chart": (
        "Heart rate by hour, /min: mean, and slowest to fastest",
        "Herzfrequenz je Stunde, /min: Mittel, langsamste bis schnellste",
    ),
    "ventricular_chart": ("Ventricular beats by hour", "Ventrikuläre Schläge je Stunde"),
    "supraventricular_chart": (
        "Supraventricular beats by hour (class S)",
        "Supraventrikuläre Schläge je Stunde (Klasse S)",
    ),
    "fibrillation_chart": ("Atrial fibrillation", "Vorhofflimmern"),
    "variability_chart": ("RMSSD of 5 minutes, ms", "RMSSD von 5 Minuten, ms"),
    "st_chart": ("ST in {lead}, mV", "ST in {lead}, mV"),
    "strips": ("Strips", "Streifen"),
    "strip_scale": ("25 mm/s, 10 mm/mV", "25 mm/s, 10 mm/mV"),
    "strip_leads": ("Shown: {leads}", "Gezeigt: {leads}"),
    # Kinds of strips.
    "longest_pause": ("Longest pause", "Längste Pause"),
    "ventricular_longest_run": ("Longest ventricular run", "Längste ventrikuläre Salve"),
    "ventricular_fastest_run": ("Fastest ventricular run", "Schnellste ventrikuläre Salve"),
    "ventricular_couplet": ("Ventricular couplet", "Ventrikuläres Couplet"),
    "ventricular_bigeminy": ("Ventricular bigeminy", "Ventrikulärer Bigeminus"),
    "atrial_fibrillation_longest": (
        "Longest atrial fibrillation, its beginning",
        "Längstes Vorhofflimmern, Beginn",
    ),
    "supraventricular_longest_run": (
        "Longest supraventricular run",
        "Längste supraventrikuläre Salve",
    ),
    "supraventricular_fastest_run": (
        "Fastest supraventricular run",
        "Schnellste supraventrikuläre Salve",
    ),
    "supraventricular_couplet": ("Supraventricular couplet", "Supraventrikuläres Couplet"),
    "supraventricular_bigeminy": ("Supraventricular bigeminy", "Supraventrikulärer Bigeminus"),
    "fastest_rate": ("Fastest rate", "Schnellste Frequenz"),
    "slowest_rate": ("Slowest rate", "Langsamste Frequenz"),
    # Reasons.
    "few_beats": ("too few beats in a row", "zu wenige Schläge in Folge"),
    "no_signal": ("no signal", "kein Signal"),
    "few_normal_beats": ("too few normal beats", "zu wenige normale Schläge"),
    "atrial_fibrillation": ("atrial fibrillation", "Vorhofflimmern"),
    "short": ("less than 18 h", "weniger als 18 h"),
    "not_measurable": ("not measurable", "nicht messbar"),
    "no_j_point": ("the end of QRS is not clear", "Ende des QRS nicht erkennbar"),
    "sampling_rate": ("sampling rate below 125 Hz", "Abtastrate unter 125 Hz"),
    "high_pass": ("high-pass above 0.05 Hz", "Hochpass über 0,05 Hz"),
}


def holter_word(key: str, lang: Language, **values: object) -> str:
    """Return a word or sentence, with its braces filled in."""
    english, german = WORDS[key]
    return (german if lang == "de" else english).format(**values)
