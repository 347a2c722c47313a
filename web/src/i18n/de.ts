/**
 * Deutsch. The clinical words follow the usage of the German Cardiac Society (DGK) and of Thieme
 * (via medici; EKG-Kurs für Isabel): PQ-Zeit, Lagetyp, Hemiblock, Schenkelblock. A German
 * cardiologist reads them before a release.
 */
import type { Words } from "./en";
import type { Facts } from "./facts";

export const de: Words = {
  name: "Deutsch",
  app: {
    title: "EKG-Anzeige",
    researchUse: "Nur für Forschungszwecke. Kein Medizinprodukt.",
    open: "Öffnen",
    compare: "Vergleichen",
    export: "Ausgeben",
    close: "Schließen",
    language: "Sprache",
    theme: "Darstellung",
    key: "API-Schlüssel",
    newTab: "Weitere Aufzeichnung öffnen",
    tabs: "Geöffnete Aufzeichnungen",
    closeTab: (name) => `${name} schließen`,
    themes: { system: "Wie das System", light: "Hell", dark: "Dunkel" },
    trace: "Kurve",
    toFindings: "Zu den Befunden",
    help: "Tasten",
    more: "Mehr",
    cancel: "Abbrechen",
    actions: "Aktionen",
    caliper: "Zirkel",
    status: "Zustand des Servers",
    documentation: "Dokumentation",
    licences: "Lizenzen",
  },
  patient: {
    label: "Patient und Aufzeichnung",
    id: "Kennung",
    years: (age) => `${age} Jahre`,
    sexes: { male: "männlich", female: "weiblich", other: "anderes Geschlecht" },
    unknown: "Alter und Geschlecht nicht angegeben",
    leads: (count) => `${count} Abl.`,
  },
  open: {
    title: "Aufzeichnung öffnen",
    formats: "DICOM, SCP-ECG, HL7 aECG, MUSE, WFDB, EDF, ISHNE, CSV und 15 weitere",
    formatsLink: "Alle Formate",
    several: "Dateien einer Aufzeichnung zusammen, oder mehrere Aufzeichnungen auf einmal",
    pasteTitle: "Aufzeichnung einfügen",
    pasteLabel: "JSON-Datensatz oder CSV-Tabelle",
    pasteHint:
      "Ein JSON-Datensatz wie für /analyze, oder Spalten von Messwerten mit den Ableitungen in der ersten Zeile",
    pasted: "Eingefügt",
    read: "Lesen",
    recent: "In dieser Sitzung geschlossen",
    undecidedTitle: "Eine Aufzeichnung oder mehrere?",
    undecided: "Die Namen dieser Dateien sagen nicht, ob sie zusammengehören.",
    one: "Eine Aufzeichnung",
    each: "Jede für sich",
    limits: (megabytes, minutes) => `Bis ${megabytes} MB und ${minutes} min je Aufzeichnung`,
    example: {
      sinus: "Sinusrhythmus",
      atrial_fibrillation: "Vorhofflimmern",
      left_bundle_branch_block: "Linksschenkelblock",
      paced: "Schrittmacher",
      ventricular_tachycardia: "Ventrikuläre Tachykardie",
      first_degree_av_block: "AV-Block I. Grades",
    },
  },
  key: {
    title: "Dieser Server verlangt einen Schlüssel",
    handedOut: "Der Betreiber gibt ihn aus.",
    label: "Schlüssel",
    refused: "Der Schlüssel wurde abgelehnt. Bitte prüfen und erneut versuchen.",
    go: "Weiter",
    forget: "Schlüssel vergessen",
    kept: "Vergessen, sobald der Tab geschlossen wird.",
    own: "Schlüssel dieser Sitzung",
  },
  states: {
    reading: "Die Aufzeichnung wird gelesen",
    model: "Die Kurve ist gelesen. Es wird gemessen, und das Modell liest.",
    ready: (name, rhythm) => `${name}: ${rhythm}`,
    failed: (title) => `Nicht gelesen: ${title}`,
    request: "Anfrage",
    openAnother: "Andere öffnen",
    whatIsRead: "Was gelesen wird",
    again: "Erneut versuchen",
    nextTry: (seconds) => `Nächster Versuch in ${seconds} s.`,
    offline: (time, seconds) =>
      `Server nicht erreichbar seit ${time}. Nächster Versuch in ${seconds} s.`,
    offlineTitle: "Server nicht erreichbar",
    offlineDetail: "Die Aufzeichnung wird gesendet, sobald der Server wieder antwortet.",
    tryNow: "Jetzt versuchen",
    asOf: (time) => `Stand ${time}`,
    online: "Der Server antwortet wieder",
    noModel:
      "Kein Modell geladen. Rhythmus nach Regeln; Merkmale und Diagnoseklassen sind nicht verfügbar.",
    noLabels: "Das Modell gab für diese Aufzeichnung keine Merkmale aus.",
    unreadable: "Nicht lesbar. Alle Elektroden und Kabel prüfen und neu aufzeichnen.",
    missingHint: "Fehlendes ausfüllen; die Datei wird dann erneut gesendet.",
    fs: "Abtastrate in Hz",
    leadNames: "Ableitungen in der Reihenfolge der Datei, mit Kommas",
    units: "Einheit",
    gain: "Werte je mV (statt einer Einheit)",
    asInFile: "wie in der Datei",
    send: "Erneut senden",
    broken: "Die Seite konnte diese Aufzeichnung nicht zeichnen.",
  },
  export: {
    report: "Bericht",
    data: "Daten",
    pdf: "Bericht als PDF, A4",
    pdfLetter: "Bericht als PDF, Letter",
    png: "Bericht als PNG-Bild",
    dicom: "DICOM mit PDF",
    json: "Auswertung, JSON",
    fhir: "FHIR-Bundle, JSON",
    measurements: "Messwerte, CSV",
    samples: "Kurven, CSV",
    print: "Drucken",
    making: (what) => `Wird erstellt: ${what}`,
    made: (what) => `Gespeichert: ${what}`,
    failed: (what) => `Nicht erstellt: ${what}`,
    remove: (what) => `${what} weglassen`,
    make: "Bericht erstellen",
    initials: "Kürzel",
    useAs: (ms) => `${ms} verwenden als`,
    initialsHint: "Es steht neben den von Hand gemessenen Werten.",
    byHandTitle: "Werte von Hand",
  },
  keys: {
    title: "Tasten",
    all: "Überall",
    viewer: "Kurve und Befunde",
    single: "Einzelne Tasten",
    singleHint: "Abgeschaltet wirken nur Escape, Tab und Strg+P. In einem Feld wirken Tasten nie.",
    help: "Diese Liste",
    close: "Schließen",
    report: "Bericht als PDF",
    open: "Aufzeichnung öffnen",
    layout: "Nächste Anordnung",
    speed: "Nächster Vorschub",
    gain: "Nächste Verstärkung",
    filter: "Nächster Anzeigefilter",
    caliper: "Zirkel",
    march: "Abstände",
    crop: "Ausschnitt",
    beats: "Repräsentative Herzschläge übereinander",
    rhythmLead: "Nächste Rhythmusableitung",
    pan: "Entlang der Kurve",
    zoom: "Größer, kleiner",
    fit: "Einpassen",
    beat: "Voriger, nächster Schlag",
    finding: "Nächster, voriger Befund",
    evidence: "Zur Fundstelle",
    export: "Ausgeben",
    tab: "Tab 1 bis 9",
  },
  status: {
    title: "Zustand des Servers",
    viewer: "EKG-Anzeige",
    word: {
      ok: "In Betrieb",
      degraded: "Eingeschränkt",
      starting: "Startet",
      draining: "Fährt herunter",
      unreachable: "Nicht erreichbar",
      asked: "Der Server wird gefragt",
    },
    uptime: (time) => `läuft seit ${time}`,
    days: (count) => `${count} d`,
    hours: (count) => `${count} h`,
    minutes: (count) => `${count} min`,
    inFlight: (count, limit) => `${count} von höchstens ${limit} Anfragen in Arbeit`,
    short: "Ein Schlüssel mit dem Recht operator zeigt mehr.",
    changed: "Was sich geändert hat",
    unchanged: (time) => `Nichts seit ${time}, als diese Seite geöffnet wurde`,
    changeStatus: (status) => `Zustand: ${status}`,
    changeRestart: (stage) => `Ein Prozess der Stufe ${stage} wurde ersetzt`,
    charts: "Die letzte Stunde, alle 5 s gelesen, solange diese Seite offen ist",
    throughput: "Durchsatz",
    throughputUnit: "Anfragen/s",
    latency: "Zeit bis zur Antwort",
    queue: "Warteschlange",
    queueUnit: "wartend",
    batch: "Stapelgröße",
    batchUnit: "Abschnitte",
    median: "Median",
    now: "jetzt",
    notYet: "Noch keine Aufzeichnung",
    errors: "Fehler nach Code",
    code: "Code",
    route: "Route",
    count: "Anzahl",
    noErrors: "Kein Fehler seit dem Start",
    workers: "Prozesse",
    stage: "Stufe",
    alive: "Aktiv",
    restarts: "Ersetzt",
    drift: "Drift der Aufzeichnungen und Merkmale",
    driftHint: (limit, week, least) =>
      `Populationsstabilitätsindex gegen die Woche ${week}. Über ${limit} hat sich eine Population verschoben (Siddiqi, Credit Risk Scorecards, 2006). Wochen mit weniger als ${least} Aufzeichnungen werden nicht verglichen. Dieser Browser zählt, solange die Seite offen ist.`,
    week: "Woche",
    reference: "Bezug",
    above: "über der Grenze",
    subjects: {
      labels: "Positive Merkmale",
      quality: "Qualität",
      amplitude: "Amplitude",
      samplingRate: "Abtastrate",
      seconds: "Länge",
    },
    models: "Modelle",
    role: "Rolle",
    model: "Modell",
    device: "Gerät",
    ready: "bereit",
    notReady: "nicht bereit",
    noModels: "Kein Modell geladen",
    version: "Server",
    operator: "Die Zahlen brauchen einen Schlüssel mit dem Recht operator.",
  },
  empty: {
    drop: "Aufzeichnung hier ablegen",
    choose: "Dateien wählen",
    paste: "Einfügen",
    examples: "Beispiele, synthetisch",
    sent: "Wird zur Auswertung an diesen Server gesendet. Nichts wird gespeichert.",
  },
  paper: {
    tools: "Papier",
    layout: "Anordnung",
    groups: { limb: "Extremitäten", chest: "Brustwand", rhythm: "Rhythmus" },
    speed: "Papiergeschwindigkeit",
    gain: "Verstärkung",
    filterOff: "Filter: aus",
    filterOn: (what: string) => `Filter: ${what}, nur Anzeige`,
    band: "Durchlassbereich",
    off: "aus",
    notch: "Netzfilter",
    leads: "Ableitungen",
    lead: "Ableitung",
    shown: "Sichtbar",
    reversed: "Umgepolt",
    rhythmLead: "Rhythmusstreifen",
    waves: "Wellen aller Schläge",
    caliper: "Zirkel",
    march: "Abstände",
    crop: "Ausschnitt",
    openCrop: (length: string) => `${length} für sich öffnen`,
    calibrated: (px: string) => `Anzeige kalibriert: 1 mm = ${px} px`,
    notToScale: "Nicht maßstäblich",
    calibration: {
      title: "Anzeige kalibrieren",
      how: "Eine Scheckkarte an den Bildschirm halten und den Rand ziehen, bis die Breite stimmt.",
      width: "Breite der Karte auf diesem Bildschirm",
      card: "Scheckkarte, 85,60 × 53,98 mm",
      save: "Speichern",
      forget: "Vergessen",
    },
    timeBar: "Teil der Aufzeichnung",
    seconds: (seconds: string) => `${seconds} s`,
    zoom: (percent: string) => `Zoom ${percent} %`,
    consecutive: "Spalten fortlaufend",
    derived: "* aus zwei anderen Ableitungen berechnet",
    measuring:
      "Pfeiltasten bewegen das Papier, Enter setzt einen Zirkel, Tab führt zu seinen Enden.",
    caliperEnds: ["Beginn des Intervalls", "Ende des Intervalls"],
    cropEnds: ["Beginn des Ausschnitts", "Ende des Ausschnitts"],
    beat: (at: string, waves: string) => `Schlag ${at}: ${waves}`,
    beatTable: "Schläge der Aufzeichnung, Intervalle in ms",
    beatColumns: ["Schlag", "R bei s", "Art", "RR", "PQ", "QRS", "QT"],
    beatKinds: {
      normal: "normal",
      ectopic: "Extrasystole",
      paced: "stimuliert",
      noisy: "verrauscht",
    },
    intervals: { RR: "RR", PR: "PQ", P: "P", QRS: "QRS", QT: "QT" },
    qt: {
      title: "QT",
      byHand: "von Hand",
      useTangent: "T-Ende mit der Tangente",
      noTangent: "Keine T-Welle in dieser Ableitung gefunden",
      formulas: {
        bazett: "Bazett",
        fridericia: "Fridericia",
        framingham: "Framingham",
        hodges: "Hodges",
      },
    },
  },
  panels: {
    rhythm: "Rhythmus",
    rhythmByRules: "Rhythmus nach Regeln",
    rhythmPending: "Rhythmus folgt",
    notJudged: "Nicht beurteilt",
    findings: "Befunde",
    counts: (abnormal, technical) =>
      [abnormal > 0 ? `${abnormal} auffällig` : "", technical > 0 ? `${technical} technisch` : ""]
        .filter(Boolean)
        .join(" · ") || "keine auffällig",
    severity: {
      normal: "normal",
      abnormal: "auffällig",
      critical: "kritisch",
      technical: "technisch",
    },
    claim: {
      rule: "Regel",
      model: "Modell",
      both: "Regel und Modell",
      ruleOnly: "nur Regel",
      modelOnly: "nur Modell",
      measured: "gemessen",
    },
    measurements: "Messwerte",
    value: "Wert",
    plusMinus: "±",
    normalRange: "Normbereich",
    fewerValues: "Weniger Werte",
    moreValues: (count) => `${count} weitere Werte`,
    byHand: "von Hand",
    outside: "außerhalb des Normbereichs",
    within: "im Normbereich",
    rangeFrom: (range, source) => `Normal ${range}. ${source}`,
    probabilities: "Wahrscheinlichkeiten",
    threshold: "Schwelle",
    moreLabels: (count) => `${count} weitere Merkmale`,
    fewerLabels: "Weniger Merkmale",
    superclasses: "Diagnoseklassen",
    notAvailable: "nicht verfügbar",
    reading: "Das Modell liest",
    quality: "Qualität",
    qualityChip: (word) => `Qualität ${word.toLowerCase()}`,
    check: (leads) => `${leads} prüfen`,
    leadQuality: "Ableitungsqualität",
    notRecorded: "Nicht aufgezeichnet",
    electrodeGood: "gut",
    electrodeBad: "prüfen",
    moreFaults: (count) => `und ${count} weitere`,
    beats: "Repräsentativer Herzschlag",
    beatsShort: "Schläge",
    beatsScale: (gain) => `25 mm/s · ${gain} mm/mV`,
    overlay: "Übereinanderlegen",
    sideBySide: "Nebeneinander",
    matrix: "Messmatrix",
    lead: "Ableitung",
    derivedLead: "aus anderen Ableitungen berechnet",
    saliency: "Salienz",
    saliencyNote: "zeigt Aufmerksamkeit, keine Ursache",
    seconds: (from, to) => `${from} bis ${to} s`,
    axis: "Lagetyp",
    pacemaker: "Schrittmacher",
    pacemakerPresent: "Schrittmacher vorhanden",
    pacemakerAbsent: "Kein Schrittmacher",
    probability: "Wahrscheinlichkeit",
    spikes: "Impulse",
    spikesUnseen: "in dieser Aufzeichnung nicht sichtbar",
    chamber: "Stimulationsort",
    chambers: { atrial: "Vorhof", ventricular: "Kammer", dual: "Vorhof und Kammer" },
    byForm: "Nach der Form der Schläge",
    byLabel: "Nach dem Merkmal des Modells",
    machine: "Angaben des Geräts",
    machineValue: "Gerät",
    ours: "Server",
    difference: "Unterschied",
    beyondOurs: "größer als die Unsicherheit des Serverwerts",
    machineStatements: "Befunde des Geräts",
    warnings: (count) => (count === 1 ? "1 Hinweis des Servers" : `${count} Hinweise des Servers`),
    models: {
      labels: "Merkmale",
      superclass: "Diagnoseklassen",
      pacemaker: "Schrittmacher",
    },
    modelFoot: (model) => `Modell ${model}`,
    rulesFoot: (version) => `Regeln und Messung ${version}`,
    compare: "Vergleich",
    before: "vorher",
    after: "nachher",
    newFindings: "Neu",
    goneFindings: "Nicht mehr",
    sameFindings: "Unverändert",
    none: "keine",
    beyondUncertainty: "größer als die Unsicherheit beider",
    changed: "Änderung",
    range: {
      upTo: (high) => `bis ${high}`,
      from: (low) => `ab ${low}`,
      between: (low, high) => `${low} bis ${high}`,
    },
  },
  clinical: {
    rhythms: {
      "Sinus rhythm": "Sinusrhythmus",
      "Sinus bradycardia": "Sinusbradykardie",
      "Sinus tachycardia": "Sinustachykardie",
      "Atrial fibrillation": "Vorhofflimmern",
      "Atrial flutter": "Vorhofflattern",
      "Supraventricular tachycardia with aberrancy":
        "Supraventrikuläre Tachykardie mit aberranter Leitung",
      "Supraventricular tachycardia": "Supraventrikuläre Tachykardie",
      "Narrow-complex tachycardia": "Schmalkomplextachykardie",
      "Wide-complex tachycardia": "Breitkomplextachykardie",
      "Ventricular tachycardia": "Ventrikuläre Tachykardie",
      "3rd degree atrioventricular block": "AV-Block III. Grades",
      "Junctional escape rhythm": "Junktionaler Ersatzrhythmus",
      "Ventricular escape rhythm": "Ventrikulärer Ersatzrhythmus",
      "Electronic pacemaker": "Schrittmacherrhythmus",
      Undetermined: "Nicht bestimmt",
    },
    rates: {
      slowResponse: (rhythm) => `${rhythm} mit langsamer Überleitung`,
      rapidResponse: (rhythm) => `${rhythm} mit schneller Überleitung`,
      slow: (rhythm) => `${rhythm}, Bradykardie`,
      rapid: (rhythm) => `${rhythm}, Tachykardie`,
    },
    rhythmEvidence: {
      beats: (count) => `${count} Schläge`,
      rr: (mean, sd) => `RR ${mean} ms (SD ${sd} ms)`,
    },
    findings: {
      asystole: {
        statement: (f) => `Asystolie: Pause von ${pauseOf(f)}`,
        evidence: (f) => `kein Schlag von ${f.n("from_s", 1)} bis ${f.n("to_s", 1)} s`,
      },
      pause: {
        statement: (f) => `Pause von ${pauseOf(f)}`,
        evidence: (f) => `kein Schlag von ${f.n("from_s", 1)} bis ${f.n("to_s", 1)} s`,
      },
      run_of_ectopic_beats: {
        statement: (f) =>
          `Salve von ${f.n("beats")} Extrasystolen, ${f.n("rate_bpm")}/min, wie bei ventrikulärer Tachykardie`,
        evidence: (f) => `${f.n("from_s", 1)} bis ${f.n("to_s", 1)} s; Salven: ${f.n("runs")}`,
      },
      flutter_conduction: {
        statement: (f) =>
          f.has("waves_for_each_beat")
            ? `${f.n("waves_for_each_beat")}:1-Überleitung der Flatterwellen`
            : "Wechselnde Überleitung der Flatterwellen",
        evidence: (f) =>
          `Wellen ${f.n("flutter_per_min")}/min, Schläge ${f.n("heart_rate_bpm")}/min`,
      },
      atrioventricular_dissociation: { statement: () => "AV-Dissoziation", evidence: pWaves },
      "2nd_degree_atrioventricular_block_type_1": {
        statement: () => "AV-Block II. Grades, Typ I (Wenckebach)",
        evidence: pWaves,
      },
      "2nd_degree_atrioventricular_block_type_2": {
        statement: () => "AV-Block II. Grades, Typ II (Mobitz)",
        evidence: pWaves,
      },
      "2nd_degree_atrioventricular_block_2_to_1": {
        statement: () => "AV-Block II. Grades, 2:1",
        evidence: pWaves,
      },
      "2nd_degree_atrioventricular_block_advanced": {
        statement: (f) => `AV-Block II. Grades, höhergradig (${ratioOf(f)}:1)`,
        evidence: pWaves,
      },
      "1st_degree_atrioventricular_block": {
        statement: () => "AV-Block I. Grades",
        evidence: (f) =>
          f.has("uncertainty_ms")
            ? `PQ ${f.n("pr_ms")} ms ± ${f.n("uncertainty_ms")}`
            : `PQ ${f.n("pr_ms")} ms`,
      },
      bigeminy: { statement: () => "Bigeminus", evidence: ectopicBeats },
      trigeminy: { statement: () => "Trigeminus", evidence: ectopicBeats },
      frequent_ectopic_beats: { statement: () => "Häufige Extrasystolen", evidence: ectopicBeats },
      sinus_arrhythmia: {
        statement: () => "Sinusarrhythmie",
        evidence: (f) => `RMSSD durch mittleres RR ${f.n("rmssd_over_mean_rr", 2)}`,
      },
      st_elevation: { statement: () => "ST-Hebung", evidence: deviation },
      st_depression: { statement: () => "ST-Senkung", evidence: deviation },
      st_elevation_with_hypertrophy_voltage: {
        statement: () => "ST-Hebung bei Voltage einer linksventrikulären Hypertrophie",
        evidence: deviation,
      },
      st_depression_with_hypertrophy_voltage: {
        statement: () => "ST-Senkung bei Voltage einer linksventrikulären Hypertrophie",
        evidence: deviation,
      },
      early_repolarisation_ascending_st: {
        statement: () => "Frühe Repolarisation mit aszendierender ST-Strecke",
        evidence: notch,
      },
      early_repolarisation_horizontal_or_descending_st: {
        statement: () => "Frühe Repolarisation mit horizontaler oder deszendierender ST-Strecke",
        evidence: notch,
      },
      pathological_q: {
        statement: () => "Pathologische Q-Zacken",
        evidence: (f) => `${f.leads}: bis ${f.n("longest_q_ms")} ms, ${f.n("deepest_q_mv", 2)} mV`,
      },
      left_ventricular_hypertrophy_voltage: {
        statement: () => "Linksventrikuläre Hypertrophie nach Voltage-Kriterien",
        evidence: (f) =>
          [
            f.has("sokolow_lyon_mv") &&
              `Sokolow-Lyon ${f.n("sokolow_lyon_mv", 2)} mV (Grenze ${f.n("sokolow_lyon_limit_mv", 1)})`,
            f.has("cornell_mv") &&
              `Cornell ${f.n("cornell_mv", 2)} mV (Grenze ${f.n("cornell_limit_mv", 1)})`,
          ]
            .filter(Boolean)
            .join(", "),
      },
      low_voltage: {
        statement: (f) => {
          const limb = f.has("largest_limb_qrs_mv");
          if (limb && f.has("largest_chest_qrs_mv")) {
            return "Niedervoltage in Extremitäten- und Brustwandableitungen";
          }
          return `Niedervoltage in den ${limb ? "Extremitäten" : "Brustwand"}ableitungen`;
        },
        evidence: (f) =>
          [
            f.has("largest_limb_qrs_mv") && `Extremitäten bis ${f.n("largest_limb_qrs_mv", 2)} mV`,
            f.has("largest_chest_qrs_mv") && `Brustwand bis ${f.n("largest_chest_qrs_mv", 2)} mV`,
          ]
            .filter(Boolean)
            .join(", "),
      },
      poor_r_progression: { statement: () => "Verzögerte R-Progression", evidence: rHeights },
      reversed_r_progression: { statement: () => "Umgekehrte R-Progression", evidence: rHeights },
    },
    outside: {
      pr_ms: { low: "PQ-Zeit verkürzt", high: "PQ-Zeit verlängert" },
      p_duration_ms: { low: "P-Welle kurz", high: "P-Welle verbreitert" },
      qrs_ms: { low: "QRS schmal", high: "QRS verbreitert" },
      qtc_ms: { low: "QTc verkürzt", high: "QTc verlängert" },
      qrs_axis_deg: {
        Left: "Überdrehter Linkstyp",
        Right: "Rechtstyp",
        Extreme: "Extreme Achsenabweichung",
      },
      byNotBy: (statement, by, notBy) => `${statement} nach ${by}, nicht nach ${notBy}`,
      normalRange: (range) => `normal ${range}`,
      wideQrs: (ms) => `breites QRS verlängert QT: mit QRS ${ms} ms lesen`,
    },
    ectopicAt: (count, beats, times) =>
      times === ""
        ? `${count} von ${beats} Schlägen`
        : `${count} von ${beats} Schlägen, bei ${times} s`,
    labels: {
      "Sinus rhythm": "Sinusrhythmus",
      "Normal rhythm": "Normaler Rhythmus",
      "Other rhythm": "Anderer Rhythmus",
      "Poor data quality": "Schlechte Aufzeichnungsqualität",
      "Premature ventricular contraction": "Ventrikuläre Extrasystolen",
      "Premature atrial complex": "Supraventrikuläre Extrasystolen",
      Tachycardia: "Tachykardie",
      Bradycardia: "Bradykardie",
      "Ventricular tachycardia": "Ventrikuläre Tachykardie",
      "Supraventricular tachycardia with aberrancy": "SVT mit aberranter Leitung",
      "Atrial fibrillation": "Vorhofflimmern",
      "Atrial flutter": "Vorhofflattern",
      "Accessory pathway conduction": "Leitung über eine akzessorische Bahn",
      "Atrioventricular block": "AV-Block",
      "1st degree atrioventricular block": "AV-Block I. Grades",
      "Bifascicular block": "Bifaszikulärer Block",
      "Right bundle branch block": "Rechtsschenkelblock",
      "Left bundle branch block": "Linksschenkelblock",
      "Complete right bundle branch block": "Kompletter Rechtsschenkelblock",
      "Incomplete right bundle branch block": "Inkompletter Rechtsschenkelblock",
      "Complete left bundle branch block": "Kompletter Linksschenkelblock",
      "Incomplete left bundle branch block": "Inkompletter Linksschenkelblock",
      "Left anterior fascicular block": "Linksanteriorer Hemiblock",
      "Left posterior fascicular block": "Linksposteriorer Hemiblock",
      "Intraventricular conduction disturbance": "Intraventrikuläre Leitungsstörung",
      "Wolff-Parkinson-White pattern": "WPW-Muster",
      "Left ventricular hypertrophy": "Linksventrikuläre Hypertrophie",
      "Right ventricular hypertrophy": "Rechtsventrikuläre Hypertrophie",
      "Left atrial enlargement": "Linksatriale Vergrößerung",
      Infarction: "Infarkt",
      "Anterior infarction": "Vorderwandinfarkt",
      "Inferior infarction": "Hinterwandinfarkt",
      Ischaemia: "Ischämie",
      "Electronic pacemaker": "Schrittmacherstimulation",
    },
    shortLabels: {
      "Complete right bundle branch block": "Kompl. Rechtsschenkelblock",
      "Incomplete right bundle branch block": "Inkompl. Rechtsschenkelblock",
      "Complete left bundle branch block": "Kompl. Linksschenkelblock",
      "Incomplete left bundle branch block": "Inkompl. Linksschenkelblock",
      "Left anterior fascicular block": "Linksanteriorer Hemiblock",
      "Left posterior fascicular block": "Linksposteriorer Hemiblock",
      "Intraventricular conduction disturbance": "Intraventr. Leitungsstörung",
      "Premature ventricular contraction": "VES",
      "Premature atrial complex": "SVES",
      "Left ventricular hypertrophy": "LV-Hypertrophie",
      "Right ventricular hypertrophy": "RV-Hypertrophie",
      "Supraventricular tachycardia with aberrancy": "SVT mit Aberranz",
      "Accessory pathway conduction": "Akzessorische Bahn",
      "Wolff-Parkinson-White pattern": "WPW-Muster",
    },
    quality: {
      words: {
        Excellent: "Ausgezeichnet",
        Good: "Gut",
        Acceptable: "Ausreichend",
        Poor: "Schlecht",
        Unreadable: "Nicht lesbar",
      },
      faults: {
        flat_line: "Nulllinie",
        lead_off: "kein Herzschlag",
        saturated: "übersteuert",
        mostly_missing: "fehlt überwiegend",
        gaps: "Lücken",
        missing_lead: "nicht aufgezeichnet",
        limb_lead_contradiction: "widerspricht den anderen Extremitätenableitungen",
        baseline_wander: "Grundlinie schwankt",
        mains_hum: "Netzbrummen",
        muscle_noise: "Muskelzittern",
        step: "Grundlinie springt",
        spikes: "Störspitzen zwischen den Schlägen",
        qrs_not_visible: "kein QRS-Komplex sichtbar",
        r_peak_disagreement: "Schläge zu anderen Zeiten als in den anderen Ableitungen",
        calibration_pulse: "Eichzacke in der Aufzeichnung",
        limb_electrode_reversal: "Extremitätenelektroden möglicherweise vertauscht",
        chest_electrode_reversal: "Brustwandelektroden möglicherweise vertauscht",
      },
      wandersAndJumps: (wander, jump) => `Grundlinie schwankt${wander} und springt${jump}`,
      electrodes: (names) => {
        const limbs: Record<string, string> = {
          RA: "rechter Arm",
          LA: "linker Arm",
          LL: "linkes Bein",
          RL: "rechtes Bein",
        };
        const list = names.map((name) => limbs[name] ?? name);
        return `${list.length === 1 ? "Elektrode" : "Elektroden"} ${listed(list, "und")}`;
      },
      advice: {
        flat_line: (electrodes) => `${electrodes} neu anlegen, Kabel prüfen`,
        lead_off: (electrodes) => `${electrodes} neu anlegen`,
        saturated: (electrodes) => `Haut reinigen, ${electrodes} ersetzen, Ruhe der Kurve abwarten`,
        mostly_missing: (electrodes) => `Kabel und ${electrodes} prüfen`,
        gaps: (electrodes) => `Kabel und ${electrodes} prüfen`,
        missing_lead: (electrodes) => `${electrodes} für ein vollständiges EKG anlegen`,
        limb_lead_contradiction: () =>
          "Lage der Extremitätenelektroden, Namen und Verstärkung prüfen",
        baseline_wander: (electrodes) => `Haut reinigen (${electrodes}), ruhig atmen lassen`,
        step: (electrodes) => `${electrodes} und Kabel befestigen`,
        mains_hum: (electrodes) => `Geräte in der Nähe ausstecken, Haut reinigen (${electrodes})`,
        muscle_noise: () => "Für Wärme und Entspannung sorgen, Elektroden weg von Muskeln",
        spikes: (electrodes) => `Stecker und ${electrodes} prüfen`,
        qrs_not_visible: (electrodes) => `${electrodes} andrücken oder ersetzen`,
        r_peak_disagreement: (electrodes) => `${electrodes} andrücken oder ersetzen`,
        calibration_pulse: () => "Wird nicht beurteilt und zählt nicht als Schlag",
        limb_electrode_reversal: (electrodes) =>
          `${electrodes} mit der Beschriftung vergleichen, neu aufzeichnen`,
        chest_electrode_reversal: (electrodes) =>
          `${electrodes} mit der Beschriftung vergleichen, neu aufzeichnen`,
      },
    },
    axes: {
      Normal: "Normaler Lagetyp",
      Left: "Überdrehter Linkstyp",
      Right: "Rechtstyp",
      Extreme: "Extreme Achsenabweichung",
    },
    superclasses: {
      NORM: "Normales EKG",
      MI: "Myokardinfarkt",
      STTC: "ST/T-Veränderung",
      CD: "Leitungsstörung",
      HYP: "Hypertrophie",
    },
    measurements: {
      heart_rate_bpm: "Herzfrequenz",
      rr_ms: "RR",
      pr_ms: "PQ",
      p_duration_ms: "P",
      qrs_ms: "QRS",
      qt_ms: "QT",
      qtc_bazett_ms: "QTc Bazett",
      qtc_fridericia_ms: "QTc Fridericia",
      qtc_framingham_ms: "QTc Framingham",
      qtc_hodges_ms: "QTc Hodges",
      p_axis_deg: "P-Achse",
      qrs_axis_deg: "QRS-Achse",
      t_axis_deg: "T-Achse",
      sdnn_ms: "SDNN",
      rmssd_ms: "RMSSD",
    },
  },
};

