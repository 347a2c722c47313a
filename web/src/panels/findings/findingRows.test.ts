// @vitest-environment happy-dom
import { afterEach, expect, test } from "vitest";
import { language } from "../../i18n";
import {
  exampleAnswer,
  exampleBeat,
  exampleFinding,
  exampleLabel,
  withLabels,
} from "../exampleAnswer";
import { countsOf, findingRows } from "./findingRows";

const V4_FAULT = { lead: "V4", limit: 0.5, advice: "", electrodes: ["V4"] as const };

afterEach(() => {
  language.value = "en";
});

test("the rhythm is first, with what it rests on", () => {
  const [rhythm] = findingRows(exampleAnswer()) ?? [];
  expect(rhythm).toMatchObject({
    statement: "Sinus rhythm",
    value: "0.98",
    detail: "model: 12 beats, RR 811 ms (SD 9 ms)",
  });
});

test("a label that details another is indented beneath it", () => {
  const rows = findingRows(
    withLabels([exampleLabel("Anterior infarction", 0.9), exampleLabel("Infarction", 0.8)]),
  );
  expect(rows?.map((row) => [row.statement, row.level])).toEqual([
    ["Sinus rhythm", 0],
    ["Infarction", 0],
    ["Anterior infarction", 1],
  ]);
});

test("a rule and a label that say the same are one row, which both claim", () => {
  const rule = exampleFinding("1st_degree_atrioventricular_block", "abnormal", { pr_ms: 232 });
  const rows = findingRows(
    withLabels([exampleLabel("1st degree atrioventricular block", 0.7)], [rule]),
  );
  expect(rows).toHaveLength(2);
  expect(rows?.[1]).toMatchObject({
    statement: "1st-degree AV block",
    value: "0.70",
    detail: "rule and model: PR 232 ms",
    caption: "PR 146 ms",
    finding: rule,
  });
});

test("a label that the server does not believe is no finding", () => {
  const answer = withLabels([exampleLabel("Atrial fibrillation", 0.6)]);
  const analysis = { ...answer.clinical_analysis, abnormalities: [] };
  expect(findingRows({ ...answer, clinical_analysis: analysis })).toHaveLength(1);
});

test("ectopic beats that were seen support the label, with their times", () => {
  const answer = {
    ...withLabels([exampleLabel("Premature ventricular contraction", 0.6)]),
    fiducials: [exampleBeat(0.5), exampleBeat(1.2, "ectopic"), exampleBeat(2)],
  };
  expect(findingRows(answer)?.[1]?.detail).toBe("rule and model: 1 of 12 beats, at 1.20 s");
});

test("critical findings come before abnormal ones, technical ones last", () => {
  const answer = {
    ...withLabels(
      [exampleLabel("Ischaemia", 0.9)],
      [
        exampleFinding("sinus_arrhythmia", "normal", { rmssd_over_mean_rr: 0.12 }),
        exampleFinding("st_elevation", "critical", { leads: ["II", "III"], largest_j_mv: 0.24 }),
      ],
    ),
    quality: {
      signal_quality: "Good" as const,
      readable: true,
      probability_readable: 0.9,
      findings: [],
      recommendation: "",
      leads: {
        V4: {
          word: "Acceptable" as const,
          findings: [
            { ...V4_FAULT, code: "baseline_wander", value: 1.26 },
            { ...V4_FAULT, code: "step", value: 0.6 },
          ],
        },
      },
    },
  };
  const rows = findingRows(answer) ?? [];
  expect(rows.map((row) => row.statement)).toEqual([
    "Sinus rhythm",
    "ST elevation",
    "Ischaemia",
    "Sinus arrhythmia",
    "V4: baseline wanders 1.26 mV and jumps 0.60 mV",
  ]);
  expect(countsOf(rows)).toEqual({ abnormal: 2, technical: 1 });
});

test("numbers are said anew in German", () => {
  language.value = "de";
  const rule = exampleFinding("st_elevation", "critical", {
    leads: ["-aVR", "II"],
    largest_j_mv: 0.241,
    limit_mv: 0.1,
  });
  expect(findingRows(withLabels([], [rule]))?.[1]).toMatchObject({
    statement: "ST-Hebung",
    value: "0,24 mV",
    detail: "Regel: −aVR, II: J bis 0,24 mV (Grenze 0,10)",
  });
});

test("a code that no table knows is shown as the server says it", () => {
  const rule = { ...exampleFinding("new_code", "abnormal"), statement: "Something new" };
  expect(findingRows(withLabels([], [rule]))?.[1]?.statement).toBe("Something new");
});

test("a recording that is not judged has no rows", () => {
  expect(findingRows(exampleAnswer({ findings: null }))).toBeNull();
});

test("a rhythm with a fast ventricular rate says so", () => {
  const answer = exampleAnswer();
  const rhythm = { ...exampleFinding("atrial_fibrillation", "abnormal") };
  const fast = {
    ...answer,
    findings: [{ ...rhythm, statement: "Atrial fibrillation with rapid ventricular response" }],
    clinical_analysis: {
      ...answer.clinical_analysis,
      rhythm: "Atrial fibrillation",
      heart_rate: 128,
    },
  };
  language.value = "de";
  expect(findingRows(fast)?.[0]?.statement).toBe("Vorhofflimmern mit schneller Überleitung");
});
