/** A made answer of /analyze for tests: a sinus rhythm at 74 per minute, with what a test changes. */
import type { Analysis, Beat, Finding, Label } from "../api/answer";

const MEASUREMENTS: NonNullable<Analysis["measurements"]> = {
  method: "delineator",
  heart_rate_bpm: 74,
  rr_ms: 811,
  pr_ms: 146,
  p_duration_ms: 96,
  qrs_ms: 92,
  qt_ms: 390,
  qtc_bazett_ms: 433,
  qtc_fridericia_ms: 418,
  qtc_framingham_ms: 418,
  qtc_hodges_ms: 414,
  p_axis_deg: 52,
  qrs_axis_deg: 30,
  t_axis_deg: 41,
  sdnn_ms: 9,
  rmssd_ms: 8,
  uncertainty_ms: { pr_ms: 7, qrs_ms: 10 },
  beats: 12,
  ectopic_beats: 0,
  flags: [],
  reference_ranges: {
    qrs_ms: { low: null, high: 110, source: "a book" },
    pr_ms: { low: 120, high: 200, source: "a book" },
  },
};

export type Clinical = NonNullable<Analysis["clinical_analysis"]>;
export type Example = Analysis & { readonly clinical_analysis: Clinical };

export function exampleAnswer(changes: Partial<Example> = {}): Example {
  const { heart_rate_bpm, qrs_ms, qt_ms, pr_ms, qrs_axis_deg } = MEASUREMENTS;
  return {
    id: null,
    request_id: "0",
    version: "0.1.0",
    processing_time: 0.04,
    segments: 1,
    warnings: [],
    model: {
      encoder: null,
      labels: "embedded@1",
      superclass: null,
      pacemaker: null,
      dtype: null,
      device: null,
    },
    clinical_analysis: {
      rhythm: "Sinus rhythm",
      rhythm_source: "labels",
      heart_rate: heart_rate_bpm,
      qrs_duration: qrs_ms,
      qt_interval: qt_ms,
      pr_interval: pr_ms,
      axis_deviation: "Normal",
      abnormalities: [],
      confidence: 0.98,
      physiological_parameters: {
        heart_rate: heart_rate_bpm,
        qrs_duration: qrs_ms,
        qt_interval: qt_ms,
        pr_interval: pr_ms,
        qrs_axis: qrs_axis_deg,
      },
    },
    findings: [
      {
        ...exampleFinding("sinus_rhythm", "normal", { heart_rate_bpm: 74 }),
        statement: "Sinus rhythm",
      },
    ],
    labels: [exampleLabel("Sinus rhythm", 0.98)],
    measurements: MEASUREMENTS,
    ...changes,
  };
}

/** The same with these labels believed, beside those of the rules. */
export function withLabels(labels: readonly Label[], rules: readonly Finding[] = []): Example {
  const answer = exampleAnswer();
  const abnormalities = labels.filter((label) => label.positive).map((label) => label.name);
  return {
    ...answer,
    labels: [...(answer.labels ?? []), ...labels],
    findings: [...(answer.findings ?? []), ...rules],
    clinical_analysis: { ...answer.clinical_analysis, abnormalities },
  };
}

export function exampleLabel(name: string, probability: number, threshold = 0.5): Label {
  const positive = probability >= threshold;
  return { name, probability, probability_prior_corrected: null, threshold, positive };
}

export function exampleFinding(
  code: string,
  severity: Finding["severity"],
  evidence: Finding["evidence"] = {},
): Finding {
  return { code, statement: code, severity, evidence, source: "a book" };
}

/** A beat whose R peak is at this second. */
export function exampleBeat(r: number, kind: Beat["class"] = "normal"): Beat {
  return {
    r,
    p_onset: r - 0.2,
    p_offset: r - 0.1,
    qrs_onset: r - 0.05,
    qrs_offset: r + 0.05,
    t_offset: r + 0.35,
    class: kind,
  };
}