function listed(names: readonly string[], and: string): string {
  if (names.length < 2) return names.join("");
  return `${names.slice(0, -1).join(", ")} ${and} ${names.at(-1)}`;
}

function pauseOf(f: Facts): string {
  const atLeast = f.value("beats_at_its_ends") < 2 ? "mindestens " : "";
  return `${atLeast}${f.n("pause_s", 1)} s`;
}

function pWaves(f: Facts): string {
  return `${f.n("p_waves")} P-Wellen mit ${f.n("p_waves_per_min")}/min, Kammern ${f.n("ventricular_per_min")}/min`;
}

function ratioOf(f: Facts): string {
  return String(Math.round(f.value("p_waves_per_min") / f.value("ventricular_per_min")));
}

function ectopicBeats(f: Facts): string {
  return `${f.n("ectopic_beats")} von ${f.n("beats")} Schlägen`;
}

function deviation(f: Facts): string {
  const v2v3 = f.has("limit_v2_v3_mv") ? `; V2, V3 ${f.n("limit_v2_v3_mv", 2)}` : "";
  return `${f.leads}: J bis ${f.n("largest_j_mv", 2)} mV (Grenze ${f.n("limit_mv", 2)}${v2v3})`;
}

function notch(f: Facts): string {
  return `${f.leads}: Kerbe bis ${f.n("highest_notch_mv", 2)} mV`;
}

function rHeights(f: Facts): string {
  const heights = ["v1", "v2", "v3", "v4"].map((lead) => f.n(`r_${lead}_mv`, 2));
  return `R in V1 bis V4: ${heights.join(", ")} mV`;
}
