/** Faults of the recording as rows: leads with the same faults together, with what helps. */
import type { Finding, Quality, QualityFinding } from "../../api/answer";
import { number, words } from "../../i18n";
import type { PoorLead } from "../../paper/props";
import { worded } from "../findings/facts";
import type { FindingRow } from "../findings/findingRows";
import { type Electrode, electrodesOf } from "./electrodes";

/** A lead that was not sent is a choice of the recorder, shown at the electrodes only. */
const NOT_ROWS: readonly string[] = ["missing_lead"];
/** Code -> decimals and unit of its value. */
const UNITS: Readonly<Record<string, readonly [number, string]>> = {
  flat_line: [1, "s"],
  saturated: [2, "s"],
  gaps: [1, "s"],
  calibration_pulse: [1, "s"],
  baseline_wander: [2, "mV"],
  step: [2, "mV"],
  mains_hum: [2, "mV"],
  muscle_noise: [2, "mV"],
  limb_electrode_reversal: [2, ""],
  chest_electrode_reversal: [2, ""],
};

export interface Fault {
  readonly leads: readonly string[];
  readonly electrodes: readonly Electrode[];
  readonly findings: readonly QualityFinding[];
}

/** Leads that show the same faults, in the order of the answer; then those of the recording. */
export function faultsOf(quality: Quality): readonly Fault[] {
  const groups = new Map<string, QualityFinding[]>();
  for (const { findings } of Object.values(quality.leads)) {
    if (findings.length === 0) continue;
    const key = findings.map((finding) => finding.code).join();
    groups.set(key, [...(groups.get(key) ?? []), ...findings]);
  }
  const whole = quality.findings.filter(
    (finding) => finding.lead === null && !NOT_ROWS.includes(finding.code),
  );
  return [...groups.values(), ...whole.map((finding) => [finding])].map((findings) => ({
    leads: [...new Set(findings.flatMap((finding) => finding.lead ?? []))],
    electrodes: electrodesOf(findings),
    findings: findings.filter((finding) => finding.lead === findings[0]?.lead),
  }));
}

export function qualityRows(quality: Quality | null): readonly FindingRow[] {
  if (quality === null) return [];
  return faultsOf(quality).map((fault) => {
    const [first, second] = fault.findings;
    // A single fault has its value at the right of the row; of several each has its own in the text.
    const isOne = second === undefined;
    const advice = adviceOf(fault);
    const finding: Finding = {
      code: first?.code ?? "",
      statement: isOne ? faultText(fault) : valuedText(fault),
      severity: "technical",
      evidence: { leads: [...fault.leads] },
      source: "",
    };
    return {
      key: `quality:${fault.leads.join()}:${finding.code}`,
      level: 0 as const,
      severity: "technical" as const,
      statement: finding.statement,
      value: isOne && first !== undefined ? faultValue(fault, first) : "",
      detail: advice.text,
      detailLang: advice.lang,
      caption: finding.statement,
      finding,
    };
  });
}

/** "V4: baseline wanders and jumps". */
export function faultText(fault: Fault): string {
  return ofLeads(
    fault,
    wordedFaults(fault, () => ""),
  );
}

/** "V4: baseline wanders 1.26 mV and jumps 0.60 mV": each value beside its own fault. */
function valuedText(fault: Fault): string {
  return ofLeads(fault, wordedFaults(fault, faultValue));
}

function ofLeads(fault: Fault, faults: readonly string[]): string {
  const leads = fault.leads.join(", ");
  return leads === "" ? faults.join(", ") : `${leads}: ${faults.join(", ")}`;
}

interface Advice {
  readonly text: string;
  /** English where it is the server's. */
  readonly lang: "en" | undefined;
}

/** What helps against the first fault; the server's sentence where the table lacks its code. */
export function adviceOf(fault: Fault): Advice {
  const [first] = fault.findings;
  if (first === undefined) return { text: "", lang: undefined };
  const { advice, electrodes } = words.value.clinical.quality;
  const say = Object.hasOwn(advice, first.code)
    ? advice[first.code as keyof typeof advice]
    : undefined;
  if (say === undefined) return { text: first.advice, lang: "en" };
  return { text: say(electrodes(fault.electrodes)), lang: undefined };
}

/** The leads with faults, and the reasons in words: "baseline wanders 1.26 mV". */
export function poorLeads(quality: Quality): readonly PoorLead[] {
  return Object.entries(quality.leads)
    .filter(([, { findings }]) => findings.length > 0)
    .map(([lead, { findings }]) => {
      const fault = { leads: [lead], electrodes: electrodesOf(findings), findings };
      return { lead, reason: wordedFaults(fault, faultValue).join(", ") };
    });
}

/** Empty for several leads, each of which has another value. */
function faultValue({ leads }: Fault, finding: QualityFinding): string {
  const unit = UNITS[finding.code];
  if (leads.length > 1 || unit === undefined || finding.value === null) return "";
  const [digits, name] = unit;
  return name === "" ? number(finding.value, digits) : `${number(finding.value, digits)} ${name}`;
}

/** @param textOf what stands beside a fault's words, or nothing */
function wordedFaults(
  fault: Fault,
  textOf: (fault: Fault, finding: QualityFinding) => string,
): readonly string[] {
  const { faults, wandersAndJumps } = words.value.clinical.quality;
  const beside = (finding: QualityFinding) => {
    const value = textOf(fault, finding);
    return value === "" ? "" : ` ${value}`;
  };
  const wander = fault.findings.find(({ code }) => code === "baseline_wander");
  const step = fault.findings.find(({ code }) => code === "step");
  const isBoth = wander !== undefined && step !== undefined;
  return fault.findings
    .filter((finding) => !(isBoth && finding === step))
    .map((finding) =>
      isBoth && finding === wander
        ? wandersAndJumps(beside(wander), beside(step))
        : worded(faults, finding.code) + beside(finding),
    );
}
