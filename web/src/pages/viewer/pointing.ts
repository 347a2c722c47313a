/** Which finding lights up on the trace, and what turns it on and off. */
import type { Finding } from "../../api/answer";
import { isSameFinding } from "../../panels/findings/facts";
import { findingRows } from "../../panels/findings/findingRows";
import { activeTab, chosen, hovered, pointed } from "./state";

export function hover(finding: Finding): void {
  hovered.value = finding;
}

/** Another finding may have been reached before this one is left. */
export function leave(finding: Finding): void {
  if (isSameFinding(finding, hovered.value)) hovered.value = null;
}

/** Keep a finding lit; the one that is lit goes out. */
export function choose(finding: Finding): void {
  chosen.value = isSameFinding(finding, chosen.value) ? null : finding;
  hovered.value = null;
}

/** Choose the next finding of the list; the first one, or the last, where none is chosen. */
export function chooseNext(step: 1 | -1): boolean {
  const answer = activeTab.value?.answer;
  const rows = answer?.state === "ready" ? (findingRows(answer.value) ?? []) : [];
  if (rows.length === 0) return false;
  const at = rows.findIndex((row) => isSameFinding(row.finding, chosen.value));
  const next = at < 0 && step < 0 ? rows.length - 1 : at + step;
  chosen.value = rows[(next + rows.length) % rows.length]?.finding ?? null;
  hovered.value = null;
  return true;
}

/** Return whether a finding was lit. */
export function turnOff(): boolean {
  const wasLit = pointed.value !== null;
  chosen.value = null;
  hovered.value = null;
  return wasLit;
}
