/** English. The other languages have the same shape. */
import type { Facts, Statement } from "./facts";

export const en = {
  name: "English",
  app: {
    title: "ECG viewer",
    researchUse: "For research use only. Not a medical device.",
    open: "Open",
    compare: "Compare",
    export: "Export",
    close: "Close",
    language: "Language",
    theme: "Theme",
    key: "API key",
    newTab: "Open another recording",
    tabs: "Opened recordings",
    closeTab: (name: string) => `Close ${name}`,
    themes: { system: "As the system", light: "Light", dark: "Dark" },
    trace: "Trace",
    toFindings: "To the findings",
    help: "Keys",
    more: "More",
    cancel: "Cancel",
    actions: "Actions",
    caliper: "Caliper",
    status: "Server status",
    documentation: "Documentation",
    licences: "Licences",
  },
  patient: {
    label: "Patient and recording",
    id: "ID",
    years: (age: string) => `${age} y`,
    sexes: { male: "male", female: "female", other: "other sex" } as Record<string, string>,
    unknown: "Age and sex not stated",
    leads: (count: string) => (count === "1" ? "1 lead" : `${count} leads`),
  },
  open: {
    title: "Open a recording",
    formats: "DICOM, SCP-ECG, HL7 aECG, MUSE, WFDB, EDF, ISHNE, CSV and 15 more",
    formatsLink: "All formats",
    several: "Files of one recording together, or several recordings at once",
    pasteTitle: "Paste a recording",
    pasteLabel: "JSON record or CSV table",
    pasteHint:
      "A JSON record as /analyze takes it, or columns of samples with the leads' names in the first line",
    pasted: "Pasted",
    read: "Read",
    recent: "Closed in this session",
    undecidedTitle: "One recording or several?",
    undecided: "The names of these files do not say whether they belong together.",
    one: "One recording",
    each: "Each on its own",
    limits: (megabytes: string, minutes: string) =>
      `Up to ${megabytes} MB and ${minutes} min a recording`,
    example: {
      sinus: "Sinus rhythm",
      atrial_fibrillation: "Atrial fibrillation",
      left_bundle_branch_block: "Left bundle branch block",
      paced: "Paced",
      ventricular_tachycardia: "Ventricular tachycardia",
      first_degree_av_block: "1st-degree AV block",
    } as Record<string, string>,
  },
  key: {
    title: "This server asks for a key",
    handedOut: "The operator hands it out.",
    label: "Key",
    refused: "The key was refused. Check it and try again.",
    go: "Continue",
    forget: "Forget the key",
    kept: "Forgotten when the tab closes.",
    own: "Key of this session",
  },
  states: {
    reading: "Reading the recording",
    model: "The trace is read. The recording is measured and the model reads.",
    ready: (name: string, rhythm: string) => `${name}: ${rhythm}`,
    failed: (title: string) => `Not read: ${title}`,
    request: "request",
    openAnother: "Open another",
    whatIsRead: "What is read",
    again: "Try again",
    nextTry: (seconds: string) => `Next try in ${seconds} s.`,
    offline: (time: string, seconds: string) =>
      `Server not reachable since ${time}. Next try in ${seconds} s.`,
    offlineTitle: "Server not reachable",
    offlineDetail: "The recording is sent once the server answers again.",
    tryNow: "Try now",
    asOf: (time: string) => `As of ${time}`,
    online: "The server answers again",
    noModel: "No model is loaded. Rhythm by rules; labels and superclasses are not available.",
    noLabels: "The model gave no labels for this recording.",
    unreadable: "Unreadable. Check all electrodes and cables, and record again.",
    missingHint: "Fill in what is missing, and the file is sent again.",
    fs: "Sampling rate in Hz",
    leadNames: "Leads in the file's order, with commas",
    units: "Unit",
    gain: "Values a mV (instead of a unit)",
    asInFile: "as in the file",
    send: "Send again",
    broken: "The page could not draw this recording.",
  },
  export: {
    report: "Report",
    data: "Data",
    pdf: "PDF report, A4",
    pdfLetter: "PDF report, Letter",
    png: "PNG picture of the report",
    dicom: "DICOM, encapsulated PDF",
    json: "Analysis, JSON",
    fhir: "FHIR Bundle, JSON",
    measurements: "Measurements, CSV",
    samples: "Samples, CSV",
    print: "Print",
    making: (what: string) => `Making: ${what}`,
    made: (what: string) => `Saved: ${what}`,
    failed: (what: string) => `Not made: ${what}`,
    remove: (what: string) => `Leave out ${what}`,
    make: "Make the report",
    initials: "Initials",
    useAs: (ms: string) => `Use ${ms} as`,
    initialsHint: "They stand beside the values that were measured by hand.",
    byHandTitle: "Values by hand",
  },
  keys: {
    title: "Keys",
    all: "Everywhere",
    viewer: "Trace and findings",
    single: "Single keys",
    singleHint: "Switched off, only Escape, Tab and Ctrl+P act. Keys never act in a field.",
    help: "This list",
    close: "Close",
    report: "Report as PDF",
    open: "Open a recording",
    layout: "Next layout",
    speed: "Next speed",
    gain: "Next gain",
    filter: "Next display filter",
    caliper: "Caliper",
    march: "March out",
    crop: "Crop",
    beats: "Representative beats over each other",
    rhythmLead: "Next rhythm lead",
    pan: "Move along the trace",
    zoom: "Larger, smaller",
    fit: "Fit",
    beat: "Previous, next beat",
    finding: "Next, previous finding",
    evidence: "To the evidence",
    export: "Export",
    tab: "Tab 1 to 9",
  },
  status: {
    title: "Server status",
    viewer: "ECG viewer",
    word: {
      ok: "Working",
      degraded: "Degraded",
      starting: "Starting",
      draining: "Draining",
      unreachable: "Not reachable",
      asked: "Asking the server",
    },
    uptime: (time: string) => `up for ${time}`,
    days: (count: string) => `${count} d`,
    hours: (count: string) => `${count} h`,
    minutes: (count: string) => `${count} min`,
    inFlight: (count: string, limit: string) => `${count} of at most ${limit} requests in flight`,
    short: "A key with the scope operator shows more.",
    changed: "What changed",
    unchanged: (time: string) => `Nothing since ${time}, when this page was opened`,
    changeStatus: (status: string) => `Status: ${status}`,
    changeRestart: (stage: string) => `A ${stage} process was replaced`,
    charts: "The last hour, sampled every 5 s while this page is open",
    throughput: "Throughput",
    throughputUnit: "requests/s",
    latency: "Time to the answer",
    queue: "Queue",
    queueUnit: "waiting",
    batch: "Batch size",
    batchUnit: "segments",
    median: "median",
    now: "now",
    notYet: "No recording yet",
    errors: "Errors by code",
    code: "Code",
    route: "Route",
    count: "Count",
    noErrors: "No error since the start",
    workers: "Processes",
    stage: "Stage",
    alive: "Alive",
    restarts: "Replaced",
    drift: "Drift of recordings and labels",
    driftHint: (limit: string, week: string, least: string) =>
      `Population stability index against the week ${week}. Above ${limit} a population has shifted (Siddiqi, Credit Risk Scorecards, 2006). Weeks of fewer than ${least} recordings are not compared. This browser counts while the page is open.`,
    week: "Week",
    reference: "reference",
    above: "above the limit",
    subjects: {
      labels: "Positive labels",
      quality: "Quality",
      amplitude: "Amplitude",
      samplingRate: "Sampling rate",
      seconds: "Length",
    },
    models: "Models",
    role: "Role",
    model: "Model",
    device: "Device",
    ready: "ready",
    notReady: "not ready",
    noModels: "No model is loaded",
    version: "Server",
    operator: "The numbers need a key with the scope operator.",
  },
  empty: {
    drop: "Drop a recording",
    choose: "Choose files",
    paste: "Paste",
    examples: "Examples, synthetic",
    sent: "Sent to this server to be analysed. Nothing is stored.",
  },
  paper: {
    tools: "Paper",
    layout: "Layout",
    groups: { limb: "Limb", chest: "Chest", rhythm: "Rhythm" },
    speed: "Paper speed",
    gain: "Gain",
    filterOff: "Filter: off",
    filterOn: (what: string) => `Filter: ${what}, display only`,
    band: "Pass band",
    off: "off",
    notch: "Mains notch",
    leads: "Leads",
    lead: "Lead",
    shown: "Shown",
    reversed: "Reversed",
    rhythmLead: "Rhythm strip",
    waves: "Waves of every beat",
    caliper: "Caliper",
    march: "March out",
    crop: "Crop",
    openCrop: (length: string) => `Open ${length} on their own`,
    calibrated: (px: string) => `Screen calibrated: 1 mm = ${px} px`,
    notToScale: "Not to scale",
    calibration: {
      title: "Calibrate the screen",
      how: "Hold a credit card to the screen and drag the edge until the box has its width.",
      width: "Width of the card on this screen",
      card: "Credit card, 85.60 × 53.98 mm",
      save: "Save",
      forget: "Forget",
    },
    timeBar: "Part of the recording",
    seconds: (seconds: string) => `${seconds} s`,
    zoom: (percent: string) => `zoom ${percent} %`,
    consecutive: "columns consecutive",
    derived: "* derived from two other leads",
    measuring: "Arrow keys move the paper, Enter places a caliper, Tab goes to its ends.",
    caliperEnds: ["Start of the interval", "End of the interval"] as [string, string],
    cropEnds: ["Start of the part", "End of the part"] as [string, string],
    beat: (at: string, waves: string) => `Beat ${at}: ${waves}`,
    beatTable: "Beats of the recording, intervals in ms",
    beatColumns: ["Beat", "R at s", "Kind", "RR", "PR", "QRS", "QT"],
    beatKinds: { normal: "normal", ectopic: "ectopic", paced: "paced", noisy: "noisy" },
    intervals: { RR: "RR", PR: "PR", P: "P", QRS: "QRS", QT: "QT" },
    qt: {
      title: "QT",
      byHand: "by hand",
      useTangent: "End of T by the tangent",
      noTangent: "No T wave found in this lead",
      formulas: {
        bazett: "Bazett",
        fridericia: "Fridericia",
        framingham: "Framingham",
        hodges: "Hodges",
      },
    },
  },
  panels: {
    rhythm: "Rhythm",
    rhythmByRules: "Rhythm by rules",
    rhythmPending: "Rhythm pending",
    notJudged: "Not judged",
    findings: "Findings",
    counts: (abnormal: number, technical: number) =>
      [abnormal > 0 ? `${abnormal} abnormal` : "", technical > 0 ? `${technical} technical` : ""]
        .filter(Boolean)
        .join(" · ") || "none abnormal",
    severity: {
      normal: "normal",
      abnormal: "abnormal",
      critical: "critical",
      technical: "technical",
    },
    claim: {
      rule: "rule",
      model: "model",
      both: "rule and model",
      ruleOnly: "rule only",
      modelOnly: "model only",
      measured: "measured",
    },
    measurements: "Measurements",
    value: "Value",
    plusMinus: "±",
    normalRange: "Normal",
    fewerValues: "Fewer values",
    moreValues: (count: number) => `${count} more values`,
    byHand: "by hand",
    outside: "outside the range",
    within: "within the range",
    rangeFrom: (range: string, source: string) => `Normal ${range}. ${source}`,
    probabilities: "Probabilities",
    threshold: "threshold",
    moreLabels: (count: number) => `${count} more labels`,
    fewerLabels: "Fewer labels",
    superclasses: "Superclasses",
    notAvailable: "not available",
    reading: "The model is reading",
    quality: "Quality",
    qualityChip: (word: string) => `Quality ${word.toLowerCase()}`,
    check: (leads: string) => `check ${leads}`,
    leadQuality: "Lead quality",
    notRecorded: "Not recorded",
    electrodeGood: "good",
    electrodeBad: "check",
    moreFaults: (count: number) => `and ${count} more`,
    beats: "Representative beat",
    beatsShort: "Beats",
    beatsScale: (gain: string) => `25 mm/s · ${gain} mm/mV`,
    overlay: "Lay over each other",
    sideBySide: "Side by side",
    matrix: "Matrix",
    lead: "Lead",
    derivedLead: "computed from other leads",
    saliency: "Saliency",
    saliencyNote: "shows attention, not cause",
    seconds: (from: string, to: string) => `${from} to ${to} s`,
    axis: "Frontal axis",
    pacemaker: "Pacemaker",
    pacemakerPresent: "Pacemaker present",
    pacemakerAbsent: "No pacemaker",
    probability: "Probability",
    spikes: "Spikes",
    spikesUnseen: "not visible in this recording",
    chamber: "Paced chamber",
    chambers: { atrial: "atrial", ventricular: "ventricular", dual: "atrial and ventricular" },
    byForm: "By the form of the beats",
    byLabel: "By the model's label",
    machine: "Reported by the machine",
    machineValue: "Machine",
    ours: "Server",
    difference: "Difference",
    beyondOurs: "beyond the uncertainty of the server's value",
    machineStatements: "Statements of the machine",
    warnings: (count: number) =>
      count === 1 ? "1 note of the server" : `${count} notes of the server`,
    models: {
      labels: "Labels",
      superclass: "Superclasses",
      pacemaker: "Pacemaker",
    },
    modelFoot: (model: string) => `Model ${model}`,
    rulesFoot: (version: string) => `rules and measurement ${version}`,
    compare: "Comparison",
    before: "before",
    after: "after",
    newFindings: "New",
    goneFindings: "Gone",
    sameFindings: "Unchanged",
    none: "none",
    beyondUncertainty: "beyond the uncertainty of both",
    changed: "Change",
    range: {
      upTo: (high: string) => `up to ${high}`,
      from: (low: string) => `from ${low}`,
      between: (low: string, high: string) => `${low} to ${high}`,
    },
  },
  clinical: {
    rhythms: {
      "Sinus rhythm": "Sinus rhythm",
      "Sinus bradycardia": "Sinus bradycardia",
      "Sinus tachycardia": "Sinus tachycardia",
      "Atrial fibrillation": "Atrial fibrillation",
      "Atrial flutter": "Atrial flutter",
      "Supraventricular tachycardia with aberrancy": "Supraventricular tachycardia with aberrancy",
      "Supraventricular tachycardia": "Supraventricular tachycardia",
      "Narrow-complex tachycardia": "Narrow-complex tachycardia",
      "Wide-complex tachycardia": "Wide-complex tachycardia",
      "Ventricular tachycardia": "Ventricular tachycardia",
      "3rd degree atrioventricular block": "3rd-degree AV block",
      "Junctional escape rhythm": "Junctional escape rhythm",
      "Ventricular escape rhythm": "Ventricular escape rhythm",
      "Electronic pacemaker": "Paced rhythm",
      Undetermined: "Undetermined",
    },
    /** What follows a rhythm whose ventricular rate is slow or rapid. */
    rates: {
      slowResponse: (rhythm: string) => `${rhythm} with slow ventricular response`,
      rapidResponse: (rhythm: string) => `${rhythm} with rapid ventricular response`,
      slow: (rhythm: string) => `${rhythm}, bradycardia`,
      rapid: (rhythm: string) => `${rhythm}, tachycardia`,
    },
    rhythmEvidence: {
      beats: (count: string) => `${count} beats`,
      rr: (mean: string, sd: string) => `RR ${mean} ms (SD ${sd} ms)`,
    },
    findings: {
      asystole: {
        statement: (f) => `Asystole: pause of ${pauseOf(f)}`,
        evidence: (f) => `no beat from ${f.n("from_s", 1)} to ${f.n("to_s", 1)} s`,
      },
      pause: {
        statement: (f) => `Pause of ${pauseOf(f)}`,
        evidence: (f) => `no beat from ${f.n("from_s", 1)} to ${f.n("to_s", 1)} s`,
      },
      run_of_ectopic_beats: {
        statement: (f) =>
          `Run of ${f.n("beats")} ectopic beats, ${f.n("rate_bpm")}/min, as in ventricular tachycardia`,
        evidence: (f) => `${f.n("from_s", 1)} to ${f.n("to_s", 1)} s; runs: ${f.n("runs")}`,
      },
      flutter_conduction: {
        statement: (f) =>
          f.has("waves_for_each_beat")
            ? `${f.n("waves_for_each_beat")}:1 conduction of the flutter waves`
            : "Variable conduction of the flutter waves",
        evidence: (f) => `waves ${f.n("flutter_per_min")}/min, beats ${f.n("heart_rate_bpm")}/min`,
      },
      atrioventricular_dissociation: {
        statement: () => "Atrioventricular dissociation",
        evidence: pWaves,
      },
      "2nd_degree_atrioventricular_block_type_1": {
        statement: () => "2nd-degree AV block, type I (Wenckebach)",
        evidence: pWaves,
      },
      "2nd_degree_atrioventricular_block_type_2": {
        statement: () => "2nd-degree AV block, type II (Mobitz)",
        evidence: pWaves,
      },
      "2nd_degree_atrioventricular_block_2_to_1": {
        statement: () => "2nd-degree AV block, 2:1",
        evidence: pWaves,
      },
      "2nd_degree_atrioventricular_block_advanced": {
        statement: (f) => `2nd-degree AV block, advanced (${ratioOf(f)}:1)`,
        evidence: pWaves,
      },
      "1st_degree_atrioventricular_block": {
        statement: () => "1st-degree AV block",
        evidence: (f) =>
          f.has("uncertainty_ms")
            ? `PR ${f.n("pr_ms")} ms ± ${f.n("uncertainty_ms")}`
            : `PR ${f.n("pr_ms")} ms`,
      },
      bigeminy: { statement: () => "Bigeminy", evidence: ectopicBeats },
      trigeminy: { statement: () => "Trigeminy", evidence: ectopicBeats },
      frequent_ectopic_beats: { statement: () => "Frequent ectopic beats", evidence: ectopicBeats },
      sinus_arrhythmia: {
        statement: () => "Sinus arrhythmia",
        evidence: (f) => `RMSSD over mean RR ${f.n("rmssd_over_mean_rr", 2)}`,
      },
      st_elevation: { statement: () => "ST elevation", evidence: deviation },
      st_depression: { statement: () => "ST depression", evidence: deviation },
      st_elevation_with_hypertrophy_voltage: {
        statement: () => "ST elevation with the voltage of left ventricular hypertrophy",
        evidence: deviation,
      },
      st_depression_with_hypertrophy_voltage: {
        statement: () => "ST depression with the voltage of left ventricular hypertrophy",
        evidence: deviation,
      },
      early_repolarisation_ascending_st: {
        statement: () => "Early repolarisation with ascending ST segment",
        evidence: notch,
      },
      early_repolarisation_horizontal_or_descending_st: {
        statement: () => "Early repolarisation with horizontal or descending ST segment",
        evidence: notch,
      },
      pathological_q: {
        statement: () => "Pathological Q waves",
        evidence: (f) =>
          `${f.leads}: up to ${f.n("longest_q_ms")} ms, ${f.n("deepest_q_mv", 2)} mV`,
      },
      left_ventricular_hypertrophy_voltage: {
        statement: () => "Left ventricular hypertrophy by voltage",
        evidence: (f) =>
          [
            f.has("sokolow_lyon_mv") &&
              `Sokolow-Lyon ${f.n("sokolow_lyon_mv", 2)} mV (limit ${f.n("sokolow_lyon_limit_mv", 1)})`,
            f.has("cornell_mv") &&
              `Cornell ${f.n("cornell_mv", 2)} mV (limit ${f.n("cornell_limit_mv", 1)})`,
          ]
            .filter(Boolean)
            .join(", "),
      },
      low_voltage: {
        statement: (f) => {
          const limb = f.has("largest_limb_qrs_mv");
          if (limb && f.has("largest_chest_qrs_mv"))
            return "Low QRS voltage in limb and chest leads";
          return `Low QRS voltage in the ${limb ? "limb" : "chest"} leads`;
        },
        evidence: (f) =>
          [
            f.has("largest_limb_qrs_mv") && `limb up to ${f.n("largest_limb_qrs_mv", 2)} mV`,
            f.has("largest_chest_qrs_mv") && `chest up to ${f.n("largest_chest_qrs_mv", 2)} mV`,
          ]
            .filter(Boolean)
            .join(", "),
      },
      poor_r_progression: { statement: () => "Poor R-wave progression", evidence: rHeights },
      reversed_r_progression: {
        statement: () => "Reversed R-wave progression",
        evidence: rHeights,
      },
    } satisfies Record<string, Statement>,
    /** What is outside its reference range and no other finding says. */
    outside: {
      pr_ms: { low: "PR interval short", high: "PR interval long" },
      p_duration_ms: { low: "P wave short", high: "P wave long" },
      qrs_ms: { low: "QRS short", high: "QRS wide" },
      qtc_ms: { low: "QTc short", high: "QTc prolonged" },
      qrs_axis_deg: {
        Left: "Left axis deviation",
        Right: "Right axis deviation",
        Extreme: "Extreme axis",
      },
      byNotBy: (statement: string, by: string, notBy: string) =>
        `${statement} by ${by}, not by ${notBy}`,
      normalRange: (range: string) => `normal ${range}`,
      wideQrs: (ms: string) => `wide QRS lengthens QT: read with QRS ${ms} ms`,
    },
    ectopicAt: (count: string, beats: string, times: string) =>
      times === "" ? `${count} of ${beats} beats` : `${count} of ${beats} beats, at ${times} s`,
    labels: {
      "Sinus rhythm": "Sinus rhythm",
      "Normal rhythm": "Normal rhythm",
      "Other rhythm": "Other rhythm",
      "Poor data quality": "Poor data quality",
      "Premature ventricular contraction": "Premature ventricular contractions",
      "Premature atrial complex": "Premature atrial complexes",
      Tachycardia: "Tachycardia",
      Bradycardia: "Bradycardia",
      "Ventricular tachycardia": "Ventricular tachycardia",
      "Supraventricular tachycardia with aberrancy": "SVT with aberrancy",
      "Atrial fibrillation": "Atrial fibrillation",
      "Atrial flutter": "Atrial flutter",
      "Accessory pathway conduction": "Accessory pathway conduction",
      "Atrioventricular block": "AV block",
      "1st degree atrioventricular block": "1st-degree AV block",
      "Bifascicular block": "Bifascicular block",
      "Right bundle branch block": "Right bundle branch block",
      "Left bundle branch block": "Left bundle branch block",
      "Complete right bundle branch block": "Complete right bundle branch block",
      "Incomplete right bundle branch block": "Incomplete right bundle branch block",
      "Complete left bundle branch block": "Complete left bundle branch block",
      "Incomplete left bundle branch block": "Incomplete left bundle branch block",
      "Left anterior fascicular block": "Left anterior fascicular block",
      "Left posterior fascicular block": "Left posterior fascicular block",
      "Intraventricular conduction disturbance": "Intraventricular conduction disturbance",
      "Wolff-Parkinson-White pattern": "Wolff-Parkinson-White pattern",
      "Left ventricular hypertrophy": "Left ventricular hypertrophy",
      "Right ventricular hypertrophy": "Right ventricular hypertrophy",
      "Left atrial enlargement": "Left atrial enlargement",
      Infarction: "Infarction",
      "Anterior infarction": "Anterior infarction",
      "Inferior infarction": "Inferior infarction",
      Ischaemia: "Ischaemia",
      "Electronic pacemaker": "Electronic pacemaker",
    },
    /** Where the full name is too long for a bar. */
    shortLabels: {
      "Complete right bundle branch block": "Complete RBBB",
      "Incomplete right bundle branch block": "Incomplete RBBB",
      "Complete left bundle branch block": "Complete LBBB",
      "Incomplete left bundle branch block": "Incomplete LBBB",
      "Left anterior fascicular block": "Left anterior fasc. block",
      "Left posterior fascicular block": "Left posterior fasc. block",
      "Intraventricular conduction disturbance": "Intraventr. conduction dist.",
      "Premature ventricular contraction": "PVC",
      "Premature atrial complex": "PAC",
      "Left ventricular hypertrophy": "LV hypertrophy",
      "Right ventricular hypertrophy": "RV hypertrophy",
      "Supraventricular tachycardia with aberrancy": "SVT with aberrancy",
      "Accessory pathway conduction": "Accessory pathway",
      "Wolff-Parkinson-White pattern": "WPW pattern",
    },
    quality: {
      words: {
        Excellent: "Excellent",
        Good: "Good",
        Acceptable: "Acceptable",
        Poor: "Poor",
        Unreadable: "Unreadable",
      },
      faults: {
        flat_line: "flat line",
        lead_off: "no heartbeat",
        saturated: "saturated",
        mostly_missing: "mostly missing",
        gaps: "gaps",
        missing_lead: "not recorded",
        limb_lead_contradiction: "contradicts the other limb leads",
        baseline_wander: "baseline wanders",
        mains_hum: "mains hum",
        muscle_noise: "muscle noise",
        step: "baseline jumps",
        spikes: "spikes between beats",
        qrs_not_visible: "no QRS complex visible",
        r_peak_disagreement: "beats at other times than the other leads",
        calibration_pulse: "Calibration pulse in the recording",
        limb_electrode_reversal: "Limb electrodes may be interchanged",
        chest_electrode_reversal: "Chest electrodes may be interchanged",
      },
      /** Each with its value, or none: " 1.26 mV". */
      wandersAndJumps: (wander: string, jump: string) =>
        `baseline wanders${wander} and jumps${jump}`,
      /** "right arm and left arm electrodes". */
      electrodes: (names: readonly string[]) => {
        const limbs: Record<string, string> = {
          RA: "right arm",
          LA: "left arm",
          LL: "left leg",
          RL: "right leg",
        };
        const list = names.map((name) => limbs[name] ?? name);
        return `${listed(list, "and")} ${list.length === 1 ? "electrode" : "electrodes"}`;
      },
      advice: {
        flat_line: (electrodes: string) => `Reattach the ${electrodes}, check the cable`,
        lead_off: (electrodes: string) => `Reattach the ${electrodes}`,
        saturated: (electrodes: string) =>
          `Clean the skin, replace the ${electrodes}, wait until the trace has settled`,
        mostly_missing: (electrodes: string) => `Check the cable and the ${electrodes}`,
        gaps: (electrodes: string) => `Check the cable and the ${electrodes}`,
        missing_lead: (electrodes: string) => `Attach the ${electrodes} for a full recording`,
        limb_lead_contradiction: () => "Check the places of the limb electrodes, names and gains",
        baseline_wander: (electrodes: string) =>
          `Clean the skin under the ${electrodes}, calm breathing`,
        step: (electrodes: string) => `Secure the ${electrodes} and the cable`,
        mains_hum: (electrodes: string) =>
          `Unplug devices nearby, clean the skin under the ${electrodes}`,
        muscle_noise: () => "Keep the patient warm and relaxed, electrodes away from muscles",
        spikes: (electrodes: string) => `Check the plug and the ${electrodes}`,
        qrs_not_visible: (electrodes: string) => `Press on or replace the ${electrodes}`,
        r_peak_disagreement: (electrodes: string) => `Press on or replace the ${electrodes}`,
        calibration_pulse: () => "It is not judged and counts as no beat",
        limb_electrode_reversal: (electrodes: string) =>
          `Check the ${electrodes} against their labels and record again`,
        chest_electrode_reversal: (electrodes: string) =>
          `Check the ${electrodes} against their labels and record again`,
      },
    },
    axes: {
      Normal: "Normal axis",
      Left: "Left axis deviation",
      Right: "Right axis deviation",
      Extreme: "Extreme axis",
    },
    superclasses: {
      NORM: "Normal ECG",
      MI: "Myocardial infarction",
      STTC: "ST/T change",
      CD: "Conduction disturbance",
      HYP: "Hypertrophy",
    },
    measurements: {
      heart_rate_bpm: "Heart rate",
      rr_ms: "RR",
      pr_ms: "PR",
      p_duration_ms: "P",
      qrs_ms: "QRS",
      qt_ms: "QT",
      qtc_bazett_ms: "QTc Bazett",
      qtc_fridericia_ms: "QTc Fridericia",
      qtc_framingham_ms: "QTc Framingham",
      qtc_hodges_ms: "QTc Hodges",
      p_axis_deg: "P axis",
      qrs_axis_deg: "QRS axis",
      t_axis_deg: "T axis",
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
  const atLeast = f.value("beats_at_its_ends") < 2 ? "at least " : "";
  return `${atLeast}${f.n("pause_s", 1)} s`;
}

function pWaves(f: Facts): string {
  return `${f.n("p_waves")} P waves at ${f.n("p_waves_per_min")}/min, ventricles ${f.n("ventricular_per_min")}/min`;
}

function ratioOf(f: Facts): string {
  return String(Math.round(f.value("p_waves_per_min") / f.value("ventricular_per_min")));
}

function ectopicBeats(f: Facts): string {
  return `${f.n("ectopic_beats")} of ${f.n("beats")} beats`;
}

function deviation(f: Facts): string {
  const v2v3 = f.has("limit_v2_v3_mv") ? `; V2, V3 ${f.n("limit_v2_v3_mv", 2)}` : "";
  return `${f.leads}: J up to ${f.n("largest_j_mv", 2)} mV (limit ${f.n("limit_mv", 2)}${v2v3})`;
}

function notch(f: Facts): string {
  return `${f.leads}: notch up to ${f.n("highest_notch_mv", 2)} mV`;
}

function rHeights(f: Facts): string {
  const heights = ["v1", "v2", "v3", "v4"].map((lead) => f.n(`r_${lead}_mv`, 2));
  return `R in V1 to V4: ${heights.join(", ")} mV`;
}

export type Words = typeof en;
