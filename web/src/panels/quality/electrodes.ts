/** The electrodes of a recording of twelve leads. The server says which a fault is of. */
import type { QualityFinding } from "../../api/answer";

/** With the neutral one on the right leg, which no lead shows. */
export const ELECTRODES = ["RA", "LA", "RL", "LL", "V1", "V2", "V3", "V4", "V5", "V6"] as const;
export type Electrode = (typeof ELECTRODES)[number];

/** The electrodes of several faults, each once, in their usual order. */
export function electrodesOf(findings: readonly QualityFinding[]): readonly Electrode[] {
  const used = new Set<Electrode>(findings.flatMap((finding) => finding.electrodes));
  return ELECTRODES.filter((electrode) => used.has(electrode));
}
